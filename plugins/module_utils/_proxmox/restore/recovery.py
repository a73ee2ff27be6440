# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restores of runs that died: each is ended by the next run for the same target, and by no other.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun, Entry, dead_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import (
    JournalNotes,
    Progress,
    read_progress,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.report import Row, row, verdict
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.run import RestoreRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.settle import settle
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import choose
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.standing import (
    NEW,
    ROLLED_BACK,
    UNDECIDED,
    Standing,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish

STALE = 3600
"""Seconds after which the end of a restore, that its run did not live to tell, is not what a new task asks for."""


def tell_of_others(run: RestoreRun, keys: set[str]) -> None:
    """Restores that died and are not this run's: their guests are not touched."""
    for dead in run.dead:
        progress = read_progress(dead.run, dead.entries)
        if progress is not None and progress.key not in keys:
            which = f"An earlier restore of guest {progress.guest.vmid} did not come to its end (run {dead.run})"
            run.tell([f"{which}; run its task again, which ends it."])
        elif progress is None and len(dead.entries) > 1:
            run.tell([f"The journal {dead.path} can't be read; see what its run has left, and remove it."])


def is_of(key: str) -> Callable[[Sequence[Entry]], bool]:
    """Which journals a restore takes over: those of its own target."""

    def wanted(entries: Sequence[Entry]) -> bool:
        progress = read_progress("", entries)
        return progress is not None and progress.key == key

    return wanted


def forget_empty(folder: Path | None, user: str) -> None:
    """Remove the journals of runs that died before they had planned anything."""
    with dead_runs(folder, user, wanted=lambda entries: [one.get("event") for one in entries] == ["run"]) as dead:
        for one in dead:
            one.forget()


def as_remembered(observation: Observation, dead: Sequence[DeadRun]) -> Observation:
    """The cluster with the guests whose replacement died as they were before it.

    Half restored they have neither name nor tags, or are gone; the task that is to end it selects them as it did then.
    """
    guests = dict(observation.cluster.guests)
    for one in dead:
        progress = read_progress(one.run, one.entries)
        if progress is not None and progress.replaces:
            now = guests.get(progress.guest.vmid)
            if now is None or (now.type == progress.guest.type and now.node == progress.guest.node):
                guests[progress.guest.vmid] = progress.guest
    return replace(observation, cluster=replace(observation.cluster, guests=guests))


def end_dead_run(run: RestoreRun, wish: RestoreWish, dead: DeadRun) -> Row | None:
    """End the restore of a run that died. None where the guest is as it was before it, so that this run can go on."""
    notes = JournalNotes.inherited(dead, run.clock)
    site = run.site(notes, wish)
    standing = settle(site, wish.cancel_on_timeout)
    run.tell(site.warnings)
    progress = notes.progress()
    done = standing.settled and not progress.leaves_scratch and not site.unfinished
    if done:
        dead.forget()
    word, reason = verdict(standing, f"run {dead.run} did not come to its end", progress.safety_volid)
    if standing.settled and not (standing.what == ROLLED_BACK or _is_wished(run, wish, standing, dead, progress)):
        left = "what it left was cleaned up" if done else "not all that it left could be cleaned up"
        run.tell([f"Guest {progress.guest.vmid}: run {dead.run} did not come to its end; {left}."])
        return None
    if not standing.settled:
        reason = f"{reason} (the journal of that run is {dead.path}; without it this task knows nothing of it)"
    source = next((one for one in run.around.observation.backups if one.volid == progress.source[1]), None)
    return row(
        progress.guest,
        word,
        reason if word != "restored" else f"run {dead.run} has begun it, and this one has ended it",
        source,
        None if source is None else run.around.age(source),
        site.steps.rows,
        volid=progress.source[1],
        upid=progress.restored_by,
        safety_backup=progress.safety_volid,
        rolled_back=standing.what == ROLLED_BACK,
        started=standing.started,
        recovered=standing.what != UNDECIDED,
    )


def _is_wished(run: RestoreRun, wish: RestoreWish, standing: Standing, dead: DeadRun, progress: Progress) -> bool:
    """Whether what a run that died has restored, and lately, is what this one wishes for."""
    last = max(
        (float(at) for at in (one.get("at") for one in dead.entries) if isinstance(at, (int, float))), default=0.0
    )
    if standing.what != NEW or run.clock.now() - last > STALE:
        return False
    return choose(wish, run.around.observation).backup.volid == progress.source[1]
