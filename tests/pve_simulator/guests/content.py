# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a guest: a tree of files for each mount point, the written part of each disk."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write_tree(root: Path, files: Mapping[str, bytes]) -> None:
    """Put the files into a mount point. Raises ``ValueError`` for a path that leads out of it."""
    for name, content in files.items():
        path = root / name.lstrip("/")
        if not path.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"the path leads out of the guest: {name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_disk(folder: Path, key: str, content: bytes) -> None:
    """Write the begin of a disk; the rest of it, up to its declared size, is zeros that nobody stores."""
    folder.mkdir(parents=True, exist_ok=True)
    disk_file(folder, key).write_bytes(content)


def disk_file(folder: Path, key: str) -> Path:
    """Where the written part of a disk lies."""
    return folder / f"{key}.raw"


def volume_path(folder: Path, kind: str, key: str) -> Path:
    """Where a volume's content lies in its guest's folder: a tree of a container, a file of a VM."""
    return folder / key if kind == "lxc" else disk_file(folder, key)


def weight(path: Path) -> int:
    """The bytes of a file, or of all files in a tree; 0 where there is nothing, or no more."""
    try:
        if path.is_dir() and not path.is_symlink():
            return sum(weight(entry) for entry in path.iterdir())
        return path.stat().st_size if path.is_file() and not path.is_symlink() else 0
    except FileNotFoundError:
        return 0


def clear(path: Path) -> None:
    """Remove a file or a tree, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def place(root: Path, name: str, entry: tarfile.TarInfo, data: bytes) -> None:
    """Put a member of an archive into a tree. Raises ``ValueError`` for one that leads out of it."""
    path = root / name if name else root
    if not path.parent.resolve().is_relative_to(root.parent.resolve()):
        raise ValueError(f"the path leads out of the guest: {entry.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.isdir():
        path.mkdir(exist_ok=True)
        path.chmod(entry.mode & 0o777 | 0o700)  # the simulator has to get in again, and it is not root
    elif entry.issym():
        path.symlink_to(entry.linkname)
    elif entry.isreg():
        path.write_bytes(data)
        path.chmod(entry.mode & 0o777 | 0o600)


def digest(path: Path) -> str:
    """A hash of a file's bytes; of a tree: names, what they are, and bytes."""
    found = hashlib.sha256()
    if path.is_dir():
        for entry in sorted(path.rglob("*")):
            found.update(f"{entry.relative_to(path).as_posix()}\0{_nature(entry)}\0".encode())
    elif path.is_file():
        found.update(path.read_bytes().rstrip(b"\0"))  # a disk's end is zeros, written or not
    return found.hexdigest()


def _nature(path: Path) -> str:
    if path.is_symlink():
        return f"to {path.readlink()}"
    return "folder" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
