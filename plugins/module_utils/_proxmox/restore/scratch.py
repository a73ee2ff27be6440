# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scratch copy that proves an archive, and what a failed restore leaves behind: removed where it is proven ours.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    TaskEnd,
    destroy_guest,
    observe_guest_state,
    unlock_command,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import Progress
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.request import TASK_TYPES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    StepFailed,
    archive_name,
    cancelled,
    found_again,
    makers,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

AT_ONCE = 5.0
"""Seconds after its request in which a task counts as that of the scratch copy where its answer was never heard: later
ones may be somebody's own restore onto the same free id."""


def remove_scratch(site: Site, progress: Progress) -> None:
    """Remove the scratch copy of this restore, whole or not. Does nothing where none was begun, or it is gone.

    :raises StepFailed: when it can't be removed, or can't be proven ours.
    """
    attempt = progress.proving
    if attempt is None or not progress.leaves_scratch:
        return
    node, kind = progress.guest.node, progress.guest.type
    upid = found_again(site, attempt, node, TASK_TYPES[kind], archive_name(progress.source[1]), AT_ONCE)
    if upid is not None:
        cancelled(site, upid)
        remove_own(site, Guest(attempt.vmid, None, node, kind), attempt.known, upid)
    site.notes.note("scratch_gone")


def remove_own(site: Site, guest: Guest, known: Collection[str], upid: Upid) -> TaskEnd | None:
    """Destroy a guest that our task ``upid`` has made on a free id; None where there is none (any more).

    It is ours while no task but those ``known`` from before has made a guest of this id; it must neither run nor be
    locked.

    :raises StepFailed: when it isn't, or can't be destroyed.
    """
    found = observe_configuration(site.client, guest)
    if found is None:
        return None
    where = f"{guest.vmid} on node {guest.node}"
    state = observe_guest_state(site.client, guest)
    if state.lock or found.lock:
        raise StepFailed(
            f"what is left of guest {where} is locked ({state.lock or found.lock}): run '{unlock_command(guest)}' "
            "there, and this task again"
        )
    if state.running or any(one != upid for one in makers(site.client, guest, known)):
        raise StepFailed(f"guest {where} was made by this restore, but somebody uses it now; it was left alone")
    end = destroy_guest(site.client, site.clock, site.late(), guest, False)
    if not end.good:
        raise StepFailed(f"guest {where}, which this restore has made, can't be removed: {told(site.client, end)}")
    return end
