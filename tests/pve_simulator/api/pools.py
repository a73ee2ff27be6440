# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools and their members."""

from __future__ import annotations

from pve_simulator.api.cluster import guest_entry
from pve_simulator.errors import ApiError
from pve_simulator.schema.parameters import Parameter
from pve_simulator.state.model import Pool
from pve_simulator.storage import figures
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

_KIND = ("qemu", "lxc", "storage")
POOLS = {"poolid": Parameter(format="pve-poolid"), "type": Parameter(enum=_KIND, requires="poolid")}
POOL = {"poolid": Parameter(format="pve-poolid", optional=False), "type": Parameter(enum=_KIND)}


@routes.add("GET", "/pools", POOLS)
def pools(call: Call) -> object:
    """The pools the caller may see, or one with its members."""
    wanted = call.parameters.get("poolid")
    if wanted is not None:
        call.world.rights.check(call.identity, f"/pool/{wanted}", "Pool.Audit")
        return [{**_described(_pool(call)), "members": _members(call)}]
    visible = [pool for pool in call.cluster.pools.values() if call.allowed(f"/pool/{pool.name}", "Pool.Audit")]
    return [_described(pool) for pool in visible]


@routes.add("GET", "/pools/{poolid}", POOL, Privilege("/pool/{poolid}", ("Pool.Audit",)))
def pool(call: Call) -> object:
    """One pool (recorded: 08_restore_lxc)."""
    found = _described(_pool(call))
    return {"poolid": found.pop("poolid"), **found, "members": _members(call)}


def _pool(call: Call) -> Pool:
    found = call.cluster.pools.get(call.parameters["poolid"])
    if found is None:
        raise ApiError(500, f"pool '{call.parameters['poolid']}' does not exist\n")
    return found


def _described(pool: Pool) -> dict[str, object]:
    found: dict[str, object] = {"poolid": pool.name}
    if pool.comment is not None:
        found["comment"] = pool.comment
    return found


def _members(call: Call) -> list[dict[str, object]]:
    name, kind = call.parameters["poolid"], call.parameters.get("type")
    guests = [guest for guest in call.cluster.guests.values() if guest.pool == name and kind in (None, guest.kind)]
    found = [guest_entry(call, guest) for guest in sorted(guests, key=lambda guest: guest.vmid)]
    if kind in (None, "storage"):
        node = call.world.entry.name
        storages = [call.cluster.storages[name] for name in _pool(call).storages]
        found += [figures.resource(call.world, storage, node) for storage in storages]
    return found
