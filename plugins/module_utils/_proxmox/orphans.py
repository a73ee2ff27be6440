# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of runs that died: what the journals say of them, held against the nodes' lists of tasks.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun, Entry, JournalError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import LOOKS, find_task
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import ListedTask, backup_tasks, task_state
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid

IN_FLIGHT = 60.0
"""Seconds after which a request that was going out when its run died has started its task, or never will: Proxmox
hands it on to another node for at most 30 s."""

COUNTS_FOR = 600
"""Seconds after its end in which a task of a run that died makes a new backup needless, where ``max_age`` doesn't say
how old one may be. Long enough for a run that is started again at once, too short for the run of the next night."""


@dataclass(frozen=True)
class Orphan:
    """A job of a run that died. Without ``upid`` it never began; ``problem`` says why that can't be told.

    ``ended_at`` is epoch seconds by the node's clock, None while it runs and where it isn't known.
    """

    run: str
    job: int
    node: str
    storage: str
    vmids: tuple[int, ...]
    upid: Upid | None = None
    running: bool = False
    exitstatus: str | None = None
    ended_at: int | None = None
    problem: str | None = None

    @property
    def state(self) -> str:
        """A word for the result: running, ended, never_started or unknown."""
        if self.problem is not None:
            return "unknown"
        if self.upid is None:
            return "never_started"
        return "running" if self.running else "ended"

    def as_result(self) -> dict[str, Any]:
        """As the module returns it."""
        return {
            "run": self.run,
            "upid": None if self.upid is None else self.upid.text,
            "node": self.node,
            "storage": self.storage,
            "vmids": list(self.vmids),
            "state": self.state,
            "exitstatus": self.exitstatus,
        }


@dataclass(frozen=True)
class _Job:
    """A job as its journal tells it; ``at`` by the controller's clock. ``after`` is the newest task before it."""

    run: str
    number: int
    node: str
    storage: str
    vmids: tuple[int, ...]
    at: float
    after: Upid | None
    upid: Upid | None

    def orphan(self, upid: Upid | None, listed: ListedTask | None = None, problem: str | None = None) -> Orphan:
        """What became of it."""
        facts = (listed.running, listed.exitstatus, listed.ended_at) if listed else (False, None, None)
        return Orphan(self.run, self.number, self.node, self.storage, self.vmids, upid, *facts, problem)


def observe_orphans(client: Client, clock: Clock, runs: Sequence[DeadRun], nodes: Collection[str]) -> list[Orphan]:
    """What became of the jobs of these runs. One request a node with such a job; none where there is none.

    Jobs on nodes that are none of the cluster's (any more) are over.
    """
    jobs = [job for run in runs for job in _open_jobs(run) if job.node in nodes]
    asked = sorted({job.node for job in jobs})
    lists = dict(zip(asked, side_by_side(lambda node: _tasks_of(client, node), asked)))
    return side_by_side(lambda job: _orphan(client, clock, job, lists[job.node]), jobs)


def _open_jobs(run: DeadRun) -> list[_Job]:
    """The jobs that the next run must know. What is no entry of ours (the file may be damaged) is left out."""
    jobs: dict[int, dict[str, Entry]] = {}
    still_open: set[object] | None = None
    for entry in run.entries:
        event, number = entry.get("event"), entry.get("job")
        if event == "closed":
            named = entry.get("open")
            still_open = {one for one in named if isinstance(one, int)} if isinstance(named, list) else set()
        elif isinstance(event, str) and isinstance(number, int):
            if event == "starting":
                jobs[number] = {}
            if number in jobs:
                jobs[number][event] = entry
    settled = {"nothing", "refused", "left", "accounted"}
    found = [
        _job(run.run, number, events)
        for number, events in jobs.items()
        if not settled & set(events) and (still_open is None or number in still_open)
    ]
    return [job for job in found if job is not None]


def _job(run: str, number: int, events: Mapping[str, Entry]) -> _Job | None:
    entry = events["starting"]
    node, storage, vmids, at = (entry.get(key) for key in ("node", "storage", "vmids", "at"))
    if not (isinstance(node, str) and isinstance(storage, str) and isinstance(vmids, list)):
        return None
    ids = tuple(vmid for vmid in vmids if isinstance(vmid, int))
    upid = Upid.parse(events["started"].get("upid")) if "started" in events else None
    when = float(at) if isinstance(at, (int, float)) else 0.0
    return _Job(run, number, node, storage, ids, when, Upid.parse(entry.get("after")), upid)


