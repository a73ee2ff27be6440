# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people and CI systems read of drills: whole, aligned, valid, whatever names and reasons hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from ansible_collections.lifeboat.backup.plugins.filter import drill_history as history_file
from ansible_collections.lifeboat.backup.plugins.filter import drill_junit as junit_file
from ansible_collections.lifeboat.backup.plugins.filter import drill_table as table_file
from ansible_collections.lifeboat.backup.plugins.filter.drill_history import drill_history
from ansible_collections.lifeboat.backup.plugins.filter.drill_junit import drill_junit
from ansible_collections.lifeboat.backup.plugins.filter.drill_table import drill_table
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import append
from unit.builders import DAY, HOUR, NOW
from unit.drill_builders import RUN, a_check, a_drill, a_record, a_result

DEAD = "20261119T030000Z-0a0b0c0d"
NOTHING = {"restore": None, "boot": None, "checks": None}
NO_TARGET = {"vmid": None, "node": "pve2", "storage": None}
FINDING = {
    "vmid": 103,
    "name": "db1",
    "node": "pve2",
    "type": "qemu",
    "finding": "no_good_backup",
    "reason": "its only backup is empty (0 bytes)",
}
LEFT = {"vmid": 901, "node": "pve1", "run": DEAD, "result": "left", "reason": "node pve1 is offline"}
REMOVED = {"vmid": 902, "node": "pve2", "run": DEAD, "result": "removed", "reason": "its run died"}


def every_kind() -> dict[str, Any]:
    """A result with each verdict, and all that can go wrong."""
    return a_result(
        a_drill(
            101,
            checks=[a_check(seconds=61.3), a_check("running", seconds=12.0), a_check("canary", seconds=0.41)],
            rto=73.3,
        ),
        a_drill(
            102,
            "failed",
            kind="qemu",
            name="mail",
            reason="canary: /etc/canary is not there",
            checks=[
                a_check(),
                a_check("canary", "failed", "/etc/canary is not there", evidence={"exit": 1, "err": "cat: Grüße\x1b"}),
                a_check("agent", "not_run", "a check before it failed", seconds=None),
            ],
            errors=["cat: /etc/canary: No such file", "second\nline"],
        ),
        a_drill(
            104,
            "failed",
            name="files.example.org",
            reason="the restore failed: tar says no",
            seconds={**NOTHING, "restore": 3.21},
            cleanup={"done": False, "reason": "it is locked (create)", "upid": None},
        ),
        a_drill(105, "not_run", name=None, reason="pve2 has no room", seconds=NOTHING, target=NO_TARGET, cleanup=None),
        a_drill(
            106,
            "interrupted",
            run=DEAD,
            reason="its run died while the copy booted",
            seconds=NOTHING,
            rpo=None,
            age=DAY,
        ),
        a_drill(
            107,
            "pending",
            phase="started",
            reason="it is started",
            seconds={**NOTHING, "restore": 2},
            cleanup={"done": False, "reason": "the drill is not over", "upid": None},
        ),
        a_drill(108, rpo=40 * DAY, errors=["the agent took 3 tries"], checks=[a_check()]),
        findings=[FINDING],
        leftovers=[LEFT, REMOVED],
    )


# ----- the table


def test_every_kind_is_told_in_the_tables(snapshot: SnapshotAssertion) -> None:
    assert drill_table(every_kind()) == snapshot


def test_without_findings_and_leftovers_there_is_one_table() -> None:
    assert drill_table(a_result()) == ["GUEST  NAME  VERDICT  BACKUP AGE  RESTORE  BOOT  CHECKS  REASON"]
    assert "" not in drill_table({"drills": [a_drill()]})


def test_a_reason_that_has_it_already_is_not_followed_by_the_check_again() -> None:
    checks = [
        a_check("canary", "failed", "no file"),
        a_check("running", "failed", ""),
        a_check("other", "failed", "x y"),
    ]
    [_head, *lines] = drill_table(a_result(a_drill(verdict="failed", reason="canary: no file", checks=checks)))
    column = lines[0].index("canary: no file")
    assert [line[column:] for line in lines] == [
        "canary: no file",
        "running: failed, without a reason",
        "other: failed, x y",
    ]


@pytest.mark.parametrize("target", [NO_TARGET, None], ids=["without an id", "none"])
def test_what_was_left_is_told_without_an_id_too(target: Any) -> None:
    drill = a_drill(verdict="failed", target=target, cleanup={"done": False, "reason": "why not"})
    assert drill_table(a_result(drill))[-1].endswith("  something of it is left: why not")


def test_hostile_names_do_not_break_the_table() -> None:
    name = "\x1b[31mred\nline " + "x" * 200
    long_ = {"vmid": 901, "node": name, "run": name, "result": name, "reason": "Y" * 200}
    drill, finding = a_drill(name=name, reason=name), {**FINDING, "name": name}
    lines = drill_table(a_result(drill, findings=[finding], leftovers=[long_]))
    assert all(line.isprintable() and len(line) < 220 for line in lines)
    assert lines[1].startswith("101    [31mred line xxxxxxxxxxxxxxx ...  passed")
    assert "".join(lines[-3:]).count("Y") == 200


