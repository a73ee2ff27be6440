# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of backups: files of vzdump, and snapshots of a backup server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from pve_simulator.state import clock

_EXTENSION = r"tgz|(?:tar|vma)(?:\.(?:gz|lzo|zst|bz2))?"
_FILE = re.compile(rf"^[^/]+\.(?P<format>{_EXTENSION})$")
_STANDARD = re.compile(
    rf"^vzdump-(?P<type>qemu|lxc|openvz)-(?P<vmid>[1-9][0-9]{{2,8}})"
    rf"-(?P<time>\d{{4}}_\d\d_\d\d-\d\d_\d\d_\d\d)\.(?P<format>{_EXTENSION})$"
)
_OWNER = re.compile(rf"-([1-9][0-9]{{2,8}})-[^/]+\.(?:{_EXTENSION})$")
_TYPED = re.compile(r"^vzdump-(qemu|lxc|openvz)-")
_SNAPSHOT = re.compile(r"^(?P<type>vm|ct)/(?P<vmid>[1-9][0-9]{2,8})/(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$")

_REMEMBERED = 1 << 18  # names are read again with each listing, and there may be many

UNKNOWN_TIME = 0  # of an archive that somebody renamed

EXTENSIONS = {"0": "", "1": ".lzo", "lzo": ".lzo", "gzip": ".gz", "zstd": ".zst"}


@dataclass(frozen=True)
class ArchiveName:
    """What a name says. ``ctime`` is None and ``standard`` False when somebody renamed the file."""

    name: str
    format: str
    subtype: str
    vmid: int | None
    ctime: int | None
    standard: bool


@lru_cache(maxsize=_REMEMBERED)
def parse_file(name: str, where: tzinfo) -> ArchiveName | None:
    """The meaning of a file's name in a dump folder, or None when it is no backup at all.

    ``where`` is the time zone of the node that looks: it takes the time in the name for its own.
    """
    match = _FILE.match(name)
    if match is None:
        return None
    standard = _STANDARD.match(name)
    ctime = _time_in(standard["time"], where) if standard is not None else None
    if standard is not None and ctime is not None:
        return ArchiveName(name, standard["format"], standard["type"], int(standard["vmid"]), ctime, standard=True)
    owner = _OWNER.search(name)
    typed = _TYPED.match(name)
    subtype = typed[1] if typed else "unknown"
    return ArchiveName(name, match["format"], subtype, int(owner[1]) if owner else None, None, standard=False)


@lru_cache(maxsize=_REMEMBERED)
def parse_snapshot(name: str) -> ArchiveName | None:
    """The meaning of a snapshot's name on a backup server, or None."""
    match = _SNAPSHOT.match(name)
    ctime = _utc_in(match["time"]) if match is not None else None
    if match is None or ctime is None:
        return None
    subtype = "qemu" if match["type"] == "vm" else "lxc"
    return ArchiveName(name, f"pbs-{match['type']}", subtype, int(match["vmid"]), ctime, standard=True)


def file_name(kind: str, vmid: int, epoch: float, compress: str, where: tzinfo) -> str:
    """The name vzdump gives a file; the time is the local time of the node, whose time zone ``where`` is."""
    base = "vma" if kind == "qemu" else "tar"
    return f"vzdump-{kind}-{vmid}-{clock.archive_time(epoch, where)}.{base}{EXTENSIONS[compress]}"


def snapshot_name(kind: str, vmid: int, epoch: float) -> str:
    """The name of a snapshot on a backup server; the time is UTC."""
    return f"{'vm' if kind == 'qemu' else 'ct'}/{vmid}/{clock.utc_time(epoch)}"


def _time_in(text: str, where: tzinfo) -> int | None:
    """The time in a name; None for one that no calendar has, which makes the name one that somebody gave."""
    try:
        return clock.parse_archive_time(text, where)
    except ValueError:
        return None


def _utc_in(text: str) -> int | None:
    try:
        return clock.parse_utc_time(text)
    except ValueError:
        return None
