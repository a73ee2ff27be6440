# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies of SQLite databases, looked at without trust and without a trace: real files, sound and odd ones."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices import sqlite_check
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.sqlite_check import Check, check_copy
from harness.sqlite_files import (
    busy_writer,
    content,
    endless_list,
    ethoscope,
    execute,
    live_wal,
    roi,
    rsynced,
    slow_definition,
    with_schema,
)

LEVELS: tuple[Literal["open"], Literal["full"]] = ("open", "full")
TABLES = ("METADATA", "ROI_1", "ROI_2")


@pytest.fixture(scope="module")
def device_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ethoscope(tmp_path_factory.mktemp("device") / "2026-11-18_12-20-07_002c.db")


@pytest.fixture
def copy(device_file: Path, tmp_path: Path) -> Path:
    return rsynced(device_file, tmp_path / "results")


def both(path: Path | bytes | str, *expected: str) -> Check:
    """What both levels say, where they agree; and that nothing beside the file has changed."""
    name = path if isinstance(path, (bytes, str)) else bytes(path)
    folder = Path(os.fsdecode(name)).parent
    before, descriptors = content(folder), len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only how many
    found = {level: check_copy(name, level, dict.fromkeys(expected, 0)) for level in LEVELS}
    assert content(folder) == before
    assert len(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    assert found["open"] == found["full"]
    return found["open"]


def usable(tables: int) -> Check:
    return Check(usable=True, why_not=None, tables=tables)


def less(lacks: str, tables: int) -> Check:
    """Sound in itself, and not what the device has."""
    return Check(usable=True, why_not=None, tables=tables, lacks=lacks)


def bad(why: str, tables: int | None = None) -> Check:
    return Check(usable=False, why_not=why, tables=tables)


def untold(why: str, tables: int | None = None) -> Check:
    return Check(usable=None, why_not=why, tables=tables)


# Sound ones


def test_a_sound_copy(copy: Path) -> None:
    assert both(copy) == usable(3)
    assert both(str(copy), *TABLES) == usable(3)
    assert both(copy, "roi_1", "Roi_2", "metadata") == usable(3)


@pytest.mark.parametrize("settings", [("page_size=512",), ("page_size=65536",), ('encoding="UTF-16le"',)])
def test_other_kinds_of_database(tmp_path: Path, settings: tuple[str]) -> None:
    path = tmp_path / "a.db"
    execute(path, *(f"PRAGMA {setting}" for setting in settings), *roi("ROI_1", "Größe", "sqliteX"))
    assert both(path, "roi_1", "GRÖßE", "SQLITEx") == usable(3)


def test_as_many_tables_as_nobody_has(tmp_path: Path) -> None:
    names = [f"ROI_{number}" for number in range(10_000)]
    path = with_schema(tmp_path / "a.db", [("table", name, f"CREATE TABLE {name} (id, t, x, y)") for name in names])
    assert check_copy(str(path), "open", dict.fromkeys(names, 0)) == usable(10_000)


@pytest.mark.parametrize(
    "name",
    [b"a b?mode=rwc&x=1#y.db", b"100%41%.db", b"two\nlines\r.db", b"\xff\xfe.db", b"-wal", b"'\";$(x).db", b"a" * 255],
)
def test_any_name(copy: Path, name: bytes) -> None:
    path = os.path.join(bytes(copy.parent), name)  # noqa: PTH118 - not every one is text
    copy.rename(os.fsdecode(path))
    assert both(path) == usable(3)


def test_a_path_from_where_the_process_stands(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(copy.parent)
    assert both(copy.name) == usable(3)
    assert both(f"../results//{copy.name}") == usable(3)
    assert both(f"/{copy}") == usable(3)


def test_by_way_of_a_folder_that_is_a_link(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/link").symlink_to(copy.parent)
    assert both(f"{tmp_path}/deep/er/link/{copy.name}") == usable(3)
    assert both(f"{tmp_path}/deep/er/link/../results/{copy.name}") == usable(3)


def test_pictures_in_it(tmp_path: Path) -> None:
    """Such as an Ethoscope keeps in IMG_SNAPSHOTS."""
    path = tmp_path / "a.db"
    execute(path, "CREATE TABLE IMG_SNAPSHOTS (id INTEGER PRIMARY KEY, t INT, img LONGBLOB UNIQUE)")
    execute(path, "INSERT INTO IMG_SNAPSHOTS VALUES (1, 300, randomblob(2000000))")
    assert both(path) == usable(1)


def test_more_bytes_than_the_database_needs(copy: Path) -> None:
    with copy.open("ab") as file:
        file.write(bytes(100_000))
    assert both(copy) == usable(3)


def test_one_that_somebody_has_locked(copy: Path) -> None:
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert [check_copy(str(copy), level) for level in LEVELS] == [usable(3)] * 2


def test_many_at_once(copy: Path, tmp_path: Path) -> None:
    empty = tmp_path / "results/empty.db"
    empty.touch()
    paths = [copy, empty] * 40
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: check_copy(str(path), "full", {"ROI_1": 0}), paths))
    assert found == [usable(3), bad("is empty (0 bytes)")] * 40


# Files that are no database, or not all of one


def test_nothing_in_it(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch()
    assert both(path, "ROI_1") == bad("is empty (0 bytes)")


def test_a_database_of_sqlites_own_without_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    execute(path, "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)", "DROP TABLE t")  # sqlite_sequence stays
    assert both(path, "ROI_1") == bad("has no tables", 0)


@pytest.mark.parametrize(
    "inside",
    [random.Random(1).randbytes(8192), bytes(4096), b"S", b"SQLite", b"SQLite format 2\0", b"x" * 50],
    ids=["encrypted", "zeros", "S", "SQLite", "version 2", "text"],
)
def test_no_database(tmp_path: Path, inside: bytes) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(inside)
    cut_off = inside in (b"S", b"SQLite")
    assert both(path) == bad(
        f"is cut off ({len(inside)} of at least 512 bytes)" if cut_off else "is no SQLite database"
    )


@pytest.mark.parametrize("size", [99, 100, 512, 4095, 4096, 12_288, 20_479])
def test_cut_off(copy: Path, size: int) -> None:
    whole = copy.stat().st_size
    assert whole == 20_480
    os.truncate(copy, size)
    assert both(copy) == bad(f"is cut off ({size} of {'at least 512' if size < 100 else whole} bytes)")


def test_cut_off_without_a_count_of_pages(copy: Path) -> None:
    """SQLite before 3.7 kept none; what it left there is told by a counter that does not fit."""
    data = bytearray(copy.read_bytes())
    data[24:28] = bytes(4)
    copy.write_bytes(data)
    assert both(copy) == usable(3)
    os.truncate(copy, 9000)
    assert both(copy) == bad("is cut off (9000 of at least 12288 bytes)")


def test_a_page_size_that_cannot_be(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[16:18] = (3000).to_bytes(2, "big")
    copy.write_bytes(data)
    assert both(copy) == bad("is damaged: its pages cannot have 3000 bytes")


def test_no_file(tmp_path: Path, copy: Path) -> None:
    (tmp_path / "link.db").symlink_to(copy)
    os.mkfifo(tmp_path / "pipe.db")
    assert both(tmp_path / "link.db") == bad("is a symbolic link")
    assert both(tmp_path / "pipe.db") == bad("is no regular file")
    assert both(copy.parent) == bad("is no regular file")
    assert both(tmp_path / "gone.db") == untold("cannot be read: No such file or directory")
    assert both(copy.parent / ("x" * 256)) == untold("cannot be read: File name too long")
    assert check_copy(b"a\0b", "open") == untold("cannot be read: no file can have its name")
    assert check_copy("\ud800", "open") == untold("cannot be read: no file can have its name")


@contextmanager
def rights_of_nobody() -> Iterator[None]:
    """For root, who may do all, as whom tests often run; others have no more than their own rights anyway."""
    before = os.geteuid()
    os.seteuid(65534 if before == 0 else before)
    try:
        yield
    finally:
        os.seteuid(before)


def test_rights(device_file: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        with live_wal(folder / "a.db", *roi("ROI_1"), autocheckpoint=1) as live:
            shutil.copy(live, folder / "wal.db")
        secret = rsynced(device_file, folder)
        secret.chmod(0)
        (folder / "wal.db").chmod(0o444)
        folder.chmod(0o555)
        with rights_of_nobody():
            assert not os.access(folder, os.W_OK, effective_ids=True)
            before = sorted(os.listdir(folder))  # noqa: PTH208 - only the names
            assert [check_copy(str(secret), level) for level in LEVELS] == [
                untold("cannot be read: Permission denied")
            ] * 2
            assert [check_copy(f"{name}/wal.db", level) for level in LEVELS] == [usable(1)] * 2
            assert sorted(os.listdir(folder)) == before  # noqa: PTH208
        folder.chmod(0o755)


# Tables that are missing


def test_tables_that_the_device_has(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    execute(path, "CREATE TABLE ROI_3 (id)", "CREATE VIEW ROI_4 AS SELECT 1")
    assert both(path, "roi_3", "ROI_4") == less("lacks the table ROI_4 which the device has", 1)
    assert both(path, "ROI_2", "ROI_1", "ROI_3") == less("lacks the tables ROI_1, ROI_2 which the device has", 1)
    many = [f"ROI_{number}" for number in range(10, 40)]
    expected = "lacks the tables ROI_10, ROI_11, ROI_12, ROI_13, ROI_14, ROI_15, ROI_16, ROI_17 and 22 more"
    assert both(path, *many) == less(f"{expected} which the device has", 1)


def test_names_of_tables_that_are_no_names(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    execute(path, 'CREATE TABLE "two\nlines" (x)', 'CREATE TABLE "" (x)')
    assert both(path, "two\nlines", "") == usable(2)
    found = both(path, "a\nb\x1b[2J\u202e", "w" * 5000)
    assert found == less(f"lacks the tables a b [2J, {'w' * 37}... which the device has", 2)


def test_a_live_wal_database_that_was_never_checkpointed(tmp_path: Path) -> None:
    with live_wal(tmp_path / "a.db", *roi("ROI_1", "ROI_2"), autocheckpoint=0) as live:
        copied = rsynced(live, tmp_path / "node")
    assert both(copied, "ROI_1") == bad("has no tables: its rows were in the -wal file, which is not copied", 0)


def test_a_live_wal_database_as_sqlite_checkpoints_it(tmp_path: Path) -> None:
    with live_wal(tmp_path / "a.db", *roi("ROI_1", "ROI_2", rows=40_000), autocheckpoint=1000) as live:
        execute(live, "CREATE TABLE LATE (x)")
        copied = rsynced(live, tmp_path / "node")
    assert both(copied, "ROI_1") == usable(2)
    why = "lacks the table LATE which the device has"  # in WAL mode: the half of a database
    assert both(copied, "ROI_1", "LATE") == Check(usable=False, why_not=why, tables=2, lacks=why)


# What lies beside it


def test_a_wal_beside_it(tmp_path: Path) -> None:
    with live_wal(tmp_path / "a.db", *roi("ROI_1"), autocheckpoint=0) as live:
        rsynced(live, tmp_path / "node")
        shutil.copy(f"{live}-wal", tmp_path / "node")
    path, wal = tmp_path / "node/a.db", tmp_path / "node/a.db-wal"
    assert both(path, "ROI_1") == untold("has a -wal file beside it, and both belong together")
    os.truncate(wal, 0)
    assert both(path).why_not == "has no tables: its rows were in the -wal file, which is not copied"
    wal.write_bytes(b"wal")
    os.truncate(path, 0)
    assert both(path) == bad("is empty (0 bytes)")


def test_a_journal_to_be_played_back(copy: Path, tmp_path: Path) -> None:
    """The files of a writer that is killed while it writes: a backup of them is what SQLite calls hot."""
    journal = Path(f"{copy}-journal")
    with closing(sqlite3.connect(copy, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size=1")
        writer.execute("BEGIN")
        writer.execute("UPDATE ROI_1 SET note = hex(randomblob(5000))")
        rsynced(copy, tmp_path / "node")
        shutil.copy(journal, tmp_path / "node")
        expected = untold("is being written, or its writer was killed")
        assert both(tmp_path / "node" / copy.name) == expected
        (tmp_path / "node" / journal.name).unlink()
        (tmp_path / "node" / journal.name).symlink_to("nowhere at all")
        assert both(tmp_path / "node" / copy.name) == expected
        (tmp_path / "node" / journal.name).unlink()
        (tmp_path / "node" / journal.name).mkdir()  # what can't be read may be anything
        assert both(tmp_path / "node" / copy.name) == expected


def test_a_journal_that_is_kept(copy: Path) -> None:
    execute(copy, "PRAGMA journal_mode=PERSIST")
    with closing(sqlite3.connect(copy, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode=PERSIST")
        writer.execute("UPDATE ROI_1 SET note = 'x'")
    assert Path(f"{copy}-journal").stat().st_size
    assert both(copy) == usable(3)


# Changing while it is looked at; `stop` is asked in the middle of it, which is when these change it


def test_changed_once(copy: Path) -> None:
    changes = iter([lambda: execute(copy, "CREATE TABLE MORE (x)")])
    assert check_copy(str(copy), "full", stop=lambda: bool(next(changes, int)())) == usable(4)


def test_changed_all_the_time(copy: Path) -> None:
    moments = iter(range(1, 100))

    def touch() -> bool:
        os.utime(copy, (0, next(moments)))
        return False

    assert check_copy(str(copy), "full", stop=touch) == untold("changed while it was looked at")


def test_a_change_that_keeps_size_and_time(copy: Path) -> None:
    before = copy.stat()

    def rewrite() -> bool:
        with copy.open("r+b") as file:
            file.seek(5000)
            file.write(b"?")
        os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
        time.sleep(0.02)  # more than a tick of the kernel's clock
        return False

    assert check_copy(str(copy), "full", stop=rewrite) == untold("changed while it was looked at")


def test_damage_that_was_made_just_now(device_file: Path, copy: Path) -> None:
    """A change can have the time of the one before it, so damage that is younger than that may be half a change."""
    sound = device_file.read_bytes()

    def half_a_change() -> Check:
        looks = iter([None, None, lambda: copy.write_bytes(sound)])  # a look at so small a file asks twice
        copy.write_bytes(sound[:4096] + b"?" * 4096 + sound[8192:])

        def never() -> bool:
            (next(looks, None) or int)()
            return False

        return check_copy(str(copy), "full", stop=never)

    found = [half_a_change() for _time in range(5)]  # not all of them, as the machine may pause before the look
    assert untold("changed while it was looked at") in found


def test_swapped_for_a_link(copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    execute(other, "CREATE TABLE SECRET (x)")

    def swap() -> bool:
        if not copy.is_symlink():
            copy.unlink()
            copy.symlink_to(other)
        return False

    assert check_copy(str(copy), "full", {"SECRET": 0}, stop=swap) == bad("is a symbolic link")


def test_removed(copy: Path) -> None:
    def remove() -> bool:
        copy.unlink(missing_ok=True)
        return False

    assert check_copy(str(copy), "full", stop=remove) == untold("cannot be read: No such file or directory")


@pytest.mark.parametrize("journal_mode", ["DELETE", "TRUNCATE", "PERSIST", "WAL"])
def test_a_writer_is_never_taken_for_damage(copy: Path, journal_mode: str) -> None:
    found: list[Check] = []
    with busy_writer(copy, journal_mode):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            found += [check_copy(str(copy), level, dict.fromkeys(TABLES, 0)) for level in LEVELS]
    assert len(found) > 10
    assert not [check for check in found if check.usable is False]


# Damaged


def test_an_index_that_lacks_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    execute(path, "CREATE TABLE t (x, y)", "INSERT INTO t VALUES (1, 2)", "CREATE INDEX i ON t (x)")
    execute(path, "PRAGMA writable_schema=ON", "UPDATE sqlite_master SET sql='CREATE INDEX i ON t (y)' WHERE name='i'")
    assert check_copy(str(path), "open") == usable(1)
    assert check_copy(str(path), "full") == bad("is damaged: row 1 missing from index i", 1)


def test_a_page_of_rubbish(copy: Path) -> None:
    """In the words of SQLite, which each version chooses anew."""
    data = bytearray(copy.read_bytes())
    data[4096:8192] = random.Random(2).randbytes(4096)
    copy.write_bytes(data)
    assert check_copy(str(copy), "open") == usable(3)
    found = check_copy(str(copy), "full")
    assert found.usable is False
    assert found.tables == 3
    assert found.why_not is not None
    assert found.why_not.startswith("is damaged: ")
    assert "2" in found.why_not  # the page
    assert "***" not in found.why_not  # SQLite's heading


def test_a_list_of_tables_of_rubbish(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[100:4096] = random.Random(3).randbytes(3996)
    copy.write_bytes(data)
    assert both(copy) == bad("is damaged: database disk image is malformed")


def test_a_header_of_rubbish(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[21:24] = bytes(3)  # parts of a page that it fixes for all files
    copy.write_bytes(data)
    assert both(copy) == bad("is damaged: file is not a database")


def test_a_format_that_is_not_known_here(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[44:48] = (5).to_bytes(4, "big")
    copy.write_bytes(data)
    assert both(copy) == untold("cannot be checked: unsupported file format")


def test_a_definition_that_cannot_be_read_here(tmp_path: Path) -> None:
    path = with_schema(tmp_path / "a.db", [("table", "t", "CREATE TABLE t(x) ? NEW")])
    text = 'malformed database schema (t) - near "?": syntax error'
    assert both(path) == bad(f"is damaged: {text}")
    data = bytearray(path.read_bytes())
    data[96:100] = (99_001_000).to_bytes(4, "big")  # the version of the SQLite that wrote it
    path.write_bytes(data)
    assert both(path) == untold(f"cannot be checked: a newer SQLite wrote it: {text}")


def test_any_damage_is_survived(tmp_path: Path, device_file: Path) -> None:
    other = tmp_path / "other.db"
    execute(
        other, "PRAGMA page_size=512", "PRAGMA auto_vacuum=1", *roi("ROI_1", rows=300), "CREATE INDEX i ON ROI_1(t)"
    )
    sources = [device_file.read_bytes(), other.read_bytes()]
    folder = tmp_path / "damaged"
    folder.mkdir()
    for seed in range(300):
        (folder / f"{seed}.db").write_bytes(damaged(random.Random(seed), bytearray(sources[seed % 2])))
    before = content(folder)
    found = [check_copy(str(folder / f"{seed}.db"), LEVELS[seed // 2 % 2], {"ROI_1": 1}) for seed in range(300)]
    assert content(folder) == before
    assert {check.usable for check in found} >= {True, False}
    assert all((check.usable is True) == (check.why_not is None) for check in found)
    assert all(check.why_not is None or (check.why_not.isprintable() and len(check.why_not) < 250) for check in found)


def damaged(chance: random.Random, data: bytearray) -> bytearray:
    """Bytes flipped, parts emptied, moved, and cut off: more often where the list of tables is."""
    for _time in range(chance.choice((1, 1, 3, 30))):
        at = chance.randrange(chance.choice((150, 2000, len(data))))
        length = chance.choice((1, 4, 100, 1000))
        what = chance.randrange(8)
        if what < 4:
            data[at] = chance.randrange(256)
        elif what < 6:
            data[at : at + length] = chance.choice((b"\0", b"\xff", b"\x7f")) * length
        elif what < 7:
            data[at : at + length] = data[:length]
        elif len(data) > 4000:
            del data[chance.randrange(2000, len(data)) :]
    return data


# Made to do harm


def test_what_a_database_would_like_to_run(tmp_path: Path) -> None:
    rows = [
        ("table", "t", "CREATE TABLE t (x)"),
        ("view", "v", "CREATE VIEW v AS SELECT load_extension('/tmp/evil.so'), writefile('/tmp/evil', x) FROM t"),
        ("table", "w", "CREATE VIRTUAL TABLE w USING evil('/etc/passwd')"),
        ("trigger", "t", "CREATE TRIGGER t AFTER INSERT ON t BEGIN SELECT load_extension('/tmp/evil.so'); END"),
    ]
    assert both(with_schema(tmp_path / "a.db", rows)) == usable(2)


def test_the_files_own_rules_are_not_run(tmp_path: Path) -> None:
    """A rule may be one whose answer never comes: SQLite leaves rules out where nothing can be written."""
    path = tmp_path / "a.db"
    ignored = "PRAGMA ignore_check_constraints=ON"
    execute(path, "CREATE TABLE t (x CHECK (x LIKE 'b'))", ignored, "INSERT INTO t VALUES ('a')")
    assert both(path) == usable(1)


@pytest.mark.parametrize(
    "text",
    ["", "DROP TABLE t", "CREATE TABLE t" + "(" * 90_000, "CREATE TABLE t(x DEFAULT " + "-" * 90_000, b"\xff\xfe", 7],
)
def test_absurd_definitions(tmp_path: Path, text: object) -> None:
    found = both(with_schema(tmp_path / "a.db", [("table", "t", text)]))
    assert found.usable is False
    assert found.why_not is not None
    assert found.why_not.startswith("is damaged: malformed database schema (t)")
    assert len(found.why_not) < 200


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """Python can't make an exception of SQLite's words about it."""
    path = with_schema(tmp_path / "a.db", [("table", "t", "?")])
    path.write_bytes(path.read_bytes().replace(b"tablett", b"table\xfft"))
    assert both(path) == bad("is damaged: malformed database schema (\ufffd)")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="SQLite's limits can't be set before Python 3.11")
def test_a_definition_that_takes_hours(tmp_path: Path) -> None:
    path = with_schema(tmp_path / "a.db", [("table", "t", slow_definition(500_000))])
    assert both(path) == untold("cannot be checked: string or blob too big")


@pytest.mark.slow
def test_a_list_of_tables_without_end(tmp_path: Path) -> None:
    path = endless_list(tmp_path / "a.db")
    assert check_copy(str(path), "open") == untold("cannot be checked: its list of tables does not end")
    asked = iter([False] * 5)
    assert check_copy(str(path), "open", stop=lambda: next(asked, True)) == untold("not finished: stopped")


# Being stopped


@pytest.fixture(scope="module")
def big_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 MB, with an index that takes SQLite a while to check."""
    path = ethoscope(tmp_path_factory.mktemp("big") / "a.db", rows=30_000)
    execute(path, "CREATE INDEX i ON ROI_1 (x)")
    return path


def stopped_after(answers: int) -> Callable[[], bool]:
    asked = iter([False] * answers)
    return lambda: next(asked, True)


def test_stopped(big_file: Path) -> None:
    chunks = -(-big_file.stat().st_size // 1_048_576)
    assert check_copy(str(big_file), "full", stop=stopped_after(0)) == untold("not finished: stopped")
    assert check_copy(str(big_file), "full", stop=stopped_after(chunks)) == untold("not finished: stopped")
    assert check_copy(str(big_file), "full", stop=stopped_after(chunks + 1)) == untold("not finished: stopped", 3)
    assert check_copy(str(big_file), "full", stop=stopped_after(10_000)) == usable(3)


def test_only_the_list_of_tables_must_be_short(big_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_check, "LISTING", 0.005)
    started = time.thread_time()
    assert check_copy(str(big_file), "full") == usable(3)
    assert time.thread_time() - started > 0.01


def test_stopped_from_elsewhere(big_file: Path) -> None:
    wish = threading.Event()
    timer = threading.Timer(0.01, wish.set)
    timer.start()
    while check_copy(str(big_file), "full", stop=wish.is_set).usable:
        pass
    timer.join()
    assert check_copy(str(big_file), "full", stop=wish.is_set) == untold("not finished: stopped")


def test_rows_that_the_device_has_and_the_copy_lacks(tmp_path: Path) -> None:
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute('CREATE TABLE "ROI ""1" (id INTEGER PRIMARY KEY, x)')
        connection.execute("CREATE TABLE KEYED (name TEXT PRIMARY KEY) WITHOUT ROWID")
        connection.execute("CREATE TABLE NONE_YET (x)")
        connection.executemany('INSERT INTO "ROI ""1" (x) VALUES (?)', [(number,) for number in range(200)])
        connection.commit()
    name = 'ROI "1'
    for level in LEVELS:
        assert check_copy(str(path), level, {name: 200}) == Check(True, None, 3, complete=True)
        assert check_copy(str(path), level, {name: 200, "KEYED": 5}) == usable(3)  # of which the rows have no ids
        assert check_copy(str(path), level, {name.lower(): 201}) == Check(
            True, None, 3, short='has 200 of 201 rows of roi "1, which the device has'
        )
        assert check_copy(str(path), level, {"NONE_YET": 1}) == Check(
            True, None, 3, short="has 0 of 1 rows of NONE_YET, which the device has"
        )
