# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where backups can lie: the storages with content ``backup``, node by node. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    ProxmoxError,
)


@dataclass(frozen=True)
class Place:
    """A backup storage as one node sees it; ``avail`` and ``total`` in bytes."""

    storage: str
    node: str
    type: str
    shared: bool
    active: bool
    avail: int
    total: int


@dataclass(frozen=True)
class NodeStorages:
    """The enabled backup storages of one node, or why they can't be told; ``date`` is the API server's clock."""

    node: str
    places: tuple[Place, ...]
    error: str | None = None
    date: float | None = None
    asked_at: float = 0.0


def observe_storages(client: Client, nodes: Iterable[str], now: Any) -> list[NodeStorages]:
    """One request a node. ``now`` is the controller's clock, to compare with the answer's date."""

    def of_node(node: str) -> NodeStorages:
        try:
            answer = client.read(path_of("nodes", node, "storage"), content="backup")
        except (ApiError, AnswerLost, BadAnswer) as failure:
            return NodeStorages(node, (), failure.message)
        if not isinstance(answer.data, list):
            return NodeStorages(node, (), f"The list of storages of node {node} is not a list.")
        places = [_place(node, entry) for entry in answer.data if isinstance(entry, dict) and entry.get("storage")]
        return NodeStorages(node, tuple(sorted(places, key=lambda place: place.storage)), None, answer.date, now())

    return side_by_side(of_node, nodes)


def diagnosed_storage(client: Client, node: str, storage: str) -> str:
    """Why ``storage`` is not among the node's backup storages, as the end of a sentence. One request."""
    try:
        answer = client.get(path_of("nodes", node, "storage"), storage=storage)
    except ProxmoxError as failure:
        known = isinstance(failure, ApiError) and failure.status == 400
        return "there is no storage of this name" if known else failure.message
    entry = answer[0] if isinstance(answer, list) and answer and isinstance(answer[0], dict) else None
    if entry is None:
        return (
            f"the token may not see it or node {node} does not have it; backups need Datastore.AllocateSpace on "
            f"/storage/{storage}"
        )
    if not _flag(entry, "enabled"):
        return "it is disabled"
    content = {part.strip() for part in str(entry.get("content") or "").split(",")}
    if "backup" not in content:
        return f"its content is {entry.get('content')}, without backup"
    return "Proxmox does not list it for backups"


def _flag(entry: Mapping[str, Any], key: str) -> bool:
    return str(entry.get(key, 0)) == "1"


def _place(node: str, entry: Mapping[str, Any]) -> Place:
    return Place(
        storage=str(entry["storage"]),
        node=node,
        type=str(entry.get("type") or ""),
        shared=_flag(entry, "shared"),
        active=_flag(entry, "active"),
        avail=whole_number(entry.get("avail")),
        total=whole_number(entry.get("total")),
    )
