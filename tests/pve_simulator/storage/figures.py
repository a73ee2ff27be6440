# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures that lists and statuses give of a storage."""

from __future__ import annotations

from pve_simulator.state.model import Storage
from pve_simulator.storage import room
from pve_simulator.world import World


def status(world: World, storage: Storage, node: str) -> dict[str, object]:
    """Space and state of a storage on a node; zeros where it cannot be reached (recorded: 03_storage)."""
    active = not storage.disabled and not storage.offline(node)
    used = used_space(world, storage, node) if active else 0
    total = storage.capacity if active else 0
    return {
        "type": storage.type,
        "content": ",".join(storage.content),
        "shared": int(storage.shared),
        "enabled": int(not storage.disabled),
        "active": int(active),
        "total": total,
        "used": used,
        "avail": total - used,
    }


def resource(world: World, storage: Storage, node: str) -> dict[str, object]:
    """The entry in /cluster/resources."""
    found: dict[str, object] = {
        "id": f"storage/{node}/{storage.name}",
        "type": "storage",
        "storage": storage.name,
        "node": node,
        "plugintype": storage.type,
        "content": ",".join(storage.content),
        "shared": int(storage.shared),
        "status": "unknown",
    }
    if world.cluster.nodes[node].online and not storage.offline(node):
        found.update(status="available", maxdisk=storage.capacity, disk=used_space(world, storage, node))
    return found


def used_space(world: World, storage: Storage, node: str) -> int:
    """Bytes that are taken: by backups, by guests' volumes, or because a fault said that it is full."""
    if storage.full:
        return storage.capacity
    used = world.backups(storage.name, node).used() + room.taken(world, storage, node)
    return min(storage.capacity, used)
