# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQLite files: good ones, as devices and their backups leave them, and odd ones.

As a program (``python sqlite_files.py DATABASE JOURNAL_MODE``) it is a writer that never rests.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

PAGE = 1024  # of the files that are put together by hand


def execute(path: Path, *statements: str) -> None:
    """Run the statements, each as a transaction of its own."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def roi(*names: str, rows: int = 50) -> list[str]:
    """What makes tables like those of an Ethoscope, with rows."""
    made = []
    for name in names:
        made.append(f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY, t INT, x REAL, note TEXT)')
        made.append(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) "
            f"""INSERT INTO "{name}" SELECT i, i * 7, i / 3.0, hex(zeroblob(20)) FROM n"""
        )
    return made


def ethoscope(path: Path, rows: int = 50) -> Path:
    """A device's database: two tables of rows, and one with an index."""
    execute(path, *roi("ROI_1", "ROI_2", rows=rows), "CREATE TABLE METADATA (field TEXT UNIQUE, value TEXT)")
    execute(path, "INSERT INTO METADATA VALUES ('machine_name', 'ETHOSCOPE_007'), ('version', 'x')")
    return path


def with_schema(path: Path, rows: Sequence[tuple[str, object, object]]) -> Path:
    """A database with foreign rows in its list of tables: type, name, CREATE text. Its tables have one root page."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE honest (x)")
        connection.execute("PRAGMA writable_schema = ON")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master").fetchone()
        connection.execute("BEGIN")
        connection.execute("DELETE FROM sqlite_master")
        connection.executemany(
            "INSERT INTO sqlite_master VALUES (?1, ?2, ?2, iif(substr(?3, 1, 12) = 'CREATE TABLE', ?4, 0), ?3)",
            [(*row, root) for row in rows],
        )
        connection.execute("COMMIT")
    return path


def slow_definition(length: int) -> str:
    """A CREATE TABLE text over which SQLite ponders longer and longer: each constraint is compared with all others."""
    columns = [f"_{number:x}" for number in range(1900)]
    pairs = (f",UNIQUE({one},{other})" for at, one in enumerate(columns) for other in columns[at + 1 :])
    parts = ["CREATE TABLE t(", ",".join(columns)]
    while sum(map(len, parts)) < length:
        parts.append("".join(next(pairs) for _time in range(50)))
    return "".join([*parts, ")"])


def endless_list(path: Path) -> Path:
    """A list of tables that is a tree whose branches meet again: some pages, and more rows than can be counted."""
    execute(path, f"PRAGMA page_size = {PAGE}", "CREATE TABLE t (x UNIQUE)")
    data = bytearray(path.read_bytes())
    pages = len(data) // PAGE
    cells = _cells(bytes(data[:PAGE]))
    first, depth = pages + 2, 12
    branches = [_branch([page + 1] * 60) for page in range(first, first + depth)]
    new = [_leaf(cells[:1]), *branches, _leaf(cells[1:])]  # the table; many ways; its index, which may come repeatedly
    data[100:PAGE] = _branch([pages + 1, first], room=PAGE - 100, start=100)
    data[28:32] = (pages + len(new)).to_bytes(4, "big")
    path.write_bytes(bytes(data) + b"".join(new))
    return path


def _cells(page: bytes) -> list[bytes]:
    """The cells of the first page, which must be a leaf."""
    starts = [int.from_bytes(page[at : at + 2], "big") for at in range(108, 108 + 2 * page[104], 2)]
    return [page[start : min([end for end in [*starts, PAGE] if end > start])] for start in starts]


def _branch(children: Sequence[int], room: int = PAGE, start: int = 0) -> bytes:
    cells = [child.to_bytes(4, "big") + b"\x01" for child in children[:-1]]
    return _page(b"\x05", children[-1].to_bytes(4, "big"), cells, room, start)


def _leaf(cells: Sequence[bytes]) -> bytes:
    return _page(b"\x0d", b"", cells, PAGE, 0)


def _page(kind: bytes, right: bytes, cells: Sequence[bytes], room: int, start: int) -> bytes:
    """Cells lie at the page's end; offsets count from its start, which for the first is that of the header."""
    at, pointers = start + room, b""
    for cell in cells:
        at -= len(cell)
        pointers += at.to_bytes(2, "big")
    head = kind + b"\0\0" + len(cells).to_bytes(2, "big") + at.to_bytes(2, "big") + b"\0" + right + pointers
    content = b"".join(reversed(cells))
    return head + bytes(room - len(head) - len(content)) + content


@contextmanager
def live_wal(path: Path, *statements: str, autocheckpoint: int) -> Iterator[Path]:
    """A database in WAL mode that somebody holds open; ``autocheckpoint`` in pages, 0 for never (SQLite's: 1000)."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {autocheckpoint}")
        for statement in statements:
            connection.execute(statement)
        yield path


def rsynced(path: Path, folder: Path) -> Path:
    """A copy as the Ethoscope rsync daemon makes it: under another name first, and without -wal, -shm and -journal."""
    folder.mkdir(exist_ok=True)
    copy = folder / path.name
    shutil.copy2(path, f"{copy}.x7Yz")
    Path(f"{copy}.x7Yz").rename(copy)
    return copy


def content(folder: Path) -> dict[str, tuple[int, int, str]]:
    """All that lies there: times of change of file and of entry, and what is in it."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        state = path.lstat()
        inside = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path)] = (state.st_mtime_ns, state.st_ctime_ns, inside)
    return found


@contextmanager
def busy_writer(path: Path, journal_mode: str) -> Iterator[None]:
    """Another process that writes to it all the time; its own, as closing a file ends locks of the same process."""
    with subprocess.Popen([sys.executable, __file__, str(path), journal_mode], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        try:
            yield
        finally:
            assert writer.poll() is None, "the writer ended by itself"
            writer.terminate()


def _write(path: str, journal_mode: str) -> None:
    """Pages are filled and set free, so that the file grows and shrinks, and comes and goes as one that is open."""
    for turn in range(1_000_000):
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA journal_mode = {journal_mode}")
            connection.execute("PRAGMA wal_autocheckpoint = 5")
            connection.execute("PRAGMA cache_size = 2")  # so that pages are written in the middle of a transaction
            connection.execute("PRAGMA synchronous = OFF")
            for _time in range(5):
                connection.execute("BEGIN")
                connection.execute("UPDATE METADATA SET value = hex(randomblob(300)) WHERE field = 'version'")
                connection.execute("UPDATE ROI_1 SET note = hex(randomblob(abs(random() % 200)))")
                connection.execute(f"CREATE TABLE IF NOT EXISTS extra_{turn % 3} AS SELECT * FROM ROI_1")
                connection.execute(f"DROP TABLE IF EXISTS extra_{(turn + 1) % 3}")
                connection.execute("COMMIT")
            connection.execute("VACUUM")
        if turn == 0:
            print("writing", flush=True)  # noqa: T201 - what its starter waits for


if __name__ == "__main__":
    _write(*sys.argv[1:])
