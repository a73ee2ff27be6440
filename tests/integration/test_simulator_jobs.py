# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup jobs in the simulator: what is kept of them, how a change selects guests, what they take in."""

from __future__ import annotations

import calendar
import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.job_world import FRIDAY, job_world
from harness.ticking import Ticking
from pve_simulator import Simulator, World
from pve_simulator.client import Client, Reply

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def clock() -> Ticking:
    return Ticking(FRIDAY)


@pytest.fixture
def world(tmp_path: Path, clock: Ticking) -> World:
    return job_world(tmp_path / "cluster", clock)


def message(reply: Reply) -> str:
    found: str = json.loads(reply.body)["message"]
    return found


def made(root: Client, **options: Any) -> dict[str, Any]:
    """What is kept of a job."""
    reply = root.post("/cluster/backup", **{"id": "nightly", "schedule": "02:30", **options})
    assert (reply.status, json.loads(reply.body)) == (200, {"data": None})
    found: dict[str, Any] = root.get("/cluster/backup/nightly").data
    return found


def changed(root: Client, **options: Any) -> dict[str, Any]:
    reply = root.put("/cluster/backup/nightly", **options)
    assert (reply.status, json.loads(reply.body)) == (200, {"data": None}), reply
    found: dict[str, Any] = root.get("/cluster/backup/nightly").data
    return found


def chosen(job: dict[str, Any]) -> dict[str, Any]:
    return {key: job[key] for key in ("all", "vmid", "exclude", "pool") if key in job}


def test_what_comes_back(root: Client) -> None:
    job = made(
        root,
        vmid="101, 102",
        storage="backups",
        prune_backups="keep-last=3,keep-weekly=2",
        fleecing="1,storage=local",
        performance="max-workers=4",
        exclude_path=["/tmp/?*", "/var/x y"],
        bwlimit="1000",
        repeat_missed="yes",
        protected="1",
        notes_template="{{guestname}}",
    )
    assert job == {
        "id": "nightly",
        "type": "vzdump",
        "schedule": "02:30",
        "enabled": 1,
        "vmid": "101, 102",
        "storage": "backups",
        "prune-backups": {"keep-last": "3", "keep-weekly": "2"},
        "fleecing": {"enabled": "1", "storage": "local"},
        "performance": {"max-workers": "4"},
        "exclude-path": ["/tmp/?*", "/var/x y"],
        "bwlimit": 1000,
        "repeat-missed": 1,
        "protected": 1,
        "notes-template": "{{guestname}}",
    }


def test_a_single_excluded_path_is_a_list_too(root: Client) -> None:
    assert made(root, all=1, exclude_path="/tmp")["exclude-path"] == ["/tmp"]


def test_maxfiles_becomes_a_retention_and_9_does_not_know_it(tmp_path: Path, root: Client) -> None:
    assert made(root, all=1, maxfiles=4)["prune-backups"] == {"keep-last": "4"}
    nine = World(tmp_path / "nine", version="9.2")
    nine.add_node("pve1")
    with (
        Simulator(nine) as sim,
        Client(sim, "root@pam!all", nine.add_token("root@pam", "all", privsep=False)) as client,
    ):
        reply = client.post("/cluster/backup", id="nightly", schedule="1:00", all=1, maxfiles=4)
        assert (reply.status, list(reply.errors)) == (400, ["maxfiles"])


@pytest.mark.parametrize(
    ("given", "schedule"),
    [
        ({"starttime": "03:15"}, "03:15"),
        ({"starttime": "3:5", "dow": "sat"}, "sat 3:5"),
        ({"starttime": "03:15", "dow": "mon;tue"}, "mon,tue 03:15"),
        ({"starttime": "03:15", "dow": "mon,tue,wed,thu,fri,sat,sun"}, "03:15"),
    ],
)
def test_days_and_a_start_are_kept_as_a_schedule(root: Client, given: dict[str, str], schedule: str) -> None:
    assert root.post("/cluster/backup", id="old", all=1, **given).status == 200
    job = root.get("/cluster/backup/old").data
    assert job == {"id": "old", "type": "vzdump", "all": 1, "enabled": 1, "schedule": schedule}
    root.put("/cluster/backup/old", starttime="4:00")
    assert root.get("/cluster/backup/old").data["schedule"] == "4:00"


