# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calendar events (``mon..fri 02:30``, ``*-*-01``, ``8:00/15``): the grammar of proxmox-time, as its sources have it.

Read from left to right, each part as long as it fits: weekdays, a date, a time. What is no hour is tried as a minute,
so that ``25:00`` is no error but the 25th minute of every hour, as in Proxmox.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MONTHS = (1, 12)
HOURS = (0, 23)
SIXTY = (0, 59)
DAYS = (1, 31)
YEARS = (0, 2199)

_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAYS = {name[:length]: number for number, name in enumerate(_DAY_NAMES) for length in (3, len(name))}
_WEEKDAY_LIST = re.compile(r"[a-z]+(?:\.\.[a-z]+)?(?:,[a-z]+(?:\.\.[a-z]+)?)*", re.IGNORECASE)
_EVERY = re.compile(r"\*(?:/([0-9]{1,20}))?")
_ITEM = re.compile(r"([0-9]{1,20})(?:\.\.([0-9]{1,20}))?(?:/([0-9]{1,20}))?")
_BLANKS = re.compile(r"[ \t]*")
_KEYWORDS = {  # what each stands for in the grammar
    "minutely": "*:*",
    "hourly": "*:0",
    "daily": "0:0",
    "weekly": "mon 0:0",
    "monthly": "*-1 0:0",
    "quarterly": "1,4,7,10-1 0:0",
    "semiannually": "1,7-1 0:0",
    "semi-annually": "1,7-1 0:0",
    "yearly": "1-1 0:0",
    "annually": "1-1 0:0",
}

Values = frozenset[int]  # empty: any


@dataclass(frozen=True)
class CalendarEvent:
    """Points in time; an empty set says nothing about its field. Weekdays are 0 (Monday) to 6."""

    weekdays: Values = frozenset()
    years: Values = frozenset()
    months: Values = frozenset()
    days: Values = frozenset()
    hours: Values = frozenset((0,))
    minutes: Values = frozenset((0,))
    seconds: Values = frozenset((0,))
    utc: bool = False


class _NoMatch(ValueError):
    """A part of the grammar does not stand here."""


class _Reader:
    """A place in a text. Methods go on when what they want stands there, and raise `_NoMatch` otherwise."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise _NoMatch(self._text[self._at :])
        self._at = found.end()
        return found

    def sign(self, sign: str) -> None:
        if not self._text.startswith(sign, self._at):
            raise _NoMatch(self._text[self._at :])
        self._at += len(sign)

    def skip_blanks(self) -> None:
        self.match(_BLANKS)

    def attempt(self, read: Callable[[], tuple[Values, ...]]) -> tuple[Values, ...] | None:
        """What ``read`` finds, or None and the place is as before."""
        before = self._at
        try:
            return read()
        except _NoMatch:
            self._at = before
            return None

    def values(self, limits: tuple[int, int]) -> Values:
        """``*``, ``*/2`` or a list of values, ranges and repetitions within the limits."""
        least, most = limits
        if self._text.startswith("*", self._at):
            step = self.match(_EVERY)[1]
            return frozenset() if step is None else _repeated(least, int(step), most, most)
        found = set(self._item(most))
        while self.attempt(lambda: (self._comma(),)) is not None:
            found |= self._item(most)
        return frozenset(found)

    def _comma(self) -> Values:
        self.sign(",")
        return frozenset()

    def _item(self, most: int) -> Values:
        first, last, step = (int(number) if number is not None else None for number in self.match(_ITEM).groups())
        if first is None or max(first, last or 0, step or 0) > most or (last is not None and last < first):
            raise _NoMatch("out of range")
        if step:
            return _repeated(first, step, last if last is not None else most, most)
        # a repetition by nothing is its first value
        return frozenset((first,)) if last is None or step == 0 else frozenset(range(first, last + 1))


def parse(text: str) -> CalendarEvent:
    """Read an event. Raises ``ValueError``: Proxmox' own says more, which the recorded stand-in for it does not."""
    reader, utc = _beginning(text)
    weekdays = reader.attempt(lambda: (_weekdays(reader),))
    if weekdays is not None:
        reader.skip_blanks()
    date = reader.attempt(lambda: _full_date(reader)) or reader.attempt(lambda: _month_and_day(reader))
    if date is not None:
        reader.skip_blanks()
    time = reader.attempt(lambda: _time(reader))
    if not reader.at_end or (weekdays is None and date is None and time is None):
        raise ValueError("unable to parse calendar event")
    years, months, days = date or (frozenset(),) * 3
    hours, minutes, seconds = time or (frozenset((0,)),) * 3
    return CalendarEvent((weekdays or (frozenset(),))[0], years, months, days, hours, minutes, seconds, utc)


def complaint(text: str) -> str | None:
    """What is wrong with a schedule, or None (recorded: 09_backup_jobs)."""
    try:
        parse(text)
    except ValueError as error:
        return f"invalid calendar event '{text}' - {error}\n"
    return None


def _beginning(text: str) -> tuple[_Reader, bool]:
    """The text without the time zone at its end, keywords put in other words; and whether it is UTC."""
    local = text.removesuffix("UTC")
    utc = local != text
    bare = local.rstrip(" ") if utc else local
    return _Reader(_KEYWORDS.get(bare, bare)), utc


def _weekdays(reader: _Reader) -> Values:
    found: set[int] = set()
    for word in reader.match(_WEEKDAY_LIST)[0].lower().split(","):
        first, _dots, last = word.partition("..")
        found |= _days_between(first, last or first)
    return frozenset(found)


def _days_between(first: str, last: str) -> set[int]:
    """Days in a row, over the end of the week where the first comes after the last."""
    if first not in _WEEKDAYS or last not in _WEEKDAYS:
        raise _NoMatch(f"{first}..{last}")
    begin, end = _WEEKDAYS[first], _WEEKDAYS[last]
    return {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}


def _full_date(reader: _Reader) -> tuple[Values, ...]:
    years = reader.values(YEARS)
    reader.sign("-")
    return (years, *_month_and_day(reader)[1:])


def _month_and_day(reader: _Reader) -> tuple[Values, ...]:
    months = reader.values(MONTHS)
    reader.sign("-")
    return frozenset(), months, reader.values(DAYS)


def _time(reader: _Reader) -> tuple[Values, ...]:
    hours = reader.attempt(lambda: (_hours(reader),))
    minutes = reader.values(SIXTY)
    seconds = reader.attempt(lambda: (_seconds(reader),))
    return (hours or (frozenset(),))[0], minutes, (seconds or (frozenset((0,)),))[0]


def _hours(reader: _Reader) -> Values:
    hours = reader.values(HOURS)
    reader.sign(":")
    return hours


def _seconds(reader: _Reader) -> Values:
    reader.sign(":")
    return reader.values(SIXTY)


def _repeated(first: int, step: int, last: int, most: int) -> Values:
    if not 0 < step <= most:
        raise _NoMatch(f"/{step}")
    return frozenset(range(first, last + 1, step))
