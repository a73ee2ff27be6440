# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking an id for a restore: PVE::AbstractConfig::create_and_lock_config, and the check that an id is free."""

from __future__ import annotations

from pve_simulator.errors import Died
from pve_simulator.state.model import Guest
from pve_simulator.world import World

FOLDERS = {"lxc": "lxc", "qemu": "qemu-server"}


def check_unused(world: World, vmid: int) -> None:
    """Raise `Died` when there is such a guest, of whatever kind, on whatever node."""
    guest = world.cluster.guests.get(vmid)
    if guest is not None:
        raise Died(f"{'CT' if guest.kind == 'lxc' else 'VM'} {vmid} already exists on node '{guest.node}'")


def here(world: World, kind: str, node: str, vmid: int) -> Guest | None:
    """The guest of this kind and id on this node, or None."""
    guest = world.cluster.guests.get(vmid)
    return guest if guest is not None and guest.kind == kind and guest.node == node else None


def reserve(world: World, kind: str, node: str, vmid: int, *, force: bool) -> None:
    """Lock the id with ``create``; where there is no such guest an empty configuration takes its place.

    Raises `Died`. With ``force`` a guest of the other kind, or on another node, is met only when the configuration is
    written (recorded: 11_qemu).
    """
    if not force:
        check_unused(world, vmid)
    guest = here(world, kind, node, vmid)
    if guest is None and vmid in world.cluster.guests:
        path = f"/etc/pve/nodes/{node}/{FOLDERS[kind]}/{vmid}.conf"
        raise Died(f"close (rename) atomic file '{path}' failed: File exists")
    if guest is None:
        name = f"{'CT' if kind == 'lxc' else 'VM '}{vmid}"
        guest = Guest(vmid, name, kind, node, bare=True, born=world.now(node))
        world.cluster.guests[vmid] = guest
    elif guest.lock is not None:
        raise Died(f"{'CT' if kind == 'lxc' else 'VM'} is locked ({guest.lock})")
    guest.lock = "create"
    world.touch()
