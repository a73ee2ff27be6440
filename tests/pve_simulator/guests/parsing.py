# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest's configuration read from its text, as restores find it in archives."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pve_simulator.state.model import Guest, Volume

_LINE = re.compile(r"^([a-z][a-z0-9_\-]*):\s*(.+?)\s*$")
_VOLUME = re.compile(r"^([a-z][a-z0-9\-_.]*[a-z0-9]):(.+)$", re.IGNORECASE)
_SIZE = re.compile(r"^(\d+(?:\.\d+)?)([KMGT]?)$")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_MOUNT = re.compile(r"^(?:rootfs|mp\d+)$")
_DRIVE = re.compile(r"^(?:(?:ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0)$")
_LEFT_OUT = re.compile(r"^(?:lock|parent|unused\d+)$")


@dataclass
class Archived:
    """What a configuration says: plain settings, volumes, and mount points that are no volumes."""

    settings: dict[str, str] = field(default_factory=dict)
    volumes: list[Volume] = field(default_factory=list)
    mounts: dict[str, str] = field(default_factory=dict)
    description: str | None = None

    def note(self, line: str) -> None:
        """Put a line at the end of the description."""
        self.description = line if self.description is None else f"{self.description}\n{line}"


def is_drive(key: str) -> bool:
    """Tell whether an option of a VM names a drive."""
    return _DRIVE.match(key) is not None


def is_mount(key: str) -> bool:
    """Tell whether an option of a container names a mount point."""
    return _MOUNT.match(key) is not None


def read(text: str, kind: str) -> Archived:
    """Take a configuration apart, as far as the first snapshot. The lock and unused volumes are left out."""
    found = Archived()
    for line in text.splitlines():
        if line.startswith("["):
            break
        if line.startswith("#"):
            if not line.startswith(("#qmdump#", "#vzdump#")):
                found.note(line[1:])
            continue
        match = _LINE.match(line)
        if match is not None and not _LEFT_OUT.match(match[1]):
            _add(found, kind, match[1], match[2])
    return found


def volume(key: str, text: str) -> Volume | None:
    """The volume that a line names, or None when it names a path, a device or a CD."""
    first, *others = text.split(",")
    parts = dict(part.split("=", 1) for part in others if "=" in part)
    match = _VOLUME.match(first)
    if match is None or parts.get("media") == "cdrom":
        return None
    backup = parts.pop("backup", None)
    return Volume(
        key,
        match[1],
        size(parts.pop("size", "0")),
        parts.pop("mp", None),
        backup == "1" if backup is not None else None,
        options=parts,
    )


def size(text: str) -> int:
    """Bytes of ``8G``, ``512M``, ``0T``. Raises ``ValueError``."""
    match = _SIZE.match(text)
    if match is None:
        raise ValueError(f"no size: {text}")
    return int(float(match[1]) * _UNITS[match[2]])


def uses_bridge(value: str) -> str | None:
    """The bridge of a network card, or None when it hangs in the air."""
    return next((part.split("=", 1)[1] for part in value.split(",") if part.startswith("bridge=")), None)


def networks(guest: Guest) -> dict[str, str]:
    """A guest's network cards."""
    return {key: str(value) for key, value in guest.options.items() if re.match(r"^net\d+$", key)}


def _add(found: Archived, kind: str, key: str, value: str) -> None:
    if not (is_mount(key) if kind == "lxc" else is_drive(key)):
        found.settings[key] = value
        return
    one = volume(key, value)
    if one is not None:
        found.volumes.append(one)
    elif kind == "lxc":
        found.mounts[key] = value
    else:
        found.settings[key] = value
