# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup jobs in the simulator: what they take in, whom they leave out, when they come, and that they are kept."""

from __future__ import annotations

import calendar
import json
from pathlib import Path
from typing import Any

import pytest

from harness.job_world import FRIDAY, job_world
from harness.ticking import Ticking
from pve_simulator import Disk, Mount, Simulator, World
from pve_simulator.client import Client


@pytest.fixture
def clock() -> Ticking:
    return Ticking(FRIDAY)


@pytest.fixture
def world(tmp_path: Path, clock: Ticking) -> World:
    return job_world(tmp_path / "cluster", clock)


def made(world: World, **options: Any) -> None:
    world.add_job("nightly", options, schedule="02:30")


def chosen(job: dict[str, Any]) -> dict[str, Any]:
    return {key: job[key] for key in ("all", "vmid", "exclude", "pool") if key in job}


def test_what_a_job_takes_in(world: World, root: Client) -> None:
    mounts = [Mount("mp0", "/a"), Mount("mp1", "/b", backup=False), Mount("mp2", "/c", source="/mnt/films")]
    world.add_container(104, "media", "pve1", mounts=mounts)
    disks: dict[str, bytes | Disk] = {
        "scsi0": b"x",
        "scsi1": Disk(b"y", backup=False),
        "efidisk0": b"",
        "tpmstate0": b"",
    }
    options = {"bios": "ovmf", "ide2": "local:iso/debian.iso,media=cdrom", "scsi9": "/dev/sdb,size=1G"}
    world.add_vm(301, "efi", "pve1", disks=disks, options=options)
    world.add_vm(302, "seabios", "pve1", disks={"efidisk0": b""})
    world.add_vm(303, "empty", "pve1")
    made(world, vmid="104,301,302,303,999")
    found = {entry["id"]: entry for entry in root.get("/cluster/backup/nightly/included_volumes").data["children"]}
    assert found[999] == {"id": 999, "type": "unknown", "leaf": 1}
    assert found[303] == {"id": 303, "type": "qemu", "name": "empty", "children": [], "leaf": 1}
    assert found[104]["children"][0] == {
        "id": "104:rootfs",
        "name": "local:104/vm-104-disk-0.raw",
        "included": 1,
        "reason": "rootfs",
        "leaf": 1,
    }
    words = {
        child["id"]: (child["included"], child["reason"])
        for entry in found.values()
        for child in entry.get("children", [])
    }
    assert words == {
        "104:rootfs": (1, "rootfs"),
        "104:mp0": (1, "enabled"),
        "104:mp1": (0, "disabled"),
        "104:mp2": (0, "not a volume"),
        "301:scsi0": (1, "backup=yes"),
        "301:scsi1": (0, "backup=no"),
        "301:efidisk0": (1, "backup=yes"),
        "301:tpmstate0": (1, "backup=yes"),
        "301:scsi9": (1, "backup=yes"),
        "302:efidisk0": (0, "efidisk but no OMVF BIOS"),
    }


@pytest.mark.parametrize(
    ("options", "vmids"),
    [
        ({"all": 1}, [101, 102, 300]),
        ({"exclude": "101"}, [102, 300]),
        ({"pool": "prod"}, [101]),
        ({"vmid": "300,101"}, [101, 300]),
        ({"all": 1, "node": "pve2"}, [102]),
        ({"vmid": "101,102", "node": "pve1"}, [101]),
        ({"all": 1, "node": "elsewhere"}, []),
    ],
)
def test_whom_a_job_takes_in_and_whom_it_leaves_out(
    world: World, root: Client, options: dict[str, Any], vmids: list[int]
) -> None:
    made(world, **options)
    taken = root.get("/cluster/backup/nightly/included_volumes").data["children"]
    assert [entry["id"] for entry in taken] == vmids
    left = [entry["vmid"] for entry in root.get("/cluster/backup-info/not-backed-up").data]
    assert left == [vmid for vmid in (101, 102, 300) if vmid not in vmids]


def test_guests_in_no_job_and_that_a_disabled_job_counts(world: World, root: Client) -> None:
    assert root.get("/cluster/backup-info/not-backed-up").data == [
        {"vmid": 101, "name": "web1", "type": "lxc"},
        {"vmid": 102, "name": "web2", "type": "lxc"},
        {"vmid": 300, "name": "db1", "type": "qemu"},
    ]
    made(world, all=1, exclude="300", enabled=0)
    root.post("/cluster/backup", id="other", schedule="1:00", vmid="101,300")
    assert root.get("/cluster/backup-info/not-backed-up").data == []


def test_a_pool_that_is_gone(world: World, root: Client) -> None:
    made(world, pool="prod")
    del world.cluster.pools["prod"]
    for path in ("/cluster/backup/nightly/included_volumes", "/cluster/backup-info/not-backed-up"):
        assert root.get(path).reason == "pool 'prod' does not exist"


