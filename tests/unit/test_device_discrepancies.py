# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what claims and copies disagree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.discrepancies import KINDS
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence, Found
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import DONE, FAILED, RUNNING
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import judge
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, VIDEO
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import DATABASE, NO_TABLES, USABLE, a_case, a_claim, a_copy, a_data, a_job, found

UNREADABLE = "/ethoscope_data/results/007 cannot be read (Permission denied)"
NOTHING = Evidence()
EMPTY = Evidence(empty=1)
AHEAD = Evidence(files=2, size=8192, ahead=2)
OLD = 3 * DAY
LISTED = {"a": ["1.db"]}


def disagreement(case: Case) -> tuple[tuple[str, str], ...]:
    return judge(case).discrepancies


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
        # the page says success of the videos of devices that have none, too
        (
            a_case(NOTHING, VIDEO, claim=a_claim(kind=VIDEO, count=326, size=0)),
            "claimed_but_empty",
            "no copy is there, but node says 'success'",
        ),
        (
            a_case(NOTHING, VIDEO, claim=a_claim(kind=VIDEO, count=326, size=1)),
            "claimed_but_missing",
            "no copy is there, but node says 'success'",
        ),
        (
            a_case(a_copy(60), claim=a_claim("not_available")),
            "there_but_unclaimed",
            "1 copy there, but node says 'not_available'",
        ),
        (
            a_case(a_copy(60, files=3), claim=a_claim("unknown")),
            "there_but_unclaimed",
            "3 copies there, but node says 'unknown'",
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
            a_case(
                a_copy(60, found=found(60), check=replace(USABLE, lacks="has 1 of 2 rows of ROI_1")),
                job=a_job(DONE, HOUR),
                data=[a_data(path=DATABASE)],
            ),
            "completed_but_older",
            "the copy has 1 of 2 rows of ROI_1, but rsync says that its backup ended well",
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
    assert kinds == ["completed_but_unusable", "listed_but_missing", "dated_ahead"]
    behind = replace(case, evidence=a_copy(OLD, check=USABLE, gone=("a/1.db",), ahead=2))
    others = [kind for kind, _message in disagreement(behind)]
    assert others == ["completed_but_older", "listed_but_missing", "dated_ahead"]
    assert {*kinds, *others} < set(KINDS)


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
        # of an offline device the node doesn't know
        a_case(a_copy(60, files=3), claim=a_claim("offline")),
        # the device lists it, whatever the page says
        a_case(a_copy(60), claim=a_claim("offline"), data=[a_data()]),
        # it may be there: not all can be read
        a_case(Evidence(unreadable=UNREADABLE), claim=a_claim(), job=a_job(DONE, HOUR, listed=LISTED)),
        # no backup claims to have ended well
        a_case(a_copy(OLD), job=a_job(FAILED, HOUR), data=[a_data(DAY)]),
        a_case(a_copy(OLD), job=a_job(RUNNING, None, started=NOW - 60.0), data=[a_data(DAY)]),
        # what is being written is always a little newer
        a_case(a_copy(HOUR, found=found(HOUR)), job=a_job(DONE, HOUR), data=[a_data(0, growing=True, path=DATABASE)]),
    ],
)
def test_no_disagreement(case: Case) -> None:
    assert disagreement(case) == ()


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
