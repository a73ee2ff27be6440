# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a drill, read back by the call or the run that goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import Journal, JournalError, dead_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import (
    Drilled,
    DrillNotes,
    read_drill,
)

NONCE = "0123456789abcdef0123456789abcdef"
BASE = {"run": "r", "guest": {"vmid": 101}, "target": {"node": "pve1"}}
DRILL = {"base": BASE, "tag": "lifeboat-drill", "nonce": NONCE, "low": 900, "high": 909, "agent": True}
PLAN: dict[str, Any] = {
    "vmid": 900, "node": "pve1", "type": "lxc", "volid": "vault:backup/x", "key": "drill-101", "drill": DRILL,
}  # fmt: skip
CHECK = {"check": "restored", "verdict": "passed"}


def test_a_drill_is_gone_on_with(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {"drill": "r"})
    notes = DrillNotes.fresh(journal, Clock())
    notes.note("plan", **PLAN)
    notes.note("restoring", vmid=901, known=[], asked=1.0)
    notes.note("measured", what="restore", seconds=1.5)
    notes.note("check", row=CHECK)
    notes.note("barred", reasons=["args is there"])
    notes.note("trouble", text="a step went wrong")
    notes.note("reached", phase="prepared")
    notes.note("lease", until=5.5)
    mine = notes.drilled()
    journal.close(keep=True)
    with dead_runs(tmp_path) as dead:
        (one,) = dead
        theirs = DrillNotes.inherited(one, Clock())
        assert theirs.drilled() == mine
        assert theirs.progress().guest.vmid == 901
        theirs.note("check", row={**CHECK, "verdict": "failed"})
        theirs.note("destroyed", upid="UPID:x")
        assert [row["verdict"] for row in theirs.drilled().checks] == ["failed"]
    assert mine == Drilled(
        BASE, Marks("lifeboat-drill", NONCE, 900, 909), False, True, "prepared", (CHECK,), {"restore": 1.5},
        ("args is there",), ("a step went wrong",), 5.5,
    )  # fmt: skip
    assert mine.vmid == 101
    with dead_runs(tmp_path) as dead:
        again = read_drill(dead[0].entries)
        assert again is not None
        assert (again.gone, again.destroyed) == (True, "UPID:x")


def test_what_cannot_be_written_is_not_believed(tmp_path: Path) -> None:
    def full(_event: str, _facts: Any) -> None:
        raise JournalError("The journal cannot be written.")

    notes = DrillNotes(full, "r", Clock(), [{"event": "plan", **PLAN}])
    with pytest.raises(JournalError):
        notes.note("reached", phase="started")
    assert notes.drilled().phase == "planned"
    notes.insist = False
    notes.note("reached", phase="started")
    assert notes.drilled().phase == "started"


@pytest.mark.parametrize(
    "plan",
    [
        {}, {"drill": None}, {"drill": {**DRILL, "base": None}}, {"drill": {**DRILL, "nonce": "short"}},
        {"drill": {**DRILL, "tag": 1}}, {"drill": {**DRILL, "low": "900"}}, {"drill": {**DRILL, "high": None}},
    ],
)  # fmt: skip
def test_a_journal_of_something_else(plan: dict[str, Any]) -> None:
    assert read_drill([{"event": "run"}, {"event": "plan", **plan}, {"event": "reached", "phase": "started"}]) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
events = st.sampled_from(["plan", "reached", "measured", "check", "barred", "trouble", "lease", "destroyed", "other"])
names = st.sampled_from(["phase", "seconds", "what", "row", "reasons", "text", "until", "upid", "drill"])
entries = st.lists(st.builds(lambda event, facts: {"event": event, **facts}, events, st.dictionaries(names, anything)))


@given(entries)
def test_whatever_stands_in_a_journal(found: list[dict[str, Any]]) -> None:
    told = read_drill([{"event": "plan", **PLAN}, *found])
    if told is not None:
        assert isinstance(told.vmid, int)
        assert isinstance(told.lease, float)
        assert all(isinstance(one, str) for one in (*told.barred, *told.errors))
