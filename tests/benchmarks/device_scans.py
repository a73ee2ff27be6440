# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scans of a tree of videos: the first, and one that has the first one's catalogue; beside a bare walk."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from benchmarks.device_rounds import Rounds, Step, measured, megabytes, milliseconds
from benchmarks.device_strace import calls_on_videos
from benchmarks.device_tree import DEVICES, FILES_A_FOLDER, OLD_FOLDERS, device_id, make_videos
from benchmarks.section import Limit, Section, Table

FILES = (1_000, 10_000, 100_000, 1_000_000)

TIMES_BARE = 2.0
"""A first scan may take so many times as long as a bare walk."""
OF_THE_FIRST = {10_000: 0.25, 1_000_000: 0.15}
"""By files: the part of the first scan's time that a second one may take."""
TOUCHED = 0.15
"""The part of the files that a second scan may touch; a tenth of them is young."""
MEGABYTES = 300.0
"""The most memory that a process which scans the largest tree may ever hold."""
PER_TENFOLD = 13.0
"""Ten times the files may take so many times the seconds: 10 is linear, the rest is for noise."""

SECONDS = 3
"""Second scans in a round: all the same, and so short that one alone is easily disturbed."""
WALK, FIRST, SECOND = "bare walk", "first scan", "second scan"


@dataclass(frozen=True)
class Scanned:
    """One tree: the rounds, the most bytes of a fresh process by scan, and the system calls on videos by scan."""

    files: int
    rounds: Rounds
    memory: dict[str, int]
    calls: dict[str, int | None]

    @property
    def of_the_first(self) -> float:
        """The second scan's part of the first one's processor time."""
        return self.rounds.times(SECOND, FIRST)

    @property
    def touched(self) -> float:
        """The part of the files that the second scan touched, as it says."""
        return float(self.rounds.said[SECOND]["touched"]) / self.files

    def growth(self, name: str, smaller: Scanned) -> float:
        """How many times the seconds for ten times the files.

        Two trees are measured a minute apart, when the machine may be twice as busy: so beside the bare walk.
        """
        factor = self.files / smaller.files
        return factor * self.rounds.times(name, WALK) / smaller.rounds.times(name, WALK)

    def plain_growth(self, name: str, smaller: Scanned) -> float:
        """The same of the plain seconds."""
        return self.rounds.best(name) / smaller.rounds.best(name)


def scans(folder: Path) -> Section:
    """Measure every tree; ``folder`` is where it stands meanwhile."""
    found = [_scanned(folder / f"videos-{files}", files) for files in FILES]
    section = Section([_times(found), _counts(found)])
    for scanned in found:
        if scanned.files in OF_THE_FIRST:
            section.limits.extend(_limits(scanned))
    largest = found[-1]
    section.limits.append(
        Limit(f"memory of a scan, {largest.files:,} files", max(largest.memory.values()) / 1e6, MEGABYTES, " MB")
    )
    pairs = list(zip(found, found[1:], strict=False))
    for name in (FIRST, SECOND):
        growth = max(larger.growth(name, smaller) for smaller, larger in pairs)
        what = f"seconds of a {name} for ten times the files, {FILES[0]:,} to {FILES[-1]:,}"
        section.limits.append(Limit(what, growth, PER_TENFOLD, " times"))
    return section


