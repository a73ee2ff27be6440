# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls of the system that name a video, counted from outside: what a scan says of itself need not be believed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.children import PATIENCE
from benchmarks.device_rounds import CHILD, Step, order


def calls_on_videos(step: Step, folder: Path) -> int | None:
    """How many calls of one step name a ``.h264``; None where ``strace`` isn't installed, or may trace nothing.

    ``folder`` is that of the catalogue, which is kept from one call to the next.

    :raises RuntimeError: when the step fails.
    """
    if not _works():
        return None
    trace = folder / "trace"
    # %file is all that takes a name; -s so long that no name is cut off
    command = ["strace", "-f", "-qq", "-s", "1024", "-e", "trace=%file", "-o", str(trace), sys.executable, "-m", CHILD]
    done = subprocess.run(
        command,
        input=order({"step": step}, 1, folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    with trace.open(encoding="utf-8", errors="replace") as lines:
        return sum('.h264"' in line for line in lines)


def _works() -> bool:
    if shutil.which("strace") is None:
        return False
    return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, check=False).returncode == 0
