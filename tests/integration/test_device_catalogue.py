# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The catalogue of device_backup_status: what is taken from it, what is looked at, and that nobody notices."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.catalogue import Catalogue
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.device_backup_status import device_backup_status
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Sorter, results
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Times, look
from harness.lab import run_as_user
from harness.modules import warnings_of
from harness.trees import (
    DAY,
    HOUR,
    MONTH,
    NANO,
    OPTIONS,
    Status,
    clock_at,
    copy,
    dated,
    in_place,
    recordings,
    rest,
    status,
)

YEAR = 365 * DAY


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


class Fleet:
    """A tree of results with a catalogue of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = root.parent / "catalogue.sqlite"

    def scan(self, clock: Clock | None = None, **options: Any) -> Status:
        return status(clock, results_path=str(self.root), cache_path=str(self.cache), **options)

    def bare(self, clock: Clock | None = None, **options: Any) -> Status:
        return status(clock, results_path=str(self.root), cache_path="", **options)


@pytest.fixture
def fleet(root: Path) -> Fleet:
    return Fleet(root)


def touched(found: Status) -> tuple[int, int]:
    """How many copies were touched, and how many were not."""
    return found.misses, found.hits


def test_an_old_folder_is_taken_without_a_look_at_its_files(fleet: Fleet) -> None:
    for device in ("a", "b"):
        recordings(fleet.root, device, 10)
    rest()
    first = fleet.scan(clock := clock_at(time.time()))
    assert touched(first) == (20, 0)
    second = fleet.scan(clock)
    assert touched(second) == (2, 18), "the newest copy of each device is looked at"
    assert second.said == first.said == fleet.bare(clock).said
    assert second.result["cache"] == {
        "path": str(fleet.cache),
        "hits": 18,
        "misses": 2,
        "hit_ratio": 0.9,
        "entries": 24,  # two devices, two names, twenty recordings
        "bytes": second.result["cache"]["bytes"],
    }
    assert 0 < second.result["cache"]["bytes"] <= 2 * fleet.cache.stat().st_size


def test_what_changes_in_place_in_an_old_folder_is_not_seen_but_the_newest_copy_is(fleet: Fleet) -> None:
    newest, _second, oldest = recordings(fleet.root, "a", 3)
    mysql = copy(fleet.root / "a/NAME_a/mysql/m.db", 500)
    copy(mysql.with_suffix(".txt"))
    rest()
    assert fleet.scan().evidence("a")["size"] == 33

    in_place(oldest, 5000)
    assert fleet.scan().evidence("a")["size"] == 33, "documented: a file of an old folder is taken not to change"
    in_place(mysql, 9)
    found = fleet.scan()
    assert found.evidence("a")["size"] == 33
    assert (found.evidence("a", "mysql")["size"], found.evidence("a", "mysql")["path"]) == (9, str(mysql))
    in_place(newest, 100)
    assert fleet.scan().evidence("a")["size"] == 100 + 11 + 5000, "and then all that the device has is looked at"


def test_the_newest_copy_goes_and_the_next_one_counts(fleet: Fleet) -> None:
    newest, second, _oldest = recordings(fleet.root, "a", 3)
    rest()
    fleet.scan()
    newest.unlink()
    found = fleet.scan()
    assert found.evidence("a")["path"] == str(second)
    assert found.said["devices"][0]["types"]["sqlite"]["files"] == 2
    shutil.rmtree(second.parent)
    rest()
    assert fleet.scan().evidence("a")["files"] == 1
    shutil.rmtree(fleet.root / "a")
    copy(fleet.root / "b/NAME/run/1.db")
    gone = fleet.scan()
    assert ([*gone.devices], gone.result["cache"]["entries"]) == (["b"], 3)


def test_nothing_is_kept_of_folders_that_are_gone(fleet: Fleet) -> None:
    for name in ("NAME", "n\udcff", "%", "a_"):
        copy(fleet.root / "a" / name / "run" / "more" / "1.db")
        copy(fleet.root / "a0" / name / "1.db")
        copy(fleet.root / "b\udcff" / name / "run" / "1.db")
    assert fleet.scan().result["cache"]["entries"] == 1 + 3 * 4 + 1 + 4 + 1 + 2 * 4
    shutil.rmtree(fleet.root / "a")
    assert fleet.scan().result["cache"]["entries"] == 1 + 4 + 1 + 2 * 4
    shutil.rmtree(fleet.root / "b\udcff" / "n\udcff")
    assert fleet.scan().result["cache"]["entries"] == 1 + 4 + 1 + 2 * 3
    shutil.rmtree(fleet.root / "b\udcff")
    assert fleet.scan().result["cache"]["entries"] == 1 + 4


def test_a_folder_that_goes_before_it_is_looked_at_again(fleet: Fleet) -> None:
    """Where the newest copy is not what it was, a scan begins anew, and what it saw before doesn't count."""
    newest = recordings(fleet.root, "a", 2)[0]
    copy(fleet.root / "a" / "NAME_a" / "notes.txt")
    layout = results(str(fleet.root))
    looks = count(1)

    def sorter(folder: str, names: Collection[str]) -> Sorter:
        if folder == "a/NAME_a" and next(looks) == 3:
            shutil.rmtree(fleet.root / "a" / "NAME_a" / "run-new")
        return layout.sorter(folder, names)

    def scan() -> tuple[int, int]:
        """How many copies and how many entries of the catalogue there are."""
        with closing(Catalogue.at(fleet.cache)) as catalogue:
            times = Times(time.time_ns(), time.time_ns() - 7 * DAY * NANO)
            seen = look(replace(layout, sorter=sorter), catalogue.shelf(layout, times.known), times)
            catalogue.write()
            return seen.copies["sqlite", "a"].files, catalogue.figures()[0]

    rest()
    assert scan() == (2, 4)
    in_place(newest, 99)
    copy(fleet.root / "a" / "NAME_a" / "run-new" / "1.db", 10, 2 * MONTH)
    assert scan() == (2, 4)
    assert next(looks) == 4, "once in the first scan, and twice in the second one"


