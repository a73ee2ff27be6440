# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores of VMs in the simulator: what comes back, what a failure leaves behind, what is refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from harness.lab import restore_world
from pve_simulator import Disk, Simulator, World
from pve_simulator.client import Client

NOISE = random.Random("disk").randbytes(300_000)
NETWORK: dict[str, str | int] = {"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0", "onboot": 1}
NOT_CLEAN = (
    "error before or during data restore, some or all disks were not completely restored. "
    "VM {vmid} state is NOT cleaned up."
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A node with VMs and one beside it."""
    world = restore_world(tmp_path / "cluster")
    world.add_vm(300, "vm", "pve1", disks={"scsi0": NOISE, "scsi1": b"second"}, options=NETWORK, tags=["prod"])
    world.add_vm(301, "far", "pve2", disks={"scsi0": NOISE})
    world.add_container(101, "web1", "pve1", files={"etc/motd": b"hello\n"})
    return world


def restore(client: Client, vmid: int, volid: str, **more: object) -> str:
    reply = client.post("/nodes/pve1/qemu", vmid=vmid, archive=volid, **more)
    assert reply.status == 200, reply
    upid = str(reply.data)
    assert upid.split(":")[5:7] == ["qmrestore", str(vmid)]
    return upid


@pytest.mark.parametrize("storage", ["backups", "depot"])
@pytest.mark.parametrize("compress", ["zstd", "gzip", "0"])
def test_what_was_saved_comes_back(world: World, root: Client, storage: str, compress: str) -> None:
    volid, before = world.add_archive(300, storage, compress=compress), world.content_hash(300)
    generation = root.get("/nodes/pve1/qemu/300/config").data["vmgenid"]
    world.break_guest(300)
    assert world.content_hash(300) != before
    assert root.ended(restore(root, 300, volid, force=1)) == "OK"
    assert world.content_hash(300) == before
    assert root.get("/nodes/pve1/qemu/300/config").data["vmgenid"] != generation
    assert root.ended(restore(root, 400, volid, storage="fast")) == "OK"
    assert world.content_hash(400) == before
    assert root.get("/nodes/pve1/qemu/400/config").data["scsi1"] == "fast:400/vm-400-disk-1.qcow2,size=1G"


def test_unique_and_overrides(world: World, root: Client) -> None:
    volid = world.add_archive(300)
    old = root.get("/nodes/pve1/qemu/300/config").data
    assert root.ended(restore(root, 400, volid, unique=1, name="drill", memory=256, onboot=0)) == "OK"
    new = root.get("/nodes/pve1/qemu/400/config").data
    assert (new["name"], new["memory"], new["onboot"]) == ("drill", "256", 0)
    assert new["net0"] != old["net0"]
    assert new["net0"].endswith(",bridge=vmbr0")
    assert new["smbios1"] != old["smbios1"]
    assert root.ended(restore(root, 401, volid, net0="virtio,bridge=vmbr1,link_down=1")) == "OK"
    copy = root.get("/nodes/pve1/qemu/401/config").data
    assert copy["smbios1"] == old["smbios1"]
    assert copy["net0"].startswith("virtio=BC:24:11:")
    assert copy["net0"].endswith(",bridge=vmbr1,link_down=1")


@pytest.mark.parametrize("compress", ["zstd", "gzip", "0"])
def test_a_truncated_archive_leaves_a_stub(world: World, root: Client, compress: str) -> None:
    volid = world.add_archive(300, compress=compress)
    world.truncate_archive(volid)
    assert "name: vm" in root.get("/nodes/pve1/vzdump/extractconfig", volume=volid).data
    upid = restore(root, 300, volid, force=1)
    end = root.ended(upid)
    assert end.endswith("failed: exit code 1")
    log = root.log(upid)
    assert NOT_CLEAN.format(vmid=300) in log
    assert "temporary volume 'local:300/vm-300-disk-0.qcow2' sucessfuly removed" in log
    config = root.get("/nodes/pve1/qemu/300/config").data
    assert {key: config[key] for key in config if key != "digest"} == {"memory": 128}
    assert list(world.layout.guest(300).iterdir()) == []
    assert root.get("/nodes/pve1/qemu/300/status/current").data["name"] == "VM 300"


def test_a_failure_on_a_new_id_leaves_an_empty_vm(world: World, root: Client) -> None:
    volid = world.add_archive(300)
    world.archive_path(volid).write_bytes(b"no archive")
    end = root.ended(restore(root, 400, volid))
    assert end.endswith("failed: got timeout reading VMA header - corrupted?")
    assert list(root.get("/nodes/pve1/qemu/400/config").data) == ["digest"]
    again = root.post("/nodes/pve1/qemu", vmid=400, archive=volid)
    assert again.reason == "unable to restore VM 400 - VM 400 already exists on node 'pve1'"
    assert root.delete("/nodes/pve1/qemu/400").status == 200


@pytest.mark.parametrize(("at", "left"), [("begin", True), ("extract", False), ("end", False)])
def test_only_before_the_destruction_the_old_one_stays(
    world: World, sim: Simulator, root: Client, at: str, left: bool
) -> None:
    volid, before = world.add_archive(300), world.content_hash(300)
    sim.faults.restore_fails(300, "no such luck", at=at)
    upid = restore(root, 300, volid, force=1)
    assert root.ended(upid) == "no such luck"
    assert root.log(upid)[-2] == NOT_CLEAN.format(vmid=300)
    assert (world.content_hash(300) == before) == left
    assert world.cluster.guests[300].lock is None


def test_disks_that_are_not_in_the_archive_become_unused(world: World, root: Client) -> None:
    volid = world.add_archive(300)
    assert root.put("/nodes/pve1/qemu/300/config", scsi2="fast:3").data is None
    world.add_snapshot(300, "before")
    assert [entry["name"] for entry in root.get("/nodes/pve1/qemu/300/snapshot").data] == ["before", "current"]
    assert root.ended(restore(root, 300, volid, force=1)) == "OK"
    config = root.get("/nodes/pve1/qemu/300/config").data
    assert config["unused0"] == "fast:300/vm-300-disk-0.qcow2"
    assert "scsi2" not in config
    assert [entry["name"] for entry in root.get("/nodes/pve1/qemu/300/snapshot").data] == ["current"]


def test_disks_that_were_left_out_of_the_backup_are_a_note(world: World, root: Client) -> None:
    world.add_vm(302, "part", "pve1", disks={"scsi0": NOISE, "scsi1": Disk(b"out", backup=False)}, description="mine")
    volid = world.add_archive(302)
    assert root.ended(restore(root, 402, volid)) == "OK"
    config = root.get("/nodes/pve1/qemu/402/config").data
    assert "scsi1" not in config
    assert config["description"] == "mine\nscsi1: local:302/vm-302-disk-1.qcow2,backup=0,size=1G\n"
    assert root.ended(restore(root, 302, volid, force=1)) == "OK"
    assert root.get("/nodes/pve1/qemu/302/config").data["unused0"] == "local:302/vm-302-disk-1.qcow2"
    assert (world.layout.guest(302) / "unused0.raw").read_bytes() == b"out", "it is still there"


def test_what_the_task_refuses_leaves_all_as_it_was(world: World, root: Client) -> None:
    volid, before = world.add_archive(300), world.content_hash(300)
    world.set_running(300, True)
    assert root.ended(restore(root, 300, volid, force=1)) == "unable to restore VM 300 - vm is running"
    world.set_running(300, False)
    assert root.ended(restore(root, 300, volid, force=1, storage="nope")).endswith("storage 'nope' does not exist")
    wrong = "Content type 'images' is not available on storage 'backups'"
    assert root.ended(restore(root, 300, volid, force=1, storage="backups")).endswith(wrong)
    assert world.content_hash(300) == before
    world.set_option(300, "protection", 1)
    refused = "unable to restore VM 300 - - protection mode enabled"
    assert root.ended(restore(root, 300, volid, force=1)) == refused


def test_what_is_refused_at_once(world: World, root: Client) -> None:
    volid = world.add_archive(300)
    begin = "unable to restore VM"

    def refused(vmid: int, **more: object) -> str:
        reply = root.post("/nodes/pve1/qemu", vmid=vmid, archive=volid, **more)
        assert reply.status == 500, reply
        return reply.reason

    assert refused(101) == f"{begin} 101 - CT 101 already exists on node 'pve1'"
    path = "/etc/pve/nodes/pve1/qemu-server/301.conf"
    assert refused(301, force=1) == f"{begin} 301 - close (rename) atomic file '{path}' failed: File exists"
    world.lock_guest(300, "backup")
    assert refused(300, force=1) == f"{begin} 300 - VM is locked (backup)"
    assert refused(400, pool="nope") == "pool 'nope' does not exist"
    drive = root.post("/nodes/pve1/qemu", vmid=400, archive=volid, scsi0="local:2")
    assert (drive.status, drive.errors) == (400, {"scsi0": "option conflicts with option 'archive'"})


def test_a_base_of_linked_clones_stays(world: World, root: Client) -> None:
    world.add_vm(900, "tmpl", "pve1", disks={"scsi0": NOISE}, template=True)
    world.add_linked_clone(900, 901, "clone")
    clone = root.get("/nodes/pve1/qemu/901/config").data
    assert clone["scsi0"] == "local:900/base-900-disk-0.qcow2/901/vm-901-disk-0.qcow2,size=1G"
    gone = root.delete("/nodes/pve1/qemu/900", purge=1)
    assert root.ended(gone.data) == "base volume 'local:900/base-900-disk-0.qcow2' is still in use by linked cloned"
    volid = world.add_archive(900)
    upid = restore(root, 900, volid, force=1)
    assert root.ended(upid) == "OK"
    assert "base volume '900/base-900-disk-0.qcow2' is still in use by linked clones" in root.log(upid)
    config = root.get("/nodes/pve1/qemu/900/config").data
    assert config["template"] == 1
    assert config["unused0"].endswith("900-disk-0.qcow2")
    assert config["scsi0"] == "local:900/base-900-disk-1.qcow2,size=1G"


def test_live_restore_is_for_backup_servers(world: World, root: Client) -> None:
    text = "live-restore is only compatible with backup images from a Proxmox Backup Server"
    assert root.ended(restore(root, 400, world.add_archive(300), live_restore=1)) == text
    assert root.ended(restore(root, 401, world.add_archive(300, "depot"), live_restore=1)) == "OK"


def test_start_and_its_right_on_9(tmp_path: Path) -> None:
    world = World(tmp_path / "nine", version="9.2")
    world.add_node("pve1")
    world.add_storage("local", content=["images", "backup"])
    world.add_vm(300, "vm", "pve1", disks={"scsi0": NOISE}, options={"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0"})
    volid = world.add_archive(300, "local")
    world.add_user("op@pve", "secret")
    world.add_role("Restore", ["VM.Allocate", "VM.Backup", "Datastore.AllocateSpace", "SDN.Use"])
    world.add_role("Power", ["VM.PowerMgmt", "Sys.Console"])
    world.add_acl("/", "Restore", "op@pve")
    secret = world.add_token("op@pve", "op", privsep=False)
    with Simulator(world) as sim, Client(sim, "op@pve!op", secret) as op:
        refused = op.post("/nodes/pve1/qemu", vmid=400, archive=volid, start=1)
        assert refused.reason == "Permission check failed (/vms/400, VM.PowerMgmt)"
        world.add_acl("/vms", "Power", "op@pve")
        world.add_acl("/vms", "Restore", "op@pve")  # what is set on a path takes the place of what comes from above
        upid = restore(op, 400, volid, start=1)
        assert op.ended(upid) == "OK"
        sim.wait_idle()
        assert world.cluster.guests[400].running
        refused = op.post("/nodes/pve1/qemu", vmid=401, archive=volid, ha_managed=1)
        assert refused.reason == "Permission check failed (/, Sys.Console)"
        world.add_acl("/", "Power", "op@pve")
        assert op.post("/nodes/pve1/qemu", vmid=401, archive=volid, ha_managed=1).status == 200
        sim.wait_idle()
        assert world.cluster.resources["vm:401"].state == "started"
