# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may do what with a backup (recorded: 07_notes_protected_delete)."""

from __future__ import annotations

import re

from pve_simulator.errors import Died, Forbidden, ParameterError
from pve_simulator.storage import availability
from pve_simulator.storage.archive_names import ArchiveName
from pve_simulator.world import World

_VOLID = re.compile(r"^([a-z][a-z0-9\-_.]*[a-z0-9]):(.+)$", re.IGNORECASE)
_ALL = "Datastore.Allocate"
_SPACE = "Datastore.AllocateSpace"


def volume_id(storage: str | None, volume: str) -> tuple[str, str]:
    """Storage and volume of a path that may name the storage twice, or not at all before the volume.

    Raises `ParameterError`. A colon anywhere makes a volume one that names its storage, so that snapshots of a backup
    server, whose times have colons, cannot be named without it (Content.pm; only files are recorded).
    """
    if ":" not in volume:
        if storage is None:
            raise ParameterError({"volume": "no storage ID specified"})
        return storage, volume
    match = _VOLID.match(volume)
    if match is None:
        raise ParameterError({"volume": f"unable to parse volume ID '{volume}'\n"})
    if storage is not None and match[1] != storage:
        raise ParameterError({"volume": f"storage ID mismatch ({match[1]} != {storage})\n"})
    return match[1], match[2]


def check_volume(world: World, identity: str, storage: str, volume: str, node: str) -> ArchiveName:
    """The backup's name, for those who may read it and write its notes: PVE::Storage::check_volume_access.

    Raises `Died` for what is no backup's name, `Forbidden` for the others.
    """
    parsed = parse_volume(world, storage, volume, node)
    path = f"/storage/{storage}"
    if world.rights.has(identity, path, _ALL):
        return parsed
    world.rights.check(identity, path, _SPACE)
    if parsed.vmid is None:
        raise Forbidden(f"{path}, {_ALL}")
    world.rights.check(identity, f"/vms/{parsed.vmid}", "VM.Backup")
    return parsed


def check_removal(world: World, identity: str, storage: str, volume: str, node: str) -> ArchiveName:
    """The backup's name, for those who may remove it. Datastore.Allocate counts only where a backup has no guest."""
    parsed = parse_volume(world, storage, volume, node)
    if parsed.vmid is None:
        world.rights.check(identity, f"/storage/{storage}", _ALL)
    else:
        world.rights.check(identity, f"/storage/{storage}", _SPACE)
        world.rights.check(identity, f"/vms/{parsed.vmid}", "VM.Backup")
    return parsed


def parse_volume(world: World, storage: str, volume: str, node: str) -> ArchiveName:
    """The backup that a volume's name means. Raises `Died`."""
    availability.configured(world.cluster, storage)
    folder = world.backups(storage, node)
    kind, _mark, name = volume.partition("/")
    parsed = folder.parse(name) if kind == "backup" else None
    if parsed is None:
        plugin = "PBS" if folder.server else "directory"
        raise Died(f"unable to parse {plugin} volume name '{volume}'")
    return parsed
