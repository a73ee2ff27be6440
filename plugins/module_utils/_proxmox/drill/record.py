# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record of drills: one file for ever, one JSON line a drill, only ever added to.

Several runs may write to it at once. The schema is in docs/drill_record.md.

Private to this collection.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError

SCHEMA = 1
LONGEST = 1_000_000
"""Bytes of a line with its end. A longer one is no record: it is neither written nor read."""
PATIENCE = 60.0
"""Seconds for which another writer is waited for. One holds the file for a single write; longer means that it hangs."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_FLAGS = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WRITING = os.O_RDWR | os.O_APPEND | _FLAGS


class RecordError(LifeboatError):
    """The record can't be written or read."""


class _Refused(Exception):
    """Why not, as the end of a sentence."""


@dataclass(frozen=True)
class Records:
    """What a record file holds, in the order of the file.

    ``skipped`` counts the lines that are no records of this schema: torn, too long, of a later version, or foreign.
    """

    lines: list[Mapping[str, Any]]
    skipped: int = 0


def append(path: Path, line: Mapping[str, Any], clock: Clock | None = None) -> None:
    """Add a line: it is whole and on the disk when this returns, and otherwise the file is as it was.

    A last line that a crash or a full disk has torn is ended first, so that this one is never joined to it. The file is
    made for this user alone, and so are the folders that are missing.

    :raises RecordError: when it can't be written, or is nothing that could be read again.
    """
    with _named(path, "written"):
        text = _text(line)
        _make_folders(path.parent)
        with _held(path, Deadline.after(clock or Clock(), PATIENCE)) as handle:
            _add(handle, text)


def read(path: Path, cluster: str | None = None) -> Records:
    """The records of the file, with ``cluster`` those of that one alone; a missing file is no record at all.

    Only what is returned is held in memory. No lock is waited for: a line that is being written at this moment may
    count as skipped.

    :raises RecordError: when the file is there and can't be read.
    """
    lines: list[Mapping[str, Any]] = []
    skipped = 0
    with _named(path, "read"):
        if not _there(path):
            return Records(lines)
        handle = os.open(path, os.O_RDONLY | _FLAGS)
        with os.fdopen(handle, "rb") as stream:
            _check_kind(os.fstat(handle))
            for text in _lines(stream):
                found = parsed(text)
                if found is None:
                    skipped += 1
                elif cluster is None or found.get("cluster") == cluster:
                    lines.append(found)
    return Records(lines, skipped)


def parsed(text: str | bytes) -> Mapping[str, Any] | None:
    """The record that a line says; None where it is none of this schema."""
    if len(text) > LONGEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if is_record(found) else None


def is_record(value: object) -> bool:
    """Whether it says of itself that it is a record of this schema; nothing else of it is looked at."""
    if not isinstance(value, Mapping):
        return False
    schema = value.get("schema")
    return isinstance(schema, int) and not isinstance(schema, bool) and schema == SCHEMA


@contextmanager
def _named(path: Path, what: str) -> Iterator[None]:
    """Turn whatever stands in the way into a sentence that names the file."""
    try:
        yield
    except (OSError, ValueError, _Refused) as failure:
        why = failure.strerror if isinstance(failure, OSError) and failure.strerror else str(failure)
        raise RecordError(
            f"The record {path} cannot be {what}: {why}; set record_path to a file that can be."
        ) from failure


def _text(line: Mapping[str, Any]) -> bytes:
    """The line in bytes: ASCII, so that nothing in it can be taken for the end of a line."""
    try:
        text = json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    except (TypeError, ValueError, RecursionError) as failure:
        raise _Refused(f"this drill cannot be said in JSON ({failure})") from failure
    if len(text) > LONGEST:
        raise _Refused(f"the line of this drill has {len(text)} bytes and may have {LONGEST}")
    return text


def _make_folders(folder: Path) -> None:
    """Make those that are missing, one by one: with ``parents=True`` the upper ones would be open to others."""
    for one in (*reversed(folder.parents), folder):
        if one.is_dir():
            continue
        try:
            one.mkdir(mode=0o700, exist_ok=True)
        except FileExistsError as failure:
            raise _Refused(f"{one} is no folder") from failure


@contextmanager
def _held(path: Path, deadline: Deadline) -> Iterator[int]:
    """The file for this writer alone: no other adds to it until the context ends, or this process does."""
    while True:
        handle = _open_to_write(path)
        try:
            _lock(handle, deadline)
            # Put away by somebody before the lock was had: the line belongs into the file that is there now.
            if _is_at(path, handle):
                yield handle
                return
        finally:
            os.close(handle)


def _open_to_write(path: Path) -> int:
    if not _there(path):
        with suppress(FileExistsError):  # another run has made it meanwhile
            handle = os.open(path, _WRITING | os.O_CREAT | os.O_EXCL, 0o600)
            _sync_folder(path.parent)
            return handle
    handle = os.open(path, _WRITING)
    try:
        _check_kind(os.fstat(handle))
    except _Refused:
        os.close(handle)
        raise
    return handle


def _there(path: Path) -> bool:
    """Whether there is a file. Nothing is opened to learn it: a pipe might hang, and a device act on it."""
    try:
        _check_kind(path.stat())
    except FileNotFoundError:
        if path.is_symlink():
            raise _Refused("it is a link to nowhere") from None
        return False
    return True


def _check_kind(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _Refused(f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}")


def _sync_folder(folder: Path) -> None:
    """Have the new name outlive a power cut, where the file system knows how to."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _lock(handle: int, deadline: Deadline) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if deadline.passed():
                raise _Refused(f"another process has held it for {PATIENCE:.0f} s") from None
            deadline.sleep(0.05)
        else:
            return


def _is_at(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False


def _add(handle: int, text: bytes) -> None:
    """Write the line, all of it or nothing."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        text = b"\n" + text
    try:
        _write(handle, text)
        os.fsync(handle)
    except (OSError, _Refused):
        with suppress(OSError):  # what can't be taken back is a torn line, which the next writer ends
            os.ftruncate(handle, size)
        raise


def _write(handle: int, text: bytes) -> None:
    if os.write(handle, text) != len(text):  # in one call, so that a reader sees none of it or all
        raise _Refused("the disk is full")


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines that have anything in them. Of one that is too long only so much is ever in memory as shows it."""
    while line := stream.readline(LONGEST + 1):
        rest = line
        while len(rest) > LONGEST and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST + 1)
        if line.strip():
            yield line
