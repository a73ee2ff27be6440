# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""backup_policy_info: a cluster judged by its policy, and what cannot be told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.jobs import JOBS
from harness.lab import Lab, build_world, grant_minimal, grant_role, lab, run_as_user
from pve_simulator import Mount, World

POLICY = """
version: 1
name: main
grace: 24h
tiers:
  gold:
    rpo: 24h
    rto: 15m
    keep: {daily: 7}
    storage: vault
    mode: snapshot
    protected: true
    drill: 30d
    schedule: "02:30"
  bronze:
    rpo: 7d
    storage: vault
    window: "22:00-06:00"
rules:
  - name: databases
    match: {tags: [db]}
    tier: gold
  - tier: bronze
exemptions:
  - match: {ids: [103]}
    reason: lab machine
    until: 2099-01-31
"""
DAILY = {"schedule": "02:30", "storage": "vault", "mode": "snapshot", "prune-backups": "keep-daily=7"}
JOB = "lifeboat-main_bronze"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Guests of the lab, disks on a storage that is none for backups, and the VMs made long ago."""
    world = build_world(tmp_path / "cluster")
    for vmid in (300, 301):
        options = world.cluster.guests[vmid].options
        options["meta"] = "creation-qemu=9.0.2,ctime=1700000000"
    return world


@pytest.fixture
def cluster(world: World) -> Iterator[Lab]:
    with lab(world) as running:
        grant_role(world, "Policy", ["Sys.Audit", "VM.Audit"], "/")
        yield running


def judged(cluster: Lab, tmp_path: Path, text: str = POLICY, **options: Any) -> dict[str, Any]:
    """What the module says of a policy in a file."""
    file = tmp_path / "policy.yml"
    file.write_text(text, encoding="utf-8")
    given = {"policy_path": str(file), "journal_path": str(cluster.journals), **options}
    return run_as_user("backup_policy_info", {**cluster.connection, **given})


def statuses(result: dict[str, Any]) -> dict[int, str]:
    return {row["vmid"]: row["status"] for row in result["guests"]}


def promises(result: dict[str, Any], vmid: int) -> dict[str, tuple[str, str]]:
    row = next(row for row in result["guests"] if row["vmid"] == vmid)
    return {one["promise"]: (one["verdict"], one["reason"]) for one in row["promises"]}


def kinds(result: dict[str, Any]) -> set[str]:
    return {one["kind"] for one in result["findings"]}


def found(result: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in result["findings"] if one["kind"] == kind]


def record(cluster: Lab, tmp_path: Path, **more: Any) -> str:
    """A record with one drill of the guest 300."""
    line = {
        "schema": 1,
        "run": "20261120T122637Z-1a2b3c4d",
        "cluster": f"{cluster.sim.host}-{cluster.sim.port}",
        "at": cluster.world.now() - 3600,
        "guest": {"vmid": 300, "type": "qemu", "name": "db1", "node": "pve1"},
        "seconds": {"restore": 60.0, "boot": 20.0, "checks": 5.0},
        "verdict": "passed",
        "reason": "",
        **more,
    }
    file = tmp_path / "drills.jsonl"
    file.write_text(json.dumps(line) + "\n", encoding="ascii")
    return str(file)


@pytest.mark.core_matrix
def test_a_guest_with_all_that_was_promised_is_met(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.add_job("nightly", {**DAILY, "all": 1})
    cluster.world.add_archive(300, storage="vault", node="pve1", age=3600, protected=True)
    cluster.world.add_archive(101, storage="vault", node="pve1", age=3600)
    result = judged(cluster, tmp_path, record_path=record(cluster, tmp_path))
    assert not result.get("failed")
    assert statuses(result) == {
        101: "met",
        102: "not_met",
        103: "exempt",
        104: "not_met",
        105: "not_met",
        300: "met",
        301: "not_met",
    }
    assert {name: verdict for name, (verdict, _reason) in promises(result, 300).items()} == dict.fromkeys(
        ("rpo", "storage", "keep", "protected", "drill", "rto", "job", "disks"), "met"
    )
    assert result["summary"]["compliance"] == "2 of 7 (28 %)"
    assert result["guests"][2]["until"] == "2099-01-31"
    bronze, gold = result["backup_now"]
    assert (bronze["storage"], bronze["vmids"], bronze["max_age"]) == ("vault", [102, 104, 105], "604800s")
    assert gold == {
        "tier": "gold",
        "storage": "vault",
        "vmids": [301],
        "max_age": "86400s",
        "mode": "snapshot",
        "compress": None,
        "protected": True,
    }
    assert result["changed"] is False
    assert "2 of 7 (28 %) guests keep policy main: 4 not met, 1 exempt" in result["msg"]


def test_the_jobs_that_the_policy_wants_and_how_the_cluster_differs(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.add_job(JOB, {"schedule": "21:00", "storage": "vault", "vmid": "101,300"})
    cluster.world.add_job("lifeboat-main_old", {"schedule": "21:00", "storage": "vault", "vmid": "101"})
    cluster.world.add_job("lifeboat-other_old", {"schedule": "21:00", "storage": "vault", "vmid": "101"})
    result = judged(cluster, tmp_path)
    gold, bronze, old = result["jobs"]
    assert old == {"id": "lifeboat-main_old", "state": "absent"}
    assert gold == {
        "id": "lifeboat-main_gold",
        "state": "enabled",
        "exact": True,
        "schedule": "02:30",
        "storage": "vault",
        "vmids": [300, 301],
        "mode": "snapshot",
        "keep": {"keep_daily": 7},
        "protected": True,
        "comment": "Lifeboat policy main, tier gold",
    }
    assert (bronze["schedule"], bronze["vmids"]) == ("22:00", [101, 102, 104, 105])
    assert [(one["job"], one["action"]) for one in result["drift"]] == [
        ("lifeboat-main_gold", "create"),
        (JOB, "change"),
        ("lifeboat-main_old", "remove"),
    ]
    assert result["drift"][1]["text"].startswith(
        f"Job {JOB}: schedule was 21:00, wanted 22:00; vmids: 102, 104, 105 added, 300 removed; "
    )
    failed = judged(cluster, tmp_path, fail_on=["drift"])
    assert failed["failed"] is True
    assert "3 jobs to set" in failed["msg"]
    assert failed["jobs"] == result["jobs"]


def test_the_jobs_of_the_policy_are_what_was_missing(cluster: Lab, tmp_path: Path) -> None:
    """Judge, set the jobs, back up what is due, judge again: nothing is left but the drills."""
    for path in ("/", "/storage"):
        grant_role(cluster.world, "Jobs", JOBS, path)
    before = judged(cluster, tmp_path)
    assert {row["status"] for row in before["guests"]} == {"not_met", "exempt"}
    made = run_as_user(
        "proxmox_backup_job",
        {**cluster.connection, "jobs": before["jobs"], "managed_prefix": before["managed_prefix"], "purge": True},
    )
    assert made.get("failed") is not True, made["msg"]
    for due in before["backup_now"]:
        wanted = {key: value for key, value in due.items() if key != "tier" and value is not None}
        done = cluster.backup(**wanted)
        assert done.get("failed") is not True, done["msg"]
    after = judged(cluster, tmp_path, POLICY.replace("    rto: 15m\n", "").replace("    drill: 30d\n", ""))
    assert statuses(after) == {vmid: "exempt" if vmid == 103 else "met" for vmid in statuses(before)}
    assert {one["action"] for one in after["drift"]} == {"none"}
    assert after["backup_now"] == []
    assert after["findings"] == []


def test_without_a_look_at_the_jobs_nothing_is_met(world: World, tmp_path: Path) -> None:
    with lab(world) as cluster:
        world.add_job("nightly", {**DAILY, "all": 1})
        for vmid in world.cluster.guests:
            world.add_archive(vmid, storage="vault", age=3600, protected=True)
        result = judged(cluster, tmp_path, record_path=record(cluster, tmp_path))
        failed = judged(cluster, tmp_path, fail_on=["drift"])
    assert set(statuses(result).values()) == {"unknown", "exempt", "not_met"}
    assert statuses(result)[300] == "unknown"
    assert promises(result, 300)["job"][1].startswith("The token or user lacks Sys.Audit on /")
    assert any("lacks Sys.Audit on / " in one["text"] for one in found(result, "unreadable"))
    assert result["drift"] == []
    assert "the jobs can't be compared" in failed["msg"]


def test_disks_that_a_job_leaves_out_are_named(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.add_container(
        110, "files", node="pve1", mounts=[Mount("mp0", "/srv", backup=False), Mount("mp1", "/data", backup=True)]
    )
    cluster.world.add_job("nightly", {**DAILY, "all": 1})
    cluster.world.add_archive(110, storage="vault", node="pve1", age=60)
    result = judged(cluster, tmp_path)
    assert promises(result, 110)["disks"] == ("not_met", "job nightly leaves out mp0")
    (excluded,) = found(result, "disk_excluded")
    assert (excluded["vmids"], excluded["job"]) == ([110], "nightly")
    assert excluded["text"] == "Job nightly leaves out disks of 1 guest: 110 (files): mp0."


def test_a_job_that_runs_too_seldom_and_keeps_too_little(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.add_job(
        "weekly", {"schedule": "sat 01:00", "storage": "vault", "vmid": "300,999", "prune-backups": "keep-last=1"}
    )
    result = judged(cluster, tmp_path)
    assert promises(result, 300)["job"] == ("not_met", "job weekly pauses for 7 d, wanted 24 h")
    assert promises(result, 300)["keep"][0] == "not_met"
    assert {"schedule_too_slow", "retention_too_short", "retention_single", "gone_guest", "no_job"} <= kinds(result)
    assert found(result, "gone_guest")[0]["text"] == "Job weekly names 999, which no guest has."
    assert found(result, "retention_too_short")[0]["job"] == "weekly"


def test_a_schedule_that_proxmox_does_not_take(cluster: Lab, tmp_path: Path) -> None:
    result = judged(cluster, tmp_path, POLICY.replace('"02:30"', '"at night"'))
    slow = found(result, "schedule_too_slow")
    assert "Proxmox does not take the schedule 'at night' of tier gold" in slow[0]["text"]
    assert slow[0]["place"].endswith("policy.yml:6")


def test_the_retention_of_the_storage_counts_where_the_job_says_none(world: World, tmp_path: Path) -> None:
    world.add_storage("shelf", type="nfs", content=["backup"], shared=True, prune="keep-last=2")
    text = POLICY.replace("storage: vault", "storage: shelf")
    with lab(world) as cluster:
        grant_role(world, "Policy", ["Sys.Audit", "VM.Audit"], "/")
        world.add_job("nightly", {"schedule": "02:30", "storage": "shelf", "all": 1})
        result = judged(cluster, tmp_path, text)
    verdict, reason = promises(result, 300)["keep"]
    assert verdict == "not_met"
    assert reason == "job nightly keeps keep-last=2: it loses 5 of the 7 backups that keep-daily=7 keeps"


def test_backups_on_the_storage_of_the_disks(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.add_job("nightly", {**DAILY, "storage": "local", "all": 1})
    result = judged(cluster, tmp_path)
    (own,) = found(result, "own_storage")
    assert (own["job"], own["storage"], own["severity"]) == ("nightly", "local", "error")
    assert own["vmids"] == [101, 102, 104, 105, 300, 301]
    assert promises(result, 300)["job"] == ("not_met", "job nightly writes to local, promised vault")


def test_new_guests_have_their_grace(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.add_vm(310, "fresh", node="pve1", disks={"scsi0": b"x"})
    text = POLICY.replace("grace: 24h", "grace: 1h")
    assert statuses(judged(cluster, tmp_path, text))[310] == "new"
    assert statuses(judged(cluster, tmp_path, text))[300] == "not_met"
    assert statuses(judged(cluster, tmp_path, text.replace("1h", "0s")))[101] == "not_met"


def test_a_container_is_new_when_its_tasks_say_so(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.start_task("pve1", "vzcreate", "101", "root@pam", lambda worker: worker.write("made"))
    assert statuses(judged(cluster, tmp_path))[101] == "new"
    assert statuses(judged(cluster, tmp_path))[102] == "not_met"


def test_an_unreadable_record_is_not_taken_for_an_empty_one(cluster: Lab, tmp_path: Path) -> None:
    result = judged(cluster, tmp_path, record_path=str(tmp_path))
    assert promises(result, 300)["drill"][0] == "unknown"
    assert promises(judged(cluster, tmp_path), 300)["drill"] == ("not_met", "never drilled")
    assert any("The record" in one["text"] for one in found(result, "unreadable"))


@pytest.mark.parametrize(
    ("more", "verdict", "reason"),
    [
        ({"seconds": {"restore": 900.0, "boot": 20.0, "checks": None}}, "not_met", "took 15 min, wanted 15 min"),
        ({"seconds": {"restore": None, "boot": 20.0, "checks": None}}, "unknown", "was not measured"),
        ({"verdict": "failed", "reason": "no canary"}, "not_met", "no drill of it has passed"),
    ],
)
def test_the_rto_is_judged_by_the_drill(
    cluster: Lab, tmp_path: Path, more: dict[str, Any], verdict: str, reason: str
) -> None:
    result = judged(cluster, tmp_path, record_path=record(cluster, tmp_path, **more))
    assert promises(result, 300)["rto"][0] == verdict
    assert reason in promises(result, 300)["rto"][1]


def test_a_token_that_sees_one_guest_never_claims_all(world: World, tmp_path: Path) -> None:
    world.add_job("nightly", {**DAILY, "vmid": "101"})
    world.add_archive(101, storage="vault", node="pve1", age=60)
    with lab(world, grant=False) as cluster:
        grant_minimal(world, "/vms/101")
        grant_minimal(world, "/storage")
        world.add_role("See", ["Sys.Audit"])
        for holder in ("backup@pve", "backup@pve!lifeboat"):
            world.add_acl("/", "See", user_or_token=holder, propagate=False)
        result = judged(cluster, tmp_path, fail_on=["unknown"])
    assert statuses(result) == {101: "met"}
    assert result["summary"]["compliance"] == "1 of 1 (99 %)"
    assert result["summary"]["complete"] is False
    assert result["failed"] is True
    assert "not all guests are shown" in result["msg"]


def test_a_policy_with_mistakes_asks_nothing_of_the_cluster(cluster: Lab, tmp_path: Path) -> None:
    result = judged(cluster, tmp_path, POLICY.replace("rpo: 24h", "rpo: soon"))
    assert result["failed"] is True
    assert "policy.yml:7: tiers.gold.rpo: expected" in result["msg"]
    assert result["api_requests"] == 0


def test_a_policy_may_stand_in_the_playbook(cluster: Lab) -> None:
    policy = {
        "version": 1,
        "name": "small",
        "tiers": {"all": {"rpo": "24h", "storage": "vault", "schedule": "02:30"}},
        "rules": [{"tier": "all"}],
    }
    result = run_as_user("backup_policy_info", {**cluster.connection, "policy": policy}, check=True)
    assert set(statuses(result).values()) == {"not_met"}
    assert result["managed_prefix"] == "lifeboat-small_"


def test_a_storage_that_does_not_answer_makes_its_guests_unknown(cluster: Lab, tmp_path: Path) -> None:
    cluster.world.add_job("nightly", {**DAILY, "all": 1})
    cluster.world.add_archive(101, storage="vault", node="pve1", age=60)
    cluster.sim.faults.storage_offline("vault")
    result = judged(cluster, tmp_path, fail_on=["not_met", "unknown"])
    assert statuses(result)[101] == "unknown"
    assert "vault" in promises(result, 101)["rpo"][1]
    assert result["failed"] is True
    assert "unreadable" in kinds(result)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{bwlimit: fast}", "policy.yml:4: tiers.all.job: argument 'bwlimit' is of type"),
        ("{bwlimits: 5}", "tiers.all.job: bwlimits. Supported parameters include"),
        ("{bwlimit: -5}", "tiers.all.job: bwlimit: -5 is out of range"),
        ("{exact: false}", "tiers.all.job"),
    ],
)
def test_settings_of_a_job_that_no_job_has(cluster: Lab, tmp_path: Path, settings: str, words: str) -> None:
    path = tmp_path / "policy.yml"
    path.write_text(
        "version: 1\nname: main\ntiers:\n  all:\n    rpo: 24h\n    storage: vault\n    schedule: '02:30'\n"
        f"    job: {settings}\nrules: [{{tier: all}}]\n"
    )
    before = len(cluster.sim.requests)
    result = run_as_user("backup_policy_info", {**cluster.connection, "policy_path": str(path)})
    assert result["failed"]
    assert words in result["msg"], result["msg"]
    assert len(cluster.sim.requests) == before


REFUSED, GARBAGE = "refused", "garbage"


@pytest.mark.parametrize(
    ("path", "promise", "answer"),
    [
        ("included_volumes", "disks", REFUSED),
        ("included_volumes", "disks", GARBAGE),
        ("schedule-analyze", "job", REFUSED),
        ("schedule-analyze", "job", GARBAGE),
        ("cluster/backup$", "job", GARBAGE),
        ("vzdump/defaults", "keep", REFUSED),
        ("vzdump/defaults", "keep", GARBAGE),
    ],
)
def test_whatever_read_fails_no_promise_of_it_is_met(
    cluster: Lab, tmp_path: Path, path: str, promise: str, answer: str
) -> None:
    cluster.world.add_job("nightly", {"schedule": "02:30", "storage": "vault", "mode": "snapshot", "all": 1})
    cluster.world.add_archive(300, storage="vault", node="pve1", age=3600, protected=True)
    if answer == REFUSED:
        cluster.sim.faults.http("GET", path, 500, "storage 'vault' is not online", times=99)
    else:
        cluster.sim.faults.body("GET", path, b'{"data": 7}', times=99)
    result = judged(cluster, tmp_path, record_path=record(cluster, tmp_path))
    assert not result.get("failed")
    assert promises(result, 300)[promise][0] == "unknown"
    assert statuses(result)[300] == "unknown"
    assert "unreadable" in kinds(result)


def test_each_job_and_each_schedule_is_asked_about_once(cluster: Lab, tmp_path: Path) -> None:
    for number, schedule in enumerate(["02:30", "02:30", "sat 01:00"]):
        cluster.world.add_job(f"job{number}", {**DAILY, "schedule": schedule, "all": 1})
    cluster.world.add_job("off", {**DAILY, "schedule": "03:00", "all": 1, "enabled": 0})
    judged(cluster, tmp_path)
    assert len(cluster.sent("GET", "/included_volumes")) == 3
    assert len(cluster.sent("GET", "/schedule-analyze")) == 3  # 02:30, sat 01:00, and 22:00 of the window
    assert not [one for one in cluster.sim.requests if one.method != "GET"]
