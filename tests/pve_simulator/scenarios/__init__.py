# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Worlds that are ready to use.

``small`` as the recorded systems were, ``demo`` for people, ``restores`` the same with a token that may restore,
``drills`` with one that may drill as well, ``policies`` with one that may also make jobs, ``empty`` with a node.
"""

from __future__ import annotations

from collections.abc import Callable

from pve_simulator.scenarios import demo, empty, small
from pve_simulator.scenarios.entrance import Entrance
from pve_simulator.world import World

SCENARIOS: dict[str, Callable[[World], Entrance]] = {
    "demo": demo.build,
    "drills": demo.build_for_drills,
    "empty": empty.build,
    "policies": demo.build_for_policies,
    "restores": demo.build_for_restores,
    "small": small.build,
}

__all__ = ["SCENARIOS", "Entrance", "demo", "empty", "small"]
