# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node, a storage, an administrator's token, and no guest."""

from __future__ import annotations

from pve_simulator.access.acl import ROOT
from pve_simulator.scenarios.entrance import Entrance, entrance
from pve_simulator.world import World

_PASSWORD = "root-password"


def build(world: World) -> Entrance:
    """Put the scenario into a new world, or find it in one that has it."""
    if not world.cluster.nodes:
        world.add_node("pve")
        world.add_storage("local", content=["images", "rootdir", "vztmpl", "iso", "backup", "snippets"])
        world.add_user(ROOT, _PASSWORD)
        world.add_token(ROOT, "admin", privsep=False)
    return entrance(world, f"{ROOT}!admin", ROOT, _PASSWORD)
