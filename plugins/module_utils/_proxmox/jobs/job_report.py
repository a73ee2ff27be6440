# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of proxmox_backup_job. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import SCHEDULE
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job, plain
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import (
    CREATE,
    NONE,
    REMOVE,
    UPDATE,
    Change,
    JobPlan,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.schedules import Runs

_DONE = {CREATE: "created", UPDATE: "changed", REMOVE: "removed", NONE: "unchanged"}
RESULTS = ("created", "changed", "removed", "unchanged", "failed", "would_create", "would_change", "would_remove")
_WOULD = {CREATE: "would_create", UPDATE: "would_change", REMOVE: "would_remove", NONE: "unchanged"}
_SHOWN = 60
"""Characters of a value in a sentence."""


@dataclass(frozen=True)
class Told:
    """One job at the end: its plan, what there is now, and why it is not as it was wanted (None where it is).

    ``sent`` tells whether Proxmox has taken a change of it.
    """

    plan: JobPlan
    job: Job | None
    failure: str | None = None
    sent: bool = False

    def changed(self, check_mode: bool) -> bool:
        """Whether the job was changed, or would be."""
        return self.plan.action != NONE if check_mode else self.sent


def report(told: Sequence[Told], runs: Mapping[str, Runs], check_mode: bool) -> dict[str, Any]:
    """The result of the module, in check mode and otherwise alike; without warnings."""
    rows = [_row(one, runs, check_mode) for one in told]
    counts = {word: sum(row["result"] == word for row in rows) for word in RESULTS}
    changed = [one for one in told if one.changed(check_mode)]
    failed = [f"{one.plan.id}: {one.failure.rstrip('.')}" for one in told if one.failure is not None]
    told_counts = [f"{number} {word.replace('_', ' ')}" for word, number in counts.items() if number]
    message = f"{counted(len(rows), 'job')}: {', '.join(told_counts) or 'none'}."
    return {
        "changed": bool(changed),
        "jobs": rows,
        "summary": counts,
        "diff": {
            "before": "".join(_text(one.plan.before) for one in told if one in changed),
            "after": "".join(_text(one.job) for one in told if one in changed),
        },
        "msg": f"{message} {'; '.join(failed)}." if failed else message,
    }


def _row(one: Told, runs: Mapping[str, Runs], check_mode: bool) -> dict[str, Any]:
    plan = one.plan
    result = "failed" if one.failure is not None else (_WOULD if check_mode else _DONE)[plan.action]
    job = one.job
    schedule = schedule_of(job)
    return {
        "id": plan.id,
        "result": result,
        "changed": one.changed(check_mode),
        "reason": one.failure or reason(plan),
        "changes": [
            {"field": change.option, "before": plain(change.before), "after": plain(change.after)}
            for change in plan.changes
        ],
        "job": job.as_result() if job is not None else None,
        "next_runs": list(runs[schedule].times) if schedule in runs else [],
        "unknown_vmids": list(plan.unknown),
    }


def schedule_of(job: Job | None) -> str:
    """The schedule of a job as it stands there; empty without one."""
    return "" if job is None else str(job.shown.get(SCHEDULE.api) or "")


def reason(plan: JobPlan) -> str:
    """Why this is to be done, as a part of a sentence."""
    if plan.action == NONE:
        return "it is as it is wanted" if plan.before is not None else "it is not there"
    if plan.action == REMOVE:
        return "it is not wanted"
    if plan.action == CREATE:
        return "there was no such job"
    return "; ".join(_said(change) for change in plan.changes) or "Proxmox shows no difference"


def _said(change: Change) -> str:
    if isinstance(change.before, tuple) and isinstance(change.after, tuple):
        before, after = set(change.before), set(change.after)
        moved = ((sorted(after - before), "added"), (sorted(before - after), "removed"))
        parts = [f"{listed(some, 6)} {word}" for some, word in moved if some]
        return f"{change.option}: {', '.join(parts)}"
    return f"{change.option} was {_short(change.before)}, wanted {_short(change.after)}"


def _short(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return listed(value, 6)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def _text(job: Job | None) -> str:
    """A job as lines of a diff, without what changes by itself."""
    if job is None:
        return ""
    shown = {key: value for key, value in job.as_result().items() if key not in ("id", "next_run")}
    lines = [f"  {key}: {_line(value)}" for key, value in sorted(shown.items())]
    return "\n".join([f"{job.id}:", *lines, ""])


def _line(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={one}" for key, one in sorted(value.items()))
    return str(value).lower() if isinstance(value, bool) else str(value)
