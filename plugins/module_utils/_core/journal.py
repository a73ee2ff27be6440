# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs have started, written down before it is asked for, so that a run that was killed is found by the next one.

A run has a file of its own, one JSON line an entry. It holds a lock on the file as long as it lives: a file without a
lock is that of a run that died, however it died, and no stale lock can stay behind.

Private to this collection.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_ENDING = ".jsonl"
MANY = 200
"""Journals of dead runs that one run takes over; the next one takes the next."""
LARGEST = 50_000_000
"""Bytes of a journal that are read."""
Entry = Mapping[str, Any]


class JournalError(LifeboatError):
    """The journal can't be written or read."""


def default_folder(environment: Mapping[str, str]) -> Path:
    """Where a user's programs keep their state: $XDG_STATE_HOME, else ~/.local/state.

    :raises JournalError: for a user without a home.
    """
    state = environment.get("XDG_STATE_HOME", "")
    try:
        base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    except RuntimeError as failure:
        raise JournalError("This user has no home folder for the journal; set journal_path.") from failure
    return base / "lifeboat"


def cluster_folder(folder: Path, cluster: str) -> Path:
    """The folder of one cluster's journals."""
    return folder / (_UNSAFE.sub("_", cluster).lstrip(".") or "_")


def new_run(at: float) -> str:
    """The id of a run that began ``at`` epoch seconds: it sorts by time, and no other has it."""
    return f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(at))}-{uuid.uuid4().hex[:8]}"


class Journal:
    """This run's journal. May be written to from any thread.

    The file is made with the first entry: a run that starts nothing leaves nothing.
    """

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self.run = new_run(time.time())
        self._path = folder / f"{self.run}{_ENDING}"
        self._header = dict(header)
        self._guard = threading.Lock()
        self._handle: int | None = None
        self._torn = False

    def open(self) -> None:
        """Make the file, so that it is known before anything is started whether it can be written.

        :raises JournalError: when it can't.
        """
        with self._guard:
            self._opened()

    def write(self, event: str, sync: bool = True, **facts: Any) -> None:
        """One entry, on the disk when this returns; without ``sync`` it outlives this process, but not a power cut.

        :raises JournalError: when it can't be written.
        """
        with self._guard:
            handle = self._opened()
            self._append(handle, {"event": event, "at": round(time.time(), 3), **facts}, sync)

    def close(self, keep: bool = False) -> None:
        """End the run: the file goes, unless there is something in it that the next run must know.

        :raises JournalError: when it can't be removed.
        """
        with self._guard:
            if self._handle is None:
                return
            try:
                if not keep:
                    _remove(self._path)
            finally:
                os.close(self._handle)
                self._handle = None

    def _opened(self) -> int:
        if self._handle is None:
            try:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._handle = _locked_file(self._path)
            except OSError as failure:
                raise _unwritable(self._path, failure) from failure
            header = {"event": "run", "at": round(time.time(), 3), "run": self.run, **self._header}
            try:
                self._append(self._handle, header)
            except JournalError:
                os.close(self._handle)
                self._handle = None
                raise
        return self._handle

    def _append(self, handle: int, entry: Entry, sync: bool = True) -> None:
        torn, self._torn = self._torn, True
        _write_line(self._path, handle, entry, torn, sync)
        self._torn = False


class DeadRun:
    """The journal of a run that died. Held by a lock until it is released, so that one run alone takes it over."""

    def __init__(self, path: Path, handle: int, entries: Sequence[Entry]) -> None:
        self.path = path
        self.entries = entries
        self._handle = handle

    @property
    def run(self) -> str:
        """Its id."""
        return self.path.name.removesuffix(_ENDING)

    def note(self, event: str, **facts: Any) -> None:
        """Add an entry, for the run that finds it next.

        :raises JournalError: when it can't be written.
        """
        # The last line may have been cut off with its run.
        _write_line(self.path, self._handle, {"event": event, **facts}, torn=True)

    def forget(self) -> None:
        """Remove the file: everything in it is accounted for.

        :raises JournalError: when it can't be removed.
        """
        _remove(self.path)


