# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_backup when Proxmox fails: every guest its own result and cause, and what succeeded stays told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab import Lab, build_world, grant_minimal, lab


@pytest.mark.core_matrix
def test_a_backup_that_warned_is_a_backup(cluster: Lab) -> None:
    cluster.sim.faults.guest_warns(101, "Interface 'veth101i0' not attached to any bridge.")
    result = cluster.backup(vmids=[101, 102])
    rows = cluster.rows(result)
    assert not result.get("failed")
    assert result["tasks"][0]["exitstatus"] == "WARNINGS: 1"
    assert rows[101]["result"] == rows[102]["result"] == "backed_up"
    assert rows[101]["warnings"] == ["Interface 'veth101i0' not attached to any bridge."]
    assert rows[102]["warnings"] == []


def test_warnings_can_be_made_errors_and_the_backup_is_kept(cluster: Lab) -> None:
    cluster.sim.faults.guest_warns(101, "odd thing")
    result = cluster.backup(vmids=[101, 102], warnings_as_errors=True)
    assert result["failed"] is True
    rows = cluster.rows(result)
    assert (rows[101]["result"], rows[101]["reason"]) == ("failed", "it warned: odd thing")
    assert rows[101]["volid"] in {backup["volid"] for backup in cluster.info(vmids=[101])["backups"]}
    assert rows[102]["result"] == "backed_up"


def test_one_of_several_fails_and_is_named_with_its_cause(cluster: Lab) -> None:
    cluster.sim.faults.guest_fails(102, "command 'tar cpf - ./srv' failed: exit code 2")
    result = cluster.backup(vmids=[101, 102, 103, 104])
    rows = cluster.rows(result)
    assert result["failed"] is True
    assert result["changed"] is True
    assert result["msg"].startswith(
        "1 of 4 guests without the backup asked for. 102 (web2): failed, exit code 2. Of the others: 3 backed up ("
    )
    assert [rows[vmid]["result"] for vmid in (101, 102, 103, 104)] == ["backed_up", "failed", "backed_up", "backed_up"]
    assert rows[102]["volid"] is None
    assert {task["exitstatus"] for task in result["tasks"]} == {"job errors", "OK"}


def test_a_dead_worker_is_not_a_backup(cluster: Lab) -> None:
    cluster.sim.faults.worker_dies(102)
    result = cluster.backup(vmids=[101, 102, 103])
    rows = cluster.rows(result)
    assert result["tasks"][0]["exitstatus"] == "unexpected status"
    assert rows[101]["result"] == "backed_up"
    assert rows[102]["result"] == "failed"
    assert "killed or its node restarted" in rows[102]["reason"]
    assert rows[103]["result"] == "not_started"
    assert rows[103]["reason"] == "the task's worker ended before its turn (unexpected status)"


def test_a_full_storage_is_told_by_its_cause(cluster: Lab) -> None:
    cluster.sim.faults.storage_full("vault")
    result = cluster.backup(vmids=[101], storage="vault")
    assert result["failed"] is True
    assert "No space left on device" in result["msg"]


def test_a_claim_without_an_archive_is_not_believed(cluster: Lab) -> None:
    cluster.sim.faults.archive_vanishes(101)
    result = cluster.backup(vmids=[101, 102], storage="vault")
    rows = cluster.rows(result)
    assert rows[101]["result"] == "failed"
    assert rows[101]["reason"].startswith(
        "Proxmox says it is finished, but storage vault does not list vault:backup/vzdump-lxc-101-"
    )
    assert rows[102]["result"] == "backed_up"


@pytest.mark.parametrize("lines", [0, 1, 2, 6, 9])
def test_a_truncated_log_is_mended_by_the_evidence(cluster: Lab, lines: int) -> None:
    cluster.sim.faults.truncate_log(lines)
    result = cluster.backup(vmids=[101, 102], storage="vault")
    assert not result.get("failed"), result["msg"]
    rows = cluster.rows(result)
    assert {row["result"] for row in rows.values()} == {"backed_up"}
    assert rows[102]["warnings"] == ["the task's log says nothing of it"]
    assert cluster.world.archive_path(rows[102]["volid"], "pve1").exists()


