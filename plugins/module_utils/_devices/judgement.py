# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Claims held against evidence: the status of one type of one device. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Claim,
    Data,
    Job,
    newest_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import VIDEO

FAILED_STATUS = "failed"
MISSING = "missing"
STALE = "stale"
IN_PROGRESS = "in_progress"
UNKNOWN = "unknown"
OK = "ok"
NO_DATA = "no_data"
STATUSES = (FAILED_STATUS, MISSING, STALE, IN_PROGRESS, UNKNOWN, OK, NO_DATA)
"""Worst first. no_data says that there is nothing to back up; a device is that only when all of its types are."""

CLAIMED_BUT_MISSING = "claimed_but_missing"
THERE_BUT_UNCLAIMED = "there_but_unclaimed"
COMPLETED_BUT_OLDER = "completed_but_older"
COMPLETED_BUT_UNUSABLE = "completed_but_unusable"
LISTED_BUT_MISSING = "listed_but_missing"
DATED_AHEAD = "dated_ahead"
KINDS = (
    CLAIMED_BUT_MISSING,
    THERE_BUT_UNCLAIMED,
    COMPLETED_BUT_OLDER,
    COMPLETED_BUT_UNUSABLE,
    LISTED_BUT_MISSING,
    DATED_AHEAD,
)
"""Of discrepancies."""

AHEAD = 3600
"""Seconds that a job may seem to have ended in the future before its time says nothing."""
NO_COPY = "the device's newest data has no copy"


@dataclass(frozen=True)
class Case:
    """All that is known of one type of one device. ``evidence`` is None where no tree of the type was looked at.

    ``max_age`` in seconds, ``now`` in epoch seconds. ``asked`` is whether a service that claims backups answered.
    """

    type: str
    evidence: Evidence | None
    data: Sequence[Data]
    claim: Claim | None
    job: Job | None
    max_age: int
    now: float
    asked: bool = False

    @property
    def newest_data(self) -> Data | None:
        """The newest of what the device is known to have."""
        return newest_of(self.data)

    @property
    def claimed(self) -> bool:
        """Whether somebody says that there is something to be backed up, or backed up.

        The node says "available" of videos whenever its rsync job looked for them, so that counts with a size only
        (reference/ethoscope.md, facts 5 to 7).
        """
        by_page = self.claim is not None and self.claim.available and (self.type != VIDEO or bool(self.claim.size))
        return by_page or bool(self.data) or bool(self.job and self.job.listed)


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
        begun = case.now - job.started if job.started else 0.0
        if begun <= case.max_age:
            status, reason = IN_PROGRESS, f"a backup is running; before it: {reason}"
        else:
            reason = f"{reason}; a backup is said to be running for {format_duration(begun)}"
    return Judgement(status, reason, tuple(_discrepancies(case)))


def _status(case: Case) -> tuple[str, str]:
    evidence, job = case.evidence, case.job
    there = evidence is not None and bool(evidence.files or evidence.empty)
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
        if evidence.unreadable:
            return UNKNOWN, evidence.unreadable
        return MISSING, f"no copy is there{_said(case)}"
    return _by_age(case, evidence)


def _failure(case: Case) -> str | None:
    evidence, job = case.evidence, case.job
    if job is not None and job.state in (FAILED, SKIPPED):
        what = (
            "the last backup failed" if job.state == FAILED else "the last backup was not tried, since another failed"
        )
        return f"{what}{_ago(job.ended, case.now)}{f' ({cell(job.message)})' if job.message else ''}{_besides(case)}"
    if evidence is None:
        return None
    if evidence.check is not None and evidence.check.usable is False:
        return f"the newest copy {evidence.check.why_not}"
    return _empties(evidence) if not evidence.files and not evidence.unreadable else None


def _empties(evidence: Evidence) -> str | None:
    """That there is nothing but empty copies."""
    if not evidence.empty:
        return None
    return "the only copy is empty (0 bytes)" if evidence.empty == 1 else "all copies are empty (0 bytes)"


def _by_age(case: Case, evidence: Evidence) -> tuple[str, str]:
    """Copies with content are there, and nothing is known to have failed."""
    proven = _proven(case, evidence)
    age = None if evidence.newest is None else max(0.0, case.now - evidence.newest)
    overdue = _overdue(case, evidence)
    if overdue:
        return STALE, overdue
    if age is not None and age <= case.max_age:
        return OK, f"the newest copy is {format_duration(age)} old"
    if proven is not None:
        return OK, proven
    complete = _complete(case, evidence)
    if complete is None and age is not None:
        return OK, f"the device has nothing newer than the copy of {format_duration(age)} ago"
    if evidence.unreadable:
        return UNKNOWN, evidence.unreadable
    if age is None:
        return UNKNOWN, "all copies are dated in the future, so their age says nothing"
    wanted = f"the newest copy is {format_duration(age)} old, wanted {format_duration(case.max_age)}"
    return STALE, f"{wanted}; {complete}" if complete else wanted


