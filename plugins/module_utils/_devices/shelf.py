# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of a tree from one scan to the next, folder by folder. Private to this collection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

NOTHING = ""
"""The type in the one row of a folder without copies."""


class Row(NamedTuple):
    """One share (a type and a device) of one folder. Sizes in bytes, times in nanoseconds of the epoch.

    ``changed`` and ``touched`` are the folder's own mtime and ctime; ``subfolders`` how many it has; ``newest`` is the
    mtime of the newest copy that is neither empty nor dated in the future, 0 without one; ``latest`` that of the
    latest of all in the folder, of whatever share, or later: then the folder never is old.
    """

    name: str
    changed: int
    touched: int
    subfolders: int
    type: str
    device: str
    files: int
    size: int
    empty: int
    newest: int
    newest_size: int
    newest_file: str
    latest: int


class Old(NamedTuple):
    """A share of all old folders in one parent: their names and times, and what they hold together.

    The newest copy is in the folder ``name``.
    """

    type: str
    device: str
    names: Sequence[str]
    changed: Sequence[int]
    touched: Sequence[int]
    files: int
    size: int
    empty: int
    newest: int
    newest_size: int
    newest_file: str
    name: str


class Broken(Exception):
    """What was kept is damaged, and nothing of it can be used."""


class Shelf(Protocol):
    """What is known of the folders below one root.

    *Old* folders are those without subfolders whose files are all older than the ``stable`` of the scan's times.
    """

    def old(self, parent: str) -> Sequence[Old]:
        """The old folders in ``parent``, by type and device."""

    def others(self, parent: str) -> Sequence[Row]:
        """The rows of the folders in ``parent`` that are not old."""

    def rows(self, parent: str) -> Sequence[Row]:
        """The rows of all folders in ``parent``.

        :raises Broken: when what was kept is damaged.
        """

    def put(self, parent: str, known: Sequence[Row], rows: Sequence[Row]) -> None:
        """What was seen of one folder, in place of the ``known`` rows."""

    def drop(self, parent: str, name: str) -> None:
        """A folder is gone, with all below it."""

    def forget(self) -> None:
        """The scan begins anew: what was put and dropped until now doesn't count."""

    @property
    def files(self) -> int:
        """How many copies are known."""


class NoShelf:
    """Nothing is known, and nothing is kept."""

    def old(self, parent: str) -> Sequence[Old]:
        """None."""
        del parent
        return ()

    def others(self, parent: str) -> Sequence[Row]:
        """None."""
        del parent
        return ()

    def rows(self, parent: str) -> Sequence[Row]:
        """None."""
        del parent
        return ()

    def put(self, parent: str, known: Sequence[Row], rows: Sequence[Row]) -> None:
        """Kept nowhere."""

    def drop(self, parent: str, name: str) -> None:
        """Nothing to drop."""

    def forget(self) -> None:
        """Nothing to forget."""

    @property
    def files(self) -> int:
        """None."""
        return 0
