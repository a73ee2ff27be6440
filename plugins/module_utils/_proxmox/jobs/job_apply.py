# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes, one after the other: the cluster takes one at a time, under a lock. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    ApiError,
    NotAuthenticated,
    PermissionDenied,
    ProxmoxError,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_order import in_order, why_wait
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import CREATE, REMOVE, JobPlan


@dataclass
class Carried:
    """What became of the requests, by job: ``accepted``, refused with a reason (``failures``), or ``withheld``.

    ``stopped`` says why those after a failure were not tried.
    """

    accepted: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    withheld: dict[str, str] = field(default_factory=dict)
    stopped: str | None = None


def carry_out(client: Client, plans: Iterable[JobPlan], cluster: Cluster, interruption: Interruption) -> Carried:
    """Send what differs.

    A job that is refused doesn't keep others from being set, unless they would give up its guests. What would be
    refused for all (no right on ``/``, no server) ends it.
    """
    carried, failed = Carried(), list[JobPlan]()
    for plan in in_order(plans, cluster):
        if interruption.requested:
            carried.stopped = f"the run was interrupted ({interruption.reason})"
            break
        wait = why_wait(plan, failed, cluster)
        if wait is not None:
            carried.withheld[plan.id] = wait
            failed.append(plan)
            continue
        try:
            _send(client, plan)
        except ProxmoxError as failure:
            carried.failures[plan.id] = failure.message
            failed.append(plan)
            if _concerns_all(failure):
                carried.stopped = failure.message
                break
        else:
            carried.accepted.add(plan.id)
    return carried


def _send(client: Client, plan: JobPlan) -> None:
    path = path_of("cluster", "backup", plan.id)
    if plan.action == CREATE:
        client.post("cluster/backup", **plan.send)
    elif plan.action == REMOVE:
        client.delete_once(path)
    else:
        client.put(path, **plan.send)


def _concerns_all(failure: ProxmoxError) -> bool:
    """Whether the next request would fail for the same reason."""
    if isinstance(failure, PermissionDenied):
        return "(/, " in failure.text
    return isinstance(failure, NotAuthenticated) or not isinstance(failure, ApiError)
