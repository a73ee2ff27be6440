# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A catalogue that is damaged, or none: what is said of the devices stays the same, and what is foreign survives."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.trees import DAY, MONTH, Status, clock_at, copy, recordings, rest, status

OTHERS = {
    "a database": "c.execute('CREATE TABLE t (x)'); c.execute('INSERT INTO t VALUES (42)')",
    "one with an application id": "c.execute('PRAGMA application_id = 7'); c.execute('CREATE TABLE t (x)')",
    "one with changes in its -wal": (
        "c.execute('PRAGMA journal_mode = WAL'); c.execute('CREATE TABLE t (x)'); "
        "c.execute('INSERT INTO t VALUES (42)'); os.kill(os.getpid(), 9)"
    ),
    "one in the middle of a change": (
        "c.execute('CREATE TABLE t (x)'); c.execute('INSERT INTO t VALUES (zeroblob(90000))'); "
        "c.execute('PRAGMA cache_size = 2'); c.execute('BEGIN'); c.execute('UPDATE t SET x = randomblob(90000)'); "
        "os.kill(os.getpid(), 9)"
    ),
}

TWICE = (
    "INSERT INTO folder SELECT tree, parent, 'run-1', changed, touched, subfolders, type, device, files, size, empty, "
    "newest, newest_size, newest_file, latest, total FROM folder WHERE name = 'run-001' AND device = 'a'"
)
LATER = "it was made by a later version of this collection (schema 2, known is 1). Everything is looked at each time."


class Devices:
    """A few devices, at a moment that stands still, and what is to be said of them."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "results"
        for device in ("a", "b", "c"):
            for file in recordings(self.root, device, 6):
                if file.name == "2.db":
                    copy(file.with_name("m.db"), 77, MONTH)
                    copy(file.with_name("m.txt"))
                if file.name == "4.db":
                    copy(file.parent / "more" / "5.db", 5, 3 * MONTH)
        copy(self.root / "a" / "NAME_a" / "young" / "y.db", 50, DAY)
        rest()
        (folder / "cache").mkdir()
        self.cache = folder / "cache" / "catalogue.sqlite"
        self.clock = clock_at(time.time())
        self.right = self.bare()
        self.scan()

    def bare(self) -> Status:
        return status(self.clock, results_path=str(self.root))

    def scan(self) -> Status:
        return status(self.clock, results_path=str(self.root), cache_path=str(self.cache))

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.cache.parent.iterdir()}

    def clear(self) -> None:
        for path in self.cache.parent.iterdir():
            path.unlink()

    def aside(self) -> dict[str, bytes]:
        """What was set aside, by what comes after the name that it was given."""
        begin = f"{self.cache.name}.set-aside-"
        found = {name: data for name, data in self.files().items() if name.startswith(begin)}
        main = min(found, default="", key=len)
        return {name[len(main) :]: data for name, data in found.items()}

    def healed(self) -> None:
        """The catalogue is in use again, and whole."""
        found = self.scan()
        assert (found.said, found.warnings) == (self.right.said, [])
        assert found.hits > 10
        with closing(sqlite3.connect(self.cache)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def devices(tmp_path: Path) -> Devices:
    return Devices(tmp_path)


@pytest.fixture
def fast_devices() -> Iterator[Devices]:
    """Where nothing waits for a disk."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield Devices(Path(folder))


def set_aside(found: Status, why: str) -> bool:
    """Whether there is one warning, which says so and why."""
    (warning,) = found.of_catalogue
    return f" {why}; it was set aside as catalogue.sqlite.set-aside-" in warning and warning.endswith(" and made anew.")


@pytest.mark.parametrize("size", [1, 99, 100, 512, 40_000])
def test_garbage_is_set_aside(devices: Devices, size: int) -> None:
    garbage = random.Random(size).randbytes(size)
    devices.cache.write_bytes(garbage)
    found = devices.scan()
    assert found.said == devices.right.said
    assert set_aside(found, "is no catalogue")
    assert devices.aside() == {"": garbage}
    devices.healed()


def test_an_empty_file_becomes_one(devices: Devices) -> None:
    devices.cache.write_bytes(b"")
    found = devices.scan()
    assert (found.said, found.of_catalogue, found.result["cache"]["path"]) == (
        devices.right.said,
        [],
        str(devices.cache),
    )
    devices.healed()


