# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose turn it is, and who waits for too long."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import history
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.rotation import order, overdue, per_run
from unit.builders import DAY, HOUR, NOW, a_guest
from unit.drill_builders import a_record

GUESTS = [a_guest(vmid) for vmid in (104, 101, 103, 102)]


def ordered(*records: Any) -> list[int]:
    return [guest.vmid for guest in order(GUESTS, history(records, NOW))]


def late(*records: Any, within_days: int = 7) -> list[int]:
    return [guest.vmid for guest in overdue(GUESTS, history(records, NOW), within_days, NOW)]


@pytest.mark.parametrize(
    ("count", "within_days", "number"),
    [(0, 30, 0), (1, 30, 1), (30, 30, 1), (31, 30, 2), (40, 30, 2), (40, 1, 40), (1000, 7, 143)],
)
def test_auto_is_as_many_as_it_takes(count: int, within_days: int, number: int) -> None:
    assert per_run(count, within_days, "auto") == number


@pytest.mark.parametrize(("wanted", "number"), [("1", 1), (" 12 ", 12), ("007", 7), ("all", 40), ("AUTO", 2)])
def test_what_is_named_is_taken(wanted: str, number: int) -> None:
    assert per_run(40, 30, wanted) == number


@pytest.mark.parametrize("wanted", ["", "0", "-1", "1.5", "many", "3 guests", "٣", "1" * 5000, "1\n2"])
def test_what_is_no_number_is_refused(wanted: str) -> None:
    with pytest.raises(InputError) as caught:
        per_run(40, 30, wanted)
    assert (
        caught.value.message
        == f"per_run: '{wanted}' is no number of guests; write auto, all, or a whole number from 1 on."
    )


@pytest.mark.parametrize("within_days", [0, -1])
def test_fewer_than_one_day_is_refused(within_days: int) -> None:
    with pytest.raises(InputError, match=rf"^within_days: it is at least 1, not {within_days}\.$"):
        per_run(40, within_days, "auto")


def test_without_records_it_goes_by_id() -> None:
    assert ordered() == [101, 102, 103, 104]


def test_who_was_never_attempted_is_first_then_the_longest_ago() -> None:
    records = [a_record(101, age=2 * DAY), a_record(102, age=9 * DAY), a_record(104, age=5 * DAY)]
    assert ordered(*records) == [103, 102, 104, 101]


def test_an_attempt_counts_whatever_came_of_it() -> None:
    records = [
        a_record(101, age=DAY, verdict="not_run"),
        a_record(102, age=2 * DAY, verdict="interrupted"),
        a_record(103, age=3 * DAY, verdict="failed"),
        a_record(104, age=4 * DAY, verdict="passed"),
    ]
    assert ordered(*records) == [104, 103, 102, 101]
    assert ordered(*records, a_record(104, age=HOUR, verdict="not_run")) == [103, 102, 101, 104]


def test_of_the_same_time_it_goes_by_id() -> None:
    assert ordered(*(a_record(vmid, age=DAY) for vmid in (103, 104, 102, 101))) == [101, 102, 103, 104]


def test_an_attempt_of_a_guest_that_had_the_id_before_does_not_count() -> None:
    records = [a_record(vmid, age=DAY) for vmid in (101, 102, 103)]
    assert ordered(*records, a_record(104, age=HOUR, kind="qemu"))[0] == 104


def test_a_clock_that_was_wrong_once_puts_nobody_off() -> None:
    records = [a_record(vmid, age=DAY) for vmid in (101, 102, 104)]
    records.append(a_record(103, age=-50 * 365 * DAY))
    assert ordered(*records) == [103, 101, 102, 104]
    assert ordered(*records, a_record(103, age=HOUR, verdict="failed")) == [101, 102, 104, 103]


def test_who_was_completed_too_long_ago_is_overdue() -> None:
    records = [
        a_record(101, age=7 * DAY),
        a_record(102, age=7 * DAY + 1),
        a_record(103, age=8 * DAY, verdict="failed"),
        a_record(104, age=DAY, verdict="failed"),
    ]
    assert late(*records) == [102, 103]


def test_attempts_that_showed_nothing_do_not_count() -> None:
    records = [a_record(vmid, age=8 * DAY) for vmid in (101, 102, 103, 104)]
    more = [a_record(101, age=DAY, verdict="not_run"), a_record(102, age=DAY, verdict="interrupted")]
    assert late(*records, *more, a_record(103, age=DAY), a_record(104, age=DAY)) == [101, 102]


def test_who_was_never_drilled_is_overdue_once_the_first_record_of_the_cluster_is_old() -> None:
    assert late(a_record(101, age=6 * DAY)) == []
    assert late(a_record(101, age=8 * DAY), a_record(101, age=DAY)) == [102, 103, 104]
    assert late(a_record(999, age=8 * DAY, verdict="not_run")) == [101, 102, 103, 104]


def test_without_any_record_nobody_is_overdue() -> None:
    assert late() == []
