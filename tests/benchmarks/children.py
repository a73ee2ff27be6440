# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that are measured: each in a process of its own, with the processor time that it took."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from dataclasses import dataclass

PATIENCE = 300
"""Seconds that one program may take, however busy the machine is."""


@dataclass(frozen=True)
class Ended:
    """A program that has ended: what it printed, and the seconds of the processor that it took (user and system)."""

    output: str
    processor: float


def run_python(module: str, *arguments: str, given: str = "") -> Ended:
    """Run ``python -m module`` with the paths of this process; one at a time, or the times of two are mixed.

    :raises RuntimeError: when it fails, with what it printed.
    """
    before = processor_seconds()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=given,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    ended = Ended(done.stdout, processor_seconds() - before)
    if done.returncode:
        raise RuntimeError(f"python -m {module} {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return ended


def processor_seconds() -> float:
    """What the programs that this process has started, and those they have started, have taken until they ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
