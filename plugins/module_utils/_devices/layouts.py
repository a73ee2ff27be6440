# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which file below a root is a copy of which type, and of which device. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Optional

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError

MYSQL = "mysql"
SQLITE = "sqlite"
VIDEO = "video"

Share = tuple[str, str]
"""A type and a device: what a file is a copy of."""

Sorter = Callable[[str], Optional[Share]]
"""Says of a file's name in one folder which share it belongs to; None for a file that is no copy."""


@dataclass(frozen=True)
class Layout:
    """A tree of copies.

    ``option`` is the name that errors are said with; ``types`` what can lie in it; ``rules`` tells two layouts apart
    (the catalogue keeps what was seen by root and rules). ``sorter`` gives, for a folder relative to the root ("" is
    the root) and the names of its files, how these are sorted. ``by_device``: the first folder is the device's id, the
    second its name (reference/ethoscope.md 4.3); else the sorter alone knows the device.
    """

    option: str
    root: str
    types: tuple[str, ...]
    rules: str
    sorter: Callable[[str, Collection[str]], Sorter]
    by_device: bool = False

    def enters(self, name: str) -> bool:
        """Whether a folder of this name can hold copies.

        Not the caches of services, nor what rsync left unfinished, nor the one that a file system has at its top, which
        only root may read.
        """
        return not (self.by_device and (name[0] == "." or name == "lost+found"))

    def device(self, folder: str) -> str | None:
        """The device whose files a folder holds, where the folder alone tells."""
        return folder.partition("/")[0] or None if self.by_device else None

    def name(self, folder: str) -> str | None:
        """The device's name for people, where the folder tells it."""
        return folder.split("/")[1] if self.by_device and "/" in folder else None


def results(root: str) -> Layout:
    """The databases of Ethoscopes: ``.db``, made from MySQL where a ``.txt`` of the same stem lies beside it."""
    return Layout("results_path", root, (MYSQL, SQLITE), "ethoscope results 1", _databases, by_device=True)


def videos(root: str) -> Layout:
    """The videos of Ethoscopes: ``.h264``; checksums and other files beside them are no copies."""
    return Layout("videos_path", root, (VIDEO,), "ethoscope videos 1", _chunks, by_device=True)


def own(option: str, kind: str, root: str, pattern: str) -> Layout:
    """A tree of the user's own; ``pattern`` is searched in each file's path relative to the root.

    :raises InputError: for a pattern that is no regular expression or has no group ``device``.
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as failure:
        raise InputError(f"{option}: the pattern '{pattern}' is no regular expression: {failure}.") from failure
    if "device" not in compiled.groupindex:
        raise InputError(
            f"{option}: the pattern '{pattern}' needs a group that says the device, such as (?P<device>[^/]+)."
        )
    search = compiled.search

    def sorter(folder: str, names: Collection[str]) -> Sorter:
        del names
        before = f"{folder}/" if folder else ""

        def sort(name: str) -> Share | None:
            found = search(before + name)
            device = found.group("device") if found else None
            return (kind, device) if device else None

        return sort

    return Layout(option, root, (kind,), f"pattern 1 {kind} {pattern}", sorter)


def _databases(folder: str, names: Collection[str]) -> Sorter:
    device, beside = folder.partition("/")[0], frozenset(names)
    mysql, sqlite = (MYSQL, device), (SQLITE, device)

    def sort(name: str) -> Share | None:
        if name[-3:] != ".db" or name[0] == "." or not device:
            return None
        return mysql if f"{name[:-3]}.txt" in beside else sqlite

    return sort


def _chunks(folder: str, names: Collection[str]) -> Sorter:
    del names
    device = folder.partition("/")[0]
    video = (VIDEO, device)

    def sort(name: str) -> Share | None:
        return video if name[-5:] == ".h264" and name[0] != "." and device else None

    return sort
