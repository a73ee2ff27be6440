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
from zlib import crc32

from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import below
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import Broken, Old, Row

_TIMES = "changed - touched + newest - latest"
_SUM = f"{_TIMES} + subfolders + files + size + empty + newest_size + length(newest_file)"
_MARK = f"total - ({_SUM})"
"""The checksum of a row's names: what its numbers leave of ``total``.

By it damage is known where SQLite itself sees nothing wrong. The sum of those of a tree shows that no row is lost.
"""
_COLUMNS = ", ".join(Row._fields)
_KEY = "PRIMARY KEY (tree, parent, type, device, name)"
TABLES = (
    "CREATE TABLE tree (id INTEGER PRIMARY KEY, root BLOB NOT NULL, rules TEXT NOT NULL, marks, UNIQUE (root, rules))",
    f"CREATE TABLE folder (tree, parent, {_COLUMNS}, total, {_KEY}) WITHOUT ROWID",
)
"""What trees need in the catalogue: the order of the key is that of the question that reads the most."""
_TREE = "SELECT id, marks FROM tree WHERE root = ? AND rules = ?"
_OLD = (
    "SELECT parent, type, device, group_concat(name, '/'), group_concat(changed, '/'), group_concat(touched, '/'), "
    f"sum(files), sum(size), sum(empty), max(newest), newest_size, newest_file, name, sum({_MARK}) FROM folder "
    "WHERE tree = ? AND subfolders = 0 AND latest < ? AND typeof(name) = 'text' GROUP BY parent, type, device"
)
"""One row for the old folders of a parent: SQLite puts together in a sixth of the time that Python takes to read each.

It takes the columns without a function from the row with the maximum (its documentation of "bare columns"), and from
the first in the order of the key where there are several.
"""
_OTHERS = (
    f"SELECT {_COLUMNS}, parent, {_MARK} FROM folder "
    "WHERE tree = ? AND (subfolders <> 0 OR latest >= ? OR typeof(name) <> 'text')"
)
_ROWS = f"SELECT {_COLUMNS} FROM folder WHERE tree = ? AND parent = ?"
_PLACES = {column: f"?{number}" for number, column in enumerate(("tree", "parent", *Row._fields, "mark"), 1)}
_PUT = (
    f"INSERT OR REPLACE INTO folder (tree, parent, {_COLUMNS}, total) VALUES ({', '.join(_PLACES.values())} + "
    f"{re.sub(r'[a-z_]+', lambda word: _PLACES.get(word[0], word[0]), _SUM)})"
)
_MARKED = f"UPDATE tree SET marks = (SELECT coalesce(sum({_MARK}), 0) FROM folder WHERE tree = ?1) WHERE id = ?1"
_REPLACE = "DELETE FROM folder WHERE tree = ? AND parent = ? AND type = ? AND device = ? AND name = ?"
_REMOVE = "DELETE FROM folder WHERE tree = ? AND parent = ? AND name = ?"
_REMOVE_BELOW = "DELETE FROM folder WHERE tree = ? AND (parent = ? OR (parent >= ? AND parent < ?))"
_LARGEST = 2**53
"""Bytes of a share of one folder: larger sums, of files that are nearly all holes, are not kept."""
_AROUND = (
    "database is locked",
    "database table is locked",
    "unable to open database file",
    "disk I/O error",
    "database or disk is full",
    "attempt to write a readonly database",
    "locking protocol",
    "interrupted",
)
"""SQLite's words for what the system or another run is to blame for, and not the file."""

_ODD = "is damaged: its rows do not add up"

Stored = Union[str, bytes]


@contextmanager
def damage_told() -> Iterator[None]:
    """Tell damage to the file apart from what else SQLite can fail with.

    :raises Broken: for damage; what another run or the system is to blame for stays an ``sqlite3.OperationalError``.
    """
    try:
        yield
    except (sqlite3.DatabaseError, UnicodeDecodeError, OverflowError) as failure:
        if isinstance(failure, sqlite3.OperationalError) and str(failure).startswith(_AROUND):
            raise
        raise Broken(f"is damaged: {cell(failure)}") from failure


