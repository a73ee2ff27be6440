# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Claims held against evidence: each status with its reason, and each disagreement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.discrepancies import KINDS
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence, Found
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
from unit.device_builders import DATABASE, NO_TABLES, USABLE, a_case, a_claim, a_copy, a_data, a_job, found

UNREADABLE = "/ethoscope_data/results/007 cannot be read (Permission denied)"
NOTHING = Evidence()
EMPTY = Evidence(empty=1)
AHEAD = Evidence(files=2, size=8192, ahead=2)
OLD = 3 * DAY
LISTED = {"a": ["1.db"]}


def runs(started: float | None = 60) -> Job:
    return a_job(RUNNING, None, started=None if started is None else NOW - started)


def said(case: Case) -> tuple[str, str]:
    judgement = judge(case)
    return judgement.status, judgement.reason


def disagreement(case: Case) -> tuple[tuple[str, str], ...]:
    return judge(case).discrepancies


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
        # a job of which nobody says that it had anything to do
        (a_case(NOTHING, claim=a_claim(), job=a_job(DONE, HOUR)), "no copy is there, but node says 'success'"),
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


@pytest.mark.parametrize(
    ("evidence", "data"),
    [
        (a_copy(OLD, found=found(OLD, 4096)), a_data(OLD, size=4096, path=DATABASE)),
        (a_copy(OLD, found=found(OLD, 5000)), a_data(5 * DAY, size=4096, path=DATABASE)),
        # neither its place nor its size is known: what counts is the newest copy
        (a_copy(OLD), a_data(OLD, path=None)),
    ],
)
def test_an_old_copy_of_a_device_with_nothing_newer_is_ok(evidence: Evidence, data: object) -> None:
    assert said(a_case(evidence, data=[data])) == ("ok", "the device has nothing newer than the copy of 3 d ago")


def test_it_is_the_newest_data_that_counts() -> None:
    data = [a_data(9 * DAY), a_data(OLD - HOUR), a_data(5 * DAY)]
    assert said(a_case(a_copy(OLD), data=data))[0] == "stale"
    assert said(a_case(a_copy(OLD - HOUR), data=data))[0] == "ok"


@pytest.mark.parametrize(
    ("evidence", "data", "why"),
    [
        (a_copy(OLD), a_data(OLD - 1), "the device has newer data"),
        (a_copy(OLD, found=found(OLD)), a_data(OLD - 1, path=DATABASE), "the device has newer data"),
        (a_copy(OLD, found=found(OLD)), a_data(OLD, growing=True), "the device is writing"),
        # the newest file is a copy of something else
        (a_copy(OLD, found=found(4 * DAY)), a_data(OLD, path=DATABASE), "the device has newer data"),
        (a_copy(OLD, found=Found(False)), a_data(OLD, path=DATABASE), "the device's newest data has no copy"),
        (
            a_copy(OLD, found=found(OLD, 4095)),
            a_data(OLD, path=DATABASE, size=4096),
            "the copy of the newest data has 4095 of 4096 bytes",
        ),
        # a device that doesn't say how old its data is
        (a_copy(OLD), a_data(NOW), "it is not known whether the device has newer data"),
    ],
)
def test_an_old_copy_of_a_device_that_may_have_more_is_stale(evidence: Evidence, data: object, why: str) -> None:
    assert said(a_case(evidence, data=[data])) == ("stale", f"the newest copy is 3 d old, wanted 24 h; {why}")


def test_data_of_no_known_age_may_be_the_newest() -> None:
    """Of a device whose clock stood still, or whose answer lacks a date."""
    known = a_data(5 * DAY)
    assert said(a_case(a_copy(OLD), data=[known]))[0] == "ok"
    assert said(a_case(a_copy(OLD), data=[known, a_data(NOW)]))[0] == "stale"


def test_a_device_that_is_writing_is_so_whatever_its_other_data_is_dated() -> None:
    """Its clock was years ahead, made a database, and was put right."""
    ahead = a_data(-900 * DAY, path=DATABASE)
    evidence = a_copy(OLD, found=found(-900 * DAY))
    assert said(a_case(evidence, data=[ahead]))[0] == "ok"
    assert said(a_case(evidence, data=[ahead, a_data(0, growing=True)])) == (
        "stale",
        "the newest copy is 3 d old, wanted 24 h; the device is writing",
    )


