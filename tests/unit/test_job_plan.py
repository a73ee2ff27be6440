# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to make a job as it is wanted, against jobs as Proxmox shows them (recorded: 09_backup_jobs)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import FIELDS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import (
    JobPlan,
    applied,
    plan_job,
    plan_jobs,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.resolve import resolved
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import jobs_wish
from harness.job_values import JOBS, PARTS, VMIDS

GUESTS = {
    vmid: Guest(vmid, f"g{vmid}", "pve1", "lxc", frozenset({"odd"} if vmid % 2 else {"even"}), "prod") for vmid in VMIDS
}
CLUSTER = Cluster({"pve1": True, "pve2": True}, GUESTS, frozenset({"prod", "empty"}))
NIGHTLY = {
    "mailnotification": "failure",
    "compress": "zstd",
    "prune-backups": {"keep-last": "3", "keep-weekly": "2"},
    "storage": "backups",
    "id": "nightly",
    "schedule": "02:30",
    "enabled": 1,
    "repeat-missed": 1,
    "comment": "all guests",
    "notes-template": "{{guestname}}",
    "all": 1,
    "mode": "snapshot",
    "type": "vzdump",
}
"""As recorded."""


def planned(job: dict[str, Any] | None = None, cluster: Cluster = CLUSTER, **options: Any) -> JobPlan:
    wanted = resolved(jobs_wish({"id": "nightly", **options}).jobs, cluster)[0]
    return plan_job(wanted, None if job is None else Job("nightly", job))


