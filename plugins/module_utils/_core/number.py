# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers in answers of others: as number, as text, or as something else. Private to this collection."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"^[+-]?[0-9]{1,30}$")


def whole_number(value: object, default: int = 0) -> int:
    """The whole number that ``value`` is or says; ``default`` where it says none (also for infinity)."""
    if value.__class__ is int:  # nearly always, and a listing has many numbers
        return value
    if isinstance(value, str):
        text = value.strip()
        if _DIGITS.match(text):
            return int(text)
        try:
            value = float(text)
        except ValueError:
            return default
    if not isinstance(value, (int, float)):
        return default
    try:
        return int(value)
    except (OverflowError, ValueError):  # infinity, or no number
        return default
