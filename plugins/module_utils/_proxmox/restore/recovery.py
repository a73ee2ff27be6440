# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restores of runs that died: each is ended by the next run for the same target, and by no other.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import (
    InheritedNotes,
    Progress,
    read_progress,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.report import Row, row, verdict
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.run import RestoreRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.settle import leaves_scratch, settle
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site, Steps
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import choose
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.standing import (
    NEW,
    ROLLED_BACK,
    UNDECIDED,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish


def tell_of_others(run: RestoreRun, keys: set[str]) -> None:
    """Restores that died and are not this run's: their guests are not touched."""
    for dead in run.dead:
        progress = read_progress(dead.run, dead.entries)
        if progress is None:  # it died before it had planned anything
            if not run.check_mode:
                dead.forget()
        elif progress.key not in keys:
            which = f"An earlier restore of guest {progress.guest.vmid} did not come to its end (run {dead.run})"
            run.tell([f"{which}; run its task again, which ends it."])


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


def belongs(dead: DeadRun, key: str) -> bool:
    progress = read_progress(dead.run, dead.entries)
    return progress is not None and progress.key == key


def end_dead_run(run: RestoreRun, wish: RestoreWish, dead: DeadRun) -> Row | None:
    """End the restore of a run that died. None where the guest is as it was before it, so that this run can go on."""
    notes = InheritedNotes(dead, run.clock)
    early = Deadline.after(run.clock, wish.timeout, run.interruption)
    site = Site(run.client, run.clock, notes, Steps(run.clock), wish.timeout, early)
    standing = settle(site, wish.cancel_on_timeout)
    run.tell(site.warnings)
    progress = notes.progress()
    if standing.settled and not leaves_scratch(progress):
        dead.forget()
    safety = progress.safety[1] if progress.safety is not None else None
    word, reason = verdict(standing, f"run {dead.run} did not come to its end", progress.replaces, safety)
    if standing.what == NEW and not _same(run, wish, progress):
        return None
    if standing.settled and standing.what not in (NEW, ROLLED_BACK):
        run.tell([f"Guest {progress.guest.vmid}: run {dead.run} did not come to its end; what it left was cleaned up."])
        return None
    attempt = progress.restoring
    source = next((one for one in run.around.observation.backups if one.volid == progress.source[1]), None)
    return row(
        progress.guest,
        word,
        reason if word != "restored" else f"run {dead.run} has begun it, and this one has ended it",
        source,
        None if source is None else max(0, int(run.around.observation.now(source.node)) - source.ctime),
        site.steps.rows,
        volid=progress.source[1],
        upid=attempt.upid.text if attempt is not None and attempt.upid is not None else None,
        safety_backup=safety,
        rolled_back=standing.what == ROLLED_BACK,
        started=standing.started,
        recovered=standing.what != UNDECIDED,
    )


def _same(run: RestoreRun, wish: RestoreWish, progress: Progress) -> bool:
    """Whether what a run that died has restored is what this one wishes for."""
    return choose(wish, run.around.observation).backup.volid == progress.source[1]
