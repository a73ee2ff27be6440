# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What earlier runs have seen, in a SQLite file. Private to this collection.

A cache: whatever stands in it is held against the folders before it is used, and a run without it says the same and
takes longer. Many runs read it at once; each writes once, at its end, in one transaction.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.lock import exclusive
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import cause
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import Broken, NoShelf, Shelf
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree_shelf import TABLES, TreeShelf, damage_told

APPLICATION = 0x4C424F54
"""The application id in the file's header, "LBOT": by it another program's database is told from ours."""
VERSION = 1
"""Of the schema, in the header's user version."""
PATIENCE = 5.0
"""Seconds to wait for another run that writes."""

_SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    *TABLES,
    "CREATE TABLE answer (url TEXT PRIMARY KEY, asked REAL NOT NULL, facts TEXT NOT NULL)",
    f"PRAGMA user_version = {VERSION}",
)
_LOOKS = ("SELECT * FROM tree LIMIT 1", "SELECT * FROM folder LIMIT 1", "SELECT * FROM answer LIMIT 1")
_COUNT = "SELECT (SELECT count(*) FROM folder) + (SELECT count(*) FROM answer)"


class Unusable(Exception):
    """The catalogue can't be used where it is; the run goes without."""


@dataclass
class Catalogue:
    """An open catalogue, or none: then nothing is known and nothing is kept.

    ``warnings`` has a sentence for everything that the user should know of it.
    """

    path: Path | None
    warnings: list[str] = field(default_factory=list)
    _connection: sqlite3.Connection | None = None
    _which: os.stat_result | None = None
    _shelves: list[TreeShelf] = field(default_factory=list)
    _answers: dict[str, tuple[float, str]] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path | None) -> Catalogue:
        """The catalogue at ``path``, made if it isn't there; a damaged or foreign file is set aside first."""
        catalogue = cls(path)
        if path is not None:
            catalogue._open(path)
        return catalogue

    @property
    def used(self) -> bool:
        """Whether there is one."""
        return self._connection is not None

    def shelf(self, layout: Layout, stable: int) -> Shelf:
        """What is known of a tree; ``stable`` as in the scan's times.

        :raises Broken: when the file is damaged.
        :raises sqlite3.OperationalError: when it can't be read for another reason.
        """
        if self._connection is None:
            return NoShelf()
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")  # all of a scan's questions see the same
        shelf = TreeShelf(self._connection, layout, stable)
        self._shelves.append(shelf)
        return shelf

    def answer(self, url: str, since: float, until: float) -> tuple[float, str] | None:
        """When a service was asked last, and the facts kept of its answer, if that was between two epoch seconds."""
        if self._connection is None:
            return None
        try:
            with damage_told():
                row = self._connection.execute("SELECT asked, facts FROM answer WHERE url = ?", (url,)).fetchone()
        except sqlite3.OperationalError as failure:
            self.give_up(f"cannot be read: {failure}")
            return None
        except Broken as damage:
            self.start_anew(damage)
            return None
        good = row is not None and isinstance(row[0], float) and isinstance(row[1], str)
        return (row[0], row[1]) if good and since <= row[0] <= until else None

    def keep_answer(self, url: str, asked: float, facts: str) -> None:
        """Keep the facts of a service's answer, when the catalogue is written."""
        self._answers[url] = (asked, facts)

    def write(self) -> None:
        """Write what this run has seen. Where that can't be done, the next run looks again."""
        connection = self._connection
        if connection is None:
            return
        if connection.in_transaction:
            connection.execute("COMMIT")
        if not self._answers and not any(shelf.changed for shelf in self._shelves):
            return
        try:
            with damage_told():
                connection.execute("BEGIN IMMEDIATE")
                for shelf in self._shelves:
                    if shelf.changed:
                        shelf.write()
                rows = [(url, *kept) for url, kept in self._answers.items()]
                connection.executemany("INSERT OR REPLACE INTO answer (url, asked, facts) VALUES (?, ?, ?)", rows)
                connection.execute("COMMIT")
        except sqlite3.OperationalError as failure:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self.warnings.append(f"The catalogue {self.path} was not written ({failure}); the next run looks again.")
        except Broken as damage:
            self.start_anew(damage)
        self._shelves.clear()
        self._answers.clear()

    def start_anew(self, why: Broken) -> None:
        """Set the damaged file aside and begin a new one; what was to be written is forgotten."""
        which = self._which
        self.close()
        if self.path is not None and which is not None:
            self._replace(self.path, which, f"is damaged: {why}")

    def figures(self) -> tuple[int, int]:
        """How many folders and answers it holds, and its size in bytes."""
        if self._connection is None or self.path is None:
            return 0, 0
        try:
            with damage_told():
                (entries,) = self._connection.execute(_COUNT).fetchone()
        except (sqlite3.OperationalError, Broken):
            return 0, 0
        found = (_which(Path(f"{self.path}{ending}")) for ending in ("", "-wal"))
        return entries, sum(one.st_size for one in found if one is not None)

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._shelves.clear()
        self._answers.clear()

    def _open(self, path: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            which = self._which = _made_sure_of(path)
            try:
                self._connection = _connected(path)
            except Broken as failure:
                self._replace(path, which, str(failure))
        except OSError as failure:
            self.give_up(cause(failure))
        except (sqlite3.OperationalError, Unusable) as failure:
            self.give_up(str(failure))

    def _replace(self, path: Path, which: os.stat_result, why: str) -> None:
        """Rename the file ``which`` and begin a new one, unless another run was faster."""
        try:
            with _alone(path):
                now = _which(path)
                if now is not None and os.path.samestat(now, which):
                    aside = _renamed(path)
                    self.warnings.append(f"The catalogue {path} {why}; it was set aside as {aside.name} and made anew.")
                self._which = _made_sure_of(path)
                self._connection = _connected(path, alone=True)
        except OSError as failure:
            self.give_up(f"{why}, and can't be set aside: {cause(failure)}")
        except (sqlite3.OperationalError, Broken, Unusable) as failure:
            self.give_up(str(failure))

    def give_up(self, why: str) -> None:
        """Go on without it."""
        self.close()
        self.warnings.append(f"The catalogue {self.path} is not used: {why}. Everything is looked at each time.")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Of all runs of this user, one at a time makes or replaces a catalogue."""
    with exclusive(f"catalogue{os.path.realpath(path)}", Deadline.after(Clock(), PATIENCE)):
        yield


def _which(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _made_sure_of(path: Path) -> os.stat_result:
    """The file, made for this user alone where there is none.

    :raises OSError: when it can't be made or written.
    :raises Unusable: for what is no regular file.
    """
    found = _which(path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise Unusable("it is no regular file")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        return os.fstat(handle)
    finally:
        os.close(handle)


def _renamed(path: Path) -> Path:
    """Set a file aside, with what SQLite keeps beside it."""
    aside = Path(f"{path}.set-aside-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    path.rename(aside)
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").rename(f"{aside}{ending}")
    return aside


def _connected(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """Open a catalogue, or make one of an empty file.

    :raises Broken: when it isn't one, or damaged.
    :raises Unusable: when it is of a later version.
    :raises sqlite3.OperationalError: when the system or another run is in the way.
    """
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    try:
        with damage_told():
            if _is_new(connection):
                if alone:
                    _make(connection)
                else:
                    with _alone(path):
                        _make(connection)
            connection.execute("PRAGMA synchronous = NORMAL")  # in WAL mode nothing breaks by a power cut
            _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _identity(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Application id, user version, and how many tables and indexes there are."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return application, version, things


def _is_new(connection: sqlite3.Connection) -> bool:
    return _identity(connection) == (0, 0, 0)


def _make(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN IMMEDIATE")
    if _is_new(connection):  # else another user's run was faster
        for statement in _SCHEMA:
            connection.execute(statement)
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection) -> None:
    application, version, _tables = _identity(connection)
    if application != APPLICATION:
        raise Broken("is another program's database")
    if version > VERSION:
        raise Unusable(f"it was made by a later version of this collection (schema {version}, known is {VERSION})")
    if version < VERSION:
        raise Broken(f"is of an earlier version (schema {version})")
    try:
        for question in _LOOKS:
            connection.execute(question).fetchone()
    except sqlite3.OperationalError as failure:
        if "no such" in str(failure):
            raise Broken(f"is damaged: {failure}") from failure
        raise
