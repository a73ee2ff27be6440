# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judging a fleet by a policy, without sockets: seconds as the fleet grows, beside reading its listings."""

from __future__ import annotations

import json
import statistics
import tempfile
from pathlib import Path

from benchmarks.children import run_python
from benchmarks.fleet import Fleet
from benchmarks.planning import Measured
from benchmarks.planning_subjects import BASELINE
from benchmarks.policy_fleet import RULES
from benchmarks.policy_subjects import BACKUPS, JUDGED
from benchmarks.section import Limit, Section, Table

GUESTS = (100, 1_000, 10_000)
NODES = 16

TIMES_PARSING = 5.0
"""Judging the largest fleet may take so many times as long as it takes to make backups of the entries alone."""
PER_TENFOLD = 13.0
"""Ten times the guests may take so many times the seconds: 10 is linear, the rest is for noise."""


def policy() -> Section:
    """Measure every fleet."""
    measured = [_measured(Fleet(guests, NODES)) for guests in GUESTS]
    largest = measured[-1]
    # As in planning: fleets are measured apart, so that growth is judged beside that of the baseline.
    growth = max(10 * more.times(JUDGED) / less.times(JUDGED) for less, more in zip(measured, measured[1:]))
    size = f"{RULES} rules, {largest.fleet.guests:,} guests, {largest.fleet.archives:,} archives"
    return Section(
        [_table(measured)],
        [
            Limit(f"policy as long as the parsing into backups, {size}", _times(largest), TIMES_PARSING, " times"),
            Limit("policy, seconds for ten times the guests", growth, PER_TENFOLD, " times"),
        ],
    )


def _measured(fleet: Fleet) -> Measured:
    repeats = max(9, min(100, 20_000 // fleet.guests))
    with tempfile.TemporaryDirectory() as folder:
        fleet.write(Path(folder))
        size = (str(fleet.guests), str(fleet.nodes), folder)
        rounds = json.loads(run_python("benchmarks.policy_subjects", *size, str(repeats)).output)
    return Measured(fleet, rounds, {})


def _times(one: Measured) -> float:
    """How many times as long as the parsing: the middle one of the rounds' ratios."""
    pairs = zip(one.rounds[JUDGED], one.rounds[BACKUPS])
    return statistics.median(judged / backups for judged, backups in pairs)


def _table(measured: list[Measured]) -> Table:
    rows = [
        [
            f"{one.fleet.guests:,}",
            f"{one.fleet.archives:,}",
            *(f"{one.seconds(name) * 1e3:,.1f}" for name in (BASELINE, BACKUPS, JUDGED)),
            f"{one.times(BACKUPS):.1f}",
            f"{one.times(JUDGED):.1f}",
            f"{_times(one):.1f}",
            "" if less is None else f"{one.seconds(JUDGED) / less.seconds(JUDGED):.1f}",
        ]
        for less, one in zip([None, *measured], measured)
    ]
    headings = (
        "guests",
        "archives",
        "json.loads ms",
        "backups ms",
        "policy ms",
        "backups / json.loads",
        "policy / json.loads",
        "policy / backups",
        "per tenfold",
    )
    return Table(f"{RULES} rules, 4 tiers, 20 jobs, {NODES} nodes: processor time", headings, rows)
