# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Proxmox VE on loopback: a real HTTPS server that answers as the recordings do. See README.md beside this file."""

from pve_simulator.guests.agent import Agent
from pve_simulator.population import Disk, Mount
from pve_simulator.simulator import Simulator
from pve_simulator.web.record import Request
from pve_simulator.world import World

__all__ = ["Agent", "Disk", "Mount", "Request", "Simulator", "World"]
