# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All tasks of the cluster: started, watched, stopped, listed; found again on disk after a restart.

A log file is the proof that a task exists. ``index.jsonl`` beside the logs has a line for each that ended.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from pve_simulator.errors import WorkerDied, WorkerError
from pve_simulator.tasks.log import UNEXPECTED, TaskLog
from pve_simulator.tasks.upid import Upid, parse
from pve_simulator.tasks.worker import Worker

GRACE = 5.0  # seconds between the signal that asks and the one that kills

Job = Callable[[Worker], None]


@dataclass
class Task:
    """A task; ``status`` and ``endtime`` are None while it runs."""

    upid: Upid
    log: TaskLog
    order: int
    endtime: int | None = None
    status: str | None = None
    worker: Worker | None = None

    @property
    def running(self) -> bool:
        """Tell whether the process is still there."""
        return self.endtime is None


class TaskRegistry:
    """Owns the tasks. ``next_process`` hands out pid and pstart; ``changed`` is notified when a task ends."""

    def __init__(
        self,
        folder_of: Callable[[str], Path],
        changed: threading.Condition,
        clock_of: Callable[[str], float],
        zone_of: Callable[[str], tzinfo],
    ) -> None:
        self._folder_of = folder_of
        self._changed = changed
        self._clock_of = clock_of
        self._zone_of = zone_of
        self.grace = GRACE
        self._tasks: dict[str, Task] = {}
        self._gate = threading.Event()
        self._gate.set()
        self._after_end: list[Callable[[Task], None]] = []

    def hold(self) -> None:
        """Keep tasks that are started from now on from doing anything, until `release`."""
        self._gate.clear()

    def release(self) -> None:
        """Let held tasks run."""
        self._gate.set()

    def when_ended(self, call: Callable[[Task], None]) -> None:
        """Have a call made after each task's end, before anybody sees that it ended."""
        self._after_end.append(call)

    def load(self, node: str) -> None:
        """Find a node's tasks on disk; those without an end were killed with the simulator."""
        folder = self._folder_of(node)
        index = self._index(node)
        ended = [json.loads(line) for line in index.read_text(encoding="utf-8").splitlines()] if index.exists() else []
        ends = {item["upid"]: item for item in ended}
        for path in sorted(folder.glob("*/UPID:*")):
            upid = parse(path.name)
            if upid is None or path.name in self._tasks:
                continue
            end = ends.get(path.name, {"endtime": int(path.stat().st_mtime), "status": UNEXPECTED})
            self._add(Task(upid, TaskLog(path), len(self._tasks), end["endtime"], end["status"]))

    def start(self, upid: Upid, job: Job) -> Task:
        """Begin a task in a thread of its own."""
        log = self._new_log(upid)
        worker = Worker(log, lambda: self._clock_of(upid.node), self._zone_of(upid.node))
        task = Task(upid, log, len(self._tasks), worker=worker)
        self._add(task)
        threading.Thread(target=self._run, args=(task, worker, job), name=str(upid), daemon=True).start()
        return task

    def find(self, upid: str) -> Task | None:
        """The task with this UPID, or None."""
        return self._tasks.get(upid)

    def on_node(self, node: str) -> list[Task]:
        """A node's tasks, newest first."""
        with self._changed:
            tasks = [task for task in self._tasks.values() if task.upid.node == node]
        return sorted(tasks, key=lambda task: (task.upid.starttime, task.order), reverse=True)

    def running(self) -> list[Task]:
        """The tasks that run."""
        with self._changed:
            return [task for task in self._tasks.values() if task.running]

    def stop(self, task: Task) -> None:
        """Stop a task as DELETE does: ask, wait for a while, kill. Returns when it is gone."""
        if task.worker is None or not task.running:
            return
        task.worker.interrupt()
        with self._changed:
            if not self._changed.wait_for(lambda: not task.running, timeout=self.grace):
                task.worker.kill()
                self._changed.wait_for(lambda: not task.running, timeout=self.grace)

    def wait(self, task: Task, timeout: float) -> bool:
        """Wait for a task's end; tell whether it came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not task.running, timeout)

    def wait_idle(self, timeout: float) -> None:
        """Wait until no task runs. Raises ``TimeoutError``."""
        with self._changed:
            if not self._changed.wait_for(lambda: not any(task.running for task in self._tasks.values()), timeout):
                raise TimeoutError(f"still running: {[str(task.upid) for task in self.running()]}")

    def kill_all(self) -> None:
        """End every worker as the end of the host would, and wait for them."""
        for task in self.running():
            if task.worker is not None:
                task.worker.kill()
        self.release()
        self.wait_idle(GRACE)

    def _run(self, task: Task, worker: Worker, job: Job) -> None:
        self._gate.wait()
        try:
            job(worker)
            worker.write(f"TASK WARNINGS: {worker.warnings}" if worker.warnings else "TASK OK")
        except WorkerDied:
            pass  # a killed process leaves no last line: that is how it shows
        except WorkerError as error:
            task.log.write(f"TASK ERROR: {' '.join(str(error).split())}")
        except BaseException as error:
            # a mistake in the simulator itself: the log is where whoever uses it looks first
            task.log.write(f"TASK ERROR: simulator failure: {error!r}")
            raise
        finally:
            self._end(task)

    def _end(self, task: Task) -> None:
        status = task.log.exit_status()
        for call in self._after_end:
            call(task)
        endtime = int(self._clock_of(task.upid.node))
        with self._changed:
            with self._index(task.upid.node).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"upid": str(task.upid), "endtime": endtime, "status": status}) + "\n")
            task.status = status
            task.endtime = endtime
            self._changed.notify_all()

    def _add(self, task: Task) -> None:
        with self._changed:
            self._tasks[str(task.upid)] = task

    def _new_log(self, upid: Upid) -> TaskLog:
        log = TaskLog(self._folder_of(upid.node) / f"{upid.starttime & 15:X}" / str(upid))
        log.create()
        return log

    def _index(self, node: str) -> Path:
        return self._folder_of(node) / "index.jsonl"
