# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m benchmarks [PART...]``: measure, print the tables, and end with 1 when a limit is broken."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

from benchmarks.device_status import devices
from benchmarks.drills import drill_times
from benchmarks.machine import machine
from benchmarks.peer import peer
from benchmarks.planning import planning
from benchmarks.policy import policy
from benchmarks.requests_and_processor import requests_and_processor
from benchmarks.section import Limit, Section
from harness.playbooks import CHECKOUT

PARTS: dict[str, tuple[str, Callable[[], Section]]] = {
    "planning": ("Planning, without sockets", planning),
    "policy": ("Every guest judged by a policy, without sockets", policy),
    "client": ("Requests and processor time of the client, against a simulated cluster", requests_and_processor),
    "devices": ("The status of a fleet of devices: scans of their copies, services, whole calls", devices),
    "drills": ("Drills: what they take beyond the restore and the boot that they measure", drill_times),
    "peer": ("Five guests: one task of ours, and the peer's module in a loop (ansible-playbook, by the clock)", peer),
}
REPORT = CHECKOUT / ".cache/benchmarks/report.txt"


def main(names: Sequence[str]) -> int:
    """Measure the parts named, or all."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.stderr.write(f"parts are {', '.join(PARTS)}, not {', '.join(unknown)}\n")
        return 2
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text("", encoding="utf-8")
    started = time.monotonic()
    _say(machine())
    limits: list[Limit] = []
    for name in names or PARTS:
        title, measure = PARTS[name]
        _say(f"\n=== {title} ===")
        section = measure()
        for table in section.tables:
            _say(f"\n{table.text}")
        limits.extend(section.limits)
    _say("\n=== Limits ===\n")
    for limit in limits:
        _say(limit.line)
    broken = [limit.what for limit in limits if not limit.holds]
    held = len(limits) - len(broken)
    verdict = f"{held} of {len(limits)} limits hold" + (f"; broken: {'; '.join(broken)}" if broken else "")
    _say(f"\n{time.monotonic() - started:.0f} s. {verdict}")
    return 1 if broken else 0


def _say(text: str) -> None:
    """Print at once, and keep it for those who come later."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
    with REPORT.open("a", encoding="utf-8") as report:
        report.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
