# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The promises that drills prove. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import one_line
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import NOTHING, Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import (
    MET,
    NOT_MET,
    UNKNOWN,
    Case,
    Promise,
)

NEVER = "never drilled"


def drill_promises(case: Case, seen: Seen) -> Iterator[Promise]:
    """``drill`` and ``rto``, where they are promised."""
    if seen.drills_hidden is not None:
        wanted = [name for name in ("drill", "rto") if getattr(case.tier, name) is not None]
        why = seen.drills_hidden.rstrip(".")
        yield from (Promise(name, UNKNOWN, why, {"promised": getattr(case.tier, name)}) for name in wanted)
        return
    drilled = seen.drills.get((case.guest.vmid, case.guest.type), NOTHING)
    if case.tier.drill is not None:
        yield _drill(drilled, case.tier.drill, seen.observation.observed_at)
    if case.tier.rto is not None:
        yield _rto(drilled, case.tier.rto)


def _drill(drilled: Drilled, promised: int, now: float) -> Promise:
    """The last drill that showed something passed, and is not too long ago."""
    age = None if drilled.passed_at is None else max(0, int(now) - drilled.passed_at)
    evidence = {"passed_at": drilled.passed_at, "age": age, "promised": promised, "last": drilled.verdict}
    if drilled.verdict == "failed":
        reason = f"its last drill failed: {one_line(drilled.reason).rstrip('.') or 'no reason is recorded'}"
        return Promise("drill", NOT_MET, reason, evidence)
    if age is None:
        return Promise("drill", NOT_MET, NEVER, evidence)
    reason = f"last drill passed {format_duration(age)} ago, wanted within {format_duration(promised)}"
    return Promise("drill", MET if age <= promised else NOT_MET, reason, evidence)


def _rto(drilled: Drilled, promised: int) -> Promise:
    """The last drill that passed took no longer than promised."""
    evidence = {"seconds": drilled.seconds, "promised": promised, "passed_at": drilled.passed_at}
    if drilled.passed_at is None:
        reason = NEVER if drilled.verdict is None else "no drill of it has passed"
        return Promise("rto", NOT_MET, reason, evidence)
    if drilled.seconds is None:
        return Promise("rto", UNKNOWN, "the last drill that passed was not measured", evidence)
    reason = f"its last drill that passed took {format_duration(drilled.seconds)}, wanted {format_duration(promised)}"
    return Promise("rto", MET if drilled.seconds <= promised else NOT_MET, reason, evidence)
