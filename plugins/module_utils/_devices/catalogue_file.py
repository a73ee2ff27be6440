# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of the catalogue: made, recognised, and set aside. Private to this collection."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.lock import exclusive
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import Broken
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree_shelf import TABLES, damage_told

APPLICATION = 0x4C424F54
"""The application id in the file's header, "LBOT": by it another program's database is told from ours."""
VERSION = 1
"""Of the schema, in the header's user version."""
PATIENCE = 5.0
"""Seconds to wait for another run that writes."""

_TABLES = (
    *TABLES,
    "CREATE TABLE answer (url TEXT PRIMARY KEY, asked REAL NOT NULL, facts TEXT NOT NULL, mark INTEGER NOT NULL)",
)


class Unusable(Exception):
    """The catalogue can't be used where it is; the run goes without."""


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Of all runs of this user, one at a time makes or replaces a catalogue."""
    with exclusive(f"catalogue{os.path.realpath(path)}", Deadline.after(Clock(), PATIENCE)):
        yield


def state_of(path: Path) -> os.stat_result | None:
    """What the system says of a file; None where there is none."""
    try:
        return path.stat()
    except OSError:
        return None


def made_sure_of(path: Path) -> os.stat_result:
    """The file, made for this user alone where there is none.

    :raises OSError: when it can't be made or written.
    :raises Unusable: for what is no regular file.
    """
    found = state_of(path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise Unusable("it is no regular file")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return os.fstat(handle)
    finally:
        os.close(handle)


def set_aside(path: Path) -> Path:
    """Set a file aside, with what SQLite keeps beside it."""
    moment = time.strftime("%Y%m%d-%H%M%S")
    places = (Path(f"{path}.set-aside-{moment}-{os.getpid()}-{number}") for number in count(1))
    aside = next(place for place in places if state_of(place) is None)
    path.rename(aside)
    for ending in ("-wal", "-shm", "-journal"):
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{aside}{ending}")
    return aside


def connected(path: Path, *, locked: bool = False) -> sqlite3.Connection:
    """Open a catalogue, or make one of an empty file; ``locked``: this run is the only one that makes it.

    :raises Broken: when it isn't one, or damaged.
    :raises Unusable: when it is of a later version.
    :raises OSError: when it can't be read.
    :raises sqlite3.OperationalError: when the system or another run is in the way.
    """
    _check_header(path)
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        with damage_told():
            if _is_new(connection):
                if locked:
                    _make(connection)
                else:
                    with one_at_a_time(path):
                        _make(connection)
            connection.execute("PRAGMA synchronous = NORMAL")  # in WAL mode nothing breaks by a power cut
            _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_header(path: Path) -> None:
    """Look at the file before SQLite does, which may write to it: what is not ours stays as it is, byte for byte.

    The places are those of SQLite's "Database File Format". A file without a byte is one to be made.

    :raises Broken: when it is none of ours.
    :raises Unusable: when it is of a later version.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if not header:
        return
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise Broken("is no catalogue")
    _check_identity(int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big"))
    if header[18] > 2:  # SQLite would call it read-only, on and on
        raise Broken("is damaged: nothing can be written to it")


def _check_identity(application: int, version: int) -> None:
    if application != APPLICATION:
        raise Broken("is another program's database")
    if version > VERSION:
        raise Unusable(f"it was made by a later version of this collection (schema {version}, known is {VERSION})")


def _identity(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Application id, user version, and how many tables and indexes there are."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return application, version, things


def _is_new(connection: sqlite3.Connection) -> bool:
    return _identity(connection) in ((0, 0, 0), (APPLICATION, 0, 0))


def _make(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA application_id = {APPLICATION}")  # first: one that is half made is ours as well
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    if _is_new(connection):  # else another user's run was faster
        for statement in (*_TABLES, f"PRAGMA user_version = {VERSION}"):
            connection.execute(statement)
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection) -> None:
    application, version, _tables = _identity(connection)
    _check_identity(application, version)
    if version < VERSION:
        raise Broken(f"is of an earlier version (schema {version})")
    made = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    if len(made) != len(_TABLES) or {sql for (sql,) in made} != set(_TABLES):
        raise Broken("is damaged: its tables are not as they were made")
