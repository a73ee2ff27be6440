# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of a vzdump task. Pure. Private to this collection.

Lines are those of pve-manager VZDump.pm and of the recordings 04, 05, 10 and 11; whatever is not known is noise, since
every version adds lines.
"""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_JOB = re.compile(r"^INFO: starting new backup job: (.*)$")
_START = re.compile(r"^INFO: Starting Backup of VM ([0-9]{1,10}) \((qemu|lxc)\)$")
_ARCHIVE = re.compile(r"^INFO: creating (?:.+ )?archive '(.+)'$")
_FINISHED = re.compile(r"^INFO: Finished Backup of VM ([0-9]{1,10}) \(([0-9]{1,6}):([0-9]{2}):([0-9]{2})\)$")
_FAILED = re.compile(r"^ERROR: Backup of VM ([0-9]{1,10}) failed - (.*)$")
_REMOVED = re.compile(r"^INFO: removing backup '(.+)'$")
_RETENTION = re.compile(r"^INFO: prune older backups with retention: (.+)$")
_EXCLUDED_MOUNT = re.compile(r"^INFO: excluding \S+ mount point (\S+) \('(.*)'\) from backup")
_EXCLUDED_DISK = re.compile(r"^INFO: exclude disk '([^']+)'")
_WAITING = re.compile(r"^INFO: trying to get global lock")
_LOCK_LOST = re.compile(r"^ERROR: (can't acquire lock .*)$")
_TROUBLE = re.compile(r"no space left|input/output error|permission denied|connection|timed? ?out|quota", re.IGNORECASE)
_NAMES = re.compile(r"^INFO: (?:CT Name|VM Name|in|ex)")  # lines that repeat names given by users
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_COMMAND_FAILED = re.compile(r"^command '.*' failed: (.+)$")
_ID = re.compile(r"^[0-9]{1,10}$")


@dataclass(frozen=True)
class JobCommand:
    """Which guests a task means, read from its first line: ids by name, or all or a pool of the node."""

    vmids: frozenset[int]
    everything: bool
    excluded: frozenset[int]
    pool: str | None
    storage: str | None

    def covers(self, vmid: int, pool: str | None) -> bool:
        """Whether the task backs up this guest of its node."""
        if vmid in self.vmids:
            return True
        if vmid in self.excluded:
            return False
        return self.everything or (self.pool is not None and pool == self.pool)


@dataclass
class GuestLog:
    """What the log says of one guest. ``archive`` is as logged, ``seconds`` its duration, ``error`` why it failed."""

    vmid: int
    started: bool = False
    archive: str | None = None
    seconds: int | None = None
    finished: bool = False
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)

    @property
    def cause(self) -> str:
        """Why it failed, without the long command line, with what the command itself complained of."""
        error = self.error or ""
        short = _COMMAND_FAILED.match(error)
        told = short.group(1) if short else error
        return f"{told} ({self.trouble[-1]})" if self.trouble and self.trouble[-1] not in told else told

    def volid(self, storage: str) -> str | None:
        """The volume id of the archive, were it on ``storage``."""
        if self.archive is None:
            return None
        # A file is logged with its path; a backup server's or provider's archive with its whole name.
        name = self.archive.rpartition("/")[2] if self.archive.startswith("/") else self.archive
        return f"{storage}:backup/{name}"


@dataclass
class JobLog:
    """A task's log, by guest. ``removed`` are the volids that the storage's retention took, with its rule."""

    command: JobCommand | None = None
    guests: dict[int, GuestLog] = field(default_factory=dict)
    removed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    waiting: bool = False
    lock_error: str | None = None

    def guest(self, vmid: int) -> GuestLog:
        """The guest's part, made when it is first spoken of."""
        return self.guests.setdefault(vmid, GuestLog(vmid))


def parse_job_log(lines: Iterable[str]) -> JobLog:
    """Read a log, complete or not: what was cut off is simply not there."""
    reader = _Reader()
    for line in lines:
        reader.read(line)
    return reader.log


