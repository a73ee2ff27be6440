# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleets that are ready to use: ``demo`` for people, ``fleet`` of any size, ``recorded`` as the recordings have it."""

from __future__ import annotations

from collections.abc import Callable

from device_simulator.fleet import Fleet
from device_simulator.scenarios.demo import demo
from device_simulator.scenarios.many import device_id, fleet_of
from device_simulator.scenarios.recorded import ROOT, recorded


def _recorded(fleet: Fleet, _count: int) -> None:
    recorded(fleet)
    fleet.sync()


# By name; the number is how many devices there are to be, where a scenario asks for it
SCENARIOS: dict[str, Callable[[Fleet, int], object]] = {
    "demo": lambda fleet, _count: demo(fleet),
    "fleet": fleet_of,
    "recorded": _recorded,
}

__all__ = ["ROOT", "SCENARIOS", "demo", "device_id", "fleet_of", "recorded"]
