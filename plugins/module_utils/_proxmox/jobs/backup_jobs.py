# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of proxmox_backup_job: observe, plan, apply, look again, report. Private to this collection.

Proxmox has no word for "only if it is still as I saw it" here: the last writer wins. So what stands at the end is read,
and what somebody else has changed meanwhile is set once more or told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.lock import exclusive
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import observe_cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import STORAGE
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job, observe_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_apply import Carried, carry_out
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import (
    CREATE,
    NONE,
    JobPlan,
    Wanted,
    plan_jobs,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_report import (
    Told,
    reason,
    report,
    schedule_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.resolve import resolved
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.schedules import Runs, observe_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.storages import check_storages
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import NOTHING, JobsWish, jobs_wish

SHOWN_RUNS = 5
_PATIENCE = 60.0
"""Seconds to wait for another run of this controller that sets jobs of the same cluster."""
_ROUNDS = 3
"""How often jobs are set that others change at the same moment."""


def ensure_jobs(
    client: Client, params: Mapping[str, Any], check_mode: bool, clock: Clock, interruption: Interruption
) -> tuple[dict[str, Any], bool]:
    """Make the wish true: the result, and whether the task fails. In check mode only say what would be done.

    :raises InputError: before anything is changed.
    """
    wish = jobs_wish(params)
    with _alone(client, clock, interruption, check_mode):
        there = observe_jobs(client)
        cluster = observe_cluster(client)
        wanted = resolved(wish.jobs, cluster)
        warnings = check_storages(client, cluster, wanted, there)
        plans = _plan(wish, wanted, there)
        runs = observe_runs(client, _schedules(plans), SHOWN_RUNS)
        _check_schedules(plans, runs)
        told = _foretold(plans) if check_mode else _carried_out(client, interruption, wish, wanted, plans)
    values = report(told, runs, check_mode)
    values["warnings"] = [*warnings, *_warnings(plans, runs)]
    return values, any(one.failure is not None for one in told)


@contextmanager
def _alone(client: Client, clock: Clock, interruption: Interruption, check_mode: bool) -> Iterator[None]:
    """Of all runs on this controller, one at a time looks and sets."""
    if check_mode:
        yield
        return
    with exclusive(f"jobs-{client.cluster}", Deadline.after(clock, _PATIENCE, interruption)):
        yield


def _plan(wish: JobsWish, wanted: Sequence[Wanted], there: Mapping[str, Job]) -> list[JobPlan]:
    return plan_jobs(wanted, there, wish.prefix if wish.purge else None)


def _schedules(plans: Sequence[JobPlan]) -> set[str]:
    return {schedule_of(plan.after) for plan in plans} - {""}


def _check_schedules(plans: Sequence[JobPlan], runs: Mapping[str, Runs]) -> None:
    """Before anything is written: a schedule that is refused in the middle would leave half of the jobs set.

    :raises InputError: naming every schedule that the server doesn't take, and its jobs.
    """
    problems = []
    for schedule, found in sorted(runs.items()):
        owners = [plan.id for plan in plans if plan.action != NONE and schedule_of(plan.after) == schedule]
        if found.problem is not None and owners:
            problems.append(f"'{schedule}' ({listed(owners)}: {found.problem})")
    if problems:
        raise InputError(
            f"schedule: Proxmox does not take {listed(problems)}; write a calendar event such as 02:30, mon..fri 22:00 "
            f"or */6:00. {NOTHING}"
        )


def _foretold(plans: Sequence[JobPlan]) -> list[Told]:
    return [Told(plan, plan.after) for plan in plans]


def _carried_out(
    client: Client, interruption: Interruption, wish: JobsWish, wanted: Sequence[Wanted], plans: Sequence[JobPlan]
) -> list[Told]:
    """Set the jobs, and look what there is then; what others have changed meanwhile is set once more."""
    todo = [plan for plan in plans if plan.action != NONE]
    carried, left, there = Carried({}), dict[str, JobPlan](), None
    for _turn in range(_ROUNDS if todo else 0):
        carried = carry_out(client, todo, interruption)
        try:
            there = observe_jobs(client)
        except ProxmoxError as failure:
            return [_unseen(plan, carried, failure) for plan in plans]
        ours = {plan.id for plan in plans}
        left = {one.id: one for one in _plan(wish, wanted, there) if one.action != NONE and one.id in ours}
        todo = [one for one in left.values() if one.id not in carried.failures or _overtaken(one, todo)]
        if carried.stopped is not None or not todo:
            break
    return [_told(plan, there, left.get(plan.id), carried) for plan in plans]


def _overtaken(left: JobPlan, tried: Sequence[JobPlan]) -> bool:
    """Whether a request was refused because somebody else has made or removed the job meanwhile."""
    return any(one.id == left.id and one.action != left.action for one in tried)


def _told(plan: JobPlan, there: Mapping[str, Job] | None, left: JobPlan | None, carried: Carried) -> Told:
    job = plan.after if there is None else there.get(plan.id)
    if left is None:
        return Told(plan, job)
    refused = carried.failures.get(plan.id)
    if refused is not None:
        return Told(plan, job, refused)
    if carried.stopped is not None:
        return Told(plan, job, f"it was not tried, because of the failure before: {carried.stopped}")
    return Told(plan, job, f"somebody else changes it at the same time; it still differs ({reason(left)})")


def _unseen(plan: JobPlan, carried: Carried, why: ProxmoxError) -> Told:
    """What was sent, when nobody could look what came of it."""
    if plan.action == NONE:
        return Told(plan, plan.after)
    refused = carried.failures.get(plan.id)
    return Told(plan, plan.before, refused or f"what there is now could not be seen: {why.message}")


def _warnings(plans: Sequence[JobPlan], runs: Mapping[str, Runs]) -> list[str]:
    """What is allowed and hardly meant."""
    found = []
    for plan in plans:
        if plan.unknown:
            found.append(
                f"{plan.id}: no guest with the id {listed(plan.unknown)} is shown to this token (VM.Audit); Proxmox "
                "fails on ids that nobody has, each time the job runs."
            )
        if plan.action == CREATE and not plan.send.get(STORAGE.api):
            found.append(f"{plan.id}: it names no storage, so that its backups go to the default of Proxmox, local.")
        schedule = schedule_of(plan.after)
        if schedule in runs and not runs[schedule].times and runs[schedule].problem is None:
            found.append(f"{plan.id}: its schedule '{schedule}' never comes.")
    return found
