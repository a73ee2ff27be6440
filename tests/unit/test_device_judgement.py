# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Claims held against evidence: each status with its reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Job,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import STATUSES, judge, worst
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, VIDEO
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import NO_TABLES, USABLE, a_case, a_claim, a_copy, a_data, a_job

UNREADABLE = "/ethoscope_data/results/007 cannot be read (Permission denied)"
NOTHING = Evidence()
EMPTY = Evidence(empty=1)
UNFINISHED = Evidence(unfinished=1)
AHEAD = Evidence(files=2, size=8192, ahead=2)
OLD = 3 * DAY
LISTED = {"a": ["1.db"]}


def runs(started: float | None = 60) -> Job:
    return a_job(RUNNING, None, started=None if started is None else NOW - started)


def said(case: Case) -> tuple[str, str]:
    judgement = judge(case)
    return judgement.status, judgement.reason


# ----- nothing


@pytest.mark.parametrize(
    "case",
    [
        a_case(),
        a_case(NOTHING),
        a_case(claim=a_claim("not_available")),
        a_case(NOTHING, claim=a_claim("offline")),
        # the MySQL daemon completes devices that have no MySQL
        a_case(NOTHING, MYSQL, job=a_job(DONE, kind=MYSQL)),
        a_case(NOTHING, job=runs()),
        # the databases failed: there may be no videos at all
        a_case(NOTHING, VIDEO, job=a_job(SKIPPED, kind=VIDEO)),
        # the page's "available" says nothing of videos without a size
        a_case(NOTHING, VIDEO, claim=a_claim(kind=VIDEO, count=326, size=0)),
        a_case(NOTHING, VIDEO, claim=a_claim(kind=VIDEO, count=326, size=None)),
    ],
)
def test_what_nobody_has_or_claims_is_no_data(case: Case) -> None:
    assert said(case) == ("no_data", "no data and no copies are known")


# ----- failed


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (a_case(job=a_job(FAILED, 3 * HOUR)), "the last backup failed 3 h ago"),
        (
            a_case(job=a_job(FAILED, 3 * HOUR, message="rsync\n ended with 12\x1b[0m")),
            "the last backup failed 3 h ago (rsync ended with 12 [0m)",
        ),
        (a_case(job=a_job(FAILED, None, message="timed out")), "the last backup failed (timed out)"),
        # a failure with and without data that is known
        (a_case(NOTHING, job=a_job(FAILED, HOUR)), "the last backup failed 60 min ago; no copy is there"),
        (
            a_case(NOTHING, data=[a_data()], claim=a_claim(), job=a_job(FAILED, HOUR)),
            "the last backup failed 60 min ago; no copy is there",
        ),
        (
            a_case(a_copy(OLD), job=a_job(FAILED, HOUR)),
            "the last backup failed 60 min ago; the newest copy is 3 d old",
        ),
        (a_case(a_copy(60), job=a_job(FAILED, HOUR)), "the last backup failed 60 min ago; the newest copy is 60 s old"),
        (
            a_case(EMPTY, job=a_job(FAILED, HOUR)),
            "the last backup failed 60 min ago; the only copy is empty (0 bytes)",
        ),
        (a_case(AHEAD, job=a_job(FAILED, HOUR)), "the last backup failed 60 min ago"),
        (a_case(Evidence(unreadable=UNREADABLE), job=a_job(FAILED, HOUR)), "the last backup failed 60 min ago"),
        (a_case(job=a_job(FAILED, -20)), "the last backup failed 0 s ago"),
        (
            a_case(a_copy(OLD), VIDEO, job=a_job(SKIPPED, HOUR, VIDEO, message="Backup failed")),
            (
                "the last backup was not tried, since another failed 60 min ago (Backup failed); "
                "the newest copy is 3 d old"
            ),
        ),
        (
            a_case(None, VIDEO, data=[a_data(kind=VIDEO)], job=a_job(SKIPPED, None, VIDEO)),
            "the last backup was not tried, since another failed",
        ),
        # what the check finds goes before the age
        (
            a_case(a_copy(60, check=NO_TABLES)),
            "the newest copy has no tables: its rows were in the -wal file, which is not copied",
        ),
        # but the failed job before the check
        (
            a_case(a_copy(60, check=NO_TABLES), job=a_job(FAILED, HOUR)),
            "the last backup failed 60 min ago; the newest copy is 60 s old",
        ),
        (a_case(EMPTY), "the only copy is empty (0 bytes)"),
        (a_case(Evidence(empty=3)), "all copies are empty (0 bytes)"),
        (a_case(UNFINISHED), "1 copy unfinished, as rsync leaves one that was interrupted"),
        (
            a_case(replace(UNFINISHED, unfinished=2, empty=1), claim=a_claim()),
            "2 copies unfinished, as rsync leaves one that was interrupted",
        ),
        (
            a_case(UNFINISHED, job=a_job(FAILED, HOUR)),
            ("the last backup failed 60 min ago; 1 copy unfinished, as rsync leaves one that was interrupted"),
        ),
        (a_case(EMPTY, claim=a_claim(), job=a_job(DONE, HOUR, listed=LISTED)), "the only copy is empty (0 bytes)"),
    ],
)
def test_failed(case: Case, reason: str) -> None:
    assert said(case) == ("failed", reason)


