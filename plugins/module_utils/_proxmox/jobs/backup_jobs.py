# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of proxmox_backup_job: observe, plan, apply, look again, report. Private to this collection."""

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
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import SCHEDULE, STORAGE
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.hidden_guests import with_hidden
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import observe_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import (
    CREATE,
    UPDATE,
    JobPlan,
    plan_jobs,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_report import Told, report, schedule_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_run import set_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.resolve import (
    resolved,
    sparing,
    unknown_tags,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.schedules import Runs, observe_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.storages import check_storages
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import NOTHING, jobs_wish

SHOWN_RUNS = 5
_PATIENCE = 60.0
"""Seconds to wait for another run of this controller that sets jobs of the same cluster."""


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
        wanted, warnings = with_hidden(client, wish.jobs, resolved(wish.jobs, cluster), there, cluster)
        wanted, more = sparing(wanted, there, client.authid)
        warnings += [*more, *check_storages(client, cluster, wanted, there), *unknown_tags(wish.jobs, cluster)]
        prefix = wish.prefix if wish.purge else None
        plans = plan_jobs(wanted, there, prefix)
        runs = observe_runs(client, _schedules(plans), SHOWN_RUNS)
        _check_schedules(plans, runs)
        if check_mode:
            told = [Told(plan, plan.after) for plan in plans]
        else:
            told = set_jobs(client, interruption, cluster, plans, lambda now: plan_jobs(wanted, now, prefix))
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


def _schedules(plans: Sequence[JobPlan]) -> set[str]:
    return {schedule_of(plan.after) for plan in plans} - {""}


def _check_schedules(plans: Sequence[JobPlan], runs: Mapping[str, Runs]) -> None:
    """Before anything is written: a schedule that is refused in the middle would leave half of the jobs set.

    :raises InputError: naming every schedule that the server doesn't take, and its jobs.
    """
    problems = []
    for schedule, found in sorted(runs.items()):
        owners = [plan.id for plan in plans if plan.send.get(SCHEDULE.api) == schedule]
        if found.problem is not None and owners:
            problems.append(f"'{schedule}' ({listed(owners)}: {found.problem})")
    if problems:
        raise InputError(
            f"schedule: Proxmox does not take {listed(problems)}; write a calendar event such as 02:30, mon..fri 22:00 "
            f"or */6:00. {NOTHING}"
        )


def _warnings(plans: Sequence[JobPlan], runs: Mapping[str, Runs]) -> list[str]:
    """What is allowed and hardly meant."""
    found = []
    for plan in plans:
        if plan.unknown:
            found.append(
                f"{plan.id}: no guest with the id {listed(plan.unknown)} is shown to this token (VM.Audit); Proxmox "
                "fails on ids that nobody has, each time the job runs."
            )
        if plan.action in (CREATE, UPDATE) and plan.after is not None and not plan.after.has(STORAGE):
            found.append(
                f"{plan.id}: it names no storage, so that its backups go where the nodes' /etc/vzdump.conf says, else "
                "to local."
            )
        schedule = schedule_of(plan.after)
        if schedule in runs and not runs[schedule].times and runs[schedule].problem is None:
            found.append(f"{plan.id}: its schedule '{schedule}' never comes.")
    return found
