# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read of a judged policy: whole, aligned, and text whatever names and reasons hold."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from ansible_collections.lifeboat.backup.plugins.filter import policy_markdown as markdown_file
from ansible_collections.lifeboat.backup.plugins.filter import policy_table as table_file
from ansible_collections.lifeboat.backup.plugins.filter.policy_markdown import LONGEST, MOST, policy_markdown
from ansible_collections.lifeboat.backup.plugins.filter.policy_table import policy_table
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Match
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import Birth
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import Drilled
from unit.builders import DAY, HOUR, NOW, a_backup, a_guest, granted
from unit.policyinfo_builders import WEEK, a_disk, a_job, a_policy, a_report, a_rule, a_tier, an_exemption, seen

SOME = Permissions({**granted(["VM.Audit", "VM.Backup"], "/vms/101"), **granted(["Datastore.Allocate"], "/storage")})
HOSTILE = (
    "a|b <img src=x onerror=alert(1)> [x](javascript:y) @all #1 `c`\n| d |\r\n# e *f* _g_ https://x.y www.x.y \x1b[31m"
)


def a_small_cluster() -> dict[str, Any]:
    """A guest of each kind, and findings of several."""
    gold = a_tier(keep=Keep(daily=7), drill=30 * DAY, rto=900)
    bronze = a_tier("bronze", line=9, rpo=WEEK)
    policy = a_policy(
        gold,
        bronze,
        rules=[a_rule("gold", "databases", Match(tags=frozenset({"db"})), line=12)],
        exemptions=[an_exemption(104, until="2026-11-30")],
    )
    guests = [
        a_guest(101, "db1", kind="qemu", tags=["db"]),
        a_guest(102, "db2", "pve2", "qemu", tags=["db"]),
        a_guest(103, "web1"),
        a_guest(104, "lab"),
        a_guest(105, "fresh"),
        a_guest(106, HOSTILE),
    ]
    backups = [a_backup(vmid, guest_type="qemu" if vmid < 103 else "lxc") for vmid in (101, 103, 106)]
    jobs = [a_job(exclude="102,105"), a_job("lifeboat-main_bronze", all=None, vmid="103", schedule="sat")]
    looked = seen(
        guests,
        backups,
        jobs,
        drills={(101, "qemu"): Drilled(NOW - DAY, "passed", "", NOW - DAY, 80.0)},
    )
    left = (a_disk(106), a_disk(106, "mp0", included=False))
    looked = replace(looked, disks={**looked.disks, "nightly": {**looked.disks["nightly"], 106: left}})
    return a_report(policy, looked, {105: Birth(NOW - HOUR)})


def test_the_markdown_of_a_small_cluster(snapshot: SnapshotAssertion) -> None:
    assert policy_markdown(a_small_cluster()) == snapshot


def test_the_table_of_a_small_cluster(snapshot: SnapshotAssertion) -> None:
    assert policy_table(a_small_cluster()) == snapshot


@pytest.mark.parametrize(
    ("looked", "told"),
    [
        (seen(backups=[a_backup()]), "**Yes:** all promises to 1 guest are kept. 0 errors, 0 warnings, 1 job to set."),
        (seen(), "**No:** a promise is broken to 1 of 1 guest."),
        (
            seen(backups=[a_backup()], jobs=[], jobs_hidden="No answer."),
            (
                "**Cannot tell:** not everything could be read; see the findings. 1 error, 0 warnings, the jobs "
                "cannot be compared."
            ),
        ),
        (
            seen(backups=[a_backup()], observed={"permissions": SOME}),
            "**Cannot tell:** not everything could be read; see the findings.",
        ),
        (seen([]), "**Cannot tell:** there is no guest."),
    ],
)
def test_the_verdict_is_one_sentence(looked: Any, told: str) -> None:
    assert told in policy_markdown(a_report(a_policy(), looked))


def test_exempt_guests_are_no_plain_yes() -> None:
    report = a_report(a_policy(exemptions=[an_exemption(101)]), seen())
    assert "**Yes, as far as promised:** 1 of 1 guest are exempt or new." in policy_markdown(report)


def test_of_very_many_guests_the_first_are_named() -> None:
    guests = [a_guest(vmid) for vmid in range(101, 101 + MOST + 7)]
    text = policy_markdown(a_report(a_policy(), seen(guests)))
    assert "... and 7 more guests." in text
    assert text.count("\n| 1") == MOST


def test_a_comment_of_github_has_room_for_the_text() -> None:
    report = a_report(a_policy(), seen([a_guest(101)]))
    long = "a promise | is broken " * 20
    kinds = ("never_drilled", "in_no_job", "same_storage", "backup_age")
    report["guests"] = [{**report["guests"][0], "vmid": vmid, "reason": long} for vmid in range(101, 201)]
    report["findings"] = [
        {"kind": kinds[number % 4], "severity": "error", "text": f"{number} {long}", "place": "policy.yml:3"}
        for number in range(120)
    ]
    text = policy_markdown(report)
    assert 20_000 < len(text) <= LONGEST < 65_536
    named = text.count("\n| 1")
    assert 0 < named < MOST
    assert f"... and {100 - named} more guests." in text
    listed = re.findall(r"(?m)^- error: ", text)
    left = [int(number) for number in re.findall(r"\.\.\. and (\d+) more findings\.", text)]
    assert (len(left), len(listed) + sum(left)) == (4, 120)
    assert "## Jobs to set" in text
    for line in text.splitlines():
        assert not line.startswith("| 1") or line.endswith(" |")
        assert not line.startswith("- error") or line.endswith(" (policy.yml:3)")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80) | st.just(HOSTILE))
def test_a_name_is_text_in_markdown_whatever_it_holds(name: str) -> None:
    plain = policy_markdown(a_report(a_policy(), seen([a_guest(101, "x")])))
    text = policy_markdown(a_report(a_policy(), seen([a_guest(101, name or "x")])))
    assert text.count("\n") == plain.count("\n")
    for line, like in zip(text.splitlines(), plain.splitlines(), strict=True):
        assert line.count("|") == like.count("|")
        assert not re.search(r"[<>@]|://|www\.", line)
    (row,) = [line for line in text.splitlines() if line.startswith("| 101")]
    read = unescape(re.sub(r"\\([\\`*_\[\]~#])", r"\1", row))
    printable = " ".join("".join(one if one.isprintable() else " " for one in (name or "x")).split())
    assert printable in " ".join(read.split()) or not printable


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80) | st.just(HOSTILE))
def test_a_name_stays_on_its_line_of_the_table(name: str) -> None:
    lines = policy_table(a_report(a_policy(), seen([a_guest(101, name or "x")])))
    assert all(line.isprintable() for line in lines)
    assert sum(line.startswith("101") for line in lines) == 1


@pytest.mark.parametrize("render", [policy_markdown, policy_table])
@pytest.mark.parametrize("given", [None, [], "x", {"summary": {}}, {"summary": {}, "guests": [{}], "policy": {}}])
def test_what_is_no_such_result_is_refused(render: Any, given: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=render.__name__):
        render(given)


def test_the_filters_have_the_names_of_their_files() -> None:
    assert set(markdown_file.FilterModule().filters()) == {"policy_markdown"}
    assert set(table_file.FilterModule().filters()) == {"policy_table"}
