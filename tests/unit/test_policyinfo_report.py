# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a judged cluster: figures, jobs, drift, failures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Match, Window
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import Birth
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.report import (
    compliance,
    failures,
    message,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Schedule, Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.wanted_jobs import drift_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import BODY_LIMIT
from unit.builders import DAY, HOUR, NOW, a_backup, a_guest, a_place
from unit.policyinfo_builders import (
    AT_NIGHT,
    a_job,
    a_policy,
    a_report,
    a_rule,
    a_tier,
    an_exemption,
    judged,
    runs,
    seen,
)

CLUSTER = Cluster({"pve1": True}, {vmid: a_guest(vmid) for vmid in (101, 102, 103)}, frozenset({"prod"}))
GUESTS = tuple(a_guest(vmid) for vmid in (101, 102, 103, 104))


def mixed() -> dict[str, Any]:
    """One guest of each kind but unknown."""
    policy = a_policy(exemptions=[an_exemption(103)])
    looked = seen(GUESTS, [a_backup(101), a_backup(102, age=3 * DAY)])
    return a_report(policy, looked, {104: Birth(NOW - HOUR)})


def test_all_guests_count() -> None:
    summary = mixed()["summary"]
    assert {word: summary[word] for word in ("met", "not_met", "unknown", "exempt", "new", "total")} == {
        "met": 1,
        "not_met": 1,
        "unknown": 0,
        "exempt": 1,
        "new": 1,
        "total": 4,
    }
    assert summary["compliance"] == "1 of 4 (25 %)"
    assert summary["promises"]["rpo"] == {"met": 1, "not_met": 3, "unknown": 0}


@pytest.mark.parametrize(
    ("met", "total", "complete", "text"),
    [
        (41, 50, True, "41 of 50 (82 %)"),
        (999, 1000, True, "999 of 1000 (99 %)"),
        (3, 3, True, "3 of 3 (100 %)"),
        (3, 3, False, "3 of 3 (99 %)"),
        (0, 0, True, "0 of 0 (0 %)"),
        (2, 3, True, "2 of 3 (66 %)"),
    ],
)
def test_compliance_is_rounded_down(met: int, total: int, complete: bool, text: str) -> None:
    assert compliance(met, total, complete) == text


def test_rows_say_why() -> None:
    rows = {row["vmid"]: (row["status"], row["reason"], row["until"]) for row in mixed()["guests"]}
    assert rows == {
        101: ("met", "rpo: on vault: newest good backup is 60 min old, wanted 24 h", None),
        102: ("not_met", "rpo: on vault: newest good backup is 3 d old, wanted 24 h", None),
        103: ("exempt", "lab machine", "2027-01-31"),
        104: ("new", "it is 60 min old; the policy gives it 24 h", None),
    }


def test_what_is_due_is_backed_up_now() -> None:
    due = {"tier": "gold", "storage": "vault", "vmids": [102, 104], "max_age": "86400s"}
    assert mixed()["backup_now"] == [{**due, "mode": None, "compress": None, "protected": False}]


def test_the_message_is_one_line_with_the_figures() -> None:
    values = mixed()
    assert values["msg"] == ("1 of 4 (25 %) guests keep policy main: 1 not met, 1 exempt, 1 new, 1 job to set.")
    assert message(values, ["because"]).endswith("1 job to set. because.")


@pytest.mark.parametrize(
    ("fail_on", "told"),
    [
        ([], []),
        (["unknown"], []),
        (["findings"], []),
        (
            ["not_met"],
            ["1 guest not met: 102 (guest102): rpo: on vault: newest good backup is 3 d old, wanted 24 h"],
        ),
        (["drift"], ["1 job to set: There is no job lifeboat-main_gold yet, for 3 guests at 02:30 to vault"]),
    ],
)
def test_it_fails_on_what_was_asked_for(fail_on: list[str], told: list[str]) -> None:
    assert failures(mixed(), seen(), fail_on) == told


def test_it_fails_on_findings_that_are_errors_and_on_what_cannot_be_read() -> None:
    looked = seen(jobs=[], jobs_hidden="No answer.")
    values = a_report(a_policy(), looked)
    assert failures(values, looked, ["findings", "drift"]) == [
        "1 finding: No answer",
        "the jobs can't be compared: No answer",
    ]
    warned = a_report(a_policy(a_tier("unused"), a_tier()), seen(backups=[a_backup()]))
    assert warned["summary"]["warnings"] == 1
    assert failures(warned, seen(), ["findings"]) == []


def test_a_job_for_each_tier_with_its_settings() -> None:
    gold = a_tier(keep=Keep(last=3, daily=7), mode="snapshot", compress="zstd", protected=True, job={"bwlimit": 50000})
    night = a_tier("night", schedule=None, window=Window(22 * 60 + 5, 6 * 60), keep=Keep(all=True))
    values = a_report(a_policy(gold, night), seen())
    assert [job["id"] for job in values["jobs"]] == ["lifeboat-main_night"]
    assert values["jobs"][0] == {
        "id": "lifeboat-main_night",
        "state": "enabled",
        "exact": True,
        "schedule": "22:05",
        "storage": "vault",
        "vmids": [101],
        "protected": False,
        "comment": "Lifeboat policy main, tier night",
        "keep": {"keep_all": True},
    }
    (job,) = a_report(a_policy(gold), seen())["jobs"]
    assert job == {
        "id": "lifeboat-main_gold",
        "state": "enabled",
        "exact": True,
        "schedule": AT_NIGHT,
        "storage": "vault",
        "vmids": [101],
        "protected": True,
        "comment": "Lifeboat policy main, tier gold",
        "mode": "snapshot",
        "compress": "zstd",
        "keep": {"keep_last": 3, "keep_daily": 7},
        "bwlimit": 50000,
    }


def test_a_tier_with_very_many_guests_has_several_jobs() -> None:
    guests = [a_guest(vmid) for vmid in range(100_000_000, 100_003_000)]
    jobs = a_report(a_policy(), seen(guests, jobs=[]))["jobs"]
    assert [job["id"] for job in jobs] == ["lifeboat-main_gold", "lifeboat-main_gold_2"]
    assert [vmid for job in jobs for vmid in job["vmids"]] == [guest.vmid for guest in guests]
    assert all(len("%2C".join(map(str, job["vmids"]))) <= BODY_LIMIT // 2 for job in jobs)


WANTED = {
    "id": "lifeboat-main_gold",
    "state": "enabled",
    "exact": True,
    "schedule": "02:30",
    "storage": "vault",
    "vmids": [101, 102],
}
GOLD = {"vmid": "101,102", "storage": "vault", "schedule": "02:30", "all": None, "prune_backups": None}


@pytest.mark.parametrize(
    ("shown", "action", "text"),
    [
        ({}, "none", "it is as it is wanted."),
        ({"vmid": "102,101", "schedule": " 02:30 "}, "none", "it is as it is wanted."),
        ({"storage": "local"}, "change", "storage was local, wanted vault."),
        ({"enabled": 0}, "change", "enabled was False, wanted True."),
        ({"comment": "mine"}, "change", "comment was mine, wanted not set."),
        (
            {"vmid": "101,103", "schedule": "03:00"},
            "change",
            "schedule was 03:00, wanted 02:30; vmids: 102 added, 103 removed.",
        ),
        (
            {"vmid": None, "pool": "prod"},
            "change",
            "vmids was not set, wanted 101, 102; pool was prod, wanted not set.",
        ),
    ],
)
def test_drift(shown: dict[str, Any], action: str, text: str) -> None:
    job = a_job("lifeboat-main_gold", **{**GOLD, **shown})
    assert drift_of([WANTED], {job.id: job}, CLUSTER) == [
        {"job": "lifeboat-main_gold", "action": action, "text": f"Job lifeboat-main_gold: {text}"}
    ]


def test_jobs_of_the_policy_that_nobody_needs_go_and_those_of_others_stay() -> None:
    there = [a_job(name) for name in ("lifeboat-main_old", "lifeboat-main2_gold", "nightly")]
    told = a_report(a_policy(), seen([a_guest(101)], jobs=there))
    assert told["jobs"][1:] == [{"id": "lifeboat-main_old", "state": "absent"}]
    assert [(one["job"], one["action"]) for one in told["drift"]] == [
        ("lifeboat-main_gold", "create"),
        ("lifeboat-main_old", "remove"),
    ]


def test_what_cannot_be_seen_stays_in_its_job() -> None:
    """An id that nobody is shown to have may be hidden; a guest without a name may belong where it is."""
    policy = a_policy(
        a_tier("gold"),
        a_tier("bronze"),
        rules=[a_rule("gold", "named", Match(names=("db*",))), a_rule("bronze")],
    )
    there = [
        a_job("lifeboat-main_gold", **{**GOLD, "vmid": "101,102,999"}),
        a_job("lifeboat-main_bronze_2", **{**GOLD, "vmid": "998"}),
    ]
    guests = [a_guest(101, "db1"), Guest(102, None, "pve1", "lxc"), a_guest(103, "web")]
    some = seen(guests, jobs=there, observed={"permissions": Permissions({"/vms/101": {"VM.Audit": True}})})
    assert {job["id"]: job.get("vmids") for job in a_report(policy, some)["jobs"]} == {
        "lifeboat-main_gold": [101, 102, 999],
        "lifeboat-main_bronze": [103, 998],
        "lifeboat-main_bronze_2": None,
    }
    everything = {job["id"]: job.get("vmids") for job in a_report(policy, seen(guests, jobs=there))["jobs"]}
    assert everything["lifeboat-main_gold"] == [101, 102]
    assert everything["lifeboat-main_bronze"] == [103]


BLINDNESS: list[dict[str, Any]] = [
    {"jobs": [], "jobs_hidden": "No answer."},
    {"disks": {}, "disks_hidden": {"nightly": "No answer."}},
    {"drills_hidden": "It is a folder."},
    {"schedules": {AT_NIGHT: Schedule(unread="No answer.")}},
    {"observed": {"errors": {"vault": "It is not online."}}},
    {"observed": {"places": [a_place(), a_place("local")], "errors": {"local": "It is not online."}}},
    {"observed": {"node_errors": {"pve1": "No answer."}}},
    {"jobs": [a_job(prune_backups=None)]},
]
BACKUPS = st.lists(
    st.builds(
        a_backup,
        vmid=st.sampled_from([101, 102]),
        age=st.sampled_from([HOUR, DAY, 3 * DAY]),
        protected=st.booleans(),
        encrypted=st.booleans(),
        verified=st.sampled_from([None, True, False]),
        size=st.sampled_from([0, 5]),
    ),
    max_size=4,
)
DRILLS = st.dictionaries(
    st.sampled_from([(101, "lxc"), (102, "lxc")]),
    st.sampled_from([Drilled(NOW - DAY, "passed", "", NOW - DAY, 9.0), Drilled(NOW - DAY, "failed", "no canary")]),
)
STRICT = a_policy(a_tier(keep=Keep(daily=3), drill=7 * DAY, rto=60, protected=True, encrypted=True, verify=7 * DAY))


@settings(max_examples=60, deadline=None)
@given(BACKUPS, DRILLS, st.sampled_from(BLINDNESS))
def test_nobody_is_met_while_something_cannot_be_read(
    backups: list[Any], drills: dict[Any, Drilled], blindness: dict[str, Any]
) -> None:
    looked: Seen = seen(GUESTS[:2], backups, **{"drills": drills, **blindness})
    assert "met" not in {one.status for one in judged(STRICT, looked)}


@settings(max_examples=60, deadline=None)
@given(BACKUPS, st.sets(st.sampled_from([101, 102]), min_size=1))
def test_nobody_can_buy_all_by_exempting(backups: list[Any], exempt: set[int]) -> None:
    policy = a_policy(exemptions=[an_exemption(*exempt)])
    summary = a_report(policy, seen(GUESTS[:2], backups))["summary"]
    assert "100 %" not in summary["compliance"]
    assert summary["total"] == 2
    assert sum(summary[word] for word in ("met", "not_met", "unknown", "exempt", "new")) == 2


@settings(max_examples=60, deadline=None)
@given(BACKUPS, DRILLS)
def test_a_guest_is_met_only_when_each_promise_is(backups: list[Any], drills: dict[Any, Drilled]) -> None:
    looked = seen(GUESTS[:2], backups, drills=drills, schedules={AT_NIGHT: runs()})
    for one in judged(STRICT, looked):
        assert (one.status == "met") is all(found.verdict == "met" for found in one.promises)
        assert len(one.promises) == 10
