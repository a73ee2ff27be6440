# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One backup: its attributes, notes and protection, and its removal, on a storage of files and on a backup server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from harness.ticking import Ticking
from pve_simulator import Simulator, World
from pve_simulator.client import Client

USER = "backup@pve"
PRIVILEGES = ["VM.Backup", "Datastore.AllocateSpace"]
LINE = "The number of protected backups per guest is limited to 5 on storage 'backups'"


@pytest.fixture
def world(tmp_path: Path, clock: Ticking) -> World:
    world = World(tmp_path, clock=clock)
    world.add_node("pve1")
    world.add_node("pve2")
    world.add_storage("backups")
    world.add_storage("depot", "pbs")
    world.add_storage("local", content=["backup", "rootdir"])
    for vmid in (101, 102):
        world.add_container(vmid, f"ct{vmid}", "pve1", files={"etc/motd": b"hello\n"})
    world.add_user(USER)
    world.add_role("Backup", PRIVILEGES)
    return world


@pytest.fixture
def operator(sim: Simulator) -> Iterator[Client]:
    """May remove backups of guest 101 on all storages."""
    world = sim.world
    for path in ("/vms/101", "/storage"):
        world.add_acl(path, "Backup", USER)
    with Client(sim, f"{USER}!op", world.add_token(USER, "op", privsep=False)) as client:
        yield client


def place(volid: str, node: str = "pve1") -> str:
    return f"/nodes/{node}/storage/{volid.partition(':')[0]}/content/{volid}"


def notes_listed(root: Client, storage: str) -> list[object]:
    return [entry.get("notes") for entry in root.get(f"/nodes/pve1/storage/{storage}/content").data]


def test_attributes_of_a_file(world: World, root: Client) -> None:
    volid = world.add_archive(101, notes="first\nsecond")
    found = root.get(place(volid)).data
    size = world.archive_path(volid).stat().st_size
    assert found.pop("used") % 512 == 0
    assert found == {
        "path": f"/mnt/pve/backups/dump/{volid.split('/')[1]}",
        "size": -(-size // 512) * 512,
        "format": "raw",
        "notes": "first\nsecond",
        "protected": 0,
    }


def test_attributes_of_a_snapshot(world: World, root: Client) -> None:
    volid = world.add_archive(101, "depot", size=5000, protected=True)
    assert root.get(place(volid)).data == {
        "path": f"pbs://backup@pbs@192.0.2.201:depot/{volid.split('/', 1)[1]}",
        "size": 5000,
        "used": 5000,
        "format": "pbs-ct",
        "notes": "",
        "protected": 1,
    }


@pytest.mark.parametrize("storage", ["backups", "depot"])
def test_notes_and_protection_are_set_and_taken_away(world: World, root: Client, storage: str) -> None:
    volid = world.add_archive(101, storage)
    assert root.put(place(volid), notes="one\r\ntwo ü", protected=1).data is None
    found = root.get(place(volid)).data
    assert (found["notes"], found["protected"]) == ("one\r\ntwo ü", 1)
    (listed,) = root.get(f"/nodes/pve1/storage/{storage}/content").data
    assert (listed["notes"].strip(), listed["protected"]) == ("one", 1)
    assert root.put(place(volid), notes="", protected=0).data is None
    (listed,) = root.get(f"/nodes/pve1/storage/{storage}/content").data
    assert {"notes", "protected"}.isdisjoint(listed)


def test_all_spellings_of_a_volume_are_the_same(world: World, root: Client) -> None:
    volid = world.add_archive(101)
    for number, name in enumerate((volid, quote(volid, safe=""), volid.split(":")[1])):
        path = f"/nodes/pve1/storage/backups/content/{name}"
        assert root.put(path, notes=str(number)).status == 200
        assert root.get(path).data["notes"] == str(number)
        assert notes_listed(root, "backups") == [str(number)]


def test_a_snapshot_is_named_with_its_storage_because_its_time_has_colons(world: World, root: Client) -> None:
    volume = world.add_archive(101, "depot").split(":", 1)[1]
    reply = root.get(f"/nodes/pve1/storage/depot/content/{volume}")
    assert (reply.status, reply.errors) == (400, {"volume": f"unable to parse volume ID '{volume}'\n"})


def test_attributes_of_what_is_not_there(world: World, root: Client) -> None:
    """A storage of files takes them and keeps them for a backup of that name; a backup server does not."""
    volid = world.add_archive(101)
    data = world.archive_path(volid).read_bytes()
    world.archive_path(volid).unlink()
    assert root.put(place(volid), notes="stray", protected=1).status == 200
    assert world.archives("backups") == []
    assert sorted(path.suffix for path in world.backups("backups").dump.iterdir()) == [".notes", ".protected"]
    reply = root.get(place(volid))
    assert reply.reason == f"volume_size_info on '{volid}' failed - no format"
    world.backups("backups").file(volid.split("/")[1]).write_bytes(data)
    assert root.get(place(volid)).data["notes"] == "stray"
    snapshot = "depot:backup/ct/101/2026-01-01T00:00:00Z"
    for refused in (root.put(place(snapshot), notes="x"), root.get(place(snapshot))):
        assert refused.status == 500
        assert "ct/101/2026-01-01T00:00:00Z does not exist" in refused.reason
    assert list(world.layout.dump(world.cluster.storages["depot"], "pve1").glob("ct/*")) == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("backups/content/backups:backup/a.txt", "unable to parse directory volume name 'backup/a.txt'"),
        ("backups/content/backups:iso/a.iso", "unable to parse directory volume name 'iso/a.iso'"),
        ("depot/content/depot:backup/ct/101/x", "unable to parse PBS volume name 'backup/ct/101/x'"),
        ("nope/content/nope:backup/a.tar", "storage 'nope' does not exist"),
    ],
)
def test_what_is_no_volume(root: Client, path: str, reason: str) -> None:
    for reply in (call(f"/nodes/pve1/storage/{path}") for call in (root.get, root.put, root.delete)):
        assert (reply.status, reply.reason) == (500, reason)


