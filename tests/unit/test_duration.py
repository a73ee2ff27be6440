# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations: what people may write, and what they read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import (
    format_duration,
    parse_duration,
    whole_minutes,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("24h", 86400),
        ("7d", 604800),
        ("2w", 1209600),
        ("45", 45),
        (45, 45),
        ("0", 0),
        (" 24H\n", 86400),
        ("007m", 420),
    ],
)
def test_what_the_documentation_allows_is_understood(written: str | int, seconds: int) -> None:
    assert parse_duration(written, "max_age") == seconds


def test_the_message_names_the_option_what_was_written_and_what_may_be_written() -> None:
    with pytest.raises(InputError) as caught:
        parse_duration("1.5h", "max_age")
    assert caught.value.message == (
        "max_age: '1.5h' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, 24h, 7d, 2w, "
        "or seconds without a letter."
    )


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "h",
        "-1h",
        -1,
        "+5m",
        "24 h",
        "1h30m",
        "1y",
        "24hours",
        "0x10",
        "1e3",
        "five",
        "5m\n6m",
        1.5,
        "٣h",
        "9" * 5000,
    ],
)
def test_nothing_else_is_guessed_at(written: str | int) -> None:
    with pytest.raises(InputError, match=r"^timeout: "):
        parse_duration(written, "timeout")


@pytest.mark.parametrize("written", ["5300w", "999999999999", "36501d"])
def test_more_than_a_hundred_years_is_a_mistake(written: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_duration(written, "timeout")
    assert caught.value.message == f"timeout: '{written}' is longer than a hundred years; that is hardly meant."


def test_a_hundred_years_are_not() -> None:
    assert parse_duration("36500d", "timeout") == 36500 * 86400


@given(st.integers(0, 5000), st.sampled_from(sorted(SECONDS)), st.sampled_from(["", " ", "\t", "\n"]), st.booleans())
def test_every_written_form_reads_back(number: int, unit: str, blank: str, large: bool) -> None:
    written = f"{blank}{number}{unit.upper() if large else unit}{blank}"
    assert parse_duration(written, "max_age") == number * SECONDS[unit]


@given(st.text(max_size=20))
def test_any_text_is_seconds_or_an_input_error(text: str) -> None:
    try:
        seconds = parse_duration(text, "lock_wait")
    except InputError as refusal:
        assert refusal.message.startswith(f"lock_wait: '{text}' is not a duration;")  # noqa: PT017 - or none at all
    else:
        assert seconds >= 0


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (10800, 180)])
def test_minutes_are_rounded_up(seconds: int, minutes: int) -> None:
    assert whole_minutes(seconds) == minutes


@given(st.integers(0, 10**9))
def test_minutes_are_never_too_short_and_less_than_one_too_long(seconds: int) -> None:
    assert 0 <= whole_minutes(seconds) * 60 - seconds < 60


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (111600, "31 h"),
        (172799, "47 h"),
        (172800, "2 d"),
        (176399, "2 d"),
        (273600, "3 d 4 h"),
        (13 * 86400 + 82800, "13 d 23 h"),
        (14 * 86400 + 82800, "14 d"),
        (400 * 86400, "400 d"),
    ],
)
def test_people_read_two_units_at_most(seconds: float, shown: str) -> None:
    assert format_duration(seconds) == shown


def _read(shown: str) -> tuple[int, int]:
    """Seconds, and how many more there may have been."""
    words = shown.split()
    units = {"s": 1, "min": 60, "h": 3600, "d": 86400}
    total = sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2]))
    exact_to = 3600 if words[-1] == "d" and int(words[0]) < 14 else units[words[-1]]
    return total, exact_to


@given(st.integers(0, 10**9))
def test_what_is_shown_is_never_longer_than_it_was_and_less_than_its_smallest_unit_shorter(seconds: int) -> None:
    read, exact_to = _read(format_duration(seconds))
    assert 0 <= seconds - read < exact_to


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_the_longer_never_looks_shorter(one: int, other: int) -> None:
    shorter, longer = sorted((one, other))
    assert _read(format_duration(shorter))[0] <= _read(format_duration(longer))[0]
