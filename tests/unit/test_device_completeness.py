# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the copies hold what the device is known to have, and what shows that they do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence, Found
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import DONE, Job
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import judge
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, VIDEO
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import DATABASE, USABLE, a_case, a_copy, a_data, a_job, found

UNREADABLE = "/ethoscope_data/results/007 cannot be read (Permission denied)"
AHEAD = Evidence(files=2, size=8192, ahead=2)
COMPLETE = replace(USABLE, complete=True)
OLD = 3 * DAY
LISTED = {"a": ["1.db"]}


def said(case: Case) -> tuple[str, str]:
    judgement = judge(case)
    return judgement.status, judgement.reason


# ----- nothing newer


@pytest.mark.parametrize(
    ("evidence", "data"),
    [
        (a_copy(OLD, found=found(OLD, 4096)), a_data(OLD, size=4096, path=DATABASE)),
        (a_copy(OLD, found=found(OLD, 5000)), a_data(5 * DAY, size=4096, path=DATABASE)),
        # neither its place nor its size is known: what counts is the newest copy
        (a_copy(OLD), a_data(OLD, path=None)),
        # its size is not known, but its rows are
        (a_copy(OLD, found=found(OLD), check=COMPLETE), a_data(OLD, MYSQL, path=DATABASE)),
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
        (a_copy(OLD), a_data(OLD, growing=True), "the device is writing"),
        # the newest file is a copy of something else
        (a_copy(OLD, found=found(4 * DAY)), a_data(OLD, path=DATABASE), "the device has newer data"),
        (
            a_copy(OLD, found=found(OLD, 4095)),
            a_data(OLD, path=DATABASE, size=4096),
            "the copy of the newest data has 4095 of 4096 bytes",
        ),
        # a copy made from MySQL is of another size than its source, so that says nothing
        (
            a_copy(OLD, found=found(OLD), check=USABLE),
            a_data(OLD, MYSQL, path=DATABASE),
            "it is not known whether the copy is complete",
        ),
        (
            a_copy(OLD, found=found(OLD), check=replace(USABLE, short="has 1 of 2 rows of ROI_1")),
            a_data(OLD, path=DATABASE, size=4096),
            "the copy has 1 of 2 rows of ROI_1",
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
    ahead = a_data(-900 * DAY, path=DATABASE, size=4096)
    evidence = a_copy(OLD, found=found(-900 * DAY))
    assert said(a_case(evidence, data=[ahead]))[0] == "ok"
    writing = a_data(0, growing=True, began=NOW - HOUR)
    assert said(a_case(a_copy(OLD), data=[ahead, writing])) == (
        "stale",
        "the newest copy is 3 d old, wanted 24 h; the device is writing",
    )


def test_a_device_that_told_that_it_has_none_has_nothing_newer() -> None:
    assert said(a_case(a_copy(OLD), told_none=True)) == ("ok", "the device has nothing newer than the copy of 3 d ago")
    assert said(a_case(replace(a_copy(OLD), unreadable=UNREADABLE), told_none=True))[0] == "ok"


# ----- a proven sync


@pytest.mark.parametrize(
    "case",
    [
        a_case(a_copy(OLD), job=a_job(DONE, HOUR)),
        a_case(a_copy(OLD), job=a_job(DONE, HOUR, listed=LISTED)),
        a_case(a_copy(OLD), VIDEO, job=a_job(DONE, HOUR, VIDEO), data=[a_data(0, VIDEO, growing=True)]),
        a_case(a_copy(OLD, found=found(HOUR)), job=a_job(DONE, HOUR), data=[a_data(0, growing=True, path=DATABASE)]),
        a_case(a_copy(OLD, found=found(OLD)), job=a_job(DONE, HOUR), data=[a_data(OLD, path=DATABASE)]),
        a_case(a_copy(OLD, check=USABLE), job=a_job(DONE, HOUR), checked=True),
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
        (a_copy(OLD), a_job(DONE, HOUR), {"data": [a_data(OLD - 1)]}),
        (a_copy(OLD, found=Found(False)), a_job(DONE, HOUR), {"data": [a_data(0, growing=True, path=DATABASE)]}),
        (a_copy(OLD, found=found(OLD, 1)), a_job(DONE, HOUR), {"data": [a_data(OLD, size=2, path=DATABASE)]}),
        (a_copy(OLD, found=found(OLD)), a_job(DONE, HOUR), {"data": [a_data(0, growing=True, path=DATABASE)]}),
        (
            a_copy(OLD, found=found(OLD), check=replace(USABLE, short="has 1 of 2 rows of ROI_1")),
            a_job(DONE, HOUR),
            {"data": [a_data(OLD, path=DATABASE)]},
        ),
        # the copies were to be opened, and the newest one wasn't
        (a_copy(OLD), a_job(DONE, HOUR), {"checked": True}),
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


def test_an_old_copy_beside_which_others_may_be_is_stale() -> None:
    assert said(a_case(a_copy(OLD, unreadable=UNREADABLE), asked=False)) == (
        "stale",
        f"the newest copy is 3 d old, wanted 24 h; {UNREADABLE}",
    )


# ----- data that should have a copy


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


def test_data_without_a_copy_in_a_folder_that_cannot_be_read_may_have_one() -> None:
    old = a_data(5 * DAY, path="a/1.db", began=NOW - 5 * DAY)
    evidence = a_copy(60, lacking=frozenset({"a/1.db"}), unreadable=UNREADABLE)
    assert said(a_case(evidence, data=[old]))[0] == "ok"
    assert said(a_case(replace(evidence, lacking=frozenset(), found=Found(False)), data=[old]))[0] == "ok"


def test_a_copy_of_the_newest_data_without_content_is_none_whatever_else_was_copied() -> None:
    evidence = a_copy(60, found=Found(False))
    for growing in (True, False):
        data = a_data(0, growing=growing, path=DATABASE, began=NOW - DAY - 1)
        assert said(a_case(evidence, data=[data])) == ("stale", "the device's newest data has no copy")
        assert said(a_case(evidence, data=[replace(data, began=NOW - HOUR)]))[0] == "ok"


@pytest.mark.parametrize(("began", "status"), [(-HOUR, "ok"), (-HOUR - 1, "stale"), (-900 * DAY, "stale")])
def test_data_of_a_device_whose_clock_is_years_ahead_needs_a_copy_now(began: float, status: str) -> None:
    data = a_data(0, growing=True, path="a/1.db", began=NOW - began)
    for evidence in (a_copy(60, lacking=frozenset({"a/1.db"})), a_copy(60, found=Found(False))):
        assert said(a_case(evidence, data=[data]))[0] == status
    bare = Evidence(lacking=frozenset({"a/1.db"}))
    assert said(a_case(bare, data=[data]))[0] == ("unknown" if status == "ok" else "missing")


@pytest.mark.parametrize(("age", "status"), [(DAY, "ok"), (DAY + 1, "stale")])
def test_the_copy_of_what_grows_must_not_be_old_however_young_others_are(age: float, status: str) -> None:
    data = a_data(0, growing=True, path=DATABASE)
    found_status, reason = said(a_case(a_copy(60, found=found(age)), data=[data]))
    assert found_status == status
    if status == "stale":
        assert reason == "the device is writing, and the copy of that is 24 h old, wanted 24 h"


def test_data_that_began_lately_leaves_the_rest_to_be_judged() -> None:
    """It may do without a copy; then what is older is the newest that must have one."""
    young = a_data(0, growing=True, path="a/2.db", began=NOW - HOUR)
    old = a_data(5 * DAY, path="a/1.db", size=4096, began=NOW - 5 * DAY)
    lacking = frozenset({"a/2.db"})
    assert said(a_case(a_copy(5 * DAY, found=found(5 * DAY), lacking=lacking), data=[young, old]))[0] == "ok"
    assert said(a_case(a_copy(5 * DAY, found=found(5 * DAY, 1), lacking=lacking), data=[young, old]))[0] == "stale"
    assert said(a_case(a_copy(5 * DAY, lacking=lacking), data=[young]))[0] == "ok"
