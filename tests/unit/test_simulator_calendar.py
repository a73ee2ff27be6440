# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator's calendar events: what can be read, and when it comes next."""

from __future__ import annotations

import calendar
import time
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pve_simulator.schedule.calendar_event import complaint, parse
from pve_simulator.schedule.runs import next_run, runs

UTC = timezone.utc
NOW = "2026-11-20 12:30:30"  # a Friday


def epoch(text: str) -> int:
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def upcoming(schedule: str, count: int = 3, after: str = NOW, where: tzinfo = UTC) -> list[str]:
    """The next times in UTC, with their weekdays."""
    return [
        time.strftime("%a %Y-%m-%d %H:%M:%S", time.gmtime(run))
        for run in runs(parse(schedule), epoch(after), where, count)
    ]


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("02:30", ["Sat 2026-11-21 02:30:00", "Sun 2026-11-22 02:30:00"]),
        ("12:31", ["Fri 2026-11-20 12:31:00", "Sat 2026-11-21 12:31:00"]),
        ("12:30", ["Sat 2026-11-21 12:30:00", "Sun 2026-11-22 12:30:00"]),
        ("2:5", ["Sat 2026-11-21 02:05:00", "Sun 2026-11-22 02:05:00"]),
        ("12:30:45", ["Fri 2026-11-20 12:30:45", "Sat 2026-11-21 12:30:45"]),
        ("2,14:30", ["Fri 2026-11-20 14:30:00", "Sat 2026-11-21 02:30:00"]),
        ("14,2:30", ["Fri 2026-11-20 14:30:00", "Sat 2026-11-21 02:30:00"]),
        ("22:15,45", ["Fri 2026-11-20 22:15:00", "Fri 2026-11-20 22:45:00"]),
        ("8..10:0", ["Sat 2026-11-21 08:00:00", "Sat 2026-11-21 09:00:00"]),
        ("8..18/4:00", ["Fri 2026-11-20 16:00:00", "Sat 2026-11-21 08:00:00"]),
        ("13/3:00", ["Fri 2026-11-20 13:00:00", "Fri 2026-11-20 16:00:00"]),
        ("5/0:00", ["Sat 2026-11-21 05:00:00", "Sun 2026-11-22 05:00:00"]),
    ],
)
def test_times(schedule: str, expected: list[str]) -> None:
    assert upcoming(schedule, 2) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*/30", ["Fri 2026-11-20 13:00:00", "Fri 2026-11-20 13:30:00", "Fri 2026-11-20 14:00:00"]),
        ("*/5", ["Fri 2026-11-20 12:35:00", "Fri 2026-11-20 12:40:00", "Fri 2026-11-20 12:45:00"]),
        ("*/25", ["Fri 2026-11-20 12:50:00", "Fri 2026-11-20 13:00:00", "Fri 2026-11-20 13:25:00"]),
        ("8:00/15", ["Sat 2026-11-21 08:00:00", "Sat 2026-11-21 08:15:00", "Sat 2026-11-21 08:30:00"]),
        ("*:0/20", ["Fri 2026-11-20 12:40:00", "Fri 2026-11-20 13:00:00", "Fri 2026-11-20 13:20:00"]),
        ("0", ["Fri 2026-11-20 13:00:00", "Fri 2026-11-20 14:00:00", "Fri 2026-11-20 15:00:00"]),
        ("*", ["Fri 2026-11-20 12:31:00", "Fri 2026-11-20 12:32:00", "Fri 2026-11-20 12:33:00"]),
        ("*:*", ["Fri 2026-11-20 12:31:00", "Fri 2026-11-20 12:32:00", "Fri 2026-11-20 12:33:00"]),
        ("*:*:*", ["Fri 2026-11-20 12:30:31", "Fri 2026-11-20 12:30:32", "Fri 2026-11-20 12:30:33"]),
        ("*/2:*:0/40", ["Fri 2026-11-20 12:30:40", "Fri 2026-11-20 12:31:00", "Fri 2026-11-20 12:31:40"]),
    ],
)
def test_repetitions(schedule: str, expected: list[str]) -> None:
    assert upcoming(schedule) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("sat 01:00", ["Sat 2026-11-21 01:00:00", "Sat 2026-11-28 01:00:00", "Sat 2026-12-05 01:00:00"]),
        ("mon,tue 03:15", ["Mon 2026-11-23 03:15:00", "Tue 2026-11-24 03:15:00", "Mon 2026-11-30 03:15:00"]),
        ("mon..fri 02:30", ["Mon 2026-11-23 02:30:00", "Tue 2026-11-24 02:30:00", "Wed 2026-11-25 02:30:00"]),
        ("fri..mon 13:00", ["Fri 2026-11-20 13:00:00", "Sat 2026-11-21 13:00:00", "Sun 2026-11-22 13:00:00"]),
        ("sun,tue..wed 0:0", ["Sun 2026-11-22 00:00:00", "Tue 2026-11-24 00:00:00", "Wed 2026-11-25 00:00:00"]),
        ("fri", ["Fri 2026-11-27 00:00:00", "Fri 2026-12-04 00:00:00", "Fri 2026-12-11 00:00:00"]),
        ("MON 1:00", ["Mon 2026-11-23 01:00:00", "Mon 2026-11-30 01:00:00", "Mon 2026-12-07 01:00:00"]),
        ("Wednesday..THU 1:00", ["Wed 2026-11-25 01:00:00", "Thu 2026-11-26 01:00:00", "Wed 2026-12-02 01:00:00"]),
        ("sat  01:00", ["Sat 2026-11-21 01:00:00", "Sat 2026-11-28 01:00:00", "Sat 2026-12-05 01:00:00"]),
        ("sat *:0/30", ["Sat 2026-11-21 00:00:00", "Sat 2026-11-21 00:30:00", "Sat 2026-11-21 01:00:00"]),
    ],
)
def test_weekdays(schedule: str, expected: list[str]) -> None:
    assert upcoming(schedule) == expected


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("*-*-01", ["Tue 2026-12-01 00:00:00", "Fri 2027-01-01 00:00:00", "Mon 2027-02-01 00:00:00"]),
        ("*-01 4:00", ["Tue 2026-12-01 04:00:00", "Fri 2027-01-01 04:00:00", "Mon 2027-02-01 04:00:00"]),
        ("*-31", ["Thu 2026-12-31 00:00:00", "Sun 2027-01-31 00:00:00", "Wed 2027-03-31 00:00:00"]),
        ("12-24..26", ["Thu 2026-12-24 00:00:00", "Fri 2026-12-25 00:00:00", "Sat 2026-12-26 00:00:00"]),
        ("2027-2,3-15 6:00", ["Mon 2027-02-15 06:00:00", "Mon 2027-03-15 06:00:00"]),
        ("2026-11-20 13:00", ["Fri 2026-11-20 13:00:00"]),
        ("2026-11-20 12:00", []),
        ("2020..2025-*-*", []),
        ("*-1/6-1", ["Fri 2027-01-01 00:00:00", "Thu 2027-07-01 00:00:00", "Sat 2028-01-01 00:00:00"]),
        ("*-*-*/10", ["Sat 2026-11-21 00:00:00", "Tue 2026-12-01 00:00:00", "Fri 2026-12-11 00:00:00"]),
        ("mon *-*-1..7", ["Mon 2026-12-07 00:00:00", "Mon 2027-01-04 00:00:00", "Mon 2027-02-01 00:00:00"]),
        ("fri *-*-13", ["Fri 2027-08-13 00:00:00", "Fri 2028-10-13 00:00:00", "Fri 2029-04-13 00:00:00"]),
        ("02-29", ["Tue 2028-02-29 00:00:00", "Sun 2032-02-29 00:00:00", "Fri 2036-02-29 00:00:00"]),
        ("mon 02-29", ["Mon 2044-02-29 00:00:00", "Mon 2072-02-29 00:00:00", "Mon 2112-02-29 00:00:00"]),
    ],
)
def test_dates(schedule: str, expected: list[str]) -> None:
    assert upcoming(schedule) == expected


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("minutely", ["Fri 2026-11-20 12:31:00", "Fri 2026-11-20 12:32:00"]),
        ("hourly", ["Fri 2026-11-20 13:00:00", "Fri 2026-11-20 14:00:00"]),
        ("daily", ["Sat 2026-11-21 00:00:00", "Sun 2026-11-22 00:00:00"]),
        ("weekly", ["Mon 2026-11-23 00:00:00", "Mon 2026-11-30 00:00:00"]),
        ("monthly", ["Tue 2026-12-01 00:00:00", "Fri 2027-01-01 00:00:00"]),
        ("quarterly", ["Fri 2027-01-01 00:00:00", "Thu 2027-04-01 00:00:00"]),
        ("semiannually", ["Fri 2027-01-01 00:00:00", "Thu 2027-07-01 00:00:00"]),
        ("semi-annually", ["Fri 2027-01-01 00:00:00", "Thu 2027-07-01 00:00:00"]),
        ("yearly", ["Fri 2027-01-01 00:00:00", "Sat 2028-01-01 00:00:00"]),
        ("annually", ["Fri 2027-01-01 00:00:00", "Sat 2028-01-01 00:00:00"]),
    ],
)
def test_keywords(keyword: str, expected: list[str]) -> None:
    assert upcoming(keyword, 2) == expected


