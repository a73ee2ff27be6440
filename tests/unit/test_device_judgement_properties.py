# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of the judgement on any type of any device, whatever is known of it."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.discrepancies import KINDS
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence, Found
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Data,
    Job,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import (
    IN_PROGRESS,
    NO_DATA,
    OK,
    STATUSES,
    judge,
)
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import DEVICE, NO_TABLES, TYPES, USABLE, a_claim, a_data, a_job

_CHOICES = random.Random(20261121)  # the parts are made beforehand and only chosen from, which is much faster
_AGES = (-2 * DAY, -HOUR - 1, -HOUR, -30, 0, 60, HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY, 90 * DAY)
_SIZES = (0, 1, 4096, 73728)
_CHECKS = (
    None,
    USABLE,
    replace(USABLE, complete=True),
    replace(USABLE, lacks="has 1 of 2 rows of ROI_1, which the device has"),
    replace(USABLE, usable=None, why_not="is too new"),
    NO_TABLES,
)

AGES = st.sampled_from(_AGES)
SIZES = st.sampled_from(_SIZES)


def _one_of(*choices: Any) -> Any:
    return _CHOICES.choice(choices)


def _evidence(files: int, *, dated: bool) -> Evidence:
    """What a look at the trees can give: only copies with content have a size, and only dated ones a time and a check.

    ``dated``: there is one with a believable time.
    """
    ahead = 0 if dated else _CHOICES.randint(0, min(files, 2))
    newest = files > ahead
    return Evidence(
        files=files,
        size=files * 4096,
        empty=_one_of(0, 0, 1, 2),
        ahead=ahead,
        newest=NOW - max(-HOUR, _one_of(*_AGES)) if newest else None,
        unfinished=_one_of(0, 0, 0, 1),
        unreadable=_one_of(None, None, None, "/r/a cannot be read (Permission denied)"),
        check=_one_of(*_CHECKS) if newest else None,
        found=_one_of(None, Found(False), Found(True, _one_of(*_SIZES) + 1, NOW - _one_of(*_AGES))),
        lacking=_one_of(frozenset(), frozenset({"a/1.db"})),
        gone=_one_of((), (), ("a/1.db",)),
    )


def _data(*, growing: bool) -> Data:
    age = _one_of(*_AGES)
    path = _one_of(None, "a/1.db", "a/2.db")
    return a_data(age, growing=growing, path=path, size=_one_of(*_SIZES), began=NOW - age)


def _job(state: str) -> Job:
    ended = None if state == RUNNING else _one_of(None, *_AGES)
    started = _one_of(None, *(NOW - age for age in _AGES))
    return a_job(state, ended, started=started, listed=_one_of({}, {"a": ["1.db"]}))


def evidences(files: tuple[int, ...] = (0, 1, 1, 2, 300), *, dated: bool = False) -> st.SearchStrategy[Evidence]:
    """Any evidence with so many copies."""
    return st.sampled_from([_evidence(number, dated=dated) for number in files for _time in range(100)])


def data(*growing: bool) -> st.SearchStrategy[Data]:
    """Any data that is growing, or not."""
    return st.sampled_from([_data(growing=one) for one in growing for _time in range(100)])


def jobs(*states: str) -> st.SearchStrategy[Job]:
    """Any job in one of these states."""
    return st.sampled_from([_job(state) for state in states for _time in range(50)])


CLAIMS = [
    a_claim(status, size=size)
    for status in ("success", "success", "not_available", "offline", "unknown")
    for size in (None, 0, 4096)
]
ANY: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(TYPES),
    "evidence": evidences(),
    "data": st.lists(data(True, False), max_size=2),
    "claim": st.sampled_from([None, *CLAIMS]),
    "job": st.one_of(st.none(), jobs(DONE, DONE, RUNNING, FAILED, SKIPPED)),
    "max_age": st.sampled_from([0, 60, DAY, 7 * DAY]),
    "now": st.just(float(NOW)),
    "asked": st.booleans(),
    "told_none": st.sampled_from([False, False, True]),
    "checked": st.booleans(),
}


