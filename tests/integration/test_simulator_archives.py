# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups have real content, and are listed with what is said of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import tarfile
from datetime import timezone
from pathlib import Path

import pytest
import zstandard

from harness.ticking import START, Ticking
from pve_simulator import Disk, Mount, Simulator, World
from pve_simulator.archives import extraction
from pve_simulator.client import Client
from pve_simulator.storage.archive_names import file_name

NOISE = random.Random(7).randbytes(150_000)
ROOT = {"etc/motd": b"hello\n", "srv/data/noise.bin": NOISE, "tmp/scratch": b"no", "var/log/a.log": b"log\n"}


@pytest.fixture
def world(tmp_path: Path, clock: Ticking) -> World:
    world = World(tmp_path, clock=clock)
    world.add_node("pve1")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("backups")
    world.add_storage("depot", "pbs")
    mounts = [
        Mount("mp0", "/srv/kept", files={"a/b.txt": b"kept\n"}),
        Mount("mp1", "/srv/skipped", backup=False, files={"c.txt": b"skipped\n"}),
    ]
    world.add_container(101, "web1", "pve1", files=ROOT, mounts=mounts, description="first\nsecond")
    disks: dict[str, bytes | Disk] = {
        "scsi0": NOISE,
        "scsi1": Disk(b"second disk"),
        "scsi2": Disk(b"left out", backup=False),
    }
    world.add_vm(300, "db1", "pve1", disks=disks, tags=["db"])
    return world


def digests(path: Path) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in extraction.members(path)}


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def listed(root: Client, storage: str = "backups") -> list[dict[str, object]]:
    entries: list[dict[str, object]] = root.get(f"/nodes/pve1/storage/{storage}/content", content="backup").data
    return entries


@pytest.mark.parametrize(("compress", "extension"), [("zstd", ".zst"), ("gzip", ".gz"), ("lzo", ".lzo"), ("0", "")])
def test_a_containers_archive_holds_its_files(world: World, root: Client, compress: str, extension: str) -> None:
    assert root.ended(root.backup("pve1", vmid=101, storage="backups", compress=compress)) == "OK"
    (volid,) = world.archives("backups")
    assert volid.endswith(f".tar{extension}")
    found = digests(world.archive_path(volid))
    configuration = found.pop("./etc/vzdump/pct.conf")
    assert found == {
        "./etc/motd": digest(b"hello\n"),
        "./srv/data/noise.bin": digest(NOISE),
        "./srv/kept/a/b.txt": digest(b"kept\n"),
        "./var/log/a.log": digest(b"log\n"),
    }
    shown = root.get("/nodes/pve1/vzdump/extractconfig", volume=volid).data
    assert digest(shown.encode()) == configuration
    assert shown.startswith("#first\n#second\narch: amd64\ncores: 1\nhostname: web1\nmemory: 512\nmp0: local:")


def test_anybodys_tar_reads_a_containers_archive(world: World, root: Client) -> None:
    root.ended(root.backup("pve1", vmid=101, storage="backups", compress="zstd"))
    packed = world.archive_path(world.archives("backups")[0]).read_bytes()
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        assert tar.getnames()[:2] == ["./etc/vzdump/pct.conf", "."]
    assert root.ended(root.backup("pve1", vmid=101, storage="backups", compress="gzip")) == "OK"
    path = world.archive_path(next(volid for volid in world.archives("backups") if volid.endswith(".gz")))
    assert gzip.decompress(path.read_bytes())[: len("./etc/vzdump")] == b"./etc/vzdump"


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ({"exclude_path": ["/srv/data/*"]}, "./srv/data/noise.bin"),
        ({"exclude_path": ["*.log", "motd"]}, "./etc/motd"),
        ({}, "./tmp/scratch"),
    ],
    ids=["absolute", "anywhere", "standard"],
)
def test_paths_that_are_left_out(world: World, root: Client, options: dict[str, list[str]], left_out: str) -> None:
    assert root.ended(root.backup("pve1", vmid=101, storage="backups", **options)) == "OK"
    names = digests(world.archive_path(world.archives("backups")[0]))
    assert left_out not in names
    assert root.ended(root.backup("pve1", vmid=101, storage="backups", stdexcludes=0, compress="gzip")) == "OK"
    both = [digests(world.archive_path(volid)) for volid in world.archives("backups")]
    assert any(left_out in names for names in both)


def test_a_vms_archive_holds_its_disks(world: World, root: Client) -> None:
    upid = root.backup("pve1", vmid=300, storage="backups", compress="zstd")
    assert root.ended(upid) == "OK"
    (volid,) = world.archives("backups")
    assert volid.endswith(".vma.zst")
    found = digests(world.archive_path(volid))
    assert set(found) == {"qemu-server.conf", "drive-scsi0.raw", "drive-scsi1.raw"}
    assert found["drive-scsi0.raw"] == digest(NOISE)
    assert "INFO: exclude disk 'scsi2' 'local:300/vm-300-disk-2.qcow2' (backup=no)" in root.log(upid)
    shown = root.get("/nodes/pve1/vzdump/extractconfig", volume=volid).data
    assert shown.endswith("#qmdump#map:scsi0:drive-scsi0:local:qcow2:\n#qmdump#map:scsi1:drive-scsi1:local:qcow2:\n")


