# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a simulator into the state a recorded system was in, where that came about by calls that are not replayed."""

from __future__ import annotations

import calendar
import re
import time

from pve_simulator import World
from pve_simulator.access.acl import ROOT
from pve_simulator.errors import WorkerError
from pve_simulator.scenarios import small
from pve_simulator.tasks.log import TaskLog
from pve_simulator.tasks.registry import Job
from pve_simulator.tasks.worker import Worker
from pve_simulator.vzdump.job import VzdumpJob
from pve_simulator.vzdump.options import options

CRON_UPID = "UPID:pve:00000842:0003AE6D:6B003E74:vzdump:101:root@pam:"
FAILED_UPID = "UPID:pve:00000764:000350C4:6B003D84:vzdump:301:root@pam:"

# when the backups of 06_prune were made up, and their ages then in days
_PRUNED = "2026-11-20 12:28:14"
_AGES = (400, 40, 15, 8, 3, 2, 1.5, 1, 0.5, 0.2)
_DONE = re.compile(r"^INFO: (?:Finished Backup of VM|Failed at)")
_CRON = {"vmid": "101", "compress": "zstd", "prune-backups": "keep-last=2", "storage": "backups", "quiet": 1}
_CRON_LINE = "vzdump 101 --compress zstd --prune-backups 'keep-last=2' --storage backups --quiet 1"


class Clock:
    """A clock that stands where the recording says; in a task it goes on with each guest that is done."""

    def __init__(self, epoch: float) -> None:
        self._times: list[float] = [epoch]
        self._log: TaskLog | None = None

    def set(self, epoch: float) -> None:
        """Stand still here."""
        self._times, self._log = [epoch], None

    def follow(self, log: TaskLog, times: list[float]) -> None:
        """Stand where each guest of the task began, one after the other."""
        self._times, self._log = times, log

    def __call__(self) -> float:
        done = sum(_DONE.match(line) is not None for line in self._log.lines()) if self._log is not None else 0
        return self._times[min(done, len(self._times) - 1)]


def epoch(text: str) -> int:
    """The epoch of a time in a recorded log; the recorded systems ran on UTC, as tests do."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def begin(world: World, clock: Clock) -> None:
    """Before 02_auth: containers with their creation tasks, on 8.4 one backup; the VMs came later."""
    small.build_hosts(world)
    small.build_containers(world)
    small.build_users(world)
    for vmid in range(101, 106):
        _task(world, "vzcreate", str(vmid), _nothing)
    if world.version.release == "8.4":
        _backup_of(world, clock, 101, "2026-11-20 12:22:54", notes="tiny1 on pve (101)")
    _task(world, "vzdump", "101", _nothing)


def before_prune(world: World, clock: Clock) -> None:
    """Before 06_prune: the storage was cleared, and backups of all ages were put there, one under a name of its own."""
    folder = world.backups("backups")
    for backup in folder.all():
        folder.delete(backup.name.name)
    clock.set(epoch(_PRUNED))
    for days in _AGES:
        world.add_archive(102, age=days * 86400, notes=f"{days:g} days old")
    world.add_archive(102, age=1)
    world.add_archive(102, name="vzdump-lxc-102-renamed-by-hand.tar.zst")
    world.add_archive(103, age=epoch(_PRUNED) - epoch("2026-01-01 01:01:01"))


def before_tasks(world: World, clock: Clock) -> dict[str, str]:
    """Before 10_tasks: VMs, backups of the recordings between, a job that ran each minute. Recorded UPID to ours."""
    small.build_machines(world)
    world.cluster.guests[301].tags = []
    for vmid, when in ((101, "12:29:27"), (101, "12:29:36"), (105, "12:29:37")):
        _backup_of(world, clock, vmid, f"2026-11-20 {when}")
    clock.set(epoch("2026-11-20 12:31:00"))
    failed = _task(world, "vzdump", "301", _fail)
    job = VzdumpJob(world, world.entry.name, ROOT, options(world.cluster, _CRON), [101], _CRON_LINE)
    upid = ""
    for minute in (32, 33, 34, 35):
        clock.set(epoch(f"2026-11-20 12:{minute}:00"))
        upid = str(world.start_task(world.entry.name, "vzdump", "101", ROOT, job.run))
        world.tasks.wait_idle(5)
    return {CRON_UPID: upid, FAILED_UPID: failed}


def before_machines(world: World) -> None:
    """Before 11_qemu: VM 301 has its tag."""
    world.cluster.guests[301].tags = ["prod"]


def before_case(world: World, recording: str, title: str) -> None:
    """Before a case of 11_qemu: VM 301 was started and stopped, and once locked, by calls that are not replayed."""
    if recording in ("11_qemu", "14_transport"):
        guest = world.cluster.guests[301]
        guest.running = "running VM" in title
        guest.lock = "backup" if "locked VM" in title else None


def _backup_of(world: World, clock: Clock, vmid: int, when: str, notes: str | None = None) -> None:
    clock.set(epoch(when))
    world.add_archive(vmid, "local", notes=notes)


def _task(world: World, kind: str, about: str, job: Job) -> str:
    upid = world.start_task(world.entry.name, kind, about, ROOT, job)
    world.tasks.wait_idle(5)
    return str(upid)


def _nothing(worker: Worker) -> None:
    worker.info("done")


def _fail(worker: Worker) -> None:
    worker.info("failing")
    raise WorkerError("job errors")
