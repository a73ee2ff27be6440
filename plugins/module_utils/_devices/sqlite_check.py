# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the copy of an SQLite database can be used. Private to this collection.

The files come from devices: they may be damaged, half copied, or made to do harm. Nothing in their folder is changed:
SQLite is told that they never change (``immutable``), so it takes no lock, plays no journal back and makes no file.
That they do change is noticed from outside, by their state before and after.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import quote

from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.sqlite_header import (
    HEADER,
    fault_of_header,
    in_wal_mode,
    version_written_by,
)

LONGEST_ROW = 100_000
"""Bytes of the longest row that a list of tables may have: reading a longer one can take SQLite hours."""
LISTING = 3.0
"""Seconds of processor time in which the tables must be listed; ten thousand need a tenth of one."""
SETTLED = 0.05
"""Seconds after a change in which a file can change again without another time of change: a few ticks of the kernel."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_CHUNK = 1 << 20
_STEPS = 20_000  # of SQLite's virtual machine between two questions whether to go on: some milliseconds
_GUARDS = (  # those that an old SQLite does not know change nothing
    "trusted_schema=OFF",
    "cell_size_check=ON",
    "query_only=ON",
    "mmap_size=0",  # a mapped file that gets shorter ends the process
)
_STOPPED = "not finished: stopped"
_IN_THE_WAL = ": its rows were in the -wal file, which is not copied"
_TOO_BIG = "string or blob too big"


@dataclass(frozen=True)
class Check:
    """What was found. ``usable`` is None where it can't be told; ``why_not`` then says why, as it does for False.

    ``why_not`` continues a sentence that begins with the file, and so do ``lacks`` and ``short``, which say of tables
    and of rows what it has less than the device; ``complete`` says that it has all the rows that it was to have.
    ``tables`` counts the tables of the copy
    without SQLite's own; it is None when they could not be listed.
    """

    usable: bool | None
    why_not: str | None
    tables: int | None
    lacks: str | None = None
    short: str | None = None
    complete: bool = False


@dataclass(frozen=True)
class _Question:
    path: bytes
    level: Literal["open", "full"]
    expected: Mapping[str, int]
    stop: Callable[[], bool]


class _Watch:
    """What SQLite asks while it works: whether to end. ``ended`` says why it did."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self._until = time.thread_time() + LISTING
        self.ended = ""

    def __call__(self) -> bool:
        if time.thread_time() > self._until:
            self.ended = "cannot be checked: its list of tables does not end"
        elif self._stop():
            self.ended = _STOPPED
        return bool(self.ended)

    def listed(self) -> None:
        """From now on it may take as long as ``stop`` allows."""
        self._until = float("inf")


def _never() -> bool:
    return False


def check_copy(
    path: bytes | str,
    level: Literal["open", "full"],
    expected: Mapping[str, int] = MappingProxyType({}),
    stop: Callable[[], bool] = _never,
) -> Check:
    """Say whether the database at ``path`` could be used if it were needed now. Content never makes it raise.

    ``open`` reads the header and lists the tables. ``full`` reads all of the file, too, and asks SQLite for its
    integrity check. ``expected`` has the tables that the device has, in upper or lower case, and how many rows of each
    must be there: 0 where that isn't known. Rows are told by their ids, so that no table is read through. A copy in WAL
    mode that has less is the half of a database, and not usable; of others it is told.

    What lies beside the file counts, as SQLite would use it with the file:

    - A ``-journal`` whose first byte is not 0 is one to be played back: the file may be in the middle of a change, so
      nothing can be told. (0 is there until the change begins, and after its end.)
    - A ``-wal`` that is not empty holds newer pages, and belongs to the file whatever that looks like without it:
      a sound file can be spoilt by it, a bad one mended. Both can't be read without making a third file beside them,
      so nothing can be told. Only an empty file stays empty: SQLite removes the ``-wal`` of such a one.

    Without a ``-wal`` beside it, a copy in WAL mode may lack the newest rows. That can't be seen in it.

    ``stop`` is asked often, and ends the check when it says True; it must not raise. It is not asked: up to SQLite
    3.40, while a full check follows the pages, which are in the cache by then; before Python 3.11, while SQLite reads
    a table's definition (a hostile one of 300 kB: 7 s); and while one expression of an index is worked out.

    A writer that keeps no journal on disk (journal_mode MEMORY or OFF) and rests in the middle of a change can't be
    noticed. Not for a file that this same process has open in SQLite: closing it here ends that one's locks (POSIX).
    """
    for last in (False, True):
        try:
            found = _look(_Question(_absolute(path), level, expected, stop))
        except OSError as error:
            found = _unknown(f"cannot be read: {error.strerror or error}") if last else None
        if found is not None:
            return found
    return _unknown("changed while it was looked at")


