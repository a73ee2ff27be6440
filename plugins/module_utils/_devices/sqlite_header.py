# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first hundred bytes of an SQLite database ("Database File Format", sqlite.org). Pure. Private."""

from __future__ import annotations

HEADER = 100
"""Bytes of the header."""

_MAGIC = b"SQLite format 3\0"


def fault_of_header(header: bytes, size: int) -> str:
    """What is wrong with a file of ``size`` bytes, as far as its header tells; empty for nothing."""
    if not header.startswith(_MAGIC[: len(header)]):
        return "is no SQLite database"
    if len(header) < HEADER:
        return f"is cut off ({size} of at least 512 bytes)"
    page = _number(header, 16, 2)
    page = 65_536 if page == 1 else page
    if page < 512 or page & (page - 1):
        return f"is damaged: its pages cannot have {page} bytes"
    pages = _number(header, 28)
    if pages and _number(header, 24) == _number(header, 92):
        return f"is cut off ({size} of {pages * page} bytes)" if size < pages * page else ""
    # Written by an SQLite before 3.7, which kept no count
    whole = -(-size // page) * page
    return f"is cut off ({size} of at least {whole} bytes)" if size < whole else ""


def in_wal_mode(header: bytes) -> bool:
    """Whether its newest pages may be in a file beside it."""
    return 2 in header[18:20]


def version_written_by(header: bytes) -> int:
    """The number of the SQLite that wrote it last, such as 3040001."""
    return _number(header, 96)


def _number(header: bytes, offset: int, length: int = 4) -> int:
    return int.from_bytes(header[offset : offset + length], "big")