@pytest.mark.parametrize(
    "case",
    [
        a_case(a_copy(OLD), job=a_job(DONE, HOUR)),
        a_case(a_copy(OLD), job=a_job(DONE, HOUR, listed=LISTED)),
        a_case(a_copy(OLD), VIDEO, job=a_job(DONE, HOUR, VIDEO), data=[a_data(0, VIDEO, growing=True)]),
        a_case(a_copy(OLD, found=found(OLD)), job=a_job(DONE, HOUR), data=[a_data(0, growing=True, path=DATABASE)]),
        a_case(a_copy(OLD, found=found(OLD)), job=a_job(DONE, HOUR), data=[a_data(OLD, path=DATABASE)]),
        # of copies that are dated in the future only the job tells anything
        a_case(AHEAD, job=a_job(DONE, HOUR)),
        a_case(a_copy(OLD, unreadable=UNREADABLE), job=a_job(DONE, HOUR)),
    ],
)
def test_a_proven_sync_is_ok(case: Case) -> None:
    assert said(case) == ("ok", "the last backup ended well 60 min ago, and its copies are there")


@pytest.mark.parametrize(("ended", "ago"), [(DAY, "24 h"), (0, "0 s"), (-30, "0 s"), (-HOUR, "0 s")])
def test_a_sync_counts_up_to_its_age(ended: float, ago: str) -> None:
    assert said(a_case(a_copy(OLD), job=a_job(DONE, ended))) == (
        "ok",
        f"the last backup ended well {ago} ago, and its copies are there",
    )


@pytest.mark.parametrize(
    ("evidence", "job", "more"),
    [
        (a_copy(OLD), a_job(DONE, DAY + 1), {}),
        (a_copy(OLD), a_job(DONE, None), {}),
        # the clock of its host was years ahead
        (a_copy(OLD), a_job(DONE, -HOUR - 1), {}),
        (a_copy(OLD, gone=("a/1.db",)), a_job(DONE, HOUR, listed=LISTED), {}),
        (a_copy(OLD), a_job(DONE, HOUR), {"data": [a_data(OLD - 1)]}),
        (a_copy(OLD, found=Found(False)), a_job(DONE, HOUR), {"data": [a_data(0, growing=True, path=DATABASE)]}),
        (a_copy(OLD, found=found(OLD, 1)), a_job(DONE, HOUR), {"data": [a_data(OLD, size=2, path=DATABASE)]}),
    ],
)
def test_a_sync_that_proves_nothing_leaves_an_old_copy_stale(
    evidence: Evidence, job: Job, more: dict[str, Any]
) -> None:
    assert said(a_case(evidence, job=job, **more))[0] == "stale"


# ----- stale


def test_without_a_service_only_the_age_is_known() -> None:
    assert said(a_case(a_copy(DAY + 60), asked=False)) == ("stale", "the newest copy is 24 h old, wanted 24 h")


def test_a_service_that_lists_no_data_leaves_open_what_the_device_has() -> None:
    assert said(a_case(a_copy(9 * DAY), VIDEO, max_age=7 * DAY)) == (
        "stale",
        "the newest copy is 9 d old, wanted 7 d; it is not known whether the device has newer data",
    )


def test_data_without_a_copy_for_longer_than_a_copy_may_be_old_is_stale_beside_young_copies() -> None:
    """A backup of one experiment says nothing of another one that was never copied."""
    young = a_data(HOUR, path="a/2.db", began=NOW - HOUR)
    old = a_data(5 * DAY, path="a/1.db", began=NOW - 5 * DAY)
    evidence = a_copy(60, found=found(60), lacking=frozenset({"a/1.db"}))
    assert said(a_case(a_copy(60, found=found(60)), data=[young, old]))[0] == "ok"
    assert said(a_case(evidence, data=[young, old])) == ("stale", "1 of 2 databases of the device have no copy")
    assert said(a_case(evidence, data=[old])) == ("stale", "the device's newest data has no copy")
    assert said(a_case(replace(evidence, lacking=frozenset({"a/2.db"})), data=[young, old]))[0] == "ok"


