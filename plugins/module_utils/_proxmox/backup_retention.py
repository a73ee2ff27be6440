# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retention as a part of a backup run: foretold in check mode, else applied afterwards. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import (
    Backup,
    Listing,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob, Plan, Wish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_run import BackupRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_apply import listed_now, remove_all
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import (
    Fate,
    Owners,
    RemovalPlan,
    Retention,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import Pruning
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import StorageRetention

PlaceKey = tuple[str, "str | None"]
"""A storage, and the node where it is local."""


def foretold(wish: Wish, planned: Plan, observation: Observation, of_storages: Sequence[StorageRetention]) -> Pruning:
    """What would be removed once the planned backups are made: by the storages' own retention, then by ``keep``."""
    times = LocalTimes(observation.zones)
    listings = {listing.place: listing for listing in observation.listings}
    by_storage, warnings = _by_storages(wish, planned.jobs, listings, observation, of_storages)
    if wish.keep is None:
        return Pruning(by_storage, None, tuple(warnings))
    gone = {fate.backup.key for fate in by_storage.removals}
    retention = Retention(wish.keep, times, observation.now, new_is_protected=wish.protected)
    new = {decision.guest.vmid for decision in planned.decisions if decision.action == "back_up"}
    plan = RemovalPlan.of_places(
        retention.apply([one for one in listings[place].backups if one.key not in gone], owners, new)
        for place, owners in _planned_places(planned, listings).items()
    )
    return Pruning(by_storage.and_then(plan), None, (*warnings, *zone_warnings(times, plan)))


def after_backups(run: BackupRun, keep: Keep, observation: Observation, proofs: Mapping[int, Backup]) -> Pruning:
    """Apply ``keep`` to the guests of which a good backup is proven (``proofs``), each where that backup lies.

    A guest whose backup failed keeps everything.
    """
    types = {guest.vmid: guest.type for guest in observation.cluster.guests.values()}
    shared = {place.storage for place in observation.places if place.shared}
    owners: dict[PlaceKey, dict[int, str | None]] = {}
    nodes: dict[PlaceKey, str] = {}

    def place_of(storage: str, node: str) -> PlaceKey:
        return storage, None if storage in shared else node

    for vmid, backup in proofs.items():
        place = place_of(backup.storage, backup.node)
        owners.setdefault(place, {})[vmid] = types.get(vmid)
        nodes[place] = backup.node
    times = LocalTimes(observation.zones)
    retention = Retention(keep, times, run.node_now)
    plans: list[RemovalPlan] = []
    problems: list[str] = []
    listings = side_by_side(lambda place: listed_now(run.client, place[0], nodes[place]), owners)
    for (place, meant), listing in zip(owners.items(), listings):
        if listing.error:
            problems.append(f"No retention was applied on storage {place[0]}: {listing.error}")
        plans.append(retention.apply(listing.backups, meant))
    plan = RemovalPlan.of_places(plans)

    def again(listing: Listing) -> RemovalPlan:
        return retention.apply(listing.backups, owners[place_of(listing.storage, listing.node)])

    outcome = remove_all(run.client, run.clock, run.deadline, plan, again)
    return Pruning(plan, outcome, (*problems, *zone_warnings(times, plan)))


def zone_warnings(times: LocalTimes, plan: RemovalPlan) -> list[str]:
    """Where days were counted in UTC, because the node's time zone can't be read."""
    guessed = times.guessed(fate.backup for fate in (*plan.removals, *plan.kept))
    if not guessed:
        return []
    warning = (
        f"The time zone of node {listed(guessed)} is not known, so the days, weeks and months of backups on a backup "
        f"server were counted in UTC; grant Sys.Audit on {listed(f'/nodes/{node}' for node in guessed)}, and have time "
        "zone data where the module runs."
    )
    return [warning]


def _by_storages(
    wish: Wish,
    jobs: Sequence[NodeJob],
    listings: Mapping[PlaceKey, Listing],
    observation: Observation,
    of_storages: Sequence[StorageRetention],
) -> tuple[RemovalPlan, list[str]]:
    plan = RemovalPlan()
    warnings: list[str] = []
    times = LocalTimes(observation.zones)
    for job, found in zip(jobs, of_storages):
        place = _place_of(job.storage, job.node, listings)
        if found.problem is not None:
            warnings.append(
                f"Whether storage {job.storage} removes older backups after each backup cannot be told: {found.problem}"
            )
        if found.keep.all or place is None:
            continue
        retention = Retention(found.keep, times, observation.now, False, wish.protected)
        owners: Owners = {guest.vmid: guest.type for guest in job.guests}
        part = retention.apply(listings[place].backups, owners, set(owners))
        why = f"retention of the storage ({found.keep})"
        plan = plan.and_then(RemovalPlan(tuple(Fate(fate.backup, why) for fate in part.removals), part.kept))
        if part.removals:
            warnings.append(
                f"Storage {job.storage} removes {counted(len(part.removals), 'older backup')} of guests on node "
                f"{job.node} by its own retention ({found.keep}); storage_retention false prevents that."
            )
    return plan, warnings


def _planned_places(planned: Plan, listings: Mapping[PlaceKey, Listing]) -> dict[PlaceKey, dict[int, str | None]]:
    """Where each guest's newest good backup will lie: where the new one goes, or where the fresh one is."""
    owners: dict[PlaceKey, dict[int, str | None]] = {}
    for decision in planned.decisions:
        newest = decision.judgement.newest
        place: PlaceKey | None = None
        if decision.action == "back_up":
            place = _place_of(decision.storage or "", decision.guest.node, listings)
        elif decision.action == "keep" and newest is not None:
            place = _place_of(newest.storage, newest.node, listings)
        if place is not None:
            owners.setdefault(place, {})[decision.guest.vmid] = decision.guest.type
    return owners


def _place_of(storage: str, node: str, listings: Mapping[PlaceKey, Listing]) -> PlaceKey | None:
    return next((place for place in ((storage, None), (storage, node)) if place in listings), None)
