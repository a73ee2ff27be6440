# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers in the answers of others: Perl and JSON write them as they like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        ("5", 5),
        (" 5 ", 5),
        (5.0, 5),
        ("5.0", 5),
        (5.9, 5),
        ("1e3", 1000),
        (True, 1),
        (-3, -3),
        (0, 0),
        ("", 0),
        (None, 0),
        ("many", 0),
        ("nan", 0),
        ("inf", 0),
        (float("inf"), 0),
        (float("nan"), 0),
        ("9" * 5000, 0),
        ([5], 0),
        ({}, 0),
    ],
)
def test_what_is_no_number_counts_as_none(value: object, number: int) -> None:
    assert whole_number(value) == number


def test_what_counts_instead_can_be_chosen() -> None:
    assert whole_number(None, 7) == whole_number("many", 7) == whole_number(float("inf"), 7) == 7


@given(st.integers(0, 2**63))
def test_sizes_are_kept_to_the_byte_however_they_are_written(number: int) -> None:
    assert whole_number(number) == number
    assert whole_number(str(number)) == number


@given(st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.binary(), st.lists(st.integers())))
def test_nothing_makes_it_fail(value: object) -> None:
    assert isinstance(whole_number(value), int)
