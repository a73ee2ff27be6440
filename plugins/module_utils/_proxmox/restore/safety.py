# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the safety backup of a guest goes that is about to be replaced. Pure. Private to this collection."""

from __future__ import annotations

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import GuestStorage
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Existing, Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.refusals import refuse
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish


def safety_storage(wish: RestoreWish, scene: Scene, existing: Existing) -> str:
    """The storage of the safety backup, once it is known to take it: by default that of the archive.

    A backup needs about the room of the guest's last one. Two more are protected for a while: it, and the source.

    :raises InputError: when it doesn't.
    """
    name = wish.safety_storage or scene.backup.storage
    storage = scene.storages.get(name)
    problem = _unfit(storage)
    if storage is None or problem:
        raise refuse(scene, f"storage {name} for the safety backup {problem} on node {scene.node}; set safety_storage")
    needed = 0 if storage.type == "pbs" else _size(scene, existing)
    if storage.avail <= needed:
        raise refuse(
            scene,
            f"there is no room for the safety backup: storage {name} has {format_size(storage.avail)} free, and about "
            f"{format_size(needed)} are needed; make room, or set safety_storage",
        )
    for place, vmid, more in _protected_more(scene, existing, name):
        _check_limit(scene, place, vmid, more)
    return name


def _unfit(storage: GuestStorage | None) -> str:
    if storage is None:
        return "is not shown to this token"
    if "backup" not in storage.content:
        return "takes no backups"
    return "" if storage.enabled and storage.active else "is not active"


def _size(scene: Scene, existing: Existing) -> int:
    """What the guest's last backup took; without one, what the archive takes that is restored."""
    guest = existing.guest
    own = [one for one in scene.backups if one.vmid == guest.vmid and one.guest_type in (None, guest.type)]
    return next((one.size for one in own if not one.is_snapshot), scene.backup.size)


def _check_limit(scene: Scene, place: str, vmid: int, more: int) -> None:
    settings = scene.settings.get(place)
    limit = settings.limit(scene.permissions.may_list_all(place)) if settings is not None else None
    count = sum(one.protected for one in scene.backups if one.storage == place and one.vmid == vmid)
    if limit is not None and count + more > limit:
        raise refuse(
            scene,
            f"storage {place} takes {limit} protected backups of guest {vmid}, {count} are there and {more} more are "
            "needed; take the protection off older ones, or set safety_storage",
        )


def _protected_more(scene: Scene, existing: Existing, safety: str) -> list[tuple[str, int, int]]:
    """How many more protected backups of which guest each storage must take."""
    more = {(safety, existing.guest.vmid): 1}
    if not scene.backup.protected:
        key = (scene.backup.storage, scene.backup.vmid or 0)
        more[key] = more.get(key, 0) + 1
    return [(storage, vmid, count) for (storage, vmid), count in sorted(more.items())]