def cases(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Case]:
    """Any case whose trees were looked at, some parts of which are of a kind."""
    return st.builds(Case, **{**ANY, **parts})


SEEN = cases()
DATED = cases(evidence=evidences((1, 2, 300), dated=True))
WITH_COPIES = cases(evidence=evidences((1, 2)))
CASES = st.one_of(SEEN, SEEN, cases(evidence=st.none()))


def rank(case: Case) -> int:
    """The place of the status among all; the lower the worse."""
    return STATUSES.index(judge(case).status)


def with_evidence(case: Case, **changes: Any) -> Case:
    """The same with other evidence."""
    assert case.evidence is not None
    return replace(case, evidence=replace(case.evidence, **changes))


def age(case: Case) -> float:
    """How old the newest copy is; without one of a known time for ever."""
    newest = case.evidence.newest if case.evidence else None
    return float("inf") if newest is None else case.now - newest


@given(CASES)
def test_what_is_said_is_of_the_vocabulary_and_has_a_reason(case: Case) -> None:
    judgement = judge(case)
    assert judgement.status in STATUSES
    assert judgement.reason
    assert judgement.reason.isprintable()
    kinds = [kind for kind, _message in judgement.discrepancies]
    assert set(kinds) <= set(KINDS)
    assert len(kinds) == len(set(kinds))
    assert all(message for _kind, message in judgement.discrepancies)


@given(CASES)
def test_nothing_is_ok_without_a_copy_that_has_content(case: Case) -> None:
    if judge(case).status == OK:
        assert case.evidence is not None
        assert case.evidence.files > 0
        assert case.evidence.size > 0


@given(WITH_COPIES)
def test_nothing_is_ok_whose_newest_copy_is_unusable_or_whose_last_backup_failed(case: Case) -> None:
    if judge(case).status == OK:
        check = case.evidence.check if case.evidence else None
        assert check is None or check.usable is not False
        assert case.job is None or case.job.state in (DONE, RUNNING)


@given(WITH_COPIES)
def test_an_old_copy_is_ok_only_with_a_recent_sync_or_a_device_that_tells_what_it_has(case: Case) -> None:
    if judge(case).status == OK and age(case) > case.max_age:
        job = case.job
        recent = (
            job is not None and job.state == DONE and job.ended is not None and case.now - job.ended <= case.max_age
        )
        assert recent or case.told_none or (case.data and not any(one.growing for one in case.due))


@given(CASES)
def test_without_a_look_at_copies_there_is_no_disagreement(case: Case) -> None:
    assert judge(replace(case, evidence=None)).discrepancies == ()


@given(CASES)
def test_no_data_means_neither_data_nor_copy(case: Case) -> None:
    if judge(case).status == NO_DATA:
        assert not case.data
        seen = case.evidence
        assert seen is None or not (seen.files or seen.empty or seen.unfinished or seen.unreadable)


# ----- what is worse never makes it better


@given(DATED)
def test_a_failed_check_never_makes_it_better(case: Case) -> None:
    assert rank(with_evidence(case, check=NO_TABLES)) <= rank(case)


@given(CASES)
def test_a_failed_backup_is_the_worst_there_is(case: Case) -> None:
    assert rank(replace(case, job=a_job(FAILED))) == 0


@given(DATED, st.sampled_from([1, HOUR, DAY, 90 * DAY]))
def test_an_older_copy_never_makes_it_better(case: Case, by: float) -> None:
    assert case.evidence is not None
    assert case.evidence.newest is not None
    assert rank(with_evidence(case, newest=case.evidence.newest - by)) <= rank(case)


@given(cases(evidence=evidences((1, 2), dated=True)), AGES, SIZES)
def test_a_worse_copy_of_the_newest_data_never_makes_it_better(case: Case, old: float, size: int) -> None:
    copy = Found(True, size, NOW - old)
    before = with_evidence(case, found=copy, unreadable=None)
    for worse in (
        replace(copy, changed=copy.changed - HOUR),
        replace(copy, changed=copy.changed - 90 * DAY),
        replace(copy, size=0),
    ):
        assert rank(with_evidence(before, found=worse)) <= rank(before)


