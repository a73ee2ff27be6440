# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compressed files, read and written as streams. lzo has no library here: such archives are stored uncompressed."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import zstandard

GZIP = b"\x1f\x8b"  # how its files begin

_CHUNK = 64 << 10


@contextmanager
def writer(raw: IO[bytes], compress: str) -> Iterator[IO[bytes]]:
    """A stream that compresses into ``raw``; ``raw`` stays open."""
    if compress == "zstd":
        with zstandard.ZstdCompressor(level=1).stream_writer(raw, closefd=False) as stream:
            yield cast(IO[bytes], stream)
    elif compress == "gzip":
        with gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as packed:
            yield cast(IO[bytes], packed)
    else:
        yield raw


@contextmanager
def reader(path: Path) -> Iterator[IO[bytes]]:
    """The content of an archive, whatever it is compressed with (seen from its first bytes, not from its name)."""
    with path.open("rb") as raw:
        magic = raw.read(4)
        raw.seek(0)
        if magic == zstandard.FRAME_HEADER:
            yield cast(IO[bytes], _Zstd(raw))
        elif magic[:2] == GZIP:
            with gzip.GzipFile(fileobj=raw) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield raw


class _Zstd(io.RawIOBase):
    """What a zstd stream unpacks to. Raises ``EOFError`` where it breaks off, as zstd does and its library does not."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw
        self._unpacker = zstandard.ZstdDecompressor().decompressobj()
        self._ready = b""

    def readable(self) -> bool:
        """Bytes come out here."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes, fewer than asked for where the stream has them in parts."""
        while not self._ready and not self._unpacker.eof:
            packed = self._raw.read(_CHUNK)
            if not packed:
                raise EOFError("premature end")
            self._ready = self._unpacker.decompress(packed)
        taken = self._ready if size < 0 else self._ready[:size]
        self._ready = self._ready[len(taken) :]
        return taken
