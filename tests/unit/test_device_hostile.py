# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that say anything: what they say is read, kept and reported, or refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.answers import parsed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Facts, Garbled, Question
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.inquiry import Heard
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import STATUSES
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, results
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.report import (
    failure,
    fleet_report,
    message,
    services_report,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Copies
from unit.builders import HOUR, NOW
from unit.device_builders import DEVICE, READERS, a_tree, as_json, recorded, the_members

Spot = tuple[Any, ...]

RECORDED = {
    "06_node_devices": "devices",
    "07_servicesdown_node_backup_status": "page",
    "11_processing_node_backup_status": "page",
    "12_both_up_mysql_status": "mysql",
    "11_processing_rsync_status": "rsync",
    "20_final_all_up_rsync_status": "rsync",
}
"""Recordings, and what reads them."""

TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "\n",
            " ",
            ".",
            "..",
            "../../etc/passwd",
            "/ethoscope_data/results/../../etc/x.db",
            "a/b",
            "a\0b.db",
            "\ud800",
            "\udcff/\ud800.db",
            "\x1b[2J\x07",
            "\u202eevil",
            "tracking",
            "recording",
            "transferring",
            "error",
            "devices",
            "7",
            "-1",
            "nan",
            "Infinity",
            "1e999",
            "9" * 5000,
            "x" * 10_000,
        ]
    ),
    st.text(max_size=8),
)
NUMBERS = st.sampled_from(
    [
        0,
        -1,
        1,
        -0.0,
        0.5,
        NOW,
        -NOW,
        NOW * 1000,
        9_467_000_000_000,  # the year 300000
        2**63,
        10**400,
        -(10**400),
        1e308,
        5e-324,
        float("nan"),
        float("inf"),
        float("-inf"),
    ]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(TEXTS, inner, max_size=2)),
    max_leaves=4,
)
"""Whatever JSON can say."""


def spots(value: Any, path: Spot = ()) -> Iterator[Spot]:
    """Every place in an answer."""
    yield path
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from spots(child, (*path, key))


def replaced(value: Any, path: Spot, new: Any) -> Any:
    """The answer with something else in one place; what is not on the way to it is shared."""
    if not path:
        return new
    copy = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def renamed(value: Any, path: Spot, key: str) -> Any:
    """The answer with another key in one place."""
    if len(path) > 1:
        return {**value, path[0]: renamed(value[path[0]], path[1:], key)} if isinstance(value, dict) else value
    return {key if old == path[0] else old: inner for old, inner in value.items()} if isinstance(value, dict) else value


def read(kind: str, answer: Any) -> Facts | None:
    """What is read of it; None where it is refused, in one line of printable characters."""
    try:
        return READERS[kind][0](parsed(as_json(answer)))
    except Garbled as refusal:
        said = str(refusal)
    assert said.isprintable()
    return None


def is_borne(kind: str, answer: Any) -> None:
    """What the answer says can be kept by the catalogue, judged, reported, and sent to the controller."""
    facts = read(kind, answer)
    if facts is None:
        return
    assert Facts.from_text(facts.as_text()) == facts
    copies = {
        (MYSQL, DEVICE): Copies(files=1, size=4096, newest=(NOW - HOUR) * 10**9),
        (SQLITE, DEVICE): Copies(empty=1),
    }
    fleet = the_members([facts.shifted(100.0)], [a_tree(results("/nowhere"), copies)])
    report = fleet_report(fleet)
    heard = Heard(Question("node", "http://node", READERS[kind][0]), facts, None, 0.1, NOW)
    services = services_report([heard], {"node": "http://node"})
    text = message(report, services)
    why = failure(report, services, frozenset({*STATUSES, "no_answer"}))
    assert text.isprintable()
    assert why is None or why.isprintable()
    json.dumps([report, services, text, why], ensure_ascii=False).encode("utf-8")
    for device in report["devices"]:
        assert device["status"] in STATUSES
        for one in device["types"].values():
            assert one["status"] != "ok" or one["files"]


