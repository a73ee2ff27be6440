# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster for the tests of the simulator's backup jobs, on a Friday at noon."""

from __future__ import annotations

import calendar
from pathlib import Path

from harness.ticking import Ticking
from pve_simulator import World

FRIDAY = calendar.timegm((2026, 11, 20, 12, 30, 30))


def job_world(folder: Path, clock: Ticking) -> World:
    """Two nodes, one in Berlin; container 101 in a pool and VM 300 there, container 102 on the other."""
    world = World(folder, clock=clock)
    world.add_node("pve1", timezone="Europe/Berlin")
    world.add_node("pve2")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("backups")
    world.add_pool("prod")
    world.add_container(101, "web1", "pve1", pool="prod")
    world.add_container(102, "web2", "pve2")
    world.add_vm(300, "db1", "pve1", disks={"scsi0": b"x"})
    return world