def test_a_storage_of_two_names(root: Client) -> None:
    for call in (root.get, root.put, root.delete):
        reply = call("/nodes/pve1/storage/local/content/backups:backup/a.tar")
        assert (reply.status, reply.errors) == (400, {"volume": "storage ID mismatch (backups != local)\n"})


def test_a_removal_is_a_task(world: World, root: Client) -> None:
    volid, kept = world.add_archive(101, notes="n"), world.add_archive(101, age=60)
    upid = root.delete(place(volid)).data
    assert upid.split(":")[5:7] == ["imgdel", "101@backups"]
    assert root.ended(upid) == "OK"
    assert root.log(upid) == [f"Removed volume '{volid}'", "TASK OK"]
    assert world.archives("backups") == [kept]
    assert [path.name for path in world.backups("backups").dump.iterdir()] == [kept.split("/")[1]]


def test_a_removal_of_what_is_gone_says_so_and_is_fine(world: World, root: Client) -> None:
    volid = world.add_archive(101)
    world.archive_path(volid).unlink()
    upid = root.delete(place(volid)).data
    assert root.ended(upid) == "OK"
    missing = f"disk image '/mnt/pve/backups/dump/{volid.split('/')[1]}' does not exist"
    assert root.log(upid) == [missing, f"Removed volume '{volid}'", "TASK OK"]


def test_a_snapshot_that_is_gone_cannot_be_removed(world: World, root: Client) -> None:
    volid = world.add_archive(101, "depot")
    assert root.delete(place(volid), delay=5).data is None
    assert world.archives("depot") == []
    again = root.delete(place(volid), delay=5)
    assert (again.status, again.reason.endswith("does not exist")) == (500, True)


@pytest.mark.parametrize(
    ("storage", "text"),
    [
        ("backups", "cannot remove protected volume '{volume}' on 'backups'"),
        ("depot", "proxmox-backup-client failed: Error: cannot remove protected snapshot"),
    ],
)
def test_a_protected_backup_stays(world: World, root: Client, storage: str, text: str) -> None:
    volid = world.add_archive(101, storage, protected=True)
    expected = text.format(volume=volid.split(":", 1)[1])
    assert root.ended(root.delete(place(volid)).data) == expected
    waited = root.delete(place(volid), delay=5)
    assert (waited.status, waited.reason) == (500, expected)
    assert world.archives(storage) == [volid]


