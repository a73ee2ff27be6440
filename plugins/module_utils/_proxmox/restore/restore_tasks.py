# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of restores: started once, found again, waited for, and what their end means.

Private to this collection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    ProxmoxError,
    TimedOut,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import TaskEnd
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import Attempt
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import LOOKS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    LONGEST_PAUSE,
    NodeLost,
    cancel_task,
    listed_tasks,
    task_log,
    task_state,
    wait_for_end,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

_COMMAND = re.compile(r"command '.*' failed: ", re.DOTALL)
_PREFIX = re.compile(r"^unable to restore (?:CT|VM) \d+ - ")
_TROUBLE = re.compile(
    r"error|unexpected|no space|premature|corrupt|cannot|can't|failed|missing key|not in gzip|unsupported|insufficient",
    re.IGNORECASE,
)
_NOISE = re.compile(r"^(?:TASK |progress |INFO: +\d+%|tar: (?:Error is not recoverable|Exiting with))")


_MAKERS = frozenset({"vzrestore", "vzcreate", "vzclone", "vzmigrate", "qmrestore", "qmcreate", "qmclone", "qmigrate"})
IN_FLIGHT = 65.0
"""Seconds after a request in which it starts its task, or never does: Proxmox hands it on for at most 30 s."""
EARLY = -5.0
"""By how many seconds a task may seem older than its request: clocks are known to about a second."""
PATIENT_LOOKS = (*LOOKS, *((4.0,) * 16))
"""Seconds before each look for a task where a server in between gave up and the node may still carry out the call."""
CANCELLED_WITHIN = 60
"""Seconds in which a cancelled task has to end; Proxmox kills it after five."""
FORGOTTEN = "its end is not known any more"
_NAMES = re.compile(r"vzdump-(?:lxc|qemu|openvz)-\d|\b(?:ct|vm)/\d+/\d{4}-|INFO: starting new backup job")


class StepFailed(LifeboatError):
    """A step that can't be done, with the reason as the end of a sentence."""


class StillRunning(StepFailed):
    """A task that wasn't seen to end in time."""


@dataclass(frozen=True)
class Job:
    """A task that is to be started: what it is to the notes (``event``), its type, and the guest it is for.

    ``mark`` are words that its log has, and those of other tasks haven't: the name of an archive, the id of a run.
    """

    event: str
    node: str
    type: str
    vmid: int
    mark: str = ""


def archive_name(volid: str) -> str:
    """What logs call a backup: its name without the storage."""
    return volid.partition(":")[2].removeprefix("backup/")


def begin_task(site: Site, job: Job, post: Callable[[], Any], **facts: Any) -> Upid:
    """Note what is begun, ask for it, note the task. It is asked for once.

    :raises ApiError: when it was refused.
    :raises StepFailed: when its answer was lost and no task of it is there.
    """
    client, notes = site.client, site.notes
    known = [task.upid.text for task in listed_tasks(client, job.node, None, job.vmid)]
    asked = site.node_time(job.node)
    notes.note(job.event, vmid=job.vmid, known=known, asked=asked, **facts)
    try:
        answer = post()
    except ApiError as failure:
        if not failure.passing:
            notes.note("over")
            raise
        upid = find_task(site, job, known, asked, PATIENT_LOOKS)
        lost: ProxmoxError = failure
    except (AnswerLost, BadAnswer) as failure:
        upid = find_task(site, job, known, asked, PATIENT_LOOKS if isinstance(failure, TimedOut) else LOOKS)
        lost = failure
    else:
        upid = Upid.parse(answer) or find_task(site, job, known, asked, LOOKS)
        lost = BadAnswer(f"The answer is not a task: {str(answer)[:80]!r}.")
    if upid is None:
        notes.note("over")
        raise StepFailed(f"{lost.message.rstrip('.')}, and no task for it is there")
    notes.note("task", upid=upid.text)
    site.steps.name_task(upid.text)
    return upid