def _tasks_of(client: Client, node: str) -> list[ListedTask] | str:
    try:
        return backup_tasks(client, node)
    except ProxmoxError as failure:
        return failure.message


def _orphan(client: Client, clock: Clock, job: _Job, tasks: list[ListedTask] | str) -> Orphan:
    if isinstance(tasks, str):
        return job.orphan(job.upid, problem=tasks)
    try:
        upid, undecided = (job.upid, "") if job.upid is not None else _looked_for(client, clock, job, tasks)
        if upid is None:
            return job.orphan(None, problem=f"task {undecided} may be it" if undecided else None)
        listed_task = next((task for task in tasks if task.upid == upid), None)
        if listed_task is not None:
            return job.orphan(upid, listed_task)
        # Started since the list was made, or so long ago that it doesn't hold it any more.
        state = task_state(client, upid)
    except ProxmoxError as failure:
        return job.orphan(job.upid, problem=failure.message)
    return job.orphan(upid, ListedTask(upid, state.running, state.exitstatus))


def _looked_for(client: Client, clock: Clock, job: _Job, tasks: Sequence[ListedTask]) -> tuple[Upid | None, str]:
    """The task of a job whose answer was never journalled. A young request may still be on its way."""
    young = 0 <= clock.now() - job.at < IN_FLIGHT
    known = _older_than(job.after, tasks)
    patience = Deadline.after(clock, sum(LOOKS))
    return find_task(client, job.node, job.vmids, known, patience, clock, LOOKS if young else (0.0,))


def _older_than(after: Upid | None, tasks: Sequence[ListedTask]) -> set[str]:
    """The tasks that were there before the job was asked for."""
    if after is None:
        return set()
    return {task.upid.text for task in tasks if task.upid.starttime < after.starttime} | {after.text}


def counted(
    guests: Sequence[Guest],
    owned: Mapping[int, Sequence[Backup]],
    orphans: Sequence[Orphan],
    storage: str | None,
    now: Callable[[str], float],
) -> dict[int, tuple[Backup, Orphan]]:
    """The backups that runs which died have made a moment ago: a new one would be the second for one wish. Pure."""
    found: dict[int, tuple[Backup, Orphan]] = {}
    by_id = {guest.vmid: guest for guest in guests}
    for orphan in orphans:
        if orphan.upid is None or orphan.ended_at is None or storage not in (None, orphan.storage):
            continue
        if now(orphan.node) - orphan.ended_at > COUNTS_FOR:
            continue
        for vmid in orphan.vmids:
            for backup in owned.get(vmid, ()):
                made = orphan.upid.starttime <= backup.ctime <= orphan.ended_at
                same = vmid in by_id and backup.guest_type in (None, by_id[vmid].type)
                if made and same and backup.storage == orphan.storage and backup.good():
                    found[vmid] = (backup, orphan)
    return found


def account_for(
    runs: Sequence[DeadRun], orphans: Sequence[Orphan], waited_for: Mapping[str, frozenset[int]]
) -> list[str]:
    """Close the journals of dead runs whose jobs are all over, or whose guests were all waited for (by UPID).

    Those with a task that still runs, or of which nothing could be learned, are left for the next run, with a note of
    the jobs that are done with. Returns what couldn't be written.
    """
    problems: list[str] = []
    for run in runs:
        of_run = [orphan for orphan in orphans if orphan.run == run.run]
        left = [orphan for orphan in of_run if not _settled(orphan, waited_for)]
        try:
            if not left:
                run.forget()
                continue
            for orphan in of_run:
                if orphan not in left:
                    run.note("accounted", job=orphan.job)
        except JournalError as failure:
            problems.append(failure.message)
    return problems


def _settled(orphan: Orphan, waited_for: Mapping[str, frozenset[int]]) -> bool:
    if orphan.state != "running" or orphan.upid is None:
        return orphan.state != "unknown"
    return set(orphan.vmids) <= waited_for.get(orphan.upid.text, frozenset())


def orphans_told(orphans: Sequence[Orphan]) -> str:
    """What a person should know of them, in a sentence; empty where there are none."""
    if not orphans:
        return ""
    runs = listed(sorted({orphan.run for orphan in orphans}))
    running = [orphan.upid.text for orphan in orphans if orphan.state == "running" and orphan.upid is not None]
    still = f" Of its tasks still ran when this one began: {listed(running)}." if running else ""
    return f"An earlier run did not come to its end ({runs}).{still}"