foreign = st.text(min_size=1)


@settings(max_examples=25)
@given(name=foreign, reason=foreign, check=foreign, run=foreign)
def test_columns_stay_where_they_are_and_nothing_acts_on_a_terminal(**texts: str) -> None:
    drill = a_drill(
        name=texts["name"], verdict="failed", reason=texts["reason"], checks=[a_check(texts["check"], "failed", "no")]
    )
    lines = drill_table(a_result(drill, leftovers=[{**LEFT, "run": texts["run"], "reason": texts["reason"]}]))
    column = lines[0].index("VERDICT")
    assert lines[1][column:].startswith("failed   3 h")
    assert all(line.isprintable() for line in lines)


# ----- JUnit


def _suites(result: Any) -> dict[str, ET.Element]:
    return {str(suite.get("name")): suite for suite in ET.fromstring(drill_junit(result).encode())}


def _cases(suite: ET.Element) -> dict[tuple[Any, Any], list[str]]:
    return {(case.get("classname"), case.get("name")): [one.tag for one in case] for case in suite}


def test_every_kind_is_told_in_junit(snapshot: SnapshotAssertion) -> None:
    assert drill_junit(every_kind()) == snapshot
    assert drill_junit(every_kind()) == drill_junit(json.loads(json.dumps(every_kind())))


def test_the_numbers_are_those_of_the_elements() -> None:
    root = ET.fromstring(drill_junit(every_kind()).encode())
    assert len(root) == 2
    for one in (root, *root):
        assert [int(one.get(count) or -1) for count in ("tests", "failures", "errors", "skipped")] == [
            len(list(one.iter(tag))) for tag in ("testcase", "failure", "error", "skipped")
        ]


def test_a_verdict_that_a_check_tells_is_told_once() -> None:
    checks = [a_check(), a_check("canary", "failed", "no file")]
    [suite] = _suites(a_result(a_drill(verdict="failed", reason="no file", checks=checks))).values()
    assert _cases(suite) == {
        ("101 (web1)", "restored"): [],
        ("101 (web1)", "canary"): ["failure"],
        ("101 (web1)", "clean-up"): [],
    }


@pytest.mark.parametrize(
    ("verdict", "element"),
    [("passed", None), ("failed", "failure"), ("not_run", "skipped"), ("interrupted", "error"), ("pending", "skipped")],
)
def test_a_verdict_that_no_check_tells_has_a_case(verdict: str, element: str | None) -> None:
    drill = a_drill(verdict=verdict, reason="because", checks=[], cleanup=None)
    [suite] = _suites(a_result(drill)).values()
    assert _cases(suite) == {("101 (web1)", "drill"): [element] if element else []}
    assert [one.get("message") for one in suite.iter(str(element))] == (["because"] if element else [])


def test_a_run_without_drills_is_a_suite_with_its_findings() -> None:
    [(name, suite)] = _suites(a_result(findings=[FINDING])).items()
    assert name == f"proxmox_drill {RUN}"
    assert _cases(suite) == {("103 (db1)", "has a good backup"): ["failure"]}
    assert suite.get("timestamp") is None


def test_what_xml_cannot_hold_is_replaced() -> None:
    hostile = "a\x00b\x1b\ud800\ufffe<&\"'>]]>\u202eé\U0001f600\nnext"
    drill = a_drill(
        name=hostile,
        verdict="failed",
        run=hostile,
        reason=hostile,
        errors=[hostile],
        checks=[a_check(hostile, "failed", hostile, evidence={hostile: [hostile]})],
    )
    text = drill_junit(a_result(drill, findings=[{**FINDING, "reason": hostile}]))
    suite = list(ET.fromstring(text.encode()))[1]
    [first, second, _cleanup] = suite
    held = "a\ufffdb\ufffd\ufffd\ufffd<&\"'>]]> é\U0001f600 next"
    assert first.get("classname") == f"101 ({held})"
    assert [one.get("message") for one in (*first, *second)] == [held, held]


@settings(max_examples=40)
@given(name=st.text(), reason=st.text(), check=st.text(), evidence=st.text(), error=st.text())
def test_any_text_makes_valid_xml(**texts: str) -> None:
    checks = [a_check(texts["check"], "failed", texts["reason"], evidence={"out": texts["evidence"]})]
    drill = a_drill(
        name=texts["name"], verdict="failed", reason=texts["reason"], checks=checks, errors=[texts["error"]], run=None
    )
    [suite] = _suites(a_result(drill)).values()
    assert suite.get("failures") == str(len(list(suite.iter("failure"))))


def test_a_long_evidence_is_cut() -> None:
    drill = a_drill(verdict="failed", checks=[a_check("canary", "failed", evidence={"out": "x" * 100_000})])
    assert len(drill_junit(a_result(drill))) < 12_000


