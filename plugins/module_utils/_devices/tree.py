# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copies below a root, counted: what is known of old folders is kept, the rest is looked at. Private."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import FOLDER, below, cause, find
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout, Share
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.listing import LONG_AGO, Lister, Listing
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import NOTHING, Old, Row, Shelf

DEEPEST = 64
"""Folders within folders; a tree that is deeper is none of a fleet's."""


@dataclass
class Copies:
    """The copies of one type and one device below one root. Sizes in bytes, times in nanoseconds of the epoch.

    ``newest`` of those that are neither empty nor dated in the future, in ``folder``, named ``file``; where several
    folders have one of that time it is the first. It is 0 where there is none, and ``folder`` then the first with
    copies. ``ahead`` counts those that are dated in the future, ``unfinished`` those that rsync left. ``known``:
    ``newest`` is the catalogue's word.
    """

    files: int = 0
    size: int = 0
    empty: int = 0
    ahead: int = 0
    unfinished: int = 0
    newest: int = 0
    newest_size: int = 0
    folder: str = ""
    file: str = ""
    known: bool = False

    @property
    def path(self) -> str:
        """The newest copy, relative to the root."""
        return below(self.folder, self.file)


@dataclass
class Seen:
    """What a tree holds. ``hits`` are files that were not touched, ``misses`` those that were.

    ``unreadable`` has folders (relative to the root) that could not be read, and why; ``links`` counts symbolic links,
    none of which is followed; ``error`` says why the root itself could not be read.
    """

    layout: Layout
    copies: dict[Share, Copies] = field(default_factory=dict)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    links: int = 0
    hits: int = 0
    misses: int = 0
    error: str | None = None

    def of(self, share: Share) -> Copies:
        """The copies of a share, to be counted up."""
        copies = self.copies.get(share)
        if copies is None:
            copies = self.copies[share] = Copies()
        return copies

    def add(self, parent: str, rows: Iterable[Row | Old], *, known: bool) -> None:
        """Count what is in folders in ``parent``."""
        for row in rows:
            if row.type == NOTHING:
                continue
            copies = self.of((row.type, row.device))
            copies.files += row.files
            copies.size += row.size
            copies.empty += row.empty
            if row.newest >= copies.newest:
                folder = below(parent, row.name)
                if row.newest > copies.newest or not copies.folder or folder < copies.folder:
                    copies.newest, copies.newest_size, copies.known = row.newest, row.newest_size, known
                    copies.folder, copies.file = folder, row.newest_file
            if known:
                self.hits += row.files + row.empty


@dataclass(frozen=True)
class Times:
    """The moment of a scan, and the one before which a file counts as old; nanoseconds of the epoch.

    ``anew``: whatever is known isn't used.
    """

    now: int
    stable: int
    anew: bool = False

    @property
    def known(self) -> int:
        """The one before which a file must have been changed for last for what is known of its folder to count."""
        return 0 if self.anew else self.stable


