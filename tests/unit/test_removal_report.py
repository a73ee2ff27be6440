# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was removed, what stays and what couldn't be removed: as a user reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_apply import RemovalOutcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Fate, RemovalPlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import (
    Pruning,
    diff_lines,
    fate_rows,
    removal_result,
    removed_row,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from unit.builders import DAY, DB1, GIB, HOUR, MIB, NOW, WEB1, WEB2, a_backup, a_place, a_upid, an_observation

NEW, MIDDLE, OLD = (a_backup(101, days * DAY) for days in (1, 2, 3))
OTHER = a_backup(102, DAY)
KEPT = (Fate(NEW, "keep_last: made 2026-11-19 12:26:37"), Fate(OTHER, "keep_last: made 2026-11-19 12:26:37"))
GOING = (Fate(MIDDLE, "not kept by keep-last=1"), Fate(OLD, "not kept by keep-last=1"))
PLAN = RemovalPlan(GOING, KEPT)
GONE = Guest(900, None, "", "")


def _done(
    removed: Sequence[Fate] = (), failed: Sequence[Fate] = (), spared: Sequence[Fate] = (), plan: RemovalPlan = PLAN
) -> Pruning:
    upids: dict[Upid, str | None] = {a_upid(101, pid=number): "OK" for number in range(1, 1 + len(removed))}
    return Pruning(plan, RemovalOutcome(list(removed), list(failed), list(spared), upids=upids))