def test_what_a_storage_says_is_found_in_the_task(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(101)
    sim.faults.storage_offline("backups")
    assert root.ended(root.delete(place(volid)).data) == "storage 'backups' is not online"
    assert root.get(place(volid)).reason == "storage 'backups' is not online"
    sim.faults.storage_online("backups")
    assert world.archives("backups") == [volid]


def test_delay_gives_the_task_back_when_it_takes_longer(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(101)
    sim.faults.removal_hangs("vzdump-lxc-101")
    began = time.monotonic()
    upid = root.delete(place(volid), delay=1).data
    assert time.monotonic() - began >= 1
    assert root.get(f"/nodes/pve1/tasks/{upid}/status").data["status"] == "running"
    assert world.archives("backups") == [volid]
    sim.faults.release_removals()
    assert root.ended(upid) == "OK"
    assert world.archives("backups") == []


@pytest.mark.parametrize(("delay", "text"), [(0, "minimum value of 1"), (31, "maximum value of 30")])
def test_delay_has_limits(world: World, root: Client, delay: int, text: str) -> None:
    volid = world.add_archive(101)
    reply = root.delete(place(volid), delay=delay)
    assert (reply.status, reply.errors) == (400, {"delay": f"value must have a {text}"})
    assert world.archives("backups") == [volid]


def test_a_removal_may_fail(world: World, sim: Simulator, root: Client) -> None:
    volid, other = world.add_archive(101), world.add_archive(102)
    sim.faults.removal_fails(volid, "unlink failed - Read-only file system")
    upid = root.delete(place(volid)).data
    assert root.ended(upid) == "unlink failed - Read-only file system"
    assert root.log(upid) == ["TASK ERROR: unlink failed - Read-only file system"]
    assert root.delete(place(other), delay=5).data is None
    sim.faults.clear()
    assert root.delete(place(volid), delay=5).data is None
    assert world.archives("backups") == []


def test_a_removal_can_be_stopped(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(101)
    sim.faults.removal_hangs(volid)
    upid = root.delete(place(volid)).data
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid) == "received interrupt"
    assert world.archives("backups") == [volid]


def test_each_node_has_its_own_local_storage(world: World, root: Client) -> None:
    volid = world.add_archive(101, "local")
    assert root.get(place(volid, "pve2")).status == 500
    assert root.ended(root.delete(place(volid, "pve2")).data) == "OK"
    assert world.archives("local", "pve1") == [volid]


def test_rights_of_an_operator(world: World, operator: Client) -> None:
    mine, other = world.add_archive(101), world.add_archive(102)
    nobodys = world.add_archive(101, name="mine.tar.zst")
    assert operator.put(place(mine), notes="x").status == 200
    for call in (operator.get, operator.put, operator.delete):
        assert call(place(other)).reason == "Permission check failed (/vms/102, VM.Backup)"
        assert call(place(nobodys)).reason == "Permission check failed (/storage/backups, Datastore.Allocate)"
    assert operator.delete(place(mine), delay=5).status == 200
    assert sorted(world.archives("backups")) == sorted([other, nobodys])


def test_allocate_reads_all_and_removes_what_has_no_guest(world: World, sim: Simulator) -> None:
    owned, nobodys = world.add_archive(101), world.add_archive(101, name="mine.tar.zst")
    world.add_role("Keeper", ["Datastore.Allocate"])
    world.add_acl("/storage", "Keeper", USER)
    with Client(sim, f"{USER}!keeper", world.add_token(USER, "keeper", privsep=False)) as keeper:
        for volid in (owned, nobodys):
            assert keeper.put(place(volid), notes="kept").status == 200
            assert keeper.get(place(volid)).data["notes"] == "kept"
        assert keeper.delete(place(nobodys), delay=5).status == 200
        refused = keeper.delete(place(owned))
    assert refused.reason == "Permission check failed (/storage/backups, Datastore.AllocateSpace)"
    assert world.archives("backups") == [owned]


def test_protected_backups_are_limited(world: World, root: Client, operator: Client) -> None:
    *_others, protected = [world.add_archive(101, age=60.0 * number, protected=True) for number in range(1, 6)]
    world.add_archive(102, protected=True)
    sixth = world.add_archive(101)
    refused = operator.put(place(sixth), protected=1)
    assert (refused.status, refused.reason) == (500, LINE)
    assert root.get(place(sixth)).data["protected"] == 0
    assert operator.put(place(protected), protected=1).status == 200, "it is protected already"
    assert root.put(place(sixth), protected=1).status == 200, "Datastore.Allocate knows no limit"
    assert operator.put(place(protected), protected=0).status == 200, "taking it away is free"


@pytest.mark.parametrize("storage", ["backups", "depot"])
def test_the_storages_own_limit_counts_for_all(world: World, root: Client, storage: str) -> None:
    world.add_storage(storage, "pbs" if storage == "depot" else "dir", max_protected=1)
    first, second = world.add_archive(101, storage), world.add_archive(101, storage, age=60)
    assert root.put(place(first), protected=1).status == 200
    reply = root.put(place(second), notes="kept all the same", protected=1)
    text = f"The number of protected backups per guest is limited to 1 on storage '{storage}'"
    assert (reply.status, reply.reason) == (500, text)
    assert root.get(place(second)).data["notes"] == "kept all the same"
    assert root.put(place(first), protected=0).status == 200
    assert root.put(place(second), protected=1).status == 200
