# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_backup_info: what is there, what is not, and what cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import Lab, build_world, grant_minimal, lab


def states(result: dict[str, object]) -> dict[int, str]:
    """State by guest."""
    return {row["vmid"]: row["state"] for row in result["guests"]}  # type: ignore[attr-defined]


@pytest.mark.core_matrix
def test_fresh_stale_and_missing(cluster: Lab) -> None:
    young = cluster.world.add_archive(101, storage="vault", node="pve1", age=3600)
    cluster.world.add_archive(101, storage="local", node="pve1", age=90000)
    cluster.world.add_archive(102, storage="vault", node="pve1", age=200000)
    result = cluster.info(vmids=[101, 102, 103], max_age="24h")
    assert states(result) == {101: "fresh", 102: "stale", 103: "missing"}
    first = result["guests"][0]
    assert first["newest"]["volid"] == young
    assert 3590 <= first["age"] <= 3620
    assert first["count"] == 2
    assert first["size"] == sum(backup["size"] for backup in result["backups"] if backup["vmid"] == 101)
    assert result["guests"][1]["reason"] == "newest good backup is 2 d 7 h old, wanted 24 h"
    assert result["summary"] == {
        "selected": 3,
        "fresh": 1,
        "stale": 1,
        "missing": 1,
        "unknown": 0,
        "backups": 3,
        "bytes": sum(backup["size"] for backup in result["backups"]),
    }
    assert [backup["ctime"] for backup in result["backups"]] == sorted(
        (backup["ctime"] for backup in result["backups"]), reverse=True
    )
    assert result["changed"] is False
    assert result["unreadable"] == []


def test_filters(cluster: Lab) -> None:
    add = cluster.world.add_archive
    old = add(101, storage="vault", node="pve1", age=900000, protected=True)
    new = add(101, storage="vault", node="pve1", age=600, notes="first line\nsecond line")
    here = add(102, storage="local", node="pve1", age=700)

    def volids(**options: object) -> list[str]:
        return [backup["volid"] for backup in cluster.info(**options)["backups"]]

    assert volids() == [new, here, old]
    assert volids(newest_only=True) == [new, here]
    assert volids(newer_than="1h") == [new, here]
    assert volids(older_than="7d") == [old]
    assert volids(protected=True) == [old]
    assert volids(protected=False, storages=["vault"]) == [new]
    assert volids(names=["web2"]) == [here]
    assert cluster.info(vmids=[101], newest_only=True)["backups"][0]["notes"] == "first line"


def test_good_means_verified_and_finished_on_a_backup_server(cluster: Lab) -> None:
    cluster.world.add_storage("pbs", type="pbs", content=["backup"], shared=True)
    add = cluster.world.add_archive
    add(101, storage="pbs", node="pve1", age=600, verification="failed")
    passed = add(101, storage="pbs", node="pve1", age=90000, verification="ok")
    add(102, storage="pbs", node="pve1", age=600)
    add(103, storage="pbs", node="pve1", age=600, size=1)
    result = cluster.info(vmids=[101, 102, 103], storages=["pbs"], max_age="1h")
    assert states(result) == {101: "stale", 102: "fresh", 103: "missing"}
    assert result["guests"][0]["newest"]["volid"] == passed
    assert result["guests"][2]["reason"] == "its only backup is not finished"
    strict = cluster.info(vmids=[101, 102], storages=["pbs"], require_verified=True)
    assert states(strict) == {101: "fresh", 102: "missing"}
    assert [backup["verified"] for backup in cluster.info(vmids=[101], storages=["pbs"])["backups"]] == [False, True]
    assert len(cluster.info(vmids=[101, 102], storages=["pbs"], verified=True)["backups"]) == 1


def test_an_empty_file_is_no_backup(cluster: Lab) -> None:
    cluster.world.add_archive(101, storage="vault", node="pve1", age=60, size=0)
    assert states(cluster.info(vmids=[101])) == {101: "missing"}


def test_the_backup_of_a_former_guest_with_the_same_id_does_not_count(cluster: Lab) -> None:
    cluster.world.add_vm(130, "was-a-vm", node="pve1", disks={"scsi0": b"x"})
    cluster.world.add_archive(130, storage="vault", node="pve1", age=60)
    cluster.world.remove_guest(130)
    gone = cluster.info(vmids=[130])
    assert (gone["guests"][0]["node"], gone["guests"][0]["type"], gone["guests"][0]["state"]) == (None, "qemu", "fresh")
    cluster.world.add_container(130, "now-a-container", node="pve1", files={})
    assert states(cluster.info(vmids=[130])) == {130: "missing"}


def test_an_unknown_guest_without_backups_is_an_error(cluster: Lab) -> None:
    result = cluster.info(vmids=[999])
    assert result["failed"] is True
    assert str(result["msg"]).startswith("vmids: neither a guest nor a backup with the id 999 is shown to this token")