def look(layout: Layout, shelf: Shelf, times: Times) -> Seen:
    """Count the copies below ``layout.root``.

    Where the catalogue's word on a newest copy is not true, a second time, with all of that device and type looked at.

    :raises Broken: from the shelf.
    """
    again: frozenset[Share] = frozenset()
    while True:
        seen = Seen(layout)
        shelf.forget()
        try:
            root = os.open(layout.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                _Walk(shelf, times, seen, again).root(root)
                outdated = frozenset(_outdated(root, seen))
            finally:
                os.close(root)
        except OSError as failure:
            seen.error = cause(failure)
            return seen
        if outdated <= again:
            seen.unreadable.sort()  # the same order each time, whatever was known
            return seen
        again |= outdated


def _outdated(root: int, seen: Seen) -> Iterator[Share]:
    """Shares whose newest copy isn't what the catalogue says of it any more: that one is always looked at."""
    for share, copies in seen.copies.items():
        if copies.known:
            found = find(root, copies.path)
            seen.misses += 1
            seen.hits -= 1
            now = (max(found.st_mtime_ns, LONG_AGO), found.st_size) if found is not None else None
            if now != (copies.newest, copies.newest_size):
                yield share


class _Walk:
    """One pass over a tree; the folders of the shares ``again`` are looked at whatever is known of them."""

    def __init__(self, shelf: Shelf, times: Times, seen: Seen, again: frozenset[Share]) -> None:
        self.layout = seen.layout
        self.shelf = shelf
        self.times = times
        self.seen = seen
        self.again = again
        self.lister = Lister(seen.layout, times.now, times.stable)

    def root(self, here: int) -> None:
        """The root has no row of its own: it is listed each time."""
        found = self._listed(here, "", "", os.fstat(here))
        self.seen.add("", found.rows, known=False)
        self._inside(here, "", found.subfolders, 1)

    def _inside(self, here: int, path: str, there: Collection[str] | None, depth: int) -> None:
        """The folders in the folder ``path``; ``there`` is None where the catalogue still knows which there are."""
        old, others = self.shelf.old(path), self.shelf.others(path)
        settled, unsettled = self._by_their_times(here, old, others)
        known: dict[str, list[Row]] = {}
        for row in self.shelf.rows(path) if unsettled else others:
            if row.name not in settled:
                known.setdefault(row.name, []).append(row)
            elif unsettled:
                self.seen.add(path, [row], known=True)
        if not unsettled:
            self.seen.add(path, old, known=True)
        if there is None:
            there = known.keys()
        else:
            for gone in (settled | known.keys()).difference(there):
                self.shelf.drop(path, gone)
        for name in there:
            if name not in settled:
                self._visit(here, path, name, known.get(name, ()), depth)

    def _by_their_times(self, here: int, old: Sequence[Old], others: Sequence[Row]) -> tuple[set[str], set[str]]:
        """The old folders that their own times show to be unchanged, and those that they don't.

        The way through a tree that hardly changes: one look at each old folder, and none at its files.
        """
        settled: set[str] = set()
        unsettled: set[str] = set()
        look_at, settle = os.stat, settled.add
        for share in old:
            for name, changed, touched in zip(share.names, share.changed, share.touched):
                try:
                    state = look_at(name, dir_fd=here, follow_symlinks=False)
                except OSError:
                    unsettled.add(name)
                    continue
                if state.st_mtime_ns == changed and state.st_ctime_ns == touched:
                    settle(name)
                else:
                    unsettled.add(name)
        # One row says old and another not: two runs at once have written one each
        unsettled.update(row.name for row in others if row.name in settled)
        for share in old if self.again else ():
            if (share.type, share.device) in self.again:
                unsettled.update(share.names)
        return settled - unsettled if unsettled else settled, unsettled

    def _visit(self, parent: int, parent_path: str, name: str, known: Sequence[Row], depth: int) -> None:
        """A folder that has to be opened, because it may have changed or has folders in it."""
        path = below(parent_path, name)
        if depth > DEEPEST:
            self.seen.unreadable.append((path, f"lies deeper than {DEEPEST} folders"))
            return
        try:
            here = os.open(name, FOLDER, dir_fd=parent)
        except (FileNotFoundError, NotADirectoryError):  # gone since, or something else in its place
            self.shelf.drop(parent_path, name)
            return
        except (OSError, ValueError) as failure:
            self.seen.unreadable.append((path, cause(failure) if isinstance(failure, OSError) else str(failure)))
            return
        try:
            self._opened(here, parent_path, name, known, depth)
        except OSError as failure:
            self.seen.unreadable.append((path, cause(failure)))
        finally:
            os.close(here)

    def _opened(self, here: int, parent_path: str, name: str, known: Sequence[Row], depth: int) -> None:
        path, state = below(parent_path, name), os.fstat(here)
        if known and self._unchanged(known, state) and self._complete(path, known[0]):
            self.seen.add(parent_path, known, known=True)
            if known[0].subfolders:
                self._inside(here, path, None, depth + 1)
            return
        found = self._listed(here, path, name, state)
        self.seen.add(parent_path, found.rows, known=False)
        if found.rows != known:
            self.shelf.put(parent_path, known, found.rows)
        if found.subfolders or (known and known[0].subfolders):
            self._inside(here, path, found.subfolders, depth + 1)

    def _unchanged(self, known: Sequence[Row], state: os.stat_result) -> bool:
        """Whether a folder is as it was, by all of its rows (two runs may have written some each), and is old."""
        times = (state.st_mtime_ns, state.st_ctime_ns)
        return all(
            (row.changed, row.touched) == times
            and row.latest < self.times.known
            and (row.type, row.device) not in self.again
            for row in known
        )

    def _complete(self, path: str, row: Row) -> bool:
        """Whether all subfolders are known: not one that could not be read, or that another run took for gone."""
        if not row.subfolders:
            return True
        names = {other.name for other in self.shelf.others(path)}
        names.update(*(share.names for share in self.shelf.old(path)))
        return len(names) == row.subfolders

    def _listed(self, here: int, path: str, name: str, state: os.stat_result) -> Listing:
        """Look at each file of a folder."""
        found = self.lister.look(here, path, name, state)
        self.seen.misses += found.touched
        self.seen.links += found.links
        for share, ahead in found.ahead.items():
            self.seen.of(share).ahead += ahead
        for share, unfinished in found.unfinished.items():
            self.seen.of(share).unfinished += unfinished
        return found
