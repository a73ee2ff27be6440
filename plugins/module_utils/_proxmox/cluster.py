# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes and guests, from one look at /cluster/resources. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer


@dataclass(frozen=True)
class Guest:
    """A VM (``qemu``) or container (``lxc``). ``name`` is None while its node is unknown to the cluster."""

    vmid: int
    name: str | None
    node: str
    type: str
    tags: frozenset[str] = frozenset()
    pool: str | None = None
    lock: str | None = None

    @property
    def label(self) -> str:
        """How a person finds it: ``101 (web1)``."""
        return f"{self.vmid} ({self.name})" if self.name else str(self.vmid)


@dataclass(frozen=True)
class Cluster:
    """What the token can see of the cluster. ``storages`` are those on any node, with what they hold."""

    nodes: Mapping[str, bool]
    guests: Mapping[int, Guest]
    pools: frozenset[str]
    storages: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def online(self, node: str) -> bool:
        """Whether the cluster says that the node is up."""
        return self.nodes.get(node, False)

    @property
    def online_nodes(self) -> list[str]:
        """The nodes that are up, by name."""
        return sorted(node for node, up in self.nodes.items() if up)


def observe_cluster(client: Client) -> Cluster:
    """One request: nodes, guests and pools. Guests without VM.Audit are left out by Proxmox without a word."""
    answer = client.get("cluster/resources")
    if not isinstance(answer, list):
        raise BadAnswer("The list of the cluster's resources is not one: check api_host and api_port.")
    entries = [entry for entry in answer if isinstance(entry, dict)]
    nodes = {str(entry["node"]): entry.get("status") == "online" for entry in _of_type(entries, "node", "node")}
    guests = [
        _guest(entry)
        for kind in ("qemu", "lxc")
        for entry in _of_type(entries, kind, "vmid", "node")
        if whole_number(entry["vmid"])
    ]
    pools = frozenset(str(entry["pool"]) for entry in _of_type(entries, "pool", "pool"))
    storages = {
        str(entry["storage"]): frozenset(str(entry.get("content") or "").split(",")) - {""}
        for entry in _of_type(entries, "storage", "storage")
    }
    return Cluster(nodes, {guest.vmid: guest for guest in guests}, pools, storages)


def _of_type(entries: list[dict[str, Any]], kind: str, *needed: str) -> list[dict[str, Any]]:
    return [
        entry for entry in entries if entry.get("type") == kind and all(entry.get(key) is not None for key in needed)
    ]


def _guest(entry: Mapping[str, Any]) -> Guest:
    tags = re.split(r"[;,\s]+", str(entry.get("tags") or ""))
    return Guest(
        vmid=whole_number(entry["vmid"]),
        name=str(entry["name"]) if entry.get("name") else None,
        node=str(entry["node"]),
        type=str(entry["type"]),
        tags=frozenset(tag for tag in tags if tag),
        pool=str(entry["pool"]) if entry.get("pool") else None,
        lock=str(entry["lock"]) if entry.get("lock") else None,
    )
