# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What proxmox_restore refuses: one sentence, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lab import TOKEN
from harness.restores import BOTH, CONTAINER, MACHINE, RESTORE, Restores, back_up, restores, restoring_world
from pve_simulator import Mount

GIB = 1 << 30


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Restores]:
    """Two guests with backups, which have changed since."""
    with restores(restoring_world(tmp_path / "cluster")) as found:
        yield found


def refused(site: Restores, vmid: int | None = None, **options: Any) -> str:
    """The message of a restore that is refused, in check mode and without it alike, and that wrote nothing."""
    before = {vmid: site.world.content_hash(vmid) for vmid in site.world.cluster.guests}
    if vmid is not None:
        options = {"volid": site.volids[vmid], "if_exists": "replace", **options}
    told = site.restore(check=True, **options)
    assert (told["failed"], site.writes()) == (True, [])
    done = site.restore(**options)
    assert (done["failed"], done["changed"], site.writes()) == (True, False, [])
    assert done["msg"] == told["msg"]
    assert done["msg"].endswith("Nothing was changed.")
    assert {vmid: site.world.content_hash(vmid) for vmid in site.world.cluster.guests} == before
    assert site.journals() == []
    return str(done["msg"]).removesuffix(" Nothing was changed.")


@pytest.mark.parametrize("vmid", BOTH)
def test_a_protected_guest(site: Restores, vmid: int) -> None:
    site.world.set_option(vmid, "protection", 1)
    assert refused(site, vmid).endswith("it is protected; take its protection off first.")


@pytest.mark.parametrize("vmid", BOTH)
def test_a_running_guest(site: Restores, vmid: int) -> None:
    site.world.set_running(vmid, True)
    wanted = "it is running; set shutdown to true to have it shut down, or shut it down first."
    assert refused(site, vmid).endswith(wanted)


@pytest.mark.parametrize("vmid", BOTH)
def test_a_locked_guest(site: Restores, vmid: int) -> None:
    site.world.lock_guest(vmid, "backup")
    assert refused(site, vmid).endswith("it is locked (backup); wait until what holds the lock has ended.")
    assert "locked" in refused(site, vmid, if_exists="skip")


def test_a_guest_of_the_other_type(site: Restores) -> None:
    told = refused(site, CONTAINER, target_vmid=str(MACHINE))
    assert f"it is a VM, and {site.volids[CONTAINER]} is the backup of a container" in told
    assert "it is a container, and" in refused(site, MACHINE, target_vmid=str(CONTAINER))
    assert "it is a container, and" in refused(site, MACHINE, target_vmid=str(CONTAINER), if_exists="skip")


@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_on_another_node(site: Restores, vmid: int) -> None:
    wanted = "it is on node pve1 and not on pve2; leave target_node out, or migrate it first."
    assert refused(site, vmid, target_node="pve2").endswith(wanted)


@pytest.mark.parametrize("vmid", BOTH)
def test_a_guest_that_ha_manages(site: Restores, vmid: int) -> None:
    site.world.set_ha(vmid, "stopped")
    assert "HA manages it; set ha to disable_during, or take it out of HA first." in refused(site, vmid)
    told = refused(site, vmid, ha="disable_during")
    assert "the token lacks Sys.Audit on / (to see what HA does with it)" in told
    assert "Sys.Console on / (to take it out of HA meanwhile)" in told


@pytest.mark.parametrize("vmid", BOTH)
def test_snapshots_that_would_be_lost(site: Restores, vmid: int) -> None:
    site.world.add_snapshot(vmid, "before-upgrade")
    told = refused(site, vmid)
    assert "its snapshots would be lost: before-upgrade; set accept_loss to snapshots" in told
    assert site.replace(vmid, accept_loss=["snapshots"])["result"] == "restored"


def test_volumes_that_no_backup_holds(tmp_path: Path) -> None:
    world = restoring_world(tmp_path / "cluster")
    world.add_container(
        110,
        "films",
        node="pve1",
        files={"etc/a": b"a"},
        mounts=[Mount("mp0", "/srv/films", backup=False), Mount("mp1", "/srv/keep", backup=True)],
        unprivileged=True,
    )
    with restores(world, (110,)) as site:
        told = refused(site, 110)
        assert "volumes that no backup holds would be lost: mp0 (local:110/vm-110-disk-1.raw" in told
        assert "mp1" not in told
        assert site.replace(110, accept_loss=["volumes"])["result"] == "restored"


def test_mounts_of_the_host(tmp_path: Path) -> None:
    world = restoring_world(tmp_path / "cluster")
    world.add_container(
        110, "films", node="pve1", files={"etc/a": b"a"}, mounts=[Mount("mp0", "/srv/films", source="/mnt/films")]
    )
    with restores(world, (110,)) as site:
        for options in ({}, {"target_vmid": "auto", "if_exists": "fail"}):
            told = refused(site, 110, **options)
            assert "mounts of the host, which Proxmox lets only root@pam restore" in told
            assert "mp0 (/mnt/films)" in told


