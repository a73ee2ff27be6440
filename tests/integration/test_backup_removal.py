# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_backup with state absent: by name, or by age; protected ones only when that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.lab import Lab, build_world, grant_minimal, lab
from harness.modules import warnings_of

DAY = 24 * 3600
NOT_THERE = "vault:backup/vzdump-lxc-101-2020_01_02-03_04_05.tar.zst"


def listed(cluster: Lab, vmid: int = 101, storage: str = "vault") -> set[str]:
    return {backup["volid"] for backup in cluster.info(vmids=[vmid], storages=[storage])["backups"]}


def removals(cluster: Lab) -> int:
    return len([one for one in cluster.sim.requests if one.method == "DELETE"])


@pytest.mark.core_matrix
def test_named_backups_are_removed_and_nothing_else(cluster: Lab) -> None:
    old = [cluster.world.add_archive(101, "vault", age=age * DAY) for age in (1, 2, 3)]
    result = cluster.backup(state="absent", volids=[old[0], old[2]])
    assert result["changed"] is True
    assert [(row["volid"], row["why"]) for row in result["removed"]] == [
        (old[2], "it is named"),
        (old[0], "it is named"),
    ]
    assert [(row["vmid"], row["name"], row["result"]) for row in result["guests"]] == [(101, "web1", "removed")]
    assert listed(cluster) == {old[1]}
    again = cluster.backup(state="absent", volids=[old[0], old[2]])
    assert (again["changed"], again.get("failed")) == (False, None)
    assert again["msg"] == f"Not there: {old[2]}, {old[0]}."
    assert removals(cluster) == 2


def test_what_is_not_there_is_not_asked_for(cluster: Lab) -> None:
    """Proxmox answers OK to the removal of what isn't there (recorded: 07_notes_protected_delete)."""
    result = cluster.backup(state="absent", volids=[NOT_THERE])
    assert (result["changed"], result["removed"], removals(cluster)) == (False, [], 0)


def test_check_mode_removes_nothing_and_names_the_same(cluster: Lab) -> None:
    old = cluster.world.add_archive(101, "vault", age=DAY)
    told = cluster.backup(state="absent", volids=[old], check=True, diff=True)
    assert ([row["volid"] for row in told["removed"]], told["changed"]) == ([old], True)
    assert told["diff"]["before"].startswith(f"101 (web1): {old}, made ")
    assert told["diff"]["after"] == ""
    assert listed(cluster) == {old}
    done = cluster.backup(state="absent", volids=[old])
    assert [row["volid"] for row in done["removed"]] == [old]
    assert list(told) == list(done)


def test_the_same_name_on_two_nodes_is_gone_from_both(cluster: Lab) -> None:
    name = "vzdump-lxc-101-2026_01_02-03_04_05.tar.zst"
    for node in ("pve1", "pve2"):
        cluster.world.add_archive(101, "local", node, name=name)
    result = cluster.backup(state="absent", volids=[f"local:backup/{name}"])
    assert sorted(row["node"] for row in result["removed"]) == ["pve1", "pve2"]
    assert listed(cluster, storage="local") == set()


def test_by_age(cluster: Lab) -> None:
    old = [cluster.world.add_archive(101, "vault", age=age * DAY) for age in (1, 8, 30)]
    other = cluster.world.add_archive(102, "vault", age=30 * DAY)
    result = cluster.backup(state="absent", vmids=[101], storage="vault", older_than="7d")
    assert {row["volid"]: row["why"] for row in result["removed"]} == {
        old[1]: "8 d old, older than 7 d",
        old[2]: "30 d old, older than 7 d",
    }
    assert listed(cluster) == {old[0]}
    assert listed(cluster, 102) == {other}
    assert warnings_of(result) == []
    assert cluster.backup(state="absent", vmids=[101], storage="vault", older_than="7d")["changed"] is False


def test_it_is_said_when_nothing_good_is_left(cluster: Lab) -> None:
    old = cluster.world.add_archive(101, "vault", age=30 * DAY)
    for check in (True, False):
        result = cluster.backup(state="absent", vmids=[101], storage="vault", older_than="7d", check=check)
        assert [row["volid"] for row in result["removed"]] == [old]
        assert warnings_of(result) == ["Afterwards no good backup of 101 (web1) is left on vault."]


@pytest.mark.parametrize("by", ["name", "age"])
def test_protected_ones_are_refused_by_name(cluster: Lab, by: str) -> None:
    protected = cluster.world.add_archive(101, "vault", age=30 * DAY, protected=True)
    plain = cluster.world.add_archive(101, "vault", age=20 * DAY)
    wish: dict[str, Any] = {"vmids": [101], "storage": "vault", "older_than": "7d"}
    if by == "name":
        wish = {"volids": [protected, plain]}
    result = cluster.backup(state="absent", **wish)
    assert result["failed"] is True
    assert result["msg"] == (
        f"Protected against removal: {protected}. Set unprotect to true to remove what is protected, too. Nothing was "
        "removed."
    )
    assert removals(cluster) == 0
    done = cluster.backup(state="absent", unprotect=True, **wish)
    assert {row["volid"] for row in done["removed"]} == {protected, plain}
    assert listed(cluster) == set()


