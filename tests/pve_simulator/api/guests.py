# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests on a node: lists, configuration, status."""

from __future__ import annotations

from pve_simulator.errors import Died
from pve_simulator.guests import addresses, configuration, figures
from pve_simulator.restoring import reservation
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import NODE, ONE_GUEST, VMID
from pve_simulator.state.model import Guest
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

_AUDIT = Privilege("/vms/{vmid}", ("VM.Audit",))

CONFIG = {
    "node": NODE,
    "vmid": VMID,
    "current": Parameter(type="boolean", default=0),
    "snapshot": Parameter(format="pve-configid", max_length=40),
}


@routes.add("GET", "/nodes/{node}/lxc", {"node": NODE})
def containers(call: Call) -> object:
    """The containers the caller may see (recorded: 02_auth, 10_tasks)."""
    return _listed(call, "lxc")


@routes.add("GET", "/nodes/{node}/qemu", {"node": NODE, "full": Parameter(type="boolean")})
def machines(call: Call) -> object:
    """The VMs the caller may see (recorded: 11_qemu)."""
    return _listed(call, "qemu")


@routes.add("GET", "/nodes/{node}/lxc/{vmid}/config", CONFIG, _AUDIT)
def container_config(call: Call) -> object:
    """A container's configuration."""
    return configuration.shown(found(call, "lxc"), call.cluster.storages)


@routes.add("GET", "/nodes/{node}/qemu/{vmid}/config", CONFIG, _AUDIT)
def machine_config(call: Call) -> object:
    """A VM's configuration."""
    return configuration.shown(found(call, "qemu"), call.cluster.storages)


@routes.add("GET", "/nodes/{node}/lxc/{vmid}/snapshot", ONE_GUEST, _AUDIT)
def container_snapshots(call: Call) -> object:
    """A container's snapshots (not recorded)."""
    return _snapshots(call, found(call, "lxc"))


@routes.add("GET", "/nodes/{node}/qemu/{vmid}/snapshot", ONE_GUEST, _AUDIT)
def machine_snapshots(call: Call) -> object:
    """A VM's snapshots (not recorded)."""
    return _snapshots(call, found(call, "qemu"))


@routes.add("GET", "/nodes/{node}/lxc/{vmid}/status/current", ONE_GUEST, _AUDIT)
def container_status(call: Call) -> object:
    """Whether a container runs, and its lock."""
    return figures.current(call.cluster, found(call, "lxc"))


@routes.add("GET", "/nodes/{node}/qemu/{vmid}/status/current", ONE_GUEST, _AUDIT)
def machine_status(call: Call) -> object:
    """Whether a VM runs, and its lock."""
    guest = found(call, "qemu")
    return figures.current(call.cluster, guest, call.world.faults.guest(guest.vmid).qmpstatus)


@routes.add("GET", "/nodes/{node}/lxc/{vmid}/interfaces", ONE_GUEST, _AUDIT)
def container_interfaces(call: Call) -> object:
    """A container's network cards, or nothing while it does not run (PVE::LXC::get_interfaces, not recorded)."""
    guest = found(call, "lxc")
    if not guest.running:
        return None
    return [
        {
            "name": card.name,
            "hwaddr": card.hardware,
            **({"inet": f"{card.address}/{card.prefix}"} if card.address is not None else {}),
        }
        for card in addresses.cards(guest)
    ]


def _listed(call: Call, kind: str) -> list[dict[str, object]]:
    guests = [guest for guest in call.cluster.guests.values() if guest.kind == kind and guest.node == call.node]
    visible = [guest for guest in guests if call.allowed(f"/vms/{guest.vmid}", "VM.Audit")]
    return [figures.listed(guest) for guest in sorted(visible, key=lambda guest: guest.vmid)]


def _snapshots(call: Call, guest: Guest) -> list[dict[str, object]]:
    """One after the other, and what comes after the last of them is called ``current``."""
    listed: list[dict[str, object]] = []
    parent: str | None = None
    for snapshot in guest.snapshots:
        entry: dict[str, object] = {
            "name": snapshot.name,
            "snaptime": snapshot.time,
            "description": snapshot.description or "",
        }
        if guest.kind == "qemu":
            entry["vmstate"] = 0
        listed.append({**entry, **({"parent": parent} if parent is not None else {})})
        parent = snapshot.name
    digest = configuration.shown(guest, call.cluster.storages)["digest"]
    current: dict[str, object] = {"name": "current", "description": "You are here!", "digest": digest}
    current["running"] = int(guest.running)
    return [*listed, {**current, **({"parent": parent} if parent is not None else {})}]


def found(call: Call, kind: str) -> Guest:
    """The guest that the path names. Raises `Died` when there is none of this kind on this node."""
    vmid = call.parameters["vmid"]
    guest = call.cluster.guests.get(vmid)
    if guest is None or guest.kind != kind or guest.node != call.node:
        raise Died(f"Configuration file 'nodes/{call.node}/{reservation.FOLDERS[kind]}/{vmid}.conf' does not exist")
    return guest
