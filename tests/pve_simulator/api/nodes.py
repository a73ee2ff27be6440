# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes: the list, a node's index, status and clock."""

from __future__ import annotations

from datetime import timedelta

from pve_simulator.api.cluster import NODE_DISK, NODE_UPTIME, node_entry
from pve_simulator.guests import figures
from pve_simulator.schema.shared import NODE
from pve_simulator.state import clock as clocks
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

_AUDIT = Privilege("/nodes/{node}", ("Sys.Audit",))


@routes.add("GET", "/nodes")
def nodes(call: Call) -> object:
    """The nodes; their figures are for those with Sys.Audit (recorded: 02_auth)."""
    return [
        {**node_entry(call, node), "ssl_fingerprint": call.world.fingerprint} for node in call.cluster.nodes.values()
    ]


@routes.add("GET", "/nodes/{node}", {"node": NODE})
def index(call: Call) -> object:
    """The areas of a node that are simulated."""
    return [{"name": name} for name in ("lxc", "qemu", "status", "storage", "tasks", "time", "vzdump")]


@routes.add("GET", "/nodes/{node}/status", {"node": NODE}, _AUDIT)
def status(call: Call) -> object:
    """A node's state (only its refusal is recorded: 02_auth)."""
    version = call.world.version
    node = call.cluster.nodes[call.node]
    used = figures.used_memory(call.cluster, node)
    free = node.memory - used
    return {
        "pveversion": f"pve-manager/{version.version}/{version.repoid}",
        "uptime": NODE_UPTIME,
        "cpu": 0.02,
        "wait": 0,
        "idle": 0,
        "loadavg": ["0.02", "0.02", "0.00"],
        "memory": {"total": node.memory, "used": used, "free": free, "available": free},
        "swap": {"total": 0, "used": 0, "free": 0},
        "rootfs": {"total": NODE_DISK, "used": NODE_DISK // 8, "free": NODE_DISK // 8 * 7, "avail": NODE_DISK // 8 * 7},
        "cpuinfo": {"cpus": 8, "cores": 8, "sockets": 1, "model": "simulated", "mhz": "2000.000", "user_hz": 100},
        "kversion": "Linux 6.8.12-1-pve",
    }


@routes.add("GET", "/nodes/{node}/time", {"node": NODE}, _AUDIT)
def clock(call: Call) -> object:
    """A node's clock (not recorded). ``localtime`` is the epoch with the zone's offset added."""
    now = int(call.world.now(call.node))
    offset = clocks.local(now, call.world.zone(call.node)).utcoffset() or timedelta()
    zone = call.cluster.nodes[call.node].timezone
    return {"timezone": zone, "time": now, "localtime": now + int(offset.total_seconds())}
