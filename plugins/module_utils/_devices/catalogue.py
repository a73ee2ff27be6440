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
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.catalogue_file import (
    Unusable,
    connected,
    made_sure_of,
    one_at_a_time,
    set_aside,
    state_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import cause
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import Broken, NoShelf, Shelf
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree_shelf import TreeShelf, damage_told

_ANSWER = "SELECT asked, facts, mark FROM answer WHERE url = ?"
_KEEP_ANSWER = "INSERT OR REPLACE INTO answer (url, asked, facts, mark) VALUES (?, ?, ?, ?)"
_COUNT = "SELECT (SELECT count(*) FROM folder) + (SELECT count(*) FROM answer)"


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
                kept = _answer(self._connection, url)
        except sqlite3.OperationalError as failure:
            self.give_up(f"cannot be read: {failure}")
            return None
        except Broken as damage:
            self.start_anew(damage)
            return None
        return kept if kept is not None and since <= kept[0] <= until else None

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
                rows = [(url, *kept, _mark(url, *kept)) for url, kept in self._answers.items()]
                connection.executemany(_KEEP_ANSWER, rows)
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
            self._replace(self.path, which, str(why))

    def figures(self) -> tuple[int, int]:
        """How many folders and answers it holds, and its size in bytes."""
        if self._connection is None or self.path is None:
            return 0, 0
        try:
            with damage_told():
                (entries,) = self._connection.execute(_COUNT).fetchone()
        except (sqlite3.OperationalError, Broken):
            return 0, 0
        found = (state_of(Path(f"{self.path}{ending}")) for ending in ("", "-wal"))
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
            which = self._which = made_sure_of(path)
            try:
                self._connection = connected(path)
            except Broken as failure:
                self._replace(path, which, str(failure))
        except FileExistsError:
            self.give_up(f"{path.parent} is no folder")
        except OSError as failure:
            self.give_up(cause(failure))
        except (sqlite3.OperationalError, Unusable) as failure:
            self.give_up(str(failure))

    def _replace(self, path: Path, which: os.stat_result, why: str) -> None:
        """Rename the file ``which`` and begin a new one, unless another run was faster."""
        try:
            with one_at_a_time(path):
                now = state_of(path)
                if now is not None and os.path.samestat(now, which):
                    aside = set_aside(path)
                    self.warnings.append(f"The catalogue {path} {why}; it was set aside as {aside.name} and made anew.")
                self._which = made_sure_of(path)
                self._connection = connected(path, locked=True)
        except OSError as failure:
            self.give_up(f"{why}, and can't be set aside: {cause(failure)}")
        except (sqlite3.OperationalError, Broken, Unusable) as failure:
            self.give_up(str(failure))

    def give_up(self, why: str) -> None:
        """Go on without it."""
        self.close()
        self.warnings.append(f"The catalogue {self.path} is not used: {why}. Everything is looked at each time.")


def _answer(connection: sqlite3.Connection, url: str) -> tuple[float, str] | None:
    row = connection.execute(_ANSWER, (url,)).fetchone()
    if row is None:
        return None
    asked, facts, mark = row
    if mark != _mark(url, asked, facts):
        raise Broken("is damaged: an answer is not what was kept")
    return asked, facts


def _mark(url: str, asked: object, facts: object) -> int:
    """The checksum of an answer."""
    return crc32(f"{url} {asked!r} {facts}".encode())