def test_a_tree_that_held_copies_and_holds_none_is_taken_for_one_that_is_not_mounted(fleet: Fleet) -> None:
    recordings(fleet.root, "a", 3)
    rest()
    fleet.scan()
    fleet.root.rename(away := fleet.root.with_name("away"))
    fleet.root.mkdir()
    for _turn in range(2):
        found = fleet.scan()
        assert found.failure is not None
        assert "it is empty and held 3 copies at the last look: is its disk mounted?" in found.failure
    fleet.root.rmdir()
    away.rename(fleet.root)
    assert touched(fleet.scan()) == (1, 2), "nothing was forgotten"
    shutil.rmtree(fleet.root / "a")
    assert fleet.scan(refresh=True).failure is None
    assert (fleet.scan().failure, fleet.scan().warnings) == (None, [])


@pytest.mark.parametrize("newest", ["emptied", "replaced by a folder", "replaced by a link", "set back"])
def test_a_newest_copy_that_is_no_longer_one(fleet: Fleet, newest: str) -> None:
    file, second, _oldest = recordings(fleet.root, "a", 3)
    rest()
    fleet.scan()
    if newest == "emptied":
        file.write_bytes(b"")
    elif newest == "set back":
        dated(file, YEAR)
    else:
        file.unlink()
        file.mkdir() if newest == "replaced by a folder" else file.symlink_to(second)
    clock = clock_at(time.time())
    found = fleet.scan(clock)
    assert found.said == fleet.bare(clock).said
    assert found.evidence("a")["path"] == str(second)


def test_a_young_folder_is_looked_at_each_time(fleet: Fleet) -> None:
    young = copy(fleet.root / "a/NAME/young/1.db", 10, 6 * DAY)
    copy(fleet.root / "a/NAME/young/2.db", 10, MONTH)
    recordings(fleet.root, "a", 4)
    rest()
    fleet.scan()
    assert touched(fleet.scan()) == (2, 4)
    in_place(fleet.root / "a/NAME/young/2.db", 99)
    assert fleet.scan().evidence("a")["size"] == 10 + 99 + 10 + 11 + 12 + 13
    assert young.stat().st_size == 10


def test_stable_after_says_what_is_old(fleet: Fleet) -> None:
    recordings(fleet.root, "a", 10, 1.5 * DAY)
    rest()
    fleet.scan(stable_after="4d")
    assert touched(fleet.scan(stable_after="4d")) == (3, 7), "of 1.5, 2.5 and 3.5 days"
    assert touched(fleet.scan(stable_after="2w")) == (10, 0)
    fleet.scan(stable_after="1d")
    assert touched(fleet.scan(stable_after="1d")) == (1, 9)


