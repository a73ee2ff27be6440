# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which copies a retention keeps: the rules one by one, what they promise, and Proxmox' own dry runs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Copy, Keep, marks

NOON = datetime(2026, 11, 20, 12, 0, 0)  # noqa: DTZ001 - the time on a wall


def made(days: float = 0.0, hours: float = 0.0, **more: Any) -> Copy:
    """A copy made that long before a Friday's noon."""
    local = NOON - timedelta(days=days, hours=hours)
    return Copy(int(local.replace(tzinfo=timezone.utc).timestamp()), local, **more)


def a_keep(**numbers: int) -> Keep:
    return Keep(**{rule: numbers.get(rule, 0) for rule in RULES}, all=False)


def kept(copies: list[Copy], keep: Keep) -> list[int]:
    return [at for at, mark in enumerate(marks(copies, keep)) if mark.keep]


def whys(copies: list[Copy], keep: Keep) -> list[str]:
    return [str(mark) for mark in marks(copies, keep)]


def test_last_counts_copies_and_says_when_they_were_made() -> None:
    copies = [made(hours=hours) for hours in (0, 1, 2)]
    assert whys(copies, Keep(last=2)) == [
        "keep_last: made 2026-11-20 12:00:00",
        "keep_last: made 2026-11-20 11:00:00",
        "no rule keeps it",
    ]


def test_daily_keeps_the_newest_of_each_day() -> None:
    copies = [made(hours=1), made(hours=5), made(days=1, hours=3), made(days=1), made(days=2)]
    assert kept(copies, Keep(daily=2)) == [0, 3]


def test_days_without_a_copy_are_not_counted() -> None:
    assert kept([made(0), made(30), made(300)], Keep(daily=2)) == [0, 1]


@pytest.mark.parametrize(
    ("rule", "ages", "expected"),
    [
        ("hourly", [0, 0.01, 1 / 24, 1], [0, 1]),
        ("weekly", [0, 3, 5, 12], [0, 2]),
        ("monthly", [0, 10, 25, 60], [0, 2]),
        ("yearly", [0, 200, 330, 800], [0, 2]),
    ],
)
def test_each_rule_has_its_period(rule: str, ages: list[float], expected: list[int]) -> None:
    assert kept([made(age) for age in ages], a_keep(**{rule: 2})) == expected


def test_a_period_that_an_earlier_rule_covers_is_not_counted_again() -> None:
    copies = [made(0), made(1), made(9), made(16)]
    assert kept(copies, Keep(daily=2, weekly=1)) == [0, 1, 2]
    assert str(marks(copies, Keep(daily=2, weekly=1))[2]) == "keep_weekly: newest of week 2026-46"


def test_what_an_earlier_rule_has_given_up_is_not_taken_up_again() -> None:
    # the second of the day is marked for removal by daily, so that last's period of it can't bring it back
    assert kept([made(0), made(0, 1), made(5)], Keep(daily=1, weekly=2)) == [0, 2]


def test_two_of_the_same_second_count_as_one() -> None:
    assert kept([made(0), made(0), made(1)], Keep(last=2)) == [0, 2]


def test_protected_and_renamed_are_kept_and_not_counted() -> None:
    copies = [made(0, untouchable="protected"), made(1), made(2, untouchable="renamed"), made(3)]
    assert whys(copies, Keep(last=1)) == [
        "protected",
        "keep_last: made 2026-11-19 12:00:00",
        "renamed",
        "no rule keeps it",
    ]


def test_the_newest_good_copy_stays_where_proxmox_would_take_it() -> None:
    copies = [made(0, good=False), made(1), made(2)]
    assert kept(copies, Keep(last=1)) == [0, 1]
    assert str(marks(copies, Keep(last=1))[1]) == "the newest good backup is always kept"


def test_keep_all_keeps_all() -> None:
    assert whys([made(0), made(1)], Keep(all=True)) == ["keep_all", "keep_all"]


def test_the_order_of_the_copies_does_not_matter() -> None:
    assert kept([made(3), made(0), made(2), made(1)], Keep(last=2)) == [1, 3]


# ----- as written by users and by Proxmox

NO_RULE = (
    "keep: no rule keeps anything; set one of keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly and "
    "keep_yearly to 1 or more, or keep_all to true to remove nothing."
)


