# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock that lets only one vzdump work on a node at a time."""

from __future__ import annotations

import threading
import time

from pve_simulator.errors import Interrupted, WorkerDied
from pve_simulator.tasks.worker import Worker

_FILE = "/var/run/vzdump.lock"
_STEP = 0.02


class NodeLocks:
    """The locks of all nodes, each held by the worker whose UPID stands for it."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._holders: dict[str, Worker] = {}

    def holder(self, node: str) -> Worker | None:
        """The worker that holds a node's lock."""
        with self._changed:
            return self._holders.get(node)

    def acquire(self, node: str, worker: Worker, wait: float) -> None:
        """Take the lock, waiting for it if need be; the log says so (recorded: 10_tasks).

        A worker that does not get it ends without a last line, which shows as ``unexpected status``.
        """
        if self._take(node, worker):
            return
        if wait <= 0:
            worker.error(f"can't acquire lock '{_FILE}' (wait = 0)")
            raise WorkerDied
        worker.info("trying to get global lock - waiting...")
        deadline = time.monotonic() + wait
        while not self._take(node, worker):
            if time.monotonic() > deadline:
                worker.error(f"can't acquire lock '{_FILE}' - got timeout")
                raise WorkerDied
            try:
                worker.pause(_STEP)
            except Interrupted as signal:
                raise WorkerDied from signal  # the handler of the waiting code leaves without a word as well
        worker.info("got global lock")

    def release(self, node: str, worker: Worker) -> None:
        """Give the lock back."""
        with self._changed:
            if self._holders.get(node) is worker:
                del self._holders[node]
                self._changed.notify_all()

    def _take(self, node: str, worker: Worker) -> bool:
        with self._changed:
            if node in self._holders:
                return False
            self._holders[node] = worker
            return True
