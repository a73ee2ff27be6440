# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the node: walked, measured, copied, and their sizes as text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# What rsync is told to leave out
_LEFT_OUT = (".db-shm", ".db-wal", ".db-journal")
_UNITS = ("KB", "MB", "GB", "TB")

FolderBytes = Callable[[Path], int]


def own_bytes(folder: Path) -> int:
    """What ``du -sb`` counts for a folder itself."""
    return folder.lstat().st_size


def files(top: Path) -> Iterator[Path]:
    """Every file of a tree, hidden ones as well, in order."""
    for folder, _folders, names in sorted(os.walk(top)):
        for name in sorted(names):
            yield Path(folder, name)


def total(top: Path) -> tuple[int, int]:
    """Number and bytes of all files."""
    count = size = 0
    for folder, _folders, names in os.walk(top):
        count += len(names)
        size += sum(os.stat(os.path.join(folder, name)).st_size for name in names)  # noqa: PTH116, PTH118 - many files
    return count, size


def disk_usage(top: Path, folder_bytes: FolderBytes) -> int:
    """What ``du -sb`` says: bytes of files and folders; 0 for what isn't there."""
    if not top.is_dir():
        return 0
    return total(top)[1] + sum(folder_bytes(Path(folder)) for folder, _folders, _names in os.walk(top))


def human(size: int) -> str:
    """The node's text for a size: always one decimal."""
    return _scaled(size) or f"{float(size)} B"


def daemon_human(size: int) -> str:
    """The daemons' text for a size: whole bytes below 1 KB."""
    return _scaled(size) or f"{size} B"


def _scaled(size: int) -> str:
    amount = float(size)
    text = ""
    for unit in _UNITS:
        if amount < 1024:
            break
        amount /= 1024
        text = f"{amount:.1f} {unit}"
    return text


def speed(size: int) -> str:
    """What rsync shows for a file that took a millisecond."""
    amount = size / 1.024
    for unit in ("kB/s", "MB/s", "GB/s"):
        if amount < 1024:
            return f"{amount:.2f}{unit}"
        amount /= 1024
    return f"{amount:.2f}TB/s"


@dataclass(frozen=True)
class Copied:
    """A file that was copied: from the tree's top, and its bytes."""

    path: Path
    size: int


def copy(source: Path, target: Path, *, breaks: bool = False) -> list[Copied]:
    """Copy what differs in size or time, as rsync does with the daemon's options; times go along.

    With ``breaks`` the transfer ends in the middle of the last file to be copied: half of it stays under its name, with
    the fraction of its time in the first second of 1970, as real rsync 3.5 leaves it with ``--partial``.
    """
    due = [path for path in files(source) if not path.name.endswith(_LEFT_OUT) and _differs(path, source, target)]
    for path in due:
        place = target / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        if breaks and path is due[-1]:
            content = path.read_bytes()
            place.write_bytes(content[: len(content) // 2])
            os.utime(place, ns=(0, path.stat().st_mtime_ns % 10**9))
        else:
            shutil.copy2(path, place)
    return [Copied(path.relative_to(source), path.stat().st_size) for path in due]


def _differs(path: Path, source: Path, target: Path) -> bool:
    place = target / path.relative_to(source)
    if not place.exists():
        return True
    here, there = path.stat(), place.stat()
    return here.st_size != there.st_size or int(here.st_mtime) != int(there.st_mtime)
