# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing the guest's older backups after a new one was made."""

from __future__ import annotations

from pve_simulator.state.model import Guest
from pve_simulator.storage import retention
from pve_simulator.tasks.worker import Worker
from pve_simulator.vzdump.options import Options
from pve_simulator.vzdump.outcome import GuestFailed
from pve_simulator.vzdump.target import Target


def prune(worker: Worker, options: Options, target: Target, guest: Guest, *, fails: bool) -> None:
    """Apply the retention to the guest's backups. Raises `GuestFailed`."""
    shown = ", ".join(f"{key}={value}" for key, value in sorted(options.prune.items()))
    worker.info(f"prune older backups with retention: {shown}")
    own = [backup for backup in target.folder.all() if backup.vmid == guest.vmid and backup.name.subtype == guest.kind]
    doomed = [entry.backup for entry in retention.mark(own, options.prune) if entry.mark == retention.REMOVE]
    server = target.storage is not None and target.storage.type == "pbs"
    if server:
        # One call to the server for the whole group: it names no archive (pve-storage PBSPlugin.pm; not recorded).
        group = f"{'vm' if guest.kind == 'qemu' else 'ct'}/{guest.vmid}"
        worker.info(f"running 'proxmox-backup-client prune' for '{group}'")
    for backup in doomed:
        if not server:
            worker.info(f"removing backup '{backup.volid}'")
        if fails:
            worker.error(f"error when removing backup '{backup.volid}' - unlink failed: Permission denied")
        else:
            target.folder.delete(backup.name.name)
    if fails:
        raise GuestFailed("error pruning backups - check log")
    worker.info(f"pruned {len(doomed)} backup(s){' not covered by keep-retention policy' if doomed else ''}")
