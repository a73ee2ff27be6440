# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What device_backup_status must see of a tree that it has seen before: a model of the promise, not of the code.

The promise: a folder whose files all were old when they were looked at, and still are, and whose own times are the same,
isn't looked at again; but the newest copy of each device and type is, and where that is no longer what it was, its
folder is looked at after all. Whatever is younger, or changed, or could become the newest copy, is looked at.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.trees import HOUR, NANO

JUST_NOW = 20 * 10**6
"""Nanoseconds within which a folder may change twice and have the same time."""

Share = tuple[str, str]
Sort = Callable[[str, frozenset[str]], "Share | None"]
"""The type and device of a file, by its path below the root and the names of all files beside it."""


@dataclass(frozen=True)
class Folder:
    """A folder as it is: its own times, its regular files as (bytes, nanoseconds), and how many links lie in it."""

    times: tuple[int, int]
    files: Mapping[str, tuple[int, int]]
    links: int


@dataclass
class Expected:
    """What is to be seen of a type of a device; ``newest`` is in nanoseconds, ``paths`` have the copies of that time."""

    files: int = 0
    size: int = 0
    empty: int = 0
    ahead: int = 0
    newest: int = 0
    paths: set[str] = field(default_factory=set)


def results_sort(path: str, beside: frozenset[str]) -> Share | None:
    """As the results of Ethoscopes are sorted (reference/ethoscope.md 4.3)."""
    device, _slash, rest = path.partition("/")
    name = path.rpartition("/")[2]
    if not rest or not name.endswith(".db") or name.startswith("."):
        return None
    return ("mysql" if f"{name[:-3]}.txt" in beside else "sqlite", device)


def on_disk(root: Path, enters: Callable[[str], bool]) -> dict[str, Folder]:
    """All folders by their path below the root; links are not followed."""
    found: dict[str, Folder] = {}
    waiting = [""]
    while waiting:
        path = waiting.pop()
        here = root / path
        files, links = {}, 0
        for name in os.listdir(here):  # noqa: PTH208 - names, and no paths
            inner = f"{path}/{name}" if path else name
            state = (root / inner).lstat()
            if stat.S_ISDIR(state.st_mode) and enters(name):
                waiting.append(inner)
            elif stat.S_ISREG(state.st_mode):
                files[name] = (state.st_size, state.st_mtime_ns)
            links += stat.S_ISLNK(state.st_mode)
        own = here.lstat()
        found[path] = Folder((own.st_mtime_ns, own.st_ctime_ns), files, links)
    return found


class Memory:
    """What a catalogue may remember of one tree, from one scan to the next.

    Of the last scan: ``hidden`` is whether a change was not to be seen, ``links`` how many symbolic links there are,
    ``touched`` and ``untouched`` how many copies, and ``entries`` how many types and devices all folders have (but the
    root), one at least for each.
    """

    def __init__(self, root: Path, sort: Sort, enters: Callable[[str], bool]) -> None:
        self._root = root
        self._sort = sort
        self._enters = enters
        self._folders: dict[str, Folder] = {}
        self.hidden = False
        self.links = 0
        self.entries = 0
        self.touched = 0
        self.untouched = 0

    def scan(self, now: int, stable_after: int, *, refresh: bool = False) -> dict[Share, Expected]:
        """What is to be seen at a moment (nanoseconds); ``stable_after`` in seconds."""
        actual = on_disk(self._root, self._enters)
        stable = now - stable_after * NANO
        taken = {
            path
            for path, folder in actual.items()
            if not refresh and path in self._folders and self._may_be_taken(path, folder, stable)
        }
        while True:
            view = {path: self._folders[path] if path in taken else folder for path, folder in actual.items()}
            seen = self._counted(view, now)
            looked_at = {
                path for one in seen.values() for path in self._newest_of(one) if path.rpartition("/")[0] in taken
            }
            wrong = {path.rpartition("/")[0] for path in looked_at if _file(view, path) != _file(actual, path)}
            if not wrong:
                break
            taken -= wrong
        self.hidden = seen != self._counted(actual, now)
        self._note(actual, taken, stable, now)
        copies = sum(one.files + one.empty for one in self._counted(_only(view, taken), now).values())
        self.untouched = copies - len(looked_at)
        self.touched = sum(one.files + one.empty for one in seen.values()) - self.untouched
        shares = {path: {share for share, _name in self._copies(path, folder)} for path, folder in view.items() if path}
        self.entries = sum(max(1, len(one)) for one in shares.values())
        self.links = sum(folder.links for folder in actual.values())
        return seen

    def _may_be_taken(self, path: str, folder: Folder, stable: int) -> bool:
        known = self._folders[path]
        return path != "" and known.times == folder.times and self._latest(path, known) < stable

    def _latest(self, path: str, folder: Folder) -> int:
        return max((folder.files[name][1] for _share, name in self._copies(path, folder)), default=0)

    def _copies(self, path: str, folder: Folder) -> list[tuple[Share, str]]:
        beside = frozenset(folder.files)
        sorted_ = ((self._sort(f"{path}/{name}" if path else name, beside), name) for name in folder.files)
        return [(share, name) for share, name in sorted_ if share is not None]

    def _counted(self, view: Mapping[str, Folder], now: int) -> dict[Share, Expected]:
        seen: dict[Share, Expected] = {}
        for path, folder in view.items():
            for share, name in self._copies(path, folder):
                one, (size, when) = seen.setdefault(share, Expected()), folder.files[name]
                one.files += size > 0
                one.size += size
                one.empty += size == 0
                if not size:
                    continue
                if when > now + HOUR * NANO:
                    one.ahead += 1
                elif when >= one.newest:
                    place = f"{path}/{name}" if path else name
                    one.paths = {place} if when > one.newest else {*one.paths, place}
                    one.newest = when
        return seen

    def _newest_of(self, one: Expected) -> list[str]:
        """The newest copy; of several with one time that in the first folder (no test gives one folder two of them)."""
        return sorted(one.paths, key=lambda path: path.rpartition("/")[0])[:1]

    def _note(self, actual: Mapping[str, Folder], taken: set[str], stable: int, now: int) -> None:
        """Remember what was looked at and may be taken one day: it is old, and nothing in it may become the newest.

        Nor has it changed just now, or in the future.
        """
        self._folders = {path: folder for path, folder in self._folders.items() if path in taken}
        for path, folder in actual.items():
            just_now = max(folder.times) > now - JUST_NOW
            if path in taken or just_now or folder.links or self._latest(path, folder) >= stable:
                continue
            for share, one in self._counted({path: folder}, now).items():
                latest = max(folder.files[name][1] for other, name in self._copies(path, folder) if other == share)
                if latest != one.newest:
                    break
            else:
                self._folders[path] = folder


def _file(view: Mapping[str, Folder], path: str) -> tuple[int, int] | None:
    folder, _slash, name = path.rpartition("/")
    return view[folder].files.get(name)


def _only(view: Mapping[str, Folder], paths: set[str]) -> dict[str, Folder]:
    return {path: folder for path, folder in view.items() if path in paths}
