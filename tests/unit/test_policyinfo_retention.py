# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a retention keeps what was promised, by the runs of a schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.retention_check import Loss, loss
from unit.builders import DAY

DAILY = timedelta(days=1)
KEEPS = st.builds(
    Keep, last=st.integers(0, 9), daily=st.integers(1, 14), weekly=st.integers(0, 6), monthly=st.integers(0, 3)
)


def every(step: timedelta, number: int = 100) -> list[datetime]:
    begin = datetime(2026, 11, 21, 2, 30)  # noqa: DTZ001 - a time on a node's wall
    return [begin + step * count for count in range(number)]


@pytest.mark.parametrize(
    ("promised", "found", "step"),
    [
        (Keep(daily=7), Keep(last=7), DAILY),
        (Keep(daily=7), Keep(last=14), DAILY / 2),
        (Keep(monthly=2), Keep(daily=32), DAILY),
        (Keep(weekly=4), Keep(last=4), 7 * DAILY),
        (Keep(daily=7, weekly=4), Keep(last=3, daily=7, weekly=4), DAILY),
        (Keep(daily=7), Keep(all=True), DAILY),
        (Keep(yearly=3), Keep(daily=7, yearly=3), DAILY),
    ],
)
def test_what_keeps_enough(promised: Keep, found: Keep, step: timedelta) -> None:
    assert loss(promised, found, every(step)) is None


@pytest.mark.parametrize(
    ("promised", "found", "step", "lost", "of"),
    [
        (Keep(daily=7), Keep(last=6), DAILY, 1, 7),
        (Keep(daily=7), Keep(last=7), DAILY / 2, 3, 7),
        (Keep(weekly=4), Keep(daily=7), DAILY, 3, 4),
        (Keep(last=9), Keep(daily=7), DAILY / 2, 4, 9),
        (Keep(yearly=4), Keep(yearly=3), DAILY, 1, 4),
    ],
)
def test_what_keeps_too_little(promised: Keep, found: Keep, step: timedelta, lost: int, of: int) -> None:
    told = loss(promised, found, every(step))
    assert told is not None
    assert (told.lost, told.promised) == (lost, of)
    assert len(told.ages) == lost


def test_the_worst_moment_counts_not_the_one_at_which_somebody_looks() -> None:
    """On the first of a month both of its last two copies are a day old; on the 31st one is 30 days old."""
    told = loss(Keep(monthly=2), Keep(daily=25), every(DAILY))
    assert told is not None
    assert (told.lost, told.promised) == (1, 2)
    assert told.ages[0] >= 25 * DAY


def test_another_copy_of_the_same_month_is_as_good() -> None:
    more = Keep(last=3, daily=14, weekly=8, monthly=12)
    assert loss(Keep(daily=7, weekly=4, monthly=6), more, every(DAILY)) is None


def test_who_keeps_all_loses_by_any_rule() -> None:
    told = loss(Keep(all=True), Keep(last=100), every(DAILY))
    assert told is not None
    assert told.lost > 0


def test_a_schedule_without_runs_loses_nothing_and_few_runs_are_taken_for_a_day() -> None:
    assert loss(Keep(last=2), Keep(last=1), []) is None
    assert loss(Keep(last=2), Keep(last=1), every(DAILY, 1)) == Loss(1, 2, (DAY,))


@settings(max_examples=15, deadline=None)
@given(KEEPS, KEEPS)
def test_a_retention_with_more_of_everything_loses_nothing(promised: Keep, more: Keep) -> None:
    found = Keep(**{rule: getattr(promised, rule) + getattr(more, rule) for rule in RULES})
    assert loss(promised, found, every(DAILY)) is None


@settings(max_examples=15, deadline=None)
@given(KEEPS, st.integers(1, 6))
def test_fewer_copies_than_promised_are_always_a_loss(promised: Keep, last: int) -> None:
    wanted = Keep(last=last, **{rule: getattr(promised, rule) for rule in RULES[1:]})
    assert loss(wanted, Keep(last=last), every(DAILY)) is not None
