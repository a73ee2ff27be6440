# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the figures were made with: without it none of them says anything."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks import peer_collection


def machine() -> str:
    """The machine and the versions, as lines."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    facts = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.machine()}",
        "load before": f"{load} (1, 5, 15 minutes)",
        "Python": platform.python_version(),
        "ansible-core": version("ansible-core"),
        "proxmoxer": version("proxmoxer"),
        "requests": version("requests"),
        "peer": f"{peer_collection.NAME} {peer_collection.version()}",
    }
    width = max(map(len, facts))
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in facts.items())


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
