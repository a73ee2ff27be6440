# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module in a process of its own, which can be interrupted and killed: at a moment, or at a step of its journal.

As a program (``python -m harness.process``) it is that process: what to run comes as JSON on its input.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]


class ModuleProcess:
    """A module that runs. ``die_at_entry`` kills it with SIGKILL once its journal has that many entries."""

    def __init__(self, module: str, options: Mapping[str, Any], folder: Path, die_at_entry: int = 0) -> None:
        collections = os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PROXMOX_")},
            "PYTHONPATH": os.pathsep.join([str(TESTS), collections]),
            "TMPDIR": str(folder),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            start_new_session=True,
        )
        order = {"module": module, "options": dict(options), "die_at_entry": die_at_entry}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order))
        self.process.stdin.close()
        self.process.stdin = None

    def kill(self) -> None:
        """SIGKILL: no handler, no clean-up."""
        self.process.kill()

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self.process.send_signal(number)

    def hang_up(self) -> None:
        """Stop reading what it writes, as a killed ansible-playbook does."""
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process.stdout = None

    def result(self, seconds: float = 20) -> dict[str, Any]:
        """What it printed, once it has ended."""
        printed, said = self.process.communicate(timeout=seconds)
        assert printed, f"no result: {said}"
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return found

    def ended(self, seconds: float = 20) -> int:
        """Its exit status, negative for the signal that ended it."""
        self.process.communicate(timeout=seconds)
        return self.process.returncode


def _run() -> None:
    order = json.load(sys.stdin)
    module = importlib.import_module(f"ansible_collections.lifeboat.backup.plugins.modules.{order['module']}")
    if order["die_at_entry"]:
        _die_at_entry(order["die_at_entry"])
    from harness.modules import module_arguments  # noqa: PLC0415 - only the child needs it

    with module_arguments({**order["options"], "_ansible_remote_tmp": "/tmp", "_ansible_keep_remote_files": False}):
        module.main()


def _die_at_entry(number: int) -> None:
    """From outside nobody can hit the moment between an entry and the request that follows it."""
    real = os.write
    left = [number]

    def write(fd: int, data: Any) -> int:
        written = real(fd, data)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    os.write = write


if __name__ == "__main__":
    _run()
