# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares two answers: the same keys, types and values. Of times only type and sign count, of tracebacks the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TIMES = frozenset(
    {
        "age_minutes",
        "completion_time",
        "current_timestamp",
        "ended",
        "error_time",
        "last_cycle_start",
        "last_discovery_time",
        "last_seen",
        "last_time",
        "started",
        "time",
        "timestamp",
        "transfer_end",
        "transfer_start",
    }
)
_CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")


def differences(recorded: Any, found: Any, where: str = "answer") -> Iterator[str]:
    """What differs, in words."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        for key in sorted(set(recorded) | set(found)):
            inside = f"{where}.{key}"
            if key not in found:
                yield f"{inside} is missing (recorded: {recorded[key]!r})"
            elif key not in recorded:
                yield f"{inside} is not recorded (found: {found[key]!r})"
            elif key in _TIMES and not isinstance(recorded[key], str):
                yield from _values(_of_time(recorded[key]), _of_time(found[key]), inside)
            else:
                yield from differences(recorded[key], found[key], inside)
    elif isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        for number, (left, right) in enumerate(zip(recorded, found, strict=True)):
            yield from differences(left, right, f"{where}[{number}]")
    else:
        yield from _values(recorded, found, where)


def _of_time(value: Any) -> tuple[str, int]:
    """What of a time counts."""
    sign = (value > 0) - (value < 0) if isinstance(value, (int, float)) else 0
    return type(value).__name__, sign


def _values(recorded: Any, found: Any, where: str) -> Iterator[str]:
    if isinstance(recorded, str) and isinstance(found, str):
        recorded, found = _text(recorded), _text(found)
    if type(recorded) is not type(found) or recorded != found:
        yield f"{where}: recorded {recorded!r}, found {found!r}"


def _text(text: str) -> str:
    if text.startswith("Traceback"):
        text = text.rstrip("\n").rpartition("\n")[2]
    return _CLOCK.sub("TIME", text)
