# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listing of a storage: backups, the guests' volumes, templates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pve_simulator.guests import configuration
from pve_simulator.guests.configuration import FILE_TYPES, SNAPSHOT_TYPES
from pve_simulator.state.model import Storage
from pve_simulator.state.model import Volume as Disk
from pve_simulator.storage.backups import Backup
from pve_simulator.world import World


@dataclass(frozen=True)
class Volume:
    """One entry with the kind of content it counts for."""

    content: str
    entry: dict[str, object]


def volumes(world: World, storage: Storage, node: str) -> list[Volume]:
    """Everything on the storage, by name."""
    found = [Volume("backup", _backup(backup)) for backup in world.backups(storage.name, node).all()]
    if "backup" not in storage.content:
        found = []
    found += _disks(world, storage, node)
    found += _templates(world, storage, node)
    return sorted(found, key=lambda volume: str(volume.entry["volid"]).lower())


def visible(world: World, identity: str, storage: Storage, volumes: Iterable[Volume]) -> Iterator[Volume]:
    """The entries that the caller sees. Backups take AllocateSpace and VM.Backup on their guest, or Allocate."""
    answers: dict[tuple[str, object], bool] = {}  # a guest has many backups, and rights take a while to work out
    for volume in volumes:
        key = (volume.content, volume.entry.get("vmid"))
        if key not in answers:
            answers[key] = _visible(world, identity, storage, *key)
        if answers[key]:
            yield volume


def _visible(world: World, identity: str, storage: Storage, content: str, vmid: object) -> bool:
    path = f"/storage/{storage.name}"
    if world.rights.has(identity, path, "Datastore.Allocate"):
        return True
    if content == "backup":
        if vmid is None or not world.rights.has(identity, path, "Datastore.AllocateSpace"):
            return False
        return world.rights.has(identity, f"/vms/{vmid}", "VM.Backup")
    if content in ("images", "rootdir"):
        return world.rights.has(identity, f"/vms/{vmid}", "VM.Config.Disk")
    return world.rights.has_any(identity, path, ("Datastore.AllocateSpace", "Datastore.Audit"))


def _backup(backup: Backup) -> dict[str, object]:
    entry: dict[str, object] = {
        "volid": backup.volid,
        "content": "backup",
        "format": backup.name.format,
        "size": backup.size,
        "ctime": backup.ctime,
        "subtype": backup.name.subtype,
    }
    if backup.vmid is not None:
        entry["vmid"] = backup.vmid
    if backup.notes:
        entry["notes"] = backup.notes.split("\n", 1)[0]
    if backup.protected:
        entry["protected"] = 1
    if backup.verification is not None:
        upid = f"UPID:pbs:000003E8:00002710:00000001:{backup.ctime:08X}:verify:{backup.storage}:root@pam:"
        entry["verification"] = {"state": backup.verification, "upid": upid}
    if backup.encrypted is not None:
        entry["encrypted"] = backup.encrypted
    return entry


def _disks(world: World, storage: Storage, node: str) -> Iterator[Volume]:
    for guest in world.cluster.guests.values():
        if guest.node != node and not storage.shared:
            continue
        for volume in guest.volumes:
            if volume.storage != storage.name:
                continue
            content = "rootdir" if guest.kind == "lxc" else "images"
            name = configuration.volid(guest, volume, world.cluster.storages)
            entry: dict[str, object] = {
                "volid": name,
                "content": content,
                "format": name.rsplit(".", 1)[-1] if storage.type in FILE_TYPES else "raw",
                "size": volume.size,
                "ctime": int(world.cluster.boot_time),
                "vmid": guest.vmid,
            }
            if storage.type in FILE_TYPES:
                entry["used"] = 0
            if storage.type in (*FILE_TYPES, *SNAPSHOT_TYPES):
                entry["parent"] = _parent(volume, storage.type)
            yield Volume(content, entry)


def _parent(volume: Disk, kind: str) -> str | None:
    """The base of a linked clone as the storage's program names it: qemu-img by a relative path, zfs as a snapshot."""
    base = configuration.base_name(volume, kind)
    if base is None:
        return None
    return f"../{base}" if kind in FILE_TYPES else f"{base}@__base__"


def _templates(world: World, storage: Storage, node: str) -> Iterator[Volume]:
    folder = world.layout.storage(storage, node) / "template" / "cache"
    for path in folder.glob("*.tar.*") if "vztmpl" in storage.content else ():
        status = path.stat()
        yield Volume(
            "vztmpl",
            {
                "volid": f"{storage.name}:vztmpl/{path.name}",
                "content": "vztmpl",
                "format": f"t{path.suffix[1:]}",
                "size": status.st_size,
                "ctime": int(status.st_mtime),
            },
        )
