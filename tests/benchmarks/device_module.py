# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call of the module for the twelve devices of the demo, in a process of its own, by the clock."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.children import run_python
from benchmarks.section import Limit, Section, Table
from device_simulator import Fleet, running
from device_simulator.scenarios import demo

NAME = "device_backup_status"
DEVICES = 12
ROUNDS = 11

BEYOND = 0.5
"""Seconds that a call may take beyond a process with a module that does nothing; of the best rounds, as noise adds."""

EMPTY, IMPORTED = "a module that does nothing", "the module imported, and no more"
FIRST, SECOND = "first call", "second call"


def module(folder: Path) -> Section:
    """Measure it; ``folder`` is where the fleet and the catalogues are meanwhile."""
    fleet = Fleet(folder / "demo")
    demo(fleet)
    seconds: dict[str, list[float]] = {name: [] for name in (EMPTY, IMPORTED, FIRST, SECOND)}
    with running(fleet) as servers:
        options = {
            "node_url": servers.node.url,
            "mysql_service_url": servers.mysql.url,
            "rsync_service_url": servers.rsync.url,
            "results_path": str(fleet.results),
            "videos_path": str(fleet.videos),
        }
        for number in range(ROUNDS):
            given = json.dumps(
                {"options": {**options, "cache_path": str(folder / f"demo-{number}.sqlite")}, "check": False}
            )
            _timed(seconds[EMPTY], "benchmarks.device_empty_module")
            _timed(seconds[IMPORTED], "benchmarks.module_run", NAME, given="{}")
            for name in (FIRST, SECOND):
                _must_have_seen_all(_timed(seconds[name], "benchmarks.module_run", NAME, given=given))
    best = {name: min(taken) for name, taken in seconds.items()}
    rows = [
        [name, f"{statistics.median(taken):.2f}", f"{best[name]:.2f}", f"{best[name] - best[EMPTY]:.2f}"]
        for name, taken in seconds.items()
    ]
    headings = ("", "median s", "best round s", "beyond the first row")
    title = f"A call for {DEVICES} devices in a process of its own, by the clock; rounds: {ROUNDS}"
    what = f"for {DEVICES} devices: seconds beyond a module that does nothing"
    limits = [Limit(f"{name} {what}", best[name] - best[EMPTY], BEYOND, " s") for name in (FIRST, SECOND)]
    return Section([Table(title, headings, rows)], limits)


def _timed(taken: list[float], program: str, *arguments: str, given: str = "") -> str:
    started = time.perf_counter()
    ended = run_python(program, *arguments, given=given)
    taken.append(time.perf_counter() - started)
    return ended.output


def _must_have_seen_all(output: str) -> None:
    result: dict[str, Any] = json.loads(output)
    if (
        result.get("failed")
        or len(result["devices"]) != DEVICES
        or not all(service["available"] for service in result["services"].values())
    ):
        raise RuntimeError(f"the call did not see the whole fleet: {output}")
