# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each node puts new backups. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import Place


class PlaceChooser:
    """The storage for new backups of each node: the wanted one, or the best that is usable there.

    Best is: enabled and active on the node, AllocateSpace granted, room for what is expected, shared before local, then
    the one with the most room.
    """

    def __init__(
        self,
        wanted: str | None,
        observation: Observation,
        problems: Mapping[str, str],
        expected: Mapping[str, int],
    ) -> None:
        self._wanted = wanted
        self._permissions = observation.permissions
        self._problems = problems
        self._expected = expected
        self._places: dict[str, list[Place]] = {}
        for place in observation.places:
            self._places.setdefault(place.node, []).append(place)
        self._broken = {listing.place: listing.error for listing in observation.listings if listing.error}
        self._node_errors = {node.node: node.error for node in observation.storages if node.error}
        self._chosen: dict[str, tuple[str | None, str]] = {}

    @property
    def refusals(self) -> dict[str, str]:
        """Why there is no place, by node."""
        return {node: why for node, (storage, why) in self._chosen.items() if storage is None}

    def place_for(self, node: str) -> tuple[str | None, str]:
        """The storage, or None and why not."""
        if node not in self._chosen:
            self._chosen[node] = self._find(node)
        return self._chosen[node]

    def _find(self, node: str) -> tuple[str | None, str]:
        if node in self._node_errors:
            return None, f"the storages of node {node} cannot be read: {self._node_errors[node]}"
        places = self._places.get(node, [])
        if self._wanted is not None:
            place = next((place for place in places if place.storage == self._wanted), None)
            if place is None:
                problem = self._problems.get(node, "it is no backup storage there")
                return None, f"storage {self._wanted} cannot be used on node {node}: {problem}"
            if not place.active:
                return None, f"storage {self._wanted} cannot be used on node {node}: it is not active there"
            if self._error_of(place):
                return None, f"the backups on storage {self._wanted} cannot be listed: {self._error_of(place)}"
            return place.storage, ""
        usable = [
            place
            for place in places
            if place.active and self._permissions.may_write(place.storage) and not self._error_of(place)
        ]
        if not usable:
            seen = f" (seen: {listed(place.storage for place in places)})" if places else ""
            return None, (
                f"no storage for backups is usable on node {node}{seen}: one must be enabled and active, hold content "
                "backup, and the token needs Datastore.AllocateSpace on it"
            )
        roomy = [place for place in usable if place.avail > self._needed(place)]
        if not roomy:
            return None, (
                f"no storage for backups on node {node} has room for {format_size(self._expected.get(node, 0))} "
                f"({listed(f'{place.storage}: {format_size(place.avail)}' for place in usable)})"
            )
        best = min(roomy, key=lambda place: (not place.shared, -place.avail, place.storage))
        return best.storage, ""

    def _error_of(self, place: Place) -> str | None:
        """Why the storage can't be listed: a backup there could never be proven."""
        return self._broken.get((place.storage, None if place.shared else place.node))

    def _needed(self, place: Place) -> int:
        """Bytes that must be free. A backup server stores only what is new, so earlier sizes say nothing there."""
        if place.type == "pbs":
            return 0
        return sum(self._expected.values()) if place.shared else self._expected.get(place.node, 0)
