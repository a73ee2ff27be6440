# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The JSON schema for editors: it judges as the reader does."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import policy_from_mapping
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import PolicyError
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.schema import SCHEMA, schema_text

FILE = Path(__file__).parents[2] / "docs" / "policy.schema.json"
VALIDATOR = Draft202012Validator(json.loads(FILE.read_text(encoding="utf-8")))


def test_the_file_is_what_the_reader_goes_by() -> None:
    """If not, write what ``schema_text()`` returns to docs/policy.schema.json."""
    assert FILE.read_text(encoding="utf-8") == schema_text()


def test_the_file_is_a_schema_of_its_draft() -> None:
    Draft202012Validator.check_schema(json.loads(FILE.read_text(encoding="utf-8")))


def _parts(schema: Any) -> list[Any]:
    if isinstance(schema, list):
        return [part for inner in schema for part in _parts(inner)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(part for inner in schema.values() for part in _parts(inner))]


def test_whatever_an_editor_may_complain_about_is_described() -> None:
    asked = [part for part in _parts(SCHEMA) if {"pattern", "enum", "const", "properties", "items"} & part.keys()]
    silent = [part for part in asked if not isinstance(part.get("description", part.get("not")), (str, dict))]
    assert len(asked) > 30
    assert [part for part in silent if part.keys() != {"enum"}] == []


GOOD: dict[str, Any] = {
    "version": 1,
    "name": "main",
    "tiers": {"gold": {"rpo": "24h", "storage": "vault", "schedule": "02:30"}},
    "rules": [{"match": {"tags": ["db"]}, "tier": "gold"}, {"tier": "gold"}],
    "exemptions": [{"match": {"ids": [105]}, "reason": "lab", "until": "2027-01-31"}],
}
TEXT = [None, True, 7, 7.5, [], ["a"], {}, {"a": 1}]
DURATION = [
    "24h",
    " 24H ",
    "3M",
    "3m",
    " 0 ",
    24,
    24.0,
    "24",
    "1h30m",
    "-1h",
    -1,
    "",
    "h",
    "h24",
    1.5,
    True,
    None,
    [],
    "1" * 13,
    "24h\nx",
]
NAME = ["main", "m", "m-1", "", "Main", "-m", "1m", "m_1", "m\n", "\nm", "ä", *TEXT]
LINE = ["a", "a b", "ä", "", " ", "a\nb", "a\n", "\na", "a\tb", "a\x7f", "a\u2028b", "a" * 256, "a" * 257, *TEXT]
SEVERAL: list[Any] = ["a", ["a", "b"], [], [[]], ["a", 1], {}, None, 7, ["a"] * 1000, ["a"] * 1001]
NAMES = [*SEVERAL, "a b", " a", "a ", "a\n", "\u00a0a", "a\u2028", "\ufeffa", " "]
TAGS = [*NAMES, "a_+.-1", "-a", "A", "a,b", "a;b", "ä", "pr\u202eod", ""]

