# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small cluster to test against: three nodes, containers and VMs with content, a token with few privileges."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.modules import environment, run_module
from pve_simulator import Simulator, World

MINIMAL = ["VM.Audit", "VM.Backup", "Datastore.AllocateSpace"]
"""The role LifeboatBackup of docs/rights.md."""
TOKEN = "backup@pve!lifeboat"


@dataclass
class Lab:
    """A running simulator, and the modules pointed at it with a token."""

    sim: Simulator
    world: World
    connection: dict[str, Any]
    journals: Path

    def backup(self, *, check: bool = False, diff: bool = False, **options: Any) -> dict[str, Any]:
        """Run proxmox_backup."""
        options = {**self.connection, "journal_path": str(self.journals), **options}
        with environment():
            return run_module(_module("proxmox_backup"), options, check=check, diff=diff)

    def info(self, **options: Any) -> dict[str, Any]:
        """Run proxmox_backup_info."""
        with environment():
            return run_module(_module("proxmox_backup_info"), {**self.connection, **options})

    def guest_state(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run proxmox_guest_state."""
        with environment():
            return run_module(_module("proxmox_guest_state"), {**self.connection, **options}, check=check)

    def sent(self, method: str, ending: str) -> list[Any]:
        """The requests with this method whose path ends like this."""
        return [one for one in self.sim.requests if one.method == method and one.path.endswith(ending)]

    def rows(self, result: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
        """The rows of a result by guest."""
        return {row["vmid"]: row for row in result["guests"]}


def run_as_user(name: str, options: Mapping[str, Any], *, check: bool = False) -> dict[str, Any]:
    """Run a module of ours with these options and nothing from the environment."""
    with environment():
        return run_module(_module(name), options, check=check)


def _module(name: str) -> ModuleType:
    # Not at the top: conftest files import this before pytest-ansible has made the collection importable.
    return importlib.import_module(f"ansible_collections.lifeboat.backup.plugins.modules.{name}")


def build_world(folder: Path, version: str = "8.4") -> World:
    """Nodes pve1 to pve3; containers 101 to 103 and VM 300 on pve1, 104 and VM 301 on pve2, 105 on pve3."""
    world = World(folder, version=version)
    for node in ("pve1", "pve2", "pve3"):
        world.add_node(node)
    world.add_storage("local", type="dir", content=["backup", "rootdir", "images"])
    world.add_storage("vault", type="nfs", content=["backup"], shared=True)
    world.add_pool("prod")
    world.add_container(101, "web1", node="pve1", files={"etc/motd": b"web1\n"}, tags=["prod", "web"], pool="prod")
    world.add_container(102, "web2", node="pve1", files={"etc/motd": b"web2\n"}, tags=["prod"], pool="prod")
    world.add_container(103, "scratch", node="pve1", files={"srv/x": b"x" * 5000}, tags=["dev"])
    world.add_container(104, "mail", node="pve2", files={"etc/motd": b"mail\n"}, tags=["prod"], pool="prod")
    world.add_container(105, "dns", node="pve3", files={"etc/motd": b"dns\n"}, tags=["infra"])
    world.add_vm(300, "db1", node="pve1", disks={"scsi0": b"db1" * 1000}, tags=["prod", "db"])
    world.add_vm(301, "db2", node="pve2", disks={"scsi0": b"db2" * 1000}, tags=["db"])
    world.add_user("backup@pve", password="a-password")
    world.add_role("LifeboatBackup", MINIMAL)
    return world


def restore_world(folder: Path) -> World:
    """A node that restores and one beside it, with two storages for guests and two for backups; no guests yet."""
    world = World(folder)
    world.add_node("pve1")
    world.add_node("pve2")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("fast", content=["rootdir", "images"])
    world.add_storage("backups", "nfs")
    world.add_storage("depot", "pbs")
    return world


@contextmanager
def lab(world: World, *, grant: bool = True, **settings: Any) -> Iterator[Lab]:
    """The world behind a running simulator; the token has the minimal role on all guests and storages."""
    secret = world.add_token("backup@pve", "lifeboat", privsep=True)
    if grant:
        for path in ("/vms", "/storage"):
            grant_minimal(world, path)
    with Simulator(world, **settings) as sim:
        yield Lab(
            sim,
            world,
            {
                "api_host": sim.host,
                "api_port": sim.port,
                "ca_path": str(sim.ca_path),
                "api_token_id": TOKEN,
                "api_token_secret": secret,
            },
            world.layout.folder / "journals",
        )


def grant_role(world: World, name: str, privileges: list[str], path: str = "/vms") -> None:
    """A role of these privileges, for the user and its token."""
    world.add_role(name, privileges)
    for holder in ("backup@pve", TOKEN):
        world.add_acl(path, name, user_or_token=holder, propagate=True)


def grant_minimal(world: World, path: str, propagate: bool = True) -> None:
    """The minimal role on a path, for the user and its token (both count with privilege separation)."""
    for holder in ("backup@pve", TOKEN):
        world.add_acl(path, "LifeboatBackup", user_or_token=holder, propagate=propagate)