def test_a_failed_prune_does_not_unmake_a_backup(cluster: Lab) -> None:
    cluster.world.add_storage("short", type="nfs", content=["backup"], shared=True, prune="keep-last=1")
    cluster.world.add_archive(101, storage="short", node="pve1", age=9000)
    cluster.sim.faults.prune_fails(101)
    row = cluster.backup(vmids=[101], storage="short")["guests"][0]
    assert row["result"] == "backed_up"
    assert row["warnings"][-1].startswith("older backups were not pruned: ")


def test_a_backup_that_could_not_be_protected_is_a_failure_with_its_archive(cluster: Lab) -> None:
    cluster.sim.faults.protect_fails(101)
    result = cluster.backup(vmids=[101], storage="vault", protected=True)
    row = result["guests"][0]
    assert row["result"] == "failed"
    assert row["volid"] is not None
    assert row["reason"].endswith(f"its archive {row['volid']} is there")


def test_a_cancelled_task(cluster: Lab) -> None:
    import threading  # noqa: PLC0415
    import time  # noqa: PLC0415

    cluster.sim.faults.guest_hangs(102)

    def cancel_when_it_hangs() -> None:
        for _look in range(200):
            for task in cluster.world.tasks.running():
                if any("Starting Backup of VM 102" in line for line in task.log.lines()):
                    cluster.world.tasks.stop(task)
                    return
            time.sleep(0.02)

    canceller = threading.Thread(target=cancel_when_it_hangs)
    canceller.start()
    result = cluster.backup(vmids=[101, 102, 103])
    canceller.join()
    rows = cluster.rows(result)
    assert [rows[vmid]["result"] for vmid in (101, 102)] == ["backed_up", "cancelled"]
    assert rows[102]["reason"] == "the task was cancelled (interrupted by signal)"
    # The signal ends the guest's backup, not the job: what comes before the KILL five seconds later is still made.
    assert rows[103]["result"] == "backed_up"


def test_time_up_leaves_the_task_running_and_names_it(cluster: Lab) -> None:
    cluster.sim.faults.guest_hangs(102)
    result = cluster.backup(vmids=[101, 102], timeout="2s")
    rows = cluster.rows(result)
    assert rows[101]["result"] == "backed_up", "it was finished before"
    assert rows[102]["result"] == "timed_out"
    assert rows[102]["reason"] == f"after 2 s the time was up; task {rows[102]['upid']} runs on"
    assert len(cluster.world.tasks.running()) == 1
    cluster.sim.faults.release(102)
    cluster.sim.wait_idle()


def test_time_up_can_cancel(cluster: Lab) -> None:
    cluster.sim.faults.guest_hangs(101)
    result = cluster.backup(vmids=[101], timeout="1s", on_timeout="cancel")
    assert result["guests"][0]["result"] == "timed_out"
    assert cluster.world.tasks.running() == []


def test_a_guest_without_the_right_does_not_stop_the_others(world_without_rights: Lab) -> None:
    cluster = world_without_rights
    result = cluster.backup(vmids=[101, 102])
    rows = cluster.rows(result)
    assert rows[101]["result"] == "backed_up"
    assert (rows[102]["result"], rows[102]["reason"]) == ("not_started", "the token lacks VM.Backup on /vms/102")
    assert cluster.sent("POST", "/vzdump")[0].body["vmid"] == "101"


@pytest.fixture
def world_without_rights(tmp_path: Path) -> Iterator[Lab]:
    """A token that may back up 101 and only see 102."""
    world = build_world(tmp_path / "cluster")
    with lab(world, grant=False) as running:
        grant_minimal(world, "/vms/101")
        grant_minimal(world, "/storage")
        for holder in ("backup@pve", "backup@pve!lifeboat"):
            world.add_acl("/vms/102", "PVEAuditor", user_or_token=holder)
        yield running


def test_an_offline_node_does_not_stop_the_others(cluster: Lab) -> None:
    cluster.sim.faults.node_offline("pve2")
    result = cluster.backup(vmids=[101, 104], max_age="24h")
    rows = cluster.rows(result)
    assert result["failed"] is True
    assert rows[101]["result"] == "backed_up"
    assert (rows[104]["result"], rows[104]["reason"]) == ("not_started", "node pve2 is offline")