def test_an_option_becomes_a_keep() -> None:
    assert Keep.from_params({"keep_last": 3, "keep_daily": 0, "keep_yearly": None}) == Keep(last=3)
    assert Keep.from_params({"keep_all": True, "keep_last": 0}) == Keep(all=True)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"keep_last": -1, "keep_daily": -2}, "keep: keep_last, keep_daily must not be negative."),
        ({"keep_last": 1, "keep_all": True}, "keep: keep_all cannot be set together with other rules."),
        (
            {"keep_last": 0},
            NO_RULE,
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(params: dict[str, Any], expected: str) -> None:
    with pytest.raises(InputError) as refused:
        Keep.from_params(params)
    assert refused.value.message == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keep-daily=7,keep-last=3", Keep(last=3, daily=7)),
        ("keep-all=1", Keep(all=True)),
        ("keep-all=0,keep-last=2", Keep(last=2)),
        ("", Keep(all=True)),
        ("keep-last=0", Keep(all=True)),
        ("keep-foo=1", None),
    ],
)
def test_a_property_string_is_read(text: str, expected: Keep | None) -> None:
    assert Keep.parse(text) == expected


@given(st.builds(Keep, **{rule: st.integers(0, 20) for rule in RULES}))
def test_what_is_written_is_read_back(keep: Keep) -> None:
    assert Keep.parse(str(keep)) == (keep if any(getattr(keep, rule) for rule in RULES) else Keep(all=True))


def test_it_is_written_as_proxmox_writes_it() -> None:
    assert str(Keep(yearly=1, last=3, daily=7)) == "keep-last=3,keep-daily=7,keep-yearly=1"
    assert str(Keep(all=True)) == "keep-all=1"


# ----- promises

COPIES = st.lists(
    st.builds(
        made,
        days=st.one_of(st.integers(0, 90), st.sampled_from([0.2, 0.5, 1.1, 300.0, 380.0, 800.0])),
        hours=st.sampled_from([0.0, 0.0, 0.4, 3.0, 11.0, 12.0, 13.0]),
        good=st.sampled_from([True, True, True, False]),
        untouchable=st.sampled_from([None, None, None, None, "protected", "renamed"]),
    ),
    max_size=14,
)
KEEPS = st.builds(Keep, **{rule: st.sampled_from([0, 0, 1, 2, 3, 7]) for rule in RULES}).filter(
    lambda keep: any(getattr(keep, rule) for rule in RULES)
)


@given(COPIES, KEEPS)
def test_never_the_newest_good_one_and_never_a_protected_one(copies: list[Copy], keep: Keep) -> None:
    found = marks(copies, keep)
    assert all(mark.keep for copy, mark in zip(copies, found) if copy.untouchable is not None)
    good = [copy.ctime for copy in copies if copy.good]
    if good:
        assert any(mark.keep for copy, mark in zip(copies, found) if copy.good and copy.ctime == max(good))


@given(COPIES, KEEPS, st.randoms(use_true_random=False))
def test_again_or_after_half_of_it_the_same_ones_stay(copies: list[Copy], keep: Keep, random: Any) -> None:
    found = marks(copies, keep)
    left = [(copy, mark) for copy, mark in zip(copies, found) if mark.keep or random.random() < 0.5]
    again = marks([copy for copy, _mark in left], keep)
    assert [mark.keep for mark in again] == [mark.keep for _copy, mark in left]


@given(COPIES, KEEPS, st.sampled_from(RULES), st.integers(1, 5))
def test_a_larger_number_never_removes_more(copies: list[Copy], keep: Keep, rule: str, more: int) -> None:
    """Where weeks and longer periods aren't mixed: a week may lie in two months, see the next test."""
    numbers = {name: getattr(keep, name) for name in RULES}
    larger = {**numbers, rule: numbers[rule] + more}
    assume(not (larger["weekly"] and (larger["monthly"] or larger["yearly"])))
    assert set(kept(copies, a_keep(**numbers))) <= set(kept(copies, a_keep(**larger)))


def test_a_week_that_lies_in_two_months_can_cost_a_month_its_backup() -> None:
    """As in Proxmox: once the week of 28 September is kept by its Saturday in October, its Monday is given up."""
    copies = [made(days) for days in (4, 42, 48, 53)]
    assert [str(copy.local.date()) for copy in copies] == ["2026-11-16", "2026-10-09", "2026-10-03", "2026-09-28"]
    assert kept(copies, Keep(daily=1, weekly=1, monthly=3)) == [0, 1, 3]
    assert kept(copies, Keep(daily=1, weekly=2, monthly=3)) == [0, 1, 2]


@given(COPIES, KEEPS)
def test_more_copies_of_later_never_bring_an_older_one_back(copies: list[Copy], keep: Keep) -> None:
    """Where weeks and longer periods aren't mixed: a week that is not counted any more gives its month up again."""
    assume(not (keep.weekly and (keep.monthly or keep.yearly)))
    later = made(days=-1)
    before = {copies[at].ctime for at in kept(copies, keep)}
    after = {copies[at].ctime for at in kept([*copies, later], keep) if at < len(copies)}
    assert after <= before
