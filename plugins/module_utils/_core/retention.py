# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which copies of one thing a retention keeps. Pure. Private to this collection.

The rules are those of Proxmox VE (pve-storage Plugin.pm; equal to all recorded dry runs, 06_prune). They run in a fixed
order over the copies, newest first. A rule counts periods, not copies: of each period it keeps the newest that no
earlier rule has decided about, a period of which an earlier rule has kept a copy is not counted again, and it stops
after its number of periods. For ``last`` each second is a period.

Beyond Proxmox: the newest good copy is always kept. Proxmox counts damaged copies like good ones, and so may remove the
only one that can be restored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError

RULES = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
_OPTION = re.compile(r"^keep-(all|last|hourly|daily|weekly|monthly|yearly)=([0-9]+)$")


@dataclass(frozen=True)
class Keep:
    """How many periods of each kind are kept; ``all`` keeps everything."""

    last: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    all: bool = False

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Keep:
        """The option ``keep`` of a module.

        :raises InputError: for a negative number, for ``keep_all`` beside others, and where no rule keeps anything:
            Proxmox takes that as keeping all, which is hardly what somebody means who writes ``keep_last: 0``.
        """
        given = {rule: params[f"keep_{rule}"] for rule in RULES if params.get(f"keep_{rule}") is not None}
        negative = [f"keep_{rule}" for rule, number in given.items() if number < 0]
        if negative:
            raise InputError(f"keep: {', '.join(negative)} must not be negative.")
        if params.get("keep_all"):
            if any(given.values()):
                raise InputError("keep: keep_all cannot be set together with other rules.")
            return cls(all=True)
        if not any(given.values()):
            raise InputError(
                "keep: no rule keeps anything; set one of keep_last, keep_hourly, keep_daily, keep_weekly, "
                "keep_monthly and keep_yearly to 1 or more, or keep_all to true to remove nothing."
            )
        return cls(**given)

    @classmethod
    def parse(cls, text: str) -> Keep | None:
        """A property string of Proxmox such as ``keep-daily=7,keep-last=3``; None where it isn't one.

        Nothing, and nothing but zeros, keeps all (recorded: 06_prune).
        """
        matches = [_OPTION.match(part.strip()) for part in text.split(",") if part.strip()]
        numbers: dict[str, int] = {}
        for match in matches:
            if match is None:
                return None
            numbers[match.group(1)] = int(match.group(2))
        everything = bool(numbers.pop("all", 0)) or not any(numbers.values())
        return cls(all=True) if everything else cls(**{rule: numbers.get(rule, 0) for rule in RULES}, all=False)

    def __str__(self) -> str:
        """As Proxmox writes it."""
        if self.all:
            return "keep-all=1"
        return ",".join(f"keep-{rule}={getattr(self, rule)}" for rule in RULES if getattr(self, rule))


class Copy(NamedTuple):
    """One copy, as far as a retention cares.

    ``local`` is its time where it was made: days and weeks begin there, not in UTC. ``untouchable`` says why it may not
    be removed nor counted (``protected``, ``renamed``, ...); ``good`` whether it could be restored as far as is known.
    """

    ctime: int
    local: datetime
    good: bool = True
    untouchable: str | None = None


class Mark(NamedTuple):
    """What a retention says of a copy: ``keep`` or remove, by which rule, and in which period (a moment in it)."""

    keep: bool
    rule: str
    within: datetime | None = None

    def __str__(self) -> str:
        """In words; made when somebody reads them, because a large cluster has a hundred thousand marks."""
        return self.rule if self.within is None else f"keep_{self.rule}: {self.within.strftime(_FORMATS[self.rule])}"


REMOVE = Mark(False, "no rule keeps it")
KEEP_ALL = Mark(True, "keep_all")
NEWEST_GOOD = Mark(True, "the newest good backup is always kept")

_PERIODS: Mapping[str, Callable[[Copy], object]] = {
    "last": lambda copy: copy.ctime,
    "hourly": lambda copy: copy.local.replace(minute=0, second=0),
    "daily": lambda copy: copy.local.toordinal(),
    "weekly": lambda copy: copy.local.isocalendar()[:2],
    "monthly": lambda copy: (copy.local.year, copy.local.month),
    "yearly": lambda copy: copy.local.year,
}
_FORMATS = {
    "last": "made %Y-%m-%d %H:%M:%S",
    "hourly": "newest of %Y-%m-%d %H:00",
    "daily": "newest of %Y-%m-%d",
    "weekly": "newest of week %G-%V",
    "monthly": "newest of %Y-%m",
    "yearly": "newest of %Y",
}


def marks(copies: Sequence[Copy], keep: Keep, spare_newest_good: bool = True) -> list[Mark]:
    """A mark for each copy of one thing, in the order given. Without ``spare_newest_good`` as Proxmox does it."""
    found: list[Mark | None] = [None if copy.untouchable is None else Mark(True, copy.untouchable) for copy in copies]
    order = sorted(range(len(copies)), key=lambda at: -copies[at].ctime)
    if keep.all:
        return [mark or KEEP_ALL for mark in found]
    for rule in RULES:
        count: int = getattr(keep, rule)
        if count:
            _apply(rule, count, copies, order, found)
    newest_good = next((at for at in order if copies[at].good), None)
    if spare_newest_good and newest_good is not None and (found[newest_good] or REMOVE) is REMOVE:
        found[newest_good] = NEWEST_GOOD
    return [mark or REMOVE for mark in found]


def _apply(rule: str, count: int, copies: Sequence[Copy], order: Sequence[int], found: list[Mark | None]) -> None:
    period_of = _PERIODS[rule]
    covered = {
        period_of(copies[at]) for at in order if (mark := found[at]) is not None and mark.keep and mark.rule in _PERIODS
    }
    kept: set[object] = set()
    for at in order:
        if found[at] is not None:
            continue
        period = period_of(copies[at])
        if period in covered:
            continue
        if period in kept:
            found[at] = REMOVE
        elif len(kept) < count:
            kept.add(period)
            found[at] = Mark(True, rule, copies[at].local)
        else:
            return