def test_a_locked_guest_fails_alone(cluster: Lab) -> None:
    cluster.world.add_container(111, "snapping", node="pve1", files={}, lock="snapshot")
    rows = cluster.rows(cluster.backup(vmids=[101, 111]))
    assert rows[101]["result"] == "backed_up"
    assert (rows[111]["result"], rows[111]["reason"]) == ("failed", "CT is locked (snapshot)")


def test_storage_lost_between_look_and_backup_gives_every_guest_the_cause(cluster: Lab) -> None:
    cluster.sim.faults.before("POST", "/vzdump$", lambda: cluster.sim.faults.storage_offline("vault"))
    result = cluster.backup(vmids=[101, 102], storage="vault")
    assert {row["result"] for row in result["guests"]} == {"failed"}
    assert all(row["reason"].startswith("could not activate storage 'vault'") for row in result["guests"])


def test_moves_are_followed(cluster: Lab) -> None:
    cluster.sim.faults.move_guest(102, "pve3", on="vzdump")
    result = cluster.backup(vmids=[101, 102], storage="vault")
    rows = cluster.rows(result)
    assert not result.get("failed"), result["msg"]
    assert rows[102]["result"] == "backed_up"
    assert rows[102]["node"] == "pve3"


def test_the_answer_ok_is_not_a_backup(cluster: Lab) -> None:
    cluster.sim.faults.move_guest(104, "pve3", on="vzdump")
    result = cluster.backup(vmids=[104], storage="vault")
    assert result["guests"][0]["result"] == "backed_up"
    assert result["guests"][0]["node"] == "pve3"
    assert [request.path.split("/")[2] for request in cluster.sent("POST", "/vzdump")] == ["pve2", "pve3"]


def test_a_guest_deleted_in_between_is_named(cluster: Lab) -> None:
    cluster.sim.faults.before("POST", "/vzdump$", lambda: cluster.world.remove_guest(102))
    rows = cluster.rows(cluster.backup(vmids=[101, 102]))
    assert rows[101]["result"] == "backed_up"
    assert (rows[102]["result"], rows[102]["reason"]) == ("failed", "unable to find VM '102'")


def test_a_right_lost_after_the_look_is_named_for_every_guest_it_cost(cluster: Lab) -> None:
    """Proxmox aborts the whole node's task for one guest without the right."""

    def revoke() -> None:
        for holder in ("backup@pve", "backup@pve!lifeboat"):
            cluster.world.add_acl("/vms/102", "NoAccess", user_or_token=holder)

    cluster.sim.faults.before("POST", r"/nodes/pve1/vzdump$", revoke)
    result = cluster.backup(vmids=[101, 102, 104])
    rows = cluster.rows(result)
    for vmid in (101, 102):
        assert (rows[vmid]["result"], rows[vmid]["reason"]) == (
            "failed",
            "403 Permission check failed (/vms/102, VM.Backup)",
        )
    assert rows[104]["result"] == "backed_up"


