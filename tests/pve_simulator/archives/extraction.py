# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives read back: the configuration alone, or everything."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeVar

import zstandard

from pve_simulator.archives import compression, container, machine

Taken = TypeVar("Taken")

_CHUNK = 64 << 10
_CONFIGURATIONS = (container.CONFIGURATION, machine.CONFIGURATION)


class BrokenArchive(Exception):
    """The archive cannot be read to its end."""


def configuration(path: Path) -> str:
    """The guest's configuration; it stands first, so that it is found in a truncated archive too.

    Raises `BrokenArchive`.
    """
    found = _opened(path, lambda tar, _stream: _configuration(tar))
    if found is None:
        raise BrokenArchive(f"no configuration in {path.name}")
    return found.decode()


def members(path: Path) -> list[tuple[str, bytes]]:
    """The regular files of an archive: name and bytes. Raises `BrokenArchive`."""
    found: list[tuple[str, bytes]] = []
    unpack(path, lambda entry, data: found.append((entry.name, data)) if entry.isreg() else None)
    return found


def unpack(path: Path, take: Callable[[tarfile.TarInfo, bytes], object]) -> None:
    """Hand every member to ``take``, which may raise what it likes. Raises `BrokenArchive` where it breaks off.

    The members before that have been handed over by then, as in a real restore.
    """

    def all_of_it(tar: tarfile.TarFile, stream: IO[bytes]) -> None:
        for entry in tar:
            take(entry, _bytes(tar, entry))
        while stream.read(_CHUNK):
            pass  # the end of a compressed stream tells whether it is whole

    _opened(path, all_of_it)
    if not _ends_well(path):
        raise BrokenArchive("Unexpected EOF in archive")


def _opened(path: Path, use: Callable[[tarfile.TarFile, IO[bytes]], Taken]) -> Taken:
    try:
        with compression.reader(path) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            return use(tar, stream)
    except (tarfile.TarError, zstandard.ZstdError, zlib.error, EOFError, OSError) as error:
        raise BrokenArchive(str(error)) from error


def _configuration(tar: tarfile.TarFile) -> bytes | None:
    return next((_bytes(tar, entry) for entry in tar if entry.name in _CONFIGURATIONS), None)


def _bytes(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    extracted = tar.extractfile(entry) if entry.isreg() else None
    return extracted.read() if extracted is not None else b""


def _ends_well(path: Path) -> bool:
    """Tell whether an uncompressed tar has its end, which is two blocks of zeros; others are whole if they unpack."""
    with path.open("rb") as raw:
        magic = raw.read(4)
        if magic == zstandard.FRAME_HEADER or magic[:2] == compression.GZIP:
            return True
        raw.seek(max(0, path.stat().st_size - 2 * tarfile.BLOCKSIZE))
        return not any(raw.read())
