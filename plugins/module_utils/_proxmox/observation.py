# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that is read before anything is decided. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, Listing, observe_listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, observe_cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost, ApiError, BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import (
    Permissions,
    observe_permissions,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import (
    NodeStorages,
    Place,
    observe_storages,
)


@dataclass(frozen=True)
class Observation:
    """The state of a cluster and its backups at one moment.

    ``clock_offsets`` says by how many seconds a node's clock is ahead of the controller's; ``default_offset`` is that
    of the API server, for nodes whose clock isn't known. ``zones`` are the time zones of the nodes whose clock is.
    """

    cluster: Cluster
    permissions: Permissions
    storages: tuple[NodeStorages, ...]
    listings: tuple[Listing, ...]
    observed_at: float
    clock_offsets: Mapping[str, float]
    default_offset: float
    zones: Mapping[str, str] = field(default_factory=dict)

    @property
    def places(self) -> list[Place]:
        """Every storage on every node that answered."""
        return [place for node in self.storages for place in node.places]

    @property
    def backups(self) -> list[Backup]:
        """Every backup that is shown, newest first."""
        found = [backup for listing in self.listings for backup in listing.backups]
        return sorted(found, key=lambda backup: (-backup.ctime, backup.volid))

    def going_on(self, clock: Clock) -> Callable[[str], float]:
        """Each node's clock from now on: where the observation left it, and as much later as has passed since."""
        drift = clock.now() - self.observed_at - clock.monotonic()
        return lambda node: self.now(node) + drift + clock.monotonic()

    def now(self, node: str | None = None) -> float:
        """Epoch seconds by the node's clock at the time of the observation."""
        return self.observed_at + self.clock_offsets.get(node or "", self.default_offset)


def observe(client: Client, clock: Clock, storages: Iterable[str] | None = None) -> Observation:
    """Look at the cluster.

    One request for resources, one for permissions, one a node for its storages (and one for its clock where the token
    may read it), one a storage for its backups (a node, where it is local). ``storages`` restricts the listings to
    these names.
    """
    cluster = observe_cluster(client)
    permissions = observe_permissions(client)
    of_nodes = observe_storages(client, cluster.online_nodes, clock.now)
    wanted = None if storages is None else set(storages)
    places = [place for node in of_nodes for place in node.places if wanted is None or place.storage in wanted]
    listings = list_places(client, places)
    offsets, zones = _clocks(client, clock, cluster, permissions)
    dates = [node.date - node.asked_at for node in of_nodes if node.date is not None]
    offset = dates[0] if dates else 0.0
    return Observation(cluster, permissions, tuple(of_nodes), tuple(listings), clock.now(), offsets, offset, zones)


def list_places(client: Client, places: Iterable[Place]) -> list[Listing]:
    """One listing a storage, one a node where it is local.

    A shared storage that fails on one node is asked for on another before it counts as unreadable.
    """
    groups: dict[tuple[str, str], list[Place]] = {}
    for place in places:
        groups.setdefault((place.storage, "" if place.shared else place.node), []).append(place)

    def of_group(group: list[Place]) -> Listing:
        active = [place for place in group if place.active]
        if not active:
            first = group[0]
            why = f"Storage {first.storage} is not active on {'any node' if first.shared else 'node ' + first.node}."
            return Listing(first.storage, first.node, first.shared, (), why)
        listing = observe_listing(client, active[0].storage, active[0].node, active[0].shared)
        if listing.error and len(active) > 1:
            return observe_listing(client, active[1].storage, active[1].node, active[1].shared)
        return listing

    return side_by_side(of_group, groups.values())


def _clocks(
    client: Client, clock: Clock, cluster: Cluster, permissions: Permissions
) -> tuple[dict[str, float], dict[str, str]]:
    """By how many seconds each node's clock is ahead, and its time zone.

    Reading them needs Sys.Audit on the node; without it the Date of the API server's answers has to do.
    """
    readable = [node for node in cluster.online_nodes if permissions.allows("Sys.Audit", f"/nodes/{node}")]

    def read(node: str) -> tuple[str, float | None, str | None]:
        try:
            answer = client.get(path_of("nodes", node, "time"))
        except (ApiError, AnswerLost, BadAnswer):
            return node, None, None  # the node went away since; the API server's clock stands in for its own
        fields = answer if isinstance(answer, dict) else {}
        seconds = whole_number(fields.get("time"))
        return node, seconds - clock.now() if seconds else None, fields.get("timezone") or None

    found = side_by_side(read, readable)
    offsets = {node: seconds for node, seconds, _zone in found if seconds is not None}
    return offsets, {node: str(zone) for node, _seconds, zone in found if zone is not None}
