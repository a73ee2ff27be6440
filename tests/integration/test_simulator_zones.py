# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time zones of nodes: in names of archives, in logs, in what a retention calls a day."""

from __future__ import annotations

import calendar
from pathlib import Path

import pytest

from harness.ticking import Ticking
from pve_simulator import Simulator, World
from pve_simulator.client import Client

NIGHT = calendar.timegm(
    (2026, 7, 1, 22, 30, 0)
)  # half past midnight in Berlin, half past six in the evening in New York
HOUR = 3600.0


@pytest.fixture
def clock() -> Ticking:
    return Ticking(NIGHT)


@pytest.fixture
def world(tmp_path: Path, clock: Ticking) -> World:
    world = World(tmp_path, clock=clock)
    world.add_node("pve1", timezone="Europe/Berlin")
    world.add_node("pve2", timezone="America/New_York")
    world.add_node("pve3")
    world.add_storage("local", content=["rootdir"])
    world.add_storage("vault", "nfs")
    world.add_storage("depot", "pbs")
    for vmid, node in ((101, "pve1"), (102, "pve2"), (103, "pve3")):
        world.add_container(vmid, f"ct{vmid}", node, files={"etc/motd": b"hello\n"})
    return world


@pytest.mark.parametrize(
    ("node", "zone", "offset"),
    [("pve1", "Europe/Berlin", 2), ("pve2", "America/New_York", -4), ("pve3", "UTC", 0)],
)
def test_the_clock_of_a_node(root: Client, node: str, zone: str, offset: int) -> None:
    found = root.get(f"/nodes/{node}/time").data
    assert found == {"timezone": zone, "time": NIGHT, "localtime": NIGHT + offset * 3600}


def test_winter_time(root: Client, clock: Ticking) -> None:
    clock.now = float(calendar.timegm((2026, 1, 1, 12, 0, 0)))
    found = root.get("/nodes/pve1/time").data
    assert found["localtime"] - found["time"] == 3600


def test_a_time_zone_that_there_is_not(world: World) -> None:
    with pytest.raises((KeyError, ValueError)):
        world.add_node("pve4", timezone="Europe/Nowhere")
    assert "pve4" not in world.cluster.nodes


@pytest.mark.parametrize(
    ("vmid", "node", "name", "line"),
    [
        (101, "pve1", "2026_07_02-00_30_00", "2026-07-02 00:30:00"),
        (102, "pve2", "2026_07_01-18_30_00", "2026-07-01 18:30:00"),
        (103, "pve3", "2026_07_01-22_30_00", "2026-07-01 22:30:00"),
    ],
)
def test_names_and_logs_have_local_time(world: World, root: Client, vmid: int, node: str, name: str, line: str) -> None:
    upid = root.backup(node, vmid=vmid, storage="vault")
    assert root.ended(upid) == "OK"
    assert world.archives("vault") == [f"vault:backup/vzdump-lxc-{vmid}-{name}.tar"]
    assert f"INFO: Backup started at {line}" in root.log(upid)
    assert f"INFO: Backup finished at {line}" in root.log(upid)
    (listed,) = root.get(f"/nodes/{node}/storage/vault/content").data
    assert listed["ctime"] == NIGHT


def test_a_failed_backup_has_local_time_too(sim: Simulator, root: Client) -> None:
    sim.faults.guest_fails(101, "no")
    upid = root.backup("pve1", vmid=101, storage="vault")
    assert root.ended(upid) == "job errors"
    assert "INFO: Failed at 2026-07-02 00:30:00" in root.log(upid)


def test_a_backup_server_names_utc_on_every_node(world: World, root: Client) -> None:
    for vmid, node in ((101, "pve1"), (102, "pve2")):
        assert root.ended(root.backup(node, vmid=vmid, storage="depot")) == "OK"
    assert world.archives("depot") == [f"depot:backup/ct/{vmid}/2026-07-01T22:30:00Z" for vmid in (101, 102)]
    assert {entry["ctime"] for entry in root.get("/nodes/pve2/storage/depot/content").data} == {NIGHT}


def test_a_node_takes_the_time_in_a_name_for_its_own(world: World, root: Client) -> None:
    """Proxmox reads the name with timelocal: nodes in different zones disagree about a shared storage."""
    world.add_archive(101, "vault")
    seen = {node: root.get(f"/nodes/{node}/storage/vault/content").data[0]["ctime"] for node in ("pve1", "pve2")}
    assert seen == {"pve1": NIGHT, "pve2": NIGHT + 6 * 3600}


def test_days_begin_at_the_nodes_midnight(world: World, root: Client) -> None:
    """Two backups, an hour apart: in Berlin on two days, in New York on one."""
    world.add_storage("near", prune="keep-daily=2")
    for vmid, node, expected in ((101, "pve1", ["keep", "keep"]), (102, "pve2", ["remove", "keep"])):
        for age in (HOUR, 0.0):
            world.add_archive(vmid, "near", age=age)
        found = root.get(f"/nodes/{node}/storage/near/prunebackups").data
        assert [entry["mark"] for entry in found] == expected


def test_a_backups_own_pruning_counts_the_nodes_days(world: World, root: Client, clock: Ticking) -> None:
    world.add_storage("near", prune="keep-daily=2")
    for vmid, node, count in ((101, "pve1", 2), (102, "pve2", 1)):
        world.add_archive(vmid, "near", age=HOUR)
        assert root.ended(root.backup(node, vmid=vmid, storage="near")) == "OK"
        assert len(world.archives("near", node)) == count


def test_the_hour_that_comes_twice_is_taken_for_the_first(world: World, root: Client, clock: Ticking) -> None:
    first = calendar.timegm((2026, 10, 25, 0, 30, 0))
    clock.now = first + HOUR
    volid = world.add_archive(101, "vault")
    assert volid.endswith("2026_10_25-02_30_00.tar.zst")
    assert root.get("/nodes/pve1/storage/vault/content").data[0]["ctime"] == first


def test_a_time_that_there_is_not_makes_a_name_that_somebody_gave(world: World, root: Client) -> None:
    volid = world.add_archive(101, "vault", name="vzdump-lxc-101-2026_13_41-00_00_00.tar.zst")
    (listed,) = root.get("/nodes/pve1/storage/vault/content").data
    assert (listed["volid"], listed["ctime"], listed["vmid"]) == (volid, NIGHT, 101)
    (marked,) = root.get("/nodes/pve1/storage/vault/prunebackups", prune_backups="keep-last=1").data
    assert marked["mark"] == "renamed"
    assert root.get("/nodes/pve1/storage/depot/content/depot:backup/ct/101/2026-13-41T00:00:00Z").status == 500


def test_the_zone_survives_a_restart(tmp_path: Path, world: World) -> None:
    world.save()
    again = World(tmp_path)
    assert [node.timezone for node in again.cluster.nodes.values()] == ["Europe/Berlin", "America/New_York", "UTC"]
