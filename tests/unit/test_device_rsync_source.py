# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rsync backup daemon says of its jobs: one for databases and one for videos."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Device,
    Facts,
    Garbled,
    Job,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import SQLITE, VIDEO
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.rsync_source import questions, read_status
from unit.builders import HOUR, NOW
from unit.device_builders import (
    DATABASE,
    DEVICE,
    NAME,
    STAMP,
    a_file_list,
    a_mysql_entry,
    an_rsync_answer,
    an_rsync_entry,
)

FOLDER = f"{DEVICE}/{NAME}/{STAMP}"
BROKEN: dict[str, Any] = {"progress": {"status": "error", "message": "Backup failed"}}
RUNS: dict[str, Any] = {"processing": True, "ended": 0, "progress": {"status": "info", "message": "Starting"}}
NOTHING = a_file_list()


def jobs(**entry: Any) -> tuple[Job, ...]:
    """The jobs of a device of whose entry something is otherwise."""
    return read_status({"devices": {DEVICE: an_rsync_entry(**entry)}}).jobs


def states(**entry: Any) -> dict[str, str]:
    return {job.type: job.state for job in jobs(**entry)}


def listed(*paths: Any) -> dict[str, list[str]]:
    """What is read of a list of databases with these paths."""
    files = {f"file {number}": {"path": path} for number, path in enumerate(paths)}
    databases, _videos = jobs(transfer_details={"results": {"files": files}, "videos": NOTHING})
    return {folder: list(names) for folder, names in databases.listed.items()}


def test_the_daemon_is_asked_for_its_status() -> None:
    (asked,) = questions("http://node:8093")
    assert (asked.service, asked.url) == ("rsync", "http://node:8093/status")
    assert asked.read(an_rsync_answer()).jobs


def test_a_job_has_its_times_the_daemons_words_and_the_copies_that_it_lists() -> None:
    said: dict[str, Any] = {
        "source": "rsync",
        "started": NOW - HOUR - 60,
        "ended": NOW - HOUR,
        "message": "Backup completed successfully",
    }
    chunk = f"{STAMP}_{DEVICE}_NA_1280x960@25_00001.h264"
    assert read_status(an_rsync_answer()) == Facts(
        devices=(Device(DEVICE, NAME),),
        jobs=(
            Job(DEVICE, SQLITE, DONE, listed={FOLDER: [f"{STAMP}_{DEVICE}.db"]}, **said),
            Job(DEVICE, VIDEO, DONE, listed={FOLDER: [chunk]}, **said),
        ),
    )


@pytest.mark.parametrize(
    ("entry", "outcome"),
    [
        ({}, {SQLITE: DONE, VIDEO: DONE}),
        # no SQLite on the device: its databases were left out
        ({"transfer_details": {"videos": NOTHING}}, {VIDEO: DONE}),
        ({"transfer_details": {}, "synced": {"videos": {}}}, {VIDEO: DONE}),
        # a daemon for databases alone
        ({"transfer_details": {"results": NOTHING}}, {SQLITE: DONE}),
        # nothing was new: the lists are gone
        ({"transfer_details": {}}, {SQLITE: DONE, VIDEO: DONE}),
        ({"transfer_details": None}, {SQLITE: DONE, VIDEO: DONE}),
        # it ended well, but there was nothing to do
        ({"transfer_details": {}, "synced": {}}, {}),
        ({**RUNS}, {SQLITE: RUNNING, VIDEO: RUNNING}),
        ({**RUNS, "transfer_details": {}, "synced": {}}, {SQLITE: RUNNING, VIDEO: RUNNING}),
        # where the databases fail, the videos are not tried
        ({**BROKEN, "transfer_details": {"results": NOTHING}}, {SQLITE: FAILED, VIDEO: SKIPPED}),
        ({**BROKEN, "transfer_details": {"results": NOTHING, "videos": NOTHING}}, {SQLITE: DONE, VIDEO: FAILED}),
        ({**BROKEN, "transfer_details": {"videos": NOTHING}}, {VIDEO: FAILED}),
        # nobody knows how far it came; the figures of the tree are of an earlier job
        ({**BROKEN, "transfer_details": {}}, {SQLITE: FAILED, VIDEO: FAILED}),
        ({"ended": -1, "transfer_details": None}, {SQLITE: FAILED, VIDEO: FAILED}),
        ({"progress": {"status": "initializing"}}, {}),
    ],
)
def test_what_came_of_databases_and_videos(entry: dict[str, Any], outcome: dict[str, str]) -> None:
    assert states(**entry) == outcome


