# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The world: a cluster in a folder with what lives in it — rights, tasks, locks, faults."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from pve_simulator.access.acl import Rights
from pve_simulator.faults import Faults
from pve_simulator.guests.processes import Processes
from pve_simulator.handling import Handling
from pve_simulator.state.model import Guest
from pve_simulator.tasks.registry import Job, Task, TaskRegistry
from pve_simulator.tasks.upid import Upid
from pve_simulator.vzdump.lock import NodeLocks


class World(Handling):
    """A cluster in a folder: empty at first, or what the folder holds. Safe to use from several threads."""

    def __init__(self, folder: Path | str, version: str = "8.4", clock: Callable[[], float] = time.time) -> None:
        super().__init__(folder, version, clock)
        self.pace = 0.0  # seconds each guest's backup takes
        self.minute = 60.0  # how many seconds a minute of vzdump's lockwait lasts
        # how often the cluster learns more of new guests than that they are there (Proxmox: every 10 s), and when in
        # that time; 0 is at once
        self.status_round = (0.0, 0.0)
        self.enforce_memory = False  # a VM that needs more than its node has left does not start
        self.fingerprint = ""  # of the certificate that every node shows
        self.rights = Rights(self.cluster)
        self.locks = NodeLocks(self.changed)
        self.processes = Processes()
        self.tasks = TaskRegistry(self.layout.tasks, self.changed, self.now, self.zone)
        self.tasks.when_ended(self._spoil_log)
        self.faults = Faults(
            self.move_guest, self._set_online, self._set_reachable, self._fill_storage, self._expire_tickets
        )
        for node in self.cluster.nodes:
            self.tasks.load(node)

    def start_task(self, node: str, kind: str, about: str, user: str, job: Job) -> Upid:
        """Start a worker on a node."""
        with self.changed:
            self.cluster.next_pid += 1
            now = self.now(node)
            ticks = int((now - self.cluster.boot_time) * 100) & 0xFFFFFFFF
            upid = Upid(node, self.cluster.next_pid, ticks, int(now), kind, about, user)
            self.tasks.start(upid, job)
            self.touch()
        return upid

    def knows(self, guest: Guest) -> bool:
        """Tell whether the cluster knows how a guest does: its node is up, and has looked since the guest came."""
        every, at = self.status_round
        seen = not every or (self.now(guest.node) - at) // every > (guest.born - at) // every
        return seen and self.cluster.nodes[guest.node].online

    def archives(self, storage: str, node: str | None = None) -> list[str]:
        """The volids of the backups on a storage."""
        return [backup.volid for backup in self.backups(storage, node).all()]

    def move_guest(self, vmid: int, node: str) -> None:
        """Move a guest to another node."""
        with self.changed:
            self.cluster.guests[vmid].node = node
            self.touch()

    def lock_guest(self, vmid: int, lock: str = "backup") -> None:
        """Lock a guest, as a worker that was killed leaves it: nothing but `unlock_guest` takes the lock away."""
        with self.changed:
            self.cluster.guests[vmid].lock = lock
            self.touch()

    def unlock_guest(self, vmid: int) -> None:
        """Take a guest's lock away, as ``qm unlock`` and ``pct unlock`` do."""
        with self.changed:
            self.cluster.guests[vmid].lock = None
            self.touch()

    def remove_guest(self, vmid: int) -> None:
        """Take a guest out of the cluster; its backups stay."""
        with self.changed:
            del self.cluster.guests[vmid]
            self.touch()

    def _set_online(self, node: str, online: bool) -> None:
        with self.changed:
            self.cluster.nodes[node].online = online
            self.touch()

    def _set_reachable(self, storage: str, node: str | None, reachable: bool) -> None:
        with self.changed:
            found = self.cluster.storages[storage]
            word = node or "*"
            kept = [] if reachable and node is None else [name for name in found.offline_on if name != word]
            found.offline_on = kept if reachable else [*kept, word]
            self.touch()

    def _fill_storage(self, storage: str) -> None:
        with self.changed:
            self.cluster.storages[storage].full = True
            self.touch()

    def _expire_tickets(self) -> None:
        with self.changed:
            self.cluster.secret = secrets.token_hex(32)
            self.touch()

    def _spoil_log(self, task: Task) -> None:
        lines = self.faults.meet_truncation()
        if lines is not None:
            task.log.truncate(lines)
