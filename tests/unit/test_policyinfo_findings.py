# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings: each kind by what causes it, and none where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Match, Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import Birth
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings import KINDS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Schedule, Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import StorageRetention
from unit.builders import DAY, HOUR, NOW, a_backup, a_guest, granted
from unit.policyinfo_builders import (
    AT_NIGHT,
    DAILY_KEEP,
    WEB,
    WEEK,
    a_disk,
    a_job,
    a_policy,
    a_report,
    a_rule,
    a_tier,
    an_exemption,
    findings,
    runs,
    seen,
)

MAIL = a_guest(102, "mail")
BOTH = (WEB, MAIL)
GOLD = "policy.yml:5"
BLIND = Permissions({**granted(["VM.Audit", "VM.Backup"], "/vms/101"), **granted(["Datastore.Allocate"], "/storage")})


def test_a_sound_cluster_has_none() -> None:
    looked = seen(backups=[a_backup()], drills={(101, "lxc"): Drilled(NOW - DAY, "passed", "", NOW - DAY, 9.0)})
    assert a_report(a_policy(a_tier(keep=Keep(last=3), drill=WEEK)), looked)["findings"] == []


CASES: list[tuple[str, Policy, Seen, str, str, dict[str, Any]]] = [
    (
        "no_job",
        a_policy(),
        seen(BOTH, jobs=[a_job(exclude="102")]),
        "error",
        "No enabled job takes in 1 guest (102 (mail)).",
        {"vmids": [102]},
    ),
    (
        "disk_excluded",
        a_policy(),
        seen(disks={"nightly": {101: (a_disk(), a_disk(key="mp0", included=False))}}),
        "error",
        "Job nightly leaves out disks of 1 guest: 101 (web1): mp0.",
        {"vmids": [101], "job": "nightly"},
    ),
    (
        "gone_guest",
        a_policy(),
        seen(jobs=[a_job(all=None, vmid="101,998,999")]),
        "warning",
        "Job nightly names 998, 999, which no guest has.",
        {"vmids": [998, 999], "job": "nightly"},
    ),
    (
        "own_storage",
        a_policy(),
        seen(disks={"nightly": {101: (a_disk(storage="vault"),)}}),
        "error",
        "Job nightly writes to vault, where the disks of 1 guest (101 (web1)) lie.",
        {"vmids": [101], "job": "nightly", "storage": "vault"},
    ),
    (
        "own_storage",
        a_policy(),
        seen(jobs=[a_job(storage="local")], disks={"nightly": {101: (a_disk(storage="vault"),)}}),
        "error",
        "Tier gold promises backups on vault, where the disks of 1 guest (101 (web1)) lie.",
        {"vmids": [101], "storage": "vault", "place": GOLD},
    ),
    (
        "retention_too_short",
        a_policy(a_tier(keep=DAILY_KEEP)),
        seen(jobs=[a_job(prune_backups="keep-last=3")]),
        "error",
        (
            "After job nightly vault keeps keep-last=3, which loses 4 of the 7 backups that tier gold keeps "
            "(keep-daily=7), of 1 guest (101 (web1))."
        ),
        {"vmids": [101], "job": "nightly", "storage": "vault", "place": GOLD},
    ),
    (
        "retention_single",
        a_policy(),
        seen(jobs=[a_job(prune_backups={"keep-last": "1"})]),
        "warning",
        "After job nightly a single backup is kept of 1 guest (101 (web1)): when it is bad, there is no other.",
        {"vmids": [101], "job": "nightly", "storage": "vault"},
    ),
    (
        "retention_single",
        a_policy(a_tier(keep=Keep(daily=1))),
        seen(),
        "warning",
        "Tier gold keeps a single backup (keep-daily=1): when the newest is bad, there is no other within its rpo.",
        {"storage": "vault", "place": GOLD},
    ),
    (
        "schedule_too_slow",
        a_policy(a_tier(schedule="sat")),
        seen(schedules={AT_NIGHT: runs(), "sat": runs(WEEK)}),
        "error",
        "The schedule 'sat' of tier gold pauses for 7 d; its rpo is 24 h.",
        {"storage": "vault", "place": GOLD},
    ),
    (
        "schedule_too_slow",
        a_policy(a_tier(schedule="sat")),
        seen(schedules={AT_NIGHT: runs(), "sat": Schedule(problem="unable to parse")}),
        "error",
        "Proxmox does not take the schedule 'sat' of tier gold: unable to parse.",
        {"storage": "vault", "place": GOLD},
    ),
    (
        "schedule_too_slow",
        a_policy(a_tier(schedule="2020-01-01")),
        seen(schedules={AT_NIGHT: runs(), "2020-01-01": Schedule()}),
        "error",
        "The schedule '2020-01-01' of tier gold has no two runs.",
        {"storage": "vault", "place": GOLD},
    ),
    (
        "schedule_too_slow",
        a_policy(),
        seen(jobs=[a_job(schedule="sat")], schedules={AT_NIGHT: runs(), "sat": runs(WEEK)}),
        "error",
        "Job nightly pauses for 7 d, wanted 24 h (tier gold, 1 guest (101 (web1))).",
        {"vmids": [101], "job": "nightly", "storage": "vault", "place": GOLD},
    ),
    (
        "never_drilled",
        a_policy(a_tier(drill=WEEK)),
        seen(),
        "warning",
        "Tier gold promises drills, and 1 guest (101 (web1)) never passed or failed one.",
        {"vmids": [101], "place": GOLD},
    ),
    (
        "exemption_ended",
        a_policy(exemptions=[an_exemption(101, until="2026-11-19")]),
        seen(),
        "error",
        "The exemption of 1 guest (101 (web1)) ended on 2026-11-19: lab machine.",
        {"vmids": [101], "place": "policy.yml:30"},
    ),
    (
        "exemption_ends_soon",
        a_policy(exemptions=[an_exemption(101, until="2026-12-04")]),
        seen(),
        "warning",
        "The exemption of 1 guest (101 (web1)) ends on 2026-12-04: lab machine.",
        {"vmids": [101], "place": "policy.yml:30"},
    ),
    (
        "unused_rule",
        a_policy(rules=[a_rule("gold", "db", Match(tags=frozenset({"db"})), line=17)]),
        seen(),
        "warning",
        "No guest that is shown gets anything from rule db.",
        {"place": "policy.yml:17"},
    ),
    (
        "unused_tier",
        a_policy(a_tier("silver", line=9), a_tier()),
        seen(),
        "warning",
        "No guest that is shown belongs to tier silver.",
        {"storage": "vault", "place": "policy.yml:9"},
    ),
    (
        "job_disabled",
        a_policy(),
        seen(jobs=[a_job(), a_job("lifeboat-main_gold", enabled=0)]),
        "error",
        "Job lifeboat-main_gold of the policy is disabled.",
        {"vmids": [101], "job": "lifeboat-main_gold", "storage": "vault"},
    ),
    (
        "unreadable",
        a_policy(),
        seen(jobs=[], jobs_hidden="The token lacks Sys.Audit on /; grant it."),
        "error",
        "The token lacks Sys.Audit on /; grant it.",
        {},
    ),
    (
        "unreadable",
        a_policy(),
        seen(drills_hidden="The record cannot be read: it is a folder."),
        "error",
        "The record cannot be read: it is a folder.",
        {},
    ),
    (
        "unreadable",
        a_policy(),
        seen(disks={}, disks_hidden={"nightly": "No answer."}),
        "error",
        "Which disks job nightly takes in is not known: No answer.",
        {"job": "nightly"},
    ),
    (
        "unreadable",
        a_policy(),
        seen(schedules={AT_NIGHT: Schedule(unread="no answer")}),
        "error",
        "When the schedule '02:30' runs is not known: no answer.",
        {"place": GOLD},
    ),
    (
        "unreadable",
        a_policy(),
        seen(
            jobs=[a_job(prune_backups=None)],
            retentions={("pve1", "vault"): StorageRetention("pve1", "vault", Keep(all=True), "No answer.")},
        ),
        "error",
        "What storage vault keeps on node pve1 is not known: No answer. Grant Datastore.Audit on /storage/vault.",
        {"storage": "vault"},
    ),
    (
        "unreadable",
        a_policy(),
        seen(observed={"permissions": BLIND}),
        "error",
        "Proxmox shows only guests on which the token has VM.Audit; there may be others. Grant VM.Audit on /vms.",
        {},
    ),
    (
        "unreadable",
        a_policy(a_tier(storage="tape")),
        seen(),
        "error",
        (
            "No online node shows a backup storage named tape to this token. Grant Datastore.AllocateSpace on "
            "/storage/tape."
        ),
        {"storage": "tape"},
    ),
]


