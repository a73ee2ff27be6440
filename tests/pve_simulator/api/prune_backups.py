# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning by call: what a retention would remove, and its removal (recorded: 06_prune)."""

from __future__ import annotations

from dataclasses import dataclass

from pve_simulator.errors import Died, WorkerError
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import NODE, STORAGE, VMID_FILTER
from pve_simulator.storage import availability, pruning, removal
from pve_simulator.storage.backups import Backup, BackupFolder
from pve_simulator.storage.retention import Marked
from pve_simulator.tasks.worker import Worker
from pve_simulator.web.routes import Call, Privilege, Routes
from pve_simulator.world import World

routes = Routes()

PRUNE = {
    "node": NODE,
    "storage": STORAGE,
    "prune-backups": Parameter(format="prune-backups"),
    "type": Parameter(enum=("qemu", "lxc")),
    "vmid": VMID_FILTER,
}


@dataclass(frozen=True)
class _Prune:
    """A retention for a storage, or for a part of what lies there."""

    world: World
    node: str
    storage: str
    given: str | None
    vmid: int | None
    kind: str | None

    def marked(self) -> tuple[BackupFolder, list[Marked]]:
        """What the retention says of each backup. Raises `Died`, in Proxmox's order: a missing retention first."""
        world = self.world
        with world.changed:
            storage = availability.configured(world.cluster, self.storage)
            if "backup" not in storage.content:
                raise Died(f"storage '{self.storage}' does not support backups")
            keep = pruning.configured(storage, self.given)
            if keep is None:
                raise Died(f"no prune-backups options configured for storage '{self.storage}'")
            availability.active(world.cluster, self.storage, self.node)
        folder = world.backups(self.storage, self.node)
        return folder, pruning.marked(folder, keep, self.vmid, self.kind)

    def run(self, worker: Worker) -> None:
        """Remove what the retention does not keep. Raises `WorkerError`."""
        try:
            folder, marked = self.marked()
        except Died as error:
            raise WorkerError(error.text) from error

        def failure(backup: Backup) -> str | None:
            return removal.meet_fault(self.world.faults, worker, backup.volid)

        with removal.interruptible():
            pruning.carry_out(folder, marked, worker.write, worker.write, failure)


@routes.add(
    "GET",
    "/nodes/{node}/storage/{storage}/prunebackups",
    PRUNE,
    Privilege("/storage/{storage}", ("Datastore.Audit", "Datastore.AllocateSpace")),
)
def dry_run(call: Call) -> object:
    """What would be kept and what removed: of all guests, whoever asks."""
    folder, marked = _prune(call).marked()
    return [_entry(entry, server=folder.server) for entry in marked]


@routes.add("DELETE", "/nodes/{node}/storage/{storage}/prunebackups", PRUNE)
def prune(call: Call) -> object:
    """Start a task that prunes. Whatever is wrong with the storage is found there."""
    storage, vmid = call.parameters["storage"], call.parameters.get("vmid")
    if vmid is None:
        call.world.rights.check(call.identity, f"/storage/{storage}", "Datastore.Allocate")
    else:
        call.world.rights.check(call.identity, f"/storage/{storage}", "Datastore.AllocateSpace")
        call.world.rights.check(call.identity, f"/vms/{vmid}", "VM.Backup")
    about = storage if vmid is None else f"{vmid}@{storage}"
    return str(call.world.start_task(call.node, "prunebackups", about, call.identity, _prune(call).run))


def _prune(call: Call) -> _Prune:
    given = call.parameters
    return _Prune(
        call.world, call.node, given["storage"], given.get("prune-backups"), given.get("vmid"), given.get("type")
    )


def _entry(entry: Marked, *, server: bool) -> dict[str, object]:
    backup = entry.backup
    found: dict[str, object] = {
        "volid": backup.volid,
        "ctime": backup.ctime,
        "mark": entry.mark,
        "type": backup.name.subtype,
    }
    if backup.vmid is not None:
        # A number only where Proxmox has read it from a name of vzdump's. From a backup server it comes as the text
        # that the server sends (PBSPlugin.pm; not recorded).
        found["vmid"] = str(backup.vmid) if server or not backup.name.standard else backup.vmid
    return found
