# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The removal of a backup, as the worker ``imgdel`` does it (recorded: 07_notes_protected_delete)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pve_simulator.errors import Died, Interrupted, WorkerError
from pve_simulator.faults import Faults
from pve_simulator.storage import availability
from pve_simulator.storage.layout import shown_dump
from pve_simulator.tasks.worker import Worker
from pve_simulator.world import World

_STEP = 0.02  # seconds between two looks at whether a removal still hangs


@dataclass(frozen=True)
class Removal:
    """One volume to remove."""

    world: World
    node: str
    storage: str
    name: str

    def run(self, worker: Worker) -> None:
        """Remove it. Raises `WorkerError` with what the task ends with.

        What is not there counts as removed. Of a backup server only the calls are known: its texts are made up.
        """
        volume = f"backup/{self.name}"
        volid = f"{self.storage}:{volume}"
        with interruptible():
            failure = meet_fault(self.world.faults, worker, volid)
        with self.world.changed:
            try:
                storage = availability.active(self.world.cluster, self.storage, self.node)
            except Died as error:
                raise WorkerError(error.text) from error
        folder = self.world.backups(self.storage, self.node)
        backup = folder.find(self.name)
        if folder.server and backup is None:
            raise WorkerError(f"proxmox-backup-client failed: Error: snapshot {self.name} does not exist")
        if folder.server and folder.protected(self.name):
            raise WorkerError("proxmox-backup-client failed: Error: cannot remove protected snapshot")
        if folder.protected(self.name):
            raise WorkerError(f"cannot remove protected volume '{volume}' on '{self.storage}'")
        if failure is not None:
            raise WorkerError(failure)
        if backup is None:
            worker.write(f"disk image '{shown_dump(storage)}/{self.name}' does not exist")
        folder.delete(self.name)
        worker.write(f"Removed volume '{volid}'")


def meet_fault(faults: Faults, worker: Worker, volid: str) -> str | None:
    """Stand still as long as a test wants it; the answer is why the removal fails, or None. Raises `Interrupted`."""
    while faults.removal_held(volid):
        worker.pause(_STEP)
    return faults.removal_failure(volid)


@contextmanager
def interruptible() -> Iterator[None]:
    """In a worker other than vzdump a signal has another text."""
    try:
        yield
    except Interrupted as signal:
        raise WorkerError("received interrupt") from signal
