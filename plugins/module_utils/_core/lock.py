# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A short lock between runs on one controller. Private to this collection."""

from __future__ import annotations

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def lock_folder() -> Path:
    """A folder of this user's own in the temporary folder; others may neither read nor plant anything there.

    :raises OSError: when it can't be made, or belongs to somebody else.
    """
    folder = Path(tempfile.gettempdir()) / f"lifeboat-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder of this user alone")
    return folder


@contextmanager
def exclusive(name: str, deadline: Deadline, folder: Path | None = None) -> Iterator[bool]:
    """Hold the lock ``name``, so that two runs don't look and start at the same moment.

    Yields False where no lock could be had (no folder to put it in, or the deadline passed): the caller goes on, as it
    must on a machine where nothing can be written. The lock ends with the process, however it ends.
    """
    try:
        path = (folder or lock_folder()) / f"{_UNSAFE.sub('_', name)}.lock"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield False
        return
    try:
        yield _acquired(handle, deadline)
    finally:
        os.close(handle)


def _acquired(handle: int, deadline: Deadline) -> bool:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if deadline.passed():
                return False
            deadline.sleep(0.1)
        else:
            return True