# ----- missing


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (a_case(NOTHING, data=[a_data()]), "no copy is there"),
        (a_case(NOTHING, claim=a_claim()), "no copy is there, but node says 'success'"),
        (a_case(NOTHING, VIDEO, claim=a_claim(kind=VIDEO)), "no copy is there, but node says 'success'"),
        (
            a_case(NOTHING, job=a_job(DONE, HOUR, listed=LISTED)),
            "no copy is there, but rsync says that its backup ended well",
        ),
        (
            a_case(NOTHING, data=[a_data()], job=a_job(DONE, HOUR)),
            "no copy is there, but rsync says that its backup ended well",
        ),
        (
            a_case(NOTHING, claim=a_claim(), job=a_job(DONE, HOUR, listed=LISTED)),
            "no copy is there, but node says 'success' and rsync says that its backup ended well",
        ),
        # rsync copies databases of devices that have some
        (a_case(NOTHING, job=a_job(DONE, HOUR)), "no copy is there"),
        # a job of which nobody says that it had anything to do
        (a_case(NOTHING, claim=a_claim(), job=a_job(DONE, HOUR)), "no copy is there, but node says 'success'"),
        # other copies are there, but not those that were made
        (
            a_case(a_copy(60, gone=("a/\x1b1.db", "a/2.db")), job=a_job(DONE, HOUR, listed=LISTED)),
            "rsync lists copies that are not there: 1.db, 2.db",
        ),
        # not tried, but nothing else is known to have failed
        (a_case(NOTHING, data=[a_data()], claim=a_claim("offline")), "no copy is there"),
    ],
)
def test_missing(case: Case, reason: str) -> None:
    assert said(case) == ("missing", reason)


# ----- ok, in each of three ways


@pytest.mark.parametrize("age", [0, -20, HOUR, DAY])
def test_a_young_copy_is_ok(age: float) -> None:
    words = {0: "0 s", -20: "0 s", HOUR: "60 min", DAY: "24 h"}
    assert said(a_case(a_copy(age))) == ("ok", f"the newest copy is {words[int(age)]} old")


def test_a_young_copy_is_ok_whatever_grows_or_is_said_of_it() -> None:
    for more in (
        {"data": [a_data(0, growing=True)]},
        {"claim": a_claim("not_available")},
        {"job": a_job(DONE, 90 * DAY)},
        {"job": runs(90 * DAY)},
        {"asked": False},
    ):
        assert said(a_case(a_copy(HOUR), **more))[0] == "ok"


# ----- in progress


@pytest.mark.parametrize(
    ("case", "before"),
    [
        (a_case(NOTHING, data=[a_data()], job=runs()), "no copy is there"),
        (a_case(a_copy(OLD), job=runs(), asked=False), "the newest copy is 3 d old, wanted 24 h"),
        (a_case(EMPTY, job=runs()), "the only copy is empty (0 bytes)"),
        (a_case(a_copy(60, check=replace(NO_TABLES, why_not="is cut off")), job=runs()), "the newest copy is cut off"),
        (
            a_case(data=[a_data()], job=runs()),
            "it is said to have data, but no copies can be looked at from here",
        ),
        (a_case(NOTHING, data=[a_data()], job=runs(DAY)), "no copy is there"),
        (a_case(NOTHING, data=[a_data()], job=runs(-30)), "no copy is there"),
        (a_case(NOTHING, data=[a_data()], job=runs(-HOUR)), "no copy is there"),
    ],
)
def test_while_a_backup_runs_what_was_before_it_is_in_progress(case: Case, before: str) -> None:
    assert said(case) == ("in_progress", f"a backup is running; before it: {before}")


