# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In what claims and copies disagree. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.completeness import shortfall
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import DONE

CLAIMED_BUT_MISSING = "claimed_but_missing"
CLAIMED_BUT_EMPTY = "claimed_but_empty"
THERE_BUT_UNCLAIMED = "there_but_unclaimed"
COMPLETED_BUT_OLDER = "completed_but_older"
COMPLETED_BUT_UNUSABLE = "completed_but_unusable"
LISTED_BUT_MISSING = "listed_but_missing"
DATED_AHEAD = "dated_ahead"
KINDS = (
    CLAIMED_BUT_MISSING,
    CLAIMED_BUT_EMPTY,
    THERE_BUT_UNCLAIMED,
    COMPLETED_BUT_OLDER,
    COMPLETED_BUT_UNUSABLE,
    LISTED_BUT_MISSING,
    DATED_AHEAD,
)


def discrepancies(case: Case) -> Iterator[tuple[str, str]]:
    """Kind and sentence of each; none where nothing was looked at."""
    evidence = case.evidence
    if evidence is None:
        return
    claims = said(case)
    if not evidence.files and not evidence.unreadable:
        if claims:
            kind = CLAIMED_BUT_MISSING if case.claimed else CLAIMED_BUT_EMPTY
            yield kind, f"no copy{' with content' if evidence.empty else ''} is there{claims}"
    elif evidence.files and _denied(case) and case.claim is not None:
        number = counted(evidence.files, "copy", "copies")
        yield THERE_BUT_UNCLAIMED, f"{number} there, but {case.claim.source} says '{case.claim.status}'"
    yield from _completed(case, evidence, claims)
    if evidence.gone and case.job is not None:
        yield LISTED_BUT_MISSING, f"{case.job.source} lists copies that are not there: {first_gone(evidence.gone)}"
    if evidence.ahead:
        yield DATED_AHEAD, f"{counted(evidence.ahead, 'copy', 'copies')} dated in the future"


def _completed(case: Case, evidence: Evidence, claims: str) -> Iterator[tuple[str, str]]:
    """What a backup that is said to have ended well left behind; one that is unusable is not said to be old as well."""
    completed = case.job is not None and case.job.state == DONE
    if evidence.check is not None and evidence.check.usable is False:
        if completed or claims:
            yield COMPLETED_BUT_UNUSABLE, f"the newest copy {evidence.check.why_not}{claims}"
        return
    lacking = shortfall(case, evidence)
    if completed and evidence.files and lacking:
        yield COMPLETED_BUT_OLDER, f"{lacking}{claims}"


def first_gone(paths: tuple[str, ...]) -> str:
    """The names of the first few of them."""
    return listed((cell(path.rpartition("/")[2]) for path in paths), 3)


def said(case: Case) -> str:
    """``, but node says 'success' and mysql says ...``; empty where nobody claims a backup."""
    claims = []
    if case.claim is not None and case.claim.available:
        claims.append(f"{case.claim.source} says '{case.claim.status}'")
    job = case.job
    if job is not None and job.state == DONE and (case.data or job.listed):
        claims.append(f"{job.source} says that its backup ended well")
    return f", but {' and '.join(claims)}" if claims else ""


def _denied(case: Case) -> bool:
    """Whether somebody says that there is no backup. Of an offline device nobody looked."""
    return case.claim is not None and not case.claim.available and case.claim.status != "offline" and not case.data
