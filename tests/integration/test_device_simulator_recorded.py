# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated fleet against recorded answers of a running node and its two backup daemons.

What was done then is done again, and each recorded question is asked again: keys, types and values have to be the same,
but for times. One test for each recorded answer.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from replay_devices import library
from replay_devices.compare import differences
from replay_devices.history import Told, play

REQUIRED = os.environ.get("LIFEBOAT_REQUIRE_SHARED") == "1"
AVAILABLE = library.available()
NAMES = library.names() if AVAILABLE else []

needs_recordings = pytest.mark.skipif(
    not AVAILABLE and not REQUIRED, reason="not run: needs ../shared/recordings beside the checkout"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    return play(tmp_path_factory.mktemp("devices"))


@needs_recordings
def test_the_recordings_are_there() -> None:
    assert AVAILABLE, f"no recordings in {library.RECORDINGS}, and LIFEBOAT_REQUIRE_SHARED is set"
    assert {name[:2] for name in NAMES} == {"01", "03", "06", "07", "10", "11", "12", "17", "18", "20"}


@pytest.mark.parametrize("name", NAMES)
def test_answer(name: str, told: dict[str, Told]) -> None:
    answer = told[name]
    assert (answer.status, answer.content_type) == (200, "application/json")
    found = list(differences(library.load(name), answer.content))
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        ({"a": 1}, {}, "answer.a is missing (recorded: 1)"),
        ({}, {"a": 1}, "answer.a is not recorded (found: 1)"),
        ({"a": 1}, {"a": True}, "answer.a: recorded 1, found True"),
        ({"size": 1}, {"size": 2}, "answer.size: recorded 1, found 2"),
        ({"ended": 0}, {"ended": 5}, "answer.ended: recorded ('int', 0), found ('int', 1)"),
        ({"a": [1]}, {"a": []}, "answer.a: recorded [1], found []"),
    ],
)
def test_a_difference_is_noticed(left: Any, right: Any, said: str) -> None:
    assert list(differences(left, right)) == [said]
