# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the catalogue keeps of a tree: its SQL. Private to this collection."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Union

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import below
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import Broken, Old, Row

_TIMES = "changed - touched + newest - latest"
_SUM = f"{_TIMES} + subfolders + files + size + empty + newest_size + length(newest_file) + length(device)"
"""What ``total`` must be: by it a row is known to be damaged where SQLite itself sees nothing wrong."""
_COLUMNS = ", ".join(Row._fields)
_KEY = "PRIMARY KEY (tree, parent, type, device, name)"
_SOUND = f"AND total = {_SUM} AND typeof(files) = 'integer' AND typeof(size) = 'integer' AND typeof(empty) = 'integer'"
TABLES = (
    "CREATE TABLE tree (id INTEGER PRIMARY KEY, root BLOB NOT NULL, rules TEXT NOT NULL, UNIQUE (root, rules))",
    f"CREATE TABLE folder (tree, parent, {_COLUMNS}, total, {_KEY}) WITHOUT ROWID",
)
"""What trees need in the catalogue: the order of the key is that of the question that reads the most."""
_OLD = (
    "SELECT parent, type, device, group_concat(name, '/'), group_concat(changed, '/'), group_concat(touched, '/'), "
    f"sum(files), sum(size), sum(empty), max(newest), newest_size, newest_file, name, sum(total <> {_SUM}) FROM folder "
    "WHERE tree = ? AND subfolders = 0 AND latest < ? AND typeof(name) = 'text' GROUP BY parent, type, device"
)
"""One row for the old folders of a parent: SQLite puts together in a sixth of the time that Python takes to read each.

It takes the columns without a function from the row with the maximum (its documentation of "bare columns").
"""
_OTHERS = (
    f"SELECT {_COLUMNS}, parent FROM folder "
    f"WHERE tree = ? AND (subfolders <> 0 OR latest >= ? OR typeof(name) <> 'text') {_SOUND}"
)
_ROWS = f"SELECT {_COLUMNS} FROM folder WHERE tree = ? AND parent = ? {_SOUND}"
_PLACES = {column: f"?{number}" for number, column in enumerate(("tree", "parent", *Row._fields), 1)}
_PUT = (
    f"INSERT OR REPLACE INTO folder ({', '.join(_PLACES)}, total) VALUES ({', '.join(_PLACES.values())}, "
    f"{re.sub(r'[a-z_]+', lambda word: _PLACES.get(word[0], word[0]), _SUM)})"
)
_REPLACE = "DELETE FROM folder WHERE tree = ? AND parent = ? AND type = ? AND device = ? AND name = ?"
_REMOVE = "DELETE FROM folder WHERE tree = ? AND parent = ? AND name = ?"
_REMOVE_BELOW = "DELETE FROM folder WHERE tree = ? AND (parent = ? OR (parent >= ? AND parent < ?))"

Stored = Union[str, bytes]


@contextmanager
def damage_told() -> Iterator[None]:
    """Tell damage to the file apart from what else SQLite can fail with.

    :raises Broken: for damage; what another run or the system is to blame for stays an ``sqlite3.OperationalError``.
    """
    try:
        yield
    except sqlite3.OperationalError:
        raise
    except (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError) as failure:
        raise Broken(str(failure)) from failure


def _stored(text: str) -> Stored:
    """A name as the file keeps it: one that is no UTF-8 as its bytes."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def _kept(value: object) -> object:
    return _stored(value) if isinstance(value, str) else value


def _read(value: Any) -> Any:
    return os.fsdecode(value) if isinstance(value, bytes) else value


def _row(values: Sequence[Any]) -> Row:
    return Row._make(map(_read, values) if bytes in map(type, values) else values)


class TreeShelf:
    """What the catalogue knows of one tree. Changes stay in memory until they are written, all at once.

    All is read at once: a question for each folder would take longer than a look at it.
    """

    def __init__(self, connection: sqlite3.Connection, layout: Layout, stable: int) -> None:
        self._connection = connection
        self._key = (os.fsencode(os.path.realpath(layout.root)), layout.rules)
        self._new: list[tuple[str, Sequence[Row]]] = []
        self._replaced: list[tuple[str, Sequence[Row]]] = []
        self._gone: list[tuple[str, str]] = []
        self._old: dict[str, list[Old]] = {}
        self._others: dict[str, list[Row]] = {}
        self._tree: int | None = None
        with damage_told():
            found = connection.execute("SELECT id FROM tree WHERE root = ? AND rules = ?", self._key).fetchone()
            if found:
                self._tree = found[0]
                self._load(stable)

    def _load(self, stable: int) -> None:
        for parent, kind, device, names, changed, touched, *sums, wrong in self._ask(_OLD, stable):
            if wrong:
                raise Broken("its rows do not add up")
            when, whence = map(int, changed.split("/")), map(int, touched.split("/"))
            share = Old(kind, _read(device), names.split("/"), [*when], [*whence], *map(_read, sums))
            self._old.setdefault(_read(parent), []).append(share)
        for *row, parent in self._ask(_OTHERS, stable):
            self._others.setdefault(_read(parent), []).append(_row(row))

    def _ask(self, question: str, value: object) -> list[Any]:
        with damage_told():
            return self._connection.execute(question, (self._tree, value)).fetchall()

    def old(self, parent: str) -> Sequence[Old]:
        """See ``Shelf``."""
        return self._old.get(parent, ())

    def others(self, parent: str) -> Sequence[Row]:
        """See ``Shelf``."""
        return self._others.get(parent, ())

    def rows(self, parent: str) -> Sequence[Row]:
        """See ``Shelf``."""
        return [_row(row) for row in self._ask(_ROWS, _stored(parent))] if self._tree is not None else []

    def put(self, parent: str, known: Sequence[Row], rows: Sequence[Row]) -> None:
        """See ``Shelf``."""
        if known:
            self._replaced.append((parent, known))
        self._new.append((parent, rows))

    def drop(self, parent: str, name: str) -> None:
        """See ``Shelf``."""
        self._gone.append((parent, name))

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._new or self._gone)

    def write(self) -> None:
        """Write the changes; within a transaction of the caller's."""
        ask, many = self._connection.execute, self._connection.executemany
        ask("INSERT OR IGNORE INTO tree (root, rules) VALUES (?, ?)", self._key)
        (tree,) = ask("SELECT id FROM tree WHERE root = ? AND rules = ?", self._key).fetchone()
        for parent, name in self._gone:
            ask(_REMOVE, (tree, _stored(parent), _stored(name)))
            path = below(parent, name)
            ask(_REMOVE_BELOW, (tree, _stored(path), _stored(f"{path}/"), _stored(f"{path}0")))
            inner = os.fsencode(path)  # names below it may be no UTF-8 where its own is
            ask(_REMOVE_BELOW, (tree, inner, inner + b"/", inner + b"0"))
        many(
            _REPLACE,
            (
                (tree, _stored(parent), row.type, _stored(row.device), _stored(row.name))
                for parent, rows in self._replaced
                for row in rows
            ),
        )
        many(_PUT, ((tree, _stored(parent), *map(_kept, row)) for parent, rows in self._new for row in rows))
