# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Five guests backed up by one task of ours and by the peer's module in a loop, as a user would do either.

Every run is a real ansible-playbook against a cluster of its own: three nodes, five equal containers, the same token.
All wait until the backups have ended, and the archives are counted afterwards. What Ansible itself takes is measured by
the same playbook without a task and with a task that does nothing.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import peer_collection
from benchmarks.children import processor_seconds
from benchmarks.section import Limit, Section, Table
from harness.lab import MINIMAL, TOKEN, grant_minimal
from harness.playbooks import CHECKOUT, ansible_playbook
from pve_simulator import Simulator, World

GUESTS = {101: "pve1", 102: "pve1", 103: "pve2", 104: "pve2", 105: "pve3"}
ROUNDS = {0.0: 5, 2.0: 1}
"""How often all is run, by the seconds that the backup of one guest takes: none, so that only what the modules add is
left; and a little."""
LIMIT = 0.35
"""What our task may take of the peer's loop: both beyond the start of ansible-playbook, backups that take no time."""

START, OURS, LOOP = "playbook without a task", "lifeboat.backup, one task", "community.proxmox, a loop"


def _theirs(vmids: list[Any]) -> dict[str, Any]:
    return {
        "community.proxmox.proxmox_backup": {
            "mode": "include",
            "vmids": vmids,
            "storage": "vault",
            "wait": True,
            "wait_timeout": 120,
        }
    }


TASKS: dict[str, dict[str, Any] | None] = {
    START: None,
    "ping, one task": {"ansible.builtin.ping": {}},
    "ping, a loop": {"ansible.builtin.ping": {}, "loop": list(GUESTS)},
    OURS: {"lifeboat.backup.proxmox_backup": {"vmids": list(GUESTS), "storage": "vault"}},
    LOOP: {**_theirs(["{{ item }}"]), "loop": list(GUESTS)},
    "community.proxmox, one task": _theirs(list(GUESTS)),
}


@dataclass
class Runs:
    """What some runs of one playbook took, and what the cluster saw of each."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    requests: set[int] = field(default_factory=set)
    jobs: set[int] = field(default_factory=set)
    archives: set[int] = field(default_factory=set)


def peer() -> Section:
    """Run all in turn, some rounds over, so that noise meets all of them."""
    path = f"{CHECKOUT / '.cache/collections'}{os.pathsep}{peer_collection.fetch()}"
    section = Section()
    for pace, rounds in ROUNDS.items():
        found = {name: Runs() for name in TASKS}
        for _round in range(rounds):
            for name, task in TASKS.items():
                _run(found[name], name, task, pace, path)
        section.tables.append(_table(found, pace))
        if not pace:
            what = "seconds of our task, beyond the start of ansible-playbook, as a part of the peer's loop"
            section.limits.append(Limit(what, _part(found, OURS, beyond_start=True), LIMIT))
    return section


def _part(found: Mapping[str, Runs], name: str, *, beyond_start: bool) -> float:
    """The middle one of the rounds' ratios to the loop: within a round the machine is as busy for all."""
    starts = found[START].seconds if beyond_start else [0.0] * len(found[START].seconds)
    rounds = zip(found[name].seconds, found[LOOP].seconds, starts)
    return statistics.median((seconds - start) / (loop - start) for seconds, loop, start in rounds)


def _table(found: Mapping[str, Runs], pace: float) -> Table:
    start = statistics.median(found[START].seconds)
    rows = [
        [
            name,
            f"{statistics.median(runs.seconds):.2f}",
            f"{_part(found, name, beyond_start=False):.2f}",
            f"{statistics.median(runs.seconds) - start:.2f}",
            f"{_part(found, name, beyond_start=True):.2f}",
            f"{statistics.median(runs.processor):.2f}",
            _each(runs.requests),
            _each(runs.jobs),
            _each(runs.archives),
        ]
        for name, runs in found.items()
    ]
    title = f"The backup of a guest takes {pace:g} s; medians, rounds: {len(found[START].seconds)}"
    headings = (
        "",
        "seconds",
        "of the loop's",
        "beyond the start",
        "of the loop's",
        "processor s",
        "requests",
        "POST vzdump",
        "archives",
    )
    return Table(title, headings, rows)


def _each(counts: set[int]) -> str:
    return "-".join(str(count) for count in sorted({min(counts), max(counts)}))


def _run(runs: Runs, name: str, task: Mapping[str, Any] | None, pace: float, path: str) -> None:
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [task] if task else [],
    }
    with tempfile.TemporaryDirectory() as folder, _cluster(Path(folder) / "cluster", pace) as (sim, secret):
        playbook = Path(folder) / "playbook.yml"
        playbook.write_text(json.dumps([play]), encoding="utf-8")
        variables = {
            "ANSIBLE_COLLECTIONS_PATH": path,
            "PYTHONPATH": "",  # ours is for this process
            "PROXMOX_HOST": sim.host,
            "PROXMOX_PORT": str(sim.port),
            "PROXMOX_CA_PATH": str(sim.ca_path),
            "PROXMOX_USER": TOKEN.partition("!")[0],
            "PROXMOX_TOKEN_ID": TOKEN.partition("!")[2],
            "PROXMOX_TOKEN_SECRET": secret,
        }
        started, used = time.monotonic(), processor_seconds()
        ended = ansible_playbook(playbook, variables, timeout=300)
        seconds, processor = time.monotonic() - started, processor_seconds() - used
        archives = len(sim.world.archives("vault"))
        if ended.code or (task and "ping" not in name and archives != len(GUESTS)):
            raise RuntimeError(f"{name}: status {ended.code}, {archives} archives\n{ended.output}")
        runs.seconds.append(seconds)
        runs.processor.append(processor)
        runs.requests.add(len(sim.requests))
        runs.jobs.add(sum(one.method == "POST" and one.path.endswith("/vzdump") for one in sim.requests))
        runs.archives.add(archives)


@contextmanager
def _cluster(folder: Path, pace: float) -> Iterator[tuple[Simulator, str]]:
    world = World(folder)
    for node in sorted(set(GUESTS.values())):
        world.add_node(node)
    world.add_storage("local", content=["rootdir"])
    world.add_storage("vault", type="nfs", content=["backup"])
    for vmid, node in GUESTS.items():
        world.add_container(vmid, f"guest{vmid}", node, files={"etc/motd": b"x" * 1000})
    world.add_user("backup@pve")
    world.add_role("LifeboatBackup", MINIMAL)
    secret = world.add_token("backup@pve", "lifeboat", privsep=True)
    # /storage/vault by name as well: the peer does not see what reaches down from /storage
    for where in ("/vms", "/storage", "/storage/vault"):
        grant_minimal(world, where)
    with Simulator(world, pace=pace) as sim:
        yield sim, secret
