# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What lies on a storage (recorded: 03_storage, 07_notes_protected_delete)."""

from __future__ import annotations

from pve_simulator.errors import Died
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import NODE, STORAGE, VMID_FILTER
from pve_simulator.storage import access, availability, listing, protection
from pve_simulator.storage.archive_names import ArchiveName
from pve_simulator.storage.backups import BackupFolder
from pve_simulator.storage.layout import shown_dump
from pve_simulator.storage.removal import Removal
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

CONTENT = {
    "node": NODE,
    "storage": STORAGE,
    "content": Parameter(format="pve-storage-content"),
    "vmid": VMID_FILTER,
}
VOLUME = {"node": NODE, "storage": Parameter(format="pve-storage-id"), "volume": Parameter(optional=False)}
ATTRIBUTES = {**VOLUME, "notes": Parameter(), "protected": Parameter(type="boolean")}
REMOVAL = {**VOLUME, "delay": Parameter(type="integer", minimum=1, maximum=30)}

_ONE = "/nodes/{node}/storage/{storage}/content/{volume*}"
_BLOCK = 512  # what qemu-img counts in, and stat


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
    volumes = [
        volume
        for volume in listing.volumes(call.world, storage, call.node)
        if given.get("content") in (None, volume.content) and given.get("vmid") in (None, volume.entry.get("vmid"))
    ]
    return [volume.entry for volume in listing.visible(call.world, call.identity, storage, volumes)]


@routes.add("GET", _ONE, VOLUME)
def attributes(call: Call) -> object:
    """One volume: all lines of the notes, ``protected`` in any case, the size in whole blocks."""
    storage, volume = access.volume_id(call.parameters["storage"], call.parameters["volume"])
    name = access.check_volume(call.world, call.identity, storage, volume, call.node)
    shown = availability.active(call.cluster, storage, call.node)
    folder = call.world.backups(storage, call.node)
    backup = folder.find(name.name)
    if backup is None:
        raise Died(_missing(folder, f"volume_size_info on '{storage}:{volume}' failed - no format", name))
    if not backup.size:
        raise Died(f"volume_size_info on '{storage}:{volume}' failed - no size")
    found = {"notes": backup.notes or "", "protected": int(backup.protected)}
    if folder.server:  # not recorded
        path = f"pbs://backup@pbs@192.0.2.201:{storage}/{name.name}"
        return {**found, "path": path, "size": backup.size, "used": backup.size, "format": name.format}
    return {
        **found,
        "path": f"{shown_dump(shown)}/{name.name}",
        "size": -(-backup.size // _BLOCK) * _BLOCK,
        "used": backup.path.stat().st_blocks * _BLOCK,
        "format": "raw",
    }


@routes.add("PUT", _ONE, ATTRIBUTES)
def update(call: Call) -> object:
    """Set notes and protection. A storage of files does not mind whether there is such a backup."""
    given = call.parameters
    storage, volume = access.volume_id(given["storage"], given["volume"])
    name = access.check_volume(call.world, call.identity, storage, volume, call.node)
    shown = availability.active(call.cluster, storage, call.node)
    folder = call.world.backups(storage, call.node)
    if folder.server and folder.find(name.name) is None:
        raise Died(_missing(folder, "", name))
    if "notes" in given:
        folder.set_notes(name.name, given["notes"])
    if "protected" in given:
        if given["protected"] and not folder.protected(name.name) and name.vmid is not None:
            # the name of a missing backup says its kind as well; Proxmox looks it up among those that are there
            own = [one for one in folder.all() if one.vmid == name.vmid and one.name.subtype == name.subtype]
            refusal = protection.refusal(call.world, call.identity, shown, own)
            if refusal is not None:
                raise Died(refusal)
        folder.set_protected(name.name, bool(given["protected"]))
    return None


@routes.add("DELETE", _ONE, REMOVAL)
def remove(call: Call) -> object:
    """Start a task that removes the volume; with ``delay`` wait for its end, which then takes the UPID's place."""
    given = call.parameters
    storage, volume = access.volume_id(given["storage"], given["volume"])
    name = access.check_removal(call.world, call.identity, storage, volume, call.node)
    about = storage if name.vmid is None else f"{name.vmid}@{storage}"
    job = Removal(call.world, call.node, storage, name.name)
    upid = str(call.world.start_task(call.node, "imgdel", about, call.identity, job.run))
    task = call.world.tasks.find(upid)
    if "delay" not in given or task is None or not call.world.tasks.wait(task, given["delay"]):
        return upid
    if task.status != "OK":
        raise Died(str(task.status))
    return None


def _missing(folder: BackupFolder, text: str, name: ArchiveName) -> str:
    """What is said of a backup that is not there; of a backup server this is made up."""
    return f"proxmox-backup-client failed: Error: snapshot {name.name} does not exist" if folder.server else text
