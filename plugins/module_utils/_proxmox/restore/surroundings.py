# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all restores of a run share; what several need is asked once. Private to this collection."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import (
    GuestStorage,
    StorageSettings,
    observe_guest_storages,
    observe_storage_settings,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import exists
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation

_RELEASE = re.compile(r"^(\d+)\.(\d+)")


@dataclass
class Surroundings:
    """What all restores of a run share; what several need is asked once. May be used from any thread.

    ``planning`` is held from a look at the room to its reservation.
    """

    client: Client
    clock: Clock
    observation: Observation
    settings: Mapping[str, StorageSettings]
    version: tuple[int, int]
    _storages: dict[str, dict[str, GuestStorage]] = field(default_factory=dict)
    _shared: dict[str, int] = field(default_factory=dict)
    _replications: list[Mapping[str, Any]] | None = None
    _taken: set[int] = field(default_factory=set)
    planning: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def age(self, backup: Backup) -> int:
        """Seconds since a backup was made, by its node's clock."""
        return max(0, int(self.observation.now(backup.node)) - backup.ctime)

    def storages_of(self, node: str) -> Mapping[str, GuestStorage]:
        """The storages of a node."""
        with self._guard:
            if node not in self._storages:
                self._storages[node] = observe_guest_storages(self.client, node)
                for name, size in self._shared.items():
                    self._take(node, name, size)
            return dict(self._storages[node])

    def replications_of(self, vmid: int) -> tuple[str, ...]:
        """The nodes that a guest is replicated to."""
        with self._guard:
            if self._replications is None:
                answer = self.client.get("cluster/replication")
                entries = answer if isinstance(answer, list) else []
                self._replications = [entry for entry in entries if isinstance(entry, Mapping)]
            jobs = [entry for entry in self._replications if whole_number(entry.get("guest")) == vmid]
        return tuple(sorted(str(entry.get("target")) for entry in jobs))

    def free_id(self) -> int:
        """The next free id that no other restore of this run was given."""
        with self._guard:
            vmid = whole_number(self.client.get("cluster/nextid"))
            if vmid < 100:
                raise BadAnswer("The next free id is none.")
            while vmid in self._taken or (self._taken and exists(self.client, vmid)):
                vmid += 1
            self._taken.add(vmid)
            return vmid

    def keep_free(self, vmids: Iterable[int]) -> None:
        """Ids that other restores are to have, or have left a copy on."""
        with self._guard:
            self._taken.update(vmids)

    def reserve(self, node: str, wanted: Mapping[str, int]) -> None:
        """Room that a restore of this run takes: what is left is for the others."""
        with self._guard:
            for name, size in wanted.items():
                here = self._storages.get(node, {}).get(name)
                if here is None or not here.shared:
                    self._take(node, name, size)
                    continue
                self._shared[name] = self._shared.get(name, 0) + size  # the same room on all nodes
                for other in self._storages:
                    self._take(other, name, size)

    def forget_storages(self) -> None:
        """Nobody has anything reserved any more: from now on storages are asked again."""
        with self._guard:
            self._storages.clear()
            self._shared.clear()

    def _take(self, node: str, name: str, size: int) -> None:
        storages = self._storages.get(node, {})
        if name in storages:
            storages[name] = replace(storages[name], avail=storages[name].avail - size)

    def give_back(self, vmid: int) -> None:
        """An id that wasn't needed."""
        with self._guard:
            self._taken.discard(vmid)


def observe_surroundings(client: Client, clock: Clock, observation: Observation) -> Surroundings:
    """Two requests: what is set for storages, and the version."""
    answer = client.get("version")
    release = _RELEASE.match(str(answer.get("version") or "")) if isinstance(answer, Mapping) else None
    version = (int(release.group(1)), int(release.group(2))) if release else (0, 0)
    return Surroundings(client, clock, observation, observe_storage_settings(client), version)
