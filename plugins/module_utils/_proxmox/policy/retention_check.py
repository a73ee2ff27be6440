# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a retention keeps what was promised, played through on the runs of a schedule. Pure.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Copy, Keep, marks

DENSE = 400
"""So many of the newest runs are played through one by one; further back only the last of each day: older copies are
kept by the rules of days, weeks, months and years alone."""
MOMENTS = 12
"""Points in time at which the two are compared, spread over the longest period that counts."""
_HORIZONS = tuple(timedelta(days=days) for days in (60, 400, 1500, 6000, 24000))
"""How far back runs are made up: the first of these that gives a retention all the copies which it wants."""
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times of the nodes have no zone
_DAY, _WEEK = timedelta(days=1), timedelta(weeks=1)
_LENGTHS = {"last": _DAY, "hourly": _DAY, "daily": _DAY, "weekly": _WEEK, "monthly": 31 * _DAY, "yearly": 366 * _DAY}
_FORMATS = {"hourly": "%Y-%m-%d %H", "daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m", "yearly": "%Y"}


@dataclass(frozen=True)
class Loss:
    """What a retention removes although it is promised: ``lost`` of ``promised`` copies, ``ages`` in seconds.

    That is at the worst moment that was looked at.
    """

    lost: int
    promised: int
    ages: tuple[int, ...]


def loss(promised: Keep, found: Keep, runs: Sequence[datetime]) -> Loss | None:
    """What ``found`` loses of that which ``promised`` would keep; None where it keeps all of it, or nothing ever runs.

    A copy that is promised for a day, week, month or year is not lost while another one of the same period is kept.

    ``runs`` are the next runs by the clock on the wall, in order. They are taken as a pattern that has always been, so
    that both retentions have all the copies which they want. Copies are compared as they are found at a moment:
    Proxmox removes after each run, which comes to the same, because its rules keep the newest of a period.
    """
    if found.all or promised == found or not runs:
        return None
    past, begins = _past(found if promised.all else promised, runs)
    worst: Loss | None = None
    for begin in begins:
        here = _loss_at(promised, found, past[begin:])
        if here is not None and (worst is None or here.lost > worst.lost):
            worst = here
    return worst


def _loss_at(promised: Keep, found: Keep, past: Sequence[datetime]) -> Loss | None:
    copies = _copies(past)
    wanted, kept = (marks(copies, keep, spare_newest_good=False) for keep in (promised, found))
    there = {copy.ctime for copy, have in zip(copies, kept) if have.keep}
    covered = {
        rule: {copy.local.strftime(form) for copy, have in zip(copies, kept) if have.keep}
        for rule, form in _FORMATS.items()
        if getattr(promised, rule)
    }
    lost = [
        copy
        for copy, want in zip(copies, wanted)
        if want.keep
        and copy.ctime not in there
        and not (want.rule in covered and copy.local.strftime(_FORMATS[want.rule]) in covered[want.rule])
    ]
    if not lost:
        return None
    return Loss(len(lost), sum(one.keep for one in wanted), tuple(copies[0].ctime - copy.ctime for copy in lost))


def _copies(past: Sequence[datetime]) -> list[Copy]:
    return [Copy(int((run - _EPOCH).total_seconds()), run) for run in past]


def _past(keep: Keep, runs: Sequence[datetime]) -> tuple[list[datetime], list[int]]:
    """So many runs, newest first, that this retention has all it wants; and where in them the moments begin."""
    wanted = {rule: getattr(keep, rule) for rule in RULES if getattr(keep, rule)}
    longest = max(_LENGTHS[rule] for rule in wanted)
    past: list[datetime] = []
    begins: list[int] = []
    for horizon in _HORIZONS:
        past = list(_backwards(runs, max(DENSE, 2 * wanted.get("last", 0)), horizon + longest))
        within = next((at for at, run in enumerate(past) if past[0] - run > longest), len(past) - 1)
        begins = list(range(0, max(1, within), max(1, within // MOMENTS)))
        kept = marks(_copies(past[begins[-1] :]), keep, spare_newest_good=False)
        if sum(one.keep for one in kept) >= sum(wanted.values()):
            break
    return past, begins


def _backwards(runs: Sequence[datetime], dense: int, reach: timedelta) -> Iterator[datetime]:
    """The runs, newest first, and then the same pattern again and again."""
    period = _period(runs)
    pattern = [run for run in reversed(runs) if run > runs[-1] - period]
    thin = [run for at, run in enumerate(pattern) if at == 0 or run.date() != pattern[at - 1].date()]
    count, shift = 0, timedelta(0)
    while shift <= reach:
        for run in pattern if count < dense else thin:
            count += 1
            yield run - shift
        shift += period


def _period(runs: Sequence[datetime]) -> timedelta:
    """After what time the pattern begins again: so many whole weeks as are known, else days, at least one."""
    known = runs[-1] - runs[0]
    unit = _WEEK if known >= _WEEK else _DAY
    return max(_DAY, known // unit * unit)
