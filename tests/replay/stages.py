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

# when the jobs of 09_backup_jobs were made, by the recorded tickets
_JOBS = {"8.4": "2026-11-20 12:30:30", "9.2": "2026-11-20 13:07:19"}
# when the backups of 06_prune were made up, and their ages then in days
_PRUNED = "2026-11-20 12:28:14"
_AGES = (400, 40, 15, 8, 3, 2, 1.5, 1, 0.5, 0.2)
_DONE = re.compile(r"^INFO: (?:Finished Backup of VM|Failed at)")
_TRUNCATED = "vzdump-lxc-101-2021_01_01-00_00_00.tar.zst"
_NO_ARCHIVE = "vzdump-{kind}-{vmid}-2021_02_01-00_00_00.{format}.zst"
_TEXT = b"this is no archive\n"
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


def before_jobs(world: World, clock: Clock) -> None:
    """Before 09_backup_jobs: the user who makes jobs has no token yet. When jobs run next depends on the clock."""
    del world.cluster.users["jobs@pve"].tokens["op"]
    clock.set(epoch(_JOBS[world.version.release]))


def before_tasks(world: World, clock: Clock) -> dict[str, str]:
    """Before 10_tasks: VMs, backups of the recordings between, a job that ran each minute. Recorded UPID to ours."""
    small.build_machines(world)
    world.cluster.guests[301].tags = []
    clock.set(epoch("2026-11-20 12:31:00"))
    failed = _task(world, "vzdump", "301", _fail)
    job = VzdumpJob(world, world.entry.name, ROOT, options(world.cluster, _CRON), [101], _CRON_LINE)
    upid = ""
    for minute in (32, 33, 34, 35):
        clock.set(epoch(f"2026-11-20 12:{minute}:00"))
        upid = str(world.start_task(world.entry.name, "vzdump", "101", ROOT, job.run))
        world.tasks.wait_idle(5)
    return {CRON_UPID: upid, FAILED_UPID: failed}


def before_machines(world: World, clock: Clock) -> None:
    """Before 11_qemu: VM 301 has its tag; two backups were made meanwhile."""
    world.cluster.guests[301].tags = ["prod"]
    _backup_of(world, clock, 300, "2026-11-20 12:30:59")
    _backup_of(world, clock, 301, "2026-11-20 12:43:28")


def before_case(world: World, recording: str, title: str) -> None:
    """What was done by hand on the recorded systems: locks set and taken away, archives spoilt."""
    if recording == "08_restore_lxc":
        _before_container(world, title)
    if recording == "11_qemu":
        _before_machine(world, title)


def _before_container(world: World, title: str) -> None:
    if title == "a locked guest":
        world.lock_guest(105)
    elif title == "after the unlock":
        world.unlock_guest(105)
    elif title == "ERROR: truncated archive":
        whole = max(volid for volid in world.archives("local") if "-lxc-101-" in volid and volid.endswith(".zst"))
        _spoilt(world, _TRUNCATED, world.archive_path(whole).read_bytes()[:-1000])
        _spoilt(world, _NO_ARCHIVE.format(kind="lxc", vmid=101, format="tar"), _TEXT)
    elif title.startswith("ERROR: restore as backup token onto a new id"):
        world.backups("local").delete(_TRUNCATED)
        world.backups("local").delete(_NO_ARCHIVE.format(kind="lxc", vmid=101, format="tar"))


def _before_machine(world: World, title: str) -> None:
    if "locked VM" in title:
        world.lock_guest(301)
    elif title == "ERROR: archive that is no archive":
        world.unlock_guest(301)
        _spoilt(world, _NO_ARCHIVE.format(kind="qemu", vmid=301, format="vma"), _TEXT)
    elif title == "destroy":
        world.backups("local").delete(_NO_ARCHIVE.format(kind="qemu", vmid=301, format="vma"))


def _spoilt(world: World, name: str, data: bytes) -> None:
    world.backups("local").file(name).write_bytes(data)


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
