# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores over a guest that end in the middle of the content: stopped by a call, killed, lost with their node."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.lab import restore_world
from pve_simulator import Simulator, World
from pve_simulator.client import Client

FILES = {"etc/motd": b"hello\n", "srv/a.bin": b"a" * 5000}
KINDS = {101: "lxc", 300: "qemu"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A container, a VM, and a container on another node."""
    world = restore_world(tmp_path / "cluster")
    world.add_container(101, "web1", "pve1", files=FILES)
    world.add_container(103, "far", "pve2", files=FILES)
    world.add_vm(300, "vm", "pve1", disks={"scsi0": b"x" * 5000})
    return world


def restore(client: Client, vmid: int, volid: str, new_id: int | None = None, node: str = "pve1") -> str:
    """Restore over the guest, or with ``new_id`` beside it."""
    archive = {"ostemplate": volid, "restore": 1} if KINDS.get(vmid, "lxc") == "lxc" else {"archive": volid}
    wish: dict[str, Any] = {"vmid": new_id or vmid, "storage": "local", **archive, **({} if new_id else {"force": 1})}
    reply = client.post(f"/nodes/{node}/{KINDS.get(vmid, 'lxc')}", **wish)
    assert reply.status == 200, reply
    return str(reply.data)


def until(client: Client, upid: str) -> None:
    """Wait until the content is written."""
    client.until_logged(upid, "extracting" if "vzrestore" in upid else "progress 50%")


def left(client: Client, vmid: int) -> dict[str, Any] | None:
    """What the configuration says, or None where there is none."""
    reply = client.get(f"/nodes/pve1/{KINDS[vmid]}/{vmid}/config")
    if reply.status != 200:
        assert reply.reason.endswith(".conf' does not exist")
        return None
    return {key: value for key, value in reply.data.items() if key != "digest"}


def volumes(client: Client, vmid: int) -> list[str]:
    listed = client.get("/nodes/pve1/storage/local/content", vmid=vmid).data
    return [entry["volid"] for entry in listed]


def files(world: World, vmid: int) -> list[Path]:
    return list(world.layout.guest(vmid).rglob("*"))


def test_a_container_whose_restore_is_stopped_is_gone(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(101)
    assert volumes(root, 101) == ["local:101/vm-101-disk-0.raw"]
    sim.faults.restore_hangs(101)
    upid = restore(root, 101, volid)
    until(root, upid)
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid).endswith("failed: interrupted by signal")
    assert (left(root, 101), volumes(root, 101), files(world, 101)) == (None, [], [])
    sim.faults.clear()
    assert root.ended(restore(root, 101, volid)) == "OK", "the backup is what is left, and it is enough"


def test_a_vm_whose_restore_is_stopped_is_a_stub(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(300)
    assert volumes(root, 300) == ["local:300/vm-300-disk-0.qcow2"]
    sim.faults.restore_hangs(300)
    upid = restore(root, 300, volid)
    until(root, upid)
    assert left(root, 300) == {"memory": 128, "lock": "create"}
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid).endswith("failed: interrupted by signal")
    assert (left(root, 300), volumes(root, 300), files(world, 300)) == ({"memory": 128}, [], [])
    sim.faults.clear()
    assert root.ended(restore(root, 300, volid)) == "OK"


def dies_by_itself(sim: Simulator, vmid: int) -> None:
    sim.faults.restore_dies(vmid)


def dies_with_its_node(sim: Simulator, vmid: int) -> None:
    sim.faults.restore_hangs(vmid)


@pytest.mark.parametrize("vmid", [101, 300])
@pytest.mark.parametrize("order", [dies_by_itself, dies_with_its_node])
def test_a_worker_that_is_killed_leaves_the_lock(
    world: World, sim: Simulator, root: Client, vmid: int, order: Callable[[Simulator, int], None]
) -> None:
    volid, kind = world.add_archive(vmid), KINDS[vmid]
    order(sim, vmid)
    upid = restore(root, vmid, volid)
    if order is dies_with_its_node:
        until(root, upid)
        sim.faults.node_offline("pve1")
        sim.wait_idle()
        sim.faults.node_online("pve1")
    assert root.ended(upid) == "unexpected status"
    assert left(root, vmid) == {"lock": "create", **({"memory": 128} if kind == "qemu" else {})}
    status = root.get(f"/nodes/pve1/{kind}/{vmid}/status/current").data
    assert (status["lock"], status["name"]) == ("create", "CT101" if kind == "lxc" else "VM 300")
    locked = f"{'CT' if kind == 'lxc' else 'VM'} is locked (create)"
    archive = {"ostemplate": volid, "restore": 1} if kind == "lxc" else {"archive": volid}
    again = root.post(f"/nodes/pve1/{kind}", vmid=vmid, storage="local", force=1, **archive)
    assert again.reason.endswith(locked)
    assert root.delete(f"/nodes/pve1/{kind}/{vmid}").reason == locked


def test_a_node_that_is_lost_meanwhile_does_not_answer(world: World, sim: Simulator, root: Client) -> None:
    volid = world.add_archive(103)
    sim.faults.restore_hangs(203)
    upid = restore(root, 103, volid, new_id=203, node="pve2")
    until(root, upid)
    sim.faults.node_offline("pve2")
    assert root.get(f"/nodes/pve2/tasks/{upid}/status").status == 595
    sim.wait_idle()
    sim.faults.node_online("pve2")
    assert root.ended(upid) == "unexpected status"
    assert world.cluster.guests[203].lock == "create"