def test_an_id_is_made_up_where_there_is_none_and_the_order_is_kept(root: Client) -> None:
    for _again in range(2):
        assert root.post("/cluster/backup", schedule="sat 01:00", vmid="101").data is None
    made(root, all=1, enabled=0)
    first, second, third = (job["id"] for job in root.get("/cluster/backup").data)
    assert [bool(UUID.fullmatch(name)) for name in (first, second)] == [True, True]
    assert first != second
    assert third == "nightly"


def test_the_next_run_is_by_the_nodes_clock_and_only_in_the_list(root: Client, world: World, clock: Ticking) -> None:
    job = made(root, all=1, enabled=0)
    saturday = calendar.timegm((2026, 11, 21, 1, 30, 0))  # half past two in Berlin
    assert "next-run" not in job
    assert root.get("/cluster/backup").data == [{**job, "next-run": saturday}]
    clock.now = float(saturday)
    assert root.get("/cluster/backup").data == [{**job, "next-run": saturday + 86400}]
    changed(root, schedule="02-30")
    assert "next-run" not in root.get("/cluster/backup").data[0]


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ({"all": 1}, {"vmid": "101"}, {"vmid": "101"}),
        ({"exclude": "101"}, {"vmid": "102"}, {"vmid": "102"}),
        ({"pool": "prod"}, {"vmid": "102"}, {"vmid": "102"}),
        ({"vmid": "101"}, {"all": 1}, {"all": 1}),
        ({"pool": "prod"}, {"all": 1}, {"all": 1}),
        ({"exclude": "101"}, {"all": 1}, {"all": 1, "exclude": "101"}),
        ({"vmid": "101"}, {"pool": "prod"}, {"pool": "prod"}),
        ({"exclude": "101"}, {"pool": "prod"}, {"pool": "prod"}),
        ({"vmid": "101"}, {"exclude": "102"}, {"all": 1, "exclude": "102"}),
        ({"all": 1}, {"exclude": "102"}, {"all": 1, "exclude": "102"}),
        ({"pool": "prod"}, {"exclude": "102"}, {"all": 1, "exclude": "102"}),
        ({"exclude": "101"}, {"delete": "exclude"}, {"all": 1}),
        ({"exclude": "101"}, {"delete": "all"}, {"all": 1, "exclude": "101"}),
        ({"all": 1}, {"vmid": "101", "delete": "all"}, {"vmid": "101"}),
        ({"pool": "prod"}, {"comment": "x"}, {"pool": "prod"}),
        ({"exclude": "101", "pool": "prod"}, {"comment": "x"}, {"pool": "prod"}),
    ],
    ids=lambda value: ",".join(f"{key}={value[key]}" for key in value),
)
def test_what_a_change_selects(
    root: Client, before: dict[str, Any], change: dict[str, Any], after: dict[str, Any]
) -> None:
    made(root, **before)
    assert chosen(changed(root, **change)) == after


def test_exceptions_mean_all_others(root: Client) -> None:
    assert chosen(made(root, exclude="101")) == {"all": 1, "exclude": "101"}


def test_a_change_leaves_the_rest_as_it_is(root: Client) -> None:
    job = made(root, all=1, storage="backups", comment="x", prune_backups="keep-last=3", mode="stop")
    assert changed(root, enabled=0) == {**job, "enabled": 0}
    left = changed(root, delete="comment,prune-backups mode", schedule="sat 3:00")
    gone = ("comment", "prune-backups", "mode")
    expected = {**job, "enabled": 0, "schedule": "sat 3:00"}
    assert left == {key: value for key, value in expected.items() if key not in gone}
    assert changed(root, delete="comment", comment="y")["comment"] == "y"


