# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a guest: as the API shows it, and as the text that an archive carries."""

from __future__ import annotations

import hashlib

from pve_simulator.state.model import GIB, Guest, Storage, Volume

_UNITS = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))
_FILE_TYPES = ("dir", "nfs", "cifs", "cephfs", "glusterfs", "btrfs")

# what a container without a quota is taken for: pve-container says 4 GiB where the configuration has no size
_UNKNOWN_SIZE = 4 * GIB


def size_text(size: int) -> str:
    """A size as configurations write it: ``1G``, ``512M``; ``0T`` where there is no limit."""
    for unit, letter in _UNITS:
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)


def volid(guest: Guest, volume: Volume, storages: dict[str, Storage]) -> str:
    """The name of a guest's volume, which depends on the kind of storage."""
    number = [other.storage for other in guest.volumes[: guest.volumes.index(volume)]].count(volume.storage)
    kind = storages[volume.storage].type
    if kind not in _FILE_TYPES:
        prefix = "subvol" if guest.kind == "lxc" and kind == "zfspool" else _prefix(guest)
        return f"{volume.storage}:{prefix}-{guest.vmid}-disk-{number}"
    if guest.kind == "qemu":
        return f"{volume.storage}:{guest.vmid}/{_prefix(guest)}-{guest.vmid}-disk-{number}.qcow2"
    if volume.size == 0:
        return f"{volume.storage}:{guest.vmid}/subvol-{guest.vmid}-disk-{number}.subvol"
    return f"{volume.storage}:{guest.vmid}/{_prefix(guest)}-{guest.vmid}-disk-{number}.raw"


def disk_limit(guest: Guest) -> int:
    """What the API calls ``maxdisk``: the size of the root or of the first disk."""
    if not guest.volumes:
        return 0
    return guest.volumes[0].size or _UNKNOWN_SIZE


def settings(guest: Guest, storages: dict[str, Storage]) -> dict[str, str | int]:
    """The configuration, without description and digest; numbers of VMs' memory are text, as recorded."""
    found: dict[str, str | int] = dict(guest.options)
    if guest.kind == "lxc":
        found.update(arch="amd64", cores=guest.cores, hostname=guest.name, memory=guest.memory, swap=0)
        found.setdefault("ostype", "alpine")
    else:
        found.update(name=guest.name, memory=str(guest.memory))
        if guest.cores > 1:
            found["cores"] = guest.cores
    for volume in guest.volumes:
        found[volume.key] = _volume_text(guest, volume, storages)
    if guest.tags:
        found["tags"] = ";".join(guest.tags)
    if guest.template:
        found["template"] = 1
    if guest.lock is not None:
        found["lock"] = guest.lock
    return found


def shown(guest: Guest, storages: dict[str, Storage]) -> dict[str, str | int]:
    """What GET .../config answers."""
    found = settings(guest, storages)
    if guest.description is not None:
        found["description"] = f"{guest.description}\n"
    found["digest"] = hashlib.sha1(text(guest, storages).encode(), usedforsecurity=False).hexdigest()
    return found


def text(guest: Guest, storages: dict[str, Storage]) -> str:
    """The configuration file: the description as comments, then the settings sorted by name."""
    lines = [f"#{line}" for line in guest.description.split("\n")] if guest.description is not None else []
    lines += [f"{key}: {value}" for key, value in sorted(settings(guest, storages).items())]
    return "".join(f"{line}\n" for line in lines)


def archived_text(guest: Guest, storages: dict[str, Storage]) -> str:
    """The configuration as an archive carries it: without the lock; of a VM with the map of its disks."""
    lines = text(guest, storages).splitlines()
    kept = [line for line in lines if not line.startswith("lock:")]
    if guest.kind == "qemu":
        for volume in guest.volumes:
            if volume.backup is not False:
                where = storages[volume.storage]
                image = "qcow2" if where.type in _FILE_TYPES else "raw"
                kept.append(f"#qmdump#map:{volume.key}:drive-{volume.key}:{volume.storage}:{image}:")
    return "".join(f"{line}\n" for line in kept)


def _prefix(guest: Guest) -> str:
    return "base" if guest.template else "vm"


def _volume_text(guest: Guest, volume: Volume, storages: dict[str, Storage]) -> str:
    parts = [volid(guest, volume, storages)]
    if volume.path is not None:
        parts.append(f"mp={volume.path}")
    if volume.backup is not None:
        parts.append(f"backup={int(volume.backup)}")
    return ",".join([*parts, f"size={size_text(volume.size)}"])
