# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is added comes before what is taken away, so that no guest is in no job for a failure in between. Pure.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import CREATE, REMOVE, JobPlan


def in_order(plans: Iterable[JobPlan], cluster: Cluster) -> list[JobPlan]:
    """New jobs, then changes that take no guest away, then those that do, then removals."""

    def rank(plan: JobPlan) -> int:
        if plan.action == CREATE:
            return 0
        return 3 if plan.action == REMOVE else 2 if _lost(plan, cluster) else 1

    return sorted(plans, key=rank)


def why_wait(plan: JobPlan, failed: Iterable[JobPlan], cluster: Cluster) -> str | None:
    """Why a change is not to be sent after these have failed: it takes away guests that they were to take in."""
    lost = _lost(plan, cluster)
    blocking = [(one.id, lost & _gained(one, cluster)) for one in failed]
    found = [(name, guests) for name, guests in blocking if guests]
    if not found:
        return None
    guests = frozenset[int]().union(*(some for _name, some in found))
    return (
        f"it was left as it is, because {listed(name for name, _some in found)} failed, which was to take in "
        f"{counted(len(guests), 'guest')} that this job would give up ({listed(sorted(guests), 6)})"
    )


def _taken_in(job: Job | None, cluster: Cluster) -> frozenset[int]:
    return job.guests(cluster) if job is not None and job.enabled else frozenset()


def _lost(plan: JobPlan, cluster: Cluster) -> frozenset[int]:
    return _taken_in(plan.before, cluster) - _taken_in(plan.after, cluster)


def _gained(plan: JobPlan, cluster: Cluster) -> frozenset[int]:
    """What a job takes in: also what it had, since its backups may be about to go somewhere else."""
    return _taken_in(plan.after, cluster)
