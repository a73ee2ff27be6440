# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The row of a drill, and what a run of drills says of all of them. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.cleaning import CleanUp
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import (
    FAILED,
    INTERRUPTED,
    NOT_RUN,
    PASSED,
    PENDING,
)

Row = dict[str, Any]
WORDS = (PASSED, FAILED, NOT_RUN, INTERRUPTED, PENDING)
NO_BACKUP = "no_good_backup"
FAIL_ON = (FAILED, NO_BACKUP)
"""What makes the task fail unless it is told otherwise."""


def row(  # noqa: PLR0913 - the parts of a row
    base: Mapping[str, Any],
    verdict: str,
    reason: str,
    *,
    phase: str,
    ended: float,
    drilled: Drilled | None = None,
    vmid: int | None = None,
    cleanup: CleanUp | None = None,
) -> Row:
    """A drill as the result has it; the record is the same without ``phase``."""
    seconds = dict(drilled.seconds or {}) if drilled is not None else {}
    restore, boot = seconds.get("restore"), seconds.get("boot")
    done = cleanup or CleanUp(True, "nothing was restored")
    return {
        **base,
        "target": {**base["target"], "vmid": vmid},
        "ended": int(ended),
        "seconds": {key: seconds.get(key) for key in ("restore", "boot", "checks")},
        "rto": round(restore + boot, 1) if restore is not None and boot is not None else None,
        "verdict": verdict,
        "reason": reason,
        "checks": [dict(one) for one in drilled.checks] if drilled is not None else [],
        "errors": list(drilled.errors) if drilled is not None else [],
        "cleanup": {"done": done.done, "reason": done.reason, "upid": done.upid},
        "phase": phase,
    }


def finding(guest: Guest, reason: str) -> Row:
    """A guest that can't be drilled because there is nothing to restore."""
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node or None,
        "type": guest.type or None,
        "finding": NO_BACKUP,
        "reason": reason,
    }


def leftover(vmid: int, node: str, run: str | None, result: str, reason: str) -> Row:
    """What an earlier drill has left, and what became of it: ``removed``, ``planned`` (check mode) or ``left``."""
    return {"vmid": vmid, "node": node, "run": run, "result": result, "reason": reason}


def summary(rows: Iterable[Row], findings: Sequence[Row]) -> dict[str, int]:
    """How many of each."""
    found = dict.fromkeys(WORDS, 0)
    for one in rows:
        found[one["verdict"]] += 1
    return {**found, "findings": len(findings)}


def failures(values: Mapping[str, Any], fail_on: Iterable[str]) -> list[str]:
    """Why the task fails, worst first; empty: it doesn't. What could not be cleaned up always is a reason."""
    rows, wanted = values["drills"], set(fail_on)
    said = [f"{_label(one)}: not cleaned up: {one['cleanup']['reason']}" for one in rows if not one["cleanup"]["done"]]
    said += [
        f"guest {one['vmid']} on node {one['node']} was left by a drill: {one['reason']}"
        for one in values["leftovers"]
        if one["result"] == "left"
    ]
    for verdict in (FAILED, INTERRUPTED, NOT_RUN):
        if verdict in wanted or verdict == INTERRUPTED:
            said += [f"{_label(one)} {_words(verdict)}: {one['reason']}" for one in rows if one["verdict"] == verdict]
    if NO_BACKUP in wanted:
        said += [f"{_named(one)} has no good backup: {one['reason']}" for one in values["findings"]]
    if "overdue" in wanted and values["rotation"]["overdue"]:
        late = values["rotation"]["overdue"]
        said.append(f"{counted(len(late), 'guest')} overdue: {listed(late)}")
    return said


def message(values: Mapping[str, Any], said: Sequence[str]) -> str:
    """One line: the figures, and then what went wrong."""
    figures = values["summary"]
    parts = [f"{figures[word]} {_words(word)}" for word in WORDS if figures[word]]
    if figures["findings"]:
        parts.append(f"{figures['findings']} without a good backup")
    text = f"{counted(len(values['drills']), 'drill')}{': ' + ', '.join(parts) if parts else ''}."
    return f"{text} {'; '.join(said)}." if said else text


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")


def _label(one: Row) -> str:
    return _named(one["guest"])


def _named(guest: Mapping[str, Any]) -> str:
    return f"{guest['vmid']} ({guest['name']})" if guest.get("name") else str(guest["vmid"])