class _Reader:
    """Reads line by line, remembering whose part of the log it is in."""

    def __init__(self) -> None:
        self.log = JobLog()
        self._current: GuestLog | None = None
        self._last: GuestLog | None = None
        self._failing: GuestLog | None = None
        self._rule = ""

    def read(self, raw: str) -> None:
        line = _CONTROL.sub("", raw)
        if self._failing is not None and line.startswith("ERROR: ") and not _FAILED.match(line):
            self._failing.error = f"{self._failing.error} {line.partition(': ')[2].strip()}"
            return
        self._failing = None
        for pattern, what in _EVENTS:
            match = pattern.match(line)
            if match:
                what(self, match)
                return
        if line.startswith(("WARN: ", "ERROR: ")):
            # What is said after a guest's end still is about it (its log could not be uploaded, say).
            (self._current or self._last or self.log).warnings.append(line.partition(": ")[2])
        elif self._current is not None:
            _read_detail(self._current, line)

    def job(self, match: re.Match[str]) -> None:
        self.log.command = parse_command(match.group(1))
        self.log.waiting = False

    def wait(self, _match: re.Match[str]) -> None:
        self.log.waiting = True

    def start(self, match: re.Match[str]) -> None:
        self._current = self.log.guest(int(match.group(1)))
        self._current.started = True
        self._last = self._current

    def finish(self, match: re.Match[str]) -> None:
        done = self.log.guest(int(match.group(1)))
        done.finished = True
        done.seconds = int(match.group(2)) * 3600 + int(match.group(3)) * 60 + int(match.group(4))
        self._current = None

    def fail(self, match: re.Match[str]) -> None:
        self._failing = self.log.guest(int(match.group(1)))
        self._failing.error = match.group(2).strip()
        self._current = None

    def lose_lock(self, match: re.Match[str]) -> None:
        self.log.lock_error = match.group(1)

    def retention(self, match: re.Match[str]) -> None:
        self._rule = match.group(1)

    def remove(self, match: re.Match[str]) -> None:
        self.log.removed.append((match.group(1), self._rule))


_EVENTS: tuple[tuple[re.Pattern[str], Callable[[_Reader, re.Match[str]], None]], ...] = (
    (_JOB, _Reader.job),
    (_WAITING, _Reader.wait),
    (_START, _Reader.start),
    (_FINISHED, _Reader.finish),
    (_FAILED, _Reader.fail),
    (_LOCK_LOST, _Reader.lose_lock),
    (_RETENTION, _Reader.retention),
    (_REMOVED, _Reader.remove),
)


def parse_command(command: str) -> JobCommand | None:
    """The guests of ``vzdump 101 102 --storage local ...``; None when the command can't be understood."""
    try:
        words = shlex.split(command)
    except ValueError:  # a line that was cut off inside quotes
        words = command.split()
    if not words or words[0] != "vzdump":
        return None
    ids = list(itertools.takewhile(_ID.match, words[1:]))
    rest = words[1 + len(ids) :]
    # Every option is logged with its value, so that a value which looks like an option is still one.
    options = dict(zip(rest[::2], rest[1::2]))
    excluded = options.get("--exclude", "").split(",")
    return JobCommand(
        frozenset(int(word) for word in ids),
        options.get("--all") == "1",
        frozenset(int(part) for part in excluded if _ID.match(part)),
        options.get("--pool"),
        options.get("--storage"),
    )


def _read_detail(guest: GuestLog, line: str) -> None:
    if match := _ARCHIVE.match(line):
        guest.archive = match.group(1)
    elif match := _EXCLUDED_MOUNT.match(line):
        guest.excluded.append(f"{match.group(1)} ({match.group(2)})")
    elif match := _EXCLUDED_DISK.match(line):
        guest.excluded.append(match.group(1))
    elif line.startswith("INFO: ") and _TROUBLE.search(line) and not _NAMES.match(line):
        guest.trouble.append(line[len("INFO: ") :].strip())
