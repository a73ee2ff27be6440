# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages as guests' volumes need them, and what the cluster has set for a storage. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer

CONTENT = {"lxc": "rootdir", "qemu": "images"}
"""The content type that a storage needs for the volumes of a guest."""
DEFAULT_LIMIT = 5
"""Protected backups of a guest that a storage takes from those without Datastore.Allocate (pve-storage Storage.pm)."""
_THICK = frozenset({"lvm", "iscsi", "iscsidirect", "zfs", "zfspool"})


@dataclass(frozen=True)
class GuestStorage:
    """A storage as one node sees it; ``avail`` and ``total`` in bytes."""

    storage: str
    type: str
    content: frozenset[str]
    enabled: bool
    active: bool
    avail: int
    total: int
    shared: bool = False

    @property
    def thick(self) -> bool:
        """Whether a volume takes its whole size at once."""
        return self.type in _THICK


@dataclass(frozen=True)
class StorageSettings:
    """What is set for a storage. ``max_protected`` is None where nothing is set, -1 for any number."""

    storage: str
    max_protected: int | None
    has_key: bool

    def limit(self, may_allocate: bool) -> int | None:
        """How many protected backups it takes of a guest; None for any number."""
        if self.max_protected is None:
            return None if may_allocate else DEFAULT_LIMIT
        return None if self.max_protected < 0 else self.max_protected


def observe_guest_storages(client: Client, node: str) -> dict[str, GuestStorage]:
    """All storages of a node that the token may see, by name. One request."""
    answer = client.get(path_of("nodes", node, "storage"))
    if not isinstance(answer, list):
        raise BadAnswer(f"The list of storages of node {node} is not a list.")
    found = [_storage(entry) for entry in answer if isinstance(entry, Mapping) and entry.get("storage")]
    return {storage.storage: storage for storage in found}


def observe_storage_settings(client: Client) -> dict[str, StorageSettings]:
    """The settings of the storages that the token may see. One request."""
    answer = client.get("storage")
    entries = [entry for entry in answer if isinstance(entry, Mapping)] if isinstance(answer, list) else []
    return {
        str(entry["storage"]): StorageSettings(
            str(entry["storage"]),
            None if entry.get("max-protected-backups") is None else whole_number(entry["max-protected-backups"]),
            bool(entry.get("encryption-key")),
        )
        for entry in entries
        if entry.get("storage")
    }


def _storage(entry: Mapping[str, Any]) -> GuestStorage:
    content = frozenset(part.strip() for part in str(entry.get("content") or "").split(",") if part.strip())
    return GuestStorage(
        str(entry["storage"]),
        str(entry.get("type") or ""),
        content,
        whole_number(entry.get("enabled"), 1) == 1,
        whole_number(entry.get("active")) == 1,
        whole_number(entry.get("avail")),
        whole_number(entry.get("total")),
        whole_number(entry.get("shared")) == 1,
    )
