# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of a tree that others write into, opened without following a link. Private to this collection.

Names come from devices: each is opened in the folder before it, by descriptor, so that none of them is ever used as a
path and no link leads out of the tree, not even one that is put there meanwhile.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder within the tree is opened."""


def plain(name: str) -> bool:
    """Whether a name is one that a folder can hold: no path, no ``..``, nothing that ends a name early."""
    return bool(name) and name not in (".", "..") and "/" not in name and "\0" not in name


def below(parent: str, name: str) -> str:
    """The path of ``name`` in ``parent``, relative to the root."""
    return f"{parent}/{name}" if parent else name


def cause(failure: OSError) -> str:
    """Why a file or folder could not be read, in the system's words."""
    return failure.strerror or str(failure)


@contextmanager
def opened(root: int, path: str) -> Iterator[int]:
    """The descriptor of the folder ``path`` ("" is the root itself) below the folder of the descriptor ``root``.

    :raises OSError: when it isn't there, is no folder, or a link is on the way; also for a name that isn't plain.
    """
    here = os.dup(root)
    try:
        for name in path.split("/") if path else ():
            if not plain(name):
                raise NotADirectoryError(f"{name!r} is no name of a folder")
            inner = os.open(name, FOLDER, dir_fd=here)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)


def find(root: int, path: str) -> os.stat_result | None:
    """The regular file at ``path`` below the folder of the descriptor ``root``; None for anything else."""
    folder, _slash, name = path.rpartition("/")
    if not plain(name):
        return None
    try:
        with opened(root, folder) as here:
            found = os.stat(name, dir_fd=here, follow_symlinks=False)
    except (OSError, UnicodeEncodeError):  # halves of characters are in no name
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def names(root: int, path: str) -> frozenset[str]:
    """The regular files in the folder ``path`` below the folder of the descriptor ``root``, by name."""
    try:
        with opened(root, path) as here, os.scandir(here) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except (OSError, UnicodeEncodeError):
        return frozenset()
