# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading JSON that may say anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.answers import (
    an_object,
    by_device,
    count,
    moment,
    parsed,
    text,
    the_object,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Garbled

TRACEBACK = (
    "Traceback (most recent call last):\n  File \"/opt/x.py\", line 22\nHTTPError: (404, 'Device 7 not found')\n \n"
)
NANOSECONDS = 1795177597 * 10**9


def garbled(body: bytes) -> str:
    with pytest.raises(Garbled) as caught:
        parsed(body)
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, null, "x"]}', {"a": [1, None, "x"]}),
        (b"[]", []),
        (b"null", None),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        ('{"name": "Müller"}'.encode(), {"name": "Müller"}),
        ('{"name": "Müller"}'.encode("utf-16"), {"name": "Müller"}),
        (b'{"name": "\\ud83d\\ude00"}', {"name": "\N{GRINNING FACE}"}),
        (b'{"error": {"code": 4}, "devices": {}}', {"error": {"code": 4}, "devices": {}}),
        (b'{"error": null}', {"error": None}),
        (b'{"error": {}}', {"error": {}}),
        (b'[{"error": "in a list it is none of ours"}]', [{"error": "in a list it is none of ours"}]),
    ],
)
def test_json_is_read_whatever_it_says(body: bytes, value: Any) -> None:
    assert parsed(body) == value


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "the answer is no JSON (Expecting value: line 1 column 1 (char 0))"),
        (b"<html>\n<h1>502</h1>", "the answer is no JSON (Expecting value: line 1 column 1 (char 0))"),
        (b'{"devices": {', "the answer is no JSON (Expecting property name enclosed in double quotes: line 1 column"),
        (
            b'{"name": "\xff\xfe"}',
            "the answer is no JSON ('utf-8' codec can't decode byte 0xff in position 10: invalid",
        ),
        (b"[" * 100_000, "the answer is nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "the answer is nested too deep"),
        (b"9" * 5000, "the answer is no JSON (Exceeds the limit (4300 digits) for integer string conversion"),
    ],
)
def test_what_is_no_json_is_said_in_a_line(body: bytes, why: str) -> None:
    said = garbled(body)
    assert said.startswith(why)
    assert said.isprintable()
    assert len(said) < 240


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TRACEBACK, "the service says: HTTPError: (404, 'Device 7 not found')"),
        ("MySQL backup service unavailable", "the service says: MySQL backup service unavailable"),
        ("a\x1b[31mred\u202e\x00line", "the service says: a [31mred line"),
        ("x" * 500, f"the service says: {'x' * 200}"),
        ("", "the service tells an error"),
        (" \n\t\r\n", "the service tells an error"),
    ],
)
def test_an_error_told_with_status_200_is_an_error(error: str, said: str) -> None:
    assert garbled(json.dumps({"error": error, "devices": {}}).encode()) == said


@pytest.mark.parametrize("error", [{"code": 4}, ["no"], 500, True])
def test_an_answer_that_has_nothing_but_an_error_is_one_of_whatever_kind(error: Any) -> None:
    assert garbled(json.dumps({"error": error}).encode()) == f"the service says: {error}"


@pytest.mark.parametrize(
    ("value", "kind"),
    [([], "a list"), (None, "empty"), (7, "a single value"), ("x", "a single value"), (False, "a single value")],
)
def test_an_answer_must_be_an_object(value: Any, kind: str) -> None:
    with pytest.raises(Garbled, match=f"^the answer is {kind}, not an object$"):
        the_object(value)


def test_an_object_may_be_empty() -> None:
    assert the_object({}) == {}
    assert the_object({"a": 1}) == {"a": 1}


def test_a_fleet_may_be_large_but_not_without_end() -> None:
    largest: dict[str, Any] = dict.fromkeys(map(str, range(50_000)))
    assert by_device(largest) is largest
    with pytest.raises(Garbled, match=r"^the answer tells of 50001 devices, more than 50000 are not taken$"):
        by_device({**largest, "one more": None})


@pytest.mark.parametrize("value", [None, 0, "x", [1], True])
def test_a_part_that_is_no_object_is_an_empty_one(value: Any) -> None:
    assert an_object(value) == {}
    assert an_object({"a": value}) == {"a": value}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("ETHOSCOPE_001", "ETHOSCOPE_001"),
        ("a\nb/../\x00c", "a\nb/../\x00c"),
        ("Müller", "Müller"),
        ("half \ud800 a character", "half ? a character"),
        ("\udcff", "?"),
        ("x" * 4096, "x" * 4096),
        ("x" * 4097, None),
        ("", None),
        (7, None),
        (None, None),
        (["x"], None),
    ],
)
def test_a_text_is_one_that_any_output_can_hold(value: Any, read: str | None) -> None:
    assert text(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (0, 0),
        (326, 326),
        ("326", 326),
        (3.0, 3),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (10**400, None),
        ("9" * 30, None),
        (1e300, None),
        (-1, None),
        ("-1", None),
        (float("nan"), None),
        (float("inf"), None),
        ("many", None),
        (True, None),
        (None, None),
        ([3], None),
    ],
)
def test_a_count_is_one_that_something_can_have(value: Any, read: int | None) -> None:
    assert count(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1795177597, 1795177597.0),
        (1795177597.25, 1795177597.25),
        ("1795177597.25", 1795177597.25),
        (253402300799, 253402300799.0),
        (253402300800, None),
        (9_467_000_000_000, None),  # in the year 300000
        (NANOSECONDS, None),
        (0, None),
        (-1, None),
        (-1795177597, None),
        (float("nan"), None),
        (float("inf"), None),
        (float("-inf"), None),
        (10**400, None),
        ("2026-11-20 12:21:03.972094", None),
        ("", None),
        (True, None),
        (None, None),
        ({}, None),
    ],
)
def test_a_time_is_one_that_can_be(value: Any, read: float | None) -> None:
    assert moment(value) == read