@pytest.mark.parametrize(
    ("kind", "policy", "looked", "severity", "text", "more"),
    CASES,
    ids=[f"{one[0]}-{at}" for at, one in enumerate(CASES)],
)
def test_each_kind(kind: str, policy: Policy, looked: Seen, severity: str, text: str, more: dict[str, Any]) -> None:
    nothing: dict[str, Any] = {"vmids": [], "job": None, "storage": None, "place": None}
    assert {"kind": kind, "severity": severity, "text": text, **nothing, **more} in findings(policy, looked, kind)


def test_every_kind_has_a_case() -> None:
    assert {one[0] for one in CASES} == set(KINDS)


@pytest.mark.parametrize("kind", ["no_job", "disk_excluded", "own_storage", "retention_single", "never_drilled"])
def test_nothing_is_said_of_exempt_guests(kind: str) -> None:
    (_kind, policy, looked, *_rest) = next(one for one in CASES if one[0] == kind)
    exempt = replace(policy, exemptions=(an_exemption(101, 102),))
    assert findings(exempt, looked, kind) == []


def test_new_guests_without_a_job_are_a_warning() -> None:
    (found,) = findings(a_policy(), seen(jobs=[]), "no_job", {101: Birth(NOW - HOUR)})
    assert found["severity"] == "warning"