def test_what_changed_while_it_was_young_is_seen_when_it_is_old(fleet: Fleet) -> None:
    """A database that is written into for days, and two looks at it that lie weeks apart."""
    file = copy(fleet.root / "a/NAME/run/1.db", 10, HOUR)
    copy(fleet.root / "a/NAME/later/2.db", 7, 0)
    rest()
    now = time.time()
    fleet.scan(clock_at(now))
    in_place(file, 4000)
    dated(file, 0)
    later = clock_at(now + 20 * DAY)
    found = fleet.scan(later)
    assert found.evidence("a")["size"] == 4007
    assert found.said == fleet.bare(later).said
    assert touched(fleet.scan(later)) == (1, 1)


def test_refresh_looks_at_everything_and_keeps_it(fleet: Fleet) -> None:
    files = recordings(fleet.root, "a", 5)
    rest()
    fleet.scan()
    in_place(files[3], 1000)
    dated(files[3], MONTH + DAY)
    found = fleet.scan(refresh=True)
    assert touched(found) == (5, 0)
    assert found.evidence("a")["size"] == 10 + 11 + 12 + 1000 + 14
    again = fleet.scan()
    assert touched(again) == (1, 4)
    assert again.evidence("a") == found.evidence("a")


def test_a_clock_that_jumps_and_comes_back(fleet: Fleet) -> None:
    recordings(fleet.root, "a", 3)
    young = copy(fleet.root / "a/NAME_a/young/y.db", 10, HOUR)
    ahead = copy(fleet.root / "b/NAME_b/run/1.db", 10, -90 * DAY)
    copy(fleet.root / "b/NAME_b/run/2.db", 10, MONTH)
    rest()
    now = time.time()
    for moment in (now, now + YEAR, now + YEAR, now, now - YEAR, now, now, now + 89 * DAY, now + 91 * DAY, now):
        clock = clock_at(moment)
        assert fleet.scan(clock).said == fleet.bare(clock).said
    in_place(young, 99)
    in_place(ahead, 55)
    for moment in (now + 1, now + YEAR, now + 1):
        found = fleet.scan(clock_at(moment))
        assert found.said == fleet.bare(clock_at(moment)).said
        assert (found.evidence("a")["size"], found.evidence("b")["size"]) == (132, 65)


def test_a_copy_dated_in_the_future_counts_once_its_time_has_come(fleet: Fleet) -> None:
    copy(fleet.root / "a/NAME/run/old.db", 10, MONTH)
    ahead = copy(fleet.root / "a/NAME/run/ahead.db", 20, -30 * DAY)
    rest()
    now = time.time()
    first = fleet.scan(clock_at(now))
    assert first.evidence("a")["path"] == str(ahead.with_name("old.db"))
    assert [one["kind"] for one in first.result["discrepancies"]] == ["dated_ahead"]
    later = fleet.scan(clock_at(now + 60 * DAY))
    assert later.evidence("a")["path"] == str(ahead)
    assert later.result["discrepancies"] == []


@pytest.mark.parametrize("beside", [None, MONTH])
def test_an_old_copy_without_content_that_is_filled_in_place_is_seen(fleet: Fleet, beside: int | None) -> None:
    """As the MySQL daemon does, which adds to the file that it once made."""
    file = copy(fleet.root / "a/NAME/run/1.db", 0, 10 * DAY)
    if beside:
        copy(file.with_name("older.db"), 10, beside)
    rest()
    fleet.scan()
    in_place(file, 77)
    found = fleet.scan().evidence("a")
    assert (found["path"], found["size"]) == (str(file), 77 + (10 if beside else 0))


def test_a_device_with_nothing_but_empty_copies_has_its_folders_name(fleet: Fleet) -> None:
    copy(fleet.root / "a/NAME/run/1.db", 0)
    for _turn in range(2):
        row = fleet.scan(devices=["NAME"]).devices["a"]
        assert (row["name"], row["types"]["sqlite"]["reason"]) == ("NAME", "the only copy is empty (0 bytes)")


