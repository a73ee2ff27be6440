# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests in the simulator: configuration, starting and stopping, destroying, HA, replication, figures."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pve_simulator import Simulator, World
from pve_simulator.client import Client

CARD: dict[str, str | int] = {"net0": "virtio=BC:24:11:00:00:01,bridge=vmbr0"}
PLACES = {101: "/nodes/pve1/lxc/101", 300: "/nodes/pve1/qemu/300"}
BOTH = pytest.mark.parametrize("vmid", [101, 300])
PREFIX = {101: "vz", 300: "qm"}
WORD = {101: "CT", 300: "VM"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A container and a VM."""
    world = World(tmp_path / "cluster")
    world.add_node("pve1", memory=8 << 30)
    world.add_node("pve2")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("backups", "nfs")
    world.add_container(101, "web1", "pve1", files={"etc/motd": b"hello\n", "srv/a": b"a"}, memory=1024)
    world.add_vm(300, "vm", "pve1", disks={"scsi0": b"x" * 1000}, options=CARD, memory=1024)
    return world


def done(client: Client, path: str, **more: object) -> str:
    reply = client.post(path, **more)
    assert reply.status == 200, reply
    return client.ended(reply.data)


@BOTH
def test_starting_and_stopping(world: World, root: Client, vmid: int) -> None:
    place = PLACES[vmid]
    for action, status in (("start", "running"), ("shutdown", "stopped"), ("start", "running"), ("stop", "stopped")):
        upid = root.post(f"{place}/status/{action}").data
        assert upid.split(":")[5:7] == [f"{PREFIX[vmid]}{action}", str(vmid)]
        assert root.ended(upid) == "OK"
        assert root.log(upid) == ["TASK OK"]
        assert root.get(f"{place}/status/current").data["status"] == status
        assert world.cluster.guests[vmid].running == (status == "running")


@BOTH
def test_what_cannot_be_started(world: World, sim: Simulator, root: Client, vmid: int) -> None:
    start = f"{PLACES[vmid]}/status/start"
    world.lock_guest(vmid, "create")
    assert done(root, start) == f"{WORD[vmid]} is locked (create)"
    world.unlock_guest(vmid)
    sim.faults.start_fails(vmid, "no such device")
    assert done(root, start) == "no such device"
    sim.faults.clear()
    sim.faults.guest_crashes(vmid)
    assert done(root, start) == "OK"
    assert root.get(f"{PLACES[vmid]}/status/current").data["status"] == "stopped"
    sim.faults.clear()
    assert done(root, start) == "OK"
    again = root.post(start)
    text = f"{WORD[vmid]} {vmid} already running"
    assert (again.reason if again.status == 500 else root.ended(again.data)) == text


def test_a_guest_that_crashes_later(world: World, sim: Simulator, root: Client) -> None:
    sim.faults.guest_crashes(300, after=0.1)
    assert done(root, f"{PLACES[300]}/status/start") == "OK"
    assert world.cluster.guests[300].running
    deadline = time.monotonic() + 3
    while world.cluster.guests[300].running and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not world.cluster.guests[300].running


@BOTH
def test_a_guest_that_does_not_shut_down(world: World, sim: Simulator, root: Client, vmid: int) -> None:
    world.set_running(vmid, True)
    sim.faults.shutdown_hangs(vmid)
    shutdown = f"{PLACES[vmid]}/status/shutdown"
    end = done(root, shutdown, timeout=0)
    failed = "command 'lxc-stop -n 101 --nokill --timeout 0' failed: exit code 1"
    assert end == (failed if vmid == 101 else "VM quit/powerdown failed - got timeout")
    assert world.cluster.guests[vmid].running
    assert done(root, shutdown, timeout=0, forceStop=1) == "OK"
    assert not world.cluster.guests[vmid].running
    world.set_running(vmid, True)
    upid = root.post(shutdown, timeout=60).data
    assert root.get(f"/nodes/pve1/tasks/{upid}/status").data["status"] == "running"
    sim.faults.release(vmid)
    assert root.ended(upid) == "OK"


def test_stopping_what_does_not_run(root: Client) -> None:
    for action in ("stop", "shutdown"):
        assert root.post(f"{PLACES[101]}/status/{action}").reason == "CT 101 not running"
    assert done(root, f"{PLACES[300]}/status/stop") == "OK"


@BOTH
def test_changing_the_configuration(world: World, root: Client, vmid: int) -> None:
    place = f"{PLACES[vmid]}/config"
    name = "hostname" if vmid == 101 else "name"
    before = root.get(place).data
    wanted = {name: "other", "memory": 256, "cores": 2, "description": "d", "tags": "x;y", "onboot": 1, "protection": 1}
    assert root.put(place, digest=before["digest"], **wanted).data is None
    after = root.get(place).data
    assert {key: after[key] for key in wanted} == {
        **wanted,
        "memory": 256 if vmid == 101 else "256",
        "description": "d\n",
    }
    assert after["digest"] != before["digest"]
    stale = root.put(place, digest=before["digest"], onboot=0)
    assert stale.reason == "detected modified configuration - file changed by other user? Try again."
    assert root.put(place, delete="tags,description,onboot").status == 200
    assert not {"tags", "description", "onboot"} & set(root.get(place).data)
    assert root.put(place, delete="nonsense").errors == {"delete": "unknown option 'nonsense'"}
    assert root.put(place, nonsense=1).status == 400
    world.lock_guest(vmid, "backup")
    assert root.put(place, onboot=1).reason == f"{WORD[vmid]} is locked (backup)"


def test_a_vm_is_changed_in_a_task_too(root: Client) -> None:
    upid = root.post(f"{PLACES[300]}/config", name="later").data
    assert upid.split(":")[5] == "qmconfig"
    assert root.ended(upid) == "OK"
    assert root.get(f"{PLACES[300]}/config").data["name"] == "later"


@BOTH
def test_destroying(world: World, root: Client, vmid: int) -> None:
    place, word = PLACES[vmid], WORD[vmid]
    world.set_option(vmid, "protection", 1)
    assert root.delete(place).reason == f"can't remove {word} {vmid} - protection mode enabled"
    world.set_option(vmid, "protection", None)
    world.set_running(vmid, True)
    running = "unable to destroy CT 101 - container is running" if vmid == 101 else "VM 300 is running - destroy failed"
    assert root.delete(place).reason == running
    world.set_running(vmid, False)
    world.set_ha(vmid)
    used = f"unable to remove {word} {vmid} - used in HA resources and purge parameter not set."
    assert root.delete(place).reason == used
    world.set_ha(vmid, None)
    world.set_replication(vmid)
    assert root.delete(place).reason.startswith(f"There is a replication job '{vmid}-0' for guest '{vmid}'")
    upid = root.delete(place, purge=1).data
    assert upid.split(":")[5] == f"{PREFIX[vmid]}destroy"
    assert root.ended(upid) == "OK"
    assert root.get(f"{place}/config").status == 500
    assert world.cluster.replications == {}
    assert not world.layout.guest(vmid).exists()


def test_a_running_container_is_destroyed_with_force(world: World, root: Client) -> None:
    world.set_running(101, True)
    assert root.ended(root.delete(PLACES[101], force=1).data) == "OK"
    assert 101 not in world.cluster.guests


def test_free_ids(world: World, root: Client) -> None:
    assert root.get("/cluster/nextid").data == "100"
    world.add_vm(100, "first", "pve2")
    assert root.get("/cluster/nextid").data == "102"
    assert root.get("/cluster/nextid", vmid=555).data == "555"
    assert root.get("/cluster/nextid", vmid=100).errors == {"vmid": "VM 100 already exists"}


@BOTH
def test_high_availability(world: World, root: Client, vmid: int) -> None:
    sid = f"{'ct' if vmid == 101 else 'vm'}:{vmid}"
    place = f"/cluster/ha/resources/{sid}"
    assert root.get(f"{PLACES[vmid]}/status/current").data["ha"] == {"managed": 0}
    assert root.get(place).reason == f"no such resource '{sid}'"
    world.set_ha(vmid)
    assert root.get(f"{PLACES[vmid]}/status/current").data["ha"] == {"managed": 1, "state": "started"}
    assert [(one["sid"], one["state"]) for one in root.get("/cluster/ha/resources").data] == [(sid, "started")]
    upid = root.post(f"{PLACES[vmid]}/status/start").data
    assert upid.split(":")[5] == "hastart"
    assert root.ended(upid) == "OK"
    assert world.cluster.guests[vmid].running
    assert root.put(place, state="stopped").data is None
    assert not world.cluster.guests[vmid].running


@BOTH
def test_the_ha_manager_is_asked_unless_it_ignores_the_guest(world: World, root: Client, vmid: int) -> None:
    resource = f"/cluster/ha/resources/{'ct' if vmid == 101 else 'vm'}:{vmid}"

    def status() -> tuple[str, object]:
        data = root.get(f"{PLACES[vmid]}/status/current").data
        return data["status"], data["ha"]

    def acted(action: str) -> str:
        upid = root.post(f"{PLACES[vmid]}/status/{action}").data
        assert root.ended(upid) == "OK"
        return str(upid).split(":")[5]

    world.set_ha(vmid, "stopped")
    assert acted("start") == "hastart"
    assert status() == ("running", {"managed": 1, "state": "started"})
    assert acted("shutdown") == "hastop", "there is no task of its own for this"
    assert status() == ("stopped", {"managed": 1, "state": "stopped"})
    assert acted("start") == "hastart"
    assert acted("stop") == "hastop"
    assert root.put(resource, state="started").status == 200
    assert root.put(resource, state="ignored").status == 200
    assert root.get(resource).data["state"] == "ignored"
    assert status() == ("running", {"managed": 0}), "it goes on as it is, and nobody looks after it"
    for action, after in (("shutdown", "stopped"), ("start", "running"), ("stop", "stopped")):
        assert acted(action) == f"{PREFIX[vmid]}{action}"
        assert status() == (after, {"managed": 0})
    assert root.delete(PLACES[vmid]).reason.endswith("used in HA resources and purge parameter not set.")
    assert root.put(resource, state="started").status == 200
    assert status() == ("running", {"managed": 1, "state": "started"})


def test_replication(world: World, root: Client) -> None:
    world.set_replication(101)
    job = root.get("/cluster/replication").data[0]
    assert (job["id"], job["guest"], job["target"]) == ("101-0", 101, "pve2")
    assert [job["id"] for job in root.get("/nodes/pve1/replication", guest=101).data] == ["101-0"]
    assert root.get("/nodes/pve1/replication", guest=300).data == []
    assert root.get("/nodes/pve2/replication").data == []


def test_memory_and_space_are_seen(world: World, root: Client) -> None:
    memory = root.get("/nodes/pve1/status").data["memory"]
    assert (memory["total"], memory["used"]) == (8 << 30, 2 << 30)
    world.set_running(101, True)
    assert root.get("/nodes/pve1/status").data["memory"]["free"] == (5 << 30)
    storage = root.get("/nodes/pve1/storage", storage="local").data[0]
    assert storage["used"] == len(b"hello\n") + len(b"a") + 1000
    assert storage["avail"] == storage["total"] - storage["used"]


def test_a_hash_sees_what_changed(world: World) -> None:
    for vmid in (101, 300):
        before = world.content_hash(vmid)
        assert world.content_hash(vmid) == before
        world.lock_guest(vmid)
        assert world.content_hash(vmid) == before
        content = world.content_hash(vmid, settings=False)
        world.set_option(vmid, "onboot", 1)
        assert world.content_hash(vmid) != before
        assert world.content_hash(vmid, settings=False) == content
        world.break_guest(vmid)
        assert world.content_hash(vmid, settings=False) != content


def test_a_new_guest_is_unknown_for_a_while(world: World, root: Client) -> None:
    world.status_round = (3600.0, 0.0)
    volid = world.add_archive(101)
    assert done(root, "/nodes/pve1/lxc", vmid=201, ostemplate=volid, restore=1, storage="local") == "OK"
    found = {entry["vmid"]: entry for entry in root.get("/cluster/resources", type="vm").data}
    assert found[201] == {"id": "lxc/201", "vmid": 201, "node": "pve1", "type": "lxc", "status": "unknown"}
    assert found[101]["name"] == "web1"
    world.status_round = (0.0, 0.0)
    assert root.get("/cluster/resources", type="vm").data[-2]["name"] == "web1"


def test_the_state_outlives_the_simulator(world: World, tmp_path: Path) -> None:
    world.add_snapshot(101, "before", "why")
    world.set_ha(101)
    world.set_replication(300)
    world.set_option(101, "mp5", "/mnt/x,mp=/x")
    before = world.content_hash(101)
    with Simulator(world):
        pass
    again = World(tmp_path / "cluster")
    assert again.cluster == world.cluster
    assert again.content_hash(101) == before


def test_a_vm_takes_its_memory_when_it_starts(world: World, root: Client) -> None:
    world.enforce_memory = True  # of 8 GiB, 2 are the host's
    world.add_vm(301, "big", "pve1", memory=5 << 10)
    assert done(root, f"{PLACES[300]}/status/start") == "OK"
    assert done(root, "/nodes/pve1/qemu/301/status/start") == "OK"  # what is left is just enough
    world.add_vm(302, "one too many", "pve1", memory=128)
    upid = root.post("/nodes/pve1/qemu/302/status/start").data
    assert root.ended(upid) == "start failed: QEMU exited with code 1"
    assert root.log(upid)[0] == "kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory"
    assert not world.cluster.guests[302].running
    assert root.get("/nodes/pve1/status").data["memory"]["free"] == 0
    assert done(root, f"{PLACES[101]}/status/start") == "OK"  # a container takes it when it needs it
    world.enforce_memory = False
    assert done(root, "/nodes/pve1/qemu/302/status/start") == "OK"


@BOTH
def test_a_stop_that_hangs(world: World, sim: Simulator, root: Client, vmid: int) -> None:
    world.set_running(vmid, True)
    sim.faults.stop_hangs(vmid)
    stop = f"{PLACES[vmid]}/status/stop"
    upid = root.post(stop).data
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid) == "received interrupt"
    assert world.cluster.guests[vmid].running
    upid = root.post(stop).data
    assert root.get(f"/nodes/pve1/tasks/{upid}/status").data["status"] == "running"
    sim.faults.release(vmid)
    assert root.ended(upid) == "OK"
    assert not world.cluster.guests[vmid].running


@BOTH
def test_a_destruction_that_hangs_or_fails(world: World, sim: Simulator, root: Client, vmid: int) -> None:
    before = world.content_hash(vmid)
    sim.faults.destroy_hangs(vmid)
    upid = root.delete(PLACES[vmid]).data
    assert upid.split(":")[5] == f"{PREFIX[vmid]}destroy"
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid) == "received interrupt"
    upid = root.delete(PLACES[vmid]).data
    assert root.get(f"/nodes/pve1/tasks/{upid}/status").data["status"] == "running"
    sim.faults.destroy_fails(vmid, "the pool is read-only")
    sim.faults.release(vmid)
    assert root.ended(upid) == "the pool is read-only"
    assert world.content_hash(vmid) == before
    sim.faults.clear()
    assert root.ended(root.delete(PLACES[vmid]).data) == "OK"
    assert vmid not in world.cluster.guests
