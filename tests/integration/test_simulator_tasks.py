# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks: how they end, how they are stopped, what is left of them, and what survives a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from pve_simulator import Simulator, World
from pve_simulator.client import Client

CREATING = "creating vzdump archive"


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.add_node("pve1")
    world.add_storage("local", content=["backup", "rootdir", "images"])
    for vmid in (101, 102):
        world.add_container(vmid, f"ct{vmid}", "pve1", files={"etc/motd": b"hello\n"})
    for vmid, running in ((300, False), (301, True)):
        world.add_vm(vmid, f"vm{vmid}", "pve1", disks={"scsi0": b"bytes"}, running=running)
    return world


def test_warnings_are_counted(sim: Simulator, root: Client) -> None:
    for vmid in (101, 102):
        sim.faults.guest_warns(vmid, "something is odd")
    upid = root.backup("pve1", vmid="101,102")
    assert root.ended(upid) == "WARNINGS: 2"
    assert root.log(upid).count("WARN: something is odd") == 2
    assert root.log(upid)[-1] == "TASK WARNINGS: 2"


def test_one_failure_does_not_keep_the_others_from_their_backup(sim: Simulator, world: World, root: Client) -> None:
    sim.faults.guest_fails(101, "first line\nsecond line")
    upid = root.backup("pve1", vmid="101,102")
    assert root.ended(upid) == "job errors"
    log = root.log(upid)
    at = log.index("ERROR: Backup of VM 101 failed - first line")
    assert log[at + 1] == "ERROR: second line"
    assert log[at + 2].startswith("INFO: Failed at ")
    assert log[-2:] == ["INFO: Backup job finished with errors", "TASK ERROR: job errors"]
    assert len(world.archives("local")) == 1
    sim.faults.clear()
    assert root.ended(root.backup("pve1", vmid="101")) == "OK"


def test_a_killed_worker_leaves_a_locked_guest_and_a_part_of_an_archive(
    sim: Simulator, world: World, root: Client
) -> None:
    sim.faults.worker_dies(101)
    upid = root.backup("pve1", vmid="101,102")
    assert root.ended(upid) == "unexpected status"
    assert CREATING in root.log(upid)[-1]
    assert root.get("/nodes/pve1/lxc/101/status/current").data["lock"] == "backup"
    assert {path.suffix for path in world.backups("local").dump.iterdir()} == {".dat", ".tmp"}
    sim.faults.clear()
    again = root.backup("pve1", vmid="101")
    assert root.ended(again) == "job errors"
    assert "ERROR: Backup of VM 101 failed - CT is locked (backup)" in root.log(again)


def test_a_signal_ends_the_backup_of_a_container_but_not_the_job(sim: Simulator, world: World, root: Client) -> None:
    sim.faults.guest_hangs(101)
    upid = root.backup("pve1", vmid="101,102", compress="zstd")
    root.until_logged(upid, CREATING)
    assert root.delete(f"/nodes/pve1/tasks/{upid}").data is None
    assert root.ended(upid) == "job errors"
    failed = next(line for line in root.log(upid) if line.startswith("ERROR"))
    assert failed.startswith("ERROR: Backup of VM 101 failed - command 'set -o pipefail && tar cpf - ")
    assert failed.endswith(".tar.dat' failed: interrupted by signal")
    assert [volid.split("-")[2] for volid in world.archives("local")] == ["102"]
    assert len(list(world.backups("local").dump.iterdir())) == 1
    assert "lock" not in root.get("/nodes/pve1/lxc/101/status/current").data


def test_a_signal_ends_the_job_in_the_backup_of_a_vm(sim: Simulator, world: World, root: Client) -> None:
    sim.faults.guest_hangs(300)
    upid = root.backup("pve1", vmid="300,301")
    root.until_logged(upid, CREATING)
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid) == "interrupted by signal"
    log = root.log(upid)
    assert "ERROR: Backup of VM 300 failed - interrupted by signal" in log
    assert log[-2:] == ["ERROR: Backup job failed - interrupted by signal", "TASK ERROR: interrupted by signal"]
    assert world.archives("local") == []


def test_who_does_not_hear_the_signal_is_killed(sim: Simulator, root: Client) -> None:
    sim.world.tasks.grace = 0.2
    for vmid in (101, 102):
        sim.faults.guest_hangs(vmid)
    upid = root.backup("pve1", vmid="101,102")
    root.until_logged(upid, CREATING)
    root.delete(f"/nodes/pve1/tasks/{upid}")
    assert root.ended(upid) == "unexpected status"
    assert "lock" not in root.get("/nodes/pve1/lxc/101/status/current").data
    assert root.get("/nodes/pve1/lxc/102/status/current").data["lock"] == "backup"