def test_the_same_list_may_stand_with_the_figures_of_the_tree() -> None:
    files = {"x.db": {"path": DATABASE}}
    (job,) = jobs(transfer_details={}, synced={"results": {"detailed_files": files}})
    assert job.listed == {FOLDER: [DATABASE.rpartition("/")[2]]}


def test_copies_are_listed_by_their_folders() -> None:
    assert listed("a/b/1.db", "a/c/2.db", "a/b/3.db") == {"a/b": ["1.db", "3.db"], "a/c": ["2.db"]}


@pytest.mark.parametrize(
    "path",
    [
        "a/b.md5",
        "a/b.txt",
        "a/b.h264",
        "a/.cache/x.pkl",
        "b.db",
        "/etc/b.db",
        "../b.db",
        "a/../../b.db",
        "a/./b.db",
        "a//b.db",
        "a\0/b.db",
        "",
        None,
        7,
        ["a/b.db"],
    ],
)
def test_what_can_be_no_copy_of_a_database_is_not_listed(path: Any) -> None:
    assert listed("a/good.db", path) == {"a": ["good.db"]}


def test_videos_are_chunks() -> None:
    files = a_file_list("a/1.h264", "a/1.md5", "a/1.db", "a/1.mp4")
    _databases, videos = jobs(transfer_details={"results": NOTHING, "videos": files})
    assert videos.listed == {"a": ["1.h264"]}


def test_what_is_being_transferred_is_no_copy_yet() -> None:
    files = {"files": {**a_file_list("a/1.db")["files"], **a_file_list("a/2.db", status="transferring")["files"]}}
    databases, _videos = jobs(**RUNS, transfer_details={"results": files, "videos": NOTHING})
    assert databases.listed == {"a": ["1.db"]}


@pytest.mark.parametrize("files", [None, [], "x", {"a": None}, {"a": []}, {"a": {}}])
def test_a_list_that_is_none_lists_nothing(files: Any) -> None:
    databases, _videos = jobs(transfer_details={"results": {"files": files}, "videos": NOTHING})
    assert databases.listed == {}


def test_the_file_at_work_is_the_one_that_is_being_transferred() -> None:
    done, running = a_file_list("a/1.h264"), a_file_list("a/2.h264", status="transferring")
    videos = {"files": {**done["files"], **running["files"]}}
    entry = an_rsync_entry(**RUNS, transfer_details={"results": NOTHING, "videos": videos})
    facts = read_status({"devices": {"a": an_rsync_entry(), DEVICE: entry}})
    assert (facts.current_device, facts.current_file) == (NAME, "2.h264")


def test_a_job_that_has_begun_names_no_file_yet() -> None:
    facts = read_status({"devices": {DEVICE: a_mysql_entry(**RUNS)}})
    assert (facts.current_device, facts.current_file) == (NAME, None)


def test_a_transfer_that_a_failed_job_left_behind_is_not_at_work() -> None:
    entry = an_rsync_entry(**BROKEN, transfer_details={"results": a_file_list("a/1.db", status="transferring")})
    facts = read_status({"devices": {DEVICE: entry}})
    assert (facts.current_device, facts.current_file) == (None, None)


def test_entries_that_are_none_are_counted_and_the_others_are_read() -> None:
    facts = read_status({"devices": {"": {}, "a": None, "b": [], DEVICE: an_rsync_entry(), "c": {}}})
    assert facts.unread == 3
    assert {job.device for job in facts.jobs} == {DEVICE}
    assert [device.id for device in facts.devices] == [DEVICE, "c"]


@pytest.mark.parametrize("answer", [{}, {"devices": None}, {"devices": []}, {"status": "running", "last_backup": ""}])
def test_what_is_no_status_of_it_is_no_answer(answer: Any) -> None:
    with pytest.raises(Garbled, match=r"^the answer is no status of rsync backups: it has no 'devices'$"):
        read_status(answer)


def test_an_answer_that_is_no_object_is_no_answer() -> None:
    with pytest.raises(Garbled, match=r"^the answer is a list, not an object$"):
        read_status([])
