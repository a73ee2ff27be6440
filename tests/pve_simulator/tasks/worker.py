# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the code of a task has in its hands: the log, the clock, and the chance to be stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import tzinfo

from pve_simulator.errors import Interrupted, WorkerDied
from pve_simulator.state import clock as clocks
from pve_simulator.tasks.log import TaskLog

_STEP = 0.01


class Worker:
    """One running task. `interrupt` and `kill` are called from outside, everything else by the task itself."""

    def __init__(self, log: TaskLog, clock: Callable[[], float], zone: tzinfo) -> None:
        self._log = log
        self.now = clock
        self.zone = zone  # of the node on which it runs
        self.warnings = 0
        self._interrupted = threading.Event()
        self._killed = threading.Event()

    def interrupt(self) -> None:
        """Send the signal with which Proxmox stops a task."""
        self._interrupted.set()

    def kill(self) -> None:
        """Send the signal that cannot be caught."""
        self._killed.set()
        self._interrupted.set()

    def forget_interrupt(self) -> None:
        """The signal has done its work: it ended one command, and the task goes on."""
        self.check_alive()
        self._interrupted.clear()

    def local_time(self) -> str:
        """The node's time as logs have it."""
        return clocks.log_time(self.now(), self.zone)

    def write(self, line: str) -> None:
        """Write a line as it is."""
        self.check_alive()
        self._log.write(line)

    def info(self, text: str) -> None:
        """Write an INFO line."""
        self.write(f"INFO: {text}")

    def warn(self, text: str) -> None:
        """Write a WARN line, which counts for the end of the task."""
        self.warnings += 1
        self.write(f"WARN: {text}")

    def error(self, text: str) -> None:
        """Write ERROR lines, one for each line of the text."""
        for line in text.rstrip("\n").split("\n"):
            self.write(f"ERROR: {line}")

    def check_alive(self) -> None:
        """Raise `WorkerDied` when the process was killed."""
        if self._killed.is_set():
            raise WorkerDied

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises `Interrupted` or `WorkerDied` as soon as a signal comes."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._interrupted.wait(min(left, _STEP)):
                self.check_signals()

    def wait_deaf(self, seconds: float) -> None:
        """Let time pass in a place where only the signal that kills is heard. Raises `WorkerDied`."""
        self._killed.wait(seconds)
        self.check_alive()

    def check_signals(self) -> None:
        """Raise `Interrupted` or `WorkerDied` when a signal came."""
        self.check_alive()
        if self._interrupted.is_set():
            raise Interrupted
