# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is room for what a restore makes. Pure. Private to this collection.

A storage that takes a volume's whole size at once (LVM, ZFS volumes) is measured by the sizes in the configuration. On
all others nobody knows beforehand what will be written: at least the archive's own size.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import CONTENT, GuestStorage


def targets(archived: GuestConfiguration, storage: str | None) -> dict[str, int]:
    """Bytes of the volumes that come onto each storage, by their sizes in the configuration."""
    found: dict[str, int] = {}
    for volume in archived.volumes:
        if volume.storage is None or (archived.type == "qemu" and not volume.in_backup):
            continue
        name = storage or volume.storage
        found[name] = found.get(name, 0) + volume.size
    return found


def unfit(kind: str, storages: Mapping[str, GuestStorage], wanted: Mapping[str, int], node: str) -> str | None:
    """Why a target storage can't be one; None when all can."""
    for name in sorted(wanted):
        storage = storages.get(name)
        if storage is None:
            return (
                f"node {node} has no storage {name} that this token may see; set target_storage, or grant "
                f"Datastore.AllocateSpace on /storage/{name}"
            )
        if not storage.enabled:
            return f"storage {name} is disabled; enable it or set target_storage"
        if CONTENT[kind] not in storage.content:
            what = "containers (content rootdir)" if kind == "lxc" else "disks of VMs (content images)"
            return f"storage {name} does not take {what}; set target_storage to one that does"
        if not storage.active:
            return f"storage {name} is not active on node {node}"
    return None


def too_little(
    backup: Backup,
    storages: Mapping[str, GuestStorage],
    wanted: Mapping[str, int],
    freed: Mapping[str, int],
    whole: bool = False,
) -> str | None:
    """What there is no room for; None when it fits.

    ``freed`` bytes become free on a storage before anything is written to it. With ``whole`` every volume counts with
    its size, also where it is written bit by bit.
    """
    for name, size in sorted(wanted.items()):
        storage = storages[name]
        # A backup server tells the size of the disks; and of several storages nobody knows which takes how much.
        least = 0 if backup.is_snapshot or len(wanted) > 1 else backup.size
        needed = max(size, least) if storage.thick or whole else least
        room = storage.avail + freed.get(name, 0)
        if needed > room or (storage.avail <= 0 and not freed.get(name)):
            return f"storage {name} has {format_size(room)} free, and {format_size(needed)} are needed"
    return None


def taken(backup: Backup, storages: Mapping[str, GuestStorage], wanted: Mapping[str, int]) -> dict[str, int]:
    """What a restore certainly takes of each storage."""
    least = 0 if backup.is_snapshot or len(wanted) > 1 else backup.size
    return {name: max(size, least) if storages[name].thick else least for name, size in wanted.items()}
