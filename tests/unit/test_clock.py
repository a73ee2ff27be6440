# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deadlines on a clock that is passed in."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from unit.builders import FakeClock


def test_a_deadline_counts_down_and_never_below_zero() -> None:
    time_ = FakeClock(1000)
    deadline = Deadline.after(time_.clock, 10)
    assert (deadline.remaining(), deadline.passed()) == (10, False)
    time_.time += 9.5
    assert (deadline.remaining(), deadline.passed()) == (0.5, False)
    time_.time += 0.5
    assert (deadline.remaining(), deadline.passed()) == (0, True)
    time_.time += 100
    assert (deadline.remaining(), deadline.passed()) == (0, True)


def test_no_time_at_all_is_over_at_once() -> None:
    assert Deadline.after(FakeClock().clock, 0).passed()


def test_sleep_ends_at_the_deadline() -> None:
    time_ = FakeClock(1000)
    deadline = Deadline.after(time_.clock, 3)
    deadline.sleep(2)
    deadline.sleep(2)
    deadline.sleep(2)
    assert time_.slept == [2, 1, 0]
    assert deadline.passed()


@given(st.floats(0, 1e6), st.lists(st.floats(0, 1e5), max_size=20))
def test_sleeping_never_goes_past_the_deadline(seconds: float, naps: list[float]) -> None:
    time_ = FakeClock(1000)
    deadline = Deadline.after(time_.clock, seconds)
    for nap in naps:
        deadline.sleep(nap)
    assert all(slept >= 0 for slept in time_.slept)
    assert time_.time <= 1000 + seconds + 1e-6


def test_by_default_it_is_the_machines_own_clock() -> None:
    clock = Clock()
    assert abs(clock.now() - time.time()) < 60
    assert abs(clock.monotonic() - time.monotonic()) < 60
    clock.sleep(0)
