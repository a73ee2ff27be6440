# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A second process that runs a few lines of Python with our rooms: to be killed, and to get signals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.lifeboat.backup.plugins.module_utils._core import journal

COLLECTIONS = journal.__file__.partition("/ansible_collections/")[0]


class SecondProcess:
    """Tells what it has to say in lines; ends with the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def line(self) -> str:
        """The next line it prints; empty when it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def send(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self) -> int:
        """Wait for its end; its exit status, negative for the signal that ended it."""
        return self._process.wait()


@contextmanager
def second_process(code: str, *arguments: object) -> Iterator[SecondProcess]:
    """Run the ``code`` for the time of the context, which knows the arguments as ``sys.argv``."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": COLLECTIONS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield SecondProcess(process)
        finally:
            process.kill()