def test_two_backups_of_one_second_have_one_name(world: World, root: Client, clock: Ticking) -> None:
    for _again in range(2):
        assert root.ended(root.backup("pve1", vmid=101, storage="backups")) == "OK"
    assert len(world.archives("backups")) == 1
    clock.now += 1
    assert root.ended(root.backup("pve1", vmid=101, storage="backups")) == "OK"
    assert len(world.archives("backups")) == 2


def test_an_archive_that_is_written_is_not_listed(sim: Simulator, world: World, root: Client) -> None:
    sim.faults.guest_hangs(101)
    upid = root.backup("pve1", vmid=101, storage="backups", compress="zstd")
    root.until_logged(upid, "creating vzdump archive")
    assert listed(root) == []
    assert {path.suffix for path in world.backups("backups").dump.iterdir()} == {".dat", ".tmp"}
    assert root.get("/nodes/pve1/lxc/101/status/current").data["lock"] == "backup"
    sim.faults.release(101)
    assert root.ended(upid) == "OK"
    assert [path.suffix for path in world.backups("backups").dump.iterdir()] == [".zst"]
    assert "lock" not in root.get("/nodes/pve1/lxc/101/status/current").data


def test_seeded_archives_are_listed_with_what_is_said_of_them(world: World, root: Client) -> None:
    world.add_archive(101, age=3600, notes="one\ntwo", protected=True)
    world.add_archive(300, age=60, size=12345)
    world.add_archive(101, name="vzdump-lxc-101-before-upgrade.tar.zst")
    world.add_archive(999, age=86400, kind="qemu")
    entries = {str(entry["volid"]).rsplit("/", 1)[1]: entry for entry in listed(root)}
    first = entries[file_name("lxc", 101, START - 3600, "zstd", timezone.utc)]
    assert (first["notes"], first["protected"], first["ctime"]) == ("one", 1, START - 3600)
    assert root.get(f"/nodes/pve1/storage/backups/content/{first['volid']}").data["notes"] == "one\ntwo"
    vm = entries[file_name("qemu", 300, START - 60, "zstd", timezone.utc)]
    assert (vm["size"], vm["format"]) == (12345, "vma.zst")
    assert "protected" not in vm
    assert "notes" not in vm
    renamed = entries["vzdump-lxc-101-before-upgrade.tar.zst"]
    assert (renamed["vmid"], renamed["subtype"], renamed["ctime"]) == (101, "lxc", START)
    assert entries[file_name("qemu", 999, START - 86400, "zstd", timezone.utc)]["vmid"] == 999


def test_backup_servers_have_snapshots(world: World, root: Client) -> None:
    world.add_archive(101, "depot", age=60, verification="failed", encrypted="1")
    world.add_archive(300, "depot", age=30, size=1)
    upid = root.backup("pve1", vmid=300, storage="depot", notes_template="{{guestname}}\\non {{node}}", protected=1)
    assert root.ended(upid) == "OK"
    assert "INFO: creating Proxmox Backup Server archive 'vm/300/2027-01-15T08:00:00Z'" in root.log(upid)
    assert not any("archive file size" in line for line in root.log(upid))
    container, unfinished, machine = listed(root, "depot")
    assert container["volid"] == "depot:backup/ct/101/2027-01-15T07:59:00Z"
    verification = container["verification"]
    assert isinstance(verification, dict)
    assert verification["state"] == "failed"
    assert (container["format"], container["encrypted"]) == ("pbs-ct", "1")
    assert unfinished["size"] == 1
    assert (machine["format"], machine["notes"], machine["protected"]) == ("pbs-vm", "db1", 1)
    found = root.get("/nodes/pve1/storage/depot/content/depot:backup/vm/300/2027-01-15T08:00:00Z").data
    assert (found["notes"], found["format"]) == ("db1\non pve1", "pbs-vm")
    assert digests(world.archive_path(str(machine["volid"])))["drive-scsi0.raw"] == digest(NOISE)


def test_an_archive_may_vanish(world: World, sim: Simulator, root: Client) -> None:
    sim.faults.archive_vanishes(101)
    upid = root.backup("pve1", vmid=101, storage="backups")
    assert root.ended(upid) == "OK"
    assert any(line.startswith("INFO: Finished Backup of VM 101") for line in root.log(upid))
    assert listed(root) == []


def test_a_broken_archive_has_no_configuration(world: World, root: Client) -> None:
    volid = world.add_archive(101)
    world.archive_path(volid).write_bytes(world.archive_path(volid).read_bytes()[:100])
    reply = root.get("/nodes/pve1/vzdump/extractconfig", volume=volid)
    assert reply.status == 500
    assert reply.reason.startswith(f"unable to extract configuration from '{volid}': ")


def test_there_is_no_path_to_what_is_not_there(world: World) -> None:
    with pytest.raises(KeyError):
        world.archive_path("backups:backup/vzdump-lxc-101-2020_01_01-00_00_00.tar")


def test_files_stay_in_their_guest(world: World) -> None:
    with pytest.raises(ValueError, match="leads out of the guest"):
        world.add_container(103, "bad", "pve1", files={"../../../escape": b""})
