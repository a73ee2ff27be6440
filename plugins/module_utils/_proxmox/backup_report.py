# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From plan and events to the module's result. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, owner_of
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
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_message import FAILURES, message
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import (
    Decision,
    Plan,
    Wish,
    describe,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_verdict import (
    Evidence,
    Verdict,
    verdict,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation

_WORK = frozenset({"backed_up", "started"})
_MADE = frozenset({"backed_up", "waited_for"})


def report(
    wish: Wish,
    plan: Plan,
    observation: Observation,
    outcome: Outcome | None,
    seconds: float,
) -> dict[str, Any]:
    """The result, with the same keys whether something was done (``outcome``) or only planned (None).

    ``seconds`` is how long it took, the observation included.
    """
    done = outcome or Outcome()
    evidence = _evidence(observation, done)
    rows = {decision.guest.vmid: _planned_row(decision, outcome is None) for decision in plan.decisions}
    for event in done.events:
        _apply_event(rows, event, evidence, wish)
    changed = {vmid for event in done.events for vmid in event.vmids}
    for vmid, row in rows.items():
        if vmid in changed and row["result"] in {*_MADE, "fresh"} and row["ctime"] is not None:
            row["age"] = max(0, int(observation.now(row["node"]) + seconds) - row["ctime"])
        if wish.warnings_as_errors and row["result"] in _MADE and row["warnings"]:
            row["result"] = "failed"
            row["reason"] = f"it warned: {listed(row['warnings'], 3)}"
    ordered = [rows[vmid] for vmid in sorted(rows)]
    return {
        "changed": _changed(ordered, done),
        "guests": ordered,
        "removed": _removed(observation, done),
        "tasks": _tasks(done),
        "summary": _summary(ordered, seconds),
        "diff": _diff(plan, ordered, done),
        "msg": message(ordered),
    }


def _planned_row(decision: Decision, check: bool) -> dict[str, Any]:
    """A row before anything has happened; events overwrite it."""
    guest = decision.guest
    newest = decision.judgement.newest
    result = {"keep": "fresh", "refuse": "not_started", "back_up": "would_back_up" if check else "not_started"}
    kept = newest if decision.action == "keep" else None
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node,
        "type": guest.type,
        "result": result[decision.action],
        "volid": kept.volid if kept else None,
        "storage": kept.storage if kept else decision.storage,
        "size": kept.size if kept else None,
        "ctime": kept.ctime if kept else None,
        "age": decision.judgement.age,
        "duration": None,
        "warnings": [],
        "excluded_volumes": [],
        "reason": decision.reason,
        "upid": None,
    }


def _evidence(observation: Observation, done: Outcome) -> Evidence:
    backups = {backup.volid: backup for backup in done.backups}
    newest: dict[int, Backup] = {}
    for backup in backups.values():
        if backup.vmid is not None and (backup.vmid not in newest or backup.ctime > newest[backup.vmid].ctime):
            newest[backup.vmid] = backup
    return Evidence(backups, newest, frozenset(backup.volid for backup in observation.backups), done.unlisted)


def _apply_event(rows: Mapping[int, dict[str, Any]], event: Event, evidence: Evidence, wish: Wish) -> None:
    for vmid in event.vmids:
        row = rows[vmid]
        if isinstance(event, Ended):
            _judge_row(row, verdict(event, vmid, evidence, wish.timeout), event)
        elif isinstance(event, ForeignEnded):
            _judge_foreign(row, event, evidence)
        elif isinstance(event, FoundFresh):
            row.update(_found(event.backups[event.vmids.index(vmid)]))
        else:
            row.update(_told(event))


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
    word = "timed_out" if event.timed_out else "failed" if event.failed else "not_started"
    return {"result": word, "reason": event.reason}


def _judge_foreign(row: dict[str, Any], event: ForeignEnded, evidence: Evidence) -> None:
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


def _changed(rows: Sequence[Mapping[str, Any]], done: Outcome) -> bool:
    if any(isinstance(event, (Started, Ended)) or getattr(event, "uncertain", False) for event in done.events):
        return True
    return any(row["result"] == "would_back_up" for row in rows)


def _removed(observation: Observation, done: Outcome) -> list[dict[str, Any]]:
    """What was there before the run and is no longer listed, of the guests that it backed up.

    The log only says why: it names an archive before it removes it, and a backup server's log names none. It is the
    witness where the storage can't be listed. An archive that was overwritten is still listed, with another content.
    """
    looked_at = [backup for at in observation.listings if at.place in done.listed for backup in at.backups]
    before = {backup.volid: backup for backup in observation.backups}
    there = {backup.volid for backup in done.backups}
    rules: dict[str, str] = {}
    found: dict[str, dict[str, Any]] = {}
    for event in done.events:
        if not isinstance(event, Ended):
            continue
        rules.update({volid: f"retention of the storage ({rule})" for volid, rule in event.log.removed})
        if event.storage in done.unlisted:
            gone = [(volid, before.get(volid)) for volid, _rule in event.log.removed]
        else:
            gone = [(old.volid, old) for old in looked_at if _gone(old, event, there)]
        for volid, old in gone:
            why = rules.get(volid, "it is gone since the run began: retention of the storage, or somebody else")
            found[volid] = _removed_row(volid, old, why)
        for part in event.log.guests.values():
            same = before.get(part.volid(event.storage) or "")
            if part.finished and same is not None:
                found[same.volid] = _removed_row(same.volid, same, "overwritten by a backup of the same second")
    return list(found.values())


def _gone(old: Backup, event: Ended, there: set[str]) -> bool:
    here = old.storage == event.storage and old.vmid in event.vmids
    return here and old.volid not in there


def _removed_row(volid: str, backup: Backup | None, why: str) -> dict[str, Any]:
    return {
        "volid": volid,
        "vmid": backup.vmid if backup else owner_of(volid),
        "ctime": backup.ctime if backup else None,
        "size": backup.size if backup else None,
        "why": why,
    }


def _tasks(done: Outcome) -> list[dict[str, Any]]:
    status: dict[str, dict[str, Any]] = {}
    for event in done.events:
        if isinstance(event, (Started, Ended)):
            ended = event.exitstatus if isinstance(event, Ended) else None
            status[event.upid.text] = {"upid": event.upid.text, "node": event.upid.node, "exitstatus": ended}
    return list(status.values())


def _summary(rows: Sequence[Mapping[str, Any]], seconds: float) -> dict[str, Any]:
    results = [row["result"] for row in rows]
    return {
        "selected": len(rows),
        "backed_up": results.count("backed_up"),
        "would_back_up": results.count("would_back_up"),
        "waited_for": results.count("waited_for"),
        "started": results.count("started"),
        "fresh": results.count("fresh"),
        "failed": sum(result in FAILURES for result in results),
        "bytes": sum(row["size"] or 0 for row in rows if row["result"] == "backed_up"),
        "seconds": round(seconds, 1),
    }


def _diff(plan: Plan, rows: Sequence[Mapping[str, Any]], done: Outcome) -> dict[str, str]:
    """What changes, a line a guest; guests that stay as they are are left out."""
    by_id = {row["vmid"]: row for row in rows}
    ours = {event.upid.text for event in done.events if isinstance(event, (Started, Ended))}
    before: list[str] = []
    after: list[str] = []
    for decision in plan.decisions:
        row = by_id[decision.guest.vmid]
        if row["result"] == "would_back_up":
            after.append(f"{decision.guest.label}: a new backup on {row['storage']} ({decision.reason})")
        elif row["result"] in _WORK and row["upid"] in ours:
            after.append(f"{decision.guest.label}: {row['volid'] or 'a backup being made on ' + str(row['storage'])}")
        else:
            continue
        before.append(describe(decision))
    return {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}
