# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of docs/rights.md: each is enough for its use, and none of its privileges can be left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.lab import TOKEN, Lab, build_world, lab, run_as_user
from harness.modules import warnings_of
from harness.rights_page import GRANTS, ROLES, grant
from pve_simulator import World
from pve_simulator.client import Client

DAY = 24 * 3600


@contextmanager
def granted(tmp_path: Path, roles: Sequence[str], *, without: str = "") -> Iterator[Lab]:
    """A cluster with the page's grants of these roles, less one privilege."""
    world = build_world(tmp_path / "cluster")
    grant(world, roles, without)
    with lab(world, grant=False) as cluster:
        for age in (1, 2, 3):
            world.add_archive(101, "vault", age=age * DAY)
        yield cluster


def back_up(cluster: Lab) -> bool:
    result = cluster.backup(names=["web1"], storage="vault", max_age="1h", notes="x", protected=True)
    return not result.get("failed") and result["changed"]


def look(cluster: Lab) -> bool:
    result = cluster.info(names=["web1"], storages=["vault"])
    return not result.get("failed") and len(result["backups"]) == 3 and not result["unreadable"]


def prune(cluster: Lab) -> bool:
    result = cluster.backup(state="pruned", names=["web1"], storage="vault", keep={"keep_last": 1})
    return not result.get("failed") and len(result["removed"]) == 2


def remove(cluster: Lab) -> bool:
    result = cluster.backup(state="absent", names=["web1"], storage="vault", older_than="1h")
    return not result.get("failed") and len(result["removed"]) == 3


USES = [back_up, look, prune, remove]


def test_the_page_has_the_roles_and_grants_each() -> None:
    assert list(ROLES) == [
        "LifeboatBackup",
        "LifeboatSee",
        "LifeboatSpeed",
        "LifeboatPower",
        "LifeboatRestore",
        "LifeboatDrill",
        "LifeboatRead",
        "LifeboatJobs",
        "LifeboatPolicyCheck",
        "LifeboatPolicy",
    ]
    assert [(path, role, bool(flag)) for path, role, flag in GRANTS] == [
        ("/vms", "LifeboatBackup", False),
        ("/storage/vault", "LifeboatBackup", False),
        ("/nodes", "LifeboatSee", False),
        ("/", "LifeboatSpeed", True),
        ("/vms", "LifeboatPower", False),
        ("/vms", "LifeboatRestore", False),
        ("/storage/vault", "LifeboatRestore", False),
        ("/storage/local-lvm", "LifeboatRestore", False),
        ("/sdn/zones/localnetwork/vmbr0", "LifeboatRestore", False),
        ("/vms", "LifeboatDrill", False),
        ("/storage/vault", "LifeboatDrill", False),
        ("/storage/local-lvm", "LifeboatDrill", False),
        ("/sdn/zones/localnetwork/vmbr0", "LifeboatDrill", False),
        ("/nodes", "LifeboatSee", False),
        ("/vms", "LifeboatRead", False),
        ("/pool/drill", "LifeboatDrill", False),
        ("/", "LifeboatJobs", False),
        ("/", "LifeboatPolicyCheck", False),
        ("/", "LifeboatPolicy", False),
    ]


@pytest.mark.parametrize("use", USES, ids=[use.__name__ for use in USES])
def test_the_role_is_enough(tmp_path: Path, use: Callable[[Lab], bool]) -> None:
    with granted(tmp_path, ["LifeboatBackup"]) as cluster:
        assert use(cluster)


@pytest.mark.parametrize("use", USES, ids=[use.__name__ for use in USES])
@pytest.mark.parametrize("privilege", ROLES["LifeboatBackup"])
def test_nothing_of_it_can_be_left_out(tmp_path: Path, privilege: str, use: Callable[[Lab], bool]) -> None:
    with granted(tmp_path, ["LifeboatBackup"], without=privilege) as cluster:
        assert not use(cluster)


