# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size

UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (-3, "0 B"),
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (102_297, "99.9 KiB"),
        (102_400, "100 KiB"),
        (1_048_575, "1 MiB"),
        (1_987_185, "1.9 MiB"),
        (240 * 1024**3, "240 GiB"),
        (3 * 1024**4 + 1024**3 * 512, "3.5 TiB"),
        (5000 * 1024**5, "5000 PiB"),
    ],
)
def test_a_size_has_a_binary_unit_and_at_most_one_decimal(count: int, shown: str) -> None:
    assert format_size(count) == shown


def _read(shown: str) -> float:
    number, unit = shown.split(" ")
    return float(number) * float(1024 ** UNITS.index(unit))


@given(st.integers(0, 2**63))
def test_a_size_reads_back_within_its_rounding(count: int) -> None:
    shown = format_size(count)
    number, unit = shown.split(" ")
    step = 0.1 if "." in number or float(number) < 100 else 1.0
    assert abs(_read(shown) - count) <= (step / 2 if unit != "B" else 0) * float(1024 ** UNITS.index(unit)) * (1 + 1e-9)


@given(st.integers(0, 2**59))
def test_a_number_never_reaches_the_next_unit(count: int) -> None:
    number, _unit = format_size(count).split(" ")
    assert float(number) < 1024
    assert not number.endswith(".0")


@given(st.integers(0, 2**55), st.integers(0, 2**55))
def test_the_larger_never_looks_smaller(one: int, other: int) -> None:
    smaller, larger = sorted((one, other))
    assert _read(format_size(smaller)) <= _read(format_size(larger))
