# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From checks to a verdict: what was not looked at has not passed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import check_row, verdict_of

MARKS = Marks("lifeboat-drill", "0" * 32, 900, 909)
RESTORED = check_row("restored", "passed", "all volumes are there")
BOOTED = check_row("booted", "passed", "it runs")


def a_drill(*checks: dict[str, Any], **more: Any) -> Drilled:
    return Drilled({}, MARKS, checks=checks, **{"phase": "checked", **more})


def test_every_check_passed() -> None:
    found = verdict_of(a_drill(RESTORED, BOOTED))
    assert found == ("passed", "it was restored and started, and every check passed")


def test_one_that_failed_is_the_verdict() -> None:
    failed = check_row("agent", "failed", "it printed something else")
    missed = check_row("running", "not_run", "it did not come up")
    assert verdict_of(a_drill(RESTORED, missed, failed)) == ("failed", "agent: it printed something else")


def test_one_that_was_not_made_is_no_success() -> None:
    missed = check_row("canary /etc/x", "not_run", "the agent reads no files")
    assert verdict_of(a_drill(RESTORED, BOOTED, missed)) == ("not_run", "canary /etc/x: the agent reads no files")


def test_a_template_need_only_be_restored() -> None:
    found = verdict_of(a_drill(RESTORED, phase="prepared", template=True))
    assert found == ("passed", "it was restored; it is a template, which is not started")


def test_a_drill_that_ended_early_has_not_passed() -> None:
    assert verdict_of(a_drill()) == ("not_run", "it was ended before anything was checked")
    assert verdict_of(a_drill(RESTORED, phase="prepared")) == ("not_run", "it was ended before it was checked")
    assert verdict_of(a_drill(RESTORED, BOOTED, phase="started")) == ("not_run", "it was ended before it was checked")
    assert verdict_of(a_drill(RESTORED, errors=("a step went wrong",))) == ("not_run", "a step went wrong")


rows = st.builds(
    check_row, st.sampled_from(["restored", "booted", "agent", "running"]),
    st.sampled_from(["passed", "failed", "not_run", "", "success"]), st.just("why"),
)  # fmt: skip


@given(
    st.lists(rows, max_size=5),
    st.sampled_from(["planned", "prepared", "started", "checked"]),
    st.booleans(),
    st.lists(st.just("trouble"), max_size=1),
)
def test_passed_means_that_everything_did(
    checks: list[dict[str, Any]], phase: str, template: bool, errors: list[str]
) -> None:
    word, reason = verdict_of(a_drill(*checks, phase=phase, template=template, errors=tuple(errors)))
    if word == "passed":
        assert checks
        assert not errors
        assert all(one["verdict"] == "passed" for one in checks)
        assert template or phase == "checked"
    elif any(one["verdict"] == "failed" for one in checks):
        assert word == "failed"
    else:
        assert word == "not_run"
    assert reason
