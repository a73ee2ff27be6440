# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What records say of guests: in any order, from wrong clocks, and with anything in them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import GuestHistory, history
from unit.builders import DAY, HOUR, NOW
from unit.drill_builders import a_record

WEB = (101, "lxc")


def of(*records: Any) -> GuestHistory:
    """What they say of the one guest that they are of."""
    [guest] = history(records, NOW).guests.values()
    return guest


def test_the_last_of_each_kind_is_found() -> None:
    records = [
        a_record(age=9 * DAY, verdict="passed", rto=80.5),
        a_record(age=6 * DAY, verdict="failed", rto=75.0),
        a_record(age=5 * DAY, verdict="interrupted"),
        a_record(age=2 * DAY, verdict="not_run", reason="no room on pve2", name="web-new"),
    ]
    expected = GuestHistory(
        vmid=101,
        type="lxc",
        name="web-new",
        last_attempt=NOW - 2 * DAY,
        last_verdict="not_run",
        reason="no room on pve2",
        last_completed=NOW - 6 * DAY,
        last_passed=NOW - 9 * DAY,
        last_rto=75.0,
    )
    for _turn in range(5):
        assert of(*random.sample(records, k=len(records))) == expected


def test_what_never_was_is_none() -> None:
    found = of(a_record(age=HOUR, verdict="not_run", name=None))
    assert (found.name, found.last_completed, found.last_passed, found.last_rto) == (None, None, None, None)
    assert found.last_attempt == NOW - HOUR


def test_a_guest_without_a_name_now_is_called_as_before() -> None:
    assert of(a_record(age=DAY, name="web1"), a_record(age=HOUR, name=None)).name == "web1"


def test_an_id_that_was_given_to_the_other_type_is_another_guest() -> None:
    found = history([a_record(101, age=DAY, kind="lxc"), a_record(101, age=HOUR, kind="qemu")], NOW)
    assert {key: guest.last_attempt for key, guest in found.guests.items()} == {
        (101, "lxc"): NOW - DAY,
        (101, "qemu"): NOW - HOUR,
    }


def test_a_drill_is_due_so_many_days_after_the_last_completed_one() -> None:
    found = history([a_record(age=9 * DAY, verdict="failed"), a_record(age=DAY, verdict="not_run")], NOW)
    assert found.due(*WEB, within_days=7) == NOW - 2 * DAY


def test_without_a_completed_one_it_is_due_so_many_days_after_the_first_record_of_the_cluster() -> None:
    found = history([a_record(101, age=9 * DAY), a_record(102, age=DAY, verdict="interrupted")], NOW)
    assert found.first == NOW - 9 * DAY
    for never in (102, 103):
        assert found.due(never, "lxc", within_days=7) == NOW - 2 * DAY


def test_without_records_nothing_is_due() -> None:
    found = history([], NOW)
    assert (found.guests, found.first, found.due(*WEB, within_days=1)) == ({}, None, None)


# ----- clocks that were wrong


@pytest.mark.parametrize("ahead", [60, DAY])
def test_a_time_that_is_a_little_ahead_is_now(ahead: int) -> None:
    found = of(a_record(age=HOUR, verdict="passed"), a_record(age=-ahead, verdict="failed"))
    assert (found.last_attempt, found.last_completed, found.last_verdict) == (NOW, NOW, "failed")
    assert found.trusted


@pytest.mark.parametrize("at", [NOW + DAY + 1, NOW + 73 * 365 * DAY, 10**400, 1e300, float("inf")])
def test_one_that_is_far_ahead_does_not_hide_those_that_follow(at: float) -> None:
    wrong = {**a_record(verdict="passed"), "at": at}
    alone = of(wrong)
    assert (alone.last_attempt, alone.last_passed, alone.trusted) == (NOW, NOW, False)
    found = of(wrong, a_record(age=40 * DAY, verdict="failed"))
    assert (found.last_attempt, found.last_verdict, found.trusted) == (NOW - 40 * DAY, "failed", True)
    assert found.last_completed == NOW - 40 * DAY


@pytest.mark.parametrize("at", [None, "1795177597", True, 0, -5, 0.2, float("nan"), float("-inf"), -(10**400), [], {}])
def test_a_drill_without_a_beginning_has_its_end(at: Any) -> None:
    record = {**a_record(), "at": at, "ended": NOW - 77}
    assert of(record).last_attempt == NOW - 77
    assert history([{**record, "ended": at}], NOW).guests == {}


# ----- hostile values


@pytest.mark.parametrize(
    "change",
    [
        {"guest": None},
        {"guest": "101"},
        {"guest": {"type": "lxc"}},
        {"guest": {"vmid": "101", "type": "lxc"}},
        {"guest": {"vmid": True, "type": "lxc"}},
        {"guest": {"vmid": -1, "type": "lxc"}},
        {"guest": {"vmid": [], "type": "lxc"}},
        {"guest": {"vmid": 101}},
        {"guest": {"vmid": 101, "type": ["lxc"]}},
        {"verdict": "fine"},
        {"verdict": "pending"},
        {"verdict": ["passed"]},
        {"verdict": None},
    ],
    ids=str,
)
def test_a_record_that_tells_no_guest_or_verdict_is_left_out(change: Any) -> None:
    found = history([{**a_record(age=9 * DAY), **change}, {}, a_record(102, age=DAY)], NOW)
    assert [guest.vmid for guest in found.guests.values()] == [102]
    assert found.first == NOW - DAY


@pytest.mark.parametrize("rto", [None, "73", True, -1, float("nan"), float("inf"), 10**400, [], {}])
def test_a_restore_time_that_is_none_is_not_told(rto: Any) -> None:
    assert of(a_record(age=DAY, rto=42.5), {**a_record(age=HOUR), "rto": rto}).last_rto == 42.5


@pytest.mark.parametrize("wrong", [None, 7, ["x"], {"x": 1}])
def test_texts_that_are_none_are_empty(wrong: Any) -> None:
    record = {**a_record(), "reason": wrong, "run": wrong}
    record["guest"] = {**record["guest"], "name": wrong}
    found = of(record)
    assert (found.reason, found.name) == ("", None)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(NOW),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
KEYS = ("at", "ended", "guest", "verdict", "rto", "reason", "run")
spoilt = st.builds(lambda key, value: {**a_record(), key: value}, st.sampled_from(KEYS), anything)
spoilt_guests = st.builds(
    lambda key, value: {**a_record(), "guest": {"vmid": 101, "type": "lxc", "name": "x", key: value}},
    st.sampled_from(("vmid", "type", "name")),
    anything,
)


@settings(max_examples=60)
@given(st.lists(spoilt | spoilt_guests | st.dictionaries(st.sampled_from(KEYS), anything), max_size=6), st.randoms())
def test_no_value_raises_and_no_order_matters(records: list[Any], chance: random.Random) -> None:
    found = history(records, NOW)
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert history(shuffled, NOW) == found
    for guest in found.guests.values():
        assert 0 < guest.last_attempt <= NOW
        assert (guest.last_completed or 1) >= (guest.last_passed or 0)