def test_data_may_be_without_a_copy_for_as_long_as_a_copy_may_be_old() -> None:
    evidence = a_copy(60, lacking=frozenset({"a/1.db"}))
    for began, status in ((DAY, "ok"), (DAY + 1, "stale")):
        data = a_data(0, growing=True, path="a/1.db", began=NOW - began)
        assert said(a_case(evidence, data=[data]))[0] == status


def test_of_several_without_a_copy_the_newest_is_named() -> None:
    young, old = a_data(2 * DAY, path="a/2.db"), a_data(5 * DAY, path="a/1.db")
    evidence = a_copy(60, lacking=frozenset({"a/1.db", "a/2.db"}))
    assert said(a_case(evidence, data=[young, old])) == ("stale", "the device's newest data has no copy")
    assert said(a_case(evidence, data=[a_data(DAY), young, old])) == (
        "stale",
        "2 of 3 databases of the device have no copy",
    )


def test_a_backup_that_ended_well_and_left_data_without_a_copy_is_told() -> None:
    case = a_case(
        a_copy(60, lacking=frozenset({"a/1.db"})),
        job=a_job(DONE, HOUR),
        data=[a_data(DAY), a_data(5 * DAY, path="a/1.db", began=NOW - 5 * DAY)],
    )
    assert disagreement(case) == (
        (
            "completed_but_older",
            "1 of 2 databases of the device have no copy, but rsync says that its backup ended well",
        ),
    )


def test_data_without_a_copy_in_a_folder_that_cannot_be_read_may_have_one() -> None:
    old = a_data(5 * DAY, path="a/1.db", began=NOW - 5 * DAY)
    evidence = a_copy(60, lacking=frozenset({"a/1.db"}), unreadable=UNREADABLE)
    assert said(a_case(evidence, data=[old]))[0] == "ok"


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
        (a_case(NOTHING, data=[a_data()], job=runs(None)), "no copy is there"),
        (a_case(NOTHING, data=[a_data()], job=runs(-30)), "no copy is there"),
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
        (a_case(a_copy(OLD, unreadable=UNREADABLE)), UNREADABLE),
        (a_case(replace(AHEAD, unreadable=UNREADABLE)), UNREADABLE),
    ],
)
def test_unknown(case: Case, reason: str) -> None:
    assert said(case) == ("unknown", reason)


def test_a_check_that_tells_nothing_leaves_the_age_to_tell() -> None:
    unsure = replace(USABLE, usable=None, why_not="changed while it was checked")
    for check in (None, USABLE, unsure):
        assert said(a_case(a_copy(60, check=check)))[0] == "ok"
        assert said(a_case(a_copy(OLD, check=check)))[0] == "stale"


# ----- disagreements


