# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The room that guests' volumes take and find on a storage.

On a storage of files only what is written takes room; on one of blocks (LVM, ZFS) the whole size does. That is
simpler than Proxmox, where it depends on each image's format.
"""

from __future__ import annotations

from pve_simulator.guests import content
from pve_simulator.guests.configuration import FILE_TYPES
from pve_simulator.state.model import Guest, Storage, Volume
from pve_simulator.world import World

_THIN = (*FILE_TYPES, "lvmthin", "rbd", "pbs")


def thick(storage: Storage) -> bool:
    """Tell whether a volume takes its whole size at once."""
    return storage.type not in _THIN


def taken(world: World, storage: Storage, node: str) -> int:
    """Bytes that guests' volumes take on a storage as a node sees it."""
    folder = world.layout.folder / "guests"
    if not thick(storage):  # guests without content are not looked at: there may be thousands
        known = [int(path.name) for path in folder.iterdir()] if folder.is_dir() else []
        guests = [world.cluster.guests[vmid] for vmid in known if vmid in world.cluster.guests]
    else:
        guests = list(world.cluster.guests.values())
    return sum(
        _taken(world, guest, volume, storage)
        for guest in guests
        for volume in (*guest.volumes, *guest.orphans)
        if volume.storage == storage.name and (storage.shared or guest.node == node)
    )


def _taken(world: World, guest: Guest, volume: Volume, storage: Storage) -> int:
    if thick(storage):
        return volume.size
    return content.weight(content.volume_path(world.layout.guest(guest.vmid), guest.kind, volume.key))
