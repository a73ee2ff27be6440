# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How somebody gets into a scenario."""

from __future__ import annotations

from dataclasses import dataclass

from pve_simulator.world import World


@dataclass(frozen=True)
class Entrance:
    """A token and a user with a password."""

    token_id: str
    token_secret: str
    user: str
    password: str


def entrance(world: World, token_id: str, user: str, password: str) -> Entrance:
    """The entrance by a token that exists: also after a restart, when nobody remembers its secret."""
    owner, _mark, name = token_id.partition("!")
    return Entrance(token_id, world.cluster.users[owner].tokens[name].secret, user, password)
