# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drill costs beyond the restore and the boot that it measures, and whether several run side by side.

The baseline is the same restore, start and boot by plain calls, in the same cluster. A simulated restore takes ``PACE``
seconds, an agent ``BOOT`` seconds to answer: by the clock, because it is waiting that counts here.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.section import Limit, Section, Table
from harness.drills import GUESTS, Drills, drilled_world, drills
from pve_simulator import Agent, World
from pve_simulator.client import Client

PACE, BOOT = 4.0, 2.0
ADDED = 3.0
"""Seconds that a drill may take beyond the raw restore and boot, for each guest."""
VMS = (300, 301)


def drill_times() -> Section:
    """Measure each guest by itself, and all four at once."""
    with tempfile.TemporaryDirectory() as folder, drills(_world(Path(folder)), Path(folder)) as site:
        for vmid in range(900, 908):
            site.faults.guest_pace(vmid, PACE)
        raw = {vmid: _raw(site, vmid) for vmid in GUESTS}
        one = {vmid: _drilled(site, vmid) for vmid in GUESTS}
        together = _drilled(site, *GUESTS)
    section = Section()
    rows = [(str(vmid), f"{raw[vmid]:.2f}", f"{one[vmid]:.2f}", f"{one[vmid] - raw[vmid]:.2f}") for vmid in GUESTS]
    rows.append(
        ("all four at once", f"{max(raw.values()):.2f}", f"{together:.2f}", f"{together - max(raw.values()):.2f}")
    )
    section.tables.append(
        Table(
            f"Seconds by the clock; a restore takes {PACE:g} s, an agent answers after {BOOT:g} s",
            ("guest", "restore and boot by plain calls", "drill with clean-up", "added"),
            rows,
        )
    )
    section.limits.append(
        Limit("a drill beyond the raw restore and boot", max(one[v] - raw[v] for v in GUESTS), ADDED, " s")
    )
    section.limits.append(
        Limit("four drills on two nodes beyond the slowest restore and boot", together - max(raw.values()), ADDED, " s")
    )
    return section


def _world(folder: Path) -> World:
    world = drilled_world(folder / "cluster")
    for vmid in VMS:
        world.set_agent(vmid, Agent(boot_seconds=BOOT))
    return world


def _raw(site: Drills, vmid: int) -> float:
    """Restore and start a copy on id 950 by plain calls, and wait for its agent; then remove it."""
    guest = site.world.cluster.guests[vmid]
    secret = site.world.add_token("root@pam", f"raw{vmid}", privsep=False)
    site.faults.guest_pace(950, PACE)
    archive: dict[str, Any] = {"archive": site.volids[vmid]}
    if guest.kind == "lxc":
        archive = {"ostemplate": site.volids[vmid], "restore": 1}
    base = f"/nodes/{guest.node}/{guest.kind}"
    with Client(site.lab.sim, f"root@pam!raw{vmid}", secret) as client:
        began = time.monotonic()
        client.ended(client.post(base, vmid=950, storage="fast", unique=1, **archive).data, 60)
        client.ended(client.post(f"{base}/950/status/start").data, 60)
        while guest.kind == "qemu" and client.post(f"{base}/950/agent/ping").status != 200:
            time.sleep(0.02)
        seconds = time.monotonic() - began
        client.ended(client.post(f"{base}/950/status/stop").data, 60)
        client.ended(client.delete(f"{base}/950").data, 60)
    return seconds


def _drilled(site: Drills, *vmids: int) -> float:
    began = time.monotonic()
    result = site.drill(vmids=[*vmids])
    assert set(site.verdicts(result).values()) == {"passed"}, result["msg"]
    return time.monotonic() - began