def test_a_template_with_linked_clones(tmp_path: Path) -> None:
    world = restoring_world(tmp_path / "cluster")
    world.add_vm(310, "golden", node="pve1", disks={"scsi0": b"g" * 9000}, template=True)
    with restores(world, (310,)) as site:
        told = refused(site, 310)
        assert (
            "whether linked clones build on it can't be seen: Datastore.Allocate on /storage/local is missing" in told
        )
        world.add_role("See", ["Datastore.Allocate"])
        for holder in ("backup@pve", TOKEN):
            world.add_acl("/storage/local", "See", user_or_token=holder)
        world.add_role("Both", ["Datastore.Allocate", "Datastore.AllocateSpace"])
        for holder in ("backup@pve", TOKEN):
            world.add_acl("/storage/local", "Both", user_or_token=holder)
        world.add_linked_clone(310, 311, "clone")
        told = refused(site, 310)
        assert "it is a template on which linked clones build (local:310/base-310-disk-0.qcow2/311/" in told


NEEDED = {
    "VM.Backup": "/vms",
    "VM.Allocate": "/vms",
    "VM.PowerMgmt": "/vms",
    "VM.Audit": "/vms",
    "Datastore.AllocateSpace": "/storage",
    "SDN.Use": "/sdn",
}


@pytest.mark.parametrize("privilege", list(NEEDED))
@pytest.mark.parametrize("vmid", BOTH)
def test_a_missing_right_for_any_later_step(tmp_path: Path, vmid: int, privilege: str) -> None:
    world = restoring_world(tmp_path / "cluster")
    kind = "virtio=BC:24:11:02:FC:ED" if vmid == MACHINE else "name=eth0,hwaddr=BC:24:11:02:FC:ED"
    world.set_option(vmid, "net0", f"{kind},bridge=vmbr0")
    world.add_role("LifeboatRestore", [one for one in RESTORE if one != privilege])
    with restores(world, (vmid,)) as site:
        world.set_running(vmid, True)
        if (privilege, vmid) == ("VM.Allocate", MACHINE):
            # A VM's stub stays when its restore fails: over it VM.Backup is enough, and only the proof is left out.
            done = site.replace(vmid, shutdown=True)
            assert done["result"] == "restored"
            assert "prove" not in [row["step"] for row in done["steps"]]
            return
        told = refused(site, vmid, shutdown=True)
        assert f"{privilege} on " in told or f"{privilege} on its guest" in told


def test_storages_that_take_no_such_volumes(site: Restores) -> None:
    told = refused(site, CONTAINER, target_storage="vault")
    assert "storage vault does not take containers (content rootdir); set target_storage to one that does" in told
    assert "disks of VMs (content images)" in refused(site, MACHINE, target_storage="vault")
    assert "node pve1 has no storage nowhere that this token may see" in refused(
        site, CONTAINER, target_storage="nowhere"
    )


def test_no_room_for_old_and_new_together(site: Restores) -> None:
    site.world.add_storage("thick", type="lvm", content=["rootdir", "images"])
    site.world.set_capacity("thick", 10 * GIB)
    site.world.add_container(110, "tight", node="pve1", files={"a": b"a"}, storage="thick", unprivileged=True)
    back_up(site, (110,))
    told = refused(site, 110)
    assert "there is no room for its volumes beside the old ones, which stay until the new ones are there" in told
    assert "storage thick has 2 GiB free, and 8 GiB are needed" in told


def test_a_proof_that_has_no_room(site: Restores) -> None:
    site.world.add_storage("thick", type="lvm", content=["images"])
    site.world.add_vm(310, "big", node="pve1", disks={"scsi0": b"b" * 9000}, storage="thick")
    site.world.set_capacity("thick", site.world.cluster.guests[310].volumes[0].size + (1 << 20))
    back_up(site, (310,))
    told = refused(site, 310, prove="scratch")
    assert "the archive can't be tried out: there is no room for a second copy: storage thick has" in told
    done = site.replace(310)
    assert done["result"] == "restored"
    assert any("is not tried out before 310 (big) is replaced" in str(one) for one in done["warnings"])


def test_a_safety_backup_that_does_not_fit(site: Restores) -> None:
    site.faults.storage_full("vault")
    told = refused(site, CONTAINER)
    assert "there is no room for the safety backup: storage vault has 0 B free" in told
    assert refused(site, CONTAINER, safety_storage="local").endswith(
        "storage local for the safety backup takes no backups on node pve1; set safety_storage."
    )


def test_a_limit_of_protected_backups(site: Restores) -> None:
    for number in range(4):
        volid = site.world.add_archive(CONTAINER, "vault", age=60 + 60 * number, protected=True)
        assert volid
    told = refused(site, CONTAINER)
    assert "storage vault takes 5 protected backups of guest 101, 4 are there and 2 more are needed" in told


def unfinished(site: Restores) -> str:
    return str(site.world.add_archive(CONTAINER, "depot", size=1, bare=True))


def failed_verification(site: Restores) -> str:
    return str(site.world.add_archive(CONTAINER, "depot", verification="failed", bare=True))


