# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What agents were asked to run: a process lives until its VM stops, or until somebody asked how it ended."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

from pve_simulator.guests.commands import Outcome

_FIRST = 701  # the first process number in a guest, just so that it looks like one


@dataclass(frozen=True)
class _Process:
    boot: float
    ends: float
    outcome: Outcome


class Processes:
    """The processes in all VMs. Not kept over a restart of the simulator."""

    def __init__(self) -> None:
        self._numbers = itertools.count(_FIRST)
        self._running: dict[tuple[int, int], _Process] = {}

    def add(self, vmid: int, boot: float, outcome: Outcome, seconds: float) -> int:
        """Begin a process that ends so after ``seconds``; the answer is its number. ``boot`` is when the VM came up."""
        pid = next(self._numbers)
        self._running[vmid, pid] = _Process(boot, time.monotonic() + seconds, outcome)
        return pid

    def ask(self, vmid: int, boot: float, pid: int) -> Outcome | None:
        """How a process ended, or None while it runs. Who asks gets the end once: the agent forgets it then.

        Raises ``KeyError`` for a process that there is not, or not any more.
        """
        process = self._running[vmid, pid]
        if process.boot != boot:
            del self._running[vmid, pid]
            raise KeyError(pid)
        if time.monotonic() < process.ends:
            return None
        del self._running[vmid, pid]
        return process.outcome
