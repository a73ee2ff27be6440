# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Independent pieces of work side by side."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side


def test_outcomes_come_in_the_order_of_the_items_not_of_their_ends() -> None:
    last_has_ended = threading.Event()

    def work(item: int) -> int:
        if item == 3:
            last_has_ended.set()
        else:
            assert last_has_ended.wait(5), "the items do not run side by side"
        return item * 10

    assert side_by_side(work, [1, 2, 3]) == [10, 20, 30]


def test_no_more_run_at_once_than_allowed() -> None:
    guard = threading.Lock()
    running = 0
    most = 0
    both = threading.Barrier(2)

    def work(item: int) -> int:
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        both.wait(5)
        with guard:
            running -= 1
        return item

    assert side_by_side(work, range(6), workers=2) == [0, 1, 2, 3, 4, 5]
    assert most == 2


@pytest.mark.parametrize("items", [[], [7]])
def test_little_work_needs_no_threads(items: list[int]) -> None:
    me = threading.get_ident()
    assert side_by_side(lambda item: (item, threading.get_ident()), items) == [(item, me) for item in items]


def test_an_error_is_raised_after_all_have_ended() -> None:
    ended: list[int] = []

    def work(item: int) -> None:
        if item == 1:
            raise ValueError("the first failed")
        ended.append(item)

    with pytest.raises(ValueError, match="the first failed"):
        side_by_side(work, [1, 2, 3, 4], workers=0)
    assert ended == [2, 3, 4]
