# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Planning alone, without sockets: seconds and memory as the fleet grows, beside reading the same listings as JSON."""

from __future__ import annotations

import json
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import run_python
from benchmarks.fleet import Fleet
from benchmarks.planning_subjects import BASELINE, NOTHING, SUBJECTS
from benchmarks.section import Limit, Section, Table

GUESTS = (10, 100, 1_000, 10_000)
NODES = (1, 16, 64)

TIMES_BASELINE = 5.0
"""Planning the largest fleet may take so many times as long as json.loads of the same listings."""
MEGABYTES = 500.0
"""The most memory that the process which plans the largest fleet may ever hold."""
PER_TENFOLD = 13.0
"""Ten times the guests may take so many times the seconds and the memory: 10 is linear, the rest is for noise."""
FIXED_COSTS_END = 100
"""Guests from which on growth in time is judged: what takes the same for any fleet is then small beside the rest."""
MEMORY_NOISE = 4_000_000
"""Bytes: growth in memory is judged between fleets that add more than this to a process that has done nothing."""

_CHILD = "benchmarks.planning_subjects"


@dataclass(frozen=True)
class Measured:
    """Processor seconds of each round and the most bytes held, by subject, for one fleet."""

    fleet: Fleet
    rounds: dict[str, list[float]]
    memory: dict[str, int]

    def seconds(self, name: str) -> float:
        """Those of the best round: what disturbs only adds."""
        return min(self.rounds[name])

    def times(self, name: str) -> float:
        """How many times as long as the baseline it takes: the middle one of the rounds' ratios.

        Within a round both follow each other, so that a machine that gets busier meets both.
        """
        return statistics.median(
            seconds / baseline for seconds, baseline in zip(self.rounds[name], self.rounds[BASELINE])
        )

    def added(self, name: str) -> int:
        """Bytes beyond those of a process that has done nothing yet."""
        return self.memory[name] - self.memory[NOTHING]

    def memory_growth(self, name: str, smaller: Measured) -> float | None:
        """How many times as much it adds as for the smaller fleet; None where that is too little to tell."""
        return self.added(name) / smaller.added(name) if smaller.added(name) > MEMORY_NOISE else None


def planning() -> Section:
    """Measure every fleet."""
    found = {nodes: [_measured(Fleet(guests, nodes)) for guests in GUESTS] for nodes in NODES}
    section = Section()
    for name in SUBJECTS:
        section.tables.append(_table(name, found))
        for measured in found.values():
            section.limits.extend(_limits(name, measured))
    return section


def _measured(fleet: Fleet) -> Measured:
    repeats = max(9, min(200, 20_000 // fleet.guests))
    with tempfile.TemporaryDirectory() as folder:
        fleet.write(Path(folder))
        size = (str(fleet.guests), str(fleet.nodes), folder)
        rounds = json.loads(run_python(_CHILD, "time", *size, str(repeats)).output)
        memory = {
            name: int(run_python(_CHILD, "memory", *size, name).output) for name in (NOTHING, BASELINE, *SUBJECTS)
        }
    return Measured(fleet, rounds, memory)


def _table(name: str, found: dict[int, list[Measured]]) -> Table:
    rows = []
    for measured in found.values():
        for smaller, one in zip([None, *measured], measured):
            rows.append(
                [
                    f"{one.fleet.nodes}",
                    f"{one.fleet.guests:,}",
                    f"{one.fleet.archives:,}",
                    _milliseconds(one.seconds(BASELINE)),
                    _milliseconds(one.seconds(name)),
                    f"{one.times(name):.1f}",
                    "" if smaller is None else _times(one.seconds(name) / smaller.seconds(name)),
                    _megabytes(one.memory[BASELINE]),
                    _megabytes(one.memory[name]),
                    "" if smaller is None else _times(one.memory_growth(name, smaller)),
                ]
            )
    headings = (
        "nodes",
        "guests",
        "archives",
        "json.loads ms",
        f"{name} ms",
        "times as long",
        "per tenfold",
        "json.loads MB",
        f"{name} MB",
        "per tenfold",
    )
    nothing = min(one.memory[NOTHING] for measured in found.values() for one in measured)
    title = f'"{name}": processor time and the most memory of a process ({_megabytes(nothing)} MB before it begins)'
    return Table(title, headings, rows)


def _limits(name: str, measured: list[Measured]) -> list[Limit]:
    largest = measured[-1]
    where = f"{largest.fleet.guests:,} guests, {largest.fleet.archives:,} archives, nodes {largest.fleet.nodes}"
    judged = [one for one in measured if one.fleet.guests >= FIXED_COSTS_END]
    pairs = list(zip(judged, judged[1:]))
    seconds = max(10 * larger.times(name) / smaller.times(name) for smaller, larger in pairs)
    memory = max(larger.memory_growth(name, smaller) or 0.0 for smaller, larger in pairs)
    return [
        Limit(f'"{name}" as long as json.loads, {where}', largest.times(name),
              TIMES_BASELINE, " times"),
        Limit(f'"{name}" memory, {where}', largest.memory[name] / 1e6, MEGABYTES, " MB"),
        Limit(f'"{name}" seconds for ten times the guests, nodes {largest.fleet.nodes}', seconds, PER_TENFOLD,
              " times"),
        Limit(f'"{name}" memory for ten times the guests, nodes {largest.fleet.nodes}', memory, PER_TENFOLD, " times"),
    ]  # fmt: skip


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.1f}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1e3:,.2f}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f}"