def _absolute(path: bytes | str) -> bytes:
    """With ".." as it is: after a link it leads elsewhere than its letters say."""
    try:
        whole = bytes(Path(os.fsdecode(path)).absolute())
    except UnicodeEncodeError:
        whole = b"\0"
    if b"\0" in whole:
        raise OSError(errno.EINVAL, "no file can have its name")
    return whole


def _look(question: _Question) -> Check | None:
    """None when the file changed meanwhile, or so lately that a change could not be seen."""
    before = os.lstat(question.path)
    if not stat.S_ISREG(before.st_mode):
        return _no("is a symbolic link" if stat.S_ISLNK(before.st_mode) else "is no regular file")
    handle = os.open(question.path, _FLAGS)
    try:
        if _state(os.fstat(handle)) != _state(before):
            return None
        found = _judged(question, handle, before.st_size)
    finally:
        os.close(handle)
    # SQLite opened the file by its name, and follows links (those of /proc/self/fd, too, so that these are no way
    # around it): what it saw counts only if the name still leads to what was opened here.
    if found.why_not != _STOPPED and _state(os.lstat(question.path)) != _state(before):
        return None
    if found.usable is False and abs(time.time() - before.st_ctime) < SETTLED:
        time.sleep(SETTLED)
        return None
    return found


def _state(found: os.stat_result) -> tuple[int, ...]:
    """The time of change is there because nobody can set it: rsync sets the other to that of the device's file."""
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode)


def _judged(question: _Question, handle: int, size: int) -> Check:
    if _hot_journal(question.path + b"-journal"):
        return _unknown("is being written, or its writer was killed")
    if size == 0:
        return _no("is empty (0 bytes)")
    if _size(question.path + b"-wal"):
        return _unknown("has a -wal file beside it, and both belong together")
    header = os.pread(handle, HEADER, 0)
    fault = fault_of_header(header, size)
    if fault:
        return _no(fault)
    if question.level == "full" and not _read_through(handle, question.stop):
        return _unknown(_STOPPED)
    return _asked_of_sqlite(question, header)


def _size(path: bytes) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # the database's own name just fits: SQLite can't make it either
            return 0
        raise


def _hot_journal(path: bytes) -> bool:
    """What can't be read is taken for hot."""
    if not _size(path):
        return False
    try:
        handle = os.open(path, _FLAGS)
    except OSError:
        return True
    try:
        return os.read(handle, 1) != b"\0"
    except OSError:
        return True
    finally:
        os.close(handle)


def _read_through(handle: int, stop: Callable[[], bool]) -> bool:
    """Read all of it in a row, which can be stopped with every SQLite, and spares a disk the jumps from page to page.

    A disk's own errors come to light as such here.
    """
    while not stop():
        if not os.read(handle, _CHUNK):
            return True
    return False


def _asked_of_sqlite(question: _Question, header: bytes) -> Check:
    watch = _Watch(question.stop)
    tables = None
    try:
        with closing(_connection(question.path)) as connection:
            connection.set_progress_handler(watch, _STEPS)
            names = _table_names(connection)
            tables = len(names)
            wal = in_wal_mode(header)
            fault = "" if names else f"has no tables{_IN_THE_WAL if wal else ''}"
            lacks, short, complete = _compared(connection, names, question.expected) if names else ("", "", False)
            fault = fault or ((lacks or short) if wal else "")
            if not fault and question.level == "full":
                watch.listed()
                fault = _fault_of_content(connection)
    except (sqlite3.Error, MemoryError, UnicodeDecodeError) as error:
        return Check(*((None, watch.ended) if watch.ended else _fault_of_sqlite(error, header)), tables)
    if watch.ended:
        return Check(None, watch.ended, tables)
    return Check(not fault, fault or None, tables, lacks or None, short or None, complete)


