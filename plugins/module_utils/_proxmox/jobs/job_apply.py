# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The changes, one after the other: the cluster takes one at a time, under a lock. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    ApiError,
    NotAuthenticated,
    PermissionDenied,
    ProxmoxError,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import (
    CREATE,
    NONE,
    REMOVE,
    JobPlan,
)


@dataclass
class Carried:
    """What became of the requests: the first failure of each job, and why those after it were not tried."""

    failures: dict[str, str]
    stopped: str | None = None


def carry_out(client: Client, plans: Iterable[JobPlan], interruption: Interruption) -> Carried:
    """Send what differs. A job that is refused does not keep the others from being set.

    What would be refused for all (no right on ``/``, no server) ends it.
    """
    carried = Carried({})
    for plan in plans:
        if plan.action == NONE:
            continue
        if interruption.requested:
            carried.stopped = f"the run was interrupted ({interruption.reason})"
            break
        try:
            _send(client, plan)
        except ProxmoxError as failure:
            carried.failures[plan.id] = failure.message
            if _concerns_all(failure):
                carried.stopped = failure.message
                break
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
