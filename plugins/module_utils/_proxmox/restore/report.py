# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of a restore: one row a guest, the sum of all, the message. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.standing import (
    NEW,
    NOTHING_THERE,
    OLD,
    ROLLED_BACK,
    RUNNING,
    Standing,
)

RESULTS = ("restored", "skipped", "running", "rolled_back", "failed", "would_restore")
FAILURES = frozenset({"rolled_back", "failed"})
_TOUCHING = frozenset({"shut_down", "safety_backup", "restore", "roll_back", "disable_ha"})

Row = dict[str, Any]


def row(
    guest: Guest | None,
    result: str,
    reason: str,
    backup: Backup | None = None,
    age: int | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
    **more: Any,
) -> Row:
    """One guest's row; ``reason`` is the end of a sentence."""
    touched = any(step["step"] in _TOUCHING and step["result"] != "planned" for step in steps)
    changed = result in ("restored", "would_restore", "rolled_back", "running") or (result == "failed" and touched)
    source = None if backup is None else {"volid": backup.volid, "ctime": backup.ctime, "size": backup.size, "age": age}
    return {
        "changed": changed,
        "result": result,
        "vmid": None if guest is None else guest.vmid,
        "name": None if guest is None else guest.name,
        "node": None if guest is None else guest.node,
        "type": None if guest is None else guest.type,
        "volid": None if backup is None else backup.volid,
        "upid": None,
        "restored_from": source,
        "duration": 0.0,
        "steps": list(steps),
        "safety_backup": None,
        "rolled_back": False,
        "started": None,
        "recovered": False,
        "reason": reason,
        **more,
    }


def verdict(standing: Standing, failure: str, safety: str | None) -> tuple[str, str]:
    """The result's word and its reason, from what stands and what failed on the way (empty where nothing did)."""
    why = f"{failure.rstrip('.')}; " if failure else ""
    if standing.what == NEW:
        if standing.words:
            return "failed", f"it is restored and whole, but {standing.words}"
        return "restored", failure.rstrip(".")
    if standing.what == ROLLED_BACK:
        more = f", but {standing.words}" if standing.words else ""
        return "rolled_back", f"{why}the old guest stands again, rolled back from {safety}{more}"
    if standing.what == OLD:
        more = f", but {standing.words}" if standing.words else ""
        return "failed", f"{why}the old guest stands as it was{more}"
    if standing.what == NOTHING_THERE:
        return "failed", f"{why}nothing is left of it"
    if standing.what == RUNNING:
        return "failed", f"{why}{standing.words}; run this task again, which ends what was begun"
    return "failed", f"{why}{standing.words}"


def message(of: Mapping[str, Any]) -> str:
    """A sentence for one row."""
    label = f"{of['vmid']} ({of['name']})" if of["name"] else str(of["vmid"])
    if of["result"] == "failed" and of["volid"] is None:  # it was refused, and the reason says of whom it speaks
        return f"{of['reason']}."
    source = of["restored_from"]
    old = f" ({format_duration(source['age'])} old)" if source and source["age"] is not None else ""
    because = f"; {of['reason']}" if of["reason"] else ""
    if of["result"] == "restored":
        runs = "; it runs" if of["started"] else ""
        return f"{label}: restored from {of['volid']}{old} in {format_duration(of['duration'])}{runs}{because}."
    if of["result"] == "running":
        return f"{label}: being restored from {of['volid']}{old} by task {of['upid']}{because}."
    if of["result"] == "would_restore":
        todo = listed(step["step"] for step in of["steps"])
        return f"{label}: would be restored from {of['volid']}{old}{because}; steps: {todo}."
    if of["result"] == "skipped":
        return f"{label}: left alone, {of['reason']}."
    return f"{label}: {of['reason'].rstrip('.')}."


def report(
    rows: Sequence[Row], warnings: Sequence[str], diffs: Sequence[Mapping[str, str]], single: bool
) -> dict[str, Any]:
    """The module's values. With a ``single`` guest its row stands beside the list, too."""
    counts = {word: sum(one["result"] == word for one in rows) for word in RESULTS}
    told = [message(one) for one in rows if not single and one["result"] in FAILURES]
    summary = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in counts.items() if count)
    said = (
        message(rows[0]) if single else f"{counted(len(rows), 'guest')}: {summary}.{''.join(f' {one}' for one in told)}"
    )
    values: dict[str, Any] = {**(rows[0] if single else {}), "changed": any(one["changed"] for one in rows)}
    values["restores"] = [dict(one) for one in rows]
    values["summary"] = {"selected": len(rows), **counts}
    values["warnings"] = list(dict.fromkeys(warnings))
    values["diff"] = dict(diffs[0]) if single and diffs else [dict(one) for one in diffs]
    values["msg"] = said
    return values


def diff(label: str, before: GuestConfiguration | None, after: GuestConfiguration | None) -> dict[str, str]:
    """What the configuration was and is; without volumes' contents, of which nobody could show anything."""
    return {
        "before_header": label,
        "after_header": label,
        "before": before.text() if before is not None else "",
        "after": after.text() if after is not None else "",
    }
