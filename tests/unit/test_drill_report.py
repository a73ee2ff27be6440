# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of drills says: its rows, its figures, and why the task fails."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.cleaning import CleanUp
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.report import (
    failures,
    finding,
    leftover,
    message,
    row,
    summary,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import check_row
from unit.builders import NOW, a_guest

MARKS = Marks("lifeboat-drill", "0" * 32, 900, 909)
DEFAULT = ("failed", "no_good_backup")


def a_row(guest: int = 101, verdict: str = "passed", reason: str = "all is well", **more: Any) -> dict[str, Any]:
    base = {"run": "r", "guest": {"vmid": guest, "name": "web1"}, "target": {"vmid": None, "node": "pve1"}}
    return row(base, verdict, reason, phase="cleaned", ended=NOW + 0.5, **more)


def values(*rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    findings = more.pop("findings", [])
    rotation = {"overdue": more.pop("overdue", [])}
    found = {"drills": list(rows), "findings": findings, "leftovers": more.pop("leftovers", []), "rotation": rotation}
    return {**found, "summary": summary(rows, findings)}


def test_a_row_with_everything() -> None:
    drilled = Drilled(
        {}, MARKS, checks=(check_row("restored", "passed", "there", 1.26),), errors=("odd",),
        seconds={"restore": 60.04, "boot": 12.0},
    )  # fmt: skip
    found = a_row(drilled=drilled, vmid=900, cleanup=CleanUp(False, "it hangs", "UPID:x"))
    assert found["target"] == {"vmid": 900, "node": "pve1"}
    assert found["seconds"] == {"restore": 60.04, "boot": 12.0, "checks": None}
    assert found["rto"] == 72.0
    assert found["ended"] == NOW
    assert found["checks"][0]["seconds"] == 1.3
    assert found["errors"] == ["odd"]
    assert found["cleanup"] == {"done": False, "reason": "it hangs", "upid": "UPID:x"}


def test_a_row_of_nothing() -> None:
    found = a_row(verdict="not_run")
    assert (found["rto"], found["checks"], found["cleanup"]["done"]) == (None, [], True)
    only_restored = a_row(drilled=Drilled({}, MARKS, seconds={"restore": 1.0}))
    assert only_restored["rto"] is None


def test_all_is_well() -> None:
    found = values(a_row(), a_row(102))
    assert failures(found, DEFAULT) == []
    assert message(found, []) == "2 drills: 2 passed."
    assert message(values(), []) == "0 drills."


@pytest.mark.parametrize(
    ("found", "fail_on", "said"),
    [
        (values(a_row(verdict="failed", reason="it is gone")), DEFAULT, ["101 (web1) failed: it is gone"]),
        (values(a_row(verdict="failed")), (), []),
        (values(a_row(verdict="not_run", reason="no room")), DEFAULT, []),
        (values(a_row(verdict="not_run", reason="no room")), ("not_run",), ["101 (web1) not run: no room"]),
        (values(a_row(verdict="interrupted", reason="why")), (), ["101 (web1) interrupted: why"]),
        (values(findings=[finding(a_guest(103, "new"), "none")]), DEFAULT, ["103 (new) has no good backup: none"]),
        (values(findings=[finding(a_guest(103, "new"), "none")]), ("failed",), []),
        (values(overdue=[101, 102]), ("overdue",), ["2 guests overdue: 101, 102"]),
        (values(overdue=[101]), DEFAULT, []),
        (values(a_row(cleanup=CleanUp(False, "it hangs"))), (), ["101 (web1): not cleaned up: it hangs"]),
        (
            values(leftovers=[leftover(900, "pve1", "r", "left", "it is locked")]), (),
            ["guest 900 on node pve1 was left by a drill: it is locked"],
        ),
        (values(leftovers=[leftover(900, "pve1", "r", "removed", "gone")]), (), []),
    ],
)  # fmt: skip
def test_why_the_task_fails(found: dict[str, Any], fail_on: tuple[str, ...], said: list[str]) -> None:
    assert failures(found, fail_on) == said


def test_the_message_names_what_went_wrong() -> None:
    found = values(a_row(), a_row(102, "failed", "it is gone"), findings=[finding(a_guest(103, "new"), "none")])
    assert message(found, failures(found, DEFAULT)) == (
        "2 drills: 1 passed, 1 failed, 1 without a good backup. 102 (web1) failed: it is gone; 103 (new) has no good "
        "backup: none."
    )