Wanted = Callable[[Sequence[Entry]], bool]


@contextmanager
def dead_runs(
    folder: Path | None,
    user: str | None = None,
    hold: bool = True,
    wanted: Wanted | None = None,
    patience: float = 0.0,
    many: int = MANY,
) -> Iterator[list[DeadRun]]:
    """The runs of a cluster that died, oldest first, among the first ``many`` journals; with ``user`` its own runs.

    Those that live, and those that another run is taking over, are not among them; nor those of others, whose tasks
    this one may not be able to see. Without ``hold`` they are only read, so that another run can take them over
    meanwhile. With ``wanted`` only those are taken whose entries it wants; one that somebody else only reads for a
    moment is waited for, for ``patience`` seconds.
    """
    found: list[DeadRun] = []
    handles: list[int] = []
    end = time.monotonic() + patience
    try:
        for path in _journals(folder)[:many] if folder is not None else ():
            if wanted is not None and not wanted(_read(path)):
                continue
            handle = _taken(path)
            while handle is None and time.monotonic() < end and path.exists():
                time.sleep(0.05)
                handle = _taken(path)
            if handle is None:
                continue
            entries = _entries(handle)
            if user is not None and entries and entries[0].get("user") != user:
                os.close(handle)
            else:
                handles.append(handle)
                found.append(DeadRun(path, handle, entries))
                if not hold:
                    fcntl.flock(handle, fcntl.LOCK_UN)
        yield found
    finally:
        for handle in handles:
            os.close(handle)


def read_runs(folder: Path) -> list[list[Entry]]:
    """The entries of all journals of a cluster, of runs that live or died, as they are at this moment."""
    return [_read(path) for path in _journals(folder)]


def _read(path: Path) -> list[Entry]:
    """The entries, without a lock; none where it can't be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        return _entries(handle)
    except OSError:
        return []
    finally:
        os.close(handle)


def _journals(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(_ENDING))
    except OSError:  # none was ever kept here; whether one can be is told when this run opens its own
        return []


def _taken(path: Path) -> int | None:
    """A descriptor with the lock, None where the run lives."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # ended since, or of another user
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        facts = os.fstat(handle)
    except OSError:
        os.close(handle)
        return None
    if facts.st_nlink == 0 or not stat.S_ISREG(facts.st_mode):  # it ended, and was removed, between the two
        os.close(handle)
        return None
    return handle


def _entries(handle: int) -> list[Entry]:
    """The entries; a last line that was cut off by the end of its run is left out, because nothing followed from it."""
    entries: list[Entry] = []
    with os.fdopen(os.dup(handle), "rb") as stream:
        lines = stream.read(LARGEST).splitlines()
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict):
            entries.append(entry)
    return entries


def _locked_file(path: Path) -> int:
    """A new file, locked before it gets its name: nobody may take it for that of a run that died."""
    nameless = path.with_suffix(".new")
    handle = os.open(nameless, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        nameless.rename(path)
    except OSError:
        os.close(handle)
        raise
    return handle


def _write_line(path: Path, handle: int, entry: Entry, torn: bool, sync: bool = True) -> None:
    """Add an entry; after a line that may be ``torn`` on a line of its own."""
    line = (b"\n" if torn else b"") + json.dumps(entry, separators=(",", ":")).encode() + b"\n"
    try:
        if os.write(handle, line) != len(line):
            raise _unwritable(path, OSError("the disk is full"))
        if sync:
            os.fsync(handle)
    except OSError as failure:
        raise _unwritable(path, failure) from failure


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as failure:
        raise _unwritable(path, failure) from failure


def _unwritable(path: Path, failure: OSError) -> JournalError:
    why = failure.strerror or str(failure)
    return JournalError(f"The journal {path} cannot be written: {why}. Set journal_path to a folder that can be.")
