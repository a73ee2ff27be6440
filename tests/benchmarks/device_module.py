# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A call of the module for the twelve devices of the demo, in a process of its own."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.children import run_python
from benchmarks.section import Limit, Section, Table
from device_simulator import Fleet, running
from device_simulator.scenarios import demo

NAME = "device_backup_status"
DEVICES = 12
ROUNDS = 9

BEYOND = 0.5
"""Processor seconds that a call may take beyond a process with a module that does nothing."""

EMPTY, IMPORTED = "a module that does nothing", "the module imported, and no more"
FIRST, SECOND = "first call", "second call"


class _Runs:
    """The runs of one program: seconds of the processor and by the clock."""

    def __init__(self) -> None:
        self.processor: list[float] = []
        self.clock: list[float] = []

    def run(self, program: str, *arguments: str, given: str = "") -> str:
        """Run it once more, for what it prints."""
        started = time.perf_counter()
        ended = run_python(program, *arguments, given=given)
        self.clock.append(time.perf_counter() - started)
        self.processor.append(ended.processor)
        return ended.output

    def beyond(self, floor: _Runs) -> float:
        """Processor seconds beyond those of another program: the middle one of the rounds' differences."""
        return statistics.median(one - least for one, least in zip(self.processor, floor.processor, strict=True))


def module(folder: Path) -> Section:
    """Measure it; ``folder`` is where the fleet and the catalogues are meanwhile."""
    fleet = Fleet(folder / "demo")
    demo(fleet)
    runs = {name: _Runs() for name in (EMPTY, IMPORTED, FIRST, SECOND)}
    with running(fleet) as servers:
        options = {
            "node_url": servers.node.url,
            "mysql_service_url": servers.mysql.url,
            "rsync_service_url": servers.rsync.url,
            "results_path": str(fleet.results),
            "videos_path": str(fleet.videos),
        }
        for number in range(ROUNDS):
            runs[EMPTY].run("benchmarks.device_empty_module")
            runs[IMPORTED].run("benchmarks.module_run", NAME, given="{}")
            kept = {"cache_path": str(folder / f"demo-{number}.sqlite")}
            for name in (FIRST, SECOND):
                given = json.dumps({"options": {**options, **kept}, "check": False})
                _must_have_seen_all(runs[name].run("benchmarks.module_run", NAME, given=given))
    what = f"for {DEVICES} devices: processor seconds beyond a module that does nothing"
    limits = [Limit(f"{name} {what}", runs[name].beyond(runs[EMPTY]), BEYOND, " s") for name in (FIRST, SECOND)]
    return Section([_table(runs)], limits)


def _table(runs: Mapping[str, _Runs]) -> Table:
    floor = runs[EMPTY]
    rows = [
        [
            name,
            f"{statistics.median(one.processor):.2f}",
            f"{one.beyond(floor):.2f}",
            f"{min(one.clock):.2f}",
            f"{min(one.clock) - min(floor.clock):.2f}",
        ]
        for name, one in runs.items()
    ]
    headings = ("", "processor s", "beyond the first row", "by the clock, best round s", "beyond the first row")
    title = f"A call for {DEVICES} devices in a process of its own; medians, rounds: {ROUNDS}"
    return Table(title, headings, rows)


def _must_have_seen_all(output: str) -> None:
    result: dict[str, Any] = json.loads(output)
    if (
        result.get("failed")
        or len(result["devices"]) != DEVICES
        or not all(service["available"] for service in result["services"].values())
    ):
        raise RuntimeError(f"the call did not see the whole fleet: {output}")
