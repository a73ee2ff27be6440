# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists and numbers in sentences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed, one_line


@pytest.mark.parametrize(
    ("items", "limit", "sentence"),
    [
        ([], 12, ""),
        (["a"], 12, "a"),
        ([101, 102, 103], 12, "101, 102, 103"),
        (["a", "b", "c"], 3, "a, b, c"),
        (["a", "b", "c", "d"], 3, "a, b, c and 1 more"),
    ],
)
def test_a_list_is_shortened_with_the_rest_counted(items: list[object], limit: int, sentence: str) -> None:
    assert listed(items, limit) == sentence


def test_twelve_are_shown_unless_said_otherwise() -> None:
    assert listed(range(100, 112)) == "100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111"
    assert listed(range(100, 113)) == "100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111 and 1 more"


@given(st.lists(st.integers(100, 999), max_size=30), st.integers(1, 20))
def test_no_item_is_lost_without_being_counted(items: list[int], limit: int) -> None:
    words = listed(iter(items), limit)
    shown, _and, rest = words.partition(" and ")
    told = [int(word) for word in shown.split(", ")] if shown else []
    assert told == items[:limit]
    assert (int(rest.removesuffix(" more")) if rest else 0) == len(items) - len(told)


@pytest.mark.parametrize(("number", "phrase"), [(0, "0 guests"), (1, "1 guest"), (2, "2 guests"), (250, "250 guests")])
def test_one_is_singular(number: int, phrase: str) -> None:
    assert counted(number, "guest") == phrase


def test_foreign_text_comes_onto_one_line() -> None:
    assert one_line(" could not open\n\tfile:  no such\r\nthing ") == "could not open file: no such thing"


@given(st.text())
def test_one_line_is_one_line_and_keeps_the_words(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line.split() == text.split()
    assert one_line(line) == line