@pytest.mark.parametrize(
    ("case", "kind", "message"),
    [
        (a_case(NOTHING, claim=a_claim()), "claimed_but_missing", "no copy is there, but node says 'success'"),
        (
            a_case(EMPTY, claim=a_claim(), job=a_job(DONE, HOUR, listed=LISTED)),
            "claimed_but_missing",
            "no copy with content is there, but node says 'success' and rsync says that its backup ended well",
        ),
        (
            a_case(NOTHING, job=a_job(DONE, HOUR, MYSQL, source="mysql"), data=[a_data(kind=MYSQL)]),
            "claimed_but_missing",
            "no copy is there, but mysql says that its backup ended well",
        ),
        (
            a_case(a_copy(60), claim=a_claim("not_available")),
            "there_but_unclaimed",
            "1 copy there, but node says 'not_available'",
        ),
        (
            a_case(a_copy(60, files=3), claim=a_claim("offline")),
            "there_but_unclaimed",
            "3 copies there, but node says 'offline'",
        ),
        (
            a_case(a_copy(OLD), job=a_job(DONE, HOUR), data=[a_data(2 * DAY)]),
            "completed_but_older",
            "the device has newer data, but rsync says that its backup ended well",
        ),
        (
            a_case(
                a_copy(60, found=Found(False)),
                job=a_job(DONE, HOUR),
                data=[a_data(0, growing=True, path=DATABASE)],
            ),
            "completed_but_older",
            "the device's newest data has no copy, but rsync says that its backup ended well",
        ),
        (
            a_case(a_copy(60, found=found(60, 1)), job=a_job(DONE, HOUR), data=[a_data(size=2, path=DATABASE)]),
            "completed_but_older",
            "the copy of the newest data has 1 of 2 bytes, but rsync says that its backup ended well",
        ),
        (
            a_case(a_copy(60, check=NO_TABLES), claim=a_claim()),
            "completed_but_unusable",
            (
                "the newest copy has no tables: its rows were in the -wal file, which is not copied, "
                "but node says 'success'"
            ),
        ),
        (
            a_case(a_copy(60, check=NO_TABLES), job=a_job(DONE, HOUR)),
            "completed_but_unusable",
            "the newest copy has no tables: its rows were in the -wal file, which is not copied",
        ),
        (
            a_case(a_copy(60, gone=("a/1.db",)), job=a_job(DONE, HOUR, listed=LISTED)),
            "listed_but_missing",
            "rsync lists copies that are not there: 1.db",
        ),
        (
            a_case(
                a_copy(60, gone=("a/\n\x1b.db", "a/2.db", "b/3.db", "b/4.db", "c/5.db")),
                job=a_job(FAILED, HOUR, listed=LISTED),
            ),
            "listed_but_missing",
            "rsync lists copies that are not there: .db, 2.db, 3.db and 2 more",
        ),
        (a_case(a_copy(60, ahead=1)), "dated_ahead", "1 copy dated in the future"),
        (a_case(AHEAD), "dated_ahead", "2 copies dated in the future"),
    ],
)
def test_a_disagreement(case: Case, kind: str, message: str) -> None:
    assert disagreement(case) == ((kind, message),)


def test_several_disagreements_are_told_in_their_order() -> None:
    case = a_case(
        a_copy(OLD, check=NO_TABLES, gone=("a/1.db",), ahead=2),
        claim=a_claim(),
        job=a_job(DONE, HOUR, listed=LISTED),
        data=[a_data(DAY)],
    )
    kinds = [kind for kind, _message in disagreement(case)]
    assert kinds == ["completed_but_unusable", "completed_but_older", "listed_but_missing", "dated_ahead"]
    assert set(kinds) < set(KINDS)


@pytest.mark.parametrize(
    "case",
    [
        # nobody looked
        a_case(claim=a_claim(), job=a_job(DONE, HOUR, listed=LISTED), data=[a_data()]),
        # nobody claims
        a_case(NOTHING, data=[a_data()]),
        a_case(a_copy(60)),
        a_case(a_copy(60, check=NO_TABLES)),
        a_case(a_copy(60, check=NO_TABLES), job=a_job(FAILED, HOUR)),
        a_case(NOTHING, claim=a_claim("not_available"), job=a_job(DONE, HOUR)),
        # claimed, and there
        a_case(a_copy(60, check=USABLE), claim=a_claim(), job=a_job(DONE, HOUR, listed=LISTED), data=[a_data()]),
        # the device lists it, whatever the page says
        a_case(a_copy(60), claim=a_claim("offline"), data=[a_data()]),
        # it may be there: not all can be read
        a_case(Evidence(unreadable=UNREADABLE), claim=a_claim(), job=a_job(DONE, HOUR, listed=LISTED)),
        # no backup claims to have ended well
        a_case(a_copy(OLD), job=a_job(FAILED, HOUR), data=[a_data(DAY)]),
        a_case(a_copy(OLD), job=runs(), data=[a_data(DAY)]),
        # what is being written is always a little newer
        a_case(a_copy(HOUR, found=found(HOUR)), job=a_job(DONE, HOUR), data=[a_data(0, growing=True, path=DATABASE)]),
    ],
)
def test_no_disagreement(case: Case) -> None:
    assert disagreement(case) == ()


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
