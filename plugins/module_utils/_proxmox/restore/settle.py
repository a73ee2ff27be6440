# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a restore ends, whatever happened on the way: which guest stands, and what has to be put back.

The same for the run that did it and for the one that finds its journal: everything is decided from the notes and from
what is really there. Private to this collection.
"""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    TaskEnd,
    ha_path,
    observe_guest_state,
    start_guest,
    wait_for_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import parse_job_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore import request
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import Attempt, Progress
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    CANCELLED_WITHIN,
    FORGOTTEN,
    StepFailed,
    StillRunning,
    archive_name,
    cancelled,
    ended,
    found_again,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.roll_back import (
    after_rollback,
    roll_back,
    safety_told,
    unlock,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.scratch import remove_own, remove_scratch
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site, backup_path
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.standing import (
    GONE,
    NEW,
    NOTHING_THERE,
    OLD,
    RUNNING,
    UNDECIDED,
    Standing,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.way_forward import SHUTDOWNS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import task_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

START_LOST = 30.0
"""Seconds in which a guest runs whose start was asked for and not answered."""


def settle(site: Site, cancel: bool = False, waited: bool = False) -> Standing:
    """Bring the guest into a good state, and put back what was changed around it. Never raises for what Proxmox does.

    ``cancel`` ends a restore that still runs; ``waited``: it had its time already.
    """
    try:
        standing = _standing(site, cancel, waited)
    except StillRunning as failure:
        return Standing(RUNNING, failure.message)
    except LifeboatError as failure:
        return Standing(UNDECIDED, failure.message.rstrip("."))
    if not standing.settled:
        return standing
    site.tolerated("The scratch copy was not removed", lambda: _scratch(site))
    return _put_back(site, standing)


def _scratch(site: Site) -> None:
    progress = site.notes.progress()
    if progress.leaves_scratch:
        site.steps.take("clean_up", lambda: remove_scratch(site, progress))


def _standing(site: Site, cancel: bool, waited: bool) -> Standing:
    progress = site.notes.progress()
    if progress.rolling_back is not None and not progress.rolling_back.over:
        return after_rollback(site, progress, progress.rolling_back)
    if progress.saving is not None and progress.safety is None and not progress.saving.over:
        progress = _end_safety_backup(site, progress, progress.saving)
    attempt = progress.restoring
    upid = None
    if attempt is not None and not attempt.over:
        kind, mark = request.TASK_TYPES[progress.guest.type], archive_name(progress.source[1])
        upid = found_again(site, attempt, progress.guest.node, kind, mark)
    if upid is None:
        return _untouched(site, progress) if progress.replaces else Standing(NOTHING_THERE)
    end = _end_of(site, upid, cancel, waited)
    found = observe_configuration(site.client, progress.guest)
    if found is not None and _is_new(progress, end, found):
        return Standing(NEW)
    if not progress.replaces:
        return _leftover(site, progress, upid, found)
    return _after_failure(site, progress, found, end.good)


def _is_new(progress: Progress, end: TaskEnd, found: GuestConfiguration) -> bool:
    """Whether what was restored stands whole. Of a task that Proxmox has forgotten only what is there can tell."""
    forgotten = end.exitstatus == FORGOTTEN and not found.lock and found.fingerprint != progress.old
    return (end.good or forgotten) and set(progress.volumes) <= {volume.key for volume in found.volumes}


def _untouched(site: Site, progress: Progress) -> Standing:
    """The restore was never begun: the guest that was to be replaced is there, unless somebody else has moved it."""
    if progress.stopping is not None and not progress.stopping.over:
        _end_shutdown(site, progress, progress.stopping)
    found = observe_configuration(site.client, progress.guest)
    if found is None:
        where = f"node {progress.guest.node}"
        return Standing(GONE, f"guest {progress.guest.vmid} is not on {where} any more{safety_told(progress)}")
    if found.is_stub and found.fingerprint != progress.old:
        return Standing(GONE, f"guest {progress.guest.vmid} was emptied by somebody else{safety_told(progress)}")
    return Standing(OLD)


def _end_shutdown(site: Site, progress: Progress, attempt: Attempt) -> None:
    """A shutdown that is under way ends before the guest is started again. It has its own limit."""
    upid = found_again(site, attempt, progress.guest.node, SHUTDOWNS[progress.guest.type], "")
    if upid is not None:
        ended(site.client, site.clock, upid, Deadline.after(site.clock, attempt.patience + CANCELLED_WITHIN))
    site.notes.note("shut_down")


def _end_of(site: Site, upid: Upid, cancel: bool, waited: bool) -> TaskEnd:
    """The end of the restore's task; with ``cancel`` it is brought about where it doesn't come by itself."""
    try:
        return ended(site.client, site.clock, upid, Deadline.after(site.clock, 0.0) if waited else site.late())
    except StillRunning:
        if not cancel:
            raise
        return cancelled(site, upid)


def _end_safety_backup(site: Site, progress: Progress, attempt: Attempt) -> Progress:
    """A safety backup that this restore didn't see the end of: it holds the guest's lock, and is needless now."""
    upid = found_again(site, attempt, progress.guest.node, "vzdump", progress.run)
    if upid is None:
        return progress
    end = cancelled(site, upid)
    lines = task_log(site.client, upid)
    volid = parse_job_log(lines).guest(progress.guest.vmid).volid(attempt.storage)
    if end.good and volid is not None and any(progress.run in line for line in lines):
        site.notes.note("saved", node=progress.guest.node, volid=volid)
    else:
        site.notes.note("over")
    return site.notes.progress()


def _leftover(site: Site, progress: Progress, upid: Upid, found: GuestConfiguration | None) -> Standing:
    """After a failed restore onto a free id: an empty VM, or nothing (recorded: 11_qemu, 08_restore_lxc)."""
    if found is None:
        return Standing(NOTHING_THERE)
    if not found.is_stub and not found.lock:
        words = (
            f"guest {progress.guest.vmid} is there, though its restore failed; look at it on node {progress.guest.node}"
        )
        return Standing(UNDECIDED, words)
    known = progress.restoring.known if progress.restoring is not None else frozenset()
    site.steps.take("clean_up", lambda: remove_own(site, progress.guest, known, upid))
    return Standing(NOTHING_THERE)


def _after_failure(site: Site, progress: Progress, found: GuestConfiguration | None, half: bool) -> Standing:
    """After a failed restore over a guest: it is untouched, or gone but for a stub, and then it is rolled back.

    ``half``: the task said that it succeeded, and volumes are missing.
    """
    if found is not None and found.fingerprint == progress.old:
        unlock(site, progress, found)
        return Standing(OLD)
    if found is not None and not found.is_stub and found.volumes and not found.lock and not half:
        words = (
            f"guest {progress.guest.vmid} is neither what it was nor what was restored; look at it on node "
            f"{progress.guest.node}{safety_told(progress)}"
        )
        return Standing(UNDECIDED, words)
    if progress.safety is None:
        left = "gone" if found is None else "an empty stub"
        words = f"guest {progress.guest.vmid} is {left}, and there is no safety backup of it (safety_backup was false)"
        return Standing(UNDECIDED, words)
    if found is not None:
        unlock(site, progress, found)
    return roll_back(site, progress)


def _put_back(site: Site, standing: Standing) -> Standing:
    """Start what ran, and give HA, the source's flag and the safety backup's protection back."""
    progress = site.notes.progress()
    started: bool | None = None
    wanted = progress.start if standing.what == NEW else progress.ran and progress.stopped
    if wanted and standing.what not in (NOTHING_THERE, GONE):
        started, problem = (True, "") if progress.started else _start(site, progress)
        standing = replace(standing, words=problem)
    if progress.ha_off and progress.ha is not None:
        state = progress.ha
        site.tolerated(
            f"HA does not look after guest {progress.guest.vmid} again (it was {state})",
            lambda: site.steps.take("enable_ha", lambda: _enable_ha(site, progress, state)),
        )
    if progress.protected:
        site.tolerated(
            f"{progress.source[1]} is still protected",
            lambda: site.steps.take("release_source", lambda: _release(site, *progress.source)),
        )
    if progress.safety is not None and _needless(progress, standing):
        safety = progress.safety
        site.tolerated(
            f"{safety[1]} is still protected",
            lambda: site.steps.take("release_safety_backup", lambda: _unprotect(site, *safety)),
        )
    return replace(standing, started=started)


def _needless(progress: Progress, standing: Standing) -> bool:
    """Whether the safety backup need not stay protected: the old guest stands untouched, or the user said so."""
    return standing.what == OLD or (standing.what == NEW and not progress.keep_safety)


def _start(site: Site, progress: Progress) -> tuple[bool, str]:
    """Whether it runs now, and why not. What Proxmox couldn't be asked for is left to the next run."""
    try:
        site.steps.take("start", lambda: _started(site, progress.guest))
    except StepFailed as failure:
        return False, f"it does not start: {failure.message.rstrip('.')}"
    except LifeboatError as failure:
        site.unfinished.append("start")
        return False, f"it does not start: {failure.message.rstrip('.')}; run this task again, which starts it"
    site.notes.note("started")
    return True, ""


def _started(site: Site, guest: Guest) -> TaskEnd | None:
    if observe_guest_state(site.client, guest).running:
        return None
    end = None
    try:
        end = start_guest(site.client, site.clock, site.late(), guest)
    except AnswerLost:  # the guest itself will tell
        if not wait_for_state(site.client, Deadline.after(site.clock, START_LOST), guest, True).running:
            raise
    if end is not None and not end.good:
        raise StepFailed(told(site.client, end))
    if not wait_for_state(site.client, site.late(), guest, True).running:
        raise StepFailed("it does not run, though its start is said to have succeeded")
    return end


def _enable_ha(site: Site, progress: Progress, state: str) -> None:
    site.client.put(ha_path(progress.guest), state=state)
    site.notes.note("enabled_ha")


def _release(site: Site, node: str, volid: str) -> None:
    _unprotect(site, node, volid)
    site.notes.note("released")


def _unprotect(site: Site, node: str, volid: str) -> None:
    """Only where the backup is there: Proxmox says OK for what isn't, and leaves a stray file."""
    path = backup_path(node, volid)
    site.client.get(path)
    site.client.put(path, protected=0)
