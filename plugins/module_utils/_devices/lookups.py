# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Single copies, looked at where a claim names them. Private to this collection."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import SECOND, Found, Trees
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Data, Job
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import find, names
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout


@dataclass
class Lookups:
    """The trees whose layout tells where a copy lies, open. What folders hold is read once for all devices."""

    roots: Sequence[tuple[Layout, int]]
    _names: dict[tuple[int, str], frozenset[str]] = field(default_factory=dict)

    def found(self, data: Data) -> Found | None:
        """The copy of what a device has; None where it isn't known where that would be."""
        roots = self._of(data.type)
        if data.path is None or not roots:
            return None
        for layout, root in roots:
            state = find(root, data.path)
            if state is not None and state.st_size:
                return Found(True, state.st_size, state.st_mtime_ns / SECOND, layout.root)
        return Found(False)

    def lacking(self, data: Iterable[Data]) -> frozenset[str]:
        """Of the data that a device has of one type the paths of what is in no tree."""
        folders: dict[str, list[str]] = {}
        kind = ""
        for one in data:
            if one.path is not None:
                kind = one.type
                folder, _slash, name = one.path.rpartition("/")
                folders.setdefault(folder, []).append(name)
        return frozenset(self._absent(kind, folders))

    def gone(self, job: Job) -> tuple[str, ...]:
        """Of the copies that a job lists those that are in no tree."""
        return tuple(sorted(self._absent(job.type, job.listed)))

    def _absent(self, kind: str, folders: Mapping[str, Sequence[str]]) -> Iterator[str]:
        """Of files in folders those that are in no tree: by the names in the folders, no file is touched."""
        roots = self._of(kind)
        for folder, listed in folders.items() if roots else ():
            there = [self._inside(root, folder) for _layout, root in roots]
            for name in listed:
                if not any(name in one for one in there):
                    yield f"{folder}/{name}"

    def _inside(self, root: int, folder: str) -> frozenset[str]:
        place = (root, folder)
        known = self._names.get(place)
        if known is None:
            known = self._names[place] = names(root, folder)
        return known

    def _of(self, kind: str) -> list[tuple[Layout, int]]:
        return [(layout, root) for layout, root in self.roots if kind in layout.types]


@contextmanager
def lookups(trees: Trees) -> Iterator[Lookups]:
    """Open the roots for as long as copies are looked for; one that can't be opened holds none."""
    with ExitStack() as stack:
        roots: list[tuple[Layout, int]] = []
        for one in trees.seen:
            if one.layout.by_device and one.error is None:
                with suppress(OSError):
                    root = os.open(one.layout.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    stack.callback(os.close, root)
                    roots.append((one.layout, root))
        yield Lookups(roots)
