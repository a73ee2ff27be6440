# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a guest: a tree of files for each mount point, the written part of each disk."""

from __future__ import annotations

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
