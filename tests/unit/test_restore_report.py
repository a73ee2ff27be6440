# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of restores: which guest stands, in words that hold together whatever happened."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.report import (
    FAILURES,
    RESULTS,
    Row,
    diff,
    message,
    report,
    row,
    verdict,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.standing import (
    BEGUN,
    GONE,
    NEW,
    NOTHING_THERE,
    OLD,
    ROLLED_BACK,
    RUNNING,
    UNDECIDED,
    Standing,
)
from unit.builders import HOUR, NOW, WEB1, a_backup, a_upid
from unit.restore_builders import a_configuration

BACKUP = a_backup(101, 9 * HOUR)
TASK = a_upid(101).text
SAFETY = "vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst"


def a_step(name: str, result: str = "ok") -> dict[str, Any]:
    return {"step": name, "result": result, "seconds": 1.0, "upid": None}


def a_row(result: str = "restored", reason: str = "", **more: Any) -> Row:
    return row(WEB1, result, reason, BACKUP, 9 * HOUR, **{"duration": 42.0, **more})


# ----- a row


def test_a_row_tells_the_guest_and_its_backup() -> None:
    assert row(WEB1, "restored", "", BACKUP, 9 * HOUR, [a_step("restore")], upid=TASK, started=True) == {
        "changed": True,
        "result": "restored",
        "vmid": 101,
        "name": "web1",
        "node": "pve1",
        "type": "lxc",
        "volid": BACKUP.volid,
        "upid": TASK,
        "restored_from": {"volid": BACKUP.volid, "ctime": NOW - 9 * HOUR, "size": BACKUP.size, "age": 9 * HOUR},
        "duration": 0.0,
        "steps": [a_step("restore")],
        "safety_backup": None,
        "rolled_back": False,
        "started": True,
        "recovered": False,
        "reason": "",
    }


def test_a_row_of_nobody_has_the_same_keys() -> None:
    assert set(row(None, "failed", "why")) == set(a_row())
    assert row(None, "failed", "why")["vmid"] is None


@pytest.mark.parametrize(
    ("result", "steps", "changed"),
    [
        ("restored", [], True),
        ("would_restore", [a_step("restore", "planned")], True),
        ("rolled_back", [], True),
        ("running", [], True),
        ("skipped", [], False),
        ("failed", [], False),
        ("failed", [a_step("protect_source"), a_step("prove", "failed")], False),
        ("failed", [a_step("shut_down", "failed")], True),
        ("failed", [a_step("safety_backup")], True),
        ("failed", [a_step("restore", "failed")], True),
        ("failed", [a_step("disable_ha")], True),
        ("failed", [a_step("restore", "planned")], False),
    ],
)
def test_whether_anything_was_changed(result: str, steps: list[dict[str, Any]], changed: bool) -> None:
    assert row(WEB1, result, "", steps=steps)["changed"] is changed


# ----- what stands


@pytest.mark.parametrize(
    ("standing", "failure", "word", "reason"),
    [
        (Standing(NEW), "", "restored", ""),
        (Standing(NEW), "Run x did not come to its end.", "restored", "Run x did not come to its end"),
        (Standing(NEW, "it does not start"), "", "failed", "it is restored and whole, but it does not start"),
        (
            Standing(ROLLED_BACK),
            "the restore failed: exit code 2.",
            "rolled_back",
            f"the restore failed: exit code 2; the old guest stands again, rolled back from {SAFETY}",
        ),
        (
            Standing(ROLLED_BACK, "it does not start"),
            "no",
            "rolled_back",
            f"no; the old guest stands again, rolled back from {SAFETY}, but it does not start",
        ),
        (Standing(OLD), "no", "failed", "no; the old guest stands as it was"),
        (Standing(OLD, "it does not start"), "", "failed", "the old guest stands as it was, but it does not start"),
        (Standing(NOTHING_THERE), "no", "failed", "no; nothing is left of it"),
        (Standing(GONE, "somebody has removed it"), "no.", "failed", "no; somebody has removed it"),
        (Standing(GONE, "somebody has removed it"), "", "failed", "somebody has removed it"),
        (
            Standing(RUNNING, "task UPID has not ended"),
            "",
            "failed",
            "task UPID has not ended; run this task again, which ends what was begun",
        ),
        (Standing(UNDECIDED, "look at it"), "no.", "failed", "no; look at it"),
        (Standing(UNDECIDED, "look at it"), "", "failed", "look at it"),
    ],
)
def test_the_verdict_says_which_guest_stands(standing: Standing, failure: str, word: str, reason: str) -> None:
    assert verdict(standing, failure, SAFETY) == (word, reason)


@pytest.mark.parametrize(
    ("what", "settled"),
    [
        (OLD, True), (NEW, True), (ROLLED_BACK, True), (NOTHING_THERE, True), (BEGUN, True), (GONE, True),
        (RUNNING, False), (UNDECIDED, False),
    ],
)  # fmt: skip
def test_what_is_undecided_or_runs_is_left_to_a_later_run(what: str, settled: bool) -> None:
    assert Standing(what).settled is settled


