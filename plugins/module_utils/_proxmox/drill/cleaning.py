# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a scratch copy: destroyed where it carries all marks of its drill, looked at afresh; left alone elsewhere.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest, observe_cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.bench import SEEN_LATE, Bench
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.ownership import why_not
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    NodeUnreachable,
    ProxmoxError,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    TaskEnd,
    destroy_command,
    guest_path,
    observe_guest_state,
    wait_for_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import observe_configuration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import Attempt
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.request import TASK_TYPES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    IN_FLIGHT,
    StepFailed,
    StillRunning,
    archive_name,
    cancelled,
    ended,
    found_again,
    makers,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.scratch import AT_ONCE
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    ListedTask,
    listed_tasks,
    task_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

_DESTROYS = {"lxc": "vzdestroy", "qemu": "qmdestroy"}
_GRACE = 3.0
"""Seconds in which a task that was begun by a request without an answer is in the list."""


@dataclass(frozen=True)
class CleanUp:
    """How it ended. ``done``: nothing of the drill is left. ``upid`` is the task that destroyed the copy.

    Not ``certain``: a request that was sent a moment ago may still be carried out, and the journal is kept until it
    can't be.
    """

    done: bool
    reason: str
    upid: str | None = None
    certain: bool = True


def clean_up(bench: Bench) -> CleanUp:
    """Leave nothing of the drill behind, and nothing of anybody else's touched. Never raises for what Proxmox does."""
    bench.notes.insist = False
    copy = bench.copy
    try:
        done = _cleaned(bench)
    except ProxmoxError as failure:
        return CleanUp(False, f"{failure.message.rstrip('.')}; {_by_hand(copy)}")
    except StepFailed as failure:
        return CleanUp(False, failure.message.rstrip("."))
    bench.notes.note("destroyed", upid=done.upid)
    return done


def _by_hand(copy: Guest) -> str:
    return f"the next drill tries it again; by hand it is '{destroy_command(copy)}' on node {copy.node}"


def _cleaned(bench: Bench) -> CleanUp:
    drilled, progress = bench.notes.drilled(), bench.notes.progress()
    if drilled.gone:
        return CleanUp(True, "it was removed before", drilled.destroyed)
    attempt = progress.restoring
    if attempt is None or attempt.over:
        return CleanUp(True, "nothing was restored")
    upid = attempt.upid or _guessed(bench, attempt, progress.source[1])
    if upid is None:
        return CleanUp(True, "nothing was restored", certain=bench.site.clock.now() - attempt.at > IN_FLIGHT)
    if attempt.upid is not None:
        cancelled(bench.site, upid)
    found = observe_configuration(bench.site.client, bench.copy)
    if found is None:
        _check_moved(bench)
        return CleanUp(True, "nothing of it is there")
    _check_ours(bench, found, attempt, upid)
    end = _destroyed(bench, attempt, upid)
    return CleanUp(True, "the copy was destroyed", end.upid.text if end is not None else None)


def _guessed(bench: Bench, attempt: Attempt, volid: str) -> Upid | None:
    """The task of a restore whose answer was never heard; None where there is none, or it is somebody else's.

    Whose it is shows in the copy: it carries this drill's nonce as soon as it is whole. What runs is not cancelled on a
    guess.

    :raises StepFailed: while that can't be told.
    """
    copy, marks, client = bench.copy, bench.notes.drilled().marks, bench.site.client
    found = observe_configuration(client, copy)
    if found is not None and not marks.missing(copy.vmid, found):
        made = [one for one in makers(client, copy, attempt.known) if one.type == TASK_TYPES[copy.type]]
        return made[-1] if made else None
    upid = found_again(bench.site, attempt, copy.node, TASK_TYPES[copy.type], archive_name(volid), AT_ONCE)
    if upid is None:
        return None
    if task_state(client, upid).running:
        raise StepFailed(f"{upid.text} may be this drill's; the next drill looks again when it has ended")
    found = observe_configuration(client, copy)
    return upid if found is None or found.is_stub or not marks.missing(copy.vmid, found) else None


