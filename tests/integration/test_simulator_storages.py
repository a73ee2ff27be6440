# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages that forget, protect, refuse and fill up."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.ticking import Ticking
from pve_simulator import Simulator, World
from pve_simulator.client import Client

NOISE = random.Random(7).randbytes(150_000)


@pytest.fixture
def world(tmp_path: Path, clock: Ticking) -> World:
    world = World(tmp_path, clock=clock)
    world.add_node("pve1")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("backups")
    world.add_container(101, "web1", "pve1", files={"srv/noise.bin": NOISE})
    world.add_vm(300, "db1", "pve1", disks={"scsi0": NOISE})
    return world


def test_older_backups_go_by_the_storages_retention(world: World, root: Client, clock: Ticking) -> None:
    world.add_storage("backups", prune="keep-last=2")
    kept = world.add_archive(101, age=86400, protected=True)
    renamed = world.add_archive(101, age=86400, name="vzdump-lxc-101-mine.tar.zst")
    upid = ""
    for _again in range(3):
        clock.now += 60
        upid = root.backup("pve1", vmid=101, storage="backups", compress="zstd")
        assert root.ended(upid) == "OK"
    assert "INFO: pruned 1 backup(s) not covered by keep-retention policy" in root.log(upid)
    left = world.archives("backups")
    assert len(left) == 4
    assert {kept, renamed} <= set(left)


def test_removing_older_backups_may_fail(world: World, sim: Simulator, root: Client, clock: Ticking) -> None:
    world.add_archive(101, age=86400)
    sim.faults.prune_fails(101)
    upid = root.backup("pve1", vmid=101, storage="backups", prune_backups="keep-last=1")
    assert root.ended(upid) == "job errors"
    assert "ERROR: Backup of VM 101 failed - error pruning backups - check log" in root.log(upid)
    assert len(world.archives("backups")) == 2


def test_protecting_may_fail(world: World, sim: Simulator, root: Client) -> None:
    sim.faults.protect_fails(101)
    upid = root.backup("pve1", vmid=101, storage="backups", protected=1)
    assert root.ended(upid) == "job errors"
    assert any("failed - unable to set protected flag - " in line for line in root.log(upid))
    assert len(world.archives("backups")) == 1
    assert "protected" not in root.get("/nodes/pve1/storage/backups/content").data[0]


@pytest.mark.parametrize(("limit", "count", "status"), [(None, 5, "OK"), (1, 1, "job errors"), (-1, 9, "OK")])
def test_protected_backups_are_limited(world: World, root: Client, limit: int | None, count: int, status: str) -> None:
    world.add_storage("backups", max_protected=limit)
    for number in range(count):
        world.add_archive(101, age=60.0 * (number + 1), protected=True)
    upid = root.backup("pve1", vmid=101, storage="backups", protected=1)
    assert root.ended(upid) == status


def test_protected_backups_are_limited_to_five_for_those_who_may_not_allocate(world: World, sim: Simulator) -> None:
    world.add_user("backup@pve")
    world.add_acl("/", "PVEVMUser", "backup@pve")
    world.add_acl("/storage", "PVEDatastoreUser", "backup@pve")
    world.add_acl("/storage", "PVEVMUser", "backup@pve")
    for number in range(5):
        world.add_archive(101, age=60.0 * (number + 1), protected=True)
    with Client(sim, "backup@pve!all", world.add_token("backup@pve", "all", privsep=False)) as client:
        upid = client.backup("pve1", vmid=101, storage="backups", protected=1)
        assert client.ended(upid) == "job errors"
        text = "The number of protected backups per guest is limited to 5 on storage 'backups'"
        assert client.log(upid)[1] == f"ERROR: Backup of VM 101 failed - {text}"


def test_defaults_of_a_storage(world: World, root: Client) -> None:
    world.add_storage("backups", prune="keep-weekly=4,keep-last=3")
    world.add_storage("depot", "pbs")
    found = root.get("/nodes/pve1/vzdump/defaults", storage="backups").data
    assert (found["storage"], found["dumpdir"]) == ("backups", "/mnt/pve/backups/dump")
    assert found["prune-backups"] == "keep-last=3,keep-weekly=4"
    server = root.get("/nodes/pve1/vzdump/defaults", storage="depot").data
    assert (server["prune-backups"], "dumpdir" in server) == ("keep-all=1", False)


def test_defaults_are_for_those_who_see_the_storage(world: World, sim: Simulator, root: Client) -> None:
    wrong = root.get("/nodes/pve1/vzdump/defaults")
    assert (wrong.status, wrong.reason) == (500, "can't use storage 'local' for backups - wrong content type")
    missing = root.get("/nodes/pve1/vzdump/defaults", storage="nope")
    assert (missing.status, missing.reason) == (500, "storage 'nope' does not exist")
    world.add_user("b@pve")
    world.add_acl("/storage/backups", "PVEDatastoreUser", "b@pve")
    with Client(sim, "b@pve!all", world.add_token("b@pve", "all", privsep=False)) as client:
        found = client.get("/nodes/pve1/vzdump/defaults", storage="backups").data
        assert {"dumpdir", "ionice"}.isdisjoint(found)
        text = "Permission check failed (/storage/local, Datastore.Audit|Datastore.AllocateSpace)"
        assert client.get("/nodes/pve1/vzdump/defaults").reason == text


