# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of a container: a tar of its tree, with the configuration at ``./etc/vzdump/pct.conf``."""

from __future__ import annotations

import fnmatch
import os
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

CONFIGURATION = "./etc/vzdump/pct.conf"

# what vzdump leaves out unless it is told not to: temporary files, and files of running processes
STANDARD_EXCLUDES = ("./tmp/?*", "./var/tmp/?*", "./var/run/?*.pid")


@dataclass(frozen=True)
class Tree:
    """A mount point: where its files lie here, and where they are in the container."""

    root: Path
    path: str


def anchored(pattern: str) -> str:
    """A path to exclude as tar is told of it: an absolute one is anchored at the root, others match anywhere."""
    return f".{pattern}" if pattern.startswith("/") else pattern


def write(stream: IO[bytes], configuration: str, trees: Iterable[Tree], excludes: Sequence[str]) -> None:
    """Write the tar; a tree that has no folder here is an empty mount point."""
    write_first(stream, CONFIGURATION, configuration.encode())
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for tree in trees:
            _add_tree(tar, tree, excludes)


def write_first(stream: IO[bytes], name: str, data: bytes) -> None:
    """Write the first member and let it go out: it can be read from an archive that breaks off right behind it."""
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    padding = bytes(-len(data) % tarfile.BLOCKSIZE)
    stream.write(entry.tobuf(tarfile.PAX_FORMAT) + data + padding)
    stream.flush()


def _add_tree(tar: tarfile.TarFile, tree: Tree, excludes: Sequence[str]) -> None:
    prefix = "." + tree.path.rstrip("/")
    if not tree.root.is_dir():
        entry = tarfile.TarInfo(prefix)
        entry.type = tarfile.DIRTYPE
        entry.mode = 0o755
        tar.addfile(entry)
        return
    tar.add(tree.root, arcname=prefix, recursive=False)
    for folder, names, files in os.walk(tree.root):
        names.sort()
        inside = Path(folder).relative_to(tree.root).as_posix()
        base = prefix if inside == "." else f"{prefix}/{inside}"
        names[:] = [name for name in names if not _excluded(f"{base}/{name}", excludes)]
        for name in [*names, *sorted(files)]:
            if not _excluded(f"{base}/{name}", excludes):
                tar.add(Path(folder) / name, arcname=f"{base}/{name}", recursive=False)


def _excluded(name: str, excludes: Sequence[str]) -> bool:
    for pattern in excludes:
        if pattern.startswith("./"):
            if fnmatch.fnmatchcase(name, pattern):
                return True
        elif fnmatch.fnmatchcase(name.rsplit("/", 1)[-1], pattern) or fnmatch.fnmatchcase(name, f"*/{pattern}"):
            return True
    return False