@pytest.mark.parametrize("when", [-9_000_000_000, -1, 10_000_000_000, 15_000_000_000])
def test_times_before_1970_and_after_2286(fleet: Fleet, when: int) -> None:
    file = copy(fleet.root / "a/NAME/run/1.db")
    try:
        os.utime(file, (when, when))
        os.utime(file.parent, (when, when))
    except (OSError, OverflowError):
        pytest.skip("this file system has no such time")
    rest()
    clock = clock_at(time.time())
    for _turn in range(3):
        found = fleet.scan(clock)
        assert found.said == fleet.bare(clock).said
        assert found.warnings == []
        assert found.evidence("a")["newest"] == (0 if when < 0 else None)


def test_files_that_are_nearly_all_holes(root: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir():
        pytest.skip("needs a file system that holds such files")
    place = memory / f"lifeboat-{os.getpid()}"
    fleet = Fleet(root)
    try:
        for number in range(3):
            file = copy(place / f"a/NAME/run/{number}.db")
            os.truncate(file, 2**62)
            dated(file, MONTH + number)
        rest()
        for _turn in range(3):
            found = status(results_path=str(place), cache_path=str(fleet.cache))
            assert (found.evidence("a")["size"], found.warnings) == (3 * 2**62, [])
    finally:
        shutil.rmtree(place)


def test_a_text_beside_it_makes_another_type_of_an_old_copy(fleet: Fleet) -> None:
    file = recordings(fleet.root, "a", 3)[1]
    rest()
    fleet.scan()
    copy(file.with_suffix(".txt"))
    found = fleet.scan()
    assert (found.evidence("a")["files"], found.evidence("a", "mysql")["files"]) == (2, 1)
    rest()
    fleet.scan()
    file.with_suffix(".txt").unlink()
    found = fleet.scan()
    assert (found.evidence("a")["files"], found.evidence("a", "mysql")["files"]) == (3, 0)


def test_the_newest_of_several_with_one_time_is_always_the_same(fleet: Fleet) -> None:
    """So that a check of the newest copy says the same each time."""
    when = time.time() - MONTH
    for name in ("b", "a!", "a", "c", "\udcff", "a0"):
        for file in recordings(fleet.root, f"device/{name}", 3):
            os.utime(file, (when, when))
    rest()
    first = fleet.bare().evidence("device")
    for turn in range(4):
        assert fleet.scan(refresh=turn == 2).evidence("device") == first


def test_nothing_is_missed_within_a_tick_of_the_clock(fleet: Fleet) -> None:
    """Two changes may give a folder the same time, where a scan fits between them."""
    folder = fleet.root / "a/NAME/run"
    folder.mkdir(parents=True)
    for number in range(60):
        copy(folder / f"{number}.db")
        os.utime(folder, (1, 1))
        assert fleet.scan().evidence("a")["files"] == number + 1


@pytest.fixture
def coarse(tmp_path: Path) -> Iterator[Path]:
    """A file system that keeps whole seconds only."""
    image, place = tmp_path / "image", tmp_path / "coarse"
    with image.open("wb") as file:
        file.truncate(8 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-I", "128", str(image)], check=True, capture_output=True)
    place.mkdir()
    mounted = subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"not run: needs the right to mount ({mounted.stderr.decode().strip()})")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.needs("mkfs.ext4", "mount")
def test_nothing_is_missed_where_folders_have_whole_seconds(coarse: Path) -> None:
    fleet = Fleet(coarse / "results")
    folder = fleet.root / "a/NAME/run"
    folder.mkdir(parents=True)
    for number in range(25):  # several in each second
        copy(folder / f"{number}.db")
        if number % 2:
            os.utime(folder, (1_700_000_000, 1_700_000_000))  # as rsync sets it back
        assert fleet.scan().evidence("a")["files"] == number + 1
        time.sleep(0.05)
    assert folder.stat().st_ctime_ns % 10**9 == 0


def test_two_trees_and_two_kinds_of_them_in_one_catalogue(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "catalogue.sqlite")
    recordings(root, "a", 4)
    videos = tmp_path / "videos"
    for number in range(3):
        copy(videos / f"a/NAME_a/v{number}/{number}.h264", 100 + number, MONTH + number * DAY)
    rest()
    both: dict[str, Any] = {"results_path": str(root), "videos_path": str(videos)}
    first = status(clock := clock_at(time.time()), cache_path=cache, **both)
    second = status(clock, cache_path=cache, **both)
    assert first.said == second.said
    assert touched(second) == (2, 5)
    # Only one of them: the other stays known
    assert touched(status(cache_path=cache, videos_path=str(videos))) == (1, 2)
    assert touched(status(cache_path=cache, **both)) == (2, 5)
    # The same folder as another kind of tree is another matter
    own = [{"type": "config", "root": str(root), "pattern": r"(?P<device>[^/]+)\.db$"}]
    assert touched(status(cache_path=cache, layout=own)) == (4, 0)
    found = status(cache_path=cache, layout=own)
    assert (touched(found), sorted(found.devices)) == ((4, 0), ["0", "1", "2", "3"]), "each is the newest of its device"
    own[0]["pattern"] = r"(?P<device>run)-\d+/[^/]*\.db$"
    assert touched(status(cache_path=cache, layout=own)) == (4, 0)
    assert touched(status(cache_path=cache, layout=own)) == (1, 3)
    own[0]["type"] = "other"
    assert touched(status(cache_path=cache, layout=own)) == (4, 0)


def test_a_tree_by_another_path_is_the_same_tree(fleet: Fleet, tmp_path: Path) -> None:
    recordings(fleet.root, "a", 4)
    rest()
    fleet.scan()
    link = tmp_path / "link"
    link.symlink_to(fleet.root)
    found = status(results_path=str(link), cache_path=str(fleet.cache))
    assert touched(found) == (1, 3)
    assert found.evidence("a")["path"].startswith(f"{link}/a/")
    other = tmp_path / "other"
    recordings(other, "a", 2, 2 * MONTH)
    link.unlink()
    link.symlink_to(other)
    assert status(results_path=str(link), cache_path=str(fleet.cache)).evidence("a")["files"] == 2


def test_no_catalogue_without_a_place_for_it(root: Path, tmp_path: Path) -> None:
    recordings(root, "a", 1)
    options = {**OPTIONS, "results_path": str(root), "cache_path": None}
    for place, variables in (
        (tmp_path / "x" / "lifeboat" / "devices.sqlite", {"XDG_CACHE_HOME": str(tmp_path / "x"), "HOME": "/nowhere"}),
        (tmp_path / ".cache" / "lifeboat" / "devices.sqlite", {"HOME": str(tmp_path)}),
    ):
        result, _failure = device_backup_status(options, variables, Clock())
        assert result["cache"]["path"] == str(place)
        assert place.stat().st_mode & 0o777 == 0o600
        assert place.parent.stat().st_mode & 0o777 == 0o700
    for variables in ({}, {"HOME": "relative"}):
        result, _failure = device_backup_status(options, variables, Clock())
        assert (result["cache"]["path"], result["cache"]["entries"], result["warnings"]) == (None, 0, [])


def test_the_module_itself(fleet: Fleet) -> None:
    recordings(fleet.root, "a", 5)
    rest()
    options = {"results_path": str(fleet.root), "cache_path": str(fleet.cache), "verify": "none", "fail_on": ["stale"]}
    for check, misses in ((False, 5), (True, 1), (False, 1)):
        result = run_as_user("device_backup_status", options, check=check)
        assert (result["changed"], result["cache"]["misses"], warnings_of(result)) == (False, misses, [])
        assert result["msg"] == (
            "1 of 1 device not as wished: NAME_a (sqlite stale: the newest copy is 30 d old, wanted 24 h)."
        )
        assert result["failed"]


def test_a_folder_of_5000_files(fleet: Fleet) -> None:
    folder = fleet.root / "a/NAME/run"
    for number in range(5000):
        copy(folder / f"{number}.db", 1, MONTH + number)
    rest()
    assert touched(fleet.scan()) == (5000, 0)
    found = fleet.scan()
    assert (touched(found), found.evidence("a")["files"]) == ((1, 4999), 5000)


@pytest.mark.slow
def test_2000_folders_of_which_nine_in_ten_are_old(fleet: Fleet) -> None:
    for number in range(2000):
        for file in range(5):
            age = MONTH if number % 10 else DAY
            copy(fleet.root / f"{number % 50:032x}/NAME/run-{number}/{file}.db", 10, age + number)
    rest()
    first = fleet.scan(clock := clock_at(time.time()))
    second = fleet.scan(clock)
    assert second.said == first.said
    assert touched(first) == (10_000, 0)
    assert touched(second) == (1045, 8955), "five devices have young folders, and of each of the others one is newest"
    assert second.result["cache"]["hit_ratio"] >= 0.85