@pytest.mark.parametrize("schedule", ["02-30", "*-02-30", "2027-02-29", "*-4,6,9,11-31", "*-0-1", "mon 2027-02-30 *:*"])
def test_an_impossible_date_never_comes_and_the_search_ends(schedule: str) -> None:
    assert upcoming(schedule, 100) == []


def test_what_is_no_hour_is_a_minute() -> None:
    """A trap of Proxmox: half past twenty-four is no error, it is a time in every hour."""
    assert upcoming("24:30", 2) == ["Fri 2026-11-20 13:24:30", "Fri 2026-11-20 14:24:30"]


@pytest.mark.parametrize(
    "schedule",
    [
        "bogus", "", " ", "02:60", "60", "2:30:60", "30:15:10", "mon-fri 2:30", "mon..foo 2:30", "mo 2:30", "mon,",
        "1,:00", "2:30 mon", " 2:30", "2:30 ", "mon 2:30 x", "*/0", "*/60", "10..5:00", "2200-01-01", "13-01",
        "1-32", "2027-13-01", "9" * 5000, "Daily", "daily 2:30", "every day", "-1:00", "2:30..", "2;30",
        "1-1-1-1", "٣:00", "UTC",
    ],
)  # fmt: skip
def test_what_cannot_be_read(schedule: str) -> None:
    assert complaint(schedule) == f"invalid calendar event '{schedule}' - unable to parse calendar event\n"


