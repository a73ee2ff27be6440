# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node's part of a backup run: wait for others, start, follow, end. Private to this collection.

Carries out what was planned and says what happened; it decides nothing but what Proxmox' answers leave open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.lock import exclusive
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, observe_listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    Ended,
    FoundFresh,
    NothingLocal,
    Skipped,
    Started,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_run import BackupRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ApiError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import FUTURE_TOLERANCE
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import JobLog
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.other_tasks import (
    OtherTask,
    after_the_other,
    in_the_way,
    whole_log,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import (
    LostStart,
    UncertainStart,
    start_backup,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    ListedTask,
    backup_tasks,
    cancel_task,
    wait_for_end,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import (
    chunks,
    room_for_ids,
)

CANCEL_PATIENCE = 30.0
"""Seconds to wait for a cancelled task: Proxmox sends TERM, and KILL after five seconds."""

LOCK_PATIENCE = 60.0
"""Seconds to wait for another run on this controller that is about to start something on the same node."""

LOOK_AGAIN_AFTER = 30.0
"""Seconds after which what was observed is looked at again before a backup is started."""


def run_node(run: BackupRun, job: NodeJob) -> None:
    """Back up the job's guests on its node. Never raises for what Proxmox does: that becomes an event.

    Jobs too long for one request are sent one after the other, because a node makes one backup at a time and a waiting
    task gives up after a while.
    """
    by_id = {guest.vmid: guest for guest in job.guests}
    for part in chunks(by_id, room_for_ids(run.parameters)):
        open_ids = set(part)
        try:
            _run_part(run, job, [by_id[vmid] for vmid in part], open_ids)
        except LifeboatError as failure:
            uncertain = isinstance(failure, UncertainStart)
            run.emit(Skipped(tuple(sorted(open_ids)), failure.message, failed=True, uncertain=uncertain))
        except Exception as bug:  # noqa: BLE001 - a defect of ours must not cost what the other nodes have achieved
            reason = f"a defect of this module ({type(bug).__name__}: {bug}); please report it"
            run.emit(Skipped(tuple(sorted(open_ids)), reason, failed=True))


def _run_part(run: BackupRun, job: NodeJob, guests: list[Guest], open_ids: set[int]) -> None:
    waited = False
    while guests:
        if run.deadline.passed():
            why = f"{run.over} before its turn"
            run.emit(Skipped(tuple(sorted(open_ids)), why, timed_out=not run.interrupted))
            return
        # Two runs on one controller may not both look before either starts.
        patience = Deadline.after(run.clock, min(LOCK_PATIENCE, run.deadline.remaining()), run.deadline.interruption)
        with exclusive(f"vzdump-{job.node}-{run.client.port}", patience):
            step = _look_and_start(run, job, guests, open_ids, waited)
        if step is None:
            return
        if isinstance(step, OtherTask):
            guests = after_the_other(run, step, guests, open_ids)
            waited = True
        elif isinstance(step, _Job):
            _follow(run, job, step)
            return


@dataclass(frozen=True)
class _Job:
    """A task of ours, its guests, and its number in the journal."""

    upid: Upid
    vmids: tuple[int, ...]
    number: int


class _TooLate:
    """The time was up before anything was started."""


def _look_and_start(
    run: BackupRun, job: NodeJob, guests: list[Guest], open_ids: set[int], waited: bool
) -> OtherTask | _Job | _TooLate | None:
    """What is in the way; or, when nothing is, the task that was started. None where nothing is left to do."""
    tasks = backup_tasks(run.client, job.node)
    other = in_the_way(run, tasks, guests)
    if other is not None:
        return other
    if waited or _looked_at_long_ago(run) or _somebody_was_here(run, job.node, tasks):
        guests = _still_needed(run, job, guests, open_ids)
    guests = _unlocked(run, guests, open_ids)
    if not guests:
        return None
    _let_the_second_pass(run, job)
    if run.deadline.passed():
        return _TooLate()
    return _start(run, job, tuple(guest.vmid for guest in guests), tasks)


def _start(run: BackupRun, job: NodeJob, vmids: tuple[int, ...], tasks: Sequence[ListedTask]) -> _Job | None:
    """Journal the job, ask for it, journal the answer. An answer that is lost leaves the journal's entry open."""
    ours = [task.upid for task in tasks if task.upid.user == run.client.authid]
    newest = max(ours, key=lambda upid: upid.starttime, default=None)
    number = run.journal.starting(job.node, job.storage, vmids, newest)
    parameters = {**run.parameters, "storage": job.storage}
    try:
        upid = start_backup(run.client, job.node, vmids, parameters, tasks, run.deadline, run.clock)
    except LostStart:
        raise
    except LifeboatError:
        run.journal.settled(number, "refused")
        raise
    if upid is None:
        run.journal.settled(number, "nothing")
        run.emit(NothingLocal(job.node, vmids))
        return None
    run.journal.started(number, upid)
    run.emit(Started(upid, vmids, job.storage))
    return _Job(upid, vmids, number)


def _looked_at_long_ago(run: BackupRun) -> bool:
    return run.clock.now() - run.observed_at > LOOK_AGAIN_AFTER


def _somebody_was_here(run: BackupRun, node: str, tasks: Sequence[ListedTask]) -> bool:
    """Whether a backup was started or has ended on the node since the plan's facts were seen."""
    since = _observed_by_node(run, node) - 1  # a task's times are whole seconds
    return any(max(task.upid.starttime, task.ended_at or 0) >= since for task in tasks)


def _observed_by_node(run: BackupRun, node: str) -> float:
    return run.node_now(node) - (run.clock.now() - run.observed_at)


def _still_needed(run: BackupRun, job: NodeJob, guests: list[Guest], open_ids: set[int]) -> list[Guest]:
    """Leave out guests that somebody has backed up since the plan was made, which is old when a node's turn is late.

    Without ``max_age`` a backup is wanted that wasn't there when the run began, whoever makes it: so a run that was
    thought dead and lives on doesn't make those again that the run after it has made.
    """
    oldest = run.node_now(job.node) - run.max_age if run.max_age is not None else None
    latest = run.node_now(job.node) + FUTURE_TOLERANCE
    moved_in = _observed_by_node(run, job.node) - FUTURE_TOLERANCE
    types = {guest.vmid: guest.type for guest in guests}
    fresh: dict[int, Backup] = {}
    for backup in observe_listing(run.client, job.storage, job.node, False).backups:
        owner = backup.vmid
        if owner not in types or not backup.good() or backup.guest_type not in (None, types[owner]):
            continue
        new = backup.volid not in run.known and backup.ctime >= moved_in
        young = new if oldest is None else backup.ctime >= oldest
        if young and backup.ctime <= latest and (owner not in fresh or backup.ctime > fresh[owner].ctime):
            fresh[owner] = backup
    if fresh:
        run.emit(FoundFresh(tuple(sorted(fresh)), tuple(fresh[vmid] for vmid in sorted(fresh))))
        open_ids -= set(fresh)
    return [guest for guest in guests if guest.vmid not in fresh]


def _unlocked(run: BackupRun, guests: list[Guest], open_ids: set[int]) -> list[Guest]:
    """Leave out guests that are being backed up by a task this token can't see: their configuration is locked.

    With Sys.Audit on the node every task is seen, so that such a lock is a stale one; Proxmox then says so itself.
    """
    hidden = {
        guest.vmid
        for guest in guests
        if guest.lock == "backup"
        and not run.permissions.allows("Sys.Audit", f"/nodes/{guest.node}")
        and _locked_now(run, guest)
    }
    if hidden:
        reason = (
            "it is locked (backup): a task that this token cannot see backs it up, or was ended while it did; grant "
            f"Sys.Audit on /nodes/{guests[0].node} so that it can be waited for"
        )
        run.emit(Skipped(tuple(sorted(hidden)), reason))
        open_ids -= hidden
    return [guest for guest in guests if guest.vmid not in hidden]


def _locked_now(run: BackupRun, guest: Guest) -> bool:
    try:
        state = run.client.get(path_of("nodes", guest.node, guest.type, guest.vmid, "status", "current"))
    except ApiError:  # moved or gone: what Proxmox says when it is asked for the backup is clearer
        return False
    return isinstance(state, Mapping) and state.get("lock") == "backup"


def _let_the_second_pass(run: BackupRun, job: NodeJob) -> None:
    """Archives are named by the second: one in the second of the guest's newest would overwrite it.

    Recorded: 04_vzdump_ok.
    """
    ahead = job.newest + 1 - run.node_now(job.node)
    if 0 < ahead <= 2:
        run.clock.sleep(ahead)


def _follow(run: BackupRun, job: NodeJob, ours: _Job) -> None:
    if not run.wait:
        run.journal.settled(ours.number, "left")
        return
    upid = ours.upid
    try:
        state = wait_for_end(run.client, upid, run.deadline, run.clock)
        given_up = state.running
        why = run.interrupted if given_up else ""
        if given_up and (run.cancel_on_interrupt if why else run.cancel_on_timeout):
            cancel_task(run.client, upid)
            state = wait_for_end(run.client, upid, Deadline.after(run.clock, CANCEL_PATIENCE), run.clock)
        log = whole_log(run, upid)
        ended = Ended(
            upid,
            ours.vmids,
            job.storage,
            state.exitstatus,
            log,
            timed_out=given_up,
            cancelled=given_up and not state.running,
            interrupted=why,
        )
    except LifeboatError as failure:
        ended = Ended(upid, ours.vmids, job.storage, None, JobLog(), problem=failure.message)
    if ended.exitstatus is not None:
        run.journal.settled(ours.number, "ended")
    run.emit(ended)