def _connection(path: bytes) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file://{quote(path)}?mode=ro&immutable=1", uri=True, isolation_level=None)
    connection.text_factory = bytes
    return connection


def _table_names(connection: sqlite3.Connection) -> dict[str, bool]:
    """The tables' names, and whether each has pages of its own: a virtual one has a program instead."""
    for guard in _GUARDS:
        connection.execute(f"PRAGMA {guard}")
    before = 0
    if sys.version_info >= (3, 11):
        before = connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_ROW)
    rows = connection.execute(
        "SELECT CAST(name AS TEXT), rootpage > 0 FROM sqlite_master WHERE type = 'table' AND name IS NOT NULL"
    )
    names = {name.decode("utf-8", "replace"): bool(real) for name, real in rows}
    if sys.version_info >= (3, 11):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, before)
    return {name: real for name, real in names.items() if not name.lower().startswith("sqlite_")}


def _compared(
    connection: sqlite3.Connection, names: Mapping[str, bool], expected: Mapping[str, int]
) -> tuple[str, str, bool]:
    """What the copy lacks, of tables and of rows, and whether all the rows that it was to have were found."""
    lacks = _lacking_tables(names, expected)
    if lacks:
        return lacks, "", False
    short, counted = _lacking_rows(connection, names, expected)
    wanted = sum(1 for rows in expected.values() if rows)
    return "", short, not short and 0 < wanted == counted


def _lacking_tables(names: Mapping[str, bool], expected: Mapping[str, int]) -> str:
    found = {name.lower() for name in names}
    missing = sorted({_short(name, 40) for name in expected if name.lower() not in found})
    if not missing:
        return ""
    return f"lacks the table{'s' if len(missing) > 1 else ''} {listed(missing, 8)} which the device has"


def _lacking_rows(
    connection: sqlite3.Connection, names: Mapping[str, bool], expected: Mapping[str, int]
) -> tuple[str, int]:
    """A table that must have more rows than its highest row id (ids begin with 1), and how many tables have enough."""
    found = {name.lower(): name for name, real in names.items() if real}
    counted = 0
    for table, rows in sorted(expected.items()):
        name = found.get(table.lower())
        if not rows or name is None:
            continue
        quoted = name.replace('"', '""')
        try:
            (last,) = connection.execute(f'SELECT max(_rowid_) FROM "{quoted}"').fetchone()  # noqa: S608 - quoted
        except sqlite3.OperationalError as failure:
            if "no such column" in str(failure):  # a table without row ids
                continue
            raise
        if not isinstance(last, int) or last < rows:
            return f"has {last or 0} of {rows} rows of {_short(table, 40)}, which the device has", counted
        counted += 1
    return "", counted


def _fault_of_content(connection: sqlite3.Connection) -> str:
    (answer,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    text = answer.decode("utf-8", "replace")
    if text == "ok":
        return ""
    lines = [line for line in text.splitlines() if not line.startswith("***")]  # a heading: which database
    return f"is damaged: {_short(lines[0] if lines else text, 160)}"


def _fault_of_sqlite(error: Exception, header: bytes) -> tuple[bool | None, str]:
    # Python trips over an error's text that quotes a name which is no text
    whole = error.object.decode("utf-8", "replace") if isinstance(error, UnicodeDecodeError) else str(error)
    text = _short(whole or "out of memory", 160)
    in_schema = whole.startswith("malformed database schema")
    if in_schema and version_written_by(header) > _number_of_version():
        return None, f"cannot be checked: a newer SQLite wrote it: {text}"
    # Of SQLite's own errors, these are what Python names so, and no more precisely: damaged, and no database
    if _TOO_BIG not in whole and (in_schema or error.__class__ is sqlite3.DatabaseError):
        return False, f"is damaged: {text}"
    return None, f"cannot be checked: {text}"


def _number_of_version() -> int:
    major, minor, patch = sqlite3.sqlite_version_info
    return major * 1_000_000 + minor * 1_000 + patch


def _short(text: str, length: int) -> str:
    clean = cell(text)
    return clean if len(clean) <= length else f"{clean[: length - 3]}..."


def _no(why: str) -> Check:
    return Check(usable=False, why_not=why, tables=None)


def _unknown(why: str) -> Check:
    return Check(usable=None, why_not=why, tables=None)
