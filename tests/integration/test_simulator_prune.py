# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning by call: the dry run and the task (recorded: 06_prune; here is what was not)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.ticking import Ticking
from pve_simulator import Simulator, World
from pve_simulator.client import Client

DAY = 86400.0
USER = "backup@pve"


@pytest.fixture
def world(tmp_path: Path, clock: Ticking) -> World:
    world = World(tmp_path, clock=clock)
    world.add_node("pve1")
    world.add_storage("backups", prune="keep-last=1")
    world.add_storage("depot", "pbs", prune="keep-last=1")
    world.add_storage("disks", content=["rootdir"])
    world.add_container(101, "web1", "pve1", storage="disks")
    world.add_vm(300, "db1", "pve1")
    return world


def prunebackups(storage: str = "backups") -> str:
    return f"/nodes/pve1/storage/{storage}/prunebackups"


def marks(root: Client, storage: str = "backups", **query: Any) -> dict[str, str]:
    return {entry["volid"]: entry["mark"] for entry in root.get(prunebackups(storage), **query).data}


def test_the_dry_run_removes_nothing_and_the_task_what_it_said(world: World, root: Client) -> None:
    kept, old = world.add_archive(101), world.add_archive(101, age=DAY)
    other = world.add_archive(300, age=2 * DAY)
    guarded = world.add_archive(101, age=3 * DAY, protected=True)
    renamed = world.add_archive(101, name="vzdump-lxc-101-mine.tar.zst")
    foreign = world.add_archive(101, name="mine.tar.zst")
    expected = {kept: "keep", old: "remove", other: "keep", guarded: "protected", renamed: "renamed"}
    assert marks(root) == {**expected, foreign: "renamed"}
    assert len(world.archives("backups")) == 6
    upid = root.delete(prunebackups()).data
    assert upid.split(":")[5:7] == ["prunebackups", "backups"]
    assert root.ended(upid) == "OK"
    assert root.log(upid) == [f"removing backup '{old}'", "TASK OK"]
    assert sorted(world.archives("backups")) == sorted([kept, other, guarded, renamed, foreign])


def test_fields_of_the_dry_run(world: World, root: Client, clock: Ticking) -> None:
    volid = world.add_archive(101)
    unknown = world.add_archive(101, name="mine.tar.zst")
    found = {entry["volid"]: entry for entry in root.get(prunebackups()).data}
    now = int(clock.now)
    assert found[volid] == {"volid": volid, "ctime": now, "mark": "keep", "type": "lxc", "vmid": 101}
    assert found[unknown] == {"volid": unknown, "ctime": now, "mark": "renamed", "type": "unknown"}


def test_a_part_of_the_storage(world: World, root: Client) -> None:
    container = [world.add_archive(101, age=days * DAY) for days in (0, 1)]
    machine = [world.add_archive(300, age=days * DAY) for days in (0, 1)]
    assert set(marks(root, vmid=101)) == set(container)
    assert set(marks(root, type="qemu")) == set(machine)
    assert marks(root, vmid=101, type="qemu") == {}
    upid = root.delete(prunebackups(), type="qemu").data
    assert root.ended(upid) == "OK"
    assert sorted(world.archives("backups")) == sorted([*container, machine[0]])
    assert root.ended(root.delete(prunebackups(), vmid=101, type="lxc", prune_backups="keep-all=1").data) == "OK"
    assert len(world.archives("backups")) == 3


def test_a_backup_server_prunes_by_groups(world: World, root: Client) -> None:
    kept, old = world.add_archive(101, "depot"), world.add_archive(101, "depot", age=DAY)
    machine = world.add_archive(300, "depot", protected=True)
    found = root.get(prunebackups("depot")).data
    assert [entry["vmid"] for entry in found] == ["101", "101", "300"]
    assert marks(root, "depot") == {kept: "keep", old: "remove", machine: "protected"}
    upid = root.delete(prunebackups("depot")).data
    assert root.ended(upid) == "OK"
    client = "running 'proxmox-backup-client prune' for"
    assert root.log(upid) == [f"{client} 'ct/101'", f"{client} 'vm/300'", "TASK OK"]
    assert sorted(world.archives("depot")) == sorted([kept, machine])


