# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading an archive again: its configuration, its files, its disks."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import zstandard

from pve_simulator.archives import compression, container, machine

Taken = TypeVar("Taken")


class BrokenArchive(Exception):
    """The archive cannot be read to its end."""


def configuration(path: Path) -> str:
    """The guest's configuration; it stands first, so that it is found in a truncated archive too.

    Raises `BrokenArchive`.
    """
    wanted = (container.CONFIGURATION, machine.CONFIGURATION)
    found = _read(path, lambda files: next((data for name, data in files if name in wanted), None))
    if found is None:
        raise BrokenArchive(f"no configuration in {path.name}")
    return found.decode()


def members(path: Path) -> list[tuple[str, bytes]]:
    """The regular files of an archive: name and bytes. Raises `BrokenArchive`."""
    return _read(path, list)


def _read(path: Path, take: Callable[[Iterator[tuple[str, bytes]]], Taken]) -> Taken:
    try:
        with compression.reader(path) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            return take(_files(tar))
    except (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, OSError) as error:
        raise BrokenArchive(str(error)) from error


def _files(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for entry in tar:
        extracted = tar.extractfile(entry) if entry.isreg() else None
        if extracted is not None:
            yield entry.name, extracted.read()