def test_a_backup_that_is_said_to_run_for_ever_hides_nothing() -> None:
    for case in (
        a_case(NOTHING, data=[a_data()]),
        a_case(a_copy(OLD)),
        a_case(EMPTY),
        a_case(data=[a_data()]),
    ):
        status, reason = said(case)
        assert status in ("missing", "stale", "failed", "unknown")
        assert said(replace(case, job=runs(DAY + 1))) == (
            status,
            f"{reason}; a backup is said to be running for 24 h",
        )


@pytest.mark.parametrize("started", [None, -HOUR - 1, -900 * DAY])
def test_a_backup_that_runs_since_nobody_knows_when_hides_nothing(started: float | None) -> None:
    assert said(a_case(NOTHING, data=[a_data()], job=runs(started))) == (
        "missing",
        "no copy is there; a backup is said to be running, but not since when",
    )


@pytest.mark.parametrize("case", [a_case(a_copy(60)), a_case(NOTHING)])
def test_what_is_well_before_a_backup_stays_so_while_it_runs(case: Case) -> None:
    assert said(replace(case, job=runs())) == said(case)


# ----- unknown


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (a_case(data=[a_data()]), "it is said to have data, but no copies can be looked at from here"),
        (a_case(claim=a_claim()), "it is said to have data, but no copies can be looked at from here"),
        (
            a_case(claim=a_claim(), job=a_job(DONE, HOUR)),
            "rsync says that its last backup ended well 60 min ago, but no copies can be looked at from here",
        ),
        (
            a_case(data=[a_data()], job=a_job(DONE, None, source="mysql")),
            "mysql says that its last backup ended well, but no copies can be looked at from here",
        ),
        (a_case(AHEAD), "all copies are dated in the future, so their age says nothing"),
        (a_case(Evidence(unreadable=UNREADABLE)), UNREADABLE),
        (a_case(Evidence(unreadable=UNREADABLE), data=[a_data()], claim=a_claim()), UNREADABLE),
        (a_case(replace(EMPTY, unreadable=UNREADABLE)), UNREADABLE),
        (a_case(replace(AHEAD, unreadable=UNREADABLE)), UNREADABLE),
        (
            a_case(Evidence(lacking=frozenset({"a/1.db"})), data=[a_data(0, path="a/1.db", began=NOW - HOUR)]),
            "no copy is there yet of data that began 60 min ago, wanted within 24 h",
        ),
    ],
)
def test_unknown(case: Case, reason: str) -> None:
    assert said(case) == ("unknown", reason)


def test_a_check_that_tells_nothing_leaves_the_age_to_tell() -> None:
    unsure = replace(USABLE, usable=None, why_not="changed while it was checked")
    assert said(a_case(a_copy(60, check=unsure))) == (
        "ok",
        "the newest copy is 60 s old; it could not be checked: it changed while it was checked",
    )
    for check in (None, USABLE):
        assert said(a_case(a_copy(60, check=check))) == ("ok", "the newest copy is 60 s old")
    for check in (None, USABLE, unsure):
        assert said(a_case(a_copy(OLD, check=check)))[0] == "stale"


def test_copies_that_a_running_or_failed_job_lists_may_not_be_there_yet() -> None:
    for job in (replace(runs(), listed=LISTED), None):
        assert said(a_case(a_copy(60, gone=("a/1.db",)), job=job))[0] == "ok"


# ----- several types


def test_the_worst_status_is_the_one_that_asks_for_most() -> None:
    assert STATUSES == ("failed", "missing", "stale", "in_progress", "unknown", "ok", "no_data")
    for number, status in enumerate(STATUSES):
        assert worst(STATUSES[number:]) == status
        assert worst(reversed(STATUSES[number:])) == status
        assert worst([status]) == status
        assert worst([status, status]) == status


def test_of_nothing_the_worst_is_no_data() -> None:
    assert worst([]) == "no_data"
