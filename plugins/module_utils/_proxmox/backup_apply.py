# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out a backup plan on several nodes at once. Private to this collection."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    Ended,
    Event,
    ForeignEnded,
    NothingLocal,
    Skipped,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_journal import BackupJournal
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import (
    NodeJob,
    Plan,
    Wish,
    plan_moved,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_run import BackupRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_verdict import INTERRUPTED
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest, observe_cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.node_run import run_node
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, list_places
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import Place
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import succeeded

MOVES = 2
"""How often guests that have moved to another node are followed there."""


@dataclass
class Outcome:
    """What happened, in order, and what lies on the storages afterwards.

    ``unlisted`` names the storages that couldn't be listed then, with the reason; ``listed`` those that were, with the
    node where they are local.
    """

    events: list[Event] = field(default_factory=list)
    backups: list[Backup] = field(default_factory=list)
    unlisted: dict[str, str] = field(default_factory=dict)
    listed: set[tuple[str, str | None]] = field(default_factory=set)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def emit(self, event: Event) -> None:
        """Note what happened; from any thread."""
        with self._guard:
            self.events.append(event)


def begin(
    client: Client,
    clock: Clock,
    wish: Wish,
    observation: Observation,
    outcome: Outcome,
    journal: BackupJournal,
    interruption: Interruption,
) -> BackupRun:
    """The run of a wish: its time begins now, and what happens is noted in ``outcome``."""
    return BackupRun(
        client,
        clock,
        Deadline.after(clock, wish.timeout, interruption),
        observation.permissions,
        wish.storage,
        wish.max_age,
        wish.parameters,
        wish.wait,
        wish.cancel_on_timeout,
        wish.cancel_on_interrupt,
        journal,
        observation.observed_at,
        frozenset(backup.volid for listing in observation.listings for backup in listing.backups),
        observation.going_on(clock),
        outcome.emit,
    )


def apply(run: BackupRun, wish: Wish, plan: Plan, observation: Observation, outcome: Outcome) -> None:
    """Run the plan's jobs, at most ``max_parallel`` nodes at once, and look at the storages afterwards.

    Guests that left their node in between are followed to where they are now.
    """
    places = {(place.storage, place.node): place for place in observation.places}
    jobs: Sequence[NodeJob] = plan.jobs
    for _round in range(1 + MOVES):
        if not jobs:
            break
        seen = len(outcome.events)
        side_by_side(lambda job: run_node(run, job), jobs, wish.max_parallel or max(1, len(jobs)))
        round_events = outcome.events[seen:]
        if wish.wait:
            _look(run.client, outcome, _written(round_events, places))
        left = _unmentioned(jobs, round_events, outcome.backups)
        if not left:
            break
        jobs, reasons = _follow_moves(run.client, jobs, left)
        for vmid, reason in reasons.items():
            run.emit(Skipped((vmid,), reason, failed=True))
    else:
        left_ids = tuple(guest.vmid for job in jobs for guest in job.guests)
        if left_ids:
            run.emit(Skipped(left_ids, "it moved to another node each time it was to be backed up", failed=True))


def _written(events: Sequence[Event], places: Mapping[tuple[str, str], Place]) -> list[Place]:
    """The storages that tasks wrote to, by us or by those that were waited for."""
    ended = [event for event in events if isinstance(event, (Ended, ForeignEnded)) and event.storage is not None]
    pairs = {(str(event.storage), event.upid.node) for event in ended}
    # A guest that moved may have been backed up on a node where the storage wasn't seen before.
    return [places.get(pair, Place(*pair, "", False, True, 0, 0)) for pair in sorted(pairs)]


def _look(client: Client, outcome: Outcome, written: Sequence[Place]) -> None:
    """The evidence: one listing a storage that was written to (a node, where it is local)."""
    try:
        listings = list_places(client, written)
    except ProxmoxError as failure:
        outcome.unlisted.update({place.storage: failure.message for place in written})
        return
    for listing in listings:
        if listing.error:
            outcome.unlisted[listing.storage] = listing.error
        else:
            outcome.listed.add(listing.place)
        outcome.backups.extend(listing.backups)


def _unmentioned(jobs: Sequence[NodeJob], events: Sequence[Event], backups: Sequence[Backup]) -> list[Guest]:
    """Guests of whom a successful task says nothing and no new archive tells: they weren't on the node any more."""
    guests = {guest.vmid: guest for job in jobs for guest in job.guests}
    left: set[int] = set()
    for event in events:
        if isinstance(event, NothingLocal):
            left.update(event.vmids)
        elif isinstance(event, Ended) and not event.timed_out and _spoke_of_all(event):
            cut = any(not part.finished and part.error is None for part in event.log.guests.values())
            interrupted = any(INTERRUPTED in (part.error or "") for part in event.log.guests.values())
            if event.log.command is None or cut or interrupted:
                continue  # the log is no witness: it was cut off, or the task was ended before it came to them
            new = {backup.vmid for backup in backups if backup.ctime >= event.upid.starttime}
            left.update(vmid for vmid in event.vmids if vmid not in event.log.guests and vmid not in new)
    return [guests[vmid] for vmid in sorted(left)]


def _spoke_of_all(event: Ended) -> bool:
    """Whether the task came to its end, so that a guest it doesn't mention wasn't there."""
    return succeeded(event.exitstatus) or event.exitstatus == "job errors"


def _follow_moves(
    client: Client, jobs: Sequence[NodeJob], left: Sequence[Guest]
) -> tuple[list[NodeJob], dict[int, str]]:
    storages = {guest.vmid: job.storage for job in jobs for guest in job.guests}
    try:
        cluster = observe_cluster(client)
    except ProxmoxError as failure:
        return [], {guest.vmid: f"node {guest.node} said nothing about it: {failure.message}" for guest in left}
    return plan_moved(left, storages, cluster)


def waited_for(outcome: Outcome) -> dict[str, frozenset[int]]:
    """The guests that somebody else's tasks were seen to finish, by UPID."""
    found: dict[str, frozenset[int]] = {}
    for event in outcome.events:
        if isinstance(event, ForeignEnded):
            found[event.upid.text] = found.get(event.upid.text, frozenset()) | set(event.vmids)
    return found