def _overdue(case: Case, evidence: Evidence) -> str | None:
    """What the device has for longer than a copy may be old, without any copy of it; None for nothing."""
    without = [one for one in case.data if one.path in evidence.lacking and case.now - one.began > case.max_age]
    if not without or evidence.unreadable:
        return None
    if len(case.data) == 1 or case.newest_data in without:
        return NO_COPY
    return f"{len(without)} of {len(case.data)} databases of the device have no copy"


def _proven(case: Case, evidence: Evidence) -> str | None:
    """That a backup ended well lately, and what it is to have copied is there."""
    job = case.job
    if job is None or job.state != DONE or job.ended is None or evidence.gone:
        return None
    since = case.now - job.ended
    if not -AHEAD <= since <= case.max_age or _lacking(case, evidence):
        return None
    return f"the last backup ended well {format_duration(max(0.0, since))} ago, and its copies are there"


def _complete(case: Case, evidence: Evidence) -> str | None:
    """None where all that the device is known to have is in the copies, else what is not known of it."""
    data = case.newest_data
    if data is not None and data.growing:
        return "the device is writing"
    if data is None or not all(one.newest for one in case.data):
        return "it is not known whether the device has newer data" if case.asked else ""
    return _incomplete(data, evidence)


def _incomplete(data: Data, evidence: Evidence) -> str | None:
    """What the copy of a device's newest data lacks, None for nothing."""
    found = evidence.found
    if found is not None and not found.there:
        return NO_COPY
    changed = found.changed if found is not None else evidence.newest
    if changed is None or changed < data.newest:
        return "the device has newer data"
    if found is not None and found.size < data.size:
        return f"the copy of the newest data has {found.size} of {data.size} bytes"
    return None


def _lacking(case: Case, evidence: Evidence) -> str | None:
    """What a backup that ended well should have copied, None for nothing; growing data need only have a copy."""
    overdue = _overdue(case, evidence)
    if overdue:
        return overdue
    data = case.newest_data
    if data is None:
        return None
    if data.growing:
        return NO_COPY if evidence.found is not None and not evidence.found.there else None
    return _incomplete(data, evidence)


def _discrepancies(case: Case) -> Iterator[tuple[str, str]]:
    evidence = case.evidence
    if evidence is None:
        return
    completed = case.job is not None and case.job.state == DONE
    if not evidence.files and not evidence.unreadable:
        said = _said(case)
        if said:
            yield CLAIMED_BUT_MISSING, f"no copy{' with content' if evidence.empty else ''} is there{said}"
    elif evidence.files and case.claim is not None and not case.claim.available and not case.data:
        number = counted(evidence.files, "copy", "copies")
        yield THERE_BUT_UNCLAIMED, f"{number} there, but {case.claim.source} says '{case.claim.status}'"
    if evidence.check is not None and evidence.check.usable is False and (completed or _available(case)):
        yield COMPLETED_BUT_UNUSABLE, f"the newest copy {evidence.check.why_not}{_said(case)}"
    lacking = _lacking(case, evidence)
    if completed and evidence.files and lacking:
        yield COMPLETED_BUT_OLDER, f"{lacking}{_said(case)}"
    if evidence.gone and case.job is not None:
        names = listed((cell(path.rpartition("/")[2]) for path in evidence.gone), 3)
        yield LISTED_BUT_MISSING, f"{case.job.source} lists copies that are not there: {names}"
    if evidence.ahead:
        yield DATED_AHEAD, f"{counted(evidence.ahead, 'copy', 'copies')} dated in the future"


def _available(case: Case) -> bool:
    return case.claim is not None and case.claim.available


def _said(case: Case) -> str:
    """``, but node says 'success' and mysql 'completed'``; empty where nobody claims a backup."""
    said = []
    if case.claim is not None and case.claim.available:
        said.append(f"{case.claim.source} says '{case.claim.status}'")
    job = case.job
    if job is not None and job.state == DONE and (case.data or job.listed):
        said.append(f"{job.source} says that its backup ended well")
    return f", but {' and '.join(said)}" if said else ""


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
        return "" if evidence.unreadable or evidence.files else f"; {_empties(evidence) or 'no copy is there'}"
    return f"; the newest copy is {format_duration(case.now - evidence.newest)} old"


def _ago(when: float | None, now: float) -> str:
    return "" if when is None else f" {format_duration(max(0.0, now - when))} ago"


def worst(statuses: Iterable[str]) -> str:
    """The worst of several; no_data where there are none."""
    return min(statuses, key=STATUSES.index, default=NO_DATA)