def _check_moved(bench: Bench) -> None:
    """That the copy isn't on another node, where somebody has taken it.

    :raises StepFailed: when it is.
    """
    copy, marks = bench.copy, bench.notes.drilled().marks
    now = observe_cluster(bench.site.client).guests.get(copy.vmid)
    if now is None or now.node == copy.node:
        return
    found = observe_configuration(bench.site.client, now)
    if found is not None and not marks.missing(copy.vmid, found):
        raise StepFailed(
            f"the copy {copy.vmid} was moved to node {now.node}; by hand it is '{destroy_command(now)}' there"
        )


def _check_ours(bench: Bench, found: GuestConfiguration, attempt: Attempt, upid: Upid) -> None:
    """That what is there is ours to destroy, and can be destroyed without force.

    :raises StepFailed: when it isn't.
    """
    copy = bench.copy
    others = [one.text for one in makers(bench.site.client, copy, attempt.known) if one != upid]
    state = observe_guest_state(bench.site.client, copy)
    problem = why_not(copy, bench.notes.drilled().marks, found, state, others)
    if problem is not None:
        raise StepFailed(f"guest {copy.vmid} on node {copy.node} {problem}")


def _destroyed(bench: Bench, attempt: Attempt, upid: Upid) -> TaskEnd | None:
    site, copy = bench.site, bench.copy
    limit = site.late()
    if observe_guest_state(site.client, copy).running:
        _stop(bench, limit)
        stopped = observe_configuration(site.client, copy)  # to stop it took its time: once more, just before
        if stopped is None:
            return None
        _check_ours(bench, stopped, attempt, upid)
    known = {task.upid.text for task in _destroying(bench)}
    try:
        end = _asked(bench, known, limit)
    except (AnswerLost, NodeUnreachable) as failure:
        # What the request did can be seen; it is never sent again without another look at the marks.
        site.clock.sleep(_GRACE)
        again = observe_configuration(site.client, copy)
        if again is None:
            return None
        if [one for one in _destroying(bench) if one.upid.text not in known]:
            raise StepFailed(f"its removal was begun, and {failure.message.rstrip('.')}; {_by_hand(copy)}") from failure
        _check_ours(bench, again, attempt, upid)
        end = _asked(bench, known, limit)
    if end.exitstatus is None:
        raise StepFailed(f"its removal did not end (task {end.upid.text}); {_by_hand(copy)}")
    if not end.good:
        raise StepFailed(f"its removal failed: {told(site.client, end)}; {_by_hand(copy)}")
    if observe_configuration(site.client, copy) is not None:
        raise StepFailed(f"it is said to be removed and is still there; {_by_hand(copy)}")
    return end


def _stop(bench: Bench, limit: Deadline) -> None:
    """Pull the plug: a copy has nothing to lose. It may have stopped by itself in the same moment."""
    site, copy = bench.site, bench.copy
    try:
        answer = site.client.post(guest_path(copy, "status", "stop"))
    except ApiError as failure:
        if "not running" not in failure.text:
            raise
        return
    except AnswerLost:
        answer = None
    upid = Upid.parse(answer)
    if upid is not None:
        _end_of(bench, upid, limit)
    if wait_for_state(site.client, limit, copy, False).running:
        raise StepFailed(f"the copy {copy.vmid} on node {copy.node} does not stop; {_by_hand(copy)}")


def _asked(bench: Bench, known: Collection[str], limit: Deadline) -> TaskEnd:
    """Destroy it with the disks in its configuration, and no others; it stays in no job of others' for that."""
    site, copy = bench.site, bench.copy
    answer = site.client.delete_once(guest_path(copy), **{"destroy-unreferenced-disks": 0})
    upid = Upid.parse(answer)
    if upid is None:
        new = [task.upid for task in _destroying(bench) if task.upid.text not in known]
        if not new:
            raise StepFailed(f"its removal was not begun ({str(answer)[:60]!r}); {_by_hand(copy)}")
        upid = new[0]
    return _end_of(bench, upid, limit)


def _end_of(bench: Bench, upid: Upid, limit: Deadline) -> TaskEnd:
    try:
        return ended(bench.site.client, bench.site.clock, upid, limit, SEEN_LATE)
    except StillRunning:
        return TaskEnd(upid, None, 0.0)


def _destroying(bench: Bench) -> list[ListedTask]:
    copy = bench.copy
    return listed_tasks(bench.site.client, copy.node, _DESTROYS[copy.type], copy.vmid)
