# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Claims held against evidence: the status of one type of one device. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import AHEAD, Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.completeness import doubt, overdue, shortfall
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.discrepancies import (
    discrepancies,
    first_gone,
    said,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import DONE, FAILED, RUNNING, SKIPPED

FAILED_STATUS = "failed"
MISSING = "missing"
STALE = "stale"
IN_PROGRESS = "in_progress"
UNKNOWN = "unknown"
OK = "ok"
NO_DATA = "no_data"
STATUSES = (FAILED_STATUS, MISSING, STALE, IN_PROGRESS, UNKNOWN, OK, NO_DATA)
"""Worst first. no_data says that there is nothing to back up; a device is that only when all of its types are."""


@dataclass(frozen=True)
class Judgement:
    """A status with its reason, and what claims and evidence disagree in: kind and sentence."""

    status: str
    reason: str
    discrepancies: tuple[tuple[str, str], ...] = ()


def judge(case: Case) -> Judgement:
    """The status of a type."""
    status, reason = _status(case)
    job = case.job
    if job is not None and job.state == RUNNING and status in (FAILED_STATUS, MISSING, STALE, UNKNOWN):
        since = None if job.started is None else case.now - job.started
        if since is None or since < -AHEAD:
            reason = f"{reason}; a backup is said to be running, but not since when"
        elif since <= case.max_age:
            status, reason = IN_PROGRESS, f"a backup is running; before it: {reason}"
        else:
            reason = f"{reason}; a backup is said to be running for {format_duration(since)}"
    return Judgement(status, reason, tuple(discrepancies(case)))


def _status(case: Case) -> tuple[str, str]:
    evidence, job = case.evidence, case.job
    there = evidence is not None and bool(evidence.files or evidence.empty or evidence.unfinished)
    tried = job is not None and job.state == FAILED
    if not there and not case.claimed and not tried:
        if evidence is not None and evidence.unreadable:
            return UNKNOWN, evidence.unreadable
        return NO_DATA, "no data and no copies are known"
    failure = _failure(case)
    if failure is not None:
        return FAILED_STATUS, failure
    if evidence is None:
        return UNKNOWN, _unseen(case)
    if not evidence.files:
        return _without_copies(case, evidence)
    if evidence.gone and job is not None and job.state == DONE:
        return MISSING, f"{job.source} lists copies that are not there: {first_gone(evidence.gone)}"
    return _by_age(case, evidence)


def _failure(case: Case) -> str | None:
    evidence, job = case.evidence, case.job
    if job is not None and job.state in (FAILED, SKIPPED):
        failed = job.state == FAILED
        what = "the last backup failed" if failed else "the last backup was not tried, since another failed"
        return f"{what}{_ago(job.ended, case.now)}{f' ({cell(job.message)})' if job.message else ''}{_besides(case)}"
    if evidence is None:
        return None
    if evidence.check is not None and evidence.check.usable is False:
        return f"the newest copy {evidence.check.why_not}"
    return _nothing_in_them(evidence) if not evidence.files and not evidence.unreadable else None


def _nothing_in_them(evidence: Evidence) -> str | None:
    """That there is nothing but empty copies, and such that rsync didn't finish."""
    if evidence.unfinished:
        return f"{counted(evidence.unfinished, 'copy', 'copies')} unfinished, as rsync leaves one that was interrupted"
    if not evidence.empty:
        return None
    return "the only copy is empty (0 bytes)" if evidence.empty == 1 else "all copies are empty (0 bytes)"


def _without_copies(case: Case, evidence: Evidence) -> tuple[str, str]:
    if evidence.unreadable:
        return UNKNOWN, evidence.unreadable
    if case.data and not case.due:
        begun = format_duration(case.now - min(one.began for one in case.data))
        return UNKNOWN, f"no copy is there yet of data that began {begun} ago, wanted within {_limit(case)}"
    return MISSING, f"no copy is there{said(case)}"


def _by_age(case: Case, evidence: Evidence) -> tuple[str, str]:
    """Copies with content are there, and nothing is known to have failed."""
    age = None if evidence.newest is None else max(0.0, case.now - evidence.newest)
    late = overdue(case, evidence)
    if late:
        return STALE, late
    good = _proof(case, evidence, age)
    if good is not None:
        return OK, f"{good}{_unchecked(evidence)}"
    if age is None:
        return UNKNOWN, evidence.unreadable or "all copies are dated in the future, so their age says nothing"
    parts = [
        f"the newest copy is {format_duration(age)} old, wanted {_limit(case)}",
        doubt(case, evidence),
        evidence.unreadable,
    ]
    return STALE, "; ".join(part for part in parts if part)


def _proof(case: Case, evidence: Evidence, age: float | None) -> str | None:
    """What shows that the copies are good enough: they are young, a backup ended well, or nothing newer is there."""
    if age is not None and age <= case.max_age:
        return f"the newest copy is {format_duration(age)} old"
    job = case.job
    seen = evidence.check is not None or not case.checked
    if job is not None and job.state == DONE and job.ended is not None and seen and not shortfall(case, evidence):
        since = case.now - job.ended
        if -AHEAD <= since <= case.max_age:
            return f"the last backup ended well {format_duration(max(0.0, since))} ago, and its copies are there"
    if age is not None and doubt(case, evidence) is None:
        return f"the device has nothing newer than the copy of {format_duration(age)} ago"
    return None


def _unchecked(evidence: Evidence) -> str:
    check = evidence.check
    return f"; it could not be checked: it {check.why_not}" if check is not None and check.usable is None else ""


def _unseen(case: Case) -> str:
    job = case.job
    if job is not None and job.state == DONE:
        ended = _ago(job.ended, case.now)
        return f"{job.source} says that its last backup ended well{ended}, but no copies can be looked at from here"
    return "it is said to have data, but no copies can be looked at from here"


def _besides(case: Case) -> str:
    evidence = case.evidence
    if evidence is None:
        return ""
    if evidence.newest is None:
        return "" if evidence.unreadable or evidence.files else f"; {_nothing_in_them(evidence) or 'no copy is there'}"
    return f"; the newest copy is {format_duration(case.now - evidence.newest)} old"


def _ago(when: float | None, now: float) -> str:
    return "" if when is None else f" {format_duration(max(0.0, now - when))} ago"


def _limit(case: Case) -> str:
    return format_duration(case.max_age)


def worst(statuses: Iterable[str]) -> str:
    """The worst of several; no_data where there are none."""
    return min(statuses, key=STATUSES.index, default=NO_DATA)
