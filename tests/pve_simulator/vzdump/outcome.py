# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the backup of one guest ends, and what the log says of it."""

from __future__ import annotations

from collections.abc import Callable

from pve_simulator.errors import Interrupted, WorkerError
from pve_simulator.tasks.worker import Worker
from pve_simulator.vzdump.quoting import duration


class GuestFailed(Exception):
    """The backup of one guest failed; the job goes on with the next."""


class InterruptedJob(WorkerError):
    """A signal met the job outside of a command: the whole job ends."""


def attempt(worker: Worker, vmid: int, backup: Callable[[], None]) -> bool:
    """Run one guest's backup and write its end; the answer is whether it succeeded.

    A signal that a command of a container's backup has caught counts as a failure of that guest only (recorded:
    10_tasks); one that nothing has caught ends the job.
    """
    began = worker.now()
    try:
        backup()
    except GuestFailed as failure:
        _failed(worker, vmid, str(failure))
        return False
    except Interrupted as signal:
        _failed(worker, vmid, str(signal))
        raise InterruptedJob(str(signal)) from signal
    worker.info(f"Finished Backup of VM {vmid} ({duration(worker.now() - began)})")
    worker.info(f"Backup finished at {worker.local_time()}")
    return True


def _failed(worker: Worker, vmid: int, text: str) -> None:
    worker.forget_interrupt()
    worker.error(f"Backup of VM {vmid} failed - {text}")
    worker.info(f"Failed at {worker.local_time()}")
