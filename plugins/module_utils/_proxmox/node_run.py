# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node's part of a backup run: wait for others, start, follow, end. Private to this collection.

Carries out what was planned and says what happened; it decides nothing but what Proxmox' answers leave open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.lock import exclusive
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    Ended,
    Event,
    ForeignEnded,
    ForeignRunning,
    NothingLocal,
    Skipped,
    Started,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ApiError, ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import JobLog, parse_job_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import (
    known_command,
    start_backup,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    ListedTask,
    backup_tasks,
    cancel_task,
    task_log,
    wait_for_end,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import chunks

CANCEL_PATIENCE = 30.0
"""Seconds to wait for a cancelled task: Proxmox sends TERM, and KILL after five seconds."""

COMMAND_PATIENCE = 10.0
"""Seconds to wait for the first line of somebody else's task when its end isn't waited for."""


@dataclass(frozen=True)
class RunContext:
    """What all nodes of a run share. ``emit`` may be called from any thread."""

    client: Client
    clock: Clock
    deadline: Deadline
    permissions: Permissions
    wanted_storage: str | None
    parameters: Mapping[str, Any]
    wait: bool
    cancel_on_timeout: bool
    node_now: Callable[[str], float]
    emit: Callable[[Event], None]


def run_node(context: RunContext, job: NodeJob) -> None:
    """Back up the job's guests on its node. Never raises for what Proxmox does: that becomes an event.

    Jobs too long for one request are sent one after the other, because a node makes one backup at a time and a waiting
    task gives up after a while.
    """
    by_id = {guest.vmid: guest for guest in job.guests}
    for part in chunks(by_id):
        guests = [by_id[vmid] for vmid in part]
        open_ids = set(part)
        try:
            _run_part(context, job, guests, open_ids)
        except LifeboatError as failure:
            context.emit(Skipped(tuple(sorted(open_ids)), failure.message, failed=True))


def _run_part(context: RunContext, job: NodeJob, guests: list[Guest], open_ids: set[int]) -> None:
    started: Upid | None = None
    while started is None:
        if context.deadline.passed():
            context.emit(Skipped(tuple(sorted(open_ids)), "the time was up before its turn", timed_out=True))
            return
        with exclusive(f"vzdump-{job.node}-{context.client.port}", context.deadline):
            tasks = backup_tasks(context.client, job.node)
            busy = [task for task in tasks if task.running]
            waiting_for = _first_in_the_way(context, busy, guests)
            if waiting_for is None:
                guests = _unlocked(context, guests, open_ids)
                if not guests:
                    return
                _let_the_second_pass(context, job)
                vmids = [guest.vmid for guest in guests]
                parameters = {**context.parameters, "storage": job.storage}
                started = start_backup(
                    context.client, job.node, vmids, parameters, tasks, context.deadline, context.clock
                )
                if started is None:
                    context.emit(NothingLocal(job.node, tuple(vmids)))
                    return
                context.emit(Started(started, tuple(vmids), job.storage))
        if waiting_for is not None:
            task, covered = waiting_for
            guests = _after_the_other(context, task, covered, guests, open_ids)
            if not guests:
                return
    if context.wait:
        _follow(context, job, started, [guest.vmid for guest in guests])


def _first_in_the_way(
    context: RunContext, busy: Sequence[ListedTask], guests: Sequence[Guest]
) -> tuple[ListedTask, frozenset[int] | None] | None:
    """The first running task that makes the wanted backup of one of the guests, with these guests.

    None for them: not known yet. A task that writes to another storage than the wanted one is not in the way, because
    the node runs them in turn.
    """
    ids = {guest.vmid for guest in guests}
    for task in busy:
        if task.upid.id.isdigit() and int(task.upid.id) not in ids:
            continue
        log = known_command(context.client, task.upid, Deadline.after(context.clock, 0))
        if log is None or log.command is None:
            return task, None
        command = log.command
        if context.wanted_storage is not None and command.storage not in (None, context.wanted_storage):
            continue
        covered = frozenset(guest.vmid for guest in guests if command.covers(guest.vmid, guest.pool))
        if covered:
            return task, covered
    return None


def _after_the_other(
    context: RunContext,
    task: ListedTask,
    covered: frozenset[int] | None,
    guests: list[Guest],
    open_ids: set[int],
) -> list[Guest]:
    """Wait for a task that is in the way; returns the guests that are still to be backed up.

    Not to wait costs nothing but the guests it covers; where these can't be known in time, none is started, since one
    of them may be backed up twice otherwise.
    """
    if covered is None:
        patience = context.deadline if context.wait else Deadline.after(context.clock, COMMAND_PATIENCE)
        log = known_command(context.client, task.upid, patience)
        if log is None and not context.wait:
            reason = f"task {task.upid.text} waits on the node and does not say yet which guests it backs up"
            context.emit(Skipped(tuple(sorted(open_ids)), reason))
            return []
        return guests  # looked at again: it has named its guests, has ended, or the time is up
    if not context.wait:
        context.emit(ForeignRunning(task.upid, tuple(sorted(covered))))
        done = covered
    else:
        state = wait_for_end(context.client, task.upid, context.deadline, context.clock)
        if state.running:
            reason = f"the time was up while task {task.upid.text} of somebody else backed it up"
            context.emit(Skipped(tuple(sorted(covered)), reason, timed_out=True))
            done = covered
        else:
            log = _log_of(context, task.upid)
            done = frozenset(vmid for vmid in covered if log.guest(vmid).finished)
            storage = log.command.storage if log.command else None
            context.emit(ForeignEnded(task.upid, tuple(sorted(done)), storage, state.exitstatus, log))
    open_ids -= done
    return [guest for guest in guests if guest.vmid not in done]


def _unlocked(context: RunContext, guests: list[Guest], open_ids: set[int]) -> list[Guest]:
    """Leave out guests that are being backed up by a task this token can't see: their configuration is locked.

    With Sys.Audit on the node every task is seen, so that such a lock is a stale one; Proxmox then says so itself.
    """
    suspects = [guest for guest in guests if guest.lock == "backup"]
    hidden = {
        guest.vmid
        for guest in suspects
        if not context.permissions.allows("Sys.Audit", f"/nodes/{guest.node}") and _locked_now(context, guest)
    }
    if hidden:
        node = suspects[0].node
        reason = (
            "it is locked (backup): a task that this token cannot see backs it up, or was ended while it did; grant "
            f"Sys.Audit on /nodes/{node} so that it can be waited for"
        )
        context.emit(Skipped(tuple(sorted(hidden)), reason))
        open_ids -= hidden
    return [guest for guest in guests if guest.vmid not in hidden]


def _locked_now(context: RunContext, guest: Guest) -> bool:
    try:
        state = context.client.get(path_of("nodes", guest.node, guest.type, guest.vmid, "status", "current"))
    except ApiError:  # moved or gone: what Proxmox says when it is asked for the backup is clearer
        return False
    return isinstance(state, Mapping) and state.get("lock") == "backup"


def _let_the_second_pass(context: RunContext, job: NodeJob) -> None:
    """Archives are named by the second: one in the second of the guest's newest would overwrite it.

    Recorded: 04_vzdump_ok.
    """
    ahead = job.newest + 1 - context.node_now(job.node)
    if 0 < ahead <= 2:
        context.clock.sleep(ahead)


def _follow(context: RunContext, job: NodeJob, upid: Upid, vmids: Sequence[int]) -> None:
    ids = tuple(vmids)
    try:
        state = wait_for_end(context.client, upid, context.deadline, context.clock)
        cancelled = False
        if state.running and context.cancel_on_timeout:
            cancel_task(context.client, upid)
            patience = Deadline.after(context.clock, CANCEL_PATIENCE)
            cancelled = not wait_for_end(context.client, upid, patience, context.clock).running
            ended = Ended(upid, ids, job.storage, None, _log_of(context, upid), timed_out=True, cancelled=cancelled)
        elif state.running:
            ended = Ended(upid, ids, job.storage, None, _log_of(context, upid), timed_out=True)
        else:
            ended = Ended(upid, ids, job.storage, state.exitstatus, _log_of(context, upid))
    except LifeboatError as failure:
        ended = Ended(upid, ids, job.storage, None, JobLog(), problem=failure.message)
    context.emit(ended)


def _log_of(context: RunContext, upid: Upid) -> JobLog:
    """The whole log; an unreadable one is an empty one, since the listing of the storage is the evidence."""
    try:
        return parse_job_log(task_log(context.client, upid))
    except ProxmoxError:
        return JobLog()
