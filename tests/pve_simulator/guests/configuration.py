# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration of a guest: as the API shows it, and as the text that an archive carries."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable

from pve_simulator.state.model import GIB, Guest, Storage, Volume

_UNITS = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))
FILE_TYPES = ("dir", "nfs", "cifs", "cephfs", "glusterfs", "btrfs")
SNAPSHOT_TYPES = ("zfspool", "zfs", "rbd")  # here a linked clone builds on a snapshot of its base

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
    kind = storages[volume.storage].type
    name, base = volume_name(guest, volume, kind), base_name(volume, kind)
    return f"{volume.storage}:{base}/{name}" if base is not None else f"{volume.storage}:{name}"


def base_name(volume: Volume, kind: str) -> str | None:
    """The name, on its storage, of the base that a linked clone's volume builds on, where the kind of storage tells.

    LVM does not: a thin volume's origin stands neither in its name nor in a listing (PVE::Storage::LvmThinPlugin).
    """
    if volume.parent is None or kind not in (*FILE_TYPES, *SNAPSHOT_TYPES):
        return None
    parts = volume.parent.split(":", 1)[1].split("/")  # a base that is a linked clone itself has its own base before
    return "/".join(parts[-2:]) if kind in FILE_TYPES else parts[-1]


def volume_name(guest: Guest, volume: Volume, kind: str) -> str:
    """A volume's name on a storage of a kind, without that of the base it may build on."""
    disk = f"{guest.vmid}-disk-{number(guest, volume)}"
    if kind not in FILE_TYPES:
        prefix = "subvol" if guest.kind == "lxc" and kind == "zfspool" else _prefix(guest)
        return f"{prefix}-{disk}"
    if guest.kind == "qemu":
        return f"{guest.vmid}/{_prefix(guest)}-{disk}.qcow2"
    if volume.size == 0:
        return f"{guest.vmid}/subvol-{disk}.subvol"
    return f"{guest.vmid}/{_prefix(guest)}-{disk}.raw"


def number(guest: Guest, volume: Volume) -> int:
    """The number in a volume's name: its own, or its place among the guest's volumes on that storage."""
    if volume.number is not None:
        return volume.number
    at = next(at for at, other in enumerate(guest.volumes) if other is volume)
    return [other.storage for other in guest.volumes[:at]].count(volume.storage)


def fix_numbers(guest: Guest) -> None:
    """Give every volume the number that its name has now, before others come or go."""
    for volume, own in [(volume, number(guest, volume)) for volume in guest.volumes]:
        volume.number = own


def free_number(storage: str, taken: Iterable[Volume]) -> int:
    """The lowest number that no volume on the storage has; all of them must have one."""
    used = {volume.number for volume in taken if volume.storage == storage}
    return next(candidate for candidate in itertools.count() if candidate not in used)


def disk_limit(guest: Guest) -> int:
    """What the API calls ``maxdisk``: the size of the root or of the first disk."""
    used = [volume for volume in guest.volumes if not volume.key.startswith("unused")]
    return (used[0].size or _UNKNOWN_SIZE) if used else 0


def settings(guest: Guest, storages: dict[str, Storage]) -> dict[str, str | int]:
    """The configuration, without description and digest; numbers of VMs' memory are text, as recorded."""
    found: dict[str, str | int] = dict(guest.options)
    if guest.bare:
        return {**found, **({"lock": guest.lock} if guest.lock is not None else {})}
    if guest.kind == "lxc":
        found.update(cores=guest.cores, hostname=guest.name, memory=guest.memory)
        found = {"arch": "amd64", "swap": 0, "ostype": "alpine", **found}
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
    kept = [line for line in lines if not line.startswith(("lock:", "unused"))]
    if guest.kind == "qemu":
        for volume in guest.volumes:
            if volume.backup is not False and not volume.key.startswith("unused"):
                where = storages[volume.storage]
                image = "qcow2" if where.type in FILE_TYPES else "raw"
                kept.append(f"#qmdump#map:{volume.key}:drive-{volume.key}:{volume.storage}:{image}:")
    return "".join(f"{line}\n" for line in kept)


def _prefix(guest: Guest) -> str:
    return "base" if guest.template else "vm"


def _volume_text(guest: Guest, volume: Volume, storages: dict[str, Storage]) -> str:
    name = volid(guest, volume, storages)
    if volume.key.startswith("unused"):
        return name
    parts = dict(volume.options)
    if volume.backup is not None:
        parts["backup"] = str(int(volume.backup))
    parts["size"] = size_text(volume.size)
    words = [f"{key}={value}" for key, value in sorted(parts.items())]
    return ",".join([name, *([f"mp={volume.path}"] if volume.path is not None else []), *words])
