# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scratch copy: restored with its marks, and cut off from the world before its first start.

Private to this collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.bench import SEEN_LATE, Bench, NotDone
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import cut, reaches_out, together
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import FAILED, PASSED
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ApiError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    GuestConfiguration,
    missing_volumes,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import TaskEnd, guest_path
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.request import TASK_TYPES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    FORGOTTEN,
    Job,
    StepFailed,
    StillRunning,
    archive_name,
    begin_task,
    cancelled,
    ended,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import backup_path
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

TAKEN = "already exists"
_FULL = re.compile(
    r"no space left|insufficient free space|disk quota|out of space|not enough (?:free )?space", re.IGNORECASE
)
_ENDED = ("unexpected status", "received interrupt", "interrupted by signal", FORGOTTEN)
"""Ends of a task that was killed, by somebody or with its node (pve-common UPID.pm, recorded: 10_tasks)."""


def prepare(bench: Bench, plan: RestorePlan, ids: Iterator[int]) -> None:
    """Restore the backup onto the first of the free ``ids`` that nobody else takes, and isolate the copy.

    :raises StepFailed: when it can't be restored; the check ``restored`` is noted then.
    :raises NotDone: when no id is left, or the run ends.
    """
    began = bench.site.clock.monotonic()
    try:
        end, found = bench.measured("restore", lambda: _restored(bench, plan, ids))
    except StepFailed as failure:
        bench.found("restored", FAILED, failure.message.rstrip("."), began)
        raise
    warned = "" if end.exitstatus == "OK" else f"; the task ended with {end.exitstatus}"
    reason = f"all volumes of the backup are there{warned}"
    evidence = {"upid": end.upid.text, "exitstatus": end.exitstatus, "volumes": [one.key for one in found.volumes]}
    bench.found("restored", PASSED, reason, began, evidence)
    if not plan.archived.template:
        _isolate(bench, found)
    bench.notes.note("reached", phase="prepared")


def _restored(bench: Bench, plan: RestorePlan, ids: Iterator[int]) -> tuple[TaskEnd, GuestConfiguration]:
    site = bench.site
    upid = _begun(bench, plan, ids)
    try:
        end = ended(site.client, site.clock, upid, bench.within(bench.wish.limits.restore), SEEN_LATE)
    except StillRunning as failure:
        if bench.interrupted:
            raise NotDone("the run was interrupted while it was restored") from failure
        cancelled(site, upid)  # a node that doesn't answer says nothing about the backup
        limit = bench.wish.limits.restore
        raise StepFailed(f"the restore did not end within restore_timeout ({limit} s)") from failure
    if not end.good:
        why = told(site.client, end)
        _check_cause(bench, end, why)
        raise StepFailed(f"the restore failed: {why}")
    found = observe_configuration(site.client, bench.copy)
    if found is None:
        raise StepFailed("the restore is said to be done, and nothing is there")
    lacking = missing_volumes(plan.archived, found)
    if lacking:
        raise StepFailed(f"the restore is said to be done, and {listed(lacking)} is missing")
    unmarked = bench.notes.drilled().marks.missing(bench.copy.vmid, found)
    if unmarked:
        raise StepFailed(f"the copy was restored without {listed(unmarked)}, so that it is not touched")
    return end, found


def _check_cause(bench: Bench, end: TaskEnd, why: str) -> None:
    """That a restore failed by its backup, as ``why`` tells: its task may have been ended, or the backup removed.

    :raises NotDone: when it didn't.
    """
    if end.exitstatus in _ENDED:
        raise NotDone(f"the task of the restore was ended from outside ({end.exitstatus})")
    if _FULL.search(why):
        raise NotDone(f"there was no room for it: {why}")
    node, volid = bench.notes.progress().source
    try:
        bench.site.client.get(backup_path(node, volid))
    except ApiError as failure:
        raise NotDone(
            f"{volid} can't be looked at any more ({' '.join(failure.text.split()).rstrip('.')})"
        ) from failure


def _begun(bench: Bench, plan: RestorePlan, ids: Iterator[int]) -> Upid:
    """The task; an id that somebody else takes meanwhile is left to him, because nothing is restored by force."""
    guest, site = plan.guest, bench.site
    path, mark = path_of("nodes", guest.node, guest.type), archive_name(plan.backup.volid)
    for vmid in ids:
        job = Job("restoring", guest.node, TASK_TYPES[guest.type], vmid, mark)
        parameters: Mapping[str, Any] = {"vmid": vmid, **plan.request}
        try:
            return begin_task(site, job, lambda: site.client.post(path, **parameters))  # noqa: B023 - called at once
        except StepFailed as failure:  # its answer was lost, and no task of it is there
            raise NotDone(failure.message) from failure
        except ApiError as failure:
            if TAKEN not in failure.text:
                raise
    raise NotDone("no id of scratch_range is free any more")


def _isolate(bench: Bench, found: GuestConfiguration) -> None:
    """Take out what reaches outside, look again, and note why the copy must not be started, where it must not."""
    wish, copy, client = bench.wish, bench.copy, bench.site.client
    todo = cut(found, copy.vmid, wish.network, client.authid)
    if todo.delete or todo.change:
        delete = {"delete": ",".join(todo.delete)} if todo.delete else {}
        try:
            client.put(guest_path(copy, "config"), **todo.change, **delete)
        except ApiError as failure:
            bench.notes.note("trouble", text=f"the copy could not be cut off: {failure.message.rstrip('.')}")
        after = observe_configuration(client, copy)
        if after is None:
            raise NotDone(f"the copy {copy.vmid} went away while it was cut off")
        found = after
    barred = [one for one in todo.barred if one.partition(" ")[0] in found.values]
    reasons = together(barred, reaches_out(found, copy.vmid, wish.network))
    if reasons:
        bench.notes.note("barred", reasons=list(reasons))
