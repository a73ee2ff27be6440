# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the records of one cluster say of each guest. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

DAY = 86400
VERDICTS = ("passed", "failed", "not_run", "interrupted")
COMPLETED = ("passed", "failed")
"""The verdicts of a drill that has shown something."""
_LONGEST = 10 * 365 * DAY
"""Seconds of a restore that can be believed."""
Key = tuple[int, str]
"""A guest: its id and its type. An id that was given to a guest of the other type is another guest."""


@dataclass(frozen=True)
class GuestHistory:
    """The drills of one guest. Times are epoch seconds at which a drill began, never in the future.

    ``last_completed`` is the last drill that passed or failed, ``last_rto`` the seconds from the request of the restore
    to the booted guest when they were last measured. ``trusted`` is False where every attempt is dated so far ahead
    that its time tells nothing.
    """

    vmid: int
    type: str
    name: str | None
    last_attempt: int
    last_verdict: str
    reason: str
    last_completed: int | None = None
    last_passed: int | None = None
    last_rto: float | None = None
    trusted: bool = True


@dataclass(frozen=True)
class History:
    """The guests of one cluster that a drill was ever attempted of; ``first`` is the time of the first attempt."""

    guests: Mapping[Key, GuestHistory]
    first: int | None = None

    def due(self, vmid: int, kind: str, within_days: int) -> int | None:
        """When the next completed drill is due, in epoch seconds; None while the cluster has no record at all.

        That is ``within_days`` after the last one. A guest without any has them from the first record of the cluster
        on: from then on somebody meant to drill.
        """
        known = self.guests.get((vmid, kind))
        since = self.first if known is None or known.last_completed is None else known.last_completed
        return None if since is None else since + within_days * DAY


class _Drill(NamedTuple):
    """One record; the order of these tuples is that of time, and never left to the order of the records."""

    trusted: bool
    said: int
    ended: int
    run: str
    verdict: str
    reason: str
    rto: float
    name: str


def history(records: Iterable[Mapping[str, Any]], now: float) -> History:
    """What the ``records`` of one cluster say, in whatever order they are.

    Records that tell no guest, no time or no known verdict are left out. A time after ``now`` counts as now. One that
    is more than a day ahead comes from a clock that was wrong, and counts only where nothing else is known: otherwise
    it would hide all that follow it.
    """
    found: dict[Key, dict[str, _Drill]] = {}
    first: int | None = None
    for record in records:
        key, drill = _key(record), _drill(record, int(now))
        if key is None or drill is None:
            continue
        at = min(drill.said, int(now))
        first = at if first is None else min(first, at)
        latest = found.setdefault(key, {})
        for kind in _kinds(drill):
            latest[kind] = max(latest.get(kind, drill), drill)
    return History({key: _guest(key, found[key], int(now)) for key in sorted(found)}, first)


def _kinds(drill: _Drill) -> Iterable[str]:
    """What the drill may be the last of."""
    yield "attempt"
    if drill.verdict in COMPLETED:
        yield "completed"
    if drill.verdict == "passed":
        yield "passed"
    if drill.rto >= 0:
        yield "rto"
    if drill.name:
        yield "name"


def _guest(key: Key, latest: Mapping[str, _Drill], now: int) -> GuestHistory:
    last = latest["attempt"]

    def when(kind: str) -> int | None:
        return min(latest[kind].said, now) if kind in latest else None

    return GuestHistory(
        vmid=key[0],
        type=key[1],
        name=latest["name"].name if "name" in latest else None,
        last_attempt=min(last.said, now),
        last_verdict=last.verdict,
        reason=last.reason,
        last_completed=when("completed"),
        last_passed=when("passed"),
        last_rto=latest["rto"].rto if "rto" in latest else None,
        trusted=last.trusted,
    )


def _key(record: Mapping[str, Any]) -> Key | None:
    guest = _part(record, "guest")
    vmid, kind = guest.get("vmid"), _word(guest, "type")
    if isinstance(vmid, bool) or not isinstance(vmid, int) or vmid <= 0 or not kind:
        return None
    return vmid, kind


def _drill(record: Mapping[str, Any], now: int) -> _Drill | None:
    said = _time(record, "at", now) or _time(record, "ended", now)
    verdict = _word(record, "verdict")
    if said is None or verdict not in VERDICTS:
        return None
    return _Drill(
        trusted=said <= now + DAY,
        said=said,
        ended=_time(record, "ended", now) or said,
        run=_word(record, "run"),
        verdict=verdict,
        reason=_word(record, "reason"),
        rto=_number(record.get("rto"), _LONGEST),
        name=_word(_part(record, "guest"), "name"),
    )


def _time(record: Mapping[str, Any], key: str, now: int) -> int | None:
    """Epoch seconds; all that are too far ahead are as far ahead, so that no size of a number matters."""
    value = record.get(key)
    if isinstance(value, (int, float)) and value > now + DAY:
        return now + 2 * DAY
    found = int(_number(value, now + DAY))
    return found if found > 0 else None


def _number(value: object, most: float) -> float:
    """The number, -1 for anything else: no number, infinity, negative or beyond ``most``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        return -1.0
    return float(value)


def _word(part: Mapping[str, Any], key: str) -> str:
    value = part.get(key)
    return str(value) if isinstance(value, str) else ""


def _part(record: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = record.get(key)
    return value if isinstance(value, Mapping) else {}
