# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compressed files, read and written as streams. lzo has no library here: such archives are stored uncompressed."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import zstandard


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
            with zstandard.ZstdDecompressor().stream_reader(raw, closefd=False) as stream:
                yield cast(IO[bytes], stream)
        elif magic[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=raw) as packed:
                yield cast(IO[bytes], packed)
        else:
            yield raw