@lru_cache
def the_places(kind: str) -> tuple[Any, tuple[Spot, ...]]:
    answer = READERS[kind][1]()
    return answer, tuple(spots(answer))


@lru_cache
def the_recorded_places(name: str) -> tuple[Any, tuple[Spot, ...]]:
    answer = recorded(name)
    return answer, tuple(spots(answer))


# ----- anything anywhere


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_any_value_in_any_place_is_borne(kind: str, data: st.DataObject) -> None:
    answer, places = the_places(kind)
    is_borne(kind, replaced(answer, data.draw(st.sampled_from(places)), data.draw(VALUES)))


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
def test_any_key_in_any_place_is_borne(kind: str, data: st.DataObject) -> None:
    answer, places = the_places(kind)
    is_borne(kind, renamed(answer, data.draw(st.sampled_from(places[1:])), data.draw(TEXTS)))


@pytest.mark.parametrize("name", RECORDED)
@settings(max_examples=40)
@given(data=st.data())
def test_any_value_in_any_place_of_a_recorded_answer_is_borne(name: str, data: st.DataObject) -> None:
    answer, places = the_recorded_places(name)
    is_borne(RECORDED[name], replaced(answer, data.draw(st.sampled_from(places)), data.draw(VALUES)))


@pytest.mark.parametrize("kind", READERS)
@given(answer=VALUES)
@example(answer={"devices": {}, "unified_devices": {}, "error": ["x"]})
@example(answer={"devices": {"\n": {"backup_types": {"mysql": {"available": True, "status": "\ud800"}}}}})
def test_any_answer_at_all_is_borne(kind: str, answer: Any) -> None:
    is_borne(kind, answer)


@given(body=st.binary(max_size=60))
@example(body=b"\xef\xbb\xbf{}")
@example(body=b"\xff\xfe{\x00}\x00")
@example(body=b"\x00\x00\x00\x00")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    said = ""
    try:
        parsed(body)
    except Garbled as refusal:
        said = str(refusal)
    assert said.isprintable()


# ----- what one device does to the others

OTHER = "008" + "b" * 29


def of_other(facts: Facts) -> tuple[list[Any], ...]:
    return (
        [one for one in facts.devices if one.id == OTHER],
        *([one for one in some if one.device == OTHER] for some in (facts.data, facts.claims, facts.jobs)),
    )


def two_devices(kind: str) -> tuple[Any, Spot]:
    """An answer with a second device, and where the first stands."""
    answer, _places = the_places(kind)
    inside = {"page": ("devices",), "rsync": ("devices",), "documented page": ("unified_devices",)}.get(kind, ())
    entries = answer
    for key in inside:
        entries = entries[key]
    return replaced(answer, inside, {**entries, OTHER: entries[DEVICE]}), (*inside, DEVICE)


@pytest.mark.parametrize("kind", READERS)
@settings(max_examples=60)
@given(data=st.data())
def test_what_one_device_says_changes_nothing_of_another(kind: str, data: st.DataObject) -> None:
    answer, place = two_devices(kind)
    before = read(kind, answer)
    assert before is not None
    assert any(of_other(before))
    inside = the_places(kind)[0]
    for key in place:
        inside = inside[key]
    spot = data.draw(st.sampled_from(list(spots(inside))))
    after = read(kind, replaced(answer, (*place, *spot), data.draw(VALUES)))
    assert after is not None
    assert of_other(after) == of_other(before)


# ----- errors


@pytest.mark.parametrize("kind", READERS)
def test_an_error_beside_a_whole_answer_is_an_error(kind: str) -> None:
    """An answer that tells an error is not believed in anything else."""
    answer = {**READERS[kind][1](), "error": "Traceback\nValueError: \x1b[31mno\n"}
    with pytest.raises(Garbled, match=r"^the service says: ValueError: \[31mno$"):
        parsed(as_json(answer))
    assert read(kind, answer) is None


def test_a_list_of_devices_is_refused() -> None:
    for kind in READERS:
        assert read(kind, [{"id": DEVICE}]) is None