@pytest.mark.parametrize("vmid", [103, 301])
def test_a_job_that_is_stopped_while_its_guest_shuts_down_leaves_a_lock(
    sim: Simulator, world: World, root: Client, vmid: int
) -> None:
    world.add_container(103, "ct103", "pve1", files={"etc/motd": b"hello\n"}, running=True)
    world.tasks.grace = 0.2
    sim.faults.shutdown_hangs(vmid)
    upid = root.backup("pve1", vmid=vmid, mode="stop")
    root.until_logged(upid, "stopping virtual guest")
    assert root.delete(f"/nodes/pve1/tasks/{upid}").data is None
    assert root.ended(upid) == "unexpected status"
    assert root.log(upid)[-1] == "INFO: stopping virtual guest"
    assert world.cluster.guests[vmid].lock == "backup"
    (left,) = world.backups("local").dump.iterdir()
    assert (left.suffix, left.is_dir()) == (".tmp", True)
    sim.faults.release(vmid)
    again = root.backup("pve1", vmid=vmid, mode="stop")
    assert root.ended(again) == "job errors"
    assert any(line.endswith(" is locked (backup)") for line in root.log(again))
    world.unlock_guest(vmid)
    assert root.ended(root.backup("pve1", vmid=vmid, mode="stop")) == "OK"
    assert len(world.archives("local")) == 1


def test_a_guest_that_takes_its_time_to_shut_down(sim: Simulator, root: Client) -> None:
    sim.faults.shutdown_hangs(301)
    upid = root.backup("pve1", vmid=301, mode="stop")
    root.until_logged(upid, "stopping virtual guest")
    sim.faults.release(301)
    assert root.ended(upid) == "OK"


@pytest.mark.parametrize(("vmid", "text"), [(101, "CT is locked (snapshot)"), (300, "VM is locked (snapshot)")])
def test_a_lock_that_somebody_left(world: World, root: Client, vmid: int, text: str) -> None:
    world.lock_guest(vmid, "snapshot")
    upid = root.backup("pve1", vmid=vmid)
    assert root.ended(upid) == "job errors"
    assert f"ERROR: Backup of VM {vmid} failed - {text}" in root.log(upid)
    listed = {guest["vmid"]: guest.get("lock") for guest in root.get("/cluster/resources", type="vm").data}
    assert {key: lock for key, lock in listed.items() if lock} == {vmid: "snapshot"}
    world.unlock_guest(vmid)
    assert root.ended(root.backup("pve1", vmid=vmid)) == "OK"


def test_clearing_the_faults_lets_backups_go_on(sim: Simulator, root: Client) -> None:
    sim.faults.guest_hangs(101)
    upid = root.backup("pve1", vmid=101)
    root.until_logged(upid, CREATING)
    sim.faults.clear()
    assert root.ended(upid) == "OK"


def test_stop_ends_the_job_that_holds_the_lock(sim: Simulator, root: Client) -> None:
    sim.faults.guest_hangs(101)
    upid = root.backup("pve1", vmid=101)
    root.until_logged(upid, CREATING)
    assert root.post("/nodes/pve1/vzdump", stop=1).data == "OK"
    assert root.ended(upid) == "job errors"


def test_a_log_may_lose_its_end(sim: Simulator, root: Client) -> None:
    sim.faults.truncate_log(4)
    upid = root.backup("pve1", vmid=101)
    assert root.ended(upid) == "unexpected status"
    assert len(root.log(upid)) == 4
    (listed,) = root.get("/nodes/pve1/tasks").data
    assert listed["status"] == "OK"
    assert root.ended(root.backup("pve1", vmid=101)) == "OK"


def test_an_empty_log_says_so(sim: Simulator, root: Client) -> None:
    sim.world.tasks.hold()
    upid = root.backup("pve1", vmid=101)
    assert root.log(upid) == ["no content"]
    sim.world.tasks.release()
    assert root.ended(upid) == "OK"