def _scanned(root: Path, files: int) -> Scanned:
    make_videos(root, files)
    scan = Step("scan", {"root": str(root), "device": device_id(0)})
    repeats = max(5, min(31, 500_000 // files))
    steps = {WALK: Step("baseline", {"trees": [str(root)]}), FIRST: scan, SECOND: scan._replace(times=SECONDS)}
    rounds = measured(steps, repeats)
    memory, calls = {}, dict.fromkeys((FIRST, SECOND), None)
    kept = root.with_name(f"{root.name}-memory")
    kept.mkdir()
    for name in (FIRST, SECOND):
        memory[name] = measured({name: scan}, 1, kept).peak
    traced = root.with_name(f"{root.name}-traced")
    traced.mkdir()
    if files == min(OF_THE_FIRST):
        calls = {name: calls_on_videos(scan, traced) for name in (FIRST, SECOND)}
    shutil.rmtree(root)
    scanned = Scanned(files, rounds, memory, calls)
    _must_have_seen_all(scanned)
    return scanned


def _must_have_seen_all(scanned: Scanned) -> None:
    """Nothing here says anything of a scan that saw too little, or of a count that counted nothing."""
    walk, first, second = (scanned.rounds.said[name] for name in (WALK, FIRST, SECOND))
    numbers = {walk["files"], *(one["touched"] + one["untouched"] for one in (first, second))}
    if numbers != {scanned.files} or first["of one device"] != second["of one device"]:
        raise RuntimeError(f"the scans did not see what is there: {walk}, {first}, {second}")
    calls = scanned.calls[FIRST]
    if calls is not None and calls < scanned.files:
        raise RuntimeError(f"strace saw {calls} calls of a scan that touched {scanned.files} files")


def _limits(scanned: Scanned) -> list[Limit]:
    where, most = f"{scanned.files:,} files", OF_THE_FIRST[scanned.files]
    limits = [
        Limit(f"first scan as long as a bare walk, {where}", scanned.rounds.times(FIRST, WALK), TIMES_BARE, " times"),
        Limit(f"second scan as a part of the first, {where}", scanned.of_the_first, most),
        Limit(f"files that the second scan touched, of {where}", scanned.touched, TOUCHED),
    ]
    calls = scanned.calls[SECOND]
    if calls is not None:
        limits.append(Limit(f"system calls on files in the second scan, of {where}", calls / scanned.files, TOUCHED))
    return limits


def _times(found: list[Scanned]) -> Table:
    rows = []
    for smaller, one in zip([None, *found], found, strict=False):
        rounds = one.rounds
        rows.append(
            [
                f"{one.files:,}",
                *(milliseconds(rounds.best(name)) for name in (WALK, FIRST)),
                f"{rounds.times(FIRST, WALK):.2f}",
                "" if smaller is None else f"{one.plain_growth(FIRST, smaller):.1f}",
                milliseconds(rounds.best(SECOND)),
                f"{one.of_the_first:.3f}",
                "" if smaller is None else f"{one.plain_growth(SECOND, smaller):.1f}",
                *(milliseconds(rounds.best_by_clock(name)) for name in (WALK, FIRST, SECOND)),
            ]
        )
    headings = (
        "files",
        "bare walk ms",
        "first ms",
        "of the walk",
        "per tenfold",
        "second ms",
        "of the first",
        "per tenfold",
        "by the clock: walk ms",
        "first ms",
        "second ms",
    )
    title = (
        f"Processor time of scans: {DEVICES} devices, {FILES_A_FOLDER} files a folder, "
        f"{OLD_FOLDERS:.0%} of the folders old (SQLite {sqlite3.sqlite_version})"
    )
    return Table(title, headings, rows)


def _counts(found: list[Scanned]) -> Table:
    rows = [
        [
            f"{one.files:,}",
            f"{one.rounds.said[FIRST]['touched']:,}",
            f"{one.rounds.said[SECOND]['touched']:,}",
            f"{one.touched:.1%}",
            *("" if calls is None else f"{calls:,}" for calls in one.calls.values()),
            f"{one.rounds.said[FIRST]['entries']:,}",
            megabytes(one.rounds.said[FIRST]["catalogue"]),
            *(megabytes(size) for size in one.memory.values()),
        ]
        for one in found
    ]
    headings = (
        "files",
        "touched, first",
        "second",
        "of the files",
        "system calls, first",
        "second",
        "rows kept",
        "catalogue MB",
        "memory MB, first",
        "second",
    )
    return Table("Files that a scan touches, and what it keeps", headings, rows)
