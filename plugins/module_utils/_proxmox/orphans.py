# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of runs that died: what the journals say of them, held against the nodes' lists of tasks.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun, Entry, JournalError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import LOOKS, find_task
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import ListedTask, backup_tasks
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


def observe_orphans(client: Client, clock: Clock, runs: Sequence[DeadRun]) -> list[Orphan]:
    """What became of the jobs of these runs. One request a node with such a job; none where there is none."""
    jobs = [(run.run, entries) for run in runs for entries in _unsettled(run.entries)]
    nodes = sorted({_node_of(entries) for _run, entries in jobs})
    lists = dict(zip(nodes, side_by_side(lambda node: _tasks_of(client, node), nodes)))
    return side_by_side(lambda job: _orphan(client, clock, *job, lists[_node_of(job[1])]), jobs)


def _node_of(entries: Mapping[str, Entry]) -> str:
    return str(entries["starting"].get("node"))


def _unsettled(entries: Sequence[Entry]) -> list[dict[str, Entry]]:
    """The jobs that the next run must know, each with its entries by event."""
    jobs: dict[int, dict[str, Entry]] = {}
    still_open: set[int] | None = None
    for entry in entries:
        event = str(entry.get("event"))
        if event == "closed":
            still_open = set(entry.get("open") or ())
        elif event == "starting":
            jobs[whole_number(entry.get("job"))] = {event: entry}
        elif whole_number(entry.get("job")) in jobs:
            jobs[whole_number(entry.get("job"))][event] = entry
    settled = {"nothing", "refused", "left", "accounted"}
    return [
        events
        for number, events in jobs.items()
        if not settled & set(events) and (still_open is None or number in still_open)
    ]


def _tasks_of(client: Client, node: str) -> list[ListedTask] | str:
    try:
        return backup_tasks(client, node)
    except ProxmoxError as failure:
        return failure.message


def _orphan(
    client: Client, clock: Clock, run: str, entries: Mapping[str, Entry], tasks: list[ListedTask] | str
) -> Orphan:
    entry = entries["starting"]
    vmids = tuple(whole_number(vmid) for vmid in entry.get("vmids") or ())
    job = Orphan(run, whole_number(entry.get("job")), _node_of(entries), str(entry.get("storage")), vmids)
    upid = Upid.parse(entries["started"].get("upid")) if "started" in entries else None
    if isinstance(tasks, str):
        return _known(job, upid, problem=tasks)
    if upid is None:
        young = 0 <= clock.now() - float(entry.get("at") or 0) < IN_FLIGHT
        known = _older_than(Upid.parse(entry.get("after")), tasks)
        try:
            patience = Deadline.after(clock, sum(LOOKS))
            upid, undecided = find_task(client, job.node, vmids, known, patience, clock, LOOKS if young else (0.0,))
        except ProxmoxError as failure:
            return _known(job, None, problem=failure.message)
        if upid is None:
            return _known(job, None, problem=f"task {undecided} may be it" if undecided else None)
        tasks = tasks if any(task.upid == upid for task in tasks) else [*tasks, ListedTask(upid, running=True)]
    listed = next((task for task in tasks if task.upid == upid), None)
    if listed is None:  # so long ago that the list doesn't hold it any more
        return _known(job, upid)
    return _known(job, upid, listed)


def _known(job: Orphan, upid: Upid | None, listed: ListedTask | None = None, problem: str | None = None) -> Orphan:
    facts = (listed.running, listed.exitstatus, listed.ended_at) if listed else (False, None, None)
    return Orphan(job.run, job.job, job.node, job.storage, job.vmids, upid, *facts, problem)


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
