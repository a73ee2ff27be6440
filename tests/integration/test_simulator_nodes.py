# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several nodes: where guests are, nodes that are off, clocks, locks, and work side by side."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.ticking import START
from pve_simulator import Simulator, World
from pve_simulator.client import Client


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    for name in ("pve1", "pve2", "pve3"):
        world.add_node(name)
    world.add_storage("local", content=["backup", "rootdir", "images"])
    world.add_storage("vault", "nfs")
    for vmid, node in ((101, "pve1"), (102, "pve1"), (201, "pve2")):
        world.add_container(vmid, f"ct{vmid}", node, files={"etc/motd": b"hello\n"})
    world.add_pool("prod")
    return world


@pytest.fixture
def sim(world: World) -> Iterator[Simulator]:
    with Simulator(world, minute=1.0) as sim:
        yield sim


def test_guests_on_other_nodes_are_left_out_without_a_word(world: World, root: Client) -> None:
    upid = root.backup("pve1", vmid="101,201", storage="vault")
    assert root.ended(upid) == "OK"
    assert not any("201" in line for line in root.log(upid)[1:])
    assert len(world.archives("vault")) == 1


@pytest.mark.parametrize("options", [{"vmid": "201"}, {"pool": "prod"}])
def test_ok_in_place_of_a_task_when_nothing_is_here(root: Client, options: dict[str, str]) -> None:
    assert root.post("/nodes/pve1/vzdump", storage="vault", **options).data == "OK"
    assert root.get("/nodes/pve1/tasks", source="all").data == []


def test_all_on_a_node_without_guests_is_a_task_nevertheless(root: Client) -> None:
    upid = root.backup("pve3", all=1, storage="vault")
    assert root.ended(upid) == "OK"
    assert root.log(upid)[1:] == ["INFO: Backup job finished successfully", "TASK OK"]


def test_a_guest_may_move_right_before_the_call(sim: Simulator, root: Client) -> None:
    sim.faults.move_guest(101, "pve2")
    assert root.post("/nodes/pve1/vzdump", vmid=101, storage="vault").data == "OK"
    assert root.ended(root.backup("pve2", vmid=101, storage="vault")) == "OK"


def test_a_node_that_is_off(sim: Simulator, root: Client) -> None:
    sim.faults.node_offline("pve2")
    reply = root.get("/nodes/pve2/lxc")
    assert (reply.status, reply.reason, reply.body) == (595, "No route to host", b"")
    found = {entry["id"]: entry for entry in root.get("/cluster/resources").data}
    assert found["node/pve2"] == {
        "id": "node/pve2", "node": "pve2", "type": "node", "level": "", "status": "offline", "cgroup-mode": 1
    }  # fmt: skip
    assert found["lxc/201"] == {"id": "lxc/201", "vmid": 201, "node": "pve2", "type": "lxc", "status": "unknown"}
    assert found["storage/pve2/vault"]["status"] == "unknown"
    assert {node["node"]: node["status"] for node in root.get("/nodes").data} == {
        "pve1": "online", "pve2": "offline", "pve3": "online"
    }  # fmt: skip
    online = [node["online"] for node in root.get("/cluster/status").data if node["type"] == "node"]
    assert online == [1, 0, 1]
    sim.faults.node_online("pve2")
    assert root.get("/nodes/pve2/lxc").status == 200


def test_a_node_that_nobody_knows(root: Client) -> None:
    reply = root.get("/nodes/pve9/lxc")
    text = "hostname lookup 'pve9' failed - failed to get address info for: pve9: Name or service not known"
    assert (reply.status, reply.reason) == (500, text)


def test_each_node_has_its_clock(tmp_path: Path) -> None:
    world = World(tmp_path, clock=lambda: START)
    world.add_node("pve1")
    world.add_node("pve2", clock_offset=-3600)
    world.add_storage("local")
    world.add_storage("disks", content=["rootdir"])
    world.add_container(201, "web", "pve2", storage="disks")
    secret = world.add_token("root@pam", "all", privsep=False)
    with Simulator(world) as sim, Client(sim, "root@pam!all", secret) as root:
        assert root.get("/nodes/pve1/time").data["time"] == START
        assert root.get("/nodes/pve2/time").data["time"] == START - 3600
        upid = root.backup("pve2", vmid=201, storage="local")
        assert root.ended(upid) == "OK"
        assert int(upid.split(":")[4], 16) == START - 3600
        (backup,) = root.get("/nodes/pve2/storage/local/content").data
        assert backup["ctime"] == START - 3600
        assert root.get("/nodes/pve1/storage/local/content").data == []


