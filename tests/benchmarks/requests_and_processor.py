# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look at a fleet costs the client: requests, and its own processor time, against a simulated cluster.

The guests have no content and the archives no bytes worth mentioning: it is the number of things that counts here. The
simulator's own time, which is far more than a real server's, is not in any figure.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.children import run_python
from benchmarks.section import Limit, Section, Table
from harness.lab import MINIMAL, Lab, lab
from pve_simulator import World

GUESTS = (20, 200, 2_000)
NODES = (1, 4, 16)
ARCHIVES = 2
"""Of each guest: one on the shared storage, one on the storage of its node."""
ROUNDS = 3

HOUR = 3600

CALLS: dict[str, dict[str, Any]] = {
    "proxmox_backup": {"options": {"all_guests": True, "max_age": "24h"}, "check": True},
    "proxmox_backup_info": {"options": {"all_guests": True, "max_age": "24h"}, "check": False},
}


@dataclass(frozen=True)
class Cost:
    """Of one call of a module: its requests, its processor seconds, and those beyond the start and the imports."""

    requests: int
    seconds: float
    beyond: float


def requests_and_processor() -> Section:
    """Measure both modules on every cluster."""
    found: dict[tuple[str, int, int], Cost] = {}
    for nodes in NODES:
        for guests in GUESTS:
            with _cluster(guests, nodes) as cluster:
                for name, call in CALLS.items():
                    found[name, nodes, guests] = _cost(cluster, name, call, guests)
    section = Section()
    for name, call in CALLS.items():
        mode = " in check mode" if call["check"] else ""
        rows = [
            [
                f"{nodes}",
                f"{guests:,}",
                f"{guests * ARCHIVES:,}",
                f"{found[name, nodes, guests].requests}",
                f"{found[name, nodes, guests].seconds:.2f}",
                f"{found[name, nodes, guests].beyond:.2f}",
            ]
            for nodes in NODES
            for guests in GUESTS
        ]
        headings = ("nodes", "guests", "archives", "requests", "processor s", "beyond the start")
        section.tables.append(Table(f"{name}{mode}", headings, rows))
        for nodes in NODES:
            more = found[name, nodes, GUESTS[-1]].requests - found[name, nodes, GUESTS[0]].requests
            what = f"{name}: more requests for {GUESTS[-1]:,} guests than for {GUESTS[0]}, nodes {nodes}"
            section.limits.append(Limit(what, abs(more), 0))
    return section


def _cost(cluster: Lab, name: str, call: dict[str, Any], guests: int) -> Cost:
    """The call, some times over; every time it has to see all guests and to send the same requests."""
    given = json.dumps({**call, "options": {**cluster.connection, **call["options"]}})
    seconds: list[float] = []
    beyond: list[float] = []
    counts: list[Counter[str]] = []
    for _round in range(ROUNDS):
        start = run_python("benchmarks.module_run", name, given="{}").processor
        cluster.sim.requests.clear()
        ended = run_python("benchmarks.module_run", name, given=given)
        result = json.loads(ended.output)
        if result.get("failed") or len(result["guests"]) != guests:
            raise RuntimeError(f"{name} did not see all {guests} guests: {result.get('msg')}")
        seconds.append(ended.processor)
        beyond.append(ended.processor - start)
        counts.append(Counter(f"{one.method} {one.path}" for one in cluster.sim.requests))
        if counts[-1] != counts[0] or counts[-1].total() != result["api_requests"]:
            raise RuntimeError(f"{name} sent other requests than before, or than it says: {counts[-1]}, {counts[0]}")
    return Cost(counts[0].total(), statistics.median(seconds), statistics.median(beyond))


@contextmanager
def _cluster(guests: int, nodes: int) -> Iterator[Lab]:
    """Guests spread evenly; of those of each node every second one has a backup younger than a day."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        names = [f"pve{number:02}" for number in range(1, nodes + 1)]
        for name in names:
            world.add_node(name)
        world.add_storage("local", "dir", ["backup", "rootdir"])
        world.add_storage("vault", "nfs", ["backup"])
        for index in range(guests):
            node, vmid = names[index % nodes], 1000 + index
            world.add_container(vmid, f"guest{index:05}", node, tags=["prod" if index % 2 else "dev"])
            age = (30 if index // nodes % 2 == 0 else 6) * HOUR
            world.add_archive(vmid, "vault", age=age, notes=f"guest{index:05} on {node}", compress="0")
            world.add_archive(vmid, "local", age=age + 24 * HOUR, compress="0")
        world.add_user("backup@pve")
        world.add_role("LifeboatBackup", MINIMAL)
        with lab(world) as cluster:
            yield cluster
