# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words as Proxmox quotes them for a shell, and sizes, speeds and durations as its logs write them."""

from __future__ import annotations

import re

_SAFE = re.compile(r"^[\w!%+,\-./:@^]+$")


def quoted(word: str) -> str:
    """A word for a shell; ``=`` is not taken for harmless (recorded: ``--prune-backups 'keep-last=1'``)."""
    if _SAFE.match(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def file_size(size: int) -> str:
    """``archive file size`` in the log: whole KB and MB, GB and TB with two decimals."""
    if size < 1 << 20:
        return f"{size >> 10}KB"
    if size < 1 << 30:
        return f"{size >> 20}MB"
    if size < 1 << 40:
        return f"{size / (1 << 30):.2f}GB"
    return f"{size / (1 << 40):.2f}TB"


def binary_size(size: float, decimals: int = 1) -> str:
    """``1.0 GiB``, ``4.8 MiB``, ``0 B`` as the log of a VM's backup has them."""
    if size < 1024:
        return f"{int(size)} B"
    for exponent, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << exponent:
            return f"{size / (1 << exponent):.{decimals}f} {unit}"
    raise AssertionError("unreachable")


def tar_size(size: float) -> str:
    """``2.9MiB``, ``425MiB`` as tar writes totals: one decimal below ten."""
    for exponent, unit in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << exponent:
            value = size / (1 << exponent)
            return f"{value:.1f}{unit}" if value < 10 else f"{value:.0f}{unit}"
    return f"{size:.0f}B"


def duration(seconds: float) -> str:
    """``00:00:42``."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
