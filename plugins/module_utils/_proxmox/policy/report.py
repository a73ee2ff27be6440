# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a cluster that was judged. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy, Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings import (
    ERROR,
    KINDS,
    Finding,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings_of_jobs import job_findings
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings_of_policy import policy_findings
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings_of_sight import sight_findings
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.schedules import schedule_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.uncollected import uncollected
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import (
    EXEMPT,
    MET,
    NOT_MET,
    PROMISES,
    STATUSES,
    UNKNOWN,
    VERDICTS,
    Judged,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.wanted_jobs import (
    NONE,
    backup_now,
    drift_of,
    keep_options,
    managed_prefix,
    wanted_jobs,
)

FAIL_ON = ("not_met", "unknown", "findings", "drift")
_NAMED = 5
"""Guests that a message names with their reason."""


@uncollected()
def report(policy: Policy, seen: Seen, judged: Sequence[Judged]) -> dict[str, Any]:
    """The result of the module but for ``msg``."""
    jobs = wanted_jobs(policy, judged, seen)
    prefix = managed_prefix(policy)
    drift = [] if seen.jobs_hidden is not None else drift_of(jobs, seen.jobs, seen.observation.cluster)
    found = findings(policy, seen, judged)
    return {
        "policy": _policy(policy, judged),
        "guests": [guest_row(one) for one in judged],
        "summary": summary(judged, found, drift, seen),
        "findings": [one.as_result() for one in found],
        "jobs": jobs,
        "managed_prefix": prefix,
        "drift": drift,
        "backup_now": backup_now(judged),
    }


def findings(policy: Policy, seen: Seen, judged: Sequence[Judged]) -> list[Finding]:
    """All findings: errors first, then by kind."""
    found = [
        *job_findings(policy, seen, judged),
        *policy_findings(policy, seen, judged),
        *sight_findings(policy, seen, judged),
    ]
    return sorted(found, key=lambda one: (one.severity != ERROR, KINDS.index(one.kind)))


def guest_row(one: Judged) -> dict[str, Any]:
    """A guest as the module returns it."""
    case = one.case
    return {
        "vmid": case.guest.vmid,
        "name": case.guest.name,
        "node": case.guest.node,
        "type": case.guest.type,
        "tier": case.tier.name,
        "rule": case.rule.name,
        "status": one.status,
        "reason": one.reason or _reason(one),
        "until": None if case.exemption is None else case.exemption.until.isoformat(),
        "promises": [promise.as_result() for promise in one.promises],
    }


def _reason(one: Judged) -> str:
    """What the promises say, worst first; that of the newest backup where all are kept."""
    wanted = one.status if one.status in (NOT_MET, UNKNOWN) else MET
    told = [f"{promise.promise}: {promise.reason}" for promise in one.promises if promise.verdict == wanted]
    return "; ".join(told[:1] if wanted == MET else told)


def summary(
    judged: Sequence[Judged], found: Sequence[Finding], drift: Iterable[Mapping[str, str]], seen: Seen
) -> dict[str, Any]:
    """Counts. All guests count in the total, so that nothing is gained by exempting some."""
    statuses = dict.fromkeys(STATUSES, 0)
    promises = {name: dict.fromkeys(VERDICTS, 0) for name in PROMISES}
    for one in judged:
        statuses[one.status] += 1
        for promise in one.promises:
            promises[promise.promise][promise.verdict] += 1
    complete = seen.shows_all_guests
    return {
        **statuses,
        "total": len(judged),
        "complete": complete,
        "compliance": compliance(statuses[MET], len(judged), complete),
        "promises": promises,
        "errors": sum(one.severity == ERROR for one in found),
        "warnings": sum(one.severity != ERROR for one in found),
        "drift": None if seen.jobs_hidden is not None else sum(one["action"] != NONE for one in drift),
    }


def compliance(met: int, total: int, complete: bool = True) -> str:
    """``41 of 50 (82 %)``, rounded down; 100 % only where all are met and the token sees all guests."""
    percent = met * 100 // total if total else 0
    return f"{met} of {total} ({percent if complete else min(percent, 99)} %)"


def _policy(policy: Policy, judged: Sequence[Judged]) -> dict[str, Any]:
    of_tier, of_rule = dict.fromkeys(policy.tiers, 0), {rule.name: 0 for rule in policy.rules}
    for one in judged:
        of_tier[one.case.tier.name] += 1
        of_rule[one.case.rule.name] += 1
    return {
        "name": policy.name,
        "file": policy.place.file,
        "tiers": [_tier(tier, of_tier[name]) for name, tier in policy.tiers.items()],
        "rules": [
            {"name": rule.name, "tier": rule.tier, "guests": of_rule[rule.name], "place": str(rule.place)}
            for rule in policy.rules
        ],
    }


def _tier(tier: Tier, guests: int) -> dict[str, Any]:
    return {
        "name": tier.name,
        "rpo": tier.rpo,
        "rto": tier.rto,
        "storage": tier.storage,
        "schedule": schedule_of(tier),
        "keep": None if tier.keep is None else keep_options(tier.keep),
        "mode": tier.mode,
        "protected": tier.protected,
        "encrypted": tier.encrypted,
        "verify": tier.verify,
        "drill": tier.drill,
        "guests": guests,
    }


def message(values: Mapping[str, Any], said: Sequence[str]) -> str:
    """One line: the figures, and why the task fails."""
    figures = values["summary"]
    others = [
        f"{figures[word]} {word.replace('_', ' ')}" for word in (NOT_MET, UNKNOWN, EXEMPT, "new") if figures[word]
    ]
    parts = [
        f"{figures['compliance']} guests keep policy {values['policy']['name']}",
        *others,
        *([counted(figures["errors"], "error")] if figures["errors"] else []),
        *([counted(figures["warnings"], "warning")] if figures["warnings"] else []),
        *([f"{counted(figures['drift'], 'job')} to set"] if figures["drift"] else []),
    ]
    text = f"{parts[0]}{': ' if parts[1:] else ''}{', '.join(parts[1:])}."
    return f"{text} {'; '.join(said)}." if said else text


def failures(values: Mapping[str, Any], seen: Seen, fail_on: Iterable[str]) -> list[str]:
    """Why the task fails; empty: it doesn't. What can't be read is no better than what was asked about."""
    wanted, said = set(fail_on), []
    for status in (NOT_MET, UNKNOWN):
        rows = [row for row in values["guests"] if row["status"] == status]
        if status in wanted and rows:
            told = listed((f"{_label(row)}: {row['reason']}" for row in rows), _NAMED)
            said.append(f"{counted(len(rows), 'guest')} {status.replace('_', ' ')}: {told}")
    if UNKNOWN in wanted and not values["summary"]["complete"]:
        said.append("not all guests are shown to this token (VM.Audit on /vms)")
    errors = [one["text"].rstrip(".") for one in values["findings"] if one["severity"] == ERROR]
    if "findings" in wanted and errors:
        said.append(f"{counted(len(errors), 'finding')}: {listed(errors, _NAMED)}")
    drifting = [one["text"].rstrip(".") for one in values["drift"] if one["action"] != NONE]
    if "drift" in wanted and drifting:
        said.append(f"{counted(len(drifting), 'job')} to set: {listed(drifting, _NAMED)}")
    if "drift" in wanted and seen.jobs_hidden is not None:
        said.append(f"the jobs can't be compared: {seen.jobs_hidden.rstrip('.')}")
    return said


def _label(row: Mapping[str, Any]) -> str:
    return f"{row['vmid']} ({row['name']})" if row["name"] else str(row["vmid"])
