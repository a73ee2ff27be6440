# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_backup with keep, and state pruned: what goes and what stays, in check mode as in a real run."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from harness.lab import Lab, build_world, grant_minimal, lab
from harness.modules import warnings_of
from harness.process import ModuleProcess
from harness.waiting import wait_for
from pve_simulator import World
from pve_simulator.client import Client

HOUR = 3600
DAY = 24 * HOUR


def days(world: World, vmid: int, ages: Iterable[float], storage: str = "vault", **more: Any) -> list[str]:
    """Backups that were made that many days ago."""
    return [world.add_archive(vmid, storage, age=age * DAY, **more) for age in ages]


def listed(cluster: Lab, vmid: int, storage: str = "vault") -> set[str]:
    return {backup["volid"] for backup in cluster.info(vmids=[vmid], storages=[storage])["backups"]}


def volids(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {row["volid"] for row in rows}


def removals(cluster: Lab) -> int:
    return len([one for one in cluster.sim.requests if one.method == "DELETE"])


# ----- after a backup


@pytest.mark.core_matrix
def test_after_the_backup_what_no_rule_keeps_goes(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2, 3])
    result = cluster.backup(vmids=[101], storage="vault", keep={"keep_last": 2})
    [row] = result["guests"]
    assert row["result"] == "backed_up"
    assert volids(result["removed"]) == {old[1], old[2]}
    assert {one["why"] for one in result["removed"]} == {"not kept by keep-last=2"}
    assert listed(cluster, 101) == {row["volid"], old[0]}
    assert result["summary"]["removed"] == 2
    assert "1 backed up" in result["msg"]
    assert "2 backups removed (" in result["msg"]
    assert {task["exitstatus"] for task in result["tasks"]} == {"OK"}


def test_fresh_guests_are_pruned_too(cluster: Lab) -> None:
    old = days(cluster.world, 101, [0.1, 2, 3])
    result = cluster.backup(vmids=[101], storage="vault", max_age="24h", keep={"keep_last": 1})
    assert [row["result"] for row in result["guests"]] == ["fresh"]
    assert result["changed"] is True
    assert listed(cluster, 101) == {old[0]}
    again = cluster.backup(vmids=[101], storage="vault", max_age="24h", keep={"keep_last": 1})
    assert (again["changed"], again["removed"]) == (False, [])


def test_without_storage_each_guest_is_pruned_where_its_backup_lies(cluster: Lab) -> None:
    on_vault = days(cluster.world, 101, [0.1, 2])
    on_local = days(cluster.world, 101, [3, 4], storage="local")
    result = cluster.backup(vmids=[101], max_age="24h", keep={"keep_last": 1})
    assert volids(result["removed"]) == {on_vault[1]}
    assert listed(cluster, 101, "local") == set(on_local)


def test_a_guest_whose_backup_failed_keeps_everything(cluster: Lab) -> None:
    kept = days(cluster.world, 101, [1, 2, 3])
    gone = days(cluster.world, 102, [1, 2, 3])
    cluster.sim.faults.guest_fails(101, "disk on fire")
    result = cluster.backup(vmids=[101, 102], storage="vault", keep={"keep_last": 1})
    assert result["failed"] is True
    assert listed(cluster, 101) == set(kept)
    assert volids(result["removed"]) == set(gone)


def test_nothing_is_removed_before_the_new_backup_is_proven(cluster: Lab) -> None:
    days(cluster.world, 101, [1, 2])
    cluster.sim.faults.archive_vanishes(101)
    result = cluster.backup(vmids=[101], storage="vault", keep={"keep_last": 1})
    assert result["failed"] is True
    assert removals(cluster) == 0


def test_the_same_is_told_before_and_after_where_the_new_one_is_protected(cluster: Lab) -> None:
    days(cluster.world, 101, [1, 2, 3])
    wish: dict[str, Any] = {"vmids": [101], "storage": "vault", "keep": {"keep_last": 1}, "protected": True}
    told = cluster.backup(**wish, check=True)
    assert volids(told["removed"]) == volids(cluster.backup(**wish)["removed"])


def test_keep_needs_the_end_of_the_backup(cluster: Lab) -> None:
    result = cluster.backup(vmids=[101], keep={"keep_last": 1}, wait=False)
    assert result["failed"] is True
    assert result["msg"] == "keep: older backups are only removed after the new one is proven; it needs wait true."
    assert cluster.sent("POST", "/vzdump") == []