def test_ids_that_are_not_shown_may_belong_to_somebody() -> None:
    looked = seen(jobs=[a_job(all=None, vmid="101,999")], observed={"permissions": BLIND})
    (found,) = findings(a_policy(), looked, "gone_guest")
    assert found["text"] == "Job nightly names 999, which is not shown to this token (VM.Audit on /vms)."


def test_a_guest_whose_age_is_not_known_is_told() -> None:
    found = findings(a_policy(), seen(), "unreadable", {101: Birth(unread="No answer.")})
    assert [one["text"] for one in found] == ["101 (web1): its age is not known: No answer."]


def test_an_exemption_that_ends_in_15_days_is_not_told_yet() -> None:
    policy = a_policy(exemptions=[an_exemption(101, until="2026-12-05")])
    assert findings(policy, seen(), "exemption_ends_soon") == []


def test_jobs_that_are_fast_enough_together_are_not_slow() -> None:
    jobs = [a_job(), a_job("weekly", schedule="sat")]
    looked = seen(jobs=jobs, schedules={AT_NIGHT: runs(), "sat": runs(WEEK)})
    assert findings(a_policy(), looked, "schedule_too_slow") == []


def test_what_hides_backups_is_told_once_with_what_to_grant() -> None:
    some = Permissions({**granted(["VM.Audit"], "/vms"), **granted(["Datastore.AllocateSpace"], "/storage")})
    found = findings(a_policy(), seen(BOTH, observed={"permissions": some}), "unreadable")
    assert [one["text"] for one in found] == [
        (
            "Proxmox does not show the backups of 101 (web1), 102 (mail) on storage vault to a token without "
            "VM.Backup on them. Grant VM.Backup on /vms/101, /vms/102."
        )
    ]
    assert found[0]["vmids"] == [101, 102]


def test_errors_come_first() -> None:
    looked = seen(BOTH, jobs=[a_job(all=None, vmid="101,999")])
    found = [one["severity"] for one in a_report(a_policy(), looked)["findings"]]
    assert found == sorted(found)
    assert set(found) == {"error", "warning"}
