# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists and numbers in sentences. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable


def listed(items: Iterable[object], limit: int = 12) -> str:
    """``a, b, c``; past ``limit`` items the rest is counted, so that a message stays readable."""
    texts = [str(item) for item in items]
    if len(texts) <= limit:
        return ", ".join(texts)
    return f"{', '.join(texts[:limit])} and {len(texts) - limit} more"


def counted(number: int, noun: str, several: str | None = None) -> str:
    """``1 guest``, ``3 guests``; ``several`` is the plural of a noun that takes no s."""
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


def one_line(text: str) -> str:
    """Text of a foreign origin on one line: newlines and runs of blanks become one blank."""
    return " ".join(text.split())