CASES: dict[str, list[Any]] = {
    "version": [1, 1.0, 0, 2, "1", True, None],
    "name": NAME,
    "grace": [0, "0", "0h", *DURATION],
    "tiers": [{}, [], None, "gold"],
    "tiers/gold": [{}, [], None, "gold", 7],
    "tiers/gold/rpo": [0, "0", "00h", "001h", *DURATION],
    "tiers/gold/drill": DURATION,
    "tiers/gold/verify": DURATION,
    "tiers/gold/storage": LINE,
    "tiers/gold/schedule": LINE,
    "tiers/gold/window": ["22:00-06:00", *TEXT],
    "tiers/gold/rto": ["15m"],
    "tiers/gold/mode": ["snapshot", "suspend", "stop", "Stop", "", *TEXT],
    "tiers/gold/compress": ["zstd", "gzip", "lzo", "none", "0", *TEXT],
    "tiers/gold/protected": [True, False, "true", 0, 1, None],
    "tiers/gold/encrypted": [True, False, "true", 0, 1, None],
    "tiers/gold/keep": [
        {"last": 1},
        {"all": True},
        {"last": 1, "hourly": 1, "daily": 1, "weekly": 1, "monthly": 1, "yearly": 1.0},
        {"last": -1},
        {"last": "1"},
        {"last": True},
        {"last": 1.5},
        {"last": 1000001},
        {"minutely": 1},
        {"all": 1},
        "all",
        3,
        None,
        [],
    ],
    "tiers/gold/job": [
        {},
        {"bwlimit": 1, "notes-template": {"a": [None]}},
        {"storage": "x"},
        {"all_guests": True},
        {"tags": []},
        {"Bwlimit": 1},
        {"": 1},
        {"a\n": 1},
        [],
        None,
    ],
    "tiers/gold/colour": ["red"],
    "tiers/Gold": [{"rpo": "24h", "storage": "vault", "schedule": "02:30"}],
    "rules": [[], {}, None, [{"tier": "gold"}], [{"tier": "gold"}] * 2, [None], [{}]],
    "rules/0/match": [{}, [], None, "db", {"colour": "red"}, {"tags": "a", "type": "lxc"}],
    "rules/0/match/tags": TAGS,
    "rules/0/match/pools": NAMES,
    "rules/0/match/nodes": NAMES,
    "rules/0/match/names": [*SEVERAL, "a" * 256, "a" * 257, ["a" * 257]],
    "rules/0/match/ids": [100, 99, 100.0, 999999999, 1000000000, "100", "100-200", "100 - 200", "0100", "100-", "-100",
                          "1e3", "100-200-300", "100\n", [100, "105-106"], [], [99], None, True],
    "rules/0/match/type": ["qemu", "lxc", ["qemu", "lxc"], [], "vm", ["vm"], None],
    "rules/0/name": [*LINE[:-8], "a" * 101],
    "rules/0/tier": [None, 7, "", "a\n"],
    "rules/0/colour": ["red"],
    "exemptions": [[], {}, None, [None], [{}]],
    "exemptions/0/match": [{}, None, {"tags": "x"}],
    "exemptions/0/reason": ["lab", "a\nb\n", "", " ", "\n", "a" * 1000, "a" * 1001, None, 7],
    "exemptions/0/until": ["2027-01-31", "2027-1-31", "20270131", "2027-01-31\n", "soon", 2027, None],
    "exemptions/0/colour": ["red"],
    "colour": ["red"],
}  # fmt: skip


def _with(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner: Any = document
    for step in way:
        inner = inner[step]
    inner[last] = value
    return document


def _is_read(document: Any) -> bool:
    try:
        policy_from_mapping(document, "policy")
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize("path", CASES)
def test_an_editor_accepts_what_the_reader_accepts(path: str) -> None:
    judged = {
        repr(value): (VALIDATOR.is_valid(_with(path, value)), _is_read(_with(path, value))) for value in CASES[path]
    }
    assert {value: both for value, both in judged.items() if both[0] != both[1]} == {}


def test_the_cases_show_both_sides() -> None:
    verdicts = [VALIDATOR.is_valid(_with(path, value)) for path, values in CASES.items() for value in values]
    assert verdicts.count(True) > 60
    assert verdicts.count(False) > 150


@pytest.mark.parametrize("path", ["version", "name", "tiers", "rules", "tiers/gold/rpo", "tiers/gold/storage",
                                  "tiers/gold/schedule", "rules/0/tier", "rules/1/tier", "exemptions/0/match",
                                  "exemptions/0/reason", "exemptions/0/until"])  # fmt: skip
def test_what_is_required_is_required_by_both(path: str) -> None:
    document = copy.deepcopy(GOOD)
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner: Any = document
    for step in way:
        inner = inner[step]
    del inner[last]
    assert not VALIDATOR.is_valid(document)
    assert not _is_read(document)


@pytest.mark.parametrize(
    "window", ["22:00-06:00", "2:00-6:00", "22:00 - 06:00", "00:00-23:59", "24:00-06:00", "22:60-06:00", "22-06",
               "22:00", "22:00-06:00\n", "22:00-06:00-07:00", "22:00\n-06:00", 1320, None]
)  # fmt: skip
def test_windows_are_judged_alike(window: Any) -> None:
    document = _with("tiers/gold", {"rpo": "24h", "storage": "vault", "window": window})
    assert VALIDATOR.is_valid(document) == _is_read(document)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(CASES)), values)
def test_the_reader_refuses_whatever_an_editor_refuses(path: str, value: Any) -> None:
    document = _with(path, value)
    assert VALIDATOR.is_valid(document) or not _is_read(document)
