# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order jobs are changed, and what waits when one is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_order import in_order, why_wait
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import (
    CREATE,
    REMOVE,
    UPDATE,
    JobPlan,
)

VMIDS = range(101, 106)
CLUSTER = Cluster({"pve1": True}, {vmid: Guest(vmid, f"g{vmid}", "pve1", "lxc") for vmid in VMIDS}, frozenset())


def a_job(name: str, vmids: list[int], **more: Any) -> Job:
    return Job(name, {"vmid": ",".join(map(str, vmids)), "schedule": "1:00", **more})


def a_plan(name: str, before: list[int] | None, after: list[int] | None, **more: Any) -> JobPlan:
    """A change of a job's guests; None where there is no job."""
    action = CREATE if before is None else REMOVE if after is None else UPDATE
    old = None if before is None else a_job(name, before)
    return JobPlan(name, action, old, None if after is None else a_job(name, after, **more))


def test_what_is_added_comes_first() -> None:
    plans = [
        a_plan("gone", [101], None),
        a_plan("less", [101, 102], [102]),
        a_plan("off", [101], [101], enabled=0),
        a_plan("more", [101], [101, 102]),
        a_plan("new", None, [101]),
    ]
    assert [plan.id for plan in in_order(plans, CLUSTER)] == ["new", "more", "less", "off", "gone"]


@pytest.mark.parametrize(
    ("plan", "failed", "waits"),
    [
        (a_plan("old", [101, 102], None), a_plan("new", None, [102]), True),
        (a_plan("old", [101, 102], None), a_plan("new", None, [103]), False),
        (a_plan("old", [101, 102], [101]), a_plan("new", [103], [102, 103]), True),
        (a_plan("old", [101, 102], [101, 102, 103]), a_plan("new", None, [101]), False),
        (a_plan("old", [101], [101], enabled=0), a_plan("new", None, [101]), True),
        (a_plan("old", [101], None), a_plan("other", [101], None), False),
    ],
)
def test_nobody_is_given_up_whom_a_failed_job_was_to_take_in(plan: JobPlan, failed: JobPlan, waits: bool) -> None:
    assert (why_wait(plan, [failed], CLUSTER) is not None) == waits


def test_the_reason_names_the_job_and_the_guests() -> None:
    assert why_wait(a_plan("old", [101, 102], None), [a_plan("new", None, [102, 103])], CLUSTER) == (
        "it was left as it is, because new failed, which was to take in 1 guest that this job would give up (102)"
    )


def one_way(change: tuple[list[int] | None, list[int] | None, bool]) -> bool:
    """Where two jobs exchange guests and the second is refused, one request each can't help it."""
    before, after, _refused = change
    if before is None or after is None:
        return before != after
    return set(before) <= set(after) or set(after) <= set(before)


IDS = st.one_of(st.none(), st.lists(st.sampled_from(VMIDS), min_size=1, unique=True))


@given(st.lists(st.tuples(IDS, IDS, st.booleans()).filter(one_way), max_size=5))
def test_whatever_fails_nobody_who_was_to_stay_covered_is_in_no_job(
    changes: list[tuple[list[int] | None, list[int] | None, bool]],
) -> None:
    """Each change with whether the server refuses it."""
    plans = [a_plan(f"job{number}", before, after) for number, (before, after, _refused) in enumerate(changes)]
    refused = {f"job{number}" for number, change in enumerate(changes) if change[2]}
    there = {plan.id: plan.before for plan in plans}
    failed: list[JobPlan] = []
    for plan in in_order(plans, CLUSTER):
        if why_wait(plan, failed, CLUSTER) is not None or plan.id in refused:
            failed.append(plan)
        else:
            there[plan.id] = plan.after

    def covered(jobs: list[Job | None]) -> set[int]:
        return {vmid for job in jobs if job is not None for vmid in job.guests(CLUSTER)}

    both = covered([plan.before for plan in plans]) & covered([plan.after for plan in plans])
    assert both <= covered(list(there.values()))