def test_seeing_what_others_do(tmp_path: Path) -> None:
    for roles, expected in ((["LifeboatBackup"], "not_started"), (["LifeboatBackup", "LifeboatSee"], "timed_out")):
        with granted(tmp_path / roles[-1], roles) as cluster:
            root = cluster.world.add_token("root@pam", "all", privsep=False)
            start_as_root(cluster, root)
            [row] = cluster.backup(vmids=[101], storage="vault", timeout="2s")["guests"]
            assert row["result"] == expected, row
            cluster.sim.faults.release(101)


def start_as_root(cluster: Lab, secret: str) -> None:
    cluster.sim.faults.guest_hangs(101)
    with Client(cluster.sim, "root@pam!all", secret) as client:
        upid = client.backup("pve1", vmid=101, storage="vault")
        client.until_logged(upid, "Starting Backup of VM 101")


@pytest.mark.parametrize("options", [{"bwlimit": 1000}, {"ionice": 8}, {"performance": {"max_workers": 2}}], ids=str)
def test_limiting_the_speed(tmp_path: Path, options: dict[str, Any]) -> None:
    with granted(tmp_path / "without", ["LifeboatBackup"]) as cluster:
        result = cluster.backup(vmids=[101], storage="vault", **options)
        assert result["msg"].endswith("grant it or leave the option out. Nothing was started.")
    with granted(tmp_path / "with", ["LifeboatBackup", "LifeboatSpeed"]) as cluster:
        result = cluster.backup(vmids=[101], storage="vault", **options)
        assert not result.get("failed"), result["msg"]


@pytest.mark.parametrize("without", ["", *ROLES["LifeboatPower"]])
def test_starting_a_guest(tmp_path: Path, without: str) -> None:
    with granted(tmp_path, ["LifeboatPower"], without=without) as cluster:
        result = cluster.guest_state(name="web1", state="started")
        assert (result.get("failed"), result.get("changed")) == ((None, True) if not without else (True, None))


def test_days_on_a_backup_server_need_the_nodes_time_zone(tmp_path: Path) -> None:
    """23:30 in UTC is the next day in Berlin: which backups share a day depends on the zone."""
    found = {}
    for roles in (["LifeboatBackup"], ["LifeboatBackup", "LifeboatSee"]):
        world = build_world(tmp_path / roles[-1])
        world.add_storage("server", type="pbs", content=["backup"], shared=True)
        for role in roles:
            world.add_role(role, ROLES[role])
            for path in ("/vms", "/storage", "/nodes"):
                for holder in ("backup@pve", TOKEN):
                    world.add_acl(path, role, user_or_token=holder, propagate=True)
        with lab(world, grant=False) as cluster:
            world.add_archive(101, "server", age=DAY)
            result = cluster.backup(state="pruned", vmids=[101], storage="server", keep={"keep_daily": 1}, check=True)
            found[roles[-1]] = warnings_of(result)
    assert found["LifeboatSee"] == []
    [warning] = found["LifeboatBackup"]
    assert warning == (
        "The time zone of node pve1 is not known, so the days, weeks and months of backups on a backup server were "
        "counted in UTC; grant Sys.Audit on /nodes/pve1, and have time zone data where the module runs."
    )


CONTAINER, MACHINE = 101, 300
GONE_CONTAINER, GONE_MACHINE = 109, 309


@contextmanager
def restorable(tmp_path: Path, without: str = "", version: str = "8.4", *, unprivileged: bool = True) -> Iterator[Lab]:
    """Guests with network cards that run, and guests that are gone, all with backups; a token that may restore."""
    world = World(tmp_path / "cluster", version=version)
    world.add_node("pve1")
    world.add_storage("local-lvm", "lvmthin", content=["rootdir", "images"])
    world.add_storage("vault", type="nfs", content=["backup"], shared=True)
    world.add_user("backup@pve")
    card = "name=eth0,hwaddr=BC:24:11:00:00:01,bridge=vmbr0"
    for vmid in (CONTAINER, GONE_CONTAINER):
        world.add_container(
            vmid,
            f"ct{vmid}",
            node="pve1",
            storage="local-lvm",
            files={"etc/motd": b"hello\n", "srv/data": bytes(9000)},
            unprivileged=unprivileged,
            running=True,
            options={"net0": card},
        )
    for vmid in (MACHINE, GONE_MACHINE):
        disks = {"scsi0": b"boot sector"}
        options = {"net0": "virtio=BC:24:11:00:00:02,bridge=vmbr0"}
        world.add_vm(vmid, f"vm{vmid}", node="pve1", storage="local-lvm", disks=disks, running=True, options=options)
    for vmid in (CONTAINER, MACHINE, GONE_CONTAINER, GONE_MACHINE):
        world.add_archive(vmid, "vault", age=DAY)
    for vmid in (GONE_CONTAINER, GONE_MACHINE):
        world.remove_guest(vmid)
    grant(world, ["LifeboatRestore"], without)
    with lab(world, grant=False) as cluster:
        yield cluster


