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
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Fate, RemovalPlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import succeeded, wait_for_end
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

REMOVALS = 4
"""Removals at once: enough to hide their waits, few enough for a storage and for pvedaemon (three workers)."""

Again = Callable[[Listing], RemovalPlan]


@dataclass
class RemovalOutcome:
    """What became of each planned removal, and the tasks that did it."""

    removed: list[Fate] = field(default_factory=list)
    failed: list[Fate] = field(default_factory=list)
    spared: list[Fate] = field(default_factory=list)
    upids: list[tuple[Upid, str | None]] = field(default_factory=list)


def remove_all(client: Client, clock: Clock, deadline: Deadline, plan: RemovalPlan, again: Again) -> RemovalOutcome:
    """Carry out the plan: place by place, look again, remove what is still to go, look whether it is gone.

    ``again`` plans anew from a fresh listing of a place. What it doesn't remove any more is spared: somebody has
    protected it, or removed one that was to be kept. What is gone by then counts as removed by somebody else, and isn't
    told.
    """
    outcome = RemovalOutcome()
    for fates in _by_place(plan.removals):
        first = fates[0].backup
        listing = observe_listing(client, first.storage, first.node, False)
        if listing.error:
            outcome.failed.extend(Fate(fate.backup, f"the storage cannot be listed: {listing.error}") for fate in fates)
            continue
        there = {backup.volid for backup in listing.backups}
        going = {fate.backup.volid: fate for fate in again(listing).removals}
        todo: list[Fate] = []
        for fate in fates:
            if fate.backup.volid in going:
                todo.append(going[fate.backup.volid])
            elif fate.backup.volid in there:
                outcome.spared.append(Fate(fate.backup, "what lies on the storage has changed since the plan was made"))
        _remove(client, clock, deadline, todo, outcome)
    return outcome


def _by_place(fates: Sequence[Fate]) -> list[list[Fate]]:
    places: dict[tuple[str, str], list[Fate]] = {}
    for fate in fates:
        places.setdefault((fate.backup.storage, fate.backup.node), []).append(fate)
    return list(places.values())


def _remove(client: Client, clock: Clock, deadline: Deadline, todo: Sequence[Fate], outcome: RemovalOutcome) -> None:
    if not todo:
        return
    guard = threading.Lock()

    def one(fate: Fate) -> str | None:
        if deadline.passed():
            return f"{'the run was interrupted' if deadline.interrupted else 'the time was up'} before its turn"
        try:
            upid, exitstatus = _remove_one(client, clock, deadline, fate.backup)
        except LifeboatError as failure:
            return failure.message
        if upid is not None:
            with guard:
                outcome.upids.append((upid, exitstatus))
        if succeeded(exitstatus):
            return None
        return f"task {upid.text if upid else ''} still runs" if exitstatus is None else exitstatus

    problems = side_by_side(one, todo, REMOVALS)
    first = todo[0].backup
    after = observe_listing(client, first.storage, first.node, False)
    left = {backup.volid: backup for backup in after.backups}
    for fate, said in zip(todo, problems):
        problem = said or _still_there(fate.backup, after, left)
        if problem is None:
            outcome.removed.append(fate)
        else:
            outcome.failed.append(Fate(fate.backup, problem + _protected_again(client, fate.backup, left)))


def _still_there(backup: Backup, after: Listing, left: Mapping[str, Backup]) -> str | None:
    """Why a removal that Proxmox calls done doesn't count as one."""
    if after.error:
        return f"Proxmox says it is removed, but the storage cannot be listed: {after.error}"
    return "Proxmox says it is removed, but the storage still lists it" if backup.volid in left else None


def _remove_one(client: Client, clock: Clock, deadline: Deadline, backup: Backup) -> tuple[Upid | None, str | None]:
    """The task that removed it and how it ended; where it is protected, its protection is taken off before."""
    path = _path(backup)
    if backup.protected:
        client.put(path, protected=0)
    upid = Upid.parse(client.delete(path))
    return upid, "OK" if upid is None else wait_for_end(client, upid, deadline, clock).exitstatus


def _protected_again(client: Client, backup: Backup, left: Mapping[str, Backup]) -> str:
    """Put the protection of a backup that couldn't be removed back; where that fails, what to say."""
    if not backup.protected:
        return ""
    try:
        # Proxmox answers OK for a backup that isn't there, and leaves a stray file (07_notes_protected_delete).
        if backup.volid in left and not left[backup.volid].protected:
            client.put(_path(backup), protected=1)
            return ""
    except LifeboatError as failure:
        return f"; its protection is off, and putting it back failed: {failure.message}"
    return "" if backup.volid in left else "; whether it is still protected is not known"


def _path(backup: Backup) -> str:
    return path_of("nodes", backup.node, "storage", backup.storage, "content", backup.volid)