# ----- messages


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (a_row(), f"101 (web1): restored from {BACKUP.volid} (9 h old) in 42 s."),
        (a_row(started=True), f"101 (web1): restored from {BACKUP.volid} (9 h old) in 42 s; it runs."),
        (
            a_row(reason="run x has begun it", started=False, restored_from=None),
            f"101 (web1): restored from {BACKUP.volid} in 42 s; run x has begun it.",
        ),
        (
            a_row("running", "it is not waited for", upid=TASK),
            f"101 (web1): being restored from {BACKUP.volid} (9 h old) by task {TASK}; it is not waited for.",
        ),
        (
            a_row("would_restore", "no guest has it", steps=[a_step("restore", "planned"), a_step("check", "planned")]),
            f"101 (web1): would be restored from {BACKUP.volid} (9 h old); no guest has it; steps: restore, check.",
        ),
        (a_row("skipped", "it exists already"), "101 (web1): left alone, it exists already."),
        (a_row("failed", "no; the old guest stands as it was"), "101 (web1): no; the old guest stands as it was."),
        (a_row("failed", "a whole sentence."), "101 (web1): a whole sentence."),
        (row(None, "failed", "102: it is locked. Nothing was changed"), "102: it is locked. Nothing was changed."),
    ],
)  # fmt: skip
def test_a_row_is_one_sentence_that_names_the_guest(of: Row, words: str) -> None:
    assert message(of) == words


def test_a_guest_without_a_name_is_called_by_its_id() -> None:
    assert message(a_row("failed", "no", name=None)) == "101: no."


# ----- all together


def test_of_a_single_restore_its_row_stands_beside_the_list() -> None:
    change = diff("101 (web1)", None, a_configuration("lxc"))
    values = report([a_row(started=True)], ["one", "two", "one"], [change], single=True)
    assert values["msg"] == f"101 (web1): restored from {BACKUP.volid} (9 h old) in 42 s; it runs."
    assert (values["result"], values["vmid"], values["changed"]) == ("restored", 101, True)
    assert values["restores"] == [a_row(started=True)]
    assert values["warnings"] == ["one", "two"]
    assert values["diff"] == change
    assert values["summary"] == {"selected": 1, "restored": 1, **dict.fromkeys(set(RESULTS) - {"restored"}, 0)}


def test_of_several_all_are_counted_and_failures_are_told() -> None:
    rows = [
        a_row(),
        a_row("skipped", "it exists already"),
        a_row("failed", "no; nothing is left of it"),
        a_row("rolled_back", "no; the old guest stands again, rolled back from x"),
        a_row(),
    ]
    values = report(rows, [], [], single=False)
    assert values["msg"] == (
        "5 guests: 2 restored, 1 skipped, 1 rolled back, 1 failed. 101 (web1): no; nothing is left of it. "
        "101 (web1): no; the old guest stands again, rolled back from x."
    )
    assert "result" not in values
    assert values["changed"] is True
    assert values["diff"] == []


def test_one_of_a_list_is_told_like_several() -> None:
    values = report([a_row("skipped", "it exists already")], [], [{"before": "a"}], single=False)
    assert (values["msg"], values["changed"], values["diff"]) == ("1 guest: 1 skipped.", False, [{"before": "a"}])


ROWS = st.builds(
    row,
    st.sampled_from([WEB1, None]),
    st.sampled_from(RESULTS),
    st.text("ab c.;:é", max_size=8),
    st.sampled_from([BACKUP, None]),
    st.sampled_from([None, 0, 9 * HOUR]),
    st.lists(st.builds(a_step, st.sampled_from(["restore", "check"]), st.sampled_from(["ok", "planned", "failed"]))),
    duration=st.floats(0, 10**7),
    upid=st.sampled_from([None, TASK]),
    started=st.sampled_from([None, True, False]),
)


@settings(max_examples=200)
@given(st.lists(ROWS, min_size=1, max_size=5), st.lists(st.text(max_size=3)), st.booleans())
def test_numbers_add_up_and_every_row_has_its_sentence(rows: list[Row], warnings: list[str], single: bool) -> None:
    values = report(rows, warnings, [], single)
    summary = dict(values["summary"])
    assert summary.pop("selected") == sum(summary.values()) == len(rows)
    assert set(summary) == set(RESULTS)
    assert values["restores"] == rows
    assert values["changed"] is any(one["changed"] for one in rows)
    assert sorted(values["warnings"]) == sorted(set(warnings))
    for one in rows:
        assert message(one).endswith(".")
        assert one["vmid"] is None or one["volid"] is None or message(one).startswith("101 (web1): ")
    if single:
        assert values["msg"] == message(rows[0])
    else:
        assert all(message(one) in values["msg"] for one in rows if one["result"] in FAILURES)


# ----- differences


def test_a_change_is_shown_as_configurations_before_and_after() -> None:
    before, after = a_configuration("lxc", memory="1024"), a_configuration("lxc")
    assert diff("101 (web1)", before, after) == {
        "before_header": "101 (web1)",
        "after_header": "101 (web1)",
        "before": before.text(),
        "after": after.text(),
    }
    assert diff("101", None, after)["before"] == ""
    assert diff("101", before, None)["after"] == ""
