# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on one catalogue, in processes of their own: many at once, while the tree changes, and killed as they write."""

from __future__ import annotations

import random
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from harness.trees import DAY, MONTH, Run, Status, clock_at, copy, recordings, rest, status


def whole(cache: Path) -> None:
    with closing(sqlite3.connect(cache)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def sound(root: Path, cache: Path) -> Status:
    """After whatever happened: two runs that say what a run without says, with nothing to complain of."""
    rest()
    clock = clock_at(time.time())
    right = status(clock, results_path=str(root))
    found = right
    for _turn in range(2):
        found = status(clock, results_path=str(root), cache_path=str(cache))
        assert (found.said, found.of_catalogue) == (right.said, [])
    assert found.hits  # how many depends on how many young copies the other thread found the time to make
    whole(cache)
    return found


def churn(root: Path, stop: threading.Event) -> None:
    """New copies, some with an old time, old ones that go, and folders and devices that come and go. None in place."""
    dice = random.Random(1)
    for number in count():
        if stop.is_set():
            return
        device = f"dev{dice.randrange(6)}"
        place = root / device / f"NAME_{device}" / f"run-{dice.randrange(40):03}"
        what = dice.randrange(40)
        if what < 25:
            copy(place / f"new-{number}.db", dice.randrange(1, 99), dice.choice([0, MONTH, MONTH + DAY]))
        elif what < 39:
            shutil.rmtree(place, ignore_errors=True)
        else:
            shutil.rmtree(root / device, ignore_errors=True)
            copy(place / f"new-{number}.db", 50, MONTH)
        time.sleep(0.001)


@pytest.mark.slow
@pytest.mark.parametrize("begun", ["without a catalogue", "with garbage", "with a catalogue"])
def test_eight_runs_at_once_over_a_tree_that_changes(tmp_path: Path, begun: str) -> None:
    root, cache = tmp_path / "results", tmp_path / "catalogue.sqlite"
    for number in range(6):
        recordings(root, f"dev{number}", 30)
    rest()
    if begun == "with garbage":
        cache.write_bytes(b"garbage" * 200)
    elif begun == "with a catalogue":
        status(results_path=str(root), cache_path=str(cache))
    runs = [Run({"results_path": str(root), "cache_path": str(cache)}, turns=12) for _number in range(8)]
    stop = threading.Event()
    other = threading.Thread(target=churn, args=(root, stop))
    other.start()
    try:
        results = [run.results() for run in [run.go() for run in runs]]
    finally:
        stop.set()
        other.join()
    assert [len(one) for one in results] == [12] * 8
    found = [status for one in results for status in one]
    assert all(one.failure is None for one in found)
    assert all(one.result["summary"]["devices"] for one in found)
    complaints = [warning for one in found for warning in one.of_catalogue]
    assert len(complaints) == (begun == "with garbage"), complaints
    sound(root, cache)


@pytest.mark.slow
@pytest.mark.parametrize("die_at", [1, 2, 3, 50, 400, 401, 402, 403, 404, 405, 406])
def test_killed_at_a_statement(tmp_path: Path, die_at: int) -> None:
    root, cache = tmp_path / "results", tmp_path / "catalogue.sqlite"
    for number in range(5):
        recordings(root, f"dev{number}", 8)
    rest()
    status(results_path=str(root), cache_path=str(cache))
    for number in range(5):
        recordings(root, f"new{number}", 76)
        shutil.rmtree(root / f"dev{number}" / f"NAME_dev{number}" / "run-003")
    Run({"results_path": str(root), "cache_path": str(cache)}, die_at=die_at).go().killed()
    whole(cache)
    assert sound(root, cache).result["summary"]["files"] == 5 * 7 + 5 * 76


@pytest.mark.parametrize("die_at", [1, 2, 3, 4, 5, 6])
def test_killed_while_it_is_made(tmp_path: Path, die_at: int) -> None:
    root, cache = tmp_path / "results", tmp_path / "catalogue.sqlite"
    recordings(root, "a", 5)
    Run({"results_path": str(root), "cache_path": str(cache)}, die_at=die_at).go().killed()
    sound(root, cache)


@pytest.mark.slow
def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Also while SQLite writes the file, and puts the log into it."""
    root, cache = tmp_path / "results", tmp_path / "catalogue.sqlite"
    for number in range(10):
        recordings(root, f"dev{number}", 100)
    run = Run({"results_path": str(root), "cache_path": str(cache)}).go()
    begun = time.monotonic()
    run.results()
    took = time.monotonic() - begun
    cache.unlink()
    for part in range(9):
        run = Run({"results_path": str(root), "cache_path": str(cache), "refresh": True}).go()
        time.sleep(took * (0.4 + part * 0.06))
        run.process.kill()
        run.process.communicate()
        if cache.exists():
            whole(cache)
        for file in (root / "dev3").rglob("*.db"):
            file.unlink()
        recordings(root, "dev3", 100 - part)
    assert sound(root, cache).result["summary"]["files"] == 992
