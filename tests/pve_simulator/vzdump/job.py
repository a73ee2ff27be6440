# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The worker of vzdump: guest after guest, then the sum (recorded: 04_vzdump_ok, 05_vzdump_errors)."""

from __future__ import annotations

from dataclasses import dataclass

from pve_simulator.errors import Forbidden, WorkerError
from pve_simulator.state.model import Guest
from pve_simulator.tasks.worker import Worker
from pve_simulator.vzdump import target
from pve_simulator.vzdump.container_backup import ContainerBackup
from pve_simulator.vzdump.guest_backup import GuestBackup
from pve_simulator.vzdump.machine_backup import MachineBackup
from pve_simulator.vzdump.options import Options
from pve_simulator.vzdump.outcome import GuestFailed, InterruptedJob, attempt
from pve_simulator.world import World


@dataclass(frozen=True)
class VzdumpJob:
    """One call's job on one node."""

    world: World
    node: str
    identity: str
    options: Options
    vmids: list[int]
    command_line: str

    def run(self, worker: Worker) -> None:
        """Do the job. Raises `WorkerError` for what the task ends with."""
        place = target.find(self.world, self.node, self.options)
        self.world.locks.acquire(self.node, worker, self.options.lockwait * self.world.minute)
        try:
            self._backup_all(worker, place)
        finally:
            self.world.locks.release(self.node, worker)

    def _backup_all(self, worker: Worker, place: target.Target) -> None:
        worker.info(f"starting new backup job: {self.command_line}")
        failed = 0
        try:
            for vmid in self._allowed():
                failed += not self._backup_one(worker, place, vmid)
        except InterruptedJob as stop:
            worker.error(f"Backup job failed - {stop}")
            raise
        worker.info("Backup job finished with errors" if failed else "Backup job finished successfully")
        if failed:
            raise WorkerError("job errors")

    def _allowed(self) -> list[int]:
        """The guests the caller may back up: with ``all`` others are passed over, else they end the job."""
        allowed = []
        for vmid in self.vmids:
            try:
                with self.world.changed:
                    self.world.rights.check(self.identity, f"/vms/{vmid}", "VM.Backup")
            except Forbidden as missing:
                if self.options.all:
                    continue
                raise WorkerError(f"403 {missing.text}") from missing
            allowed.append(vmid)
        return allowed

    def _backup_one(self, worker: Worker, place: target.Target, vmid: int) -> bool:
        def backup() -> None:
            with self.world.changed:
                guest = self.world.cluster.guests.get(vmid)
                if guest is None or guest.node != self.node:
                    raise GuestFailed(f"unable to find VM '{vmid}'")
            self._kind(guest)(self.world, self.options, place, worker, guest, self.identity).run()

        return attempt(worker, vmid, backup)

    @staticmethod
    def _kind(guest: Guest) -> type[GuestBackup]:
        return ContainerBackup if guest.kind == "lxc" else MachineBackup
