# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When guests without any backup were made. Private to this collection.

Proxmox tells it of VMs only, in their configuration (``meta: creation-qemu=9.0.2,ctime=1763728056``). A copy or a
restored VM has the time of its original there. So where that is long ago, and for containers, the tasks of the node
have to tell, which they do to a token with Sys.Audit on the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import properties
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import guest_path
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import Judged
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import ListedTask, listed_tasks, succeeded

MOST = 200
"""Guests that are asked about; more than that without a backup are no young guests."""
LISTED = 200
"""Tasks that ``listed_tasks`` asks for: as many may be not all."""
MAKING = ("qmcreate", "qmrestore", "vzcreate", "vzrestore")
"""The types of the tasks that make a guest. A task that clones bears the id of the original."""


@dataclass(frozen=True)
class Birth:
    """When a guest was made, in epoch seconds; None where it isn't known. ``unread`` says what couldn't be read."""

    at: int | None = None
    unread: str | None = None


def observe_births(
    client: Client, judged: Sequence[Judged], permissions: Permissions, grace: int
) -> Mapping[int, Birth]:
    """Of the guests given, at most ``MOST``; one or two requests a guest."""
    some = judged[:MOST]

    def of_guest(one: Judged) -> Birth:
        guest, since = one.case.guest, one.case.now - grace
        configured = _of_configuration(client, guest)
        if configured.unread is not None or (configured.at is not None and configured.at >= since):
            return configured
        if not permissions.allows("Sys.Audit", f"/nodes/{guest.node}"):
            return Birth()
        try:
            return Birth(born(listed_tasks(client, guest.node, None, guest.vmid), since))
        except ProxmoxError:  # then it is not known to be young
            return Birth()

    return {one.case.guest.vmid: birth for one, birth in zip(some, side_by_side(of_guest, some))}


def _of_configuration(client: Client, guest: Guest) -> Birth:
    try:
        answer = client.get(guest_path(guest, "config"))
    except ProxmoxError as failure:
        return Birth(unread=failure.message)
    if not isinstance(answer, Mapping):
        return Birth(unread=f"The configuration of guest {guest.vmid} is none.")
    told = whole_number(properties(str(answer.get("meta") or "")).get("ctime")) if guest.type == "qemu" else 0
    return Birth(told or None)


def born(tasks: Iterable[ListedTask], since: float) -> int | None:
    """When a guest was made by what its tasks say; None where it may be older than ``since``."""
    found = list(tasks)
    times = [task.upid.starttime for task in found]
    made = [
        task.upid.starttime
        for task in found
        if task.upid.type in MAKING and not task.running and succeeded(task.exitstatus)
    ]
    if not made or len(found) >= LISTED or min(times) < since:
        return None
    return min(made)
