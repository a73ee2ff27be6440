# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole calls as the fleet grows: all services asked, both trees scanned, every device judged."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.device_answers import QUESTIONS, answers_of_fleet
from benchmarks.device_rounds import Rounds, Step, measured, megabytes, milliseconds
from benchmarks.device_server import serving
from benchmarks.section import Limit, Section, Table
from device_simulator import Fleet

DEVICES = (10, 100, 1_000)

PER_TENFOLD = 13.0
"""Ten times the devices may take so many times the seconds: 10 is linear, the rest is for noise."""

BASELINE, FIRST, SECOND = "json.loads and bare walk", "first call", "second call"


@dataclass(frozen=True)
class Called:
    """One fleet: how many devices and files it has, the bytes of the answers, and the rounds."""

    devices: int
    files: int
    answers: int
    rounds: Rounds

    def growth(self, name: str, smaller: Called) -> float:
        """How many times the seconds for ten times the devices: judged beside the baseline, as the scans are."""
        factor = self.devices / smaller.devices
        return factor * self.rounds.times(name, BASELINE) / smaller.rounds.times(name, BASELINE)


def fleets(folder: Path) -> Section:
    """Measure every fleet; ``folder`` is where it stands meanwhile."""
    found = [_called(folder / f"fleet-{devices}", devices) for devices in DEVICES]
    section = Section([_table(found)])
    for name in (FIRST, SECOND):
        growth = max(larger.growth(name, smaller) for smaller, larger in zip(found, found[1:], strict=False))
        what = f"seconds of a {name} for ten times the devices, {DEVICES[0]} to {DEVICES[-1]:,}"
        section.limits.append(Limit(what, growth, PER_TENFOLD, " times"))
    return section


def _called(folder: Path, devices: int) -> Called:
    answers = folder / "answers"
    fleet = Fleet(folder / "fleet")
    answers_of_fleet(fleet, answers, devices)
    files = [answers / question for question in QUESTIONS]
    trees = [str(fleet.results), str(fleet.videos)]
    with serving(answers) as address:
        options: dict[str, Any] = {
            "node_url": f"{address}/node",
            "mysql_service_url": f"{address}/mysql",
            "rsync_service_url": f"{address}/rsync",
            "results_path": trees[0],
            "videos_path": trees[1],
            "cache_ttl": "0",  # so that a second call asks, too
        }
        call = Step("call", {"options": options})
        repeats = max(9, min(31, 2_000 // devices))
        rounds = measured(
            {
                BASELINE: Step("baseline", {"answers": [str(file) for file in files], "trees": trees}),
                FIRST: call,
                SECOND: call,
            },
            repeats,
        )
    size = sum(file.stat().st_size for file in files)
    shutil.rmtree(folder)
    said = rounds.said[FIRST]
    if said != rounds.said[SECOND] or said["devices"] != devices or not all(said["available"].values()):
        raise RuntimeError(f"a call did not see the whole fleet: {rounds.said}")
    return Called(devices, said["files"], size, rounds)


def _table(found: list[Called]) -> Table:
    rows = []
    for smaller, one in zip([None, *found], found, strict=False):
        rounds = one.rounds
        row = [f"{one.devices:,}", f"{one.files:,}", megabytes(one.answers), milliseconds(rounds.best(BASELINE))]
        for name in (FIRST, SECOND):
            growth = "" if smaller is None else f"{rounds.best(name) / smaller.rounds.best(name):.1f}"
            row += [milliseconds(rounds.best(name)), f"{rounds.times(name, BASELINE):.1f}", growth]
        rows.append([*row, *(milliseconds(rounds.best_by_clock(name)) for name in (FIRST, SECOND))])
    headings = (
        "devices",
        "copies",
        "answers MB",
        "baseline ms",
        "first ms",
        "of the baseline",
        "per tenfold",
        "second ms",
        "of the baseline",
        "per tenfold",
        "by the clock: first ms",
        "second ms",
    )
    return Table("Processor time of whole calls: node and daemons asked, both trees looked at", headings, rows)
