# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both daemons asked after a first sync, when one of them lists every file three times; and with one that hangs."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from benchmarks.device_answers import answers_after_first_sync
from benchmarks.device_rounds import Rounds, Step, measured, megabytes, milliseconds
from benchmarks.device_server import HUNG, serving
from benchmarks.section import Limit, Section, Table

DEVICES, FILES = 50, 1_000
ROUNDS, HUNG_ROUNDS = 7, 3

TIMES_BASELINE = 3.0
"""Asking both daemons and reading what they say may take so many times as long as json.loads of it, by the clock."""
TIMEOUT = 2
"""Seconds; the ``timeout`` while a daemon hangs."""
BEYOND_TIMEOUT = 1.0
"""Seconds that the whole may take beyond it."""

LOADS = "json.loads"
ASKED, KEPT = "both daemons asked", "the same from the catalogue"
HUNG_MYSQL, HUNG_RSYNC = "the mysql daemon hangs", "the rsync daemon hangs"


def services(folder: Path) -> Section:
    """Measure both; ``folder`` is where the answers lie meanwhile."""
    answers = folder / "after-first-sync"
    answers_after_first_sync(answers, DEVICES, FILES)
    files = [answers / "mysql/status", answers / "rsync/status"]
    with serving(answers) as address:
        up = _call(address)
        steps = {LOADS: Step("baseline", {"answers": [str(file) for file in files]}), ASKED: up, KEPT: up}
        asked = measured(steps, ROUNDS)
        hung = measured({HUNG_MYSQL: _call(address, mysql=HUNG), HUNG_RSYNC: _call(address, rsync=HUNG)}, HUNG_ROUNDS)
    _must_have_read_all(asked, hung)
    size = sum(file.stat().st_size for file in files)
    where = f"{DEVICES} devices, {FILES:,} files each"
    section = Section([_table(asked, hung, size)])
    times = asked.times_by_clock(ASKED, LOADS)
    section.limits.append(Limit(f"both daemons asked as long as json.loads, {where}", times, TIMES_BASELINE, " times"))
    for name in (HUNG_MYSQL, HUNG_RSYNC):
        beyond = hung.best_by_clock(name) - TIMEOUT
        section.limits.append(Limit(f"{name}: seconds beyond the timeout, {where}", beyond, BEYOND_TIMEOUT, " s"))
    return section


def _call(address: str, *, mysql: str = "mysql", rsync: str = "rsync") -> Step:
    options: dict[str, Any] = {
        "mysql_service_url": f"{address}/{mysql}",
        "rsync_service_url": f"{address}/{rsync}",
    }
    if HUNG in (mysql, rsync):
        # Without a catalogue, or the second round would not ask who answered in the first
        options.update(timeout=f"{TIMEOUT}s", cache_path="")
    return Step("call", {"options": options})


def _must_have_read_all(asked: Rounds, hung: Rounds) -> None:
    said = {**asked.said, **hung.said}
    for name, daemons in {
        ASKED: ("mysql", "rsync"),
        KEPT: ("mysql", "rsync"),
        HUNG_MYSQL: ("rsync",),
        HUNG_RSYNC: ("mysql",),
    }.items():
        one = said[name]
        available = tuple(sorted(daemon for daemon, up in one["available"].items() if up))
        listed = DEVICES * FILES if "rsync" in daemons else 0
        if available != daemons or (one["devices"], one["claimed"]) != (DEVICES, listed):
            raise RuntimeError(f"{name}: not all of the answers was read: {one}")


def _table(asked: Rounds, hung: Rounds, size: int) -> Table:
    rows = [
        [
            name,
            milliseconds(statistics.median(rounds.clock[name])),
            milliseconds(rounds.best_by_clock(name)),
            f"{rounds.times_by_clock(name, LOADS):.2f}" if LOADS in rounds.clock else "",
            milliseconds(rounds.best(name)),
            f"{rounds.times(name, LOADS):.2f}" if LOADS in rounds.clock else "",
        ]
        for rounds in (asked, hung)
        for name in rounds.clock
    ]
    headings = ("", "by the clock ms", "best round ms", "of json.loads", "processor ms", "of json.loads")
    title = (
        f"Both daemons after a first sync: {DEVICES} devices, {FILES:,} files each, {megabytes(size)} MB of answers; "
        f"rounds {ROUNDS}, with a hung daemon {HUNG_ROUNDS} and a timeout of {TIMEOUT} s"
    )
    return Table(title, headings, rows)
