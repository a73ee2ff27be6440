# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a drill has proven: from its checks to one verdict. Pure. Private to this collection.

Nothing that didn't answer has passed, and what was not looked at is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import Drilled

PASSED, FAILED, NOT_RUN, INTERRUPTED, PENDING = "passed", "failed", "not_run", "interrupted", "pending"


def check_row(
    check: str, verdict: str, reason: str, seconds: float | None = None, evidence: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One check as the record keeps it."""
    taken = None if seconds is None else round(seconds, 1)
    return {"check": check, "verdict": verdict, "reason": reason, "seconds": taken, "evidence": dict(evidence or {})}


def verdict_of(drilled: Drilled) -> tuple[str, str]:
    """The verdict on a drill that is over, and the reason as the end of a sentence."""
    failed = [one for one in drilled.checks if one.get("verdict") == FAILED]
    if failed:
        return FAILED, _told(failed[0])
    missed = [one for one in drilled.checks if one.get("verdict") != PASSED]
    if missed:
        return NOT_RUN, _told(missed[0])
    if drilled.errors:
        return NOT_RUN, drilled.errors[0]
    if not drilled.checks:
        return NOT_RUN, "it was ended before anything was checked"
    if drilled.template:
        return PASSED, "it was restored; it is a template, which is not started"
    up = any(one.get("check") == "booted" for one in drilled.checks)
    if drilled.phase != "checked" or not up:
        return NOT_RUN, "it was ended before it was checked"
    return PASSED, "it was restored and started, and every check passed"


def _told(row: Mapping[str, Any]) -> str:
    return f"{row.get('check')}: {row.get('reason')}"
