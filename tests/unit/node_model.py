# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node as far as submissions and waiting can tell: what happens to each POST, its tasks, and their logs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from unit.builders import TOKEN, FakeClock, a_upid, job_line

WAITING = "INFO: trying to get global lock - waiting..."
NEVER = 1e9
Failure = Callable[[], ProxmoxError]


@dataclass
class Task:
    """A task: the guests it means, when its log says so, what else it says and when, and when it ends.

    Times are on the fake clock.
    """

    upid: Upid
    vmids: Sequence[int]
    speaks_at: float
    ends_at: float
    storage: str = "vault"
    more: Sequence[tuple[float, str]] = ()

    def lines(self, now: float) -> list[str]:
        """What the log says by now."""
        if now >= self.speaks_at:
            return [job_line(self.vmids, self.storage), *(text for at, text in self.more if now >= at)]
        if now < self.ends_at:
            return [WAITING]
        return ["TASK ERROR: could not activate storage 'nope': storage 'nope' does not exist"]


class Node:
    """Stands in for the client.

    Each of ``posts`` is what comes back: a failure, a text, or None for the UPID. ``starts`` says whether a task came
    of it, which is ``silent`` for some time and ``lasts`` for some time.
    """

    def __init__(
        self,
        posts: Sequence[object] = (),
        starts: Sequence[bool] = (),
        silent: float = 0,
        lasts: float = NEVER,
    ) -> None:
        self.time = FakeClock(1000)
        self.authid = TOKEN
        self.tasks: list[Task] = []
        self.sent: list[dict[str, Any]] = []
        self._posts = list(posts)
        self._starts = list(starts)
        self._silent = silent
        self._lasts = lasts

    @property
    def client(self) -> Client:
        return cast("Client", self)

    def others(self, vmids: Sequence[int], user: str = TOKEN, silent: float = 0, lasts: float = NEVER) -> Upid:
        """Somebody's task is there from now on."""
        one = vmids[0] if len(vmids) == 1 else ""
        upid = a_upid(one, pid=100 + len(self.tasks), user=user)
        self.tasks.append(Task(upid, vmids, self.time.time + silent, self.time.time + lasts))
        return upid

    def post(self, path: str, **parameters: Any) -> Any:
        assert path == "nodes/pve1/vzdump"
        self.sent.append(parameters)
        answer, starts = self._posts.pop(0), self._starts.pop(0)
        vmids = [int(vmid) for vmid in parameters["vmid"].split(",")]
        upid = self.others(vmids, silent=self._silent, lasts=self._lasts) if starts else None
        if callable(answer):
            raise answer()
        return upid.text if answer is None and upid else answer

    def get(self, path: str, **_parameters: Any) -> Any:
        parts = path.split("/")
        if parts[-1] == "tasks":
            ended = {"endtime": 1, "status": "OK"}
            return [{"upid": task.upid.text, **({} if self._runs(task) else ended)} for task in reversed(self.tasks)]
        task = next(task for task in self.tasks if task.upid.text == parts[3])
        if parts[-1] == "status":
            return {"status": "running"} if self._runs(task) else {"status": "stopped", "exitstatus": "OK"}
        return [{"n": number, "t": text} for number, text in enumerate(task.lines(self.time.time))]

    def _runs(self, task: Task) -> bool:
        return self.time.time < task.ends_at
