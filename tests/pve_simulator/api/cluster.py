# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cluster is made of, and its latest tasks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pve_simulator.errors import ParameterError
from pve_simulator.guests import figures as guest_figures
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import VMID_FILTER
from pve_simulator.state.model import Guest, Node
from pve_simulator.storage import figures as storage_figures
from pve_simulator.tasks.registry import Task
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

NODE_DISK = 256 << 30
NODE_UPTIME = 86400

_LATEST = 25

RESOURCES = {"type": Parameter(enum=("vm", "storage", "node", "sdn"))}


@routes.add("GET", "/cluster")
def index(call: Call) -> object:
    """The areas that are simulated."""
    return [{"name": name} for name in ("backup", "ha", "nextid", "replication", "resources", "status", "tasks")]


@routes.add("GET", "/cluster/resources", RESOURCES)
def resources(call: Call) -> object:
    """Pools, guests, nodes, storages, networks: what the caller may see of them (recorded: 02_auth, 14_transport)."""
    kind = call.parameters.get("type")
    found: list[dict[str, object]] = []
    if kind is None:
        found += _pools(call)
    if kind in (None, "vm"):
        found += _guests(call)
    if kind in (None, "node"):
        found += [{**node_entry(call, node), "cgroup-mode": 1} for node in call.cluster.nodes.values()]
    if kind in (None, "storage"):
        found += _storages(call)
    if kind in (None, "sdn"):
        found += _networks(call)
    return found


@routes.add("GET", "/cluster/status", permission=Privilege("/", ("Sys.Audit",)))
def status(call: Call) -> object:
    """The cluster and its nodes (not recorded)."""
    nodes = list(call.cluster.nodes.values())
    found: list[dict[str, object]] = []
    if len(nodes) > 1:
        found.append(
            {"type": "cluster", "id": "cluster", "name": call.cluster.name or "cluster", "nodes": len(nodes),
             "quorate": 1, "version": len(nodes)}
        )  # fmt: skip
    for number, node in enumerate(nodes, start=1):
        found.append(
            {"type": "node", "id": f"node/{node.name}", "name": node.name, "nodeid": number if len(nodes) > 1 else 0,
             "ip": f"192.0.2.{number}", "online": int(node.online), "local": int(node is call.world.entry), "level": ""}
        )  # fmt: skip
    return found


@routes.add("GET", "/cluster/tasks")
def tasks(call: Call) -> object:
    """The latest tasks of all nodes (recorded: 10_tasks): one's own, and with Sys.Audit on a node all of that node."""
    found: list[Task] = []
    for node in call.cluster.nodes:
        auditor = call.allowed(f"/nodes/{node}", "Sys.Audit")
        found += [task for task in call.world.tasks.on_node(node) if auditor or task.upid.user == call.identity]
    found.sort(key=lambda task: (task.upid.starttime, task.order), reverse=True)
    return [_latest(task) for task in found[:_LATEST]]


@routes.add("GET", "/cluster/nextid", {"vmid": VMID_FILTER})
def next_id(call: Call) -> object:
    """The lowest id that is free, as text, or whether this one is (not recorded)."""
    wanted = call.parameters.get("vmid")
    if wanted is None:
        return str(next(vmid for vmid in itertools.count(100) if vmid not in call.cluster.guests))
    if wanted in call.cluster.guests:
        raise ParameterError({"vmid": f"VM {wanted} already exists"})
    return str(wanted)


def node_entry(call: Call, node: Node) -> dict[str, object]:
    """A node with what the caller may know of it."""
    found: dict[str, object] = {
        "id": f"node/{node.name}",
        "node": node.name,
        "type": "node",
        "level": "",
        "status": "online" if node.online else "offline",
    }
    if node.online and call.allowed(f"/nodes/{node.name}", "Sys.Audit"):
        found.update(
            cpu=0.02, maxcpu=8, mem=guest_figures.used_memory(call.cluster, node), maxmem=node.memory,
            disk=NODE_DISK // 8, maxdisk=NODE_DISK, uptime=NODE_UPTIME,
        )  # fmt: skip
    return found


def guest_entry(call: Call, guest: Guest) -> dict[str, object]:
    """A guest's figures."""
    world = call.world
    return guest_figures.resource(guest, known=world.knows(guest), memhost=world.version.has_memhost)


def _pools(call: Call) -> Iterator[dict[str, object]]:
    for name in call.cluster.pools:
        if call.allowed(f"/pool/{name}", "Pool.Audit"):
            yield {"id": f"/pool/{name}", "pool": name, "type": "pool"}


def _guests(call: Call) -> Iterator[dict[str, object]]:
    for vmid in sorted(call.cluster.guests):
        guest = call.cluster.guests[vmid]
        if call.allowed(f"/vms/{vmid}", "VM.Audit"):
            found = guest_entry(call, guest)
            for key in ("lock", "tags") if "name" in found or guest.born == 0 else ():
                if key in (set_marks := guest_figures.marks(guest)):
                    found[key] = set_marks[key]
            if guest.pool is not None:
                found["pool"] = guest.pool
            yield found


def _storages(call: Call) -> Iterator[dict[str, object]]:
    for node in call.cluster.nodes:
        for storage in call.cluster.storages.values():
            if storage.disabled or not storage.reaches(node):
                continue
            if call.allowed(f"/storage/{storage.name}", "Datastore.Audit"):
                yield storage_figures.resource(call.world, storage, node)


def _networks(call: Call) -> Iterator[dict[str, object]]:
    if call.allowed("/sdn/zones/localnetwork", "SDN.Audit", "SDN.Use"):
        for node in call.cluster.nodes:
            yield call.world.version.network_entry(node)


def _latest(task: Task) -> dict[str, object]:
    """The broadcast of a task: without pid and pstart, ``saved`` as text."""
    parts: dict[str, object] = dict(task.upid.described())
    del parts["pid"], parts["pstart"]
    if task.endtime is not None:
        parts.update(endtime=task.endtime, status=task.status, saved="1")
    return parts