def test_a_storage_without_the_right_is_refused_before(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    with lab(world, grant=False) as running:
        grant_minimal(world, "/vms")
        grant_minimal(world, "/storage/local")
        result = running.backup(vmids=[101], storage="vault")
        assert result["msg"] == (
            "storage vault: the token lacks Datastore.AllocateSpace on /storage/vault, or the storage does not exist. "
            "Nothing was started."
        )
        assert running.backup(vmids=[101])["guests"][0]["storage"] == "local", "found where it may write"


def test_a_dead_api_while_waiting_does_not_end_the_task(cluster: Lab) -> None:
    cluster.sim.faults.guest_pace(101, 1.5)
    cluster.sim.faults.http("GET", r"/tasks/UPID.*/status", 595, "Connection refused", times=3)
    assert cluster.backup(vmids=[101])["guests"][0]["result"] == "backed_up"


def test_garbage_while_waiting_does_not_end_the_task(cluster: Lab) -> None:
    cluster.sim.faults.body("GET", r"/tasks/UPID.*/status", b"<html>", times=2)
    assert {row["result"] for row in cluster.backup(vmids=[101, 104])["guests"]} == {"backed_up"}


def test_a_task_that_may_not_be_looked_at_is_judged_by_the_evidence(cluster: Lab) -> None:
    cluster.sim.faults.http("GET", r"/tasks/UPID.*/status", 403, "Permission check failed (/nodes/pve1, Sys.Audit)")
    result = cluster.backup(vmids=[101])
    row = result["guests"][0]
    assert row["upid"].startswith("UPID:pve1:")
    # Whether the archive was there by then is a matter of moments; what must not happen is a claim without it.
    if row["result"] == "backed_up":
        assert row["warnings"][0].startswith("The token or user lacks Sys.Audit on /nodes/pve1")
        assert cluster.world.archive_path(row["volid"], "pve1").exists()
    else:
        assert row["reason"].startswith("The token or user lacks Sys.Audit on /nodes/pve1")


def test_lists_that_lie_are_one_sentence(cluster: Lab) -> None:
    cluster.sim.faults.body("GET", r"/nodes/pve1/storage/vault/content", b'{"data": {"not": "a list"}}')
    cluster.sim.faults.body("GET", r"/nodes/pve[23]/storage/vault/content", b'{"data": {"not": "a list"}}')
    result = cluster.backup(vmids=[101], storage="vault")
    assert result["msg"] == (
        "the backups on storage vault cannot be listed: The listing of storage vault is not a list. Nothing was "
        "started."
    )
    assert cluster.sent("POST", "/vzdump") == []


def test_a_moved_guest_is_followed_also_when_another_one_warned(cluster: Lab) -> None:
    cluster.sim.faults.guest_warns(101, "odd thing")
    cluster.sim.faults.move_guest(102, "pve3", on="vzdump")
    rows = cluster.rows(cluster.backup(vmids=[101, 102], storage="vault"))
    assert (rows[101]["result"], rows[102]["result"], rows[102]["node"]) == ("backed_up", "backed_up", "pve3")


def test_removed_is_what_is_gone_not_what_the_log_announces(cluster: Lab) -> None:
    cluster.world.add_storage("short", type="nfs", content=["backup"], shared=True, prune="keep-last=1")
    old = cluster.world.add_archive(101, storage="short", node="pve1", age=9000)
    cluster.sim.faults.prune_fails(101)
    assert cluster.backup(vmids=[101], storage="short")["removed"] == []
    assert old in {backup["volid"] for backup in cluster.info(vmids=[101])["backups"]}


def test_what_a_backup_server_pruned_is_told_though_its_log_names_nothing(cluster: Lab) -> None:
    cluster.world.add_storage("pbs", type="pbs", content=["backup"], shared=True, prune="keep-last=1")
    old = cluster.world.add_archive(101, storage="pbs", node="pve1", age=9000)
    result = cluster.backup(vmids=[101], storage="pbs")
    assert [(row["volid"], row["why"]) for row in result["removed"]] == [
        (old, "it is gone since the run began: retention of the storage, or somebody else")
    ]


def test_a_storage_that_cannot_be_listed_is_not_chosen(cluster: Lab) -> None:
    cluster.sim.faults.http("GET", r"/storage/vault/content", 500, "unable to open directory", times=9)
    row = cluster.backup(vmids=[101])["guests"][0]
    assert (row["result"], row["storage"]) == ("backed_up", "local")


def test_a_defect_of_one_answer_costs_one_storage_only(cluster: Lab) -> None:
    cluster.world.add_archive(101, storage="vault", node="pve1", age=60)
    cluster.sim.faults.body("GET", r"/nodes/pve2/storage/local/content", b"<html>")
    odd = b'{"data": [{"volid": "local:backup/x", "size": "5.5", "ctime": null, "vmid": [], "verification": null}]}'
    cluster.sim.faults.body("GET", r"/nodes/pve3/storage/local/content", odd)
    result = cluster.info(vmids=[101, 104])
    assert [row["state"] for row in result["guests"]] == ["fresh", "unknown"]
    assert [item["node"] for item in result["unreadable"]] == ["pve2"]