def test_pace_of_all_and_of_one(tmp_path: Path, world: World) -> None:
    secret = world.add_token("root@pam", "all", privsep=False)
    with Simulator(world, pace=30.0) as sim, Client(sim, "root@pam!all", secret) as root:
        sim.faults.guest_pace(101, 0.0)
        assert root.ended(root.backup("pve1", vmid=101)) == "OK"
        slow = root.backup("pve1", vmid=102)
        root.until_logged(slow, CREATING)
        with pytest.raises(TimeoutError, match="still running"):
            sim.wait_idle(0.05)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("snapshot", ["VM Name: vm301", "backup mode: snapshot", "resuming VM again"]),
        ("suspend", ["backup mode: suspend", "suspending guest", "resume vm"]),
        ("stop", ["backup mode: stop", "stopping virtual guest", "restarting vm"]),
    ],
)
def test_modes_of_a_running_vm(root: Client, mode: str, expected: list[str]) -> None:
    upid = root.backup("pve1", vmid=301, mode=mode)
    assert root.ended(upid) == "OK"
    log = root.log(upid)
    places = [log.index(f"INFO: {line}") for line in expected]
    assert places == sorted(places)
    assert "INFO: status = running" in log


@pytest.mark.parametrize("mode", ["snapshot", "suspend", "stop"])
def test_modes_of_a_running_container(world: World, root: Client, mode: str) -> None:
    world.add_container(103, "runs", "pve1", files={"a": b"b"}, running=True)
    upid = root.backup("pve1", vmid=103, mode=mode)
    assert root.ended(upid) == "OK"
    assert f"INFO: backup mode: {mode}" in root.log(upid)


def test_lists_can_be_narrowed(sim: Simulator, root: Client) -> None:
    sim.faults.guest_fails(102, "no")
    sim.faults.guest_warns(300, "odd")
    upids = {vmid: root.backup("pve1", vmid=vmid) for vmid in (101, 102, 300)}
    for upid in upids.values():
        root.ended(upid)

    def listed(**query: object) -> list[str]:
        return [task["id"] for task in root.get("/nodes/pve1/tasks", **query).data]

    assert listed() == ["300", "102", "101"]
    assert listed(start=1, limit=1) == ["102"]
    assert listed(errors=1) == ["102"]
    assert listed(statusfilter="warning,ok") == ["300", "101"]
    assert listed(vmid=102) == ["102"]
    assert listed(typefilter="qmrestore") == []
    assert listed(since=2**31) == []
    assert listed(userfilter="ROOT") == ["300", "102", "101"]


def test_a_restarted_simulator_has_the_same_state(tmp_path: Path) -> None:
    world = World(tmp_path, version="9.2")
    world.cluster.name = "harbour"
    world.add_node("pve1", clock_offset=5.0)
    world.add_storage("local", content=["backup", "rootdir"], prune="keep-last=3")
    world.add_pool("prod", "a comment", ["local"])
    world.add_container(101, "ct101", "pve1", files={"etc/motd": b"hello\n"}, pool="prod", tags=["a", "b"])
    secret = world.add_token("root@pam", "all", privsep=False, comment="for me")
    with Simulator(world) as sim, Client(sim, "root@pam!all", secret) as root:
        done = root.backup("pve1", vmid=101, storage="local", compress="zstd")
        assert root.ended(done) == "OK"
        sim.faults.guest_hangs(101)
        running = root.backup("pve1", vmid=101, storage="local")
        root.until_logged(running, CREATING)
        certificate = sim.ca_path.read_bytes()

    again = World(tmp_path)
    assert again.version.release == "9.2"
    assert again.cluster == world.cluster
    with Simulator(again) as sim, Client(sim, "root@pam!all", secret) as root:
        assert sim.ca_path.read_bytes() == certificate
        assert root.ended(done) == "OK"
        assert root.ended(running) == "unexpected status"
        assert [task["status"] for task in root.get("/nodes/pve1/tasks").data] == ["unexpected status", "OK"]
        assert root.get("/nodes/pve1/lxc/101/status/current").data["lock"] == "backup"
        assert len(root.get("/nodes/pve1/storage/local/content", content="backup").data) == 1
        fresh = root.backup("pve1", vmid=101, storage="local")
        assert fresh not in (done, running)
        assert root.ended(fresh) == "job errors"


def test_a_vm_shows_its_progress(tmp_path: Path, world: World) -> None:
    secret = world.add_token("root@pam", "all", privsep=False)
    with Simulator(world, pace=0.1) as sim, Client(sim, "root@pam!all", secret) as root:
        upid = root.backup("pve1", vmid=300)
        assert root.ended(upid) == "OK"
        steps = [line for line in root.log(upid) if "% (" in line and "read:" in line]
    assert steps[1] == "INFO:  20% (204.8 MiB of 1.0 GiB) in 0s, read: 204.8 MiB/s, write: 1 B/s"
    assert [line[6:9].strip() for line in steps] == ["0", "20", "40", "60", "80", "100"]
