# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on a storage (recorded: 03_storage, 07_notes_protected_delete)."""

from __future__ import annotations

from pve_simulator.errors import Died, ParameterError
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import NODE, STORAGE, VMID_FILTER
from pve_simulator.storage import availability, listing
from pve_simulator.storage.access import check_volume
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

CONTENT = {
    "node": NODE,
    "storage": STORAGE,
    "content": Parameter(format="pve-storage-content"),
    "vmid": VMID_FILTER,
}
VOLUME = {"node": NODE, "storage": Parameter(format="pve-storage-id"), "volume": Parameter(optional=False)}


@routes.add(
    "GET",
    "/nodes/{node}/storage/{storage}/content",
    CONTENT,
    Privilege("/storage/{storage}", ("Datastore.Audit", "Datastore.AllocateSpace")),
)
def content(call: Call) -> object:
    """The volumes the caller may see; of others there is no sign."""
    given = call.parameters
    storage = availability.active(call.cluster, given["storage"], call.node)
    volumes = listing.volumes(call.world, storage, call.node)
    return [
        volume.entry
        for volume in volumes
        if given.get("content") in (None, volume.content)
        and given.get("vmid") in (None, volume.entry.get("vmid"))
        and listing.visible(call.world, call.identity, storage, volume)
    ]


@routes.add("GET", "/nodes/{node}/storage/{storage}/content/{volume*}", VOLUME)
def volume(call: Call) -> object:
    """One volume: all lines of the notes, ``protected`` in any case, the size in whole blocks."""
    storage, name = volume_name(call)
    found = check_volume(call.world, call.identity, storage, name, call.node)
    availability.active(call.cluster, storage, call.node)
    backup = call.world.backups(storage, call.node).find(found)
    if backup is None:
        raise Died(f"volume_size_info on '{storage}:{name}' failed - no format")
    shown = call.cluster.storages[storage]
    return {
        "path": f"{shown.path}/dump/{found}" if shown.type != "pbs" else found,
        "size": -(-backup.size // 512) * 512,
        "used": backup.path.stat().st_blocks * 512,
        "format": "raw" if shown.type != "pbs" else backup.name.format,
        "notes": backup.notes or "",
        "protected": int(backup.protected),
    }


def volume_name(call: Call) -> tuple[str, str]:
    """Storage and volume of a path that may name the storage twice. Raises `ParameterError` when they differ."""
    storage, name = call.parameters["storage"], call.parameters["volume"]
    if ":" in name and not name.startswith("backup/"):
        owner, _mark, name = name.partition(":")
        if owner != storage:
            raise ParameterError({"volume": f"storage ID mismatch ({owner} != {storage})\n"})
    return storage, name
