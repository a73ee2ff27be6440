# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations as text and back. Private to this collection."""

from __future__ import annotations

import re

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
LONGEST = 100 * 365 * 86400
_PATTERN = re.compile(r"^([0-9]{1,12})([smhdw]?)$")


def parse_duration(text: str | int, option: str) -> int:
    """Seconds from ``90s``, ``15m``, ``24h``, ``7d``, ``2w`` or a plain number of seconds.

    ``option`` is the name that an error is said with.

    :raises InputError: for anything else, also for negative numbers and fractions.
    """
    match = _PATTERN.match(str(text).strip().lower())
    if match is None:
        raise InputError(
            f"{option}: '{text}' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, 24h, "
            "7d, 2w, or seconds without a letter."
        )
    seconds = int(match.group(1)) * _SECONDS[match.group(2) or "s"]
    if seconds > LONGEST:
        raise InputError(f"{option}: '{text}' is longer than a hundred years; that is hardly meant.")
    return seconds


def whole_minutes(seconds: int) -> int:
    """Minutes, rounded up: Proxmox takes its waiting times in minutes."""
    return -(-seconds // 60)


def format_duration(seconds: float) -> str:
    """A duration for people, in the two largest units that matter: ``45 s``, ``12 min``, ``31 h``, ``3 d 4 h``."""
    total = int(max(0.0, seconds))
    if total < 120:
        return f"{total} s"
    if total < 7200:
        return f"{total // 60} min"
    if total < 172800:
        return f"{total // 3600} h"
    days, rest = divmod(total, 86400)
    hours = rest // 3600
    return f"{days} d {hours} h" if hours and days < 14 else f"{days} d"