def refusal(job: dict[str, Any] | None = None, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        planned(job, **options)
    return caught.value.message


def test_a_new_job_is_sent_as_proxmox_wants_it() -> None:
    plan = planned(
        schedule=" mon..fri   22:00 ",
        storage="vault",
        vmids=[300, 101, 101],
        mode="stop",
        compress="none",
        keep={"keep_last": 3, "keep_daily": 0},
        notes="{{ guestname }}\nat night",
        protected=False,
        fleecing={"enabled": True, "storage": "fast"},
        performance={"max_workers": 4, "pbs_entries_max": None},
        lock_wait="90s",
        repeat_missed=True,
        exclude_paths=["/var/x y", "/tmp/?*"],
        standard_excludes=False,
        mail_to=["root", "a@example.com"],
    )
    assert plan.action == "create"
    assert plan.send == {
        "id": "nightly",
        "schedule": "mon..fri 22:00",
        "storage": "vault",
        "vmid": "101,300",
        "mode": "stop",
        "compress": "0",
        "prune-backups": "keep-last=3",
        "notes-template": "{{guestname}}\\nat night",
        "fleecing": "enabled=1,storage=fast",
        "performance": "max-workers=4",
        "lockwait": 2,
        "repeat-missed": 1,
        "exclude-path": ["/tmp/?*", "/var/x y"],
        "stdexcludes": 0,
        "mailto": "a@example.com,root",
    }


def test_what_is_so_already_is_not_sent() -> None:
    plan = planned(
        NIGHTLY,
        state="enabled",
        schedule="02:30",
        storage="backups",
        all_guests=True,
        mode="snapshot",
        compress="zstd",
        keep={"keep_weekly": 2, "keep_last": 3},
        notes="{{guestname}}",
        comment="all guests",
        repeat_missed=True,
        mail_notification="failure",
    )
    assert (plan.action, plan.send, plan.changes) == ("none", {}, ())


def test_defaults_of_proxmox_are_no_change() -> None:
    plan = planned(
        {"id": "nightly", "schedule": "02:30", "vmid": "102,101", "type": "vzdump"},
        state="enabled",
        vmids=[101, 102],
        mode="snapshot",
        compress="none",
        protected=False,
        bwlimit=0,
        ionice=7,
        zstd_threads=1,
        lock_wait="3h",
        stop_wait="10m",
        repeat_missed=False,
        comment="",
        notification_mode="auto",
        fleecing={"enabled": False},
        performance={"max_workers": 16},
        standard_excludes=True,
        storage_retention=True,
        exclude_paths=[],
        mail_notification="always",
    )
    assert plan.action == "none", plan.send


def test_exact_says_what_a_node_may_have_another_default_for() -> None:
    """In /etc/vzdump.conf."""
    job = {"id": "nightly", "schedule": "02:30", "storage": "vault", "all": 1}
    wish: dict[str, Any] = {
        "schedule": "02:30",
        "storage": "vault",
        "all_guests": True,
        "mode": "snapshot",
        "bwlimit": 0,
    }
    assert planned(job, **wish).action == "none"
    plan = planned(job, exact=True, protected=False, **wish)
    assert plan.send == {"mode": "snapshot", "bwlimit": 0}
    assert plan.after is not None
    assert planned(dict(plan.after.shown), exact=True, protected=False, **wish).action == "none"


def test_no_retention_of_its_own_is_not_the_same_as_keeping_all() -> None:
    """Without one the storage's goes."""
    job = {"id": "nightly", "schedule": "02:30", "all": 1}
    assert planned(job, keep={"keep_all": True}).send == {"prune-backups": "keep-all=1"}
    assert planned({**job, "prune-backups": {"keep-all": "1"}}, keep={"keep_all": True}).action == "none"


@pytest.mark.parametrize(
    ("options", "send"),
    [
        ({"schedule": "03:00"}, {"schedule": "03:00"}),
        ({"state": "disabled"}, {"enabled": 0}),
        ({"comment": ""}, {"delete": "comment"}),
        ({"keep": {"keep_last": 3}}, {"prune-backups": "keep-last=3"}),
        ({"notes": "x"}, {"notes-template": "x", "storage": "backups"}),
        ({"protected": True, "storage": "vault"}, {"protected": 1, "storage": "vault"}),
        ({"vmids": [101]}, {"vmid": "101"}),
        ({"pool": "prod"}, {"pool": "prod"}),
        ({"exclude": ["103"]}, {"exclude": "103"}),
        ({"exclude": ["g103", "101"]}, {"exclude": "101,103"}),
        ({"tags": ["odd"], "exclude": ["g105"]}, {"vmid": "101,103,301"}),
        ({"unset": ["comment", "mode", "bwlimit"]}, {"delete": "comment,mode"}),
        (
            {"exact": True, "schedule": "02:30", "all_guests": True},
            {"delete": "comment,compress,mailnotification,mode,notes-template,prune-backups,repeat-missed,storage"},
        ),
    ],
)
def test_only_what_differs_is_sent(options: dict[str, Any], send: dict[str, Any]) -> None:
    plan = planned(NIGHTLY, **options)
    assert (plan.action, plan.send) == ("update", send)


def test_what_no_option_names_is_removed_by_its_name_or_by_exact() -> None:
    job = {**NIGHTLY, "script": "/root/hook", "next-run": 1795228200, "exclude": "103"}
    assert planned(job, unset=["script", "pigz"]).send == {"delete": "script"}
    plan = planned(job, exact=True, schedule="02:30", all_guests=True, storage="backups")
    assert "script" in plan.send["delete"].split(",")
    assert "exclude" in plan.send["delete"].split(",")
    assert "next-run" not in plan.send["delete"].split(",")


def test_what_was_left_out_goes_with_the_selection_and_is_not_removed_twice() -> None:
    job = {"id": "nightly", "schedule": "02:30", "all": 1, "exclude": "103", "enabled": 1}
    plan = planned(job, exact=True, schedule="02:30", vmids=[101])
    assert plan.send == {"vmid": "101"}
    assert plan.after is not None
    assert plan.after.shown == {"id": "nightly", "schedule": "02:30", "vmid": "101", "enabled": 1}


def test_nobody_is_left_out_any_more() -> None:
    job = {"id": "nightly", "schedule": "02:30", "all": 1, "exclude": "103"}
    assert planned(job, all_guests=True).action == "none"
    assert planned(job, all_guests=True, exclude=[]).send == {"delete": "exclude"}


@pytest.mark.parametrize(
    ("job", "options", "words"),
    [
        (None, {"schedule": "02:30"}, "its guests (vmids, names, tags, pool or all_guests) is missing"),
        (None, {"vmids": [101]}, "a schedule is missing"),
        (None, {"state": "disabled"}, "a schedule and its guests"),
        (NIGHTLY, {"exact": True, "schedule": "02:30"}, "with exact, name its schedule and its guests"),
        (
            {"id": "nightly", "schedule": "1:00", "vmid": "101"},
            {"exclude": ["101"]},
            "exclude: it belongs to jobs that",
        ),
        ({"id": "nightly", "schedule": "1:00", "vmid": "101"}, {"notes": "x"}, "notes needs a storage"),
        (NIGHTLY, {"tags": ["none"]}, "no guest that this token may see (VM.Audit) has none"),
        (NIGHTLY, {"tags": ["odd"], "exclude": ["101", "103", "105", "301"]}, "a job of nobody is refused"),
        (NIGHTLY, {"names": ["nobody"]}, "no guest that this token may see (VM.Audit) is named nobody"),
        (NIGHTLY, {"exclude": ["nobody"]}, "is named nobody"),
        (NIGHTLY, {"tags": ["odd"], "exclude": ["nobody"]}, "is named nobody"),
        (NIGHTLY, {"exclude": ["²"]}, "is named ²"),
        (NIGHTLY, {"exclude": ["4"]}, "exclude: 4 cannot be a guest's id"),
        (NIGHTLY, {"all_guests": False}, "all_guests: it takes all guests now; name those that it is to take instead."),
        (NIGHTLY, {"exclude": [str(vmid) for vmid in range(100_000, 108_000)]}, "are more than one job takes"),
        (NIGHTLY, {"pool": "pond"}, "the cluster shows no pool named pond; it shows empty, prod."),
        (NIGHTLY, {"node": "pve9"}, "the cluster shows no node named pve9; it shows pve1, pve2."),
    ],
)
def test_what_cannot_be(job: dict[str, Any] | None, options: dict[str, Any], words: str) -> None:
    said = refusal(job, **options)
    assert words in said
    assert said.startswith("nightly: ")


def test_an_id_that_proxmox_would_not_take() -> None:
    wanted = resolved(jobs_wish({"id": "1st", "schedule": "1:00", "all_guests": True}).jobs, CLUSTER)[0]
    with pytest.raises(InputError, match="1st: there is no such job, and none can be made with this id"):
        plan_job(wanted, None)
    there = Job("1st", {"schedule": "1:00", "all": 1})
    assert plan_job(wanted, there).action == "none", "one that is there can be set by whatever id it has"


def test_more_guests_than_a_request_has_room_for() -> None:
    many = {vmid: Guest(vmid, None, "pve1", "lxc", frozenset({"t"})) for vmid in range(100_000, 108_000)}
    with pytest.raises(InputError, match="its 8000 guests are more than one job takes"):
        planned(NIGHTLY, Cluster({"pve1": True}, many, frozenset()), tags=["t"])


def test_all_problems_are_told_at_once_and_purged_jobs_come_last() -> None:
    there = {name: Job(name, {"schedule": "1:00", "all": 1}) for name in ("a-1", "a-2", "b-1")}
    wish = jobs_wish({"jobs": [{"id": "a-2", "schedule": "2:00"}, {"id": "a-9"}, {"id": "a-8"}]})
    with pytest.raises(InputError, match=r"a-9: .* a-8: .* Nothing was changed\."):
        plan_jobs(resolved(wish.jobs, CLUSTER), there, None)
    plans = plan_jobs(resolved(wish.jobs[:1], CLUSTER), there, "a-")
    assert [(plan.id, plan.action) for plan in plans] == [("a-2", "update"), ("a-1", "remove")]


def test_which_guests_a_job_takes_in() -> None:
    def guests(**shown: Any) -> list[int]:
        return sorted(Job("x", shown).guests(CLUSTER))

    assert guests(all=1, exclude="101;300") == [102, 103, 104, 105, 301]
    assert guests(vmid="101 999") == [101, 999]
    assert guests(pool="prod", node="pve2") == []
    assert guests(vmid="999", node="pve2") == [999]
    assert guests() == []


def state(job: Job) -> dict[str, Any]:
    """What a job comes to, whatever is written in it."""
    found = {option: field.value_of(job.shown) for option, field in FIELDS.items()}
    return {
        option: tuple(sorted(value.items())) if isinstance(value, dict) else value for option, value in found.items()
    }


@given(JOBS, JOBS)
def test_exact_makes_any_job_another(before: dict[str, Any], after: dict[str, Any]) -> None:
    first, wanted = planned(None, **before).after, planned(None, **after).after
    assert first is not None
    assert wanted is not None
    plan = planned(dict(first.shown), exact=True, **after)
    found = applied(first, plan.send)
    assert {**state(found), "enabled": None} == {**state(wanted), "enabled": None}
    assert planned(dict(found.shown), exact=True, **after).action == "none"


@given(JOBS, PARTS, st.sampled_from(["present", "enabled", "disabled"]))
def test_what_is_not_named_stays(before: dict[str, Any], part: dict[str, Any], word: str) -> None:
    first = planned(None, **before).after
    assert first is not None
    plan = planned(dict(first.shown), state=word, **part)
    old, new = state(first), state(applied(first, plan.send))
    selecting = {"vmids", "all_guests", "pool", "exclude"}
    named = {*part, *({"enabled"} if word != "present" else ()), *(selecting if selecting & set(part) else ())}
    assert {key: value for key, value in old.items() if key not in named} == {
        key: value for key, value in new.items() if key not in named
    }
    assert planned(dict(applied(first, plan.send).shown), state=word, **part).action == "none"