@pytest.mark.parametrize("content", OTHERS)
def test_another_programs_database_survives(devices: Devices, content: str) -> None:
    devices.clear()
    program = f"import os, sqlite3\nc = sqlite3.connect({str(devices.cache)!r}, isolation_level=None)\n"
    subprocess.run([sys.executable, "-c", program + OTHERS[content]], check=False)
    before = devices.files()
    found = devices.scan()
    assert found.said == devices.right.said
    assert set_aside(found, "is another program's database")
    assert devices.aside() == {name[len(devices.cache.name) :]: data for name, data in before.items()}
    devices.healed()


def test_two_foreign_files_within_a_second_both_survive(devices: Devices) -> None:
    for number in range(5):
        devices.clear() if number == 0 else devices.cache.unlink()
        devices.cache.write_bytes(b"mine %d" % number)
        devices.scan()
    kept = [data for name, data in devices.files().items() if "set-aside" in name]
    assert sorted(kept) == [b"mine %d" % number for number in range(5)]


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7])
def test_a_file_that_is_cut_off(devices: Devices, part: float) -> None:
    os.truncate(devices.cache, int(devices.cache.stat().st_size * part))
    found = devices.scan()
    assert found.said == devices.right.said
    assert set_aside(found, "is damaged: database disk image is malformed")
    devices.healed()


def test_a_file_whose_end_is_cut_off_where_nothing_of_the_trees_is(devices: Devices) -> None:
    os.truncate(devices.cache, devices.cache.stat().st_size - 100)
    found = devices.scan()
    assert (found.said, found.of_catalogue) == (devices.right.said, [])
    assert found.hits > 10


@pytest.mark.parametrize("nothing", ["''", "x''", "0.0"])
@pytest.mark.parametrize("column", ["subfolders", "files", "size", "empty", "newest", "newest_size", "latest"])
def test_a_number_that_has_become_something_else_that_counts_as_nothing(
    devices: Devices, column: str, nothing: str
) -> None:
    """SQLite adds an empty name up like 0, so that no checksum tells them apart."""
    with closing(sqlite3.connect(devices.cache)) as connection:
        changed = connection.execute(f"UPDATE folder SET {column} = {nothing} WHERE {column} = 0").rowcount
        connection.commit()
    assert changed
    found = devices.scan()
    assert found.said == devices.right.said
    assert set_aside(found, "is damaged: its rows do not add up")
    devices.healed()


def test_one_of_a_later_version_is_left_alone(devices: Devices) -> None:
    with closing(sqlite3.connect(devices.cache)) as connection:
        connection.execute("PRAGMA user_version = 2")
    before = devices.files()
    for _turn in range(2):
        found = devices.scan()
        assert (found.said, found.hits) == (devices.right.said, 0)
        assert found.result["cache"]["path"] is None
        assert found.of_catalogue == [f"The catalogue {devices.cache} is not used: {LATER}"]
    assert devices.files() == before


def test_one_of_an_earlier_version_is_set_aside(devices: Devices) -> None:
    with closing(sqlite3.connect(devices.cache)) as connection:
        connection.execute("PRAGMA user_version = 0")
    assert set_aside(devices.scan(), "is of an earlier version (schema 0)")
    devices.healed()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE folder SET size = size + 1 WHERE type = 'sqlite' AND device = 'b'",
        "UPDATE folder SET device = 'B' WHERE device = 'b'",
        "UPDATE folder SET type = 'mysqi' WHERE type = 'mysql' AND device = 'b'",
        "UPDATE folder SET name = 'run-006' WHERE name = 'run-005'",
        "UPDATE folder SET name = 'run-00' || char(0) WHERE name = 'run-005' AND device = 'c'",
        "UPDATE folder SET parent = 'c/NAME_b' WHERE parent = 'c/NAME_c'",
        "UPDATE folder SET name = CAST(name AS BLOB) WHERE name = 'run-001' AND device = 'c'",
        "UPDATE folder SET name = CAST(x'ff30' AS TEXT) WHERE name = 'run-001' AND device = 'c'",
        "UPDATE folder SET files = NULL WHERE name = 'run-001' AND device = 'c'",
        "UPDATE folder SET size = 9e99 WHERE name = 'run-001' AND device = 'c'",
        "UPDATE folder SET size = 9223372036854775807",
        "UPDATE folder SET changed = 'x' WHERE name = 'run-001'",
        "UPDATE folder SET latest = 0, newest = 0 WHERE name = 'young'",
        "UPDATE folder SET subfolders = 0 WHERE name = 'run-004'",
        "UPDATE folder SET subfolders = 'none' WHERE name = 'run-004'",
        "UPDATE folder SET tree = 2 WHERE type = 'mysql' AND device = 'b'",
        "DELETE FROM folder WHERE type = 'mysql' AND device = 'b'",
        "DELETE FROM folder WHERE parent LIKE 'b/NAME_b/run-004'",
        TWICE,
        "UPDATE tree SET marks = marks + 1",
        "UPDATE tree SET marks = NULL",
        "DROP TABLE folder",
        "DROP TABLE answer",
        "ALTER TABLE folder RENAME COLUMN total TO totals",
    ],
)
def test_rows_that_somebody_changed(devices: Devices, statement: str) -> None:
    with closing(sqlite3.connect(devices.cache, isolation_level=None)) as connection:
        connection.execute(statement)
    found = devices.scan()
    assert found.said == devices.right.said
    assert len(found.of_catalogue) == 1
    assert " is damaged: " in found.of_catalogue[0]
    assert "; it was set aside as " in found.of_catalogue[0]
    devices.healed()


