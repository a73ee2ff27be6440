# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups that somebody else is making of our guests: found, waited for, never started again.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    ForeignEnded,
    ForeignRunning,
    Skipped,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_run import BackupRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import JobLog, parse_job_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    ListedTask,
    TaskState,
    follow_task,
    task_log,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

COMMAND_PATIENCE = 10.0
"""Seconds to wait for the first line of a task whose end isn't waited for."""


@dataclass(frozen=True)
class OtherTask:
    """A running task that makes the wanted backup of ``covered``.

    Where its ``log`` has no command, it isn't known yet whom it backs up.
    """

    upid: Upid
    log: JobLog
    covered: frozenset[int]

    @property
    def known(self) -> bool:
        """Whether it has named its guests."""
        return self.log.command is not None


def in_the_way(run: BackupRun, tasks: Sequence[ListedTask], guests: Sequence[Guest]) -> OtherTask | None:
    """The first running task that makes a backup which we would make, or may do so.

    One that writes elsewhere than where the backup is wanted, or where this token couldn't see the archive, doesn't:
    ours is made after it, because a node makes one backup at a time. Neither does it for guests with which it failed.
    """
    ids = {str(guest.vmid) for guest in guests}
    for task in tasks:
        if not task.running or (task.upid.id.isdigit() and task.upid.id not in ids):
            continue
        log = whole_log(run, task.upid)
        covered = _covered(run, log, guests)
        if covered or log.command is None:
            return OtherTask(task.upid, log, covered)
    return None


def after_the_other(run: BackupRun, other: OtherTask, guests: list[Guest], open_ids: set[int]) -> list[Guest]:
    """Wait for a task that is in the way, or tell of it; returns the guests that are still to be backed up.

    Where the guests that it covers can't be known in time, none is started: one of them might be backed up twice.
    """
    if not other.known:
        found, over = _named(run, other, guests)
        if found is None:
            return _unnamed(run, other, guests, open_ids, over)
        other = found
        if not other.covered:
            return guests
    if run.wait:
        done = _waited_for(run, other)
    else:
        _tell_finished(run, other.upid, other.log, other.covered)
        running = other.covered - _finished(other.log, other.covered)
        if running:
            run.emit(ForeignRunning(other.upid, tuple(sorted(running))))
        done = other.covered
    open_ids -= done
    return [guest for guest in guests if guest.vmid not in done]


def whole_log(run: BackupRun, upid: Upid) -> JobLog:
    """The log as far as it goes; an unreadable one is empty, since the listing of the storage is the evidence."""
    try:
        return parse_job_log(task_log(run.client, upid))
    except ProxmoxError:
        return JobLog()


def _covered(run: BackupRun, log: JobLog, guests: Sequence[Guest]) -> frozenset[int]:
    command = log.command
    if command is None or command.storage is None or run.wanted_storage not in (None, command.storage):
        return frozenset()
    return frozenset(
        guest.vmid
        for guest in guests
        if command.covers(guest.vmid, guest.pool)
        and run.permissions.may_list(command.storage, guest.vmid)
        and (guest.vmid not in log.guests or log.guests[guest.vmid].error is None)
    )


def _finished(log: JobLog, vmids: frozenset[int]) -> frozenset[int]:
    return frozenset(vmid for vmid in vmids if vmid in log.guests and log.guests[vmid].finished)


def _settled(log: JobLog, vmids: frozenset[int]) -> bool:
    parts = [log.guests.get(vmid) for vmid in vmids]
    return all(part is not None and (part.finished or part.error is not None) for part in parts)


def _named(run: BackupRun, other: OtherTask, guests: Sequence[Guest]) -> tuple[OtherTask | None, bool]:
    """The task once it has named its guests; else whether it is over."""
    patience = run.deadline if run.wait else Deadline.after(run.clock, COMMAND_PATIENCE)
    log = other.log

    def has_named() -> bool:
        nonlocal log
        log = whole_log(run, other.upid)
        return log.command is not None

    state = follow_task(run.client, other.upid, patience, run.clock, has_named)
    if log.command is None and not state.running:
        log = whole_log(run, other.upid)
    if log.command is None:
        return None, not state.running
    return OtherTask(other.upid, log, _covered(run, log, guests)), False


def _unnamed(run: BackupRun, other: OtherTask, guests: list[Guest], open_ids: set[int], over: bool) -> list[Guest]:
    if over:
        return guests  # it ended without a word: it made nothing
    what = f"task {other.upid.text} waits on the node and does not say yet which guests it backs up"
    interrupted = bool(run.interrupted)
    run.emit(Skipped(tuple(sorted(open_ids)), what, timed_out=run.wait and not interrupted, interrupted=interrupted))
    open_ids.clear()
    return []


def _waited_for(run: BackupRun, other: OtherTask) -> frozenset[int]:
    """Until our guests are settled, which may be long before the whole task ends. Those with which it failed stay."""
    log = other.log

    def all_settled() -> bool:
        nonlocal log
        log = whole_log(run, other.upid)
        return _settled(log, other.covered)

    state = TaskState(True, None)
    if not _settled(log, other.covered):
        state = follow_task(run.client, other.upid, run.deadline, run.clock, all_settled)
        if not state.running:
            log = whole_log(run, other.upid)
    done = _tell_finished(run, other.upid, log, other.covered, state.exitstatus)
    failed = frozenset(vmid for vmid in other.covered if vmid in log.guests and log.guests[vmid].error is not None)
    late = other.covered - done - failed
    if late and state.running:
        reason = f"{run.over} while task {other.upid.text} of somebody else backed it up"
        interrupted = bool(run.interrupted)
        run.emit(Skipped(tuple(sorted(late)), reason, timed_out=not interrupted, interrupted=interrupted))
        return done | late
    return done


def _tell_finished(
    run: BackupRun, upid: Upid, log: JobLog, vmids: frozenset[int], exitstatus: str | None = None
) -> frozenset[int]:
    done = _finished(log, vmids)
    if done and log.command is not None:
        run.emit(ForeignEnded(upid, tuple(sorted(done)), log.command.storage, exitstatus, log))
    return done
