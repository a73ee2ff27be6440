# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The safety backup back to where the guest was. Private to this collection."""

from __future__ import annotations

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    TaskEnd,
    guest_path,
    unlock_command,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore import request
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import Attempt, Progress
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    Job,
    StepFailed,
    StillRunning,
    archive_name,
    begin_task,
    ended,
    found_again,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import ROOT
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.standing import (
    ROLLED_BACK,
    UNDECIDED,
    Standing,
)


def unlock(site: Site, progress: Progress, found: GuestConfiguration) -> None:
    """A worker that was killed leaves its lock. Only root may take it away, and of a container only at the node.

    :raises StepFailed: where a person has to.
    """
    if not found.lock:
        return
    guest = progress.guest
    if guest.type == "qemu" and site.client.authid == ROOT:
        site.client.put(guest_path(guest, "config"), delete="lock", skiplock=1)
        return
    raise StepFailed(
        f"what is there of guest {guest.vmid} is locked ({found.lock}) by a task that was killed: run "
        f"'{unlock_command(guest)}' on node {guest.node}, and this task again{safety_told(progress)}"
    )


def roll_back(site: Site, progress: Progress) -> Standing:
    """The safety backup back to where the guest was; when that fails nothing more is touched."""
    try:
        site.steps.take("roll_back", lambda: _rolled_back(site, progress))
    except StillRunning:
        raise
    except LifeboatError as failure:
        words = f"rolling back failed: {failure.message.rstrip('.')}; nothing more was touched{safety_told(progress)}"
        return Standing(UNDECIDED, words)
    return Standing(ROLLED_BACK)


def _rolled_back(site: Site, progress: Progress) -> TaskEnd:
    guest, client = progress.guest, site.client
    _node, volid = progress.safety or ("", "")
    parameters = request.rollback(guest.type, volid, progress.storage, dict(progress.spread))
    if observe_configuration(client, guest) is not None:
        parameters["force"] = 1
    path = path_of("nodes", guest.node, guest.type)
    job = Job("rolling_back", guest.node, request.TASK_TYPES[guest.type], guest.vmid, archive_name(volid))
    upid = begin_task(site, job, lambda: client.post(path, vmid=guest.vmid, **parameters))
    end = ended(client, site.clock, upid, site.late())
    if not end.good:
        raise StepFailed(told(client, end))
    return end


def after_rollback(site: Site, progress: Progress, attempt: Attempt) -> Standing:
    """A rollback of a run that died: it is waited for; where it failed it is done again."""
    kind = request.TASK_TYPES[progress.guest.type]
    mark = archive_name(progress.safety[1]) if progress.safety is not None else ""
    upid = found_again(site, attempt, progress.guest.node, kind, mark)
    if upid is not None:
        end = ended(site.client, site.clock, upid, site.late())
        found = observe_configuration(site.client, progress.guest)
        if end.good and found is not None and found.volumes:
            return Standing(ROLLED_BACK)
        if found is not None:
            unlock(site, progress, found)
            if not found.is_stub and found.volumes:
                words = f"guest {progress.guest.vmid} is there, though rolling back failed{safety_told(progress)}"
                return Standing(UNDECIDED, words)
    return roll_back(site, progress)


def safety_told(progress: Progress) -> str:
    """Where the guest as it was is to be found."""
    if progress.safety is None:
        return ""
    node, volid = progress.safety
    return f"; the safety backup of the guest as it was is {volid} (read on node {node})"