@given(cases(evidence=evidences((1, 2), dated=True)), AGES, SIZES)
def test_a_copy_of_the_newest_data_that_is_not_there_never_makes_it_better(case: Case, old: float, size: int) -> None:
    """Of data that is not so young that it needs none."""
    data = [replace(one, began=NOW - 91.0 * DAY) for one in case.data]
    before = with_evidence(replace(case, data=data), found=Found(True, size, NOW - old), unreadable=None)
    assert rank(with_evidence(before, found=Found(False))) <= rank(before)


@given(cases(evidence=evidences((1, 2)), claim=st.just(a_claim())))
def test_without_its_usable_copies_a_type_that_is_claimed_is_never_better(case: Case) -> None:
    """Where all can be read: else what is not seen may be there."""
    data = [replace(one, began=NOW - 91.0 * DAY) for one in case.data]
    usable = with_evidence(replace(case, data=data), check=USABLE, unreadable=None)
    assert rank(with_evidence(usable, files=0, size=0, ahead=0, newest=None, check=None)) <= rank(usable)


@given(cases(evidence=evidences((0,)), claim=st.just(a_claim())), AGES)
def test_a_copy_never_makes_what_is_missing_worse(case: Case, old: float) -> None:
    data = [replace(one, began=NOW - 91.0 * DAY) for one in case.data]
    bare = with_evidence(replace(case, data=data), unreadable=None)
    assert rank(with_evidence(bare, files=1, size=1, newest=NOW - max(-HOUR, old))) >= rank(bare)


@given(SEEN)
def test_a_copy_that_a_service_lists_and_that_is_not_there_never_makes_it_better(case: Case) -> None:
    assert rank(with_evidence(case, gone=("a/1.db", "a/2.db"))) <= rank(case)


@given(SEEN)
def test_data_without_a_copy_never_makes_it_better(case: Case) -> None:
    """Of data that is not so young that it needs none."""
    before = replace(case, data=[replace(one, began=NOW - 91.0 * DAY) for one in case.data])
    assert rank(with_evidence(before, lacking=frozenset({"a/1.db", "a/2.db"}))) <= rank(before)


@given(cases(job=st.one_of(st.none(), jobs(DONE, FAILED, SKIPPED))), st.sampled_from([0, 60, HOUR]))
def test_a_stricter_age_never_makes_it_better(case: Case, stricter: int) -> None:
    """While a backup runs, what can't be told is in progress, which is the worse of both."""
    assert rank(replace(case, max_age=min(stricter, case.max_age))) <= rank(case)


@given(cases(job=jobs(DONE)), AGES, st.sampled_from([1, DAY, 90 * DAY]))
def test_a_backup_that_ended_well_longer_ago_never_makes_it_better(case: Case, ended: float, by: float) -> None:
    assert case.job is not None
    since = max(0, ended)
    earlier, later = (replace(case, job=replace(case.job, ended=NOW - since - more)) for more in (by, 0))
    assert rank(earlier) <= rank(later)


@given(cases(claim=st.none()))
def test_a_claim_without_a_copy_never_makes_it_better(case: Case) -> None:
    assert rank(replace(case, claim=a_claim())) <= rank(case)


@given(cases(data=st.lists(data(False), min_size=1, max_size=2)))
def test_data_that_is_not_dated_never_makes_it_better(case: Case) -> None:
    """A device that leaves out when its data changed is not better off than one that tells."""
    undated = Data(DEVICE, case.type, 0.0)
    assert rank(replace(case, data=(*case.data, undated))) <= rank(case)


@given(cases(job=st.one_of(st.none(), jobs(RUNNING, FAILED, SKIPPED))))
def test_data_that_grows_never_makes_it_better_without_a_backup(case: Case) -> None:
    assert rank(replace(case, data=(*case.data, a_data(0, growing=True)))) <= rank(case)


@given(cases(job=st.none()), AGES)
def test_a_running_backup_hides_a_status_only_as_in_progress(case: Case, started: float) -> None:
    before = judge(case).status
    now = judge(replace(case, job=a_job(RUNNING, None, started=NOW - started))).status
    assert now == before if before in (OK, NO_DATA) else now in (before, IN_PROGRESS)
