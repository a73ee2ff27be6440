# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From plan and events to the module's result. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, owner_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_apply import Outcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import Ended, Started
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_message import message, summary
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Plan, describe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_rows import GuestRows
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.orphans import Orphan, orphans_told
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Fate
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import (
    Pruning,
    diff_lines,
    diff_of,
    fate_rows,
)

_WORK = frozenset({"backed_up", "started"})


def report(
    found: GuestRows,
    plan: Plan,
    observation: Observation,
    outcome: Outcome | None,
    pruning: Pruning,
    orphans: Sequence[Orphan],
    seconds: float,
) -> dict[str, Any]:
    """The result, with the same keys in check mode and in a real run."""
    done = outcome or Outcome()
    rows = found.ordered
    known = {backup.key: backup for backup in observation.backups}
    taken, unseen = _taken(observation, done)
    pruning = replace(pruning, taken=tuple(taken), known=frozenset(known))
    removed = [*fate_rows(pruning.removed), *unseen]
    return {
        "changed": _changed(rows, done) or bool(pruning.removed) or bool(pruning.tasks()),
        "guests": rows,
        "removed": removed,
        "not_removed": fate_rows(pruning.failed),
        "kept": fate_rows(pruning.kept),
        "tasks": [*_tasks(done), *pruning.tasks()],
        "orphans": [orphan.as_result() for orphan in orphans],
        "summary": summary(rows, [row["size"] or 0 for row in removed], seconds),
        "diff": _diff(plan, rows, done, pruning),
        "warnings": list(pruning.warnings),
        "msg": _message(rows, pruning, orphans),
    }


def _message(rows: Sequence[Mapping[str, Any]], pruning: Pruning, orphans: Sequence[Orphan]) -> str:
    parts = [message(rows), f"{pruning.told()}." if pruning.told() else "", pruning.failure(), orphans_told(orphans)]
    return " ".join(part for part in parts if part)


def _changed(rows: Sequence[Mapping[str, Any]], done: Outcome) -> bool:
    if any(isinstance(event, (Started, Ended)) or getattr(event, "uncertain", False) for event in done.events):
        return True
    return any(row["result"] == "would_back_up" for row in rows)


def _taken(observation: Observation, done: Outcome) -> tuple[list[Fate], list[dict[str, Any]]]:
    """What was there before the run and is no longer listed, of the guests that it backed up.

    The second part are rows of what nobody has seen before it was taken.

    The log only says why: it names an archive before it removes it, and a backup server's log names none. It is the
    witness where the storage can't be listed. An archive that was overwritten is still listed, with another content.
    """
    looked_at = [backup for at in observation.listings if at.place in done.listed for backup in at.backups]
    before = {backup.volid: backup for backup in observation.backups}
    there = {backup.volid for backup in done.backups}
    rules: dict[str, str] = {}
    fates: dict[str, Fate] = {}
    unseen: dict[str, dict[str, Any]] = {}
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
            if old is None:
                unseen[volid] = _unseen_row(volid, event, why)
            else:
                fates[volid] = Fate(old, why)
        for part in event.log.guests.values():
            same = before.get(part.volid(event.storage) or "")
            if part.finished and same is not None:
                fates[same.volid] = Fate(same, "overwritten by a backup of the same second")
    return list(fates.values()), list(unseen.values())


def _gone(old: Backup, event: Ended, there: set[str]) -> bool:
    here = old.storage == event.storage and old.vmid in event.vmids
    return here and old.volid not in there


def _unseen_row(volid: str, event: Ended, why: str) -> dict[str, Any]:
    unseen = {"node": event.upid.node, "storage": event.storage, "ctime": None, "size": None}
    return {"volid": volid, "vmid": owner_of(volid), **unseen, "why": why}


def _tasks(done: Outcome) -> list[dict[str, Any]]:
    status: dict[str, dict[str, Any]] = {}
    for event in done.events:
        if isinstance(event, (Started, Ended)):
            ended = event.exitstatus if isinstance(event, Ended) else None
            status[event.upid.text] = {"upid": event.upid.text, "node": event.upid.node, "exitstatus": ended}
    return list(status.values())


def _diff(plan: Plan, rows: Sequence[Mapping[str, Any]], done: Outcome, pruning: Pruning) -> dict[str, str]:
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
    goes, stays = diff_lines(pruning, {decision.guest.vmid: decision.guest for decision in plan.decisions})
    before.extend(goes)
    after.extend(stays)
    return diff_of(before, after)
