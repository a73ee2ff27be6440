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
from unit.builders import NOW, TOKEN, FakeClock, a_upid, job_line

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
    endtime: int = 1
    exitstatus: str = "OK"

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
    of it, which is ``silent`` for some time and ``lasts`` for some time. ``listed`` is what lies on each storage, and
    ``locked`` what is said of each guest's state.
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
        self.port = 8006
        self.tasks: list[Task] = []
        self.sent: list[dict[str, Any]] = []
        self.listed: list[dict[str, Any]] = []
        self.locked: dict[str, Any] | ProxmoxError = {}
        self._posts = list(posts)
        self._starts = list(starts)
        self._silent = silent
        self._lasts = lasts

    @property
    def client(self) -> Client:
        return cast("Client", self)

    def others(
        self, vmids: Sequence[int], user: str = TOKEN, silent: float = 0, lasts: float = NEVER, starttime: int = NOW
    ) -> Upid:
        """Somebody's task is there from now on."""
        one = vmids[0] if len(vmids) == 1 else ""
        upid = a_upid(one, pid=100 + len(self.tasks), user=user, starttime=starttime)
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
            return [{"upid": task.upid.text, **self._end(task)} for task in reversed(self.tasks)]
        if parts[-1] == "content":
            return self.listed
        if parts[-1] == "current":
            return _answered(self.locked)
        task = self._task(path)
        if parts[-1] == "status":
            return {"status": "running"} if self._runs(task) else {"status": "stopped", "exitstatus": task.exitstatus}
        return [{"n": number, "t": text} for number, text in enumerate(task.lines(self.time.time))]

    def delete(self, path: str) -> None:
        """Somebody cancels a task."""
        task = self._task(path)
        task.ends_at, task.exitstatus = self.time.time, "interrupted by signal"

    def _task(self, path: str) -> Task:
        return next(task for task in self.tasks if task.upid.text == path.split("/")[3])

    def _end(self, task: Task) -> dict[str, Any]:
        return {} if self._runs(task) else {"endtime": task.endtime, "status": task.exitstatus}

    def _runs(self, task: Task) -> bool:
        return self.time.time < task.ends_at


def _answered(answer: object) -> object:
    """What comes back, which may be a refusal."""
    if isinstance(answer, ProxmoxError):
        raise answer
    return answer