# ----- what is no result


@pytest.mark.parametrize("made", [drill_table, drill_junit])
@pytest.mark.parametrize(
    "given_", ["text", [], None, 7, {"restores": []}, [a_drill()]], ids=lambda value: str(value)[:9]
)
def test_what_is_no_result_is_refused(made: Callable[[Any], Any], given_: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"^{made.__name__}: give it the whole result of proxmox_drill\.$"):
        made(given_)


@pytest.mark.parametrize("made", [drill_table, drill_junit])
@pytest.mark.parametrize(
    "more",
    [
        {"drills": None},
        {"drills": ["x"]},
        {"drills": [{"vmid": 1}]},
        {"drills": [a_drill(seconds={"restore": "soon", "boot": None, "checks": None})]},
        {"drills": [a_drill(guest=None)]},
        {"drills": [a_drill(checks=[None])]},
        {"findings": [{"\x1b\n": 1}]},
        {"findings": 7},
        {"leftovers": ["x"]},
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_row_of_something_else_is_refused(made: Callable[[Any], Any], more: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=rf"^{made.__name__}: a row is not one of proxmox_drill \(") as caught:
        made(a_result(**{"drills": [], **more}))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("at", [None, "x", 10**20, float("nan")])
def test_a_time_that_is_none_is_refused(at: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^drill_junit: a row is not one of proxmox_drill \("):
        drill_junit(a_result({**a_drill(), "at": at}))


def test_a_verdict_that_is_unknown_is_not_taken_for_passed() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^drill_junit: a row is not one of proxmox_drill \(verdict fine\)"):
        drill_junit(a_result(a_drill(verdict="fine")))


# ----- the record file


def test_the_text_of_a_record_file_tells_of_each_guest(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    path = tmp_path / "drills.jsonl"
    append(path, a_record(300, age=40 * DAY, kind="qemu", name="db1", rto=80.5))
    append(path, a_record(300, age=31 * DAY, kind="qemu", name="db1", verdict="failed", reason="no boot"))
    append(path, a_record(101, age=HOUR, rto=61.0))
    append(path, a_record(101, age=2 * DAY, cluster="attic", verdict="not_run", reason="no room"))
    text = path.read_text(encoding="utf-8") + "torn {\n"
    rows = drill_history(text, now=NOW)
    assert rows == snapshot
    assert [(row["cluster"], row["vmid"], row["overdue"]) for row in rows] == [
        ("attic", 101, False),
        ("pve1-8006", 101, False),
        ("pve1-8006", 300, True),
    ]
    assert drill_history([json.loads(line) for line in text.splitlines()[:4]], now=NOW) == rows
    assert drill_history(text.rstrip("\n"), now=NOW) == rows


@pytest.mark.parametrize(("within_days", "overdue"), [(1, True), (2, False), (30, False)])
def test_the_days_are_the_users(within_days: int, overdue: bool) -> None:
    [row] = drill_history([a_record(age=2 * DAY)], within_days, NOW)
    assert (row["overdue"], row["due"]) == (overdue, NOW + (within_days - 2) * DAY)


def test_without_a_time_it_is_judged_by_the_clock() -> None:
    [row] = drill_history([{**a_record(), "at": 1_000_000_000}])
    assert row["overdue"]


def test_rows_of_the_modules_result_are_records_too() -> None:
    others: list[Any] = [a_drill(verdict="pending"), {"vmid": 1}, None, 7]
    [row] = drill_history([a_drill(age=HOUR), *others], now=NOW)
    assert (row["last_verdict"], row["last_at"]) == ("passed", NOW - HOUR)


@pytest.mark.parametrize("given_", ["", "\n", [], "no record"])
def test_without_records_there_are_no_rows(given_: Any) -> None:
    assert drill_history(given_) == []


@pytest.mark.parametrize("given_", [None, 7, a_record(), b"{}"], ids=lambda value: str(value)[:9])
def test_what_is_neither_text_nor_list_is_refused(given_: Any) -> None:
    with pytest.raises(
        AnsibleFilterError, match=r"^drill_history: give it the text of a record file, or a list of records\.$"
    ):
        drill_history(given_)


@pytest.mark.parametrize("within_days", [0, -1, "30", None, True, 1.5, 36501])
def test_days_that_cannot_be_meant_are_refused(within_days: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^drill_history: within_days is a whole number from 1 to 36500\.$"):
        drill_history([], within_days)


@pytest.mark.parametrize("now", ["now", True, float("nan"), float("inf"), []])
def test_a_now_that_is_no_time_is_refused(now: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^drill_history: now is a time in epoch seconds\.$"):
        drill_history([], now=now)


@pytest.mark.parametrize(
    ("file", "function"),
    [(history_file, drill_history), (junit_file, drill_junit), (table_file, drill_table)],
    ids=lambda value: value.__name__.rpartition(".")[2],
)
def test_they_are_filters(file: Any, function: Any) -> None:
    assert file.FilterModule().filters() == {function.__name__: function}