def test_some_may_stay(world: World, sim: Simulator, root: Client) -> None:
    old = [world.add_archive(101, age=days * DAY) for days in (0, 1, 2)]
    sim.faults.removal_fails(old[1], "no")
    upid = root.delete(prunebackups(), vmid=101).data
    assert root.ended(upid) == "error pruning backups - check log"
    assert root.log(upid) == [
        f"removing backup '{old[2]}'",
        f"removing backup '{old[1]}'",
        f"error when removing backup '{old[1]}' - no",
        "TASK ERROR: error pruning backups - check log",
    ]
    assert sorted(world.archives("backups")) == sorted(old[:2])


def test_a_prune_can_be_held_and_stopped(world: World, sim: Simulator, root: Client) -> None:
    old = [world.add_archive(101, age=days * DAY) for days in (0, 1, 2)]
    sim.faults.removal_hangs(old[1])
    upid = root.delete(prunebackups(), vmid=101).data
    root.until_logged(upid, f"removing backup '{old[1]}'")
    assert sorted(world.archives("backups")) == sorted(old[:2])
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid) == "received interrupt"
    assert sorted(world.archives("backups")) == sorted(old[:2])


def test_a_backups_own_pruning_meets_the_same_faults(world: World, sim: Simulator, root: Client) -> None:
    old = world.add_archive(101, age=DAY)
    sim.faults.removal_fails(old, "no")
    upid = root.backup("pve1", vmid=101, storage="backups")
    assert root.ended(upid) == "job errors"
    assert f"ERROR: error when removing backup '{old}' - no" in root.log(upid)
    assert "ERROR: Backup of VM 101 failed - error pruning backups - check log" in root.log(upid)
    assert len(world.archives("backups")) == 2


@pytest.mark.parametrize(
    ("storage", "query", "text"),
    [
        ("disks", {}, "storage 'disks' does not support backups"),
        ("bare", {}, "no prune-backups options configured for storage 'bare'"),
        ("bare", {"prune_backups": "keep-last=1"}, "storage 'bare' is disabled"),
        ("far", {}, "storage 'far' is not available on node 'pve1'"),
        ("nope", {}, "storage 'nope' does not exist"),
    ],
)
def test_what_a_storage_may_say(world: World, root: Client, storage: str, query: dict[str, str], text: str) -> None:
    world.add_storage("bare", disabled=True)
    world.add_node("pve2")
    world.add_storage("far", nodes=["pve2"], prune="keep-last=1")
    refused = root.get(prunebackups(storage), **query)
    assert (refused.status, refused.reason) == (500, text)
    assert root.ended(root.delete(prunebackups(storage), **query).data) == text


def test_rights(world: World, sim: Simulator) -> None:
    old = [world.add_archive(101, age=days * DAY) for days in (0, 1)]
    world.add_user(USER)
    world.add_role("Backup", ["VM.Backup", "Datastore.AllocateSpace"])
    with Client(sim, f"{USER}!op", world.add_token(USER, "op", privsep=False)) as client:
        world.add_acl("/vms/101", "Backup", USER)
        assert client.delete(prunebackups(), vmid=101).reason == (
            "Permission check failed (/storage/backups, Datastore.AllocateSpace)"
        )
        world.add_acl("/storage/backups", "Backup", USER)
        assert client.delete(prunebackups()).reason == "Permission check failed (/storage/backups, Datastore.Allocate)"
        assert client.delete(prunebackups(), vmid=300).reason == "Permission check failed (/vms/300, VM.Backup)"
        assert client.ended(client.delete(prunebackups(), vmid=101).data) == "OK"
    assert world.archives("backups") == [old[0]]
