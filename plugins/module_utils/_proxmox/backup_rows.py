# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A row for each selected guest, from plan, events and evidence. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_apply import Outcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    Ended,
    Event,
    ForeignEnded,
    ForeignRunning,
    FoundFresh,
    NothingLocal,
    Skipped,
    Started,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Decision, Plan, Wish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_verdict import (
    Evidence,
    Verdict,
    verdict,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_row import guest_row
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation

_MADE = frozenset({"backed_up", "waited_for"})
_PROVEN = frozenset({"backed_up", "waited_for", "fresh"})


@dataclass(frozen=True)
class GuestRows:
    """The rows of the result by guest, and for each guest the good backup that its row rests on."""

    rows: Mapping[int, dict[str, Any]]
    proofs: Mapping[int, Backup]

    @property
    def ordered(self) -> list[dict[str, Any]]:
        """The rows by id."""
        return [self.rows[vmid] for vmid in sorted(self.rows)]


def guest_rows(wish: Wish, plan: Plan, observation: Observation, outcome: Outcome | None, seconds: float) -> GuestRows:
    """A row for each selected guest, whether something was done (``outcome``) or only planned (None).

    ``seconds`` is how long it took, the observation included.
    """
    done = outcome or Outcome()
    evidence = _evidence(observation, done)
    rows = {decision.guest.vmid: _planned_row(decision, outcome is None) for decision in plan.decisions}
    proofs = {
        decision.guest.vmid: decision.judgement.newest
        for decision in plan.decisions
        if decision.action == "keep" and decision.judgement.newest is not None
    }
    for event in done.events:
        _apply_event(rows, proofs, event, evidence, wish)
    changed = {vmid for event in done.events for vmid in event.vmids}
    for vmid, row in rows.items():
        if vmid in changed and row["result"] in {*_MADE, "fresh"} and row["ctime"] is not None:
            row["age"] = max(0, int(observation.now(row["node"]) + seconds) - row["ctime"])
        if wish.warnings_as_errors and row["result"] in _MADE and row["warnings"]:
            row["result"] = "failed"
            row["reason"] = f"it warned: {listed(row['warnings'], 3)}"
    return GuestRows(rows, {vmid: proof for vmid, proof in proofs.items() if rows[vmid]["result"] in _PROVEN})


def _planned_row(decision: Decision, check: bool) -> dict[str, Any]:
    """A row before anything has happened; events overwrite it."""
    guest = decision.guest
    newest = decision.judgement.newest
    result = {"keep": "fresh", "refuse": "not_started", "back_up": "would_back_up" if check else "not_started"}
    kept = newest if decision.action == "keep" else None
    row = guest_row(guest, result[decision.action], decision.reason, kept, decision.judgement.age)
    return row if kept else {**row, "storage": decision.storage}


def _evidence(observation: Observation, done: Outcome) -> Evidence:
    backups = {backup.volid: backup for backup in done.backups}
    newest: dict[int, Backup] = {}
    for backup in backups.values():
        if backup.vmid is not None and (backup.vmid not in newest or backup.ctime > newest[backup.vmid].ctime):
            newest[backup.vmid] = backup
    return Evidence(backups, newest, frozenset(backup.volid for backup in observation.backups), done.unlisted)


def _apply_event(
    rows: Mapping[int, dict[str, Any]], proofs: dict[int, Backup], event: Event, evidence: Evidence, wish: Wish
) -> None:
    for vmid in event.vmids:
        row = rows[vmid]
        proof: Backup | None = None
        if isinstance(event, Ended):
            found = verdict(event, vmid, evidence, wish.timeout)
            proof = found.backup
            _judge_row(row, found, event)
        elif isinstance(event, ForeignEnded):
            proof = _judge_foreign(row, event, evidence)
        elif isinstance(event, FoundFresh):
            proof = event.backups[event.vmids.index(vmid)]
            row.update(_found(proof))
        else:
            row.update(_told(event))
        if proof is not None and proof.good():
            proofs[vmid] = proof


def _found(backup: Backup) -> dict[str, Any]:
    return {
        "result": "fresh",
        "reason": "somebody has backed it up since the run began",
        "volid": backup.volid,
        "storage": backup.storage,
        "size": backup.size,
        "ctime": backup.ctime,
    }


def _told(event: Started | ForeignRunning | Skipped | NothingLocal) -> dict[str, Any]:
    """What an event says of each of its guests, where nothing has to be weighed."""
    if isinstance(event, Started):
        known = {"upid": event.upid.text, "node": event.upid.node, "storage": event.storage}
        return {"result": "started", "reason": "not waited for", **known}
    if isinstance(event, ForeignRunning):
        reason = "another task was already backing it up; it is not waited for"
        return {"result": "started", "reason": reason, "upid": event.upid.text}
    if isinstance(event, NothingLocal):
        return {"result": "not_started", "reason": f"it is not on node {event.node} any more"}
    given_up = "interrupted" if event.interrupted else "timed_out" if event.timed_out else None
    return {"result": given_up or ("failed" if event.failed else "not_started"), "reason": event.reason}


def _judge_foreign(row: dict[str, Any], event: ForeignEnded, evidence: Evidence) -> Backup | None:
    """A backup that somebody else's task made counts like one of ours: when it is listed."""
    part = event.log.guest(row["vmid"])
    volid = part.volid(event.storage) if event.storage else None
    backup = evidence.backups.get(volid or "")
    good = backup is not None and backup.good()
    row.update(
        result="waited_for" if good else "failed",
        volid=backup.volid if backup else None,
        storage=event.storage,
        size=backup.size if backup else None,
        ctime=backup.ctime if backup else None,
        duration=part.seconds,
        warnings=list(part.warnings),
        excluded_volumes=list(part.excluded),
        upid=event.upid.text,
        reason=f"task {event.upid.text} was already backing it up",
    )
    if not good:
        unlisted = evidence.unlisted.get(event.storage or "")
        why = f"cannot be listed: {unlisted}" if unlisted else "does not list a good archive of it"
        row["reason"] += f" and says it is finished, but storage {event.storage} {why}"
    return backup


def _judge_row(row: dict[str, Any], found: Verdict, event: Ended) -> None:
    backup = found.backup
    row.update(
        result=found.result,
        reason=found.reason,
        volid=backup.volid if backup else None,
        storage=event.storage,
        size=backup.size if backup else None,
        ctime=backup.ctime if backup else None,
        duration=found.duration,
        warnings=list(found.warnings),
        excluded_volumes=list(found.excluded),
        upid=event.upid.text,
    )