# ----- check mode tells what a run then does


def test_check_mode_tells_what_goes_and_why_the_others_stay(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2, 3])
    protected = days(cluster.world, 101, [30], protected=True)
    keep = {"keep_last": 1, "keep_daily": 2}
    told = cluster.backup(vmids=[101], storage="vault", keep=keep, check=True, diff=True)
    assert {one.method for one in cluster.sim.requests} == {"GET"}
    assert volids(told["removed"]) == {old[2]}
    why = {row["volid"]: row["why"] for row in told["kept"]}
    assert set(why) == {*old[:2], *protected}
    assert why[protected[0]] == "it is protected"
    assert why[old[0]].startswith("keep_daily: newest of 20")
    line = next(line for line in told["diff"]["before"].splitlines() if old[2] in line)
    assert line.endswith("goes, not kept by keep-last=1,keep-daily=2")
    assert old[2] not in told["diff"]["after"]
    assert f"{old[0]}, made " in told["diff"]["after"]
    assert "1 backup would be removed (" in told["msg"]
    done = cluster.backup(vmids=[101], storage="vault", keep=keep)
    assert volids(done["removed"]) == volids(told["removed"])
    assert list(told) == list(done)


def test_check_mode_warns_of_the_storages_own_retention(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    world.add_storage("pruned", type="nfs", content=["backup"], shared=True, prune="keep-last=2")
    with lab(world) as cluster:
        old = days(world, 101, [1, 2, 3], storage="pruned")
        told = cluster.backup(vmids=[101], storage="pruned", check=True)
        assert volids(told["removed"]) == {old[1], old[2]}
        assert {row["why"] for row in told["removed"]} == {"retention of the storage (keep-last=2)"}
        assert warnings_of(told) == [
            (
                "Storage pruned removes 2 older backups of guests on node pve1 by its own retention (keep-last=2); "
                "storage_retention false prevents that."
            )
        ]
        done = cluster.backup(vmids=[101], storage="pruned")
        assert volids(done["removed"]) == volids(told["removed"])
        assert {row["why"] for row in done["removed"]} == {"retention of the storage (keep-last=2)"}


def test_check_mode_adds_both_retentions_up(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    world.add_storage("pruned", type="nfs", content=["backup"], shared=True, prune="keep-last=3")
    with lab(world) as cluster:
        old = days(world, 101, [1, 2, 3, 4], storage="pruned")
        told = cluster.backup(vmids=[101], storage="pruned", keep={"keep_last": 2}, check=True)
        why = {row["volid"]: row["why"] for row in told["removed"]}
        assert why == {
            old[1]: "not kept by keep-last=2",
            old[2]: "retention of the storage (keep-last=3)",
            old[3]: "retention of the storage (keep-last=3)",
        }
        done = cluster.backup(vmids=[101], storage="pruned", keep={"keep_last": 2})
        assert {row["volid"]: row["why"] for row in done["removed"]} == why


def test_without_the_storages_retention_there_is_nothing_to_warn_of(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    world.add_storage("pruned", type="nfs", content=["backup"], shared=True, prune="keep-last=3")
    with lab(world) as cluster:
        days(world, 101, [1, 2, 3, 4], storage="pruned")
        told = cluster.backup(vmids=[101], storage="pruned", storage_retention=False, check=True)
        assert (told["removed"], warnings_of(told)) == ([], [])


# ----- state pruned


@pytest.mark.core_matrix
def test_pruned_removes_and_a_second_time_nothing(cluster: Lab) -> None:
    old = {vmid: days(cluster.world, vmid, [0.5, 1, 2, 9]) for vmid in (101, 104)}
    wish: dict[str, Any] = {"state": "pruned", "storage": "vault", "vmids": [101, 104], "keep": {"keep_last": 2}}
    result = cluster.backup(**wish)
    rows = cluster.rows(result)
    assert [rows[vmid]["result"] for vmid in (101, 104)] == ["removed", "removed"]
    assert volids(result["removed"]) == {*old[101][2:], *old[104][2:]}
    assert rows[101]["volid"] == old[101][0]
    assert result["msg"].startswith("4 backups removed (")
    assert listed(cluster, 101) == set(old[101][:2])
    again = cluster.backup(**wish)
    assert (again["changed"], again["removed"], again["msg"]) == (False, [], "Nothing was to be removed.")
    assert [row["result"] for row in again["guests"]] == ["kept", "kept"]
    assert cluster.sent("POST", "/vzdump") == []


@pytest.mark.parametrize(
    "keep",
    [
        {"keep_last": 3},
        {"keep_daily": 2, "keep_weekly": 2},
        {"keep_last": 1, "keep_hourly": 3, "keep_daily": 2, "keep_weekly": 1, "keep_monthly": 2, "keep_yearly": 1},
    ],
    ids=["last", "days and weeks", "all rules"],
)
def test_it_is_what_proxmox_says_itself(cluster: Lab, keep: dict[str, int]) -> None:
    days(cluster.world, 101, [0, 0.02, 0.3, 1, 1.2, 2, 5, 8, 9, 20, 33, 70, 100, 400])
    days(cluster.world, 101, [0.5, 60], protected=True)
    cluster.world.add_archive(101, "vault", age=3 * DAY, name="vzdump-lxc-101-before-the-move.tar.zst")
    text = ",".join(f"{rule.replace('_', '-')}={number}" for rule, number in keep.items())
    secret = cluster.connection["api_token_secret"]
    with Client(cluster.sim, cluster.connection["api_token_id"], secret) as client:
        dry_run = client.get("/nodes/pve1/storage/vault/prunebackups", vmid=101, prune_backups=text)
    marks = {entry["volid"]: entry["mark"] for entry in dry_run.data}
    told = cluster.backup(state="pruned", storage="vault", vmids=[101], keep=keep, check=True)
    assert volids(told["removed"]) == {volid for volid, mark in marks.items() if mark == "remove"}
    assert volids(told["kept"]) == {volid for volid, mark in marks.items() if mark != "remove"}
    assert {row["result"] for row in told["guests"]} == {"would_remove"}


def test_the_newest_good_one_stays_where_proxmox_would_take_it(cluster: Lab) -> None:
    good = days(cluster.world, 101, [2, 3])
    damaged = days(cluster.world, 101, [1], verification="failed")
    result = cluster.backup(state="pruned", storage="vault", vmids=[101], keep={"keep_last": 1})
    assert listed(cluster, 101) == {damaged[0], good[0]}
    assert {row["volid"]: row["why"] for row in result["kept"]}[good[0]] == ("the newest good backup is always kept")


def test_backups_of_a_guest_that_is_gone_can_be_pruned_by_id(cluster: Lab) -> None:
    old = days(cluster.world, 150, [1, 2, 3])
    result = cluster.backup(state="pruned", storage="vault", vmids=[150], keep={"keep_last": 1})
    [row] = result["guests"]
    assert (row["vmid"], row["name"], row["node"], row["result"]) == (150, None, None, "removed")
    assert volids(result["removed"]) == set(old[1:])


def test_a_former_guest_of_the_other_type_is_another_guest(cluster: Lab) -> None:
    name = "vzdump-qemu-101-2026_01_02-03_04_05.vma.zst"
    of_a_vm = [cluster.world.add_archive(101, "vault", age=300 * DAY, name=name)]
    days(cluster.world, 101, [1, 2])
    result = cluster.backup(state="pruned", storage="vault", vmids=[101], keep={"keep_last": 1})
    assert not volids(result["removed"]) & set(of_a_vm)
    assert len(result["removed"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vmids": [101], "keep": {"keep_last": 1}}, "State pruned needs storage and keep. Nothing was removed."),
        ({"vmids": [101], "storage": "vault"}, "State pruned needs storage and keep. Nothing was removed."),
        (
            {"storage": "vault", "keep": {"keep_last": 1}},
            (
                "No guest is selected: set vmids, names, tags, pools, or all_guests to true. An empty list selects "
                "nothing. Nothing was removed."
            ),
        ),
        (
            {"vmids": [101], "storage": "vault", "keep": {"keep_last": 1}, "max_age": "1h"},
            "max_age: state pruned makes no backups; older_than removes what is old. Nothing was removed.",
        ),
        (
            {"vmids": [101], "storage": "nope", "keep": {"keep_last": 1}},
            (
                "No online node shows a backup storage named nope to this token. Grant Datastore.AllocateSpace on "
                "/storage/nope. Nothing was removed."
            ),
        ),
        (
            {"vmids": [101], "storage": "vault", "keep": {"keep_last": 1}, "volids": ["vault:backup/x"]},
            "volids: it belongs to state absent; state pruned goes by keep alone. Nothing was removed.",
        ),
        (
            {"vmids": [101], "storage": "vault", "keep": {"keep_last": 1}, "older_than": "30d"},
            "older_than: it belongs to state absent; state pruned goes by keep alone. Nothing was removed.",
        ),
        (
            {"vmids": [150], "nodes": ["pve1"], "storage": "vault", "keep": {"keep_last": 1}},
            (
                "nodes: guest 150 is on none of them, because the cluster does not show it; leave nodes out to mean "
                "the backups of guests that are gone. Nothing was removed."
            ),
        ),
        (
            {"vmids": [101], "storage": "vault", "keep": {"keep_last": -1}},
            "keep: keep_last must not be negative.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(cluster: Lab, options: dict[str, Any], message: str) -> None:
    result = cluster.backup(state="pruned", **options)
    assert (result["failed"], result["msg"]) == (True, message)
    assert removals(cluster) == 0


# ----- what goes wrong


def test_a_removal_that_fails_half_way(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2, 3, 4])
    cluster.sim.faults.removal_fails(old[2].partition("/")[2], "unlink failed - Permission denied")
    result = cluster.backup(state="pruned", storage="vault", vmids=[101, 102], keep={"keep_last": 1})
    assert result["failed"] is True
    assert volids(result["removed"]) == {old[1], old[3]}
    assert [(row["volid"], row["why"]) for row in result["not_removed"]] == [
        (old[2], "unlink failed - Permission denied")
    ]
    assert result["msg"].endswith(f"1 backup could not be removed. {old[2]}: unlink failed - Permission denied.")
    assert cluster.rows(result)[101]["result"] == "failed"
    assert cluster.rows(result)[102]["result"] == "kept"
    assert listed(cluster, 101) == {old[0], old[2]}


def test_a_failed_removal_after_a_backup_fails_the_task_and_not_the_backup(cluster: Lab) -> None:
    [old] = days(cluster.world, 101, [1])
    cluster.sim.faults.removal_fails("vzdump-lxc-101")
    result = cluster.backup(vmids=[101], storage="vault", keep={"keep_last": 1})
    assert result["failed"] is True
    assert [row["result"] for row in result["guests"]] == ["backed_up"]
    assert volids(result["not_removed"]) == {old}


def test_a_server_that_says_removed_and_removes_nothing(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2])
    cluster.sim.faults.body("DELETE", r"/content/", b'{"data":null}')
    result = cluster.backup(state="pruned", storage="vault", vmids=[101], keep={"keep_last": 1})
    assert result["failed"] is True
    assert result["msg"] == (
        f"1 backup could not be removed. {old[1]}: Proxmox says it is removed, but the storage still lists it."
    )


def test_what_is_gone_is_removed_whatever_the_answer_was(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2, 3])
    cluster.sim.faults.http("DELETE", r"/content/", 596, "Broken pipe", after=True, times=9)
    result = cluster.backup(state="pruned", storage="vault", vmids=[101], keep={"keep_last": 1})
    assert (result.get("failed"), result["changed"], result["not_removed"]) == (None, True, [])
    assert volids(result["removed"]) == {old[1], old[2]}


def test_a_removal_that_runs_on_is_a_change(cluster: Lab) -> None:
    days(cluster.world, 101, [0.1, 1])
    cluster.sim.faults.removal_hangs("vzdump-lxc-101")
    result = cluster.backup(vmids=[101], storage="vault", max_age="1d", keep={"keep_last": 1}, timeout="2s")
    assert (result["failed"], result["changed"]) == (True, True)
    [task] = result["tasks"]
    assert task["exitstatus"] is None
    assert f"task {task['upid']} still runs" in result["msg"]


def test_when_one_that_was_to_be_kept_vanishes_the_others_are_spared(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2, 3])
    asked = r"/storage/vault/content$"
    cluster.sim.faults.before("GET", asked, lambda: None)
    cluster.sim.faults.before("GET", asked, lambda: cluster.world.archive_path(old[0]).unlink())
    result = cluster.backup(state="pruned", storage="vault", vmids=[101], keep={"keep_last": 1})
    assert volids(result["removed"]) == {old[2]}
    assert {row["volid"]: row["why"] for row in result["kept"]}[old[1]] == (
        "what lies on the storage has changed since the plan was made"
    )
    assert listed(cluster, 101) == {old[1]}


def test_what_is_protected_in_the_meantime_is_spared(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2])
    flag = Path(f"{cluster.world.archive_path(old[1])}.protected")
    cluster.sim.faults.before("GET", r"/storage/vault/content$", lambda: None)
    cluster.sim.faults.before("GET", r"/storage/vault/content$", flag.touch)
    result = cluster.backup(state="pruned", storage="vault", vmids=[101], keep={"keep_last": 1})
    assert (result.get("failed"), result["removed"]) == (None, [])
    assert listed(cluster, 101) == set(old)


def test_what_somebody_else_removes_in_the_meantime_is_no_failure(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2, 3])
    cluster.sim.faults.before("GET", r"/storage/vault/content$", lambda: None)
    cluster.sim.faults.before("GET", r"/storage/vault/content$", lambda: cluster.world.archive_path(old[2]).unlink())
    result = cluster.backup(state="pruned", storage="vault", vmids=[101], keep={"keep_last": 1})
    assert not result.get("failed")
    assert volids(result["removed"]) == {old[1]}


