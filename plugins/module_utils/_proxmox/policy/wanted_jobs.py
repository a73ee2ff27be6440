# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The jobs that a policy wants, and how far the cluster's are from them. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy, Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs import job_plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import VMIDS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import JobPlan, plan_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_report import reason
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.resolve import resolved
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import jobs_wish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.schedules import schedule_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import EXEMPT, NOT_MET, Judged
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import BODY_LIMIT, chunks

CREATE, CHANGE, REMOVE, NONE = "create", "change", "remove", "none"
_ACTIONS = {job_plan.CREATE: CREATE, job_plan.UPDATE: CHANGE, job_plan.REMOVE: REMOVE, job_plan.NONE: NONE}


def managed_prefix(policy: Policy) -> str:
    """How the ids of the policy's jobs begin. No other policy's do: no name has an underscore in it."""
    return f"lifeboat-{policy.name}_"


def wanted_jobs(policy: Policy, judged: Iterable[Judged], seen: Seen) -> list[dict[str, Any]]:
    """The jobs of the policy, by the options of ``proxmox_backup_job``.

    One for each tier that has guests, several where their ids are too long for one; then, to be absent, the policy's
    jobs that are there and that no tier needs any more.
    """
    guests = _guests(policy, judged, seen)
    found = []
    for name, tier in policy.tiers.items():
        for number, vmids in enumerate(chunks(sorted(guests[name]), BODY_LIMIT // 2), 1):
            ending = "" if number == 1 else f"_{number}"  # no name of a tier has an underscore
            found.append(_job(policy, tier, f"{managed_prefix(policy)}{name}{ending}", vmids))
    needed = {job["id"] for job in found}
    surplus = sorted(name for name in seen.jobs if name.startswith(managed_prefix(policy)) and name not in needed)
    return [*found, *({"id": name, "state": "absent"} for name in surplus)]


def _guests(policy: Policy, judged: Iterable[Judged], seen: Seen) -> dict[str, set[int]]:
    """The ids of each tier.

    What can't be seen loses no backup by it: a guest whose name isn't known stays where it is, and so do ids that
    nobody is shown to have, unless the token sees all guests.
    """
    before = _before(policy, seen.jobs)
    guests: dict[str, set[int]] = {name: set() for name in policy.tiers}
    for one in judged:
        guest = one.case.guest
        if one.status != EXEMPT:
            here = one.case.tier.name if guest.name else before.get(guest.vmid, one.case.tier.name)
            guests[here].add(guest.vmid)
    if not seen.shows_all_guests:
        for vmid, name in before.items():
            if vmid not in seen.observation.cluster.guests:
                guests[name].add(vmid)
    return guests


def _before(policy: Policy, jobs: Mapping[str, Job]) -> dict[int, str]:
    """The tier in whose job each guest is now."""
    found = {}
    for name in policy.tiers:
        own = f"{managed_prefix(policy)}{name}"
        for job in jobs.values():
            if job.id == own or job.id.startswith(f"{own}_"):
                found.update(dict.fromkeys(job.value(VMIDS), name))
    return found


def _job(policy: Policy, tier: Tier, name: str, vmids: Sequence[int]) -> dict[str, Any]:
    job: dict[str, Any] = {
        "id": name,
        "state": "enabled",
        "exact": True,
        "schedule": schedule_of(tier),
        "storage": tier.storage,
        "vmids": list(vmids),
        "protected": tier.protected,
        "comment": f"Lifeboat policy {policy.name}, tier {tier.name}",
    }
    given = {
        "mode": tier.mode,
        "compress": tier.compress,
        "keep": None if tier.keep is None else keep_options(tier.keep),
    }
    return {**tier.job, **job, **{key: value for key, value in given.items() if value is not None}}


def keep_options(keep: Keep) -> dict[str, Any]:
    """A retention by the names of the modules' options."""
    if keep.all:
        return {"keep_all": True}
    return {f"keep_{rule}": getattr(keep, rule) for rule in RULES if getattr(keep, rule)}


def drift_of(wanted: Sequence[Mapping[str, Any]], there: Mapping[str, Job], cluster: Cluster) -> list[dict[str, str]]:
    """What has to be done to each job of the policy: create, change, remove or none; and why, in a sentence.

    :raises InputError: for a job that can't be made.
    """
    if not wanted:
        return []
    plans = plan_jobs(resolved(jobs_wish({"jobs": wanted}).jobs, cluster), there, None)
    return [{"job": plan.id, "action": _ACTIONS[plan.action], "text": _text(plan)} for plan in plans]


def _text(plan: JobPlan) -> str:
    if plan.action == job_plan.CREATE:
        what = f"{counted(len(plan.send[VMIDS.api].split(',')), 'guest')} at {plan.send['schedule']}"
        return f"There is no job {plan.id} yet, for {what} to {plan.send['storage']}."
    if plan.action == job_plan.REMOVE:
        return f"Job {plan.id} belongs to no tier that has guests."
    return f"Job {plan.id}: {reason(plan)}."


def backup_now(judged: Iterable[Judged]) -> list[dict[str, Any]]:
    """The guests of each tier whose newest backup is too old or missing, for ``proxmox_backup``."""
    late: dict[str, tuple[Tier, list[int]]] = {}
    for one in judged:
        if one.status != EXEMPT and one.verdict("rpo") == NOT_MET:
            tier = one.case.tier
            late.setdefault(tier.name, (tier, []))[1].append(one.case.guest.vmid)
    return [
        {
            "tier": name,
            "storage": tier.storage,
            "vmids": sorted(vmids),
            "max_age": f"{tier.rpo}s",
            "mode": tier.mode,
            "compress": tier.compress,
            "protected": tier.protected,
        }
        for name, (tier, vmids) in sorted(late.items())
    ]
