# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading an archive again: its configuration, its files, its disks."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from pve_simulator.archives import compression, container, machine


class BrokenArchive(Exception):
    """The archive cannot be read to its end."""


def configuration(path: Path) -> str:
    """The guest's configuration. Raises `BrokenArchive`."""
    for name, data in members(path):
        if name in (container.CONFIGURATION, machine.CONFIGURATION):
            return data.decode()
    raise BrokenArchive(f"no configuration in {path.name}")


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The regular files of an archive: name and bytes. Raises `BrokenArchive`."""
    try:
        with compression.reader(path) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                extracted = tar.extractfile(entry) if entry.isreg() else None
                if extracted is not None:
                    yield entry.name, extracted.read()
    except (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, OSError) as error:
        raise BrokenArchive(str(error)) from error
