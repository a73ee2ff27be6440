# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs are set, looked at again, and set once more where somebody else was faster. Private to this collection.

Proxmox has no word for "only if it is still as I saw it" here: the last writer wins. So what stands at the end is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job, observe_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_apply import Carried, carry_out
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import NONE, JobPlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_report import Told, reason

_ROUNDS = 3
"""How often jobs are set that others change at the same moment."""

Planner = Callable[[Mapping[str, Job]], Sequence[JobPlan]]


def set_jobs(
    client: Client, interruption: Interruption, cluster: Cluster, plans: Sequence[JobPlan], planned: Planner
) -> list[Told]:
    """Carry the plans out; ``planned`` makes those of what is there then. What each job is in the end."""
    todo = [plan for plan in plans if plan.action != NONE]
    if not todo:
        return [Told(plan, plan.after) for plan in plans]
    ours = {plan.id for plan in plans}
    accepted: set[str] = set()
    there: Mapping[str, Job] = {}
    left: dict[str, JobPlan] = {}
    carried = Carried()
    for _turn in range(_ROUNDS):
        carried = carry_out(client, todo, cluster, interruption)
        accepted |= carried.accepted
        try:
            there = observe_jobs(client)
        except ProxmoxError as failure:
            return [_unseen(plan, carried, accepted, failure) for plan in plans]
        left = {one.id: one for one in planned(there) if one.action != NONE and one.id in ours}
        again = [one for one in left.values() if _may_succeed(one, todo, carried)]
        if carried.stopped is not None or not again:
            break
        todo = [*again, *(left[name] for name in carried.withheld if name in left)]
    return [_told(plan, there.get(plan.id), left.get(plan.id), carried, plan.id in accepted) for plan in plans]


def _may_succeed(left: JobPlan, tried: Sequence[JobPlan], carried: Carried) -> bool:
    """Whether it is worth another try: it was not refused, or because somebody has made or removed the job since."""
    if left.id in carried.withheld:
        return False
    return left.id not in carried.failures or any(one.id == left.id and one.action != left.action for one in tried)


def _told(plan: JobPlan, job: Job | None, left: JobPlan | None, carried: Carried, sent: bool) -> Told:
    if left is None:
        return Told(plan, job, sent=plan.action != NONE)
    why = carried.failures.get(plan.id) or carried.withheld.get(plan.id)
    if why is None and carried.stopped is not None:
        why = f"it was not tried, because of what came before: {carried.stopped}"
    if why is None:
        why = f"somebody else changes it at the same time; it still differs ({reason(left)})"
    return Told(plan, job, why, sent)


def _unseen(plan: JobPlan, carried: Carried, accepted: set[str], why: ProxmoxError) -> Told:
    """What was sent, when nobody could look what came of it."""
    if plan.action == NONE:
        return Told(plan, plan.after)
    refused = carried.failures.get(plan.id) or carried.withheld.get(plan.id)
    return Told(plan, None, refused or f"what there is now could not be seen: {why.message}", plan.id in accepted)
