# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Videos of a made-up fleet on disk, and the least that anybody has to do to see how many there are and how large.

Folders and names are those of Ethoscopes (reference/ethoscope.md 4.3): an id, a name, and a folder for each recording.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

DEVICES = 50
FILES_A_FOLDER = 20
OLD_FOLDERS = 0.9
"""The part of the folders whose files are a month old; those of the others are a day old."""
SIZE = 1_000_000
"""Bytes of a file; none of them is on the disk."""

_DAY = 86_400 * 10**9
_OLD, _YOUNG = 30 * _DAY, _DAY
_YOUNG_EVERY = round(1 / (1 - OLD_FOLDERS))


def device_id(number: int) -> str:
    """The id of one of the devices, which begin with 0."""
    return f"{number:032x}"


def make_videos(root: Path, files: int, devices: int = DEVICES) -> None:
    """Write so many files below ``root``, spread evenly; files and folders get their times afterwards."""
    now = time.time_ns()
    for number in range(files // FILES_A_FOLDER):
        device, recording = number % devices, number // devices
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S", time.gmtime(1_767_225_600 + recording * 3600))
        folder = root / device_id(device) / f"ETHOSCOPE_{device:03}" / stamp
        folder.mkdir(parents=True)
        young = (device + recording) % _YOUNG_EVERY == 0
        _fill(folder, f"{stamp}_{device_id(device)}_NA_1280x960@25_", now - (_YOUNG if young else _OLD))


def _fill(folder: Path, begin: str, when: int) -> None:
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for number in range(FILES_A_FOLDER):
        file = os.open(f"{begin}{number:05}.h264", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=here)
        os.truncate(file, SIZE + number)
        os.utime(file, ns=(when, when))
        os.close(file)
    os.utime(here, ns=(when, when))
    os.close(here)


def bare_walk(path: str) -> tuple[int, int]:
    """How many files there are below ``path``, and their bytes together: each is sized once, and nothing is kept."""
    files = size = 0
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner_files, inner_size = bare_walk(entry.path)
                files += inner_files
                size += inner_size
            else:
                files += 1
                size += entry.stat(follow_symlinks=False).st_size
    return files, size
