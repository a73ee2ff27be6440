# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a text holds and no reviewer sees. Pure. Private to this collection."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_LONE_RETURN = re.compile(r"\r(?!\n)")
_LINE_ENDS = "\x85\u2028\u2029"
"""YAML 1.1 ends a line at these, and so a comment; editors and diffs go on in the same line."""


class Hidden(NamedTuple):
    """The first such character: its line as editors count, what was expected there, and what was found."""

    line: int
    expected: str
    found: str


def first_hidden(text: str) -> Hidden | None:
    """The first character that ends a line unseen, that nobody sees, or that changes the direction of writing."""
    places = [text.index(one) for one in set(text) if one in _LINE_ENDS or unicodedata.category(one) == "Cf"]
    lone = _LONE_RETURN.search(text)
    if lone:
        places.append(lone.start())
    if not places:
        return None
    at = min(places)
    line = text.count("\n", 0, at) + 1
    if text[at] == "\r":
        return Hidden(line, "LF or CR LF at the end of a line", "a CR without LF")
    expected = "LF or CR LF at the end of a line" if text[at] in _LINE_ENDS else "characters that can be seen"
    name = unicodedata.name(text[at], "").lower()
    return Hidden(line, expected, f"U+{ord(text[at]):04X}{f' ({name})' if name else ''}")
