# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removing the guest's older backups after a new one was made."""

from __future__ import annotations

from pve_simulator.errors import Interrupted, WorkerError
from pve_simulator.state.model import Guest
from pve_simulator.storage import pruning, removal
from pve_simulator.storage.backups import Backup
from pve_simulator.tasks.worker import Worker
from pve_simulator.vzdump.options import Options
from pve_simulator.vzdump.outcome import GuestFailed
from pve_simulator.vzdump.target import Target
from pve_simulator.world import World


def prune(world: World, worker: Worker, options: Options, target: Target, guest: Guest) -> None:
    """Apply the retention to the guest's backups. Raises `GuestFailed`."""
    shown = ", ".join(f"{key}={value}" for key, value in sorted(options.prune.items()))
    worker.info(f"prune older backups with retention: {shown}")

    def failure(backup: Backup) -> str | None:
        if world.faults.guest(guest.vmid).prune_fails:
            return "unlink failed: Permission denied"
        return removal.meet_fault(world.faults, worker, backup.volid)

    entries = pruning.marked(target.folder, options.prune, guest.vmid, guest.kind)
    try:
        count = pruning.carry_out(target.folder, entries, worker.info, worker.error, failure)
    except Interrupted:
        raise
    except WorkerError as error:
        raise GuestFailed(str(error)) from error
    worker.info(f"pruned {count} backup(s){' not covered by keep-retention policy' if count else ''}")