def restore(cluster: Lab, **options: Any) -> dict[str, Any]:
    journal = {"journal_path": str(cluster.journals)}
    return run_as_user("proxmox_restore", {**cluster.connection, **journal, "storages": ["vault"], **options})


RESTORES: dict[str, dict[str, Any]] = {
    "a container that is gone": {"vmid": GONE_CONTAINER, "start": True},
    "a VM that is gone": {"vmid": GONE_MACHINE, "start": True},
    "a copy of a container": {"vmid": CONTAINER, "target_vmid": "auto", "start": True},
    "a copy of a VM": {"vmid": MACHINE, "target_vmid": "auto", "start": True},
    "a container replaced": {"vmid": CONTAINER, "if_exists": "replace", "shutdown": True, "prove": "scratch"},
    "a VM replaced": {"vmid": MACHINE, "if_exists": "replace", "shutdown": True, "prove": "scratch"},
}


def refused(cluster: Lab, result: dict[str, Any], privilege: str) -> None:
    """It failed before anything was written, and says what to grant."""
    assert result.get("failed"), result
    assert [f"{one.method} {one.path}" for one in cluster.sim.requests if one.method != "GET"] == []
    assert privilege in result["msg"], result["msg"]
    assert result["msg"].endswith("Nothing was changed.")


@pytest.mark.parametrize("use", RESTORES)
def test_the_role_is_enough_to_restore(tmp_path: Path, use: str) -> None:
    with restorable(tmp_path) as cluster:
        result = restore(cluster, **RESTORES[use])
        assert (result.get("failed"), result["result"], result["started"]) == (None, "restored", True), result
        assert warnings_of(result) == []


@pytest.mark.parametrize("use", RESTORES)
@pytest.mark.parametrize("privilege", ROLES["LifeboatRestore"])
def test_nothing_of_it_can_be_left_out_to_restore(tmp_path: Path, privilege: str, use: str) -> None:
    with restorable(tmp_path, without=privilege) as cluster:
        refused(cluster, restore(cluster, **RESTORES[use]), privilege)


@pytest.mark.parametrize("use", RESTORES)
@pytest.mark.parametrize(
    ("path", "privilege"),
    [
        ("/storage/vault", "Datastore.AllocateSpace on /storage/vault"),
        ("/storage/local-lvm", "Datastore.AllocateSpace on /storage/local-lvm"),
        ("/sdn/zones/localnetwork/vmbr0", "SDN.Use on /sdn/zones/localnetwork/vmbr0"),
    ],
)
def test_on_no_storage_and_no_bridge_can_it_be_left_out(tmp_path: Path, path: str, privilege: str, use: str) -> None:
    with restorable(tmp_path) as cluster:
        cluster.world.cluster.acl[:] = [entry for entry in cluster.world.cluster.acl if entry.path != path]
        refused(cluster, restore(cluster, **RESTORES[use]), privilege)


@pytest.mark.parametrize("vmid", [CONTAINER, MACHINE])
def test_a_rollback_takes_no_more(tmp_path: Path, vmid: int) -> None:
    with restorable(tmp_path) as cluster:
        [volid] = [one for one in cluster.world.archives("vault") if f"-{vmid}-" in one]
        cluster.world.truncate_archive(volid)
        before = cluster.world.content_hash(vmid)
        result = restore(cluster, vmid=vmid, if_exists="replace", shutdown=True, prove="listed")
        assert (result["result"], result["started"]) == ("rolled_back", True), result
        assert cluster.world.content_hash(vmid) == before


