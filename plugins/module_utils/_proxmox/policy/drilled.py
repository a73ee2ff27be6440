# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the record of drills proves of each guest. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import (
    COMPLETED,
    DAY,
    VERDICTS,
    Key,
)

PARTS = ("restore", "boot", "checks")


@dataclass(frozen=True)
class Drilled:
    """The last drill of a guest that passed or failed, and the last that passed: ``at`` is when it began.

    ``seconds`` is how long the passed one took, None where it wasn't measured.
    """

    completed_at: int | None = None
    verdict: str | None = None
    reason: str = ""
    passed_at: int | None = None
    seconds: float | None = None


NOTHING = Drilled()
"""What the record says of a guest that is not in it."""


def drilled_guests(records: Iterable[Mapping[str, Any]], now: float) -> dict[Key, Drilled]:
    """By guest, of the ``records`` of one cluster in whatever order they are.

    A drill that is dated more than a day ahead comes from a clock that was wrong. It proves nothing about how long ago
    it was, so it only counts as attempted. One that is less far ahead counts as now.
    """
    found: dict[Key, Drilled] = {}
    for record in records:
        key, at = _key(record), _time(record.get("at"))
        verdict = record.get("verdict")
        if key is None or at is None or verdict not in VERDICTS:
            continue
        known = found.get(key, NOTHING)
        found[key] = known if at > now + DAY else _with(known, record, str(verdict), min(at, int(now)))
    return found


def _with(known: Drilled, record: Mapping[str, Any], verdict: str, at: int) -> Drilled:
    completed_at, last, reason = known.completed_at, known.verdict, known.reason
    passed_at, seconds = known.passed_at, known.seconds
    # Of two at the same moment the one that failed counts, in whatever order they stand
    if verdict in COMPLETED and (completed_at is None or (at, verdict == "failed") >= _rank(known)):
        completed_at, last, reason = at, verdict, str(record.get("reason") or "")
    if verdict == "passed" and (passed_at is None or at >= passed_at):
        passed_at, seconds = at, _seconds(record.get("seconds"))
    return Drilled(completed_at, last, reason, passed_at, seconds)


def _rank(known: Drilled) -> tuple[int, bool]:
    return known.completed_at or 0, known.verdict == "failed"


def _key(record: Mapping[str, Any]) -> Key | None:
    guest = record.get("guest")
    if not isinstance(guest, dict):
        return None
    vmid, kind = guest.get("vmid"), guest.get("type")
    if isinstance(vmid, bool) or not isinstance(vmid, int) or not isinstance(kind, str) or not kind:
        return None
    return vmid, kind


def _time(value: object) -> int | None:
    number = _number(value)
    return int(number) if number else None


def _seconds(value: object) -> float | None:
    """Restore, boot and checks together; a drill without a check took no time for them."""
    if not isinstance(value, dict):
        return None
    parts = [value.get(part) for part in PARTS]
    if parts[2] is None:
        parts[2] = 0.0
    numbers = [number for part in parts if (number := _number(part)) is not None]
    return round(sum(numbers), 1) if len(numbers) == len(PARTS) else None


def _number(value: object) -> float | None:
    """What is no number, negative, or beyond all times, is none."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15:
        return float(value)
    return None
