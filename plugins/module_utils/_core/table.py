# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as aligned lines of text. Private to this collection."""

from __future__ import annotations

from collections.abc import Sequence

CUT = " ..."
"""The mark where something was cut off."""


def cell(text: object) -> str:
    """Text of a foreign origin for a cell: on one line, and without characters that a terminal acts on.

    Those are controls, escapes and what changes the direction of writing: whatever Unicode doesn't call printable.
    """
    return " ".join("".join(one if one.isprintable() else " " for one in str(text)).split())


def shortened(text: str, widest: int) -> str:
    """At most so many characters, with a mark where something was cut off."""
    return text if len(text) <= widest else text[: widest - len(CUT)].rstrip() + CUT


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, with as much room for each column as its widest cell needs. All rows are of one length."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
