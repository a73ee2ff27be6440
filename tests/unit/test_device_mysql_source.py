# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the MySQL backup daemon says of its jobs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    Device,
    Facts,
    Garbled,
    Job,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.mysql_source import questions, read_status
from unit.builders import HOUR, NOW
from unit.device_builders import DEVICE, NAME, a_mysql_entry, an_rsync_answer

RUNS: dict[str, Any] = {"processing": True, "ended": 0, "progress": {"status": "info", "message": "Starting"}}


def job(**entry: Any) -> Job | None:
    """The job of a device of whose entry something is otherwise."""
    jobs = read_status({DEVICE: a_mysql_entry(**entry)}).jobs
    assert len(jobs) < 2
    return jobs[0] if jobs else None


def test_the_daemon_is_asked_for_its_status_and_never_for_its_root() -> None:
    """``/`` makes it look for devices while all else waits."""
    (asked,) = questions("http://node:8090")
    assert (asked.service, asked.url) == ("mysql", "http://node:8090/status")
    assert asked.read({DEVICE: a_mysql_entry()}).jobs


def test_a_job_has_its_times_and_the_words_of_the_daemon() -> None:
    assert read_status({DEVICE: a_mysql_entry()}) == Facts(
        devices=(Device(DEVICE, NAME),),
        jobs=(
            Job(
                DEVICE,
                MYSQL,
                DONE,
                "mysql",
                started=NOW - HOUR - 60,
                ended=NOW - HOUR,
                message="Backup completed successfully",
            ),
        ),
    )


def test_before_its_first_cycle_it_says_nothing() -> None:
    assert read_status({}) == Facts()


@pytest.mark.parametrize(
    ("entry", "state"),
    [
        ({}, DONE),
        ({"progress": {"status": "success"}}, DONE),
        ({"progress": {"status": "warning"}}, DONE),
        ({"progress": {"status": "error"}}, FAILED),
        ({"ended": -1}, FAILED),
        ({"ended": -1, "progress": {"status": "info"}}, FAILED),
        (RUNS, RUNNING),
        ({**RUNS, "ended": -1}, RUNNING),
        ({**RUNS, "progress": {"status": "error"}}, RUNNING),
        ({"progress": {"status": "initializing"}}, None),
        ({"progress": {"status": "info"}}, None),
        ({"progress": {"status": "of the next version"}}, None),
        ({"progress": {"status": ["error"]}}, None),
        ({"progress": {}}, None),
        ({"progress": "completed"}, None),
        ({"progress": None}, None),
        ({"processing": "yes", "progress": None}, None),
        ({"processing": 1, "progress": None}, None),
    ],
)
def test_the_state_of_a_job(entry: dict[str, Any], state: str | None) -> None:
    found = job(**entry)
    assert (found.state if found else None) == state


def test_a_job_that_runs_has_not_ended() -> None:
    found = job(**RUNS)
    assert found is not None
    assert (found.started, found.ended, found.message) == (NOW - HOUR - 60, None, "Starting")


def test_a_job_that_was_given_up_has_no_end() -> None:
    found = job(ended=-1, progress={"status": "error", "message": "Backup timed out after 600 seconds"})
    assert found is not None
    assert (found.ended, found.message) == (None, "Backup timed out after 600 seconds")


@pytest.mark.parametrize(
    ("name", "current"), [(NAME, NAME), (None, DEVICE), ("", DEVICE), (7, DEVICE), (["x"], DEVICE)]
)
def test_the_device_at_work_is_told_by_its_name_or_else_by_its_id(name: Any, current: str) -> None:
    entries = {"a": a_mysql_entry(), DEVICE: a_mysql_entry(name=name, **RUNS)}
    assert read_status(entries).current_device == current


def test_of_a_long_message_the_beginning_is_kept() -> None:
    found = job(progress={"status": "error", "message": "x" * 301})
    assert found is not None
    assert found.message == "x" * 300


def test_the_state_of_a_device_is_not_taken_from_a_daemon() -> None:
    """It is that of its first look, and never looked at again."""
    assert read_status({DEVICE: a_mysql_entry(status="offline")}).devices == (Device(DEVICE, NAME, None, None),)


def test_entries_that_are_none_are_counted_and_the_others_are_read() -> None:
    facts = read_status({"": {}, "a": None, "b": [], "c": 7, DEVICE: a_mysql_entry(), "d": {}})
    assert facts.unread == 4
    assert [one.device for one in facts.jobs] == [DEVICE]
    assert [device.id for device in facts.devices] == [DEVICE, "d"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([], "the answer is a list, not an object"),
        (None, "the answer is empty, not an object"),
        (
            {"status": "running", "last_backup": "2026-11-20 12:26:17"},
            "the answer is no status of MySQL backups: nothing in it is one of a device",
        ),
        (
            an_rsync_answer(),
            "the answer is no status of MySQL backups: it has 'devices', as that of the rsync daemon",
        ),
    ],
)
def test_what_is_no_status_of_it_is_no_answer(answer: Any, why: str) -> None:
    with pytest.raises(Garbled) as caught:
        read_status(answer)
    assert str(caught.value) == why
