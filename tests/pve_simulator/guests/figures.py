# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures that lists and statuses give of a guest. Nothing here moves: a simulated guest does no work."""

from __future__ import annotations

from pve_simulator.guests import agent, configuration
from pve_simulator.state.model import Cluster, Guest, Node, Resource

_UPTIME = 3600  # of whatever runs
_HOST_SHARE = 4  # a quarter of a node's memory is the host's


def resource(guest: Guest, *, known: bool, memhost: bool) -> dict[str, object]:
    """The entry in /cluster/resources and in pools.

    Of a guest on a node that is off, and of one that came into being a moment ago, nothing is known but that it is
    there (recorded: 08_restore_lxc).
    """
    found: dict[str, object] = {
        "id": f"{guest.kind}/{guest.vmid}",
        "vmid": guest.vmid,
        "node": guest.node,
        "type": guest.kind,
        "status": "unknown",
    }
    if known:
        found.update(_counters(guest))
        found.update(
            name=guest.name,
            status=_status(guest),
            template=int(guest.template),
            maxcpu=guest.cores,
        )
        if memhost:
            found["memhost"] = found["mem"]
    return found


def listed(guest: Guest) -> dict[str, object]:
    """The entry in a node's list of guests of one kind."""
    found = {**_counters(guest), "vmid": guest.vmid, "name": guest.name, "status": _status(guest), "cpus": guest.cores}
    if guest.kind == "lxc":
        found.update(type="lxc", swap=0, maxswap=0)
    else:
        for key in ("diskread", "diskwrite"):
            del found[key]
    if guest.running:
        found["pid"] = 10000 + guest.vmid
        if guest.kind == "qemu":
            found.update(diskread=0, diskwrite=0)
    return {**found, **marks(guest)}


def current(cluster: Cluster, guest: Guest, qmpstatus: str | None = None) -> dict[str, object]:
    """The answer of status/current. What the HA manager is told to ignore counts as not managed.

    ``qmpstatus`` is what QEMU says of a VM that runs, where that is something else.
    """
    resource = high_availability(cluster, guest)
    care: dict[str, object] = {"managed": 0}
    if resource is not None and resource.managed:
        care = {"managed": 1, "state": resource.state}
    found = {**listed(guest), "ha": care}
    if guest.kind == "qemu":
        found["qmpstatus"] = qmpstatus if guest.running and qmpstatus is not None else _status(guest)
        if agent.enabled(guest):
            found["agent"] = 1
    return found


def used_memory(cluster: Cluster, node: Node) -> int:
    """Bytes that the host and the guests that run on it take."""
    running = [guest for guest in cluster.guests.values() if guest.running and guest.node == node.name]
    return min(node.memory, node.memory // _HOST_SHARE + sum(guest.memory << 20 for guest in running))


def high_availability(cluster: Cluster, guest: Guest) -> Resource | None:
    """What the HA manager knows of a guest, or None."""
    return cluster.resources.get(f"{'ct' if guest.kind == 'lxc' else 'vm'}:{guest.vmid}")


def marks(guest: Guest) -> dict[str, object]:
    """What is only there when it is set: lock, tags, template."""
    found: dict[str, object] = {}
    if guest.lock is not None:
        found["lock"] = guest.lock
    if guest.tags:
        found["tags"] = ";".join(guest.tags)
    if guest.template:
        found["template"] = 1
    return found


def _status(guest: Guest) -> str:
    return "running" if guest.running else "stopped"


def _counters(guest: Guest) -> dict[str, object]:
    memory = guest.memory << 20
    return {
        "cpu": 0,
        "mem": memory // 4 if guest.running else 0,
        "maxmem": memory,
        "disk": 0,
        "maxdisk": configuration.disk_limit(guest),
        "uptime": _UPTIME if guest.running else 0,
        "netin": 0,
        "netout": 0,
        "diskread": 0,
        "diskwrite": 0,
    }