def test_ages_are_judged_by_the_nodes_clock(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    world.add_node("late", clock_offset=-7200.0)
    world.add_container(140, "clocked", node="late", files={})
    world.add_archive(140, storage="vault", node="late", age=600)
    world.add_role("Clock", ["Sys.Audit"])
    with lab(world) as cluster:
        for holder in ("backup@pve", "backup@pve!lifeboat"):
            world.add_acl("/nodes", "Clock", user_or_token=holder, propagate=True)
        result = cluster.info(vmids=[140], max_age="1h")
    assert states(result) == {140: "fresh"}
    assert 595 <= result["guests"][0]["age"] <= 620


def test_a_backup_from_the_future_does_not_count(cluster: Lab) -> None:
    cluster.world.add_archive(101, storage="vault", node="pve1", age=-90000)
    assert states(cluster.info(vmids=[101], max_age="24h")) == {101: "missing"}


def test_an_empty_list_for_lack_of_rights_is_told_apart(cluster: Lab) -> None:
    world = cluster.world
    world.add_archive(101, storage="vault", node="pve1", age=60)
    world.add_user("auditor@pve")
    secret = world.add_token("auditor@pve", "ro", privsep=False)
    world.add_acl("/", "PVEAuditor", user_or_token="auditor@pve", propagate=True)
    cluster.connection.update(api_token_id="auditor@pve!ro", api_token_secret=secret)
    result = cluster.info(vmids=[101], storages=["vault"])
    assert result["backups"] == []
    assert states(result) == {101: "unknown"}
    assert result["unreadable"] == [
        {
            "storage": "vault",
            "node": None,
            "why": "Proxmox shows no backups on storage vault to a token without Datastore.AllocateSpace there.",
            "grant": "Datastore.AllocateSpace on /storage/vault",
        }
    ]


def test_guests_whose_backups_are_hidden_are_unknown_not_missing(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    world.add_archive(101, storage="vault", node="pve1", age=60)
    world.add_archive(102, storage="vault", node="pve1", age=60)
    with lab(world, grant=False) as cluster:
        grant_minimal(world, "/vms/101")
        grant_minimal(world, "/storage/vault")
        for holder in ("backup@pve", "backup@pve!lifeboat"):
            world.add_acl("/vms/102", "PVEAuditor", user_or_token=holder)
        result = cluster.info(vmids=[101, 102])
    assert states(result) == {101: "fresh", 102: "unknown"}
    assert result["unreadable"][:1] == [
        {
            "storage": "vault",
            "node": None,
            "why": (
                "Proxmox does not show the backups of 102 (web2) on storage vault to a token without VM.Backup on them."
            ),
            "grant": "VM.Backup on /vms/102",
        }
    ]


def test_a_storage_that_does_not_answer_makes_its_guests_unknown(cluster: Lab) -> None:
    cluster.world.add_archive(101, storage="local", node="pve1", age=60)
    cluster.sim.faults.storage_offline("vault")
    result = cluster.info(vmids=[101, 102], max_age="1h")
    assert states(result) == {101: "fresh", 102: "unknown"}
    assert result["unreadable"][0]["storage"] == "vault"
    assert result["guests"][1]["reason"].startswith(
        "no backup is there, but not everything can be seen: Storage vault is not"
    )


def test_an_offline_node_makes_its_guests_unknown(cluster: Lab) -> None:
    cluster.sim.faults.node_offline("pve3")
    result = cluster.info(vmids=[101, 105])
    # A guest that runs elsewhere now may have left its backups on that node.
    assert states(result) == {101: "unknown", 105: "unknown"}
    assert result["unreadable"] == [
        {
            "storage": None,
            "node": "pve3",
            "why": "Node pve3 is offline, so its local storages cannot be read.",
            "grant": None,
        }
    ]


def test_a_renamed_archive_is_listed_without_an_owner(cluster: Lab) -> None:
    cluster.world.add_acl("/storage", "Administrator", user_or_token="backup@pve", propagate=True)
    cluster.world.add_acl("/storage", "Administrator", user_or_token="backup@pve!lifeboat", propagate=True)
    cluster.world.add_archive(300, storage="vault", node="pve1", age=60, name="vzdump-qemu-before-upgrade.vma.zst")
    result = cluster.info()
    renamed = [backup for backup in result["backups"] if backup["vmid"] is None]
    assert [backup["volid"] for backup in renamed] == ["vault:backup/vzdump-qemu-before-upgrade.vma.zst"]
    assert states(result)[300] == "missing"


def test_storages_that_are_not_shown_are_not_taken_for_empty(tmp_path: Path) -> None:
    world = build_world(tmp_path / "cluster")
    world.add_archive(101, storage="vault", node="pve1", age=60)
    with lab(world, grant=False) as cluster:
        grant_minimal(world, "/vms")
        blind = cluster.info(vmids=[101])
        grant_minimal(world, "/storage/local")
        half = cluster.info(vmids=[101])
        named = cluster.info(vmids=[101], storages=["local"])
    assert (states(blind), states(half), states(named)) == ({101: "unknown"}, {101: "unknown"}, {101: "missing"})
    assert blind["unreadable"] == [
        {
            "storage": None,
            "node": None,
            "why": "Proxmox shows only storages on which the token has a privilege (none); there may be others.",
            "grant": "Datastore.AllocateSpace on /storage, or name the storages to look at",
        }
    ]


def test_a_guest_that_moved_may_have_left_its_backup_behind(cluster: Lab) -> None:
    cluster.world.add_archive(101, storage="local", node="pve1", age=60)
    cluster.world.move_guest(101, "pve2")
    assert states(cluster.info(vmids=[101])) == {101: "fresh"}
    cluster.sim.faults.storage_offline("local", "pve1")
    assert states(cluster.info(vmids=[101])) == {101: "unknown"}