def find_task(
    site: Site, job: Job, known: Collection[str], asked: float, pauses: Sequence[float], within: float = IN_FLIGHT
) -> Upid | None:
    """The task that a request of ours has started; looked for after each pause.

    Ours are of this type, guest and token, not among the ``known``, begun at most ``within`` seconds after the request
    (``asked``, by the node's clock), and their log speaks of the ``mark`` where it speaks at all.
    """
    for pause in pauses:
        site.clock.sleep(pause)
        for task in listed_tasks(site.client, job.node, job.type, job.vmid):
            upid = task.upid
            fits = upid.user == site.client.authid and upid.text not in known
            if fits and EARLY <= upid.starttime - asked <= within and _speaks_of(site.client, upid, job.mark):
                return upid
    return None


def _speaks_of(client: Client, upid: Upid, mark: str) -> bool:
    if not mark:
        return True
    text = "\n".join(line for line in task_log(client, upid) if line != "no content")
    return mark in text or not _NAMES.search(text)


def makers(client: Client, guest: Guest, known: Collection[str]) -> list[Upid]:
    """Tasks that made a guest of this id and are not among the ``known``, as far as the token may see them."""
    tasks = listed_tasks(client, guest.node, None, guest.vmid)
    return [task.upid for task in tasks if task.upid.type in _MAKERS and task.upid.text not in known]


def found_again(
    site: Site, attempt: Attempt, node: str, kind: str, mark: str, within: float = IN_FLIGHT
) -> Upid | None:
    """The task of a run that died; None when its request never started one."""
    if attempt.upid is not None:
        return attempt.upid
    young = 0 <= site.clock.now() - attempt.at < IN_FLIGHT
    job = Job("", node, kind, attempt.vmid, mark)
    return find_task(site, job, attempt.known, attempt.asked, LOOKS if young else (0.0,), within)


def ended(client: Client, clock: Clock, upid: Upid, deadline: Deadline, longest: float = LONGEST_PAUSE) -> TaskEnd:
    """Its end; ``longest`` as in ``wait_for_end``.

    :raises StillRunning: when it wasn't seen in time.
    """
    began = clock.monotonic()
    try:
        state = wait_for_end(client, upid, deadline, clock, longest)
    except NodeLost as failure:
        raise StillRunning(failure.message.rstrip(".")) from failure
    except ApiError as failure:
        if not _is_forgotten(failure):
            raise
        return TaskEnd(upid, FORGOTTEN, clock.monotonic() - began)
    if state.exitstatus is None:
        raise StillRunning(f"task {upid.text} has not ended")
    return TaskEnd(upid, state.exitstatus, clock.monotonic() - began)


def _is_forgotten(failure: ApiError) -> bool:
    """Whether the node has no task of this name any more: it ended long ago (recorded: 10_tasks)."""
    return "no such task" in str(failure.errors.get("upid", ""))


def cancelled(site: Site, upid: Upid) -> TaskEnd:
    """The end of a task that is of no use any more, brought about where it still runs.

    :raises StillRunning: when it wasn't seen in time.
    """
    try:
        if task_state(site.client, upid).running:
            cancel_task(site.client, upid)
    except ApiError as failure:
        if not _is_forgotten(failure):
            raise
    return ended(site.client, site.clock, upid, Deadline.after(site.clock, CANCELLED_WITHIN))


def told(client: Client, end: TaskEnd) -> str:
    """Why a task failed, with what its commands complained of."""
    try:
        lines = task_log(client, end.upid)
    except ProxmoxError:
        lines = []
    return cause(end.exitstatus or "", lines)


def cause(exitstatus: str, lines: Sequence[str]) -> str:
    """The exit status without long command lines, and the last line of the log that tells of trouble. Pure."""
    short = _COMMAND.sub("", _PREFIX.sub("", " ".join(exitstatus.split()))).rstrip(".")
    trouble = [" ".join(line.split()) for line in lines if _TROUBLE.search(line) and not _NOISE.match(line)]
    more = next(
        (line for line in reversed(trouble) if line not in exitstatus and "state is NOT cleaned" not in line), ""
    )
    return f"{short} ({more})" if more else short
