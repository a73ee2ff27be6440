# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks of a node: list, state, log, wait, cancel. Private to this collection."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    ProxmoxError,
    Unreachable,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0
"""Seconds between two looks at a task: short at first, for small guests, then growing."""

SILENCE_LIMIT = 600
"""Seconds without any answer about a running task after which its node counts as lost."""

_WARNINGS = re.compile(r"^WARNINGS: \d+$")


@dataclass(frozen=True)
class ListedTask:
    """A task as the node's list shows it; ``ended_at`` is epoch seconds by the node's clock."""

    upid: Upid
    running: bool
    exitstatus: str | None = None
    ended_at: int | None = None


@dataclass(frozen=True)
class TaskState:
    """``exitstatus`` is None while the task runs."""

    running: bool
    exitstatus: str | None


class NodeLost(ProxmoxError):
    """Nothing has been heard of a running task for too long."""


def succeeded(exitstatus: str | None) -> bool:
    """OK and WARNINGS: n are successes; everything else is an error text (pve-common UPID.pm)."""
    return exitstatus == "OK" or bool(exitstatus and _WARNINGS.match(exitstatus))


def backup_tasks(client: Client, node: str) -> list[ListedTask]:
    """The newest vzdump tasks of a node that this token may see: its own, and all with Sys.Audit on the node."""
    return listed_tasks(client, node, "vzdump")


def listed_tasks(client: Client, node: str, kind: str | None, vmid: int | None = None) -> list[ListedTask]:
    """As ``backup_tasks``, for any type of task or all of them, and those of one guest only. One request."""
    only = {"typefilter": kind, "vmid": vmid}
    given = {name: value for name, value in only.items() if value is not None}
    answer = client.get(path_of("nodes", node, "tasks"), source="all", limit=200, **given)
    if not isinstance(answer, list):
        raise BadAnswer(f"The list of tasks of node {node} is not one: check api_host and api_port.")
    found = [(Upid.parse(entry.get("upid")), entry) for entry in answer if isinstance(entry, Mapping)]
    return [_listed(upid, entry) for upid, entry in found if upid is not None]


def _listed(upid: Upid, entry: Mapping[str, Any]) -> ListedTask:
    """An entry with an ``endtime`` has ended (recorded: 10_tasks); running ones say RUNNING for a status."""
    ended_at = whole_number(entry.get("endtime"))
    if not ended_at:
        return ListedTask(upid, running=True)
    return ListedTask(upid, False, str(entry.get("status") or "unexpected status"), ended_at)


def task_state(client: Client, upid: Upid) -> TaskState:
    """Whether the task runs, and how it ended. One request."""
    answer = client.get(path_of("nodes", upid.node, "tasks", upid.text, "status"))
    fields: Mapping[str, Any] = answer if isinstance(answer, Mapping) else {}
    if fields.get("status") == "running":
        return TaskState(True, None)
    if fields.get("status") == "stopped":
        return TaskState(False, str(fields.get("exitstatus") or "unexpected status"))
    raise BadAnswer(f"The state of task {upid.text} is neither running nor stopped.")


def task_log(client: Client, upid: Upid, limit: int = 0) -> list[str]:
    """The lines of the log, all of them by default (Proxmox' own default is the first 50). One request."""
    answer = client.get(path_of("nodes", upid.node, "tasks", upid.text, "log"), start=0, limit=limit)
    if not isinstance(answer, list):
        raise BadAnswer(f"The log of task {upid.text} is not a list of lines.")
    numbered = [
        (whole_number(entry.get("n")), str(entry.get("t") or "")) for entry in answer if isinstance(entry, Mapping)
    ]
    return [text for _number, text in sorted(numbered, key=lambda pair: pair[0])]


def cancel_task(client: Client, upid: Upid) -> None:
    """Ask the node to end the task; it takes up to five seconds to answer. Ending an ended task is no error."""
    client.delete(path_of("nodes", upid.node, "tasks", upid.text))


def wait_for_end(
    client: Client, upid: Upid, deadline: Deadline, clock: Clock, longest: float = LONGEST_PAUSE
) -> TaskState:
    """Look until the task has ended or the deadline has passed (then ``running`` is still True).

    ``longest`` are the seconds between two looks at a task that takes long: by so much its end may be seen late.

    A server that is away for a while, or a proxy that answers in its place, doesn't end the task: failed looks are
    repeated.

    :raises NodeLost: when no look has succeeded for ``SILENCE_LIMIT`` seconds.
    """
    return follow_task(client, upid, deadline, clock, None, longest)


def follow_task(
    client: Client,
    upid: Upid,
    deadline: Deadline,
    clock: Clock,
    enough: Callable[[], bool] | None,
    longest: float = LONGEST_PAUSE,
) -> TaskState:
    """As ``wait_for_end``, but also until ``enough``, which is asked in every second round in place of the state."""
    pause = FIRST_PAUSE
    heard = clock.monotonic()
    for round_number in itertools.count():
        state = TaskState(True, None)
        try:
            if enough is not None and round_number % 2:
                if enough():
                    return state
            else:
                state = task_state(client, upid)
            heard = clock.monotonic()
        except (Unreachable, AnswerLost, BadAnswer, ApiError) as failure:
            if isinstance(failure, ApiError) and not failure.passing:
                raise
            silence = clock.monotonic() - heard
            if silence > SILENCE_LIMIT:
                raise NodeLost(
                    f"Nothing was heard of task {upid.text} for {format_duration(silence)}: {failure.message}"
                ) from failure
        if not state.running or deadline.passed():
            return state
        deadline.sleep(pause)
        pause = min(longest, pause * 1.3)
    raise AssertionError("unreachable: the loop above doesn't end")