def test_what_can_be_read_has_no_complaint() -> None:
    assert [complaint(schedule) for schedule in ("02:30", "sat01:00", "mon..fri", "daily UTC")] == [None] * 4


def test_the_time_zone_is_the_nodes_unless_it_is_named() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert upcoming("sat 00:30", 1, where=berlin) == ["Fri 2026-11-20 23:30:00"]
    assert upcoming("sat 00:30 UTC", 1, where=berlin) == ["Sat 2026-11-21 00:30:00"]
    assert upcoming("weekly UTC", 1, where=berlin) == ["Mon 2026-11-23 00:00:00"]


def test_a_day_stays_a_day_when_the_clock_is_changed() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert upcoming("04:00", 2, "2027-03-27 00:00:00", berlin) == ["Sat 2027-03-27 03:00:00", "Sun 2027-03-28 02:00:00"]
    assert upcoming("04:00", 2, "2026-10-24 00:00:00", berlin) == ["Sat 2026-10-24 02:00:00", "Sun 2026-10-25 03:00:00"]


def test_times_that_there_are_not_or_twice_come_once() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert upcoming("02:30", 2, "2027-03-27 12:00:00", berlin) == ["Sun 2027-03-28 01:30:00", "Mon 2027-03-29 00:30:00"]
    assert upcoming("02:30", 2, "2026-10-24 12:00:00", berlin) == ["Sun 2026-10-25 00:30:00", "Mon 2026-10-26 01:30:00"]


@pytest.mark.parametrize("after", [10**18, -(10**18), epoch("9999-12-31 23:59:59")])
def test_after_the_end_of_all_calendars_nothing_comes(after: int) -> None:
    assert next_run(parse("daily"), after, UTC) is None


def test_in_the_last_years_of_the_calendar() -> None:
    assert upcoming("yearly", 3, "9997-06-01 00:00:00") == ["Thu 9998-01-01 00:00:00", "Fri 9999-01-01 00:00:00"]


SCHEDULES = st.sampled_from(
    [
        "*:*",
        "*/7",
        "02:30",
        "mon,thu 1:2:3",
        "8..18/2:0/20",
        "*-*-31 5:00",
        "sat *-1..7",
        "monthly",
        "02-29",
        "fri..sun",
    ]
)


@given(SCHEDULES, st.integers(min_value=0, max_value=4_000_000_000), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_runs_come_in_order_and_nothing_is_left_out(schedule: str, after: int, zone: str) -> None:
    """From anywhere before the first run, and from right before it, the same run is found."""
    event, where = parse(schedule), ZoneInfo(zone)
    first, second = runs(event, after, where, 2)
    assert after < first < second
    assert next_run(event, first - 1, where) == first
    assert next_run(event, (after + first) // 2 if first - after > 1 else after, where) == first


@settings(max_examples=20)
@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_every_minute_of_a_weekday_is_the_next_after_the_second_before(after: int) -> None:
    """Against the plain way: look at minute after minute."""
    event = parse("tue..thu 6..7:0/13")
    moment = datetime.fromtimestamp(after, UTC).replace(second=0) + timedelta(minutes=1)
    while not (moment.weekday() in (1, 2, 3) and moment.hour in (6, 7) and moment.minute % 13 == 0):
        moment += timedelta(minutes=1)
    assert next_run(event, after, UTC) == int(moment.timestamp())
