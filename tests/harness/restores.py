# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster whose guests have backups and have changed since, so that one sees which of the two stands."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.lab import TOKEN, Lab, lab, run_as_user
from harness.ticking import Leaping
from pve_simulator import World

RESTORE = ["VM.Audit", "VM.Backup", "VM.Allocate", "VM.PowerMgmt", "Datastore.AllocateSpace", "SDN.Use"]
"""The role LifeboatRestore of docs/rights.md."""
CONTAINER, MACHINE = 101, 300
BOTH = (CONTAINER, MACHINE)


@dataclass
class Restores:
    """The cluster, and what its guests were (``backed_up``) and are before a restore (``old``), as hashes."""

    lab: Lab
    backed_up: dict[int, str] = field(default_factory=dict)
    old: dict[int, str] = field(default_factory=dict)
    volids: dict[int, str] = field(default_factory=dict)
    asked: int = 0

    @property
    def world(self) -> World:
        """The simulated cluster."""
        return self.lab.world

    @property
    def faults(self) -> Any:
        """Faults to order."""
        return self.lab.sim.faults

    def options(self, **options: Any) -> dict[str, Any]:
        """The options of a restore, with connection and journal."""
        return {**self.lab.connection, "journal_path": str(self.lab.journals), **options}

    def restore(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run proxmox_restore."""
        self.asked = len(self.lab.sim.requests)
        return run_as_user("proxmox_restore", self.options(**options), check=check)

    def replace(self, vmid: int, **options: Any) -> dict[str, Any]:
        """Replace a guest by its backup."""
        return self.restore(**{"volid": self.volids[vmid], "if_exists": "replace", **options})

    def stands(self, vmid: int) -> str:
        """Which guest has the id: the one of the ``backup``, the ``old`` one, ``none`` or ``neither``."""
        if vmid not in self.world.cluster.guests:
            return "none"
        found = self.world.content_hash(vmid)
        return "backup" if found == self.backed_up[vmid] else "old" if found == self.old[vmid] else "neither"

    def writes(self) -> list[str]:
        """What the last restore asked for beyond reading."""
        return [f"{one.method} {one.path}" for one in self.lab.sim.requests[self.asked :] if one.method != "GET"]

    def protected(self) -> list[str]:
        """The backups that are protected."""
        return sorted(one.volid for one in self.world.backups("vault", "pve1").all() if one.protected)

    def journals(self) -> list[Path]:
        """Journals of runs that live or died."""
        return sorted(self.lab.journals.rglob("*.jsonl"))

    def idle(self) -> None:
        """Until no task runs any more."""
        self.world.tasks.wait_idle(10)


def restoring_world(folder: Path, version: str = "8.4") -> World:
    """Two nodes; on pve1 containers 101 (with content) and 102 and VM 300 (with content); on pve2 container 103."""
    world = World(folder, version=version, clock=Leaping())
    for node in ("pve1", "pve2"):
        world.add_node(node)
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("fast", content=["rootdir", "images"])
    world.add_storage("vault", type="nfs", content=["backup"], shared=True)
    dice = random.Random(4)
    files = {f"srv/{name}": dice.randbytes(20_000) for name in ("a", "b", "c", "d")}
    world.add_container(101, "web1", node="pve1", files=files, tags=["prod"], unprivileged=True)
    world.add_container(102, "web2", node="pve1", files={"etc/motd": b"web2\n"}, tags=["prod"], unprivileged=True)
    world.add_container(103, "mail", node="pve2", files={"etc/motd": b"mail\n"}, unprivileged=True)
    world.add_vm(300, "db1", node="pve1", disks={"scsi0": dice.randbytes(200_000)}, tags=["prod"])
    world.add_user("backup@pve", password="a-password")
    world.add_role("LifeboatBackup", ["VM.Audit"])
    world.add_role("LifeboatRestore", RESTORE)
    return world


@contextmanager
def restores(
    world: World, backed_up: tuple[int, ...] = BOTH, *, grant: bool = True, **settings: Any
) -> Iterator[Restores]:
    """The world behind a running simulator; these guests have a backup each, and have lost something since."""
    if grant:
        for holder in ("backup@pve", TOKEN):
            for path in ("/vms", "/storage", "/sdn"):
                world.add_acl(path, "LifeboatRestore", user_or_token=holder, propagate=True)
    with lab(world, grant=False, **settings) as running:
        found = Restores(running)
        if backed_up:
            back_up(found, backed_up)
        yield found


def back_up(found: Restores, vmids: tuple[int, ...]) -> None:
    """A backup of each of these guests, which then loses something; an hour passes."""
    world = found.world
    for row in seed(found.lab, f"seed{len(found.volids)}", vmids=list(vmids)):
        vmid = row["vmid"]
        found.volids[vmid] = row["volid"]
        found.backed_up[vmid] = world.content_hash(vmid)
        world.break_guest(vmid)
        found.old[vmid] = world.content_hash(vmid)
        assert found.old[vmid] != found.backed_up[vmid]
    an_hour_later(world)


def seed(lab: Lab, token: str, **selection: Any) -> list[dict[str, Any]]:
    """Backups of these guests, made with a new token of root's: the rows of proxmox_backup."""
    world = lab.world
    secret = world.add_token("root@pam", token, privsep=False)
    connection = {**lab.connection, "api_token_id": f"root@pam!{token}", "api_token_secret": secret}
    journal = {"journal_path": str(world.layout.folder / "seeds")}
    seeded = run_as_user(
        "proxmox_backup", {**connection, **journal, **selection, "storage": "vault", "compress": "zstd"}
    )
    assert not seeded.get("failed"), seeded["msg"]
    rows: list[dict[str, Any]] = seeded["guests"]
    return rows


def an_hour_later(world: World) -> None:
    """The cluster's clock leaps."""
    clock = world.clock
    assert isinstance(clock, Leaping)
    clock.ahead += 3600