def test_protection_is_put_back_where_the_removal_fails(cluster: Lab) -> None:
    protected = cluster.world.add_archive(101, "vault", age=DAY, protected=True)
    cluster.sim.faults.removal_fails("vzdump-lxc-101", "unlink failed - Permission denied")
    result = cluster.backup(state="absent", volids=[protected], unprotect=True)
    assert result["failed"] is True
    assert result["msg"] == f"1 backup could not be removed. {protected}: unlink failed - Permission denied."
    assert [backup["protected"] for backup in cluster.info(vmids=[101])["backups"]] == [True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"volids": ["vault:iso/debian.iso"]},
            (
                "volids: vault:iso/debian.iso is no backup's volume id; such as "
                "vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst. Nothing was removed."
            ),
        ),
        (
            {"volids": [NOT_THERE], "vmids": [101]},
            "volids: named backups go without a selection of guests, storage and older_than. Nothing was removed.",
        ),
        (
            {"volids": [NOT_THERE], "nodes": ["pve1"]},
            "volids: named backups go without a selection of guests, storage and older_than. Nothing was removed.",
        ),
        (
            {"vmids": [101], "storage": "vault"},
            "State absent needs volids, or a selection of guests with storage and older_than. Nothing was removed.",
        ),
        (
            {"vmids": [101], "older_than": "7d"},
            "State absent needs volids, or a selection of guests with storage and older_than. Nothing was removed.",
        ),
        (
            {"vmids": [101], "storage": "vault", "older_than": "a week"},
            (
                "older_than: 'a week' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, "
                "24h, 7d, 2w, or seconds without a letter."
            ),
        ),
        (
            {"volids": [NOT_THERE], "keep": {"keep_last": 1}},
            "keep: state absent removes what is named or old; retention is state pruned. Nothing was removed.",
        ),
        (
            {"volids": ["nope:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst"]},
            (
                "Whether nope:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst is there cannot be seen. No online "
                "node shows a backup storage named nope to this token. Grant Datastore.AllocateSpace on /storage/nope. "
                "Nothing was removed."
            ),
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(cluster: Lab, options: dict[str, Any], message: str) -> None:
    result = cluster.backup(state="absent", **options)
    assert (result["failed"], result["msg"]) == (True, message)
    assert removals(cluster) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"volids": [NOT_THERE]}, "volids: it belongs to state absent, which removes backups. Nothing was started."),
        ({"older_than": "7d"}, "older_than: it belongs to state absent, which removes backups. Nothing was started."),
        ({"unprotect": True}, "unprotect: it belongs to state absent, which removes backups. Nothing was started."),
    ],
)
def test_a_backup_run_takes_none_of_it(cluster: Lab, options: dict[str, Any], message: str) -> None:
    result = cluster.backup(vmids=[101], **options)
    assert (result["failed"], result["msg"]) == (True, message)
    assert cluster.sim.requests == []


def test_what_the_token_could_not_see_does_not_count_as_absent(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    with lab(world, grant=False) as cluster:
        grant_minimal(world, "/storage/vault")
        grant_minimal(world, "/vms/102")
        hidden = world.add_archive(101, "vault", age=DAY)
        result = cluster.backup(state="absent", volids=[hidden])
        assert result["failed"] is True
        assert result["msg"] == (
            f"Whether {hidden} is there cannot be seen. Proxmox does not show the backups of 101 on storage vault to a "
            "token without VM.Backup on them. Grant VM.Backup on /vms/101. Nothing was removed."
        )
        assert world.archive_path(hidden).exists()


def test_a_storage_that_does_not_answer_proves_nothing_absent(cluster: Lab) -> None:
    cluster.sim.faults.storage_offline("vault")
    result = cluster.backup(state="absent", volids=[NOT_THERE])
    assert result["failed"] is True
    assert result["msg"].startswith(f"Whether {NOT_THERE} is there cannot be seen. ")


def test_by_age_nothing_is_called_absent_that_a_node_hides(cluster: Lab) -> None:
    """101 may have left backups on pve3 before it moved."""
    here = cluster.world.add_archive(101, "local", "pve1", age=9 * DAY)
    cluster.sim.faults.node_offline("pve3")
    result = cluster.backup(state="absent", vmids=[101], storage="local", older_than="7d")
    assert [row["volid"] for row in result["removed"]] == [here]
    assert result["failed"] is True
    assert result["guests"][0]["reason"] == "Node pve3 is offline, so its local storages cannot be read"


def test_a_renamed_one_goes_only_by_its_name(cluster: Lab) -> None:
    renamed = cluster.world.add_archive(101, "vault", name="vzdump-lxc-101-before-the-move.tar.zst")
    by_age = cluster.backup(state="absent", vmids=[101], storage="vault", older_than="0s")
    assert (by_age["changed"], listed(cluster)) == (False, {renamed})
    assert cluster.backup(state="absent", volids=[renamed])["changed"] is True


def test_a_node_that_is_off_hides_local_storages_only(cluster: Lab) -> None:
    cluster.sim.faults.node_offline("pve3")
    assert cluster.backup(state="absent", volids=[NOT_THERE])["changed"] is False
    local = NOT_THERE.replace("vault:", "local:")
    result = cluster.backup(state="absent", volids=[local])
    assert result["msg"] == (
        f"Whether {local} is there cannot be seen. Node pve3 is offline, so its local storages cannot be read. Nothing "
        "was removed."
    )


@pytest.mark.parametrize(
    "volid",
    [
        "vault:backup/../../etc/passwd",
        "vault:backup/a?b=c",
        "vault:backup/%2e%2e/x",
        "vault:backup/\u0000",
        "vault:backup/ü",
    ],
    ids=["dots", "query", "escaped", "nul", "umlaut"],
)
def test_hostile_names_are_names_of_nothing(tmp_path: Path, volid: str) -> None:
    world = build_world(tmp_path / "cluster")
    with lab(world) as cluster:
        for holder in ("backup@pve", "backup@pve!lifeboat"):
            world.add_acl("/storage", "PVEDatastoreAdmin", user_or_token=holder, propagate=True)
        result = cluster.backup(state="absent", volids=[volid])
        assert (result.get("failed"), result["changed"], removals(cluster)) == (None, False, 0)