@pytest.mark.slow
def test_a_prune_beside_a_backup(cluster: Lab) -> None:
    old = days(cluster.world, 101, [1, 2, 3])
    cluster.sim.faults.guest_hangs(101)
    results: list[dict[str, Any]] = []
    backup = threading.Thread(target=lambda: results.append(cluster.backup(vmids=[101], storage="vault")))
    backup.start()
    wait_for(lambda: bool(cluster.world.tasks.running()))
    wish: dict[str, Any] = {"state": "pruned", "storage": "vault", "vmids": [101], "keep": {"keep_last": 2}}
    first = run_elsewhere(cluster, wish)
    cluster.sim.faults.release(101)
    backup.join()
    assert volids(first["removed"]) == {old[2]}
    assert [row["result"] for row in results[0]["guests"]] == ["backed_up"]
    second = cluster.backup(**wish)
    assert volids(second["removed"]) == {old[1]}
    assert listed(cluster, 101) == {old[0], results[0]["guests"][0]["volid"]}


def run_elsewhere(cluster: Lab, options: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own: two modules can't print into one."""
    return ModuleProcess("proxmox_backup", {**cluster.connection, **options}, cluster.journals.parent).result()


# ----- few rights


def test_a_token_for_three_guests_of_fifty(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    for vmid in range(200, 243):
        world.add_container(vmid, f"other{vmid}", node="pve2", files={})
    with lab(world, grant=False) as cluster:
        for vmid in (101, 102, 104):
            grant_minimal(world, f"/vms/{vmid}")
        grant_minimal(world, "/storage/vault")
        mine = {vmid: days(world, vmid, [1, 2, 3]) for vmid in (101, 102, 104)}
        others = days(world, 200, [1, 2, 3])
        result = cluster.backup(all_guests=True, storage="vault", keep={"keep_last": 2})
        assert not result.get("failed"), result["msg"]
        assert {row["vmid"]: row["result"] for row in result["guests"]} == dict.fromkeys(mine, "backed_up")
        assert volids(result["removed"]) == {volid for old in mine.values() for volid in old[1:]}
        assert all(world.archive_path(volid).exists() for volid in others)
        assert len(world.tasks.on_node("pve1")) + len(world.tasks.on_node("pve2")) == 2 + 6


def test_what_the_token_cannot_see_of_others_is_said(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    with lab(world, grant=False) as cluster:
        grant_minimal(world, "/storage/vault")
        grant_minimal(world, "/vms/101")
        world.add_role("Look", ["VM.Audit"])
        for holder in ("backup@pve", "backup@pve!lifeboat"):
            world.add_acl("/vms", "Look", user_or_token=holder, propagate=True)
        mine = days(world, 101, [1, 2])
        days(world, 102, [1, 2])
        result = cluster.backup(state="pruned", vmids=[101, 102], storage="vault", keep={"keep_last": 1})
        rows = cluster.rows(result)
        assert result["failed"] is True
        assert volids(result["removed"]) == {mine[1]}
        assert (rows[101]["result"], rows[102]["result"]) == ("removed", "failed")
        assert rows[102]["reason"] == (
            "Proxmox does not show the backups of 102 (web2) on storage vault to a token without VM.Backup on them"
        )
