# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may read a volume: PVE::Storage::check_volume_access (recorded: 07_notes_protected_delete)."""

from __future__ import annotations

from pve_simulator.errors import Died, Forbidden
from pve_simulator.storage import availability
from pve_simulator.world import World

_ALL = "Datastore.Allocate"
_SPACE = "Datastore.AllocateSpace"


def check_volume(world: World, identity: str, storage: str, volume: str, node: str) -> str:
    """The backup's name, for those who may see it. Raises `Died` for no backup's name, `Forbidden` for others."""
    availability.configured(world.cluster, storage)
    folder = world.backups(storage, node)
    kind, _mark, name = volume.partition("/")
    parsed = folder.parse(name) if kind == "backup" else None
    if parsed is None:
        plugin = "pbs" if folder.server else "directory"
        raise Died(f"unable to parse {plugin} volume name '{volume}'")
    path = f"/storage/{storage}"
    if world.rights.has(identity, path, _ALL):
        return name
    world.rights.check(identity, path, _SPACE)
    if parsed.vmid is None:
        raise Forbidden(f"{path}, {_ALL}")
    world.rights.check(identity, f"/vms/{parsed.vmid}", "VM.Backup")
    return name
