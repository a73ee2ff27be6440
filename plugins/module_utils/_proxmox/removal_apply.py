# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remove backups one by one and look whether they are gone. Private to this collection.

Proxmox' own call that prunes takes every guest's backups along or needs a call a guest, and more rights; removing one
by one needs VM.Backup on the owner and Datastore.AllocateSpace on the storage.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, Listing, observe_listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Fate, RemovalPlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import succeeded, wait_for_end
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

REMOVALS = 4
"""Removals at once in one place: enough to hide their waits, few enough for a storage and for pvedaemon."""
PLACES = 4
"""Places at once: other storages, or other nodes' own ones."""

Again = Callable[[Listing], RemovalPlan]


@dataclass
class RemovalOutcome:
    """What became of each planned removal, and the tasks that did it. ``gone`` is what somebody else removed before."""

    removed: list[Fate] = field(default_factory=list)
    failed: list[Fate] = field(default_factory=list)
    spared: list[Fate] = field(default_factory=list)
    gone: list[Fate] = field(default_factory=list)
    upids: dict[Upid, str | None] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def note(self, upid: Upid, exitstatus: str | None) -> None:
        """A task was started, or has ended; from any thread."""
        with self._guard:
            self.upids[upid] = exitstatus


@dataclass(frozen=True)
class _Removing:
    """What all removals of a run share."""

    client: Client
    clock: Clock
    deadline: Deadline
    outcome: RemovalOutcome


def remove_all(client: Client, clock: Clock, deadline: Deadline, plan: RemovalPlan, again: Again) -> RemovalOutcome:
    """Carry out the plan: in each place look again, remove what is still to go, look whether it is gone.

    ``again`` plans anew from a fresh listing of a place. What it doesn't remove any more is spared: somebody has
    protected it, or removed one that was to be kept. A backup counts as removed when the storage lists it no more,
    whatever Proxmox has said. Never raises for what Proxmox does: what was done must be told.
    """
    run = _Removing(client, clock, deadline, RemovalOutcome())
    parts = side_by_side(lambda fates: _remove_place(run, fates, again), _by_place(plan.removals), PLACES)
    for part in parts:
        run.outcome.removed.extend(part.removed)
        run.outcome.failed.extend(part.failed)
        run.outcome.spared.extend(part.spared)
        run.outcome.gone.extend(part.gone)
    return run.outcome


def listed_now(client: Client, storage: str, node: str) -> Listing:
    """What lies there; whatever keeps it from being listed is a finding."""
    try:
        return observe_listing(client, storage, node, False)
    except ProxmoxError as failure:
        return Listing(storage, node, False, (), failure.message)


def _by_place(fates: Sequence[Fate]) -> list[list[Fate]]:
    places: dict[tuple[str, str], list[Fate]] = {}
    for fate in fates:
        places.setdefault((fate.backup.storage, fate.backup.node), []).append(fate)
    return list(places.values())


def _remove_place(run: _Removing, fates: Sequence[Fate], again: Again) -> RemovalOutcome:
    part = RemovalOutcome()
    if run.deadline.passed():
        part.failed.extend(Fate(fate.backup, _too_late(run)) for fate in fates)
        return part
    first = fates[0].backup
    listing = listed_now(run.client, first.storage, first.node)
    if listing.error:
        part.failed.extend(Fate(fate.backup, f"the storage cannot be listed: {listing.error}") for fate in fates)
        return part
    there = {backup.volid for backup in listing.backups}
    anew = again(listing)
    stays = {fate.backup.volid for fate in anew.kept}
    going = {fate.backup.volid: fate for fate in anew.removals if fate.backup.volid not in stays}
    todo = [going[fate.backup.volid] for fate in fates if fate.backup.volid in going]
    part.gone.extend(fate for fate in fates if fate.backup.volid not in there)
    part.spared.extend(
        Fate(fate.backup, "what lies on the storage has changed since the plan was made")
        for fate in fates
        if fate.backup.volid in there and fate.backup.volid not in going
    )
    if todo:
        _remove(run, todo, part)
    return part


def _remove(run: _Removing, todo: Sequence[Fate], part: RemovalOutcome) -> None:
    problems = side_by_side(lambda fate: _remove_one(run, fate.backup), todo, REMOVALS)
    first = todo[0].backup
    after = listed_now(run.client, first.storage, first.node)
    left = {backup.volid: backup for backup in after.backups}
    for fate, said in zip(todo, problems):
        if not after.error and fate.backup.volid not in left:
            part.removed.append(fate)
        else:
            problem = said or _not_proven(after)
            part.failed.append(Fate(fate.backup, problem + _protected_again(run, fate.backup, after, left)))


def _not_proven(after: Listing) -> str:
    """Why a removal that Proxmox calls done doesn't count as one."""
    why = f"cannot be listed: {after.error}" if after.error else "still lists it"
    return f"Proxmox says it is removed, but the storage {why}"


def _too_late(run: _Removing) -> str:
    return f"{'the run was interrupted' if run.deadline.interrupted else 'the time was up'} before its turn"


def _remove_one(run: _Removing, backup: Backup) -> str | None:
    """Remove it; where it is protected, its protection is taken off before. Returns what went wrong."""
    if run.deadline.passed():
        return _too_late(run)
    path = _path(backup)
    try:
        if backup.protected:
            run.client.put(path, protected=0)
        upid = Upid.parse(run.client.delete(path))
        if upid is None:
            return None
        run.outcome.note(upid, None)
        exitstatus = wait_for_end(run.client, upid, run.deadline, run.clock).exitstatus
        run.outcome.note(upid, exitstatus)
    except LifeboatError as failure:
        return failure.message
    if succeeded(exitstatus):
        return None
    return f"task {upid.text} still runs" if exitstatus is None else exitstatus


def _protected_again(run: _Removing, backup: Backup, after: Listing, left: Mapping[str, Backup]) -> str:
    """Put the protection of a backup that couldn't be removed back; where that isn't known to be done, what to say.

    Proxmox answers OK for a backup that isn't there, and leaves a stray file (07_notes_protected_delete): without a
    listing the backup itself is asked for.
    """
    if not backup.protected or (backup.volid in left and left[backup.volid].protected):
        return ""
    try:
        if after.error:
            run.client.get(_path(backup))
    except LifeboatError as failure:
        return f"; its protection was taken off, and whether it is there is not known: {failure.message}"
    try:
        run.client.put(_path(backup), protected=1)
    except LifeboatError as failure:
        return f"; its protection was taken off, and putting it back failed: {failure.message}"
    return ""


def _path(backup: Backup) -> str:
    return path_of("nodes", backup.node, "storage", backup.storage, "content", backup.volid)
