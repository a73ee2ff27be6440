# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the trees prove, by type and device. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Share
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.sqlite_check import Check
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Seen

SECOND = 1e9
"""Nanoseconds."""


@dataclass(frozen=True)
class Found:
    """The copy of the newest data of a device: its size in bytes and mtime in epoch seconds, 0 when it isn't there."""

    there: bool
    size: int = 0
    changed: float = 0.0
    root: str = ""


@dataclass(frozen=True)
class Evidence:
    """The copies of one type and device. Sizes in bytes, times in epoch seconds.

    ``newest`` is None where no copy has content and a believable time; ``path`` is that copy's, ``root`` its tree's.
    ``empty`` copies have no bytes, those ``ahead`` a time in the future, ``unfinished`` ones were left by rsync.
    ``unreadable`` says what could not be read that may hold more. ``check`` is of the newest copy, ``found`` of the
    copy of the device's newest data. ``lacking`` are paths of data that the device has and that has no copy; ``gone``
    are copies that a service lists and that aren't there.
    """

    files: int = 0
    size: int = 0
    empty: int = 0
    ahead: int = 0
    unfinished: int = 0
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
        self._unreadable = [_by_device(one) for one in seen]

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
        for one, unreadable in zip(self.seen, self._unreadable):
            if share[0] in one.layout.types:
                why = unreadable.get(None) or unreadable.get(share[1])
                evidence = _with(evidence, one, share, why)
        return evidence


def _with(evidence: Evidence, seen: Seen, share: Share, why: str | None) -> Evidence:
    copies = seen.copies.get(share)
    unreadable = evidence.unreadable or why
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
        unfinished=evidence.unfinished + copies.unfinished,
        newest=newest if here else evidence.newest,
        root=seen.layout.root if here else evidence.root,
        path=copies.path if here else evidence.path,
        unreadable=unreadable,
    )


def _by_device(seen: Seen) -> dict[str | None, str]:
    """What of a tree could not be read, by the device whose copies may be there; None for whatever device."""
    if seen.error is not None:
        return {None: f"{seen.layout.root} cannot be read ({seen.error})"}
    unreadable: dict[str | None, str] = {}
    for folder, why in seen.unreadable:
        place = f"{seen.layout.root}/{cell(folder)} cannot be read ({why})"
        unreadable.setdefault(seen.layout.device(folder), place)
    return unreadable