def test_purging_a_guest_takes_it_out_of_jobs(world: World, root: Client) -> None:
    world.add_job("both", schedule="1:00", vmid="101,102")
    world.add_job("it", schedule="1:00", vmid="101")
    world.add_job("rest", schedule="1:00", all=1, exclude="101")
    world.add_job("also", schedule="1:00", all=1, exclude="101,102")
    root.ended(root.delete("/nodes/pve1/lxc/101", purge=1).data)
    jobs = {job["id"]: chosen(job) for job in root.get("/cluster/backup").data}
    assert jobs == {"both": {"vmid": "102"}, "rest": {"all": 1}, "also": {"all": 1, "exclude": "102"}}


def test_destroying_a_guest_leaves_jobs_as_they_are(world: World, root: Client) -> None:
    world.add_job("it", schedule="1:00", vmid="101")
    root.ended(root.delete("/nodes/pve1/lxc/101").data)
    assert chosen(root.get("/cluster/backup/it").data) == {"vmid": "101"}


def test_jobs_that_a_test_makes(world: World, root: Client) -> None:
    world.add_job("weekly", schedule="sat 01:00", all=1, prune_backups="keep-last=3", exclude_path=["/tmp"])
    world.add_job("by-hand", {"vmid": "101", "repeat-missed": True}, schedule="daily", enabled=None)
    weekly = {"all": 1, "enabled": 1, "prune-backups": {"keep-last": "3"}, "exclude-path": ["/tmp"]}
    assert world.cluster.jobs["weekly"] == {**weekly, "schedule": "sat 01:00"}
    by_hand = {"id": "by-hand", "type": "vzdump", "vmid": "101", "repeat-missed": 1, "schedule": "daily"}
    assert root.get("/cluster/backup/by-hand").data == by_hand
    wrongs: list[dict[str, Any]] = [{"schedule": "bogus"}, {"color": "red"}, {"schedule": "1:00", "starttime": "1:00"}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="no job wrong"):
            world.add_job("wrong", all=1, **wrong)
    assert "wrong" not in world.cluster.jobs


def test_jobs_survive_a_restart(tmp_path: Path, world: World, root: Client) -> None:
    made(world, all=1, prune_backups="keep-last=3", exclude_path=["/tmp"])
    root.post("/cluster/backup", id="another", schedule="1:00", vmid="101")
    before = root.get("/cluster/backup").data
    world.save()
    again = World(tmp_path / "cluster", clock=Ticking(FRIDAY))
    secret = again.add_token("root@pam", "again", privsep=False)
    with Simulator(again) as sim, Client(sim, "root@pam!again", secret) as client:
        assert client.get("/cluster/backup").data == before
        assert client.delete("/cluster/backup/nightly").status == 200
    assert list(World(tmp_path / "cluster").cluster.jobs) == ["another"]


def test_a_state_from_before_there_were_jobs(tmp_path: Path, world: World) -> None:
    world.save()
    file = world.layout.state_file
    state = json.loads(file.read_text(encoding="utf-8"))
    del state["jobs"]
    file.write_text(json.dumps(state), encoding="utf-8")
    assert World(tmp_path / "cluster").cluster.jobs == {}


def test_when_a_schedule_comes(root: Client) -> None:
    found = root.get("/cluster/jobs/schedule-analyze", schedule="sat 01:00", iterations=2).data
    midnight = calendar.timegm((2026, 11, 21, 0, 0, 0))  # one o'clock in Berlin
    assert found == [
        {"timestamp": midnight, "utc": "Sat Nov 21 00:00:00 2026"},
        {"timestamp": midnight + 7 * 86400, "utc": "Sat Nov 28 00:00:00 2026"},
    ]
    later = root.get("/cluster/jobs/schedule-analyze", schedule="*:0 UTC", iterations=1, starttime=0).data
    assert later == [{"timestamp": 3600, "utc": "Thu Jan  1 01:00:00 1970"}]
    assert len(root.get("/cluster/jobs/schedule-analyze", schedule="*/5").data) == 10
    assert len(root.get("/cluster/jobs/schedule-analyze", schedule="*:*:*", iterations=100).data) == 100
    assert root.get("/cluster/jobs/schedule-analyze", schedule="02-30", iterations=100).data == []


@pytest.mark.parametrize(
    ("query", "error"),
    [
        (
            {"schedule": "bogus"},
            {"schedule": "invalid format - invalid calendar event 'bogus' - unable to parse calendar event\n\n"},
        ),
        ({}, {"schedule": "property is missing and it is not optional"}),
        ({"schedule": "1:00", "iterations": 0}, {"iterations": "value must have a minimum value of 1"}),
        ({"schedule": "1:00", "iterations": 101}, {"iterations": "value must have a maximum value of 100"}),
    ],
)
def test_schedules_that_are_not_analyzed(root: Client, query: dict[str, Any], error: dict[str, str]) -> None:
    reply = root.get("/cluster/jobs/schedule-analyze", **query)
    assert (reply.status, reply.errors) == (400, error)
