# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster whose guests are drilled: two containers and two VMs with agents on two nodes, each with a backup."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.lab import TOKEN, Lab, lab, run_as_user
from harness.process import ModuleProcess
from harness.restores import RESTORE, an_hour_later, seed
from harness.ticking import Leaping
from pve_simulator import Agent, World
from pve_simulator.guests import configuration

DRILL = [
    *RESTORE,
    *("VM.Config.Options", "VM.Config.Network", "VM.Config.Memory", "VM.Config.CPU", "VM.Config.CDROM"),
    *("VM.Config.HWType", "Mapping.Use", "Sys.Audit"),
]
"""The role LifeboatDrill of docs/rights.md, without the right to ask agents, which has another name in each version."""
GUESTS = (101, 102, 300, 301)
CANARY = {"path": "/etc/canary", "content": "alive", "vmid": 300}
RANGE = "900-907"


@dataclass
class Drills:
    """The cluster behind a running simulator; ``before`` is what was in each guest when the test began."""

    lab: Lab
    folder: Path
    before: dict[int, str] = field(default_factory=dict)
    volids: dict[int, str] = field(default_factory=dict)
    asked: int = 0
    seeds: int = 0

    @property
    def world(self) -> World:
        """The simulated cluster."""
        return self.lab.world

    @property
    def faults(self) -> Any:
        """Faults to order."""
        return self.lab.sim.faults

    def options(self, **options: Any) -> dict[str, Any]:
        """The options of a drill, with connection and journal."""
        own = {"journal_path": str(self.lab.journals), "scratch_range": RANGE, "running_for": "0", **options}
        return {**self.lab.connection, **own}

    def drill(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run proxmox_drill."""
        self.asked = len(self.lab.sim.requests)
        return run_as_user("proxmox_drill", self.options(**options), check=check)

    def process(self, die_at_entry: int = 0, **options: Any) -> ModuleProcess:
        """A drill in a process of its own, which can be killed."""
        return ModuleProcess("proxmox_drill", self.options(**options), self.folder, die_at_entry)

    def rows(self, result: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
        """The drills of a result by guest."""
        return {row["guest"]["vmid"]: row for row in result["drills"]}

    def verdicts(self, result: Mapping[str, Any]) -> dict[int, str]:
        """The verdicts of a result by guest."""
        return {vmid: row["verdict"] for vmid, row in self.rows(result).items()}

    def record(self) -> list[dict[str, Any]]:
        """All lines of the record."""
        found = sorted(self.lab.journals.rglob("drills.jsonl"))
        return [json.loads(line) for path in found for line in path.read_text(encoding="utf-8").splitlines()]

    def journals(self) -> list[Path]:
        """Journals of drills that live or died."""
        return sorted(self.lab.journals.rglob("drills/*.jsonl"))

    def copies(self) -> list[int]:
        """Guests that were not there when the test began."""
        return sorted(set(self.world.cluster.guests) - set(self.before))

    def untouched(self) -> None:
        """Every guest that was there is as it was."""
        assert {vmid: self.world.content_hash(vmid) for vmid in self.before} == self.before

    def settings(self, vmid: int) -> dict[str, str]:
        """The configuration of a guest as the API shows it."""
        shown = configuration.shown(self.world.cluster.guests[vmid], self.world.cluster.storages)
        return {key: str(value) for key, value in shown.items()}

    def remember(self) -> None:
        """What is there now is not the drill's business."""
        self.before = {vmid: self.world.content_hash(vmid) for vmid in self.world.cluster.guests}

    def writes(self) -> list[str]:
        """What the last drill asked for beyond reading."""
        return [f"{one.method} {one.path}" for one in self.lab.sim.requests[self.asked :] if one.method != "GET"]

    def idle(self) -> None:
        """Until no task runs any more."""
        self.world.tasks.wait_idle(10)


def checks(row: Mapping[str, Any]) -> dict[str, str]:
    """The verdict of each check of a drill."""
    return {one["check"]: one["verdict"] for one in row["checks"]}


def reasons(row: Mapping[str, Any]) -> dict[str, str]:
    """The reason of each check of a drill."""
    return {one["check"]: one["reason"] for one in row["checks"]}


def drilled_world(folder: Path, version: str = "8.4") -> World:
    """Containers 101 and 102 and VMs 300 and 301, one of each on each node; the VMs have agents."""
    world = World(folder, version=version, clock=Leaping())
    for node in ("pve1", "pve2"):
        world.add_node(node)
    world.add_storage("fast", content=["rootdir", "images"], shared=True)
    world.add_storage("vault", type="nfs", content=["backup"], shared=True)
    world.add_container(
        101, "web1", node="pve1", storage="fast", files={"etc/hostname": b"web1\n"}, unprivileged=True, tags=["prod"]
    )
    world.add_container(
        102, "web2", node="pve2", storage="fast", files={"etc/hostname": b"web2\n"}, unprivileged=True, tags=["prod"]
    )
    for vmid, name, node in ((300, "db1", "pve1"), (301, "db2", "pve2")):
        agent = Agent(files={"/etc/canary": b"alive\n"})
        world.add_vm(
            vmid, name, node=node, storage="fast", disks={"scsi0": name.encode() * 999}, agent=agent, tags=["prod"]
        )
        world.set_option(vmid, "agent", "1")
    for vmid in GUESTS:
        world.set_option(vmid, "onboot", 1)
    world.add_user("backup@pve", password="a-password")
    asks = "VM.GuestAgent.Unrestricted" if version.startswith("9") else "VM.Monitor"
    world.add_role("LifeboatDrill", [*DRILL, asks])
    return world


@contextmanager
def drills(world: World, folder: Path, *, grant: bool = True, **settings: Any) -> Iterator[Drills]:
    """The world behind a running simulator; every guest has a backup of an hour ago."""
    if grant:
        for holder in ("backup@pve", TOKEN):
            for path in ("/vms", "/storage", "/sdn", "/nodes", "/mapping"):
                world.add_acl(path, "LifeboatDrill", user_or_token=holder, propagate=True)
    with lab(world, grant=False, **settings) as running:
        found = Drills(running, folder)
        back_up(found)
        yield found


def back_up(found: Drills) -> None:
    """A backup of each guest as it is now; an hour passes."""
    world = found.world
    found.seeds += 1
    rows = seed(found.lab, f"seed{found.seeds}", all_guests=True)
    found.volids = {row["vmid"]: row["volid"] for row in rows}
    an_hour_later(world)
    found.before = {vmid: world.content_hash(vmid) for vmid in world.cluster.guests}
