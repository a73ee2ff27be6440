# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_backup_job against the simulator: jobs become as they are wanted, and nothing else is touched."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import FIELDS
from harness.job_values import JOBS, PARTS
from harness.jobs import Jobs, jobs
from harness.lab import TOKEN, build_world
from harness.modules import warnings_of
from harness.process import ModuleProcess
from harness.rights_page import ROLES
from pve_simulator import World
from pve_simulator.state.model import Guest

WHOLE: dict[str, Any] = {"schedule": "02:30", "storage": "vault", "all_guests": True}


@pytest.fixture(params=["8.4", "9.2"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> World:
    return build_world(tmp_path / "cluster", request.param)


@pytest.fixture
def site(world: World) -> Iterator[Jobs]:
    with jobs(world) as running:
        yield running


def test_a_job_is_made_once(site: Jobs) -> None:
    wish: dict[str, Any] = {
        "id": "nightly",
        "schedule": "02:30",
        "storage": "vault",
        "tags": ["prod"],
        "exclude": ["web2"],
        "mode": "snapshot",
        "compress": "zstd",
        "keep": {"keep_last": 3, "keep_weekly": 2},
        "notes": "{{guestname}}",
        "fleecing": {"enabled": True, "storage": "local"},
        "repeat_missed": True,
        "exclude_paths": ["/var/x y", "/tmp/?*"],
    }
    foretold = site.good(check=True, **wish)
    assert (foretold["changed"], site.writes(), site.there()) == (True, [], {})
    result = site.good(**wish)
    assert result["msg"] == "1 job: 1 created."
    assert site.there()["nightly"] == {
        "schedule": "02:30",
        "storage": "vault",
        "vmid": "101,104,300",
        "mode": "snapshot",
        "compress": "zstd",
        "prune-backups": {"keep-last": "3", "keep-weekly": "2"},
        "notes-template": "{{guestname}}",
        "fleecing": {"enabled": "1", "storage": "local"},
        "repeat-missed": 1,
        "exclude-path": ["/tmp/?*", "/var/x y"],
        "enabled": 1,
    }
    row, before = result["jobs"][0], foretold["jobs"][0]
    assert (row["result"], before["result"]) == ("created", "would_create")
    assert row["job"]["vmids"] == [101, 104, 300]
    assert row["job"]["keep"] == {"last": 3, "weekly": 2}
    assert len(row["next_runs"]) == 5
    assert row["job"]["next_run"] == row["next_runs"][0]
    assert {**row["job"], "next_run": None} == {**before["job"], "next_run": None}, "check mode is exact"
    assert (row["changes"], result["diff"]) == (before["changes"], foretold["diff"])
    again = site.good(**wish)
    assert (again["changed"], again["msg"], site.writes()) == (False, "1 job: 1 unchanged.", [])
    assert again["diff"] == {"before": "", "after": ""}


def test_the_diff_has_what_changes_and_what_stays(site: Jobs) -> None:
    site.world.add_job("nightly", schedule="02:30", storage="vault", all=1, comment="mine")
    result = site.good(check=True, id="nightly", schedule="03:00", state="disabled", unset=["comment"])
    assert result["diff"]["before"] == (
        "nightly:\n  all_guests: true\n  comment: mine\n  enabled: true\n  schedule: 02:30\n  storage: vault\n"
    )
    assert result["diff"]["after"] == (
        "nightly:\n  all_guests: true\n  enabled: false\n  schedule: 03:00\n  storage: vault\n"
    )
    assert result["jobs"][0]["reason"] == (
        "enabled was True, wanted False; schedule was 02:30, wanted 03:00; comment was mine, wanted not set"
    )


def test_the_job_follows_its_tag(site: Jobs) -> None:
    wish: dict[str, Any] = {"id": "nightly", "schedule": "02:30", "storage": "vault", "tags": ["prod"]}
    site.good(**wish)
    site.world.cluster.guests[103].tags.append("prod")
    site.world.cluster.guests[101].tags.remove("prod")
    result = site.good(**wish)
    assert result["jobs"][0]["reason"] == "vmids: 103 added, 101 removed"
    assert site.there()["nightly"]["vmid"] == "102,103,104,300"
    for guest in site.world.cluster.guests.values():
        guest.tags = []
    lost = site.run(**wish)
    assert lost["failed"]
    assert lost["msg"] == (
        "nightly: tags: no guest that this token may see (VM.Audit) has prod; a job of nobody is refused. Tag a guest, "
        "or set state to disabled or absent. Nothing was changed."
    )
    assert site.writes() == []
    assert site.there()["nightly"]["vmid"] == "102,103,104,300"


def test_switched_off_on_and_away(site: Jobs) -> None:
    site.good(id="nightly", state="disabled", **WHOLE)
    assert site.there()["nightly"]["enabled"] == 0
    assert site.good(id="nightly", **WHOLE)["changed"] is False, "present leaves it open"
    assert site.good(id="nightly", state="enabled")["jobs"][0]["changes"] == [
        {"field": "enabled", "before": False, "after": True}
    ]
    assert site.good(id="nightly", state="absent", check=True)["msg"] == "1 job: 1 would remove."
    assert site.good(id="nightly", state="absent")["changed"]
    assert site.there() == {}
    gone = site.good(id="nightly", state="absent")
    assert (gone["changed"], gone["jobs"][0]["reason"], site.writes()) == (False, "it is not there", [])


def test_the_prefix_is_ours_and_nothing_else(site: Jobs) -> None:
    for name in ("git-old", "git-web", "nightly", "legit-one"):
        site.world.add_job(name, schedule="02:30", storage="vault", all=1)
    wish: dict[str, Any] = {
        "managed_prefix": "git-",
        "purge": True,
        "jobs": [{"id": "git-web", "exact": True, **WHOLE}],
    }
    assert site.good(check=True, **wish)["summary"]["would_remove"] == 1
    result = site.good(**wish)
    assert [(row["id"], row["result"]) for row in result["jobs"]] == [("git-web", "unchanged"), ("git-old", "removed")]
    assert sorted(site.there()) == ["git-web", "legit-one", "nightly"]


def test_jobs_with_made_up_ids_and_old_ones_can_be_set(site: Jobs) -> None:
    name = "88d0769d-2d85-4967-a697-d93b403f25b7"
    site.world.add_job("old", dow="mon,tue", starttime="03:15", storage="vault", vmid="103", enabled=None)
    site.world.cluster.jobs[name] = site.world.cluster.jobs.pop("old")  # as the server makes one up
    result = site.good(id=name, schedule="mon,tue 03:15", state="enabled", vmids=[103])
    assert not result["changed"]
    assert site.good(id=name, vmids=[103, 101])["changed"]
    assert site.there()[name]["vmid"] == "101,103"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"schedule": "bogus"}, "schedule: Proxmox does not take 'bogus' (nightly: invalid calendar event 'bogus'"),
        ({"storage": "nowhere"}, "storage: the cluster has none named nowhere (nightly); it shows local, vault."),
        ({"storage": "images"}, "storage: images (nightly) does not hold backups; add backup to its content."),
        ({"names": ["nobody"], "all_guests": None}, "nightly: names: no guest that this token may see"),
        ({"fleecing": {"enabled": True, "storage": "nowhere"}}, "storage: the cluster has none named nowhere"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(site: Jobs, options: dict[str, Any], words: str) -> None:
    if options.get("storage") == "images":
        site.world.add_storage("images", content=["images"])
    entries = [{"id": "first", **WHOLE}, {"id": "nightly", **WHOLE, **options}]
    for check in (True, False):
        result = site.run(jobs=entries, check=check)
        assert result["failed"]
        assert words in result["msg"]
        assert result["msg"].endswith("Nothing was changed.")
        assert site.writes() == []
    assert site.there() == {}


def test_hardly_meant_and_possible(site: Jobs) -> None:
    result = site.good(id="nightly", schedule="2020-01-01 01:00", vmids=[101, 999])
    warnings = " ".join(warnings_of(result))
    assert "nightly: no guest with the id 999 is shown to this token" in warnings
    assert "nightly: it names no storage" in warnings
    assert "nightly: its schedule '2020-01-01 01:00' never comes." in warnings
    assert result["jobs"][0]["unknown_vmids"] == [999]
    assert "storage" not in site.there()["nightly"]


def test_a_wrapped_error_comes_out_with_its_detail(site: Jobs) -> None:
    """Proxmox answers 500 with a 400 inside where it finds out under the lock."""
    site.world.add_job("nightly", schedule="02:30", storage="vault", all=1)
    site.faults.http(
        "PUT",
        "nightly$",
        500,
        "400 Parameter verification failed.",
        "400 Parameter verification failed.\nvmid: no way\n",
    )
    result = site.run(id="nightly", comment="x")
    assert result["failed"]
    assert "400 Parameter verification failed. vmid: no way" in result["msg"]
    assert result["jobs"][0]["result"] == "failed"
    assert not result["changed"]


def test_one_that_is_refused_keeps_no_other_from_being_set(site: Jobs) -> None:
    site.faults.http("POST", "cluster/backup$", 500, "no luck", "no luck\n")
    result = site.run(jobs=[{"id": name, **WHOLE} for name in ("one", "two")])
    assert result["failed"]
    assert [(row["id"], row["result"]) for row in result["jobs"]] == [("one", "failed"), ("two", "created")]
    assert result["msg"].startswith("2 jobs: 1 created, 1 failed. one: Proxmox answered 500")
    assert sorted(site.there()) == ["two"]


ALL = {"schedule": "02:30", "storage": "vault", "all": 1}


@pytest.mark.parametrize(
    ("before", "entries", "refused", "left"),
    [
        ({"git-old": ALL}, [{"id": "git-new", **WHOLE}], "POST", {"git-old"}),
        ({"git-old": ALL}, [{"id": "git-old", "state": "absent"}, {"id": "git-new", **WHOLE}], "POST", {"git-old"}),
        ({"git-old": ALL}, [{"id": "git-old", "state": "disabled"}, {"id": "git-new", **WHOLE}], "POST", {"git-old"}),
        (
            {"git-gold": {**ALL, "all": None, "vmid": "101,102"}, "git-silver": {**ALL, "all": None, "vmid": "103"}},
            [{"id": "git-gold", "vmids": [102]}, {"id": "git-silver", "vmids": [101, 103]}],
            "PUT",
            {"git-gold", "git-silver"},
        ),
    ],
)
def test_nobody_is_in_no_job_because_a_new_one_was_refused(
    site: Jobs, before: dict[str, Any], entries: list[dict[str, Any]], refused: str, left: set[str]
) -> None:
    for name, job in before.items():
        site.world.add_job(name, job)
    there = site.there()
    site.faults.http(refused, "cluster/backup", 403, "Permission check failed (/storage/vault, Datastore.Allocate)")
    result = site.run(managed_prefix="git-", purge=True, jobs=entries)
    assert result["failed"]
    assert "it was left as it is, because git-" in result["msg"]
    assert len(site.writes()) == 1
    assert {name: job for name, job in site.there().items() if name in left} == there


def test_what_is_added_comes_before_what_is_taken_away(site: Jobs) -> None:
    site.world.add_job("git-old", ALL)
    site.good(managed_prefix="git-", purge=True, jobs=[{"id": "git-new", **WHOLE}])
    assert [line.split()[0] for line in site.writes()] == ["POST", "DELETE"]


def test_a_guest_that_can_no_longer_be_seen_stays_in_the_job(site: Jobs) -> None:
    wish: dict[str, Any] = {"id": "nightly", "schedule": "02:30", "storage": "vault", "tags": ["prod"]}
    site.good(**wish)
    for holder in ("backup@pve", TOKEN):
        site.world.add_acl("/vms/101", "NoAccess", user_or_token=holder, propagate=True)
    result = site.good(**wish)
    assert (result["changed"], site.there()["nightly"]["vmid"]) == (False, "101,102,104,300")
    assert "101 stays in it" in " ".join(warnings_of(result))
    site.world.remove_guest(104)
    site.good(**wish)
    assert site.there()["nightly"]["vmid"] == "101,102,300", "one that is gone is gone"


def test_a_tag_with_a_slip_of_the_pen(site: Jobs) -> None:
    result = site.good(id="nightly", schedule="02:30", storage="vault", tags=["db", "prd"])
    assert warnings_of(result) == [
        "nightly: no guest that this token may see (VM.Audit) has the tag prd; is prod meant?"
    ]


def test_what_root_alone_may_remove(site: Jobs) -> None:
    site.world.add_job("nightly", {**ALL, "script": "/root/hook", "mode": "stop"})
    result = site.good(id="nightly", exact=True, **WHOLE)
    assert site.there()["nightly"] == {
        "schedule": "02:30",
        "storage": "vault",
        "all": 1,
        "enabled": 1,
        "script": "/root/hook",
    }
    assert "script stays, because only root@pam" in " ".join(warnings_of(result))
    assert site.good(id="nightly", exact=True, **WHOLE)["changed"] is False
    refused = site.run(id="nightly", unset=["script"])
    assert "only root@pam with a password may remove script" in refused["msg"]
    assert site.writes() == []


def test_a_job_whose_schedule_the_server_does_not_know_can_be_switched_off(site: Jobs) -> None:
    site.world.add_job("nightly", ALL)
    site.world.cluster.jobs["nightly"]["schedule"] = "bogus"
    assert site.good(id="nightly", state="disabled")["changed"]
    assert site.there()["nightly"]["enabled"] == 0


def test_what_was_taken_counts_as_changed_when_nobody_can_look(site: Jobs) -> None:
    site.faults.after("POST", "cluster/backup$", lambda: site.faults.http("GET", "cluster/backup$", 500, "no luck"))
    result = site.run(id="nightly", **WHOLE)
    assert result["failed"]
    assert result["changed"]
    assert "what there is now could not be seen" in result["msg"]


def test_a_job_that_somebody_makes_at_the_same_moment(site: Jobs) -> None:
    site.faults.before("POST", "cluster/backup$", lambda: site.world.add_job("nightly", schedule="1:00", vmid="101"))
    result = site.good(id="nightly", **WHOLE)
    assert (result["changed"], result["jobs"][0]["result"]) == (True, "created")
    assert site.there()["nightly"] == {"schedule": "02:30", "storage": "vault", "all": 1, "enabled": 1}
    assert [line.split()[0] for line in site.writes()] == ["POST", "PUT"]


def test_a_job_that_somebody_changes_or_removes_at_the_same_moment(site: Jobs) -> None:
    site.world.add_job("nightly", schedule="1:00", storage="vault", all=1)
    again = site.world.add_job
    site.faults.after("PUT", "nightly$", lambda: again("nightly", schedule="3:00", storage="vault", all=1))
    assert site.good(id="nightly", **WHOLE)["changed"]
    assert site.there()["nightly"]["schedule"] == "02:30"
    site.faults.before("PUT", "nightly$", lambda: site.world.cluster.jobs.pop("nightly"))
    result = site.good(id="nightly", **{**WHOLE, "schedule": "04:00"})
    assert site.there()["nightly"]["schedule"] == "04:00", result["msg"]


def test_somebody_who_does_not_stop(site: Jobs) -> None:
    site.world.add_job("nightly", schedule="1:00", storage="vault", all=1)
    again = site.world.add_job
    site.faults.after("PUT", "nightly$", lambda: again("nightly", schedule="3:00", storage="vault", all=1), times=9)
    result = site.run(id="nightly", **WHOLE)
    assert result["failed"]
    assert result["jobs"][0]["reason"] == (
        "somebody else changes it at the same time; it still differs (schedule was 3:00, wanted 02:30)"
    )
    assert len(site.writes()) == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_an_answer_that_is_lost(site: Jobs, method: str) -> None:
    """What was carried out all the same is seen by looking again."""
    if method != "POST":
        site.world.add_job("nightly", schedule="1:00", storage="vault", all=1)
    site.faults.drop(method, "cluster/backup", when="after")
    wish = {"state": "absent"} if method == "DELETE" else WHOLE
    result = site.good(id="nightly", **wish)
    assert result["changed"]
    assert ("nightly" in site.there()) == (method != "DELETE")


def test_two_runs_at_once(site: Jobs, tmp_path: Path) -> None:
    """With the same wish both are right, and each job is made once."""
    wish: dict[str, Any] = {"jobs": [{"id": f"job-{number}", **WHOLE} for number in range(5)]}
    options = {**site.lab.connection, **wish}
    runs = [ModuleProcess("proxmox_backup_job", options, tmp_path) for _number in range(2)]
    results = [run.result() for run in runs]
    assert [result.get("failed", False) for result in results] == [False, False], results
    assert sorted(site.there()) == [f"job-{number}" for number in range(5)]
    assert sum(result["summary"]["created"] for result in results) == 5


@pytest.mark.parametrize("lacking", ["", *ROLES["LifeboatJobs"]])
def test_the_role_is_enough_and_what_each_privilege_is_for(world: World, lacking: str) -> None:
    """The role of docs/rights.md."""
    with jobs(world, [one for one in ROLES["LifeboatJobs"] if one != lacking]) as site:
        entries = [{"id": name, **WHOLE, "all_guests": None, "tags": ["prod"]} for name in ("one", "two", "three")]
        result = site.run(jobs=entries)
        made = lacking in ("", "Datastore.Audit")
        assert sorted(site.there()) == (["one", "three", "two"] if made else [])
        assert bool(result.get("failed")) != made
        assert made or lacking in result["msg"], result["msg"]
        assert len(warnings_of(result)) == (3 if lacking == "Datastore.Audit" else 0)
        if lacking == "Sys.Modify":
            assert len(site.writes()) == 1, "what is refused for all is not tried for each"
            assert not site.run(jobs=entries, check=True).get("failed"), "looking takes no right to change"


def test_a_storage_that_the_token_may_not_see(world: World) -> None:
    with jobs(world, [one for one in ROLES["LifeboatJobs"] if one != "Datastore.Audit"]) as site:
        result = site.good(id="nightly", **WHOLE)
        assert "storage vault is not shown to this token" in " ".join(warnings_of(result))


@pytest.mark.slow
def test_two_hundred_jobs_over_five_thousand_guests(world: World, tmp_path: Path) -> None:
    """Three reads, one for each different schedule, one write for each job that changes; in one task."""
    for number in range(5000):
        vmid = 10_000 + number
        world.cluster.guests[vmid] = Guest(vmid, f"g{number}", "lxc", f"pve{number % 3 + 1}", tags=[f"t{number % 200}"])
    with jobs(world) as site:
        entries = [
            {"id": f"job-{number}", "schedule": f"{number % 4:02}:30", "storage": "vault", "tags": [f"t{number}"]}
            for number in range(200)
        ]
        site.good(jobs=entries)
        assert (site.reads(), len(site.writes()), len(site.requests())) == (3, 200, 207)
        assert len(site.there()["job-7"]["vmid"].split(",")) == 25
        entries[3]["schedule"] = "05:00"
        assert site.good(jobs=entries)["summary"]["unchanged"] == 199
        assert (site.reads(), len(site.writes()), len(site.requests())) == (3, 1, 9)
        site.good(jobs=entries)
        assert (site.reads(), site.writes(), len(site.requests())) == (2, [], 7)


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    folder = tmp_path_factory.mktemp("jobs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        with jobs(build_world(folder / "cluster")) as running:
            yield running


def content(site: Jobs) -> dict[str, Any]:
    """What the job comes to at Proxmox; what is not set by its default."""
    shown = site.there()["any"]
    return {name: field.value_of(shown) for name, field in FIELDS.items() if name != "enabled"}


def made_anew(site: Jobs, wish: dict[str, Any]) -> dict[str, Any]:
    site.world.cluster.jobs.clear()
    site.good(id="any", **wish)
    return content(site)


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JOBS, JOBS)
def test_exact_makes_any_job_another(shared_site: Jobs, first: dict[str, Any], second: dict[str, Any]) -> None:
    wanted = made_anew(shared_site, second)
    made_anew(shared_site, first)
    shared_site.good(id="any", exact=True, **second)
    assert content(shared_site) == wanted
    assert shared_site.good(id="any", exact=True, **second)["changed"] is False
    assert shared_site.writes() == []


@pytest.mark.slow
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JOBS, PARTS, st.sampled_from(["present", "enabled", "disabled"]))
def test_what_is_not_named_stays(shared_site: Jobs, first: dict[str, Any], part: dict[str, Any], state: str) -> None:
    before = made_anew(shared_site, first)
    shared_site.good(id="any", state=state, **part)
    after = content(shared_site)
    selecting = {"vmids", "all_guests", "pool", "exclude"}
    named = {*part, *(selecting if selecting & set(part) else ())}
    assert {key: one for key, one in after.items() if key not in named} == {
        key: one for key, one in before.items() if key not in named
    }
    assert shared_site.good(id="any", state=state, **part)["changed"] is False
