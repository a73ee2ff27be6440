# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What device_backup_status must see of a tree that it has seen before: a model of the promise, not of the code.

The promise: a folder whose files all were old when they were looked at, and still are, and whose own times are the
same, isn't looked at again; but the newest copy of each device and type is, and where that is no longer what it was,
all folders of that device and type are looked at after all. Whatever is younger, or changed, or could become the newest
copy, is looked at. A tree that held copies and holds none is taken for one that isn't mounted: nothing is forgotten.
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
    """What is to be seen of a type of a device; ``newest`` in nanoseconds, ``paths`` are of the copies of that time."""

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
    root), one at least for each. ``lost`` is whether the tree is taken for one that isn't mounted.
    """

    def __init__(self, root: Path, sort: Sort, enters: Callable[[str], bool]) -> None:
        self._root = root
        self._sort = sort
        self._enters = enters
        self._folders: dict[str, Folder] = {}
        self._held = 0
        self.lost = False
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
            newest = {share: path for share, one in seen.items() for path in _newest_of(one) if _folder(path) in taken}
            wrong = {share for share, path in newest.items() if _file(view, path) != _file(actual, path)}
            if not wrong:
                break
            taken = {path for path in taken if not wrong & {share for share, _name in self._copies(path, view[path])}}
        self.hidden = seen != self._counted(actual, now)
        self.untouched = sum(map(_number, self._counted(_only(view, taken), now).values())) - len(newest)
        self.touched = sum(map(_number, seen.values())) - self.untouched
        self.links = sum(folder.links for folder in actual.values())
        self.lost = not seen and self._held > 0 and not refresh
        if not self.lost:
            shares = [{share for share, _name in self._copies(path, one)} for path, one in view.items() if path]
            self.entries = sum(max(1, len(one)) for one in shares)
            self._held = sum(one.files for one in self._counted({**view, "": _NOTHING}, now).values())
            self._note(actual, taken, stable, now)
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


_NOTHING = Folder((0, 0), {}, 0)


def _newest_of(one: Expected) -> list[str]:
    """The newest copy; of several with one time that in the first folder (no test gives one folder two of them)."""
    return sorted(one.paths, key=_folder)[:1]


def _number(one: Expected) -> int:
    return one.files + one.empty


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _file(view: Mapping[str, Folder], path: str) -> tuple[int, int] | None:
    return view[_folder(path)].files.get(path.rpartition("/")[2])


def _only(view: Mapping[str, Folder], paths: set[str]) -> dict[str, Folder]:
    return {path: folder for path, folder in view.items() if path in paths}