@pytest.mark.parametrize("name", ["schedule", "enabled", "id", "stdout", "type", "next-run"])
def test_what_cannot_be_deleted_fails_under_the_lock(root: Client, name: str) -> None:
    job = made(root, all=1)
    reply = root.put("/cluster/backup/nightly", delete=f"comment,{name}")
    assert (reply.status, reply.reason) == (500, "400 Parameter verification failed.")
    assert message(reply) == f"400 Parameter verification failed.\ndelete: unknown option '{name}'\n"
    assert reply.errors is None
    assert root.get("/cluster/backup/nightly").data == job


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"delete": "all"}, "vmid: property is missing"),
        ({"vmid": "101", "all": 1}, "all: option conflicts with option 'vmid'"),
        ({"vmid": "101", "exclude": "102"}, "exclude: option conflicts with option 'vmid'"),
        ({"vmid": "101", "pool": "prod"}, "pool: option conflicts with option 'vmid'"),
        ({"maxfiles": 1, "prune-backups": "keep-last=1"}, "prune-backups: option conflicts with option 'maxfiles'"),
        (
            {"notes-template": "{{name}}", "storage": "backups"},
            "notes-template: found unknown: variable 'name' at char 4\n",
        ),
    ],
)
def test_what_does_not_go_together(root: Client, change: dict[str, Any], detail: str) -> None:
    job = made(root, all=1)
    reply = root.put("/cluster/backup/nightly", **change)
    assert (reply.status, reply.reason) == (500, "400 Parameter verification failed.")
    assert message(reply) == f"400 Parameter verification failed.\n{detail}\n"
    assert root.get("/cluster/backup/nightly").data == job


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"schedule": "bogus"}, {"schedule": "invalid calendar event 'bogus' - unable to parse calendar event\n"}),
        ({"starttime": "1:00", "dow": "Mon"}, {"dow": "invalid day 'Mon'"}),
        ({"vmid": "1"}, {"vmid": "value does not look like a valid VM ID"}),
        ({"prune-backups": "x=1"}, {"prune-backups": ""}),
        ({"delete": "a b/c"}, {"delete": "invalid configuration ID 'a'"}),
    ],
)
def test_a_format_that_does_not_fit(root: Client, given: dict[str, str], errors: dict[str, str]) -> None:
    made(root, all=1)
    reply = root.put("/cluster/backup/nightly", **given)
    assert (reply.status, set(reply.errors)) == (400, set(errors))
    for name, text in errors.items():
        assert reply.errors[name].startswith(f"invalid format - {text}")


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"protected": 1}, {"storage": "missing property - 'protected' requires this property"}),
        ({"notes-template": "x"}, {"storage": "missing property - 'notes-template' requires this property"}),
        ({"dow": "mon"}, {"starttime": "missing property - 'dow' requires this property"}),
        ({"schedule": "1:00", "starttime": "1:00"}, {"starttime": "'starttime' and 'schedule' cannot both be set"}),
        ({"schedule": f"{'0' * 126}1:00"}, {"schedule": "invalid format"}),
        ({"schedule": "mon," * 40 + "tue 1:00"}, {"schedule": "value may only be 128 characters long"}),
        ({"comment": "x" * 513}, {"comment": "value may only be 512 characters long"}),
        ({"stdout": 1}, {"stdout": "property is not defined in schema"}),
        ({"job-id": "x"}, {"job-id": "property is not defined in schema"}),
    ],
)
def test_parameters_that_do_not_fit(root: Client, given: dict[str, Any], errors: dict[str, str]) -> None:
    made(root, all=1, storage="backups")
    reply = root.put("/cluster/backup/nightly", **given)
    assert (reply.status, set(reply.errors)) == (400, set(errors))
    for name, text in errors.items():
        assert reply.errors[name].startswith(text)


def test_jobs_that_there_are_or_are_not(root: Client) -> None:
    made(root, all=1)
    again = root.post("/cluster/backup", id="nightly", schedule="1:00", all=1)
    assert (again.status, message(again)) == (500, "Job 'nightly' already exists\n")
    nothing = root.put("/cluster/backup/nightly")
    assert (nothing.status, message(nothing)) == (500, "no options specified\n")
    assert message(root.put("/cluster/backup/nope", comment="x")) == "no such vzdump job\n"
    for path in ("/cluster/backup/nope", "/cluster/backup/nope/included_volumes"):
        assert (root.get(path).status, root.get(path).errors) == (400, {"id": "No such job 'nope'"})
    gone = root.delete("/cluster/backup/nope")
    assert (gone.status, message(gone)) == (500, "400 Parameter verification failed.\nid: No such job 'nope'\n")
    long = root.get(f"/cluster/backup/{'x' * 51}")
    assert (long.status, long.errors) == (400, {"id": "value may only be 50 characters long"})
    assert root.delete("/cluster/backup/nightly").data is None
    assert root.get("/cluster/backup").data == []