def test_nodes_work_side_by_side(sim: Simulator, root: Client) -> None:
    for vmid in (101, 201):
        sim.faults.guest_hangs(vmid)
    upids = [root.backup(node, vmid=vmid, storage="vault") for node, vmid in (("pve1", 101), ("pve2", 201))]
    for upid in upids:
        root.until_logged(upid, "creating vzdump archive")
    active = [root.get(f"/nodes/{node}/tasks", source="active").data for node in ("pve1", "pve2")]
    assert [[task["upid"] for task in tasks] for tasks in active] == [[upids[0]], [upids[1]]]
    for vmid in (101, 201):
        sim.faults.release(vmid)
    assert [root.ended(upid) for upid in upids] == ["OK", "OK"]


def test_jobs_of_one_node_wait_for_each_other(sim: Simulator, root: Client) -> None:
    sim.faults.guest_hangs(101)
    first = root.backup("pve1", vmid=101, storage="vault")
    root.until_logged(first, "creating vzdump archive")
    second = root.backup("pve1", vmid=102, storage="vault")
    root.until_logged(second, "trying to get global lock")
    assert root.log(second) == ["INFO: trying to get global lock - waiting..."]
    sim.faults.release(101)
    assert [root.ended(upid) for upid in (first, second)] == ["OK", "OK"]
    assert root.log(second)[1] == "INFO: got global lock"


def test_waiting_for_the_lock_has_an_end(sim: Simulator, root: Client) -> None:
    sim.world.minute = 0.2
    sim.faults.guest_hangs(101)
    first = root.backup("pve1", vmid=101, storage="vault")
    root.until_logged(first, "creating vzdump archive")
    began = time.monotonic()
    second = root.backup("pve1", vmid=102, storage="vault", lockwait=1)
    assert root.ended(second) == "unexpected status"
    assert time.monotonic() - began >= 0.2
    assert root.log(second)[-1] == "ERROR: can't acquire lock '/var/run/vzdump.lock' - got timeout"
    sim.faults.release(101)
    assert root.ended(first) == "OK"


def test_a_job_that_waits_can_be_stopped(sim: Simulator, root: Client) -> None:
    sim.faults.guest_hangs(101)
    first = root.backup("pve1", vmid=101, storage="vault")
    root.until_logged(first, "creating vzdump archive")
    second = root.backup("pve1", vmid=102, storage="vault")
    root.until_logged(second, "trying")
    root.delete(f"/nodes/pve1/tasks/{second}")
    assert root.ended(second) == "unexpected status"
    sim.faults.release(101)
    assert root.ended(first) == "OK"


def test_storages_are_for_some_nodes_only(world: World, root: Client) -> None:
    world.add_storage("fast", nodes=["pve2"])
    assert "fast" not in {entry["storage"] for entry in root.get("/nodes/pve1/storage").data}
    reply = root.get("/nodes/pve1/storage/fast/content")
    assert (reply.status, reply.reason) == (500, "storage 'fast' is not available on node 'pve1'")
    assert root.get("/nodes/pve2/storage/fast/content").data == []


def test_a_shared_storage_answers_alike_on_each_node_and_a_local_one_does_not(root: Client) -> None:
    for storage in ("vault", "local"):
        assert root.ended(root.backup("pve1", vmid=101, storage=storage)) == "OK"
    seen = {
        (node, storage): len(root.get(f"/nodes/{node}/storage/{storage}/content", content="backup").data)
        for node in ("pve1", "pve2")
        for storage in ("vault", "local")
    }
    assert seen == {("pve1", "vault"): 1, ("pve2", "vault"): 1, ("pve1", "local"): 1, ("pve2", "local"): 0}


def test_a_storage_that_cannot_be_reached(sim: Simulator, root: Client) -> None:
    sim.faults.storage_offline("vault", node="pve1")
    reply = root.get("/nodes/pve1/storage/vault/content")
    assert (reply.status, reply.reason) == (500, "storage 'vault' is not online")
    state = root.get("/nodes/pve1/storage/vault/status").data
    assert (state["active"], state["enabled"], state["total"]) == (0, 1, 0)
    assert root.get("/nodes/pve2/storage/vault/status").data["active"] == 1
    upid = root.backup("pve1", vmid=101, storage="vault")
    assert root.ended(upid) == "could not activate storage 'vault': storage 'vault' is not online"
    sim.faults.storage_online("vault")
    assert root.get("/nodes/pve1/storage/vault/content").data == []


@pytest.mark.slow
def test_many_guests(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.add_node("pve1")
    world.add_storage("local", content=["rootdir"])
    for vmid in range(100, 10_100):
        world.add_container(vmid, f"ct{vmid}", "pve1")
    secret = world.add_token("root@pam", "all", privsep=False)
    with Simulator(world) as sim, Client(sim, "root@pam!all", secret) as root:
        assert len(root.get("/cluster/resources", type="vm").data) == 10_000
    assert len(World(tmp_path).cluster.guests) == 10_000
