# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scheduled backup jobs as the cluster shows them. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import (
    ALL,
    BY_API,
    ENABLED,
    EXCLUDE,
    FIELDS,
    NODE,
    NOT_FIELDS,
    POOL,
    VMIDS,
    Field,
    Value,
)


@dataclass(frozen=True)
class Job:
    """A job. ``shown`` is what the API shows of it; ``next_run`` in epoch seconds, None where it has none."""

    id: str
    shown: Mapping[str, Any] = field(default_factory=dict)
    next_run: int | None = None
    _known: dict[str, Value] = field(default_factory=dict, compare=False, repr=False)

    def value(self, of: Field) -> Value:
        """A field in its one form; its default where the job has none. Read once: a list of ids may be long."""
        if of.option not in self._known:
            self._known[of.option] = of.of(self.shown.get(of.api))
        return self._known[of.option]

    def has(self, of: Field) -> bool:
        """Whether it is set at all."""
        return self.shown.get(of.api) is not None

    @property
    def enabled(self) -> bool:
        """Whether it runs; jobs written by hand may not say (pve-manager: they do)."""
        return bool(self.value(ENABLED))

    @property
    def selection(self) -> Field | None:
        """By which field it chooses guests; None where it says nothing."""
        if self.value(VMIDS):
            return VMIDS
        if self.value(POOL):
            return POOL
        return ALL if self.value(ALL) else None

    @property
    def removable(self) -> list[str]:
        """The names, at Proxmox, of all that is set and could be removed."""
        fixed = {one.api for one in BY_API.values() if one.fixed}
        return sorted(name for name in self.shown if name not in NOT_FIELDS | fixed)

    def guests(self, cluster: Cluster) -> frozenset[int]:
        """The ids that it takes in, also those that it names and nobody has.

        A job that is bound to a node takes in the guests that are there (pve-manager VZDump.pm).
        """
        node, chosen = self.value(NODE), self._chosen(cluster)
        here = (
            vmid for vmid in chosen if node is None or vmid not in cluster.guests or cluster.guests[vmid].node == node
        )
        return frozenset(here)

    def _chosen(self, cluster: Cluster) -> frozenset[int]:
        """The guests that it would take in on any node."""
        if self.selection is VMIDS:
            return frozenset(self.value(VMIDS))
        if self.selection is POOL:
            pool = self.value(POOL)
            return frozenset(guest.vmid for guest in cluster.guests.values() if guest.pool == pool)
        if self.selection is ALL:
            return frozenset(cluster.guests) - frozenset(self.value(EXCLUDE))
        return frozenset()

    def as_result(self) -> dict[str, Any]:
        """The job under the names of the module's options; what it doesn't set is left out."""
        told = {option: plain(self.value(of)) for option, of in FIELDS.items() if self.has(of)}
        return {"id": self.id, "enabled": self.enabled, "next_run": self.next_run, **told}


def plain(value: Value) -> Any:
    """A value as results hold it."""
    return list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def observe_jobs(client: Client) -> dict[str, Job]:
    """All jobs by id, in one request. Needs Sys.Audit on /.

    Jobs of another type than vzdump are left out (the path has none, up to 9.2).
    """
    answer = client.get("cluster/backup")
    if not isinstance(answer, list):
        raise BadAnswer("The list of backup jobs is not one: check api_host and api_port.")
    found = {}
    for entry in answer:
        if isinstance(entry, dict) and entry.get("id") and entry.get("type", "vzdump") == "vzdump":
            next_run = whole_number(entry.get("next-run")) or None
            found[str(entry["id"])] = Job(str(entry["id"]), entry, next_run)
    return found
