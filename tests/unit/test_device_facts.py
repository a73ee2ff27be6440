# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Claims as they are kept, and by which clock."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    FAILED,
    Data,
    Device,
    Facts,
    newest_of,
)
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import DATABASE, DEVICE, NAME, a_claim, a_data, a_job

FACTS = Facts(
    devices=(Device(DEVICE, NAME, "running", NOW - 1.5), Device("006", None)),
    data=(a_data(path=DATABASE, size=73728, growing=True, tables={"ROI_1": 400}),),
    claims=(a_claim(), a_claim("offline", count=None, size=None)),
    jobs=(a_job(started=NOW - 2.0 * HOUR, listed={"a/b": ["c.db", "ü\n.db"]}), a_job(FAILED, None, message="no")),
    current_device=NAME,
    current_file="c.db",
    unread=3,
)


def test_facts_are_kept_as_text_and_come_back_the_same() -> None:
    assert Facts.from_text(FACTS.as_text()) == FACTS
    assert Facts.from_text(Facts().as_text()) == Facts()
    assert FACTS.as_text().isascii()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "7",
        "[]",
        '"facts"',
        "{}",
        '{"devices": [], "data": [], "claims": []}',
        '{"devices": [{"id": "7"}], "data": [], "claims": [], "jobs": []}',
        '{"devices": ["7"], "data": [], "claims": [], "jobs": []}',
        '{"devices": 7, "data": [], "claims": [], "jobs": []}',
        '{"devices": [], "data": [], "claims": [], "jobs": [], "of the next version": 1}',
        '{"devices": [], "data": [], "claims": [], "jobs": [], "current_device": 7, "current_file": null, "unread": 0}',
        '{"devices": [], "data": [], "claims": [], "jobs": [], "current_device": null, "current_file": null}',
        "[" * 100_000,
    ],
)
def test_what_is_no_facts_is_told_so(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reason, the service is asked again
        Facts.from_text(text)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("devices", "id", 7),
        ("devices", "name", ["x"]),
        ("devices", "last_seen", "now"),
        ("devices", "lists", 1),
        ("data", "newest", None),
        ("data", "growing", "yes"),
        ("data", "size", 1.5),
        ("data", "tables", []),
        ("data", "tables", {"ROI_1": "400"}),
        ("claims", "available", None),
        ("claims", "count", "1"),
        ("jobs", "state", None),
        ("jobs", "ended", "1795177597"),
        ("jobs", "listed", {"a": "1.db"}),
        ("jobs", "unknown", None),
    ],
)
def test_facts_with_a_value_of_another_kind_are_none(part: str, field: str, value: Any) -> None:
    """As another version would have kept them, or somebody who wrote to the catalogue."""
    kept = json.loads(FACTS.as_text())
    kept[part][0][field] = value
    with pytest.raises(ValueError, match=r"^no facts: "):
        Facts.from_text(json.dumps(kept))


def test_a_service_whose_clock_is_ahead_is_put_right() -> None:
    shifted = FACTS.shifted(HOUR)
    assert [device.last_seen for device in shifted.devices] == [NOW - 1.5 - HOUR, None]
    assert [(job.started, job.ended) for job in shifted.jobs] == [(NOW - 3.0 * HOUR, NOW - 2 * HOUR), (None, None)]


def test_a_service_whose_clock_is_behind_is_put_right() -> None:
    assert FACTS.shifted(-HOUR).jobs[0].ended == NOW


def test_of_a_wrong_clock_only_the_times_of_the_service_are_put_right() -> None:
    """Those of data are by the device's clock, as those of its files are."""
    shifted = FACTS.shifted(HOUR)
    back = replace(shifted, devices=FACTS.devices, jobs=FACTS.jobs)
    assert back == FACTS
    assert shifted.data == FACTS.data
    assert [replace(job, started=None, ended=None) for job in shifted.jobs] == [
        replace(job, started=None, ended=None) for job in FACTS.jobs
    ]


def test_facts_of_a_right_clock_stay_as_they_are() -> None:
    assert FACTS.shifted(0.0) is FACTS


@pytest.mark.parametrize(
    ("data", "newest"),
    [
        ([], None),
        ([a_data(2 * DAY), a_data(DAY), a_data(3 * DAY)], a_data(DAY)),
        ([a_data(DAY), a_data(3 * DAY, growing=True)], a_data(3 * DAY, growing=True)),
        # a device whose clock was years ahead, when it made the one that it doesn't write any more
        ([a_data(-900 * DAY), a_data(0, growing=True)], a_data(0, growing=True)),
        ([a_data(DAY, growing=True), a_data(0, growing=True)], a_data(0, growing=True)),
    ],
)
def test_the_newest_data_is_what_is_being_written_else_what_began_last(data: list[Data], newest: Data | None) -> None:
    assert newest_of(data) == newest
