# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores of containers in the simulator: what comes back, what a failure destroys, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.lab import restore_world
from pve_simulator import Mount, Simulator, World
from pve_simulator.client import Client

FILES = {"etc/motd": b"hello\n", "srv/a.bin": bytes(range(256)) * 400, "srv/b.bin": b"b" * 50_000}
NETWORK: dict[str, str | int] = {"net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,type=veth", "onboot": 1}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A node that restores and one beside it."""
    world = restore_world(tmp_path / "cluster")
    world.add_pool("prod")
    mounts = [
        Mount("mp0", "/data/in", files={"kept.txt": b"kept\n"}),
        Mount("mp1", "/data/out", backup=False, files={"lost.txt": b"lost\n"}),
    ]
    world.add_container(101, "web1", "pve1", files=FILES, options=NETWORK, tags=["prod"], description="one\ntwo")
    world.add_container(102, "db1", "pve1", files=FILES, mounts=mounts)
    world.add_container(103, "far", "pve2", files=FILES)
    world.add_vm(300, "vm", "pve1", disks={"scsi0": b"x" * 1000})
    return world


def restore(client: Client, vmid: int, volid: str, **more: object) -> str:
    reply = client.post("/nodes/pve1/lxc", vmid=vmid, ostemplate=volid, restore=1, **{"storage": "local", **more})
    assert reply.status == 200, reply
    upid = str(reply.data)
    assert upid.split(":")[5:7] == ["vzrestore", str(vmid)]
    return upid


@pytest.mark.parametrize("storage", ["backups", "depot"])
@pytest.mark.parametrize("compress", ["zstd", "gzip", "0"])
def test_what_was_saved_comes_back(world: World, root: Client, storage: str, compress: str) -> None:
    volid, before = world.add_archive(101, storage, compress=compress), world.content_hash(101)
    world.break_guest(101)
    assert world.content_hash(101) != before
    assert root.ended(restore(root, 101, volid, force=1)) == "OK"
    assert world.content_hash(101) == before
    assert root.ended(restore(root, 201, volid)) == "OK"
    assert world.content_hash(201) == before


def test_new_volumes_are_made_before_the_old_ones_go(world: World, root: Client) -> None:
    volid = world.add_archive(101)
    assert root.ended(restore(root, 101, volid, force=1)) == "OK"
    assert root.get("/nodes/pve1/lxc/101/config").data["rootfs"] == "local:101/vm-101-disk-1.raw,size=8G"
    listed = root.get("/nodes/pve1/storage/local/content", content="rootdir", vmid=101).data
    assert [entry["volid"] for entry in listed] == ["local:101/vm-101-disk-1.raw"]


def test_mount_points_come_back_those_left_out_are_empty(world: World, root: Client) -> None:
    volid = world.add_archive(102)
    assert root.ended(restore(root, 102, volid, force=1, storage="fast")) == "OK"
    config = root.get("/nodes/pve1/lxc/102/config").data
    assert config["mp0"] == "fast:102/vm-102-disk-1.raw,mp=/data/in,backup=1,size=4G"
    folder = world.layout.guest(102)
    assert (folder / "mp0" / "kept.txt").read_bytes() == b"kept\n"
    assert [path.name for path in (folder / "mp1").iterdir()] == []
    assert (folder / "rootfs" / "etc" / "motd").read_bytes() == b"hello\n"


def test_listed_mount_points_are_all_there_is(world: World, root: Client) -> None:
    volid = world.add_archive(102)
    assert root.ended(restore(root, 202, volid, rootfs="fast:5", mp0="3,mp=/data/in")) == "OK"
    config = root.get("/nodes/pve1/lxc/202/config").data
    assert config["rootfs"] == "fast:202/vm-202-disk-0.raw,size=5G"
    assert config["mp0"] == "local:202/vm-202-disk-0.raw,mp=/data/in,size=3G"
    assert "mp1" not in config
    refused = root.post("/nodes/pve1/lxc", vmid=203, ostemplate=volid, restore=1, mp0="local:1,mp=/x")
    assert (refused.status, refused.reason) == (500, "mount points configured, but 'rootfs' not set - aborting")


def test_overrides_and_new_addresses(world: World, root: Client) -> None:
    volid = world.add_archive(101)
    more = {"hostname": "drill", "memory": 256, "cores": 2, "onboot": 0, "description": "drill", "tags": "x;y"}
    assert root.ended(restore(root, 201, volid, unique=1, pool="prod", **more)) == "OK"
    config = root.get("/nodes/pve1/lxc/201/config").data
    assert {key: config[key] for key in more} == {**more, "description": "drill\n"}
    assert config["net0"].startswith("name=eth0,bridge=vmbr0,hwaddr=BC:24:11:")
    assert "BC:24:11:00:00:01" not in config["net0"]
    assert world.cluster.guests[201].pool == "prod"
    assert root.ended(restore(root, 202, volid)) == "OK"
    assert "BC:24:11:00:00:01" in root.get("/nodes/pve1/lxc/202/config").data["net0"]


@pytest.mark.parametrize("compress", ["zstd", "gzip", "0"])
def test_a_truncated_archive_destroys_what_was_there(world: World, root: Client, compress: str) -> None:
    volid = world.add_archive(101, compress=compress)
    world.truncate_archive(volid)
    shown = root.get("/nodes/pve1/vzdump/extractconfig", volume=volid)
    assert "hostname: web1" in shown.data, "nothing warns of it"
    upid = restore(root, 101, volid, force=1)
    end = root.ended(upid)
    assert end.startswith("unable to restore CT 101 - command 'tar xpf - ")
    assert end.endswith("failed: exit code 2")
    assert root.log(upid)[-3:-1] == ["tar: Unexpected EOF in archive", "tar: Error is not recoverable: exiting now"]
    gone = root.get("/nodes/pve1/lxc/101/config")
    assert gone.reason == "Configuration file 'nodes/pve1/lxc/101.conf' does not exist"
    assert not world.layout.guest(101).exists()
    assert root.ended(restore(root, 201, volid)) == end.replace("101", "201")
    assert 201 not in world.cluster.guests


def test_what_may_be_ignored(world: World, root: Client) -> None:
    volid = world.add_archive(101)
    world.truncate_archive(volid)
    assert root.ended(restore(root, 201, volid, ignore_unpack_errors=1)) == "OK"
    assert root.get("/nodes/pve1/lxc/201/config").data["hostname"] == "web1"


@pytest.mark.parametrize(("at", "left"), [("begin", True), ("extract", False), ("end", False)])
def test_only_before_the_destruction_the_old_one_stays(
    world: World, sim: Simulator, root: Client, at: str, left: bool
) -> None:
    volid, before = world.add_archive(101), world.content_hash(101)
    sim.faults.restore_fails(101, "no such luck", at=at)
    assert root.ended(restore(root, 101, volid, force=1)) == "unable to restore CT 101 - no such luck"
    assert (101 in world.cluster.guests) == left
    if left:
        assert world.content_hash(101) == before
        assert world.cluster.guests[101].lock is None


def test_an_archive_that_goes_away_meanwhile(world: World, sim: Simulator, root: Client) -> None:
    volid, before = world.add_archive(101), world.content_hash(101)
    sim.faults.after("POST", "/lxc$", lambda: world.archive_path(volid).unlink())
    world.tasks.hold()
    upid = restore(root, 101, volid, force=1)
    world.tasks.release()
    assert root.ended(upid) == f"unable to restore CT 101 - volume '{volid}' does not exist"
    assert world.content_hash(101) == before


def test_the_id_is_locked_while_it_is_restored(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(101)
    sim.faults.restore_hangs(201)
    upid = restore(root, 201, volid)
    root.until_logged(upid, "extracting")
    assert root.get("/nodes/pve1/lxc/201/status/current").data["lock"] == "create"
    again = root.post("/nodes/pve1/lxc", vmid=201, ostemplate=volid, restore=1, storage="local", force=1)
    assert again.reason == "unable to restore CT 201 - CT is locked (create)"
    assert root.delete("/nodes/pve1/lxc/201").reason == "CT is locked (create)"
    assert root.get("/cluster/nextid", vmid=201).errors == {"vmid": "VM 201 already exists"}
    sim.faults.release(201)
    assert root.ended(upid) == "OK"
    assert "lock" not in root.get("/nodes/pve1/lxc/201/status/current").data


def test_room_is_needed_for_old_and_new(world: World, root: Client) -> None:
    world.add_storage("blocks", "lvm", content=["rootdir", "images"], capacity=20 << 30)
    volid = world.add_archive(101)
    assert root.ended(restore(root, 201, volid, storage="blocks")) == "OK"
    assert root.ended(restore(root, 201, volid, storage="blocks", force=1)) == "OK"
    world.set_capacity("blocks", 12 << 30)
    before = world.content_hash(201)
    end = root.ended(restore(root, 201, volid, storage="blocks", force=1))
    assert end.endswith('Volume group "blocks" has insufficient free space')
    assert world.content_hash(201) == before, "nothing was destroyed yet"


def test_a_storage_that_becomes_full(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(101)
    found = root.get("/nodes/pve1/storage", storage="fast").data[0]
    assert found["avail"] == 10 << 30
    world.set_capacity("fast", 60_000)
    end = root.ended(restore(root, 101, volid, storage="fast", force=1))
    assert end.endswith("failed: exit code 2")
    assert 101 not in world.cluster.guests
    sim.faults.storage_full("fast")
    end = root.ended(restore(root, 102, volid, storage="fast", force=1))
    assert end == "unable to restore CT 102 - unable to create image: No space left on device"
    assert 102 in world.cluster.guests, "its volumes could not even be made"


def test_bwlimit_slows(world: World, root: Client) -> None:
    volid = world.add_archive(101)
    upid = restore(root, 201, volid, bwlimit=100)
    assert root.get(f"/nodes/pve1/tasks/{upid}/status").data["status"] == "running"
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid).endswith("interrupted by signal")


def test_start_is_a_task_of_its_own(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(101)
    assert root.ended(restore(root, 201, volid, start=1)) == "OK"
    sim.wait_idle()
    assert world.cluster.guests[201].running
    sim.faults.start_fails(202, "no such device")
    assert root.ended(restore(root, 202, volid, start=1)) == "OK"
    sim.wait_idle()
    assert not world.cluster.guests[202].running
    ends = {task["id"]: task["status"] for task in root.get("/nodes/pve1/tasks", typefilter="vzstart").data}
    assert ends == {"201": "OK", "202": "no such device"}


def test_refusals_before_anything_happens(world: World, root: Client) -> None:
    volid, vm = world.add_archive(101), world.add_archive(300)
    before = world.content_hash(101)

    def refused(vmid: int, archive: str = volid, **more: object) -> tuple[int, str, object]:
        reply = root.post("/nodes/pve1/lxc", vmid=vmid, ostemplate=archive, restore=1, **{"storage": "local", **more})
        return reply.status, reply.reason, reply.errors

    assert refused(103, force=1) == (500, "CT 103 already exists on node 'pve2'", None)
    assert refused(300, force=1) == (500, "VM 300 already exists on node 'pve1'", None)
    world.set_running(101, True)
    assert refused(101, force=1) == (500, "can't overwrite running container", None)
    world.set_running(101, False)
    world.set_option(101, "protection", 1)
    assert refused(101, force=1) == (500, "unable to restore CT 101 - protection mode enabled", None)
    world.set_option(101, "protection", None)
    wrong = {"storage": "storage 'backups' does not support container directories"}
    assert refused(201, storage="backups") == (400, "Parameter verification failed.", wrong)
    assert refused(201, pool="nope") == (500, "pool 'nope' does not exist", None)
    assert root.ended(restore(root, 201, vm)).endswith("ERROR: archive contains no configuration file")
    assert world.content_hash(101) == before
    assert 201 not in world.cluster.guests


def test_mounts_that_are_no_volumes_are_for_root(world: World, sim: Simulator, root: Client) -> None:
    world.add_container(104, "films", "pve1", files=FILES, mounts=[Mount("mp5", "/bind", source="/mnt/bind")])
    volid = world.add_archive(104)
    end = root.ended(restore(root, 201, volid))
    assert end == "unable to restore CT 201 - restoring 'mp5' to bind mount is only possible for root"
    own = root.post("/nodes/pve1/lxc", vmid=201, ostemplate=volid, restore=1, rootfs="local:1", mp0="/mnt/x,mp=/x")
    assert own.reason == "Permission check failed (mount point type bind is only allowed for root@pam)"
    backup = root.backup("pve1", vmid=104, storage="backups")
    assert root.ended(backup) == "OK"
    assert "INFO: excluding bind mount point mp5 ('/bind') from backup (not a volume)" in root.log(backup)
    world.add_user("root@pam", "secret")
    with Client(sim) as user:
        ticket = user.post("/access/ticket", username="root@pam", password="secret").data
        user.headers = {
            "Cookie": f"PVEAuthCookie={ticket['ticket']}",
            "CSRFPreventionToken": ticket["CSRFPreventionToken"],
        }
        assert user.ended(restore(user, 201, volid)) == "OK"
    assert root.get("/nodes/pve1/lxc/201/config").data["mp5"] == "/mnt/bind,mp=/bind"


RIGHTS = {
    "VM.Backup": ("/vms/101", ["VM.Backup"]),
    "VM.Allocate": ("/vms", ["VM.Allocate", "VM.Audit"]),
    "Datastore.AllocateSpace": ("/storage", ["Datastore.AllocateSpace"]),
    "SDN.Use": ("/sdn", ["SDN.Use"]),
}


def test_rights(world: World, sim: Simulator) -> None:
    volid = world.add_archive(101)
    world.add_user("op@pve", "secret")
    secret = world.add_token("op@pve", "op", privsep=False)
    for name, (_path, privileges) in RIGHTS.items():
        world.add_role(name.replace(".", ""), privileges)
    with Client(sim, "op@pve!op", secret) as op:

        def tried(vmid: int, **more: object) -> str:
            reply = op.post("/nodes/pve1/lxc", vmid=vmid, ostemplate=volid, restore=1, storage="local", **more)
            return op.ended(reply.data) if reply.status == 200 else reply.reason

        world.add_acl("/vms/101", "VMBackup", "op@pve")
        assert tried(201) == "Permission check failed"
        assert tried(101, force=1) == "Permission check failed (/storage/local, Datastore.AllocateSpace)"
        world.add_acl("/storage", "DatastoreAllocateSpace", "op@pve")
        missing = "unable to restore CT 101 - 403 Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)"
        assert tried(101, force=1) == missing
        assert 101 in world.cluster.guests
        world.add_acl("/sdn", "SDNUse", "op@pve")
        assert tried(101, force=1) == "OK"
        assert tried(201) == "Permission check failed"
        world.add_acl("/vms/201", "VMAllocate", "op@pve")
        assert tried(201) == "OK"
        assert tried(201, force=1, memory=64) == "Permission check failed (/vms/201, VM.Config.Memory)"