def test_without_a_free_id_to_try_it_on_an_archive_is_only_looked_at(tmp_path: Path) -> None:
    with restorable(tmp_path, without="VM.Allocate") as cluster:
        for holder in ("backup@pve", TOKEN):
            cluster.world.add_role("Allocate", ["VM.Allocate", *ROLES["LifeboatRestore"]])
            cluster.world.add_acl(f"/vms/{CONTAINER}", "Allocate", user_or_token=holder)
        result = restore(cluster, vmid=CONTAINER, if_exists="replace", shutdown=True)
        assert result["result"] == "restored", result
        [warning] = warnings_of(result)
        assert "is not tried out before 101 (ct101) is replaced: the token lacks VM.Allocate on /vms/100" in warning


SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("VM.Config.CPU", {"overrides": {"cores": 2}}),
    ("VM.Config.Memory", {"overrides": {"memory": 1024}}),
    ("VM.Config.Network", {"overrides": {"nameserver": "192.0.2.1"}}),
    ("VM.Config.Options", {"overrides": {"onboot": True}}),
    ("VM.Config.Network", {"network": "disconnected"}),
    ("VM.Config.Network", {"new_name": "other"}),
]


@pytest.mark.parametrize(("privilege", "options"), SETTINGS, ids=str)
def test_settings_other_than_in_the_backup(tmp_path: Path, privilege: str, options: dict[str, Any]) -> None:
    with restorable(tmp_path) as cluster:
        result = restore(cluster, vmid=GONE_CONTAINER, **options)
        refused(cluster, result, f"{privilege} on /vms/109 (for settings other than in the archive)")
        add(cluster.world, "/vms", privilege)
        assert restore(cluster, vmid=GONE_CONTAINER, **options)["result"] == "restored"


def add(world: World, path: str, *privileges: str) -> None:
    """A role of its own, which adds to what is granted on the same path, and reaches no further down."""
    world.add_role("More", privileges)
    for holder in ("backup@pve", TOKEN):
        world.add_acl(path, "More", user_or_token=holder, propagate=path != "/")


def test_a_guest_that_ha_manages(tmp_path: Path) -> None:
    wish: dict[str, Any] = {"vmid": CONTAINER, "if_exists": "replace", "shutdown": True, "ha": "disable_during"}
    with restorable(tmp_path) as cluster:
        cluster.world.set_ha(CONTAINER)
        result = restore(cluster, **wish)
        refused(cluster, result, "Sys.Audit on / (")
        refused(cluster, result, "Sys.Console on / (")
        add(cluster.world, "/", "Sys.Audit", "Sys.Console")
        assert restore(cluster, **wish)["result"] == "restored"
        assert cluster.world.cluster.resources[f"ct:{CONTAINER}"].state == "started"


@pytest.mark.parametrize("wish", [{"vmid": GONE_CONTAINER}, {"vmid": CONTAINER, "target_vmid": "auto"}], ids=str)
def test_a_privileged_container_on_nine(tmp_path: Path, wish: dict[str, Any]) -> None:
    with restorable(tmp_path, version="9.2", unprivileged=False) as cluster:
        refused(cluster, restore(cluster, **wish), "Sys.Modify on / (")
        add(cluster.world, "/", "Sys.Modify")
        assert restore(cluster, **wish)["result"] == "restored"


def test_a_pool_in_place_of_the_id(tmp_path: Path) -> None:
    with restorable(tmp_path, without="VM.Allocate") as cluster:
        cluster.world.add_pool("drill")
        refused(cluster, restore(cluster, vmid=GONE_CONTAINER, pool="drill"), "VM.Allocate on /vms/109 or /pool/drill")
        add(cluster.world, "/pool/drill", "VM.Allocate")
        assert restore(cluster, vmid=GONE_CONTAINER, pool="drill")["result"] == "restored"
