# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several calls of the module as one result: nothing is lost, and nothing is judged better than it was."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.filter.drill_joined import FilterModule, drill_joined
from unit.drill_builders import RUN, a_drill, a_result

PENDING = {"phase": "started", "reason": "it is started"}
FINDING = {"vmid": 103, "name": "db", "node": "pve2", "type": "qemu", "finding": "no_good_backup", "reason": "none"}
SKIPPED = {"changed": False, "skipped": True}


def a_call(*drills: dict[str, Any], **more: Any) -> dict[str, Any]:
    rotation = {"guests": 3, "per_run": 2, "within_days": 30, "chosen": [101, 102], "overdue": []}
    return a_result(*drills, **{"rotation": rotation, "failed": False, **more})


def test_what_is_told_last_of_a_drill_counts() -> None:
    """102 was over before the last call, and 101 after it; what the first call alone has seen is kept."""
    joined = drill_joined(
        [
            a_call(a_drill(101, "pending", **PENDING), a_drill(102, "failed", reason="a bad tar"), findings=[FINDING]),
            SKIPPED,
            a_call(a_drill(101), changed=False),
        ]
    )
    assert [(row["guest"]["vmid"], row["verdict"]) for row in joined["drills"]] == [(101, "passed"), (102, "failed")]
    assert (joined["run"], joined["rotation"]["chosen"], joined["changed"]) == (RUN, [101, 102], True)
    assert joined["summary"]["findings"] == 1
    assert joined["failed"]
    assert joined["msg"] == (
        "2 drills: 1 passed, 1 failed, 1 without a good backup. 102 (web1) failed: a bad tar; "
        "103 (db) has no good backup: none."
    )


def test_what_the_user_accepts_is_no_failure() -> None:
    calls = [a_call(a_drill(102, "failed", reason="x"))]
    assert not drill_joined(calls, ["no_good_backup"])["failed"]
    assert drill_joined([a_call(a_drill(102, "not_run", reason="x"))], ["not_run"])["failed"]


def test_a_drill_that_is_over_is_not_overdue_any_more() -> None:
    late = {"guests": 2, "per_run": 2, "within_days": 30, "chosen": [101, 102], "overdue": [101, 102]}
    began = a_call(a_drill(101, "pending", **PENDING), a_drill(102, "pending", **PENDING), rotation=late)
    ended = a_call(a_drill(101), a_drill(102, "not_run"))
    assert drill_joined([began, ended])["rotation"]["overdue"] == [102]


def test_a_call_that_failed_for_another_reason_is_told() -> None:
    began = a_call(a_drill(101, "pending", **PENDING))
    away = {"failed": True, "msg": "No node answers.", "changed": False}
    joined = drill_joined([began, away], ["failed"])
    assert (joined["failed"], joined["msg"]) == (True, "1 drill: 1 pending. No node answers.")
    unrecorded = a_call(a_drill(101), failed=True, msg="1 drill: 1 passed. The record is full.")
    assert "The record is full" in drill_joined([unrecorded])["msg"]


def test_a_copy_that_is_left_is_told_once() -> None:
    left = {"done": False, "reason": "its destroy failed", "upid": None}
    call = a_call(a_drill(101, "passed", cleanup=left), failed=True, msg="1 drill: 1 passed. 101: not cleaned up.")
    joined = drill_joined([call, call], [])
    assert joined["msg"] == "1 drill: 1 passed. 101 (web1): not cleaned up: its destroy failed."


def test_nothing_was_seen() -> None:
    joined = drill_joined([{"failed": True, "msg": "No node answers."}, SKIPPED])
    assert joined == {"changed": False, "failed": True, "msg": "No node answers."}


@pytest.mark.parametrize("results", [[], [SKIPPED], [{"drills": [{}]}], [{"drills": 3}]])
def test_other_things_are_refused(results: list[dict[str, Any]]) -> None:
    with pytest.raises(AnsibleFilterError, match="drill_joined: "):
        drill_joined(results)


def test_its_name() -> None:
    assert FilterModule().filters() == {"drill_joined": drill_joined}
