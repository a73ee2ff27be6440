# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore that fails: either the new guest or the old one stands whole, by its hash, and the message says which."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab import TOKEN
from harness.modules import warnings_of
from harness.restores import BOTH, CONTAINER, MACHINE, Restores, restores, restoring_world
from pve_simulator import Mount


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Restores]:
    """Two guests with backups, which have changed since."""
    with restores(restoring_world(tmp_path / "cluster")) as found:
        yield found


def failed(site: Restores, vmid: int, result: str, stands: str, **options: Any) -> dict[str, Any]:
    """A replacement that fails with this result; which guest stands then. Nothing else is left or was touched."""
    others = {one: site.world.content_hash(one) for one in site.world.cluster.guests if one != vmid}
    done = site.replace(vmid, **options)
    assert (done.get("failed"), done["result"]) == (True, result), done["msg"]
    site.idle()
    assert site.stands(vmid) == stands, done["msg"]
    assert {one: site.world.content_hash(one) for one in site.world.cluster.guests if one != vmid} == others
    return done


def healed(site: Restores, vmid: int) -> None:
    """The fault is over."""
    site.faults.guest(vmid).restore_failure = None


OLD = "the old guest stands as it was"
BACK = "the old guest stands again, rolled back from"


@pytest.mark.parametrize("vmid", BOTH)
def test_a_truncated_archive_does_not_get_past_the_proof(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    site.world.truncate_archive(site.volids[vmid])
    done = failed(site, vmid, "failed", "old", shutdown=True)
    assert f"{site.volids[vmid]} can't be restored: exit code" in done["msg"]
    assert OLD in done["msg"]
    assert site.world.cluster.guests[vmid].running
    assert (site.protected(), site.journals()) == ([], [])
    assert sorted(site.world.cluster.guests) == [101, 102, 103, 300]


@pytest.mark.parametrize("vmid", BOTH)
def test_a_truncated_archive_without_a_proof_is_rolled_back(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    site.world.truncate_archive(site.volids[vmid])
    done = failed(site, vmid, "rolled_back", "old", shutdown=True, prove="listed")
    assert f"{BACK} {done['safety_backup']}" in done["msg"]
    assert (done["rolled_back"], done["started"], done["changed"]) == (True, True, True)
    assert site.world.cluster.guests[vmid].running
    assert site.protected() == [done["safety_backup"]]
    assert site.journals() == []


@pytest.mark.parametrize("at", ["begin", "extract", "end"])
@pytest.mark.parametrize("vmid", BOTH)
def test_a_restore_that_fails_somewhere(site: Restores, vmid: int, at: str) -> None:
    site.faults.restore_fails(vmid, "no such luck", at)
    site.faults.after("GET", r"/tasks/UPID[^/]*restore[^/]*/log$", lambda: healed(site, vmid))
    done = failed(site, vmid, "failed" if at == "begin" else "rolled_back", "old", prove="listed")
    assert "the restore failed: no such luck" in done["msg"]
    assert (OLD if at == "begin" else BACK) in done["msg"]


@pytest.mark.parametrize("vmid", BOTH)
def test_an_archive_deleted_between_check_and_restore(site: Restores, vmid: int) -> None:
    path = site.world.archive_path(site.volids[vmid])
    site.faults.before("POST", r"/nodes/pve1/(lxc|qemu)$", path.unlink)
    done = failed(site, vmid, "failed", "old", prove="listed")
    assert "does not exist" in done["msg"]
    assert OLD in done["msg"]
    gone = site.replace(vmid)
    assert "does not list it: it is gone" in gone["msg"]


@pytest.mark.parametrize("vmid", BOTH)
def test_an_archive_deleted_before_it_is_protected_leaves_no_stray_file(site: Restores, vmid: int) -> None:
    path = site.world.archive_path(site.volids[vmid])
    site.faults.before("PUT", r"/content/.*vzdump", path.unlink)
    done = failed(site, vmid, "failed", "old")
    assert f"{site.volids[vmid]} can't be looked at any more" in done["msg"]
    assert not list(path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("vmid", BOTH)
def test_a_target_storage_that_fills_up(site: Restores, vmid: int) -> None:
    site.faults.before("POST", r"/nodes/pve1/(lxc|qemu)$", lambda: site.faults.storage_full("local"))
    # when the restore has failed, somebody makes room
    made = site.world.cluster.storages["local"]
    site.faults.after("GET", r"/tasks/UPID[^/]*restore[^/]*/log$", lambda: setattr(made, "full", False))
    done = failed(site, vmid, "rolled_back" if vmid == MACHINE else "failed", "old", prove="listed")
    assert done["msg"].count("stands") == 1


@pytest.mark.parametrize("vmid", BOTH)
def test_a_task_that_somebody_cancels(site: Restores, vmid: int) -> None:
    site.faults.restore_hangs(vmid)

    def cancel() -> None:
        [task] = [one for one in site.world.tasks.running() if "restore" in str(one)]
        site.world.tasks.stop(task)
        site.faults.release(vmid)

    site.faults.after("GET", r"/tasks/UPID[^/]*restore[^/]*/status$", cancel)
    done = failed(site, vmid, "rolled_back", "old", prove="listed")
    assert BACK in done["msg"]


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_a_worker_that_is_killed_leaves_a_lock_and_a_sentence(site: Restores, vmid: int) -> None:
    site.faults.restore_dies(vmid)
    done = site.replace(vmid, prove="listed")
    command = "pct" if vmid == CONTAINER else "qm"
    assert done["result"] == "failed"
    assert f"is locked (create) by a task that was killed: run '{command} unlock {vmid}' on node pve1" in done["msg"]
    assert f"the safety backup of the guest as it was is {done['safety_backup']}" in done["msg"]
    assert len(site.journals()) == 1
    # a second run before that says so again
    again = site.replace(vmid)
    assert f"run '{command} unlock {vmid}'" in again["msg"]
    site.world.unlock_guest(vmid)
    site.faults.guest(vmid).restore_dies = False
    after = site.replace(vmid)
    assert (after["result"], after["recovered"], site.stands(vmid)) == ("rolled_back", True, "old")
    assert site.journals() == []


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_an_api_that_cannot_be_reached_while_waiting(site: Restores, vmid: int) -> None:
    for _time in range(3):
        site.faults.drop("GET", r"/tasks/UPID[^/]*restore[^/]*/status$")
    site.faults.http("GET", r"/tasks/UPID[^/]*restore[^/]*/status$", 595, "No route to host", times=2)
    done = site.replace(vmid, prove="listed")
    assert (done["result"], site.stands(vmid)) == ("restored", "backup")


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("vmid", BOTH)
def test_an_answer_that_is_lost(site: Restores, vmid: int, when: str) -> None:
    site.faults.drop("POST", r"/nodes/pve1/(lxc|qemu)$", when=when)
    done = site.replace(vmid, prove="listed")
    if when == "after":
        assert (done["result"], site.stands(vmid)) == ("restored", "backup")
    else:
        assert (done["result"], site.stands(vmid)) == ("failed", "old")
        assert "no task for it is there" in done["msg"]
        assert OLD in done["msg"]


def test_a_ticket_that_expires(site: Restores) -> None:
    site.world.add_acl("/", "Administrator", user_or_token="backup@pve", propagate=True)
    user = {"api_user": "backup@pve", "api_password": "a-password", "api_token_id": None, "api_token_secret": None}
    site.faults.after("POST", r"/nodes/pve1/(lxc|qemu)$", site.faults.expire_tickets)
    done = site.replace(CONTAINER, **user)
    assert (done["result"], site.stands(CONTAINER)) == ("restored", "backup")


@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_that_another_backup_locks_in_between(site: Restores, vmid: int) -> None:
    site.faults.before("POST", r"/nodes/pve1/(lxc|qemu)$", lambda: site.world.lock_guest(vmid, "backup"))
    done = site.replace(vmid, prove="listed")
    assert done["result"] == "failed"
    assert "locked (backup)" in done["msg"]
    assert OLD in done["msg"]
    site.world.unlock_guest(vmid)
    assert site.stands(vmid) == "old"


@pytest.mark.parametrize("vmid", BOTH)
def test_a_safety_backup_that_fails(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    site.faults.guest_fails(vmid, "disk on fire")
    done = failed(site, vmid, "failed", "old", shutdown=True)
    assert f"its safety backup failed: disk on fire; {OLD}" in done["msg"]
    assert site.world.cluster.guests[vmid].running
    assert (site.protected(), site.journals()) == ([], [])


def test_a_safety_backup_that_no_storage_lists(site: Restores) -> None:
    site.faults.archive_vanishes(CONTAINER)
    done = failed(site, CONTAINER, "failed", "old")
    assert "its safety backup is said to be made, and storage vault lists none of it" in done["msg"]


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_a_rollback_that_fails_touches_nothing_more(site: Restores, vmid: int) -> None:
    site.faults.restore_fails(vmid, "no such luck", "extract")
    done = site.replace(vmid, prove="listed")
    assert done["result"] == "failed"
    assert (
        "rolling back failed: no such luck; nothing more was touched; the safety backup of the guest as it was is "
        in done["msg"]
    )
    assert done["safety_backup"] in done["msg"]
    assert [row["step"] for row in done["steps"]][-1] == "roll_back"
    assert done["safety_backup"] in site.protected()
    # when the fault is over, the next run of the task brings it back
    site.faults.guest(vmid).restore_failure = None
    after = site.replace(vmid)
    assert (after["result"], after["recovered"], site.stands(vmid)) == ("rolled_back", True, "old")


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_that_does_not_shut_down(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    site.faults.shutdown_hangs(vmid)
    done = failed(site, vmid, "failed", "old", shutdown=True, shutdown_timeout="1s")
    assert "it did not shut down within 1 s" in done["msg"]
    assert site.world.cluster.guests[vmid].running


@pytest.mark.parametrize("vmid", BOTH)
def test_a_restored_guest_that_does_not_start_is_a_result_of_its_own(site: Restores, vmid: int) -> None:
    site.faults.start_fails(vmid, "no kvm")
    done = failed(site, vmid, "failed", "backup", start=True)
    assert "it is restored and whole, but it does not start: no kvm" in done["msg"]
    assert (done["started"], done["rolled_back"]) == (False, False)


@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_that_somebody_changes_meanwhile(site: Restores, vmid: int) -> None:
    site.faults.before("POST", r"/vzdump$", lambda: site.world.set_option(vmid, "onboot", 1))
    done = site.replace(vmid)
    assert (done["result"], site.writes()[-1].split()[0]) == ("failed", "PUT")
    assert "somebody has changed it meanwhile (onboot)" in done["msg"]
    assert OLD in done["msg"]


@pytest.mark.parametrize("vmid", BOTH)
def test_a_failed_restore_onto_a_free_id_leaves_nothing(site: Restores, vmid: int) -> None:
    site.world.truncate_archive(site.volids[vmid])
    done = site.restore(volid=site.volids[vmid], target_vmid="900")
    assert done["result"] == "failed"
    assert done["msg"].endswith("; nothing is left of it.")
    assert 900 not in site.world.cluster.guests
    assert site.journals() == []


def test_an_empty_vm_that_is_not_ours_stays(site: Restores) -> None:
    """An empty VM whose restore somebody else has begun isn't taken for ours."""
    site.world.truncate_archive(site.volids[MACHINE], keep=20)
    told = site.restore(volid=site.volids[MACHINE], target_vmid="900")
    assert "cannot be read" in told["msg"]
    site.world.add_vm(900, "empty", node="pve1")
    refused = site.restore(volid=site.volids[MACHINE], target_vmid="900")
    assert refused["failed"]
    assert 900 in site.world.cluster.guests


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_on_timeout(site: Restores, vmid: int) -> None:
    site.faults.restore_hangs(vmid)
    cancelled = site.replace(vmid, prove="listed", timeout="1s", on_timeout="cancel")
    site.faults.release(vmid)
    assert cancelled["result"] in ("rolled_back", "failed")
    again = site.replace(vmid) if cancelled["result"] == "failed" else cancelled
    assert (again["result"], site.stands(vmid)) == ("rolled_back", "old")


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_a_restore_that_runs_on_is_ended_by_the_next_run(site: Restores, vmid: int) -> None:
    site.faults.restore_hangs(vmid)
    left = site.replace(vmid, prove="listed", timeout="1s")
    assert left["result"] == "failed"
    assert "has not ended; run this task again, which ends what was begun" in left["msg"]
    site.faults.release(vmid)
    after = site.replace(vmid)
    assert (after["result"], after["recovered"], site.stands(vmid)) == ("restored", True, "backup")
    assert site.journals() == []
    assert warnings_of(after) == []


@pytest.mark.slow
@pytest.mark.parametrize("vmid", BOTH)
def test_a_node_that_is_lost_while_restoring(site: Restores, vmid: int) -> None:
    site.faults.restore_hangs(vmid)
    site.faults.after("GET", r"/tasks/UPID[^/]*restore[^/]*/status$", lambda: site.faults.node_offline("pve1"))
    left = site.replace(vmid, prove="listed", timeout="2s")
    assert left["result"] == "failed"
    site.faults.release(vmid)
    site.faults.node_online("pve1")
    again = site.replace(vmid)
    command = "pct" if vmid == CONTAINER else "qm"
    assert f"run '{command} unlock {vmid}' on node pve1, and this task again" in again["msg"]
    site.world.unlock_guest(vmid)
    after = site.replace(vmid)
    assert (after["result"], site.stands(vmid)) == ("rolled_back", "old")


@pytest.mark.parametrize("allowed", [True, False])
def test_a_rollback_puts_volumes_on_the_storages_where_they_were(tmp_path: Path, allowed: bool) -> None:
    world = restoring_world(tmp_path / "cluster")
    mounts = [Mount("mp0", "/srv/fast", backup=True, files={"x": b"x" * 3000})]
    world.add_container(110, "two", node="pve1", files={"a": b"a", "b": b"b"}, mounts=mounts, unprivileged=True)
    next(one for one in world.cluster.guests[110].volumes if one.key == "mp0").storage = "fast"
    world.add_role("Disks", ["VM.Config.Disk"])
    with restores(world, (110,)) as site:
        if allowed:
            for holder in ("backup@pve", TOKEN):
                world.add_acl("/vms", "Disks", user_or_token=holder, propagate=True)
        site.world.truncate_archive(site.volids[110])
        done = failed(site, 110, "rolled_back", "old", prove="listed")
        storages = {volume.key: volume.storage for volume in world.cluster.guests[110].volumes}
        assert storages == {"rootfs": "local", "mp0": "fast" if allowed else "local"}
        warned = any(
            "Rolling back would put all volumes of 110 (two) on storage local" in str(one) for one in done["warnings"]
        )
        assert warned is not allowed