def gone(site: Restores) -> str:
    return "vault:backup/vzdump-lxc-101-2026_01_01-00_00_00.tar.zst"


ARCHIVES: dict[str, tuple[Callable[[Restores], str], str]] = {
    "still being written": (unfinished, "it is not finished, so it can't be restored."),
    "damaged by its storage's own word": (failed_verification, "it failed its verification, so it can't be restored."),
    "gone": (gone, "storage vault does not list it: it is gone, is still being written, or VM.Backup on its guest"),
}


@pytest.mark.parametrize("which", list(ARCHIVES))
def test_archives_that_cannot_be_restored(site: Restores, which: str) -> None:
    site.world.add_storage("depot", "pbs")
    make, wanted = ARCHIVES[which]
    assert wanted in refused(site, volid=make(site), if_exists="replace")


def test_an_encrypted_archive_without_its_key(tmp_path: Path) -> None:
    world = restoring_world(tmp_path / "cluster")
    world.add_storage("depot", "pbs", encryption_key="a1:b2:c3:d4:e5:f6:07:18")
    with restores(world, ()) as site:
        volid = str(world.add_archive(CONTAINER, "depot", encrypted="a1:b2:c3:d4:e5:f6:07:18"))
        world.add_storage("depot", "pbs")
        told = refused(site, volid=volid, if_exists="replace")
        assert "it is encrypted, and storage depot has no encryption key; set the key that it was made with." in told


def test_an_archive_whose_configuration_cannot_be_read(site: Restores) -> None:
    site.world.truncate_archive(site.volids[CONTAINER], keep=20)
    assert "the configuration in it cannot be read, so it can't be restored" in refused(site, CONTAINER)


def test_an_id_that_only_others_can_see(site: Restores) -> None:
    site.world.add_role("None", [])
    for holder in ("backup@pve", TOKEN):
        site.world.add_acl("/vms/103", "None", user_or_token=holder)
    told = refused(site, CONTAINER, target_vmid="103")
    assert "103 is the id of a guest that this token can't see; grant VM.Audit on /vms/103" in told


def test_a_node_that_is_off(site: Restores) -> None:
    site.faults.node_offline("pve1")
    assert "node pve1, where it would be restored, is offline" in refused(site, CONTAINER)


def test_unseen_storages_are_no_reason_to_take_an_older_backup(site: Restores) -> None:
    site.world.add_storage("cellar", type="nfs", content=["backup"], shared=True)
    site.faults.storage_offline("cellar")
    told = refused(site, name="web1", if_exists="replace")
    assert "not everything can be seen: " in told
    assert told.endswith("name the backup by volid, or the storages to look at.")
    assert site.restore(vmid=CONTAINER, if_exists="replace", storages=["vault"])["result"] == "restored"


INPUTS: list[tuple[dict[str, Any], str]] = [
    ({}, "Say once what to restore"),
    ({"vmid": 101, "name": "web1"}, "vmid, name are given"),
    ({"vmid": 101, "tags": ["prod"]}, "vmid, a selection are given"),
    ({"restores": []}, "restores: an empty list restores nothing"),
    ({"restores": [{"target_vmid": "900"}]}, "restores, entry 1: name one of volid, vmid or name."),
    ({"restores": [{"vmid": 101}, {"name": "web1"}]}, "more than one restore is onto 101"),
    ({"vmid": 99}, "vmid: 99 cannot be a guest's id"),
    ({"vmid": 101, "target_vmid": "here"}, "target_vmid: 'here' is neither an id"),
    ({"vmids": [101, 102], "target_vmid": "900"}, "one id can't be that of 2 guests"),
    ({"volid": "vault:iso/x.iso"}, "volid: vault:iso/x.iso is no backup's volume id"),
    ({"vmid": 101, "overrides": {"rootfs": "local:8"}}, "overrides: rootfs is a volume"),
    ({"vmid": 101, "overrides": {"storage": "x"}}, "overrides: storage is no setting"),
    ({"vmid": 101, "network": "isolated"}, "bridge: network isolated needs the bridge"),
    ({"vmid": 101, "vlan": 5}, "vlan: it belongs to network isolated"),
    ({"vmid": 101, "wait": False, "start": True}, "wait: start needs several steps"),
    ({"vmid": 101, "timeout": "soon"}, "timeout: 'soon' is not a duration"),
    ({"name": "nobody"}, "no guest that this token may see (VM.Audit) is named nobody"),
    ({"vmid": 300, "unprivileged": True, "target_vmid": "auto"}, "unprivileged is for containers"),
    ({"vmid": 300, "live_restore": True, "target_vmid": "auto"}, "live_restore is for VMs on a Proxmox Backup Server"),
]


@pytest.mark.parametrize(("options", "wanted"), INPUTS, ids=lambda value: str(value)[:40])
def test_input_that_cannot_be_meant(site: Restores, options: dict[str, Any], wanted: str) -> None:
    told = site.restore(**options)
    assert told["failed"]
    assert wanted in told["msg"]
    assert site.writes() == []