def test_archives_without_content_are_listed_as_others(world: World, root: Client, clock: Ticking) -> None:
    world.add_storage("depot", "pbs")
    for storage in ("backups", "depot"):
        bare = world.add_archive(101, storage, age=60, bare=True)
        sized = world.add_archive(101, storage, age=120, bare=True, size=7 << 30, notes="n", protected=True)
        first, second = root.get(f"/nodes/pve1/storage/{storage}/content").data
        assert (first["volid"], first["size"], first["notes"], first["protected"]) == (sized, 7 << 30, "n", 1)
        assert (second["volid"], second["size"], second["ctime"]) == (bare, 64 << 20, int(clock.now) - 60)
        assert world.archive_path(sized).stat().st_blocks == 0
        assert root.delete(f"/nodes/pve1/storage/{storage}/content/{bare}", delay=5).status == 200
        assert world.archives(storage) == [sized]


def test_without_removal_the_retention_is_a_limit(world: World, root: Client) -> None:
    world.add_storage("backups", prune="keep-last=1")
    world.add_archive(101, age=60)
    upid = root.backup("pve1", vmid=101, storage="backups", remove=0)
    assert root.ended(upid) == "job errors"
    text = "There is a max backup limit of 1 enforced by the target storage or the vzdump parameters. "
    assert (
        root.log(upid)[1] == f"ERROR: Backup of VM 101 failed - {text}Either increase the limit or delete old backups."
    )
    assert len(world.archives("backups")) == 1


def test_protected_backups_do_not_count_for_the_retentions_limit(world: World, root: Client) -> None:
    world.add_storage("backups", prune="keep-last=1")
    world.add_archive(101, age=60, protected=True)
    assert root.ended(root.backup("pve1", vmid=101, storage="backups", remove=0)) == "OK"
    assert len(world.archives("backups")) == 2


@pytest.mark.parametrize(
    ("vmid", "line"),
    [
        (101, "INFO: zstd: error 70 : Write error : cannot write block : No space left on device"),
        (300, "ERROR: Backup of VM 300 failed - vma_queue_write: write error - Broken pipe"),
    ],
)
def test_a_full_storage(world: World, sim: Simulator, root: Client, vmid: int, line: str) -> None:
    sim.faults.storage_full("backups")
    upid = root.backup("pve1", vmid=vmid, storage="backups", compress="zstd")
    assert root.ended(upid) == "job errors"
    assert line in root.log(upid)
    assert list(world.backups("backups").dump.iterdir()) == []
    assert root.get("/nodes/pve1/storage/backups/status").data["avail"] == 0


def test_a_storage_fills_up(world: World, root: Client, clock: Ticking) -> None:
    world.add_storage("backups", capacity=300_000)
    assert root.ended(root.backup("pve1", vmid=101, storage="backups")) == "OK"
    clock.now += 1
    upid = root.backup("pve1", vmid=101, storage="backups")
    assert root.ended(upid) == "job errors"
    assert "INFO: tar: -: Cannot write: No space left on device" in root.log(upid)
    assert any(line.endswith("failed: exit code 2") for line in root.log(upid))


FILES_PARENT, SNAPSHOT_PARENT = "../900/base-900-disk-0.qcow2", "base-900-disk-0@__base__"
ABSENT = "absent"


@pytest.mark.parametrize(
    ("kind", "base", "clone", "parent", "none"),
    [
        ("dir", "900/base-900-disk-0.qcow2", "901/vm-901-disk-0.qcow2", FILES_PARENT, None),
        ("nfs", "900/base-900-disk-0.qcow2", "901/vm-901-disk-0.qcow2", FILES_PARENT, None),
        ("zfspool", "base-900-disk-0", "vm-901-disk-0", SNAPSHOT_PARENT, None),
        ("rbd", "base-900-disk-0", "vm-901-disk-0", SNAPSHOT_PARENT, None),
        ("lvmthin", "base-900-disk-0", "vm-901-disk-0", ABSENT, ABSENT),
    ],
)
def test_a_linked_clone_names_its_base(
    world: World, root: Client, kind: str, base: str, clone: str, parent: object, none: object
) -> None:
    world.add_storage("images", kind, content=["images"])
    world.add_vm(900, "tmpl", "pve1", disks={"scsi0": b"x"}, storage="images", template=True)
    world.add_linked_clone(900, 901, "clone")
    world.add_vm(902, "full", "pve1", disks={"scsi0": b"x"}, storage="images")
    listed = {entry["vmid"]: entry for entry in root.get("/nodes/pve1/storage/images/content").data}
    assert {vmid: entry.get("parent", ABSENT) for vmid, entry in listed.items()} == {900: none, 901: parent, 902: none}
    tells = parent != ABSENT
    assert listed[900]["volid"] == f"images:{base}"
    assert listed[901]["volid"] == (f"images:{base}/{clone}" if tells else f"images:{clone}")
    assert root.get("/nodes/pve1/qemu/901/config").data["scsi0"].startswith(listed[901]["volid"])
    end = root.ended(root.delete("/nodes/pve1/qemu/900").data)
    assert end == (f"base volume 'images:{base}' is still in use by linked cloned" if tells else "OK")


def test_a_clone_of_a_clone_names_the_last_base(world: World, root: Client) -> None:
    world.add_vm(900, "tmpl", "pve1", disks={"scsi0": b"x"}, template=True)
    world.add_linked_clone(900, 901, "clone")
    world.cluster.guests[901].template = True
    world.add_linked_clone(901, 902, "grandchild")
    listed = {entry["vmid"]: entry for entry in root.get("/nodes/pve1/storage/local/content", content="images").data}
    assert listed[902]["volid"] == "local:901/base-901-disk-0.qcow2/902/vm-902-disk-0.qcow2"
    assert listed[902]["parent"] == "../901/base-901-disk-0.qcow2"
    assert listed[901]["parent"] == "../900/base-900-disk-0.qcow2"
    assert root.ended(root.delete("/nodes/pve1/qemu/901").data).endswith("is still in use by linked cloned")
