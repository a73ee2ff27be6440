# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The endpoints, a room for each area. A new area is a file here and a line below."""

from __future__ import annotations

from pve_simulator.api import (
    access,
    agent,
    cluster,
    content,
    guest_changes,
    guest_power,
    guests,
    high_availability,
    jobs,
    nodes,
    pools,
    prune_backups,
    restores,
    root,
    schedules,
    storages,
    tasks,
    users,
    vzdump,
)
from pve_simulator.web.routes import Routes


def rooms() -> list[Routes]:
    """All rooms. Paths with a tail that swallows slashes come last in their rooms."""
    return [
        root.routes,
        access.routes,
        users.routes,
        cluster.routes,
        jobs.routes,
        schedules.routes,
        pools.routes,
        storages.routes,
        content.routes,
        prune_backups.routes,
        nodes.routes,
        tasks.routes,
        vzdump.routes,
        guests.routes,
        restores.routes,
        agent.routes,
        guest_power.routes,
        guest_changes.routes,
        high_availability.routes,
    ]
