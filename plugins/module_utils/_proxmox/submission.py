# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sending a backup job at most once, whatever happens to the answer. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    ProxmoxError,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import JobLog, parse_job_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    ListedTask,
    backup_tasks,
    task_log,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

LOOKS = (0.5, 1.0, 1.5)
"""Seconds before each look for a task whose POST wasn't answered: pvedaemon forks the worker before it answers, so a
task that was started is in the list within moments."""

FIRST_LINES = 20


class LostStart(AnswerLost):
    """A job whose answer was lost, with what was found when it was looked for; Proxmox' own facts stay with it."""

    def __init__(self, lost: ProxmoxError, found: str) -> None:
        super().__init__(f"{lost.message} {found}")
        self._lost = lost

    def details(self) -> dict[str, Any]:
        """Those of the answer that stood in place of the lost one."""
        return self._lost.details()


class UncertainStart(LostStart):
    """A task is there that may be the job's, so that nothing may be sent again."""


def start_backup(
    client: Client,
    node: str,
    vmids: Sequence[int],
    parameters: Mapping[str, Any],
    before: Sequence[ListedTask],
    deadline: Deadline,
    clock: Clock,
) -> Upid | None:
    """POST vzdump; None when Proxmox answers ``OK``, because none of the guests is on the node.

    When the answer is lost, the list of tasks is compared with the one taken ``before``: a new task of ours whose first
    line names exactly these guests is this one. Only when there is none, and all new ones are known to mean others, is
    the request sent once more.

    :raises ProxmoxError: when it was refused, or lost twice.
    """
    path = path_of("nodes", node, "vzdump")
    for attempt in range(2):
        try:
            answer = client.post(path, vmid=",".join(map(str, vmids)), **parameters)
        except ApiError as failure:
            if not failure.passing:
                raise
            lost: ProxmoxError = failure
        except (AnswerLost, BadAnswer) as failure:
            lost = failure
        else:
            upid = Upid.parse(answer)
            if upid is None and answer != "OK":
                raise BadAnswer(f"The answer to the backup job on node {node} is not a task: {str(answer)[:80]!r}.")
            return upid
        known = {task.upid.text for task in before}
        found, undecided = find_task(client, node, vmids, known, deadline, clock)
        if found is not None:
            return found
        if undecided:
            raise UncertainStart(
                lost, f"{undecided} may be it, but has not named its guests: look at it on node {node}."
            )
        if attempt or deadline.passed():
            raise LostStart(lost, f"No task for it was found on node {node} afterwards.")
    raise AssertionError("unreachable: the second attempt returns or raises")


def find_task(
    client: Client,
    node: str,
    vmids: Sequence[int],
    known: set[str],
    deadline: Deadline,
    clock: Clock,
    pauses: Sequence[float] = LOOKS,
) -> tuple[Upid | None, str]:
    """The task of ours that a request with these guests has started, or one that may be it; ``known`` are others.

    A task that waits for the node's lock names its guests only after that: until then nothing is certain.
    """
    known = set(known)
    looks = iter(pauses)
    pause = next(looks)
    while True:
        clock.sleep(pause)
        undecided = ""
        for task in backup_tasks(client, node):
            if task.upid.text in known or task.upid.user != client.authid:
                continue
            command = first_lines(client, task.upid).command
            if command is None and task.running:
                undecided = task.upid.text
            elif command.vmids == frozenset(vmids) if command else task.upid.id == _id_part(vmids):
                # Without a first line it ended at once (a storage that can't be activated, say): its name is left.
                return task.upid, ""
            else:
                known.add(task.upid.text)
        more = next(looks, None)
        if more is None and (not undecided or deadline.passed()):
            return None, undecided
        pause = more or LOOKS[-1]


def _id_part(vmids: Sequence[int]) -> str:
    return str(vmids[0]) if len(vmids) == 1 else ""


def first_lines(client: Client, upid: Upid) -> JobLog:
    """What the start of a task's log tells: which guests it means, or that it waits."""
    return parse_job_log(task_log(client, upid, FIRST_LINES))