def _result(
    pruning: Pruning,
    guests: Sequence[Guest] = (WEB1, WEB2),
    backups: Sequence[Backup] = (NEW, MIDDLE, OLD, OTHER),
    hidden: Mapping[int, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return removal_result(guests, hidden or {}, pruning, an_observation(guests, backups, **more), 12.345)


def _told(result: dict[str, Any]) -> dict[int, tuple[str, str]]:
    return {row["vmid"]: (row["result"], row["reason"]) for row in result["guests"]}


# ----- a removal


def test_in_check_mode_everything_that_stays_is_told_and_why() -> None:
    pruning = Pruning(PLAN)
    assert (pruning.removed, pruning.failed, pruning.kept, pruning.tasks()) == (GOING, (), KEPT, [])
    assert pruning.told() == "2 backups would be removed (4 MiB)"


def test_in_a_real_run_what_stays_is_told_of_those_who_lose_something() -> None:
    assert list(_done(GOING).kept) == [KEPT[0]]
    assert list(_done(failed=[Fate(OLD, "it broke")]).kept) == [KEPT[0]]
    assert list(_done().kept) == []


def test_what_is_spared_stays() -> None:
    spared = Fate(OLD, "what lies on the storage has changed since the plan was made")
    assert list(_done(GOING[:1], spared=[spared]).kept) == [KEPT[0], spared]


def test_what_is_gone_is_what_was_removed_and_not_what_was_planned() -> None:
    pruning = _done(GOING[:1], [Fate(OLD, "it broke")])
    assert (list(pruning.removed), list(pruning.failed)) == ([GOING[0]], [Fate(OLD, "it broke")])
    assert pruning.told() == "1 backup removed (2 MiB)"
    assert Pruning(outcome=RemovalOutcome()).told() == ""


def test_every_backup_that_could_not_be_removed_is_named_with_its_cause() -> None:
    assert _done(GOING).failure() == ""
    assert _done(failed=[Fate(OLD, "it is\n busy."), Fate(NEW, "no answer")]).failure() == (
        f"2 backups could not be removed. {OLD.volid}: it is busy. {NEW.volid}: no answer."
    )
    many = [Fate(a_backup(101, days * DAY), "no") for days in range(40)]
    told = _done(failed=many).failure()
    assert told.endswith(f"{many[11].backup.volid} and 28 more: no."), "all of them are in not_removed"


def test_the_tasks_that_removed() -> None:
    outcome = RemovalOutcome(upids={a_upid(101): "OK", a_upid(102, node="pve2"): None})
    assert Pruning(PLAN, outcome).tasks() == [
        {"upid": a_upid(101).text, "node": "pve1", "exitstatus": "OK"},
        {"upid": a_upid(102, node="pve2").text, "node": "pve2", "exitstatus": None},
    ]


def test_rows_come_by_guest_and_oldest_first() -> None:
    nobodys = a_backup(None, DAY, guest_type=None)
    rows = fate_rows([Fate(OTHER, "a"), Fate(NEW, "b"), Fate(OLD, "c"), Fate(nobodys, "d")])
    assert [row["why"] for row in rows] == ["d", "c", "b", "a"]
    assert rows[1] == {
        "volid": OLD.volid,
        "vmid": 101,
        "node": "pve1",
        "storage": "vault",
        "ctime": NOW - 3 * DAY,
        "size": 2 * MIB,
        "why": "c",
    }
    assert rows[1] == removed_row(OLD, "c")


# ----- the diff

KEPT_LINE = f"101 (web1): {NEW.volid}, made 2026-11-19 12:26:37Z, 2 MiB: stays, keep_last: made 2026-11-19 12:26:37"
MIDDLE_LINE = f"101 (web1): {MIDDLE.volid}, made 2026-11-18 12:26:37Z, 2 MiB: goes, not kept by keep-last=1"
OLD_LINE = f"101 (web1): {OLD.volid}, made 2026-11-17 12:26:37Z, 2 MiB: goes, not kept by keep-last=1"


@pytest.mark.parametrize("pruning", [Pruning(PLAN), _done(GOING)], ids=["check mode", "real run"])
def test_the_diff_shows_the_guests_that_lose_something_newest_first(pruning: Pruning) -> None:
    assert diff_lines(pruning, {101: WEB1, 102: WEB2}) == ([KEPT_LINE, MIDDLE_LINE, OLD_LINE], [KEPT_LINE])


def test_the_diff_shows_what_should_have_gone_as_staying() -> None:
    pruning = _done(GOING[:1], [Fate(OLD, "it broke")])
    stays = f"101 (web1): {OLD.volid}, made 2026-11-17 12:26:37Z, 2 MiB: stays, it broke"
    assert diff_lines(pruning, {101: WEB1}) == ([KEPT_LINE, MIDDLE_LINE, stays], [KEPT_LINE, stays])


def test_the_diff_of_guests_that_are_gone_and_of_backups_of_nobody() -> None:
    nobodys = a_backup(None, DAY, guest_type=None, volid="vault:backup/mine.tar.zst", size=3 * GIB)
    orphan = a_backup(900, DAY)
    before, after = diff_lines(Pruning(RemovalPlan((Fate(nobodys, "it is named"), Fate(orphan, "it is named")))), {})
    assert before == [
        "None: vault:backup/mine.tar.zst, made 2026-11-19 12:26:37Z, 3 GiB: goes, it is named",
        f"900: {orphan.volid}, made 2026-11-19 12:26:37Z, 2 MiB: goes, it is named",
    ]
    assert after == []


def test_where_nothing_goes_there_is_no_diff() -> None:
    assert diff_lines(Pruning(RemovalPlan((), KEPT)), {101: WEB1}) == ([], [])
    assert diff_lines(_done(failed=GOING), {101: WEB1}) == ([], [])


# ----- the result


def test_the_whole_result_of_a_removal() -> None:
    result = _result(_done(GOING))
    none: dict[str, Any] = {"duration": None, "warnings": [], "excluded_volumes": [], "upid": None}
    assert result == {
        "changed": True,
        "guests": [
            {
                "vmid": 101,
                "name": "web1",
                "node": "pve1",
                "type": "lxc",
                "result": "removed",
                "volid": NEW.volid,
                "storage": "vault",
                "size": 2 * MIB,
                "ctime": NOW - DAY,
                "age": DAY,
                "reason": f"2 of 3 backups; {MIDDLE.volid}: not kept by keep-last=1",
                **none,
            },
            {
                "vmid": 102,
                "name": "web2",
                "node": "pve1",
                "type": "lxc",
                "result": "kept",
                "volid": OTHER.volid,
                "storage": "vault",
                "size": 2 * MIB,
                "ctime": NOW - DAY,
                "age": DAY,
                "reason": "1 backup, none of which is to go",
                **none,
            },
        ],
        "removed": [removed_row(OLD, "not kept by keep-last=1"), removed_row(MIDDLE, "not kept by keep-last=1")],
        "not_removed": [],
        "kept": [removed_row(NEW, KEPT[0].why)],
        "tasks": [{"upid": a_upid(101, pid=number).text, "node": "pve1", "exitstatus": "OK"} for number in (1, 2)],
        "orphans": [],
        "summary": {
            "selected": 2,
            "backed_up": 0,
            "would_back_up": 0,
            "waited_for": 0,
            "started": 0,
            "fresh": 0,
            "failed": 0,
            "bytes": 0,
            "removed": 2,
            "bytes_removed": 4 * MIB,
            "seconds": 12.3,
        },
        "diff": {"before": f"{KEPT_LINE}\n{MIDDLE_LINE}\n{OLD_LINE}\n", "after": f"{KEPT_LINE}\n"},
        "warnings": [],
        "msg": "2 backups removed (4 MiB).",
    }


def test_check_mode_foretells_the_same_in_the_same_keys() -> None:
    dry, wet = _result(Pruning(PLAN)), _result(_done(GOING))
    assert list(dry) == list(wet)
    assert [list(row) for row in dry["guests"]] == [list(row) for row in wet["guests"]]
    for key in ("changed", "removed", "not_removed", "diff", "summary"):
        assert dry[key] == wet[key]
    assert _told(dry)[101] == ("would_remove", f"2 of 3 backups; {MIDDLE.volid}: not kept by keep-last=1")
    assert dry["msg"] == "2 backups would be removed (4 MiB)."
    assert len(dry["kept"]) == 2


def test_where_nothing_was_to_go_nothing_changes() -> None:
    result = _result(_done(plan=RemovalPlan((), KEPT)))
    assert (result["changed"], result["removed"], result["tasks"]) == (False, [], [])
    assert result["diff"] == {"before": "", "after": ""}
    assert result["msg"] == "Nothing was to be removed."
    assert _told(result) == {
        101: ("kept", "3 backups, none of which is to go"),
        102: ("kept", "1 backup, none of which is to go"),
    }


def test_one_that_could_not_be_removed_fails_its_guest_and_no_other() -> None:
    result = _result(_done(GOING[:1], [Fate(OLD, "it broke")]))
    assert _told(result) == {
        101: ("failed", f"{OLD.volid} could not be removed: it broke"),
        102: ("kept", "1 backup, none of which is to go"),
    }
    assert (result["changed"], result["summary"]["failed"], result["summary"]["removed"]) == (True, 1, 1)
    assert result["not_removed"] == [removed_row(OLD, "it broke")]
    assert result["msg"] == f"1 backup removed (2 MiB). 1 backup could not be removed. {OLD.volid}: it broke."


def test_a_task_that_removed_nothing_may_have_done_something() -> None:
    outcome = RemovalOutcome(failed=[Fate(OLD, "task still runs")], upids={a_upid(101): None})
    assert _result(Pruning(PLAN, outcome))["changed"]
    assert not _result(Pruning(PLAN, RemovalOutcome(failed=[Fate(OLD, "no answer")])))["changed"]


def test_a_guest_whose_backups_cannot_be_seen_is_a_failure() -> None:
    result = _result(_done(plan=RemovalPlan()), hidden={102: "Node pve1 is away"})
    assert _told(result)[102] == ("failed", "Node pve1 is away")
    assert result["msg"] == "1 of 2 guests not done. 102: Node pve1 is away."
    assert result["summary"]["failed"] == 1


def test_names_that_were_not_there_are_told() -> None:
    absent = RemovalPlan((), (), ("vault:backup/a", "vault:backup/b"))
    assert _result(_done(plan=absent))["msg"] == "Not there: vault:backup/a, vault:backup/b."
    both = RemovalPlan(GOING[:1], (), ("vault:backup/a",))
    assert _result(Pruning(both))["msg"] == "1 backup would be removed (2 MiB). Not there: vault:backup/a."


def test_a_guest_without_backups_and_one_that_is_gone() -> None:
    left = a_backup(900, DAY, size=0)
    result = _result(_done(plan=RemovalPlan()), [DB1, GONE], [left])
    assert _told(result) == {
        300: ("kept", "no backup is there"),
        900: ("kept", "1 backup, none of which is to go"),
    }
    row = result["guests"][1]
    assert [row[key] for key in ("name", "node", "type", "volid", "size", "ctime", "age")] == [None] * 7


def test_a_row_rests_on_the_newest_good_backup_that_is_left() -> None:
    damaged = a_backup(101, HOUR, verified=False)
    result = _result(_done([Fate(NEW, "x")]), [WEB1], [damaged, NEW, MIDDLE], offsets={"pve1": 60.0})
    row = result["guests"][0]
    assert (row["volid"], row["age"]) == (MIDDLE.volid, 2 * DAY + 60)
    assert row["reason"] == f"1 of 3 backups; {NEW.volid}: x"


def test_of_two_of_the_same_name_the_one_on_the_other_node_is_left() -> None:
    here, there = (a_backup(101, DAY, storage="local", node=node) for node in ("pve1", "pve2"))
    places = [a_place("local", node) for node in ("pve1", "pve2")]
    result = _result(_done([Fate(here, "x")]), [WEB1, DB1], [here, there], places=places)
    assert _told(result)[101] == ("removed", f"1 of 2 backups; {here.volid}: x")
    assert result["guests"][0]["volid"] == there.volid


def test_warnings_are_handed_on() -> None:
    assert _result(Pruning(PLAN, None, ("a", "b")))["warnings"] == ["a", "b"]


def test_whom_nobody_can_see_is_named_beside_what_failed() -> None:
    one = a_backup(101, DAY)
    pruning = Pruning(RemovalPlan((Fate(one, "x"),)), RemovalOutcome(failed=[Fate(one, "it broke")]))
    seen = an_observation([WEB1, WEB2], [one])
    told = removal_result([WEB1, WEB2], {102: "Node pve1 is away"}, pruning, seen, 1.0)
    assert told["msg"] == (
        f"1 backup could not be removed. {one.volid}: it broke. 1 of 2 guests not done. 102: Node pve1 is away."
    )
