# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stale lock, and who takes it away by call: root himself that of a VM, nobody that of a container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pve_simulator import Simulator, World
from pve_simulator.client import Client

VM, CONTAINER = "/nodes/pve1/qemu/300", "/nodes/pve1/lxc/101"
ONLY_ROOT = {"skiplock": "Only root may use this option."}
UNKNOWN = {"skiplock": "property is not defined in schema and the schema does not allow additional properties"}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A container and a VM that somebody left locked."""
    world = World(tmp_path / "cluster")
    world.add_node("pve1")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_container(101, "web1", "pve1", lock="backup")
    world.add_vm(300, "vm", "pve1", lock="backup")
    world.add_user("root@pam", "secret")
    world.add_user("admin@pve", "secret")
    world.add_acl("/", "Administrator", "admin@pve")
    return world


def by_ticket(sim: Simulator, user: str) -> Client:
    client = Client(sim)
    ticket = client.post("/access/ticket", username=user, password="secret").data
    client.headers = {
        "Cookie": f"PVEAuthCookie={ticket['ticket']}",
        "CSRFPreventionToken": ticket["CSRFPreventionToken"],
    }
    return client


@pytest.fixture
def himself(sim: Simulator) -> Iterator[Client]:
    """Root with his password."""
    with by_ticket(sim, "root@pam") as client:
        yield client


def test_root_himself_takes_the_lock_of_a_vm_away(world: World, himself: Client) -> None:
    assert himself.put(f"{VM}/config", delete="lock").reason == "VM is locked (backup)"
    assert himself.put(f"{VM}/config", delete="lock", skiplock=0).reason == "VM is locked (backup)"
    assert himself.put(f"{VM}/config", delete="lock", skiplock=1).data is None
    assert "lock" not in himself.get(f"{VM}/config").data
    assert himself.put(f"{VM}/config", delete="lock", skiplock=1).status == 200, "there is none any more"
    world.lock_guest(300, "create")
    upid = himself.post(f"{VM}/config", delete="lock", skiplock=1).data
    assert himself.ended(upid) == "OK"
    assert world.cluster.guests[300].lock is None


def test_skiplock_changes_what_is_locked_and_leaves_the_lock(himself: Client) -> None:
    assert himself.put(f"{VM}/config", name="other", skiplock=1).status == 200
    found = himself.get(f"{VM}/config").data
    assert (found["name"], found["lock"]) == ("other", "backup")


def test_nobody_else_does(world: World, sim: Simulator, root: Client) -> None:
    with by_ticket(sim, "admin@pve") as admin:
        for caller in (root, admin):  # root's own token, however mighty, is not root
            for call in (caller.put, caller.post):
                refused = call(f"{VM}/config", delete="lock", skiplock=1)
                assert (refused.status, refused.errors) == (400, ONLY_ROOT)
                assert call(f"{VM}/config", delete="lock").reason == "only root can set 'lock' config"
            assert caller.delete(VM, skiplock=1).errors == ONLY_ROOT
    assert world.cluster.guests[300].lock == "backup"


def test_a_container_has_no_such_option(world: World, himself: Client, root: Client) -> None:
    for caller in (himself, root):
        assert caller.put(f"{CONTAINER}/config", delete="lock", skiplock=1).errors == UNKNOWN
        assert caller.put(f"{CONTAINER}/config", delete="lock").reason == "CT is locked (backup)"
    assert world.cluster.guests[101].lock == "backup"


def test_root_himself_destroys_what_is_locked(world: World, himself: Client) -> None:
    assert himself.delete(VM).reason == "VM is locked (backup)"
    assert himself.ended(himself.delete(VM, skiplock=1).data) == "OK"
    assert 300 not in world.cluster.guests
