# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the trees prove, by type and device; single copies are looked at where a claim names them. Private."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Data, Job
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import find, names
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, Share
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.sqlite_check import Check, check_copy
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Seen

DATABASES = (MYSQL, SQLITE)
"""The types whose copies are SQLite databases."""
SECOND = 1e9
"""Nanoseconds."""


@dataclass(frozen=True)
class Found:
    """The copy of the newest data of a device: its size in bytes and mtime in epoch seconds, 0 when it isn't there."""

    there: bool
    size: int = 0
    changed: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """The copies of one type and device. Sizes in bytes, times in epoch seconds.

    ``newest`` is None where no copy has content and a believable time; ``path`` is that copy's, ``root`` its tree's.
    ``empty`` copies have no bytes, those ``ahead`` a time in the future. ``unreadable`` says what could not be read
    that may hold more. ``check`` is of the newest copy, ``found`` of the copy of the device's newest data. ``lacking``
    are paths of data that the device has and that has no copy; ``gone`` are copies that a service lists and that aren't
    there.
    """

    files: int = 0
    size: int = 0
    empty: int = 0
    ahead: int = 0
    newest: float | None = None
    root: str = ""
    path: str = ""
    unreadable: str | None = None
    check: Check | None = None
    found: Found | None = None
    lacking: frozenset[str] = frozenset()
    gone: tuple[str, ...] = ()


class Trees:
    """All trees that were looked at."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self.seen = seen
        self.types = frozenset(kind for one in seen for kind in one.layout.types)

    def shares(self) -> set[Share]:
        """The types and devices that have copies, or may have some where nothing could be read."""
        shares = {share for one in self.seen for share in one.copies}
        for one in self.seen:
            for folder, _why in one.unreadable:
                device = one.layout.device(folder)
                shares.update((kind, device) for kind in one.layout.types if device is not None)
        return shares

    def name(self, device: str) -> str | None:
        """What the folders call a device, where they do."""
        for one in self.seen:
            for kind in one.layout.types:
                copies = one.copies.get((kind, device))
                if copies is not None and copies.folder:
                    return one.layout.name(copies.folder)
        return None

    def evidence(self, share: Share) -> Evidence | None:
        """What there is of a share; None where no tree could hold it."""
        if share[0] not in self.types:
            return None
        evidence = Evidence()
        for one in self.seen:
            if share[0] in one.layout.types:
                evidence = _with(evidence, one, share)
        return evidence


def _with(evidence: Evidence, seen: Seen, share: Share) -> Evidence:
    copies = seen.copies.get(share)
    unreadable = evidence.unreadable or _unreadable(seen, share[1])
    if copies is None:
        return replace(evidence, unreadable=unreadable)
    newest = copies.newest / SECOND if copies.newest else None
    here = newest is not None and (evidence.newest is None or newest > evidence.newest)
    return replace(
        evidence,
        files=evidence.files + copies.files,
        size=evidence.size + copies.size,
        empty=evidence.empty + copies.empty,
        ahead=evidence.ahead + copies.ahead,
        newest=newest if here else evidence.newest,
        root=seen.layout.root if here else evidence.root,
        path=copies.path if here else evidence.path,
        unreadable=unreadable,
    )


def _unreadable(seen: Seen, device: str) -> str | None:
    """What of a tree could not be read that may hold copies of a device."""
    if seen.error is not None:
        return f"{seen.layout.root} cannot be read ({seen.error})"
    for folder, why in seen.unreadable:
        if seen.layout.device(folder) in (None, device):
            return f"{seen.layout.root}/{cell(folder)} cannot be read ({why})"
    return None


@contextmanager
def _root(path: str) -> Iterator[int | None]:
    try:
        root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        yield root
    finally:
        os.close(root)


def found(trees: Trees, data: Data) -> Found | None:
    """Look for the copy of what a device has; None where it isn't known where that would be."""
    if data.path is None:
        return None
    for one in trees.seen:
        if data.type in one.layout.types and one.layout.by_device:
            with _root(one.layout.root) as root:
                state = find(root, data.path) if root is not None else None
            if state is not None and state.st_size:
                return Found(True, state.st_size, state.st_mtime_ns / SECOND)
    return Found(False) if data.type in trees.types else None


def lacking(trees: Trees, data: Iterable[Data]) -> frozenset[str]:
    """Of the data that a device has of one type the paths of what is in no tree."""
    folders: dict[str, list[str]] = {}
    kind = ""
    for one in data:
        if one.path is not None:
            kind = one.type
            folder, _slash, name = one.path.rpartition("/")
            folders.setdefault(folder, []).append(name)
    return frozenset(_absent(trees, kind, folders))


def gone(trees: Trees, job: Job) -> tuple[str, ...]:
    """Of the copies that a job lists those that are in no tree."""
    return tuple(sorted(_absent(trees, job.type, job.listed)))


def _absent(trees: Trees, kind: str, folders: Mapping[str, Sequence[str]]) -> list[str]:
    """Of files in folders those that are in no tree: by the names in the folders, no file is touched."""
    missing: list[str] = []
    roots = [one.layout.root for one in trees.seen if kind in one.layout.types and one.layout.by_device]
    for folder, listed in folders.items():
        there: set[str] = set()
        for path in roots:
            with _root(path) as root:
                if root is not None:
                    there |= names(root, folder)
        missing.extend(f"{folder}/{name}" for name in listed if name not in there)
    return missing if roots else []


@dataclass(frozen=True)
class Proof:
    """How copies of databases are checked: ``level`` is none, open or full; ``parallel`` of them at once."""

    level: str
    parallel: int


def checked(
    evidence: Mapping[Share, Evidence], tables: Mapping[Share, Mapping[str, int]], proof: Proof
) -> dict[Share, Check]:
    """Check the newest copy of each share that is a database; ``tables`` and rows are those that a copy must have."""
    if proof.level == "none":
        return {}
    todo = [share for share, one in evidence.items() if share[0] in DATABASES and one.newest is not None]

    def check(share: Share) -> Check:
        one = evidence[share]
        path = f"{one.root}/{one.path}"
        return check_copy(path, "full" if proof.level == "full" else "open", tables.get(share, {}))

    return dict(zip(todo, side_by_side(check, todo, proof.parallel)))
