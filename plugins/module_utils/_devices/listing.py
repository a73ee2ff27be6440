# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One folder of a tree, with each of its files looked at. Private to this collection."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout, Share
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import NOTHING, Row

AHEAD = 3600 * 10**9
"""Nanoseconds that a file may be dated ahead of our clock before its time says nothing."""
LONG_AGO = 1
"""For the time of a file from before 1970, from a device without a clock: it is old, and not none."""
SECOND = 10**9
"""Nanoseconds of a second."""
JUST_NOW = 2 * SECOND
"""Within which a folder may change without its time telling, where a file system keeps whole seconds (or two)."""
TICK = 20 * 10**6
"""The same where it keeps fractions: the kernel's own clock for them ticks every 4 to 10 ms."""
UNSETTLED = -1
"""For the time of a folder that may have changed since without its time telling: it never is that."""
RESTLESS = 2**62
"""For the time of the latest file of a folder that is to be looked at each time: it never is old."""


class Listing(NamedTuple):
    """What one folder holds: its subfolders, and its rows by type and device.

    ``touched`` counts the copies that were looked at, ``links`` the symbolic links; of each share ``ahead`` counts the
    copies that are dated in the future, ``unfinished`` those that rsync left when it was interrupted.
    """

    subfolders: list[str]
    rows: list[Row]
    touched: int
    links: int
    ahead: Mapping[Share, int]
    unfinished: Mapping[Share, int]


@dataclass
class _Tally:
    """A share of one folder while it is counted."""

    files: int = 0
    size: int = 0
    empty: int = 0
    newest: int = 0
    newest_size: int = 0
    newest_file: str = ""
    latest: int = 0
    ahead: int = 0
    unfinished: int = 0


class Lister:
    """Looks at folders. ``now`` and ``stable`` (before which a file counts as old) in nanoseconds of the epoch."""

    def __init__(self, layout: Layout, now: int, stable: int) -> None:
        self._layout = layout
        self._now = now
        self._stable = stable

    def look(self, here: int, path: str, name: str, state: os.stat_result) -> Listing:
        """Look at the folder ``path``, open as ``here``, whose ``state`` was taken before.

        :raises OSError: when it can't be read.
        """
        subfolders: list[str] = []
        files: list[os.DirEntry[str]] = []
        links = 0
        with os.scandir(here) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    files.append(entry)
                elif entry.is_dir(follow_symlinks=False):
                    if self._layout.enters(entry.name):
                        subfolders.append(entry.name)
                elif entry.is_symlink():
                    links += 1
            shares = self._counted(path, files) if files else {}
        head = (name, self._settled(state), state.st_ctime_ns, len(subfolders))
        latest = RESTLESS if links else self._latest(shares)  # links are counted each time, and kept nowhere
        touched = 0
        ahead: dict[Share, int] = {}
        unfinished: dict[Share, int] = {}
        rows: list[Row] = []
        for key, one in sorted(shares.items()):
            touched += one.files + one.empty + one.unfinished
            if one.ahead:
                ahead[key] = one.ahead
            if one.unfinished:
                unfinished[key] = one.unfinished
            numbers = (one.files, one.size, one.empty, one.newest, one.newest_size)
            rows.append(Row(*head, *key, *numbers, one.newest_file, latest))
        if not rows:
            rows.append(Row(*head, NOTHING, "", 0, 0, 0, 0, 0, "", latest))
        return Listing(subfolders, rows, touched, links, ahead, unfinished)

    def _counted(  # noqa: C901 - in one piece: a call would be one for each file
        self, path: str, files: Sequence[os.DirEntry[str]]
    ) -> dict[Share, _Tally]:
        sort = self._layout.sorter(path, [entry.name for entry in files])
        ahead = self._now + AHEAD
        shares: dict[Share, _Tally] = {}
        last: Share | None = None
        share = _Tally()
        for entry in files:
            key = sort(entry.name)
            if key is None:
                continue
            try:
                state = entry.stat(follow_symlinks=False)
            except FileNotFoundError:  # gone since it was listed
                continue
            if key is not last:
                last, share = key, shares.setdefault(key, _Tally())
            size, when = state.st_size, state.st_mtime_ns
            if when < SECOND:  # real rsync 3.5 leaves the fraction of the time that a whole copy would have
                if when >= 0:
                    share.unfinished += 1
                    continue
                when = LONG_AGO
            if when > share.latest:  # noqa: PLR1730 - max() would be one more call for each file
                share.latest = when
            if not size:
                share.empty += 1
                continue
            share.files += 1
            share.size += size
            if when > ahead:
                share.ahead += 1
            elif when > share.newest:
                share.newest, share.newest_size, share.newest_file = when, size, entry.name
        return shares

    def _settled(self, state: os.stat_result) -> int:
        """A folder's time, where it will tell each change from now on.

        Its ctime counts as well: programs that copy set the mtime back.
        """
        changed, touched = state.st_mtime_ns, state.st_ctime_ns
        grain = TICK if changed % SECOND or touched % SECOND else JUST_NOW
        return UNSETTLED if changed < 0 or self._now - max(changed, touched) < grain else changed

    def _latest(self, shares: Mapping[Share, _Tally]) -> int:
        """The time of a folder's latest file, where its files need not be looked at any more once that is old.

        A young file may still change without the folder's time telling, so a folder has to be seen old once. A latest
        file that is empty or dated in the future isn't the newest copy, which is always looked at, but may become it.
        """
        latest = 0
        for share in shares.values():
            if share.unfinished or share.latest != share.newest or share.latest >= self._stable:
                return RESTLESS
            latest = max(latest, share.latest)
        return latest
