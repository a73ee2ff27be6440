# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role LifeboatDrill of docs/rights.md: it is enough, and none of its privileges can be left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.lab import TOKEN, Lab, lab, run_as_user
from harness.modules import warnings_of
from harness.rights_page import MORE, ROLES, grant
from pve_simulator import Agent, World

CONTAINER, MACHINE = 101, 300
BOTH = {CONTAINER, MACHINE}


@contextmanager
def drillable(
    tmp_path: Path, without: str = "", version: str = "8.4", roles: tuple[str, ...] = ("LifeboatDrill", "LifeboatSee")
) -> Iterator[Lab]:
    """A container and a VM with an agent, both with a network card and a backup; a token that may drill."""
    world = World(tmp_path / "cluster", version=version)
    world.add_node("pve1")
    world.add_storage("local-lvm", "lvmthin", content=["rootdir", "images"])
    world.add_storage("vault", type="nfs", content=["backup"], shared=True)
    world.add_user("backup@pve")
    card = {"net0": "name=eth0,hwaddr=BC:24:11:00:00:01,bridge=vmbr0"}
    files = {"etc/motd": b"hello\n"}
    world.add_container(CONTAINER, "ct", "pve1", storage="local-lvm", files=files, unprivileged=True, options=card)
    options: dict[str, str | int] = {"agent": 1, "net0": "virtio=BC:24:11:00:00:02,bridge=vmbr0"}
    disks = {"scsi0": b"boot sector"}
    world.add_vm(MACHINE, "vm", "pve1", storage="local-lvm", disks=disks, options=options, agent=Agent())
    for vmid in sorted(BOTH):
        world.add_archive(vmid, "vault", age=3600)
    grant(world, roles, without)
    with lab(world, grant=False) as cluster:
        yield cluster


def drill(cluster: Lab, vmid: int, **options: Any) -> dict[str, Any]:
    journal = {"journal_path": str(cluster.journals)}
    wanted = {"vmids": [vmid], "scratch_range": "900-909", "running_for": "0", "storages": ["vault"], **options}
    return run_as_user("proxmox_drill", {**cluster.connection, **journal, **wanted})


def not_begun(cluster: Lab, result: dict[str, Any], lacks: str) -> None:
    """Nothing was written, and the reason names what to grant."""
    [row] = result["drills"]
    assert row["verdict"] == "not_run", row
    assert lacks in row["reason"]
    assert [f"{one.method} {one.path}" for one in cluster.sim.requests if one.method != "GET"] == []


@pytest.mark.parametrize("version", ["8.4", "9.2"])
@pytest.mark.parametrize("vmid", sorted(BOTH))
def test_the_role_is_enough_to_drill(tmp_path: Path, vmid: int, version: str) -> None:
    with drillable(tmp_path, version=version) as cluster:
        result = drill(cluster, vmid)
        assert [row["verdict"] for row in result["drills"]] == ["passed"], result
        assert warnings_of(result) == []
        assert set(cluster.world.cluster.guests) == BOTH


@pytest.mark.parametrize("vmid", sorted(BOTH))
@pytest.mark.parametrize("privilege", ROLES["LifeboatDrill"])
def test_nothing_of_it_can_be_left_out_to_drill(tmp_path: Path, privilege: str, vmid: int) -> None:
    # A token without this one sees no storage at all, and so can't be told which privilege it lacks there
    lacks = "No online node shows" if privilege == "Datastore.AllocateSpace" else privilege
    with drillable(tmp_path, without=privilege) as cluster:
        not_begun(cluster, drill(cluster, vmid), lacks)


@pytest.mark.parametrize(("version", "privilege"), [("8.4", MORE[0][1]), ("9.2", MORE[1][1])])
def test_the_agent_needs_a_privilege_more(tmp_path: Path, version: str, privilege: str) -> None:
    with drillable(tmp_path, without=privilege, version=version) as cluster:
        not_begun(cluster, drill(cluster, MACHINE), privilege)
        for vmid, options in ((MACHINE, {"agent": "ignored"}), (CONTAINER, {})):
            [row] = drill(cluster, vmid, **options)["drills"]
            assert row["verdict"] == "passed", row


def test_without_sys_audit_memory_is_not_looked_at(tmp_path: Path) -> None:
    with drillable(tmp_path, roles=("LifeboatDrill",)) as cluster:
        not_begun(cluster, drill(cluster, CONTAINER), "grant Sys.Audit on /nodes/pve1, or set check_memory to false")
        [row] = drill(cluster, CONTAINER, check_memory=False)["drills"]
        assert row["verdict"] == "passed", row


@pytest.mark.parametrize(
    ("privilege", "options"), [("VM.Config.Memory", {"memory": 64}), ("VM.Config.CPU", {"cores": 1})], ids=str
)
def test_lowering_what_a_copy_has(tmp_path: Path, privilege: str, options: dict[str, Any]) -> None:
    with drillable(tmp_path) as cluster:
        cluster.world.cluster.guests[CONTAINER].cores = 4
        cluster.world.add_archive(CONTAINER, "vault", age=60)
        not_begun(cluster, drill(cluster, CONTAINER, **options), privilege)
        cluster.world.add_role("More", [privilege])
        for holder in ("backup@pve", TOKEN):
            cluster.world.add_acl("/vms", "More", user_or_token=holder)
        [row] = drill(cluster, CONTAINER, **options)["drills"]
        assert row["verdict"] == "passed", row