def test_a_tree_that_the_file_forgot_is_looked_at(devices: Devices) -> None:
    with closing(sqlite3.connect(devices.cache, isolation_level=None)) as connection:
        connection.execute("UPDATE tree SET root = x'2f6e6f7768657265'")
    found = devices.scan()
    assert (found.said, found.of_catalogue, found.hits) == (devices.right.said, [], 0)
    devices.healed()


def flipped(devices: Devices, image: bytes, place: int, bit: int) -> None:
    """Two runs with one bit of the file changed: right both times, and no reason to complain about the second."""
    devices.clear()
    data = bytearray(image)
    data[place] ^= 1 << bit
    devices.cache.write_bytes(data)
    with (devices.root / "a" / "NAME_a" / "young" / "y.db").open("r+b") as file:  # so that there is something to write
        file.truncate(50 + place % 7)
    right = devices.bare().said
    first, second = devices.scan(), devices.scan()
    where = f"bit {bit} of byte {place}"
    assert first.said == second.said == right, where
    assert "was not written" not in "".join(first.of_catalogue), where
    if "was made by a later version" not in "".join(second.of_catalogue):
        assert second.of_catalogue == [], where
        assert second.hits > 10, where


@pytest.mark.slow
def test_bits_that_tip_over(fast_devices: Devices) -> None:
    """Anywhere in the file; the same places each time."""
    image = fast_devices.cache.read_bytes()
    dice = random.Random(5)
    for _turn in range(250):
        flipped(fast_devices, image, dice.randrange(len(image)), dice.randrange(8))


@pytest.mark.slow
def test_bits_that_tip_over_in_the_header_and_among_the_rows(fast_devices: Devices) -> None:
    image = fast_devices.cache.read_bytes()
    rows = [place for place in range(100, len(image)) if image[place] and image[place - 1] and image[place - 2]]
    dice = random.Random(6)
    places = [*range(100), *dice.sample(rows, 200)]
    for place in places:
        flipped(fast_devices, image, place, dice.randrange(8))


@pytest.mark.slow
def test_a_log_of_changes_that_is_damaged(fast_devices: Devices) -> None:
    """The -wal file that is left by a run that was killed: what of it is not whole doesn't count."""
    devices = fast_devices
    keeper = sqlite3.connect(devices.cache)  # so that the file is not put away when the run ends
    keeper.execute("SELECT count(*) FROM folder").fetchone()
    for number in range(40):
        copy(devices.root / f"d{number}" / "NAME" / "run" / "1.db")
    rest()
    devices.right = devices.bare()
    devices.scan()
    image = devices.files()
    keeper.close()
    log = f"{devices.cache.name}-wal"
    assert len(image[log]) > 10_000
    dice = random.Random(7)
    for turn in range(80):
        devices.clear()
        data = bytearray(image[log])
        if turn % 2:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        else:
            del data[dice.randrange(len(data)) :]
        devices.cache.write_bytes(image[devices.cache.name])
        Path(f"{devices.cache}-wal").write_bytes(data)
        found = devices.scan()
        assert (found.said, found.of_catalogue) == (devices.right.said, [])
        devices.healed()


def test_files_beside_it_that_are_not_its_own(devices: Devices) -> None:
    """A -wal, -shm or -journal of something else, as a careless copy leaves it."""
    for ending in ("-wal", "-journal", "-shm"):
        place = Path(f"{devices.cache}{ending}")
        place.write_bytes(random.Random(1).randbytes(5000))
        assert devices.scan().said == devices.right.said
        devices.healed()
        place.unlink(missing_ok=True)
    shutil.rmtree(devices.cache.parent)
    assert devices.scan().said == devices.right.said, "its folder is made anew"
    devices.healed()
