# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a calendar event comes next, by the clock on a wall."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import MAXYEAR, date, datetime, time, timezone, tzinfo

from pve_simulator.schedule.calendar_event import HOURS, SIXTY, CalendarEvent, Values

# An impossible date (30 February) has no next time. 29 February on one weekday comes every 40 years at worst; Proxmox
# gives up after a thousand steps, which reach about as far.
_HORIZON = 100


def next_run(event: CalendarEvent, after: int, where: tzinfo) -> int | None:
    """The first second after ``after`` (epoch) that the event means in a time zone; None when there is none.

    Of an hour that comes twice the first is meant, unless it is over; a time that the clock leaps over comes as much
    later (Proxmox leaves both to mktime, which is not recorded).
    """
    zone = timezone.utc if event.utc else where
    try:
        begin = datetime.fromtimestamp(after + 1, zone)
    except (OverflowError, OSError, ValueError):  # beyond the years that a calendar has
        return None
    for wall in _walls(event, begin.replace(tzinfo=None)):
        for fold in (0, 1):
            found = int(wall.replace(tzinfo=zone, fold=fold).timestamp())
            if found > after:
                return found
    return None


def runs(event: CalendarEvent, after: int, where: tzinfo, count: int) -> list[int]:
    """The next times after ``after``, ``count`` at most."""
    found: list[int] = []
    for _run in range(count):
        run = next_run(event, found[-1] if found else after, where)
        if run is None:
            break
        found.append(run)
    return found


def _walls(event: CalendarEvent, begin: datetime) -> Iterator[datetime]:
    """The event's local times from ``begin`` on, as far as the horizon."""
    for day in _days(event, begin.date()):
        for clock in _times(event, begin.time() if day == begin.date() else time()):
            yield datetime.combine(day, clock)


def _days(event: CalendarEvent, first: date) -> Iterator[date]:
    for year in range(first.year, min(first.year + _HORIZON, MAXYEAR) + 1):
        if not _meant(event.years, year):
            continue
        for month in range(first.month if year == first.year else 1, 13):
            if not _meant(event.months, month):
                continue
            for number in range(1, calendar.monthrange(year, month)[1] + 1):
                day = date(year, month, number)
                if day >= first and _meant(event.days, number) and _meant(event.weekdays, day.weekday()):
                    yield day


def _times(event: CalendarEvent, least: time) -> Iterator[time]:
    for hour in _all(event.hours, HOURS):
        if hour < least.hour:
            continue
        for minute in _all(event.minutes, SIXTY):
            if (hour, minute) < (least.hour, least.minute):
                continue
            for second in _all(event.seconds, SIXTY):
                if time(hour, minute, second) >= least:
                    yield time(hour, minute, second)


def _all(values: Values, limits: tuple[int, int]) -> list[int]:
    return sorted(values) if values else list(range(limits[0], limits[1] + 1))


def _meant(values: Values, value: int) -> bool:
    return not values or value in values