def _stored(text: str) -> Stored:
    """A name as the file keeps it: one that is no UTF-8 as its bytes."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def _mark(value: object) -> int:
    """The checksum of a name as it is stored; a text and the same bytes are two things in the file.

    :raises Broken: when it is no name.
    """
    if isinstance(value, str):
        return crc32(value.encode())
    if isinstance(value, bytes):
        return crc32(value, 1)
    raise Broken(_ODD)


def _kept(value: object) -> object:
    return _stored(value) if isinstance(value, str) else value


def _read(value: Any) -> Any:
    return os.fsdecode(value) if isinstance(value, bytes) else value


def _row(values: Sequence[Any]) -> Row:
    row = Row._make(map(_read, values) if bytes in map(type, values) else values)
    _check_kinds((row.name, row.type, row.device, row.newest_file), (*row[1:4], *row[6:11], row.latest))
    return row


def _check_kinds(names: Sequence[object], numbers: Sequence[object]) -> None:
    """SQLite counts an empty name as 0, so that checksums don't tell the one from the other.

    :raises Broken: when a name is none, or a number.
    """
    if not all(isinstance(one, str) for one in names) or not all(isinstance(one, int) for one in numbers):
        raise Broken(_ODD)


class TreeShelf:
    """What the catalogue knows of one tree. Changes stay in memory until they are written, all at once.

    All is read at once: a question for each folder would take longer than a look at it.
    """

    def __init__(self, connection: sqlite3.Connection, layout: Layout, stable: int) -> None:
        self._connection = connection
        self._key = (os.fsencode(os.path.realpath(layout.root)), layout.rules)
        self._seed = sum(map(_mark, self._key))
        self._marks: dict[tuple[object, object, object], int] = {}
        self._new: list[tuple[str, Sequence[Row]]] = []
        self._replaced: list[tuple[str, Sequence[Row]]] = []
        self._gone: list[tuple[str, str]] = []
        self._old: dict[str, list[Old]] = {}
        self._others: dict[str, list[Row]] = {}
        self._tree: int | None = None
        with damage_told():
            found = connection.execute(_TREE, self._key).fetchone()
        if found:
            self._tree, marks = found
            if self._load(stable) != marks:
                raise Broken(_ODD)

    def _load(self, stable: int) -> int:
        """Read all, and say what the rows' checksums add up to."""
        marks = 0
        for parent, kind, device, text, changed, touched, *sums, mark in self._ask(_OLD, stable):
            names = text.split("/")
            # As _marked, of all names at once: a call for each would take as long as all else here
            wanted = sum(map(crc32, text.encode().split(b"/"))) + len(names) * self._marked(parent, kind, device)
            if mark != wanted:
                raise Broken(_ODD)
            marks += mark
            when, whence = map(int, changed.split("/")), map(int, touched.split("/"))
            share = Old(_read(kind), _read(device), names, [*when], [*whence], *map(_read, sums))
            _check_kinds((share.newest_file, share.name), share[5:10])
            self._old.setdefault(_read(parent), []).append(share)
        for *values, parent, mark in self._ask(_OTHERS, stable):
            row = Row._make(values)
            if mark != self._marked(parent, row.type, row.device) + _mark(row.name):
                raise Broken(_ODD)
            marks += mark
            self._others.setdefault(_read(parent), []).append(_row(values))
        return marks

    def _marked(self, parent: object, kind: object, device: object) -> int:
        """What the rows of this tree with these names have in their checksums besides that of the folder's name."""
        where = (parent, kind, device)
        mark = self._marks.get(where)
        if mark is None:
            mark = self._marks[where] = self._seed + 7 * _mark(parent) + 5 * _mark(kind) + 3 * _mark(device)
        return mark

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
        if all(row.size <= _LARGEST for row in rows):
            self._new.append((parent, rows))

    def drop(self, parent: str, name: str) -> None:
        """See ``Shelf``."""
        self._gone.append((parent, name))

    def forget(self) -> None:
        """See ``Shelf``."""
        for changes in (self._new, self._replaced, self._gone):
            changes.clear()

    @property
    def files(self) -> int:
        """See ``Shelf``."""
        return sum(row.files for known in (self._old, self._others) for rows in known.values() for row in rows)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._new or self._replaced or self._gone)

    def write(self) -> None:
        """Write the changes; within a transaction of the caller's."""
        ask, many = self._connection.execute, self._connection.executemany
        ask("INSERT OR IGNORE INTO tree (root, rules) VALUES (?, ?)", self._key)
        tree, _marks = ask(_TREE, self._key).fetchone()
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
        many(_PUT, (self._values(tree, _stored(parent), row) for parent, rows in self._new for row in rows))
        ask(_MARKED, (tree,))

    def _values(self, tree: int, parent: Stored, row: Row) -> tuple[object, ...]:
        kept = Row._make(map(_kept, row))
        return (tree, parent, *kept, self._marked(parent, kept.type, kept.device) + _mark(kept.name))
