# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a restore is refused before anything is written: whole messages, each with what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.refusals import lost_volumes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish
from unit.builders import a_backup, a_guest, granted
from unit.restore_builders import (
    ENOUGH,
    a_configuration,
    a_replacement,
    a_scene,
    a_storage,
    a_wish,
    an_existing,
    planned,
    refused,
    replacing,
    storages,
)

WEB, DB = "101 (web1)", "300 (db1)"
VOLID = {kind: a_scene(kind).backup.volid for kind in ("lxc", "qemu")}
SNAPSHOT = a_backup(300, volid="pbs:backup/vm/300/2026-11-20T12:26:37Z", storage="pbs", guest_type="qemu")
PBS = storages(a_storage("local"), a_storage("pbs", type="pbs", content=frozenset({"backup"})))
MAPPED = Permissions({**ENOUGH.paths, **granted(["Mapping.Use"], "/mapping")})
HOST_MOUNTS = {"mp0": "/mnt/pool,mp=/srv/pool", "mp1": "/dev/sdb1,mp=/srv/disk"}
FOR_ROOT = (
    "it has mounts of the host, which Proxmox lets only root@pam restore, with a password and not with a token: {}"
)


# ----- options that don't fit


@pytest.mark.parametrize(
    ("wish", "scene", "why"),
    [
        (
            a_wish(unprivileged=False),
            a_scene("qemu"),
            f"{DB}: unprivileged is for containers, and {VOLID['qemu']} is a VM's backup",
        ),
        (
            a_wish(ignore_unpack_errors=True),
            a_scene("qemu"),
            f"{DB}: ignore_unpack_errors is for containers, and {VOLID['qemu']} is a VM's backup",
        ),
        (
            a_wish(live_restore=True),
            a_scene("qemu"),
            f"{DB}: live_restore is for VMs on a Proxmox Backup Server; restore it without",
        ),
        (
            a_wish(live_restore=True),
            a_scene("lxc", backup=SNAPSHOT),
            f"{WEB}: live_restore is for VMs on a Proxmox Backup Server; restore it without",
        ),
        (
            replacing(live_restore=True),
            a_replacement("qemu", backup=SNAPSHOT, storages=PBS),
            f"{DB}: a guest that runs before it is whole can't be rolled back; replace it without live_restore",
        ),
        (
            a_wish(),
            a_scene(readable_on=frozenset({"pve3", "pve2"})),
            (
                f"{WEB}: {VOLID['lxc']} lies on storage vault of pve2, pve3 and can't be read on node pve1; restore it "
                "there, or onto another id"
            ),
        ),
        (
            a_wish(),
            a_scene(readable_on=frozenset()),
            (
                f"{WEB}: {VOLID['lxc']} lies on storage vault of no node and can't be read on node pve1; restore it "
                "there, or onto another id"
            ),
        ),
    ],
)
def test_options_must_fit_what_is_restored(wish: RestoreWish, scene: Scene, why: str) -> None:
    assert refused(wish, scene) == f"{why}. Nothing was changed."


def test_a_vm_may_run_while_it_is_restored_from_a_backup_server() -> None:
    plan = planned(a_wish(live_restore=True), a_scene("qemu", backup=SNAPSHOT, storages=PBS))
    assert plan.request["live-restore"] == 1


# ----- who has the id


@pytest.mark.parametrize(
    ("wish", "existing", "why"),
    [
        (
            a_wish(),
            {},
            "it exists already; set if_exists to replace or skip, or target_vmid to another id or auto",
        ),
        (replacing(), {"lock": "backup"}, "it is locked (backup); wait until what holds the lock has ended"),
        (
            a_wish(if_exists="skip"),
            {"configuration": a_configuration("lxc", lock="migrate")},
            "it is locked (migrate); wait until what holds the lock has ended",
        ),
        (
            replacing(),
            {"configuration": a_configuration("lxc", protection="1")},
            "it is protected; take its protection off first",
        ),
        (
            replacing(),
            {"running": True},
            "it is running; set shutdown to true to have it shut down, or shut it down first",
        ),
        (
            replacing(),
            {"ha": "started"},
            "HA manages it; set ha to disable_during, or take it out of HA first",
        ),
        (
            replacing(),
            {"clones": ("local:102/vm-102-disk-0.qcow2", "local:103/vm-103-disk-0.qcow2")},
            (
                "it is a template on which linked clones build (local:102/vm-102-disk-0.qcow2, "
                "local:103/vm-103-disk-0.qcow2); destroy them first"
            ),
        ),
        (
            replacing(),
            {"blind": "Datastore.Allocate on /storage/local is missing"},
            (
                "it is a template, and whether linked clones build on it can't be seen: Datastore.Allocate on "
                "/storage/local is missing"
            ),
        ),
        (
            replacing(),
            {"snapshots": ("before", "after")},
            "its snapshots would be lost: before, after; set accept_loss to snapshots if they may be",
        ),
        (
            replacing(accept_loss=frozenset({"snapshots"})),
            {"configuration": a_configuration("lxc", mp0="local:101/b.raw,mp=/srv,size=1G", unused0="local:101/c.raw")},
            (
                "volumes that no backup holds would be lost: mp0 (local:101/b.raw, 1 GiB), unused0 (local:101/c.raw); "
                "save them, or set accept_loss to volumes"
            ),
        ),
    ],
)
def test_a_guest_is_not_touched_without_a_word_of_the_user(
    wish: RestoreWish, existing: dict[str, Any], why: str
) -> None:
    assert refused(wish, a_replacement("lxc", **existing)) == f"{WEB}: {why}. Nothing was changed."


def test_a_guest_of_the_other_type_is_never_replaced() -> None:
    vm = an_existing("qemu", guest=a_guest(101, "other", kind="qemu"))
    for if_exists in ("replace", "skip", "fail"):
        assert refused(a_wish(if_exists=if_exists), a_scene("lxc", existing=vm)) == (
            f"101 (other): it is a VM, and {VOLID['lxc']} is the backup of a container; take another target_vmid. "
            "Nothing was changed."
        )


def test_a_guest_is_replaced_where_it_is() -> None:
    scene = a_replacement("lxc", guest=a_guest(101, "web1", "pve2"))
    assert refused(replacing(target_node="pve1"), scene) == (
        f"{WEB}: it is on node pve2 and not on pve1; leave target_node out, or migrate it first. Nothing was changed."
    )


@pytest.mark.parametrize(
    ("wish", "existing"),
    [
        (replacing(shutdown=True), {"running": True}),
        (replacing(accept_loss=frozenset({"snapshots"})), {"snapshots": ("before",)}),
        (
            replacing(accept_loss=frozenset({"volumes"})),
            {"configuration": a_configuration("lxc", unused0="local:101/c.raw")},
        ),
    ],
)
def test_what_the_user_said_is_enough(wish: RestoreWish, existing: dict[str, Any]) -> None:
    assert planned(wish, a_replacement("lxc", **existing)).action == "replace"


def test_one_loss_that_is_accepted_is_not_the_other() -> None:
    both: dict[str, Any] = {
        "snapshots": ("before",),
        "configuration": a_configuration("lxc", unused0="local:101/c.raw"),
    }
    assert "its snapshots would be lost" in refused(
        replacing(accept_loss=frozenset({"volumes"})), a_replacement(**both)
    )
    assert "volumes that no backup holds" in refused(
        replacing(accept_loss=frozenset({"snapshots"})), a_replacement(**both)
    )


def test_where_a_newer_backup_may_lie_unseen_nothing_is_replaced() -> None:
    doubt = "not everything can be seen: Storage local is not online"
    assert refused(replacing(), a_replacement("lxc", doubt=doubt)) == (
        f"{WEB}: {doubt}; name the backup by volid, or the storages to look at. Nothing was changed."
    )
    assert planned(a_wish(), a_scene("lxc", doubt=doubt)).warnings == (f"{WEB}: {doubt}; a newer backup may be there.",)


# ----- mounts of the host


def test_mounts_of_the_host_are_for_root_alone() -> None:
    archived = a_configuration("lxc", **HOST_MOUNTS)
    told = FOR_ROOT.format("mp0 (/mnt/pool), mp1 (/dev/sdb1)")
    assert refused(a_wish(), a_scene("lxc", archived=archived)) == f"{WEB}: {told}. Nothing was changed."
    assert refused(a_wish(), a_scene("lxc", archived=archived, authid="root@pam!token")).startswith(f"{WEB}: it has")
    assert planned(a_wish(), a_scene("lxc", archived=archived, authid="root@pam")).action == "restore"


def test_mounts_that_only_the_old_guest_has_could_not_be_rolled_back() -> None:
    existing = a_replacement("lxc", configuration=a_configuration("lxc", **HOST_MOUNTS))
    told = FOR_ROOT.format("mp0 (/mnt/pool), mp1 (/dev/sdb1)")
    assert refused(replacing(), existing) == f"{WEB}: {told}. Nothing was changed."
    both = a_replacement("lxc", configuration=existing.archived, archived=a_configuration("lxc", **HOST_MOUNTS))
    assert refused(replacing(), both) == f"{WEB}: {told}. Nothing was changed."


def test_a_disk_of_the_host_in_a_vm_is_a_volume_that_no_backup_holds() -> None:
    existing = an_existing(
        "qemu", configuration=a_configuration("qemu", scsi1="/dev/sdb,size=10G", scsi2="fast:b,backup=0")
    )
    assert lost_volumes(existing) == ["scsi1 (/dev/sdb, 10 GiB)", "scsi2 (fast:b)"]
    assert planned(a_wish(), a_scene("qemu", archived=a_configuration("qemu", scsi1="/dev/sdb"))).action == "restore"


def test_mounts_of_the_host_are_not_lost_with_a_container() -> None:
    existing = an_existing("lxc", configuration=a_configuration("lxc", **HOST_MOUNTS, mp2="local:b,mp=/srv,backup=1"))
    assert lost_volumes(existing) == []


# ----- what Proxmox could not make, or not for this token

DEVICES = {"hostpci0": "0000:01:00.0", "usb0": "host=1234:5678", "usb1": "mapping=key"}
OF_THE_NODE = (
    "300 (db1): it uses devices of the node, which Proxmox lets only root@pam restore, with a password and not with a "
    "token: hostpci0 (0000:01:00.0), usb0 (1234:5678); map them in the cluster, or take them out. Nothing was changed."
)


def test_devices_of_the_node_are_for_root_alone() -> None:
    archived = a_configuration("qemu", **DEVICES)
    assert refused(a_wish(), a_scene("qemu", archived=archived, permissions=MAPPED)) == OF_THE_NODE
    both = a_replacement("qemu", archived=archived, configuration=archived, permissions=MAPPED)
    assert refused(replacing(), both) == OF_THE_NODE
    only_there = a_replacement("qemu", configuration=archived, permissions=MAPPED)
    assert refused(replacing(), only_there) == OF_THE_NODE
    assert planned(a_wish(), a_scene("qemu", archived=archived, version=(7, 4))).action == "restore"
    assert planned(a_wish(), a_scene("qemu", archived=archived, authid="root@pam")).action == "restore"


def test_mapped_devices_are_for_whoever_may_use_them() -> None:
    scene = a_scene("qemu", archived=a_configuration("qemu", usb1="mapping=key"))
    assert refused(a_wish(), scene) == (
        "300 (db1): the token lacks Mapping.Use on /mapping/usb/key (for a mapped device). Nothing was changed."
    )
    assert planned(a_wish(), replace(scene, permissions=MAPPED)).action == "restore"


def test_lines_of_lxc_that_a_rollback_would_lose_are_for_root_alone() -> None:
    raw = a_configuration("lxc", **{"lxc.idmap": "u 0 1 1", "lxc.cap.drop": "x"})
    assert refused(replacing(), a_replacement("lxc", configuration=raw)) == (
        f"{WEB}: a rollback could not bring back lxc.cap.drop, lxc.idmap, which Proxmox lets only root@pam restore, "
        "with a password and not with a token. Nothing was changed."
    )
    assert planned(replacing(), a_replacement("lxc", configuration=raw, authid="root@pam")).action == "replace"


def test_lines_of_lxc_in_the_archive_alone_are_a_warning() -> None:
    scene = a_scene("lxc", archived=a_configuration("lxc", **{"lxc.idmap": "u 0 1 1"}))
    assert planned(a_wish(), scene).warnings == (
        f"{WEB}: Proxmox leaves out lxc.idmap of the archive, which only root@pam may restore.",
    )
    assert planned(a_wish(), replace(scene, authid="root@pam")).warnings == ()


def test_a_volume_without_a_size_can_not_be_made_again() -> None:
    sizeless = a_configuration("lxc", mp0="local:101/b.raw,mp=/srv,backup=1")
    assert refused(a_wish(), a_scene("lxc", archived=sizeless)) == (
        f"{WEB}: the archive tells no size of mp0, so that Proxmox can't make it again; restore it by hand, with the "
        "volumes given. Nothing was changed."
    )
    assert refused(replacing(), a_replacement("lxc", configuration=sizeless)) == (
        f"{WEB}: a rollback could not make mp0 again, of which its configuration tells no size; run 'pct rescan --vmid "
        "101' on node pve1 first. Nothing was changed."
    )


def test_a_pool_that_the_token_would_see_must_be_there() -> None:
    auditor = Permissions({**ENOUGH.paths, "/pool": {"Pool.Audit": True}})
    assert refused(a_wish(pool="prod"), a_scene("lxc", permissions=auditor)) == (
        f"{WEB}: pool prod does not exist; make it first, or leave pool out. Nothing was changed."
    )
    assert planned(a_wish(pool="lab"), a_scene("lxc", permissions=auditor)).request["pool"] == "lab"
    assert planned(a_wish(pool="prod"), a_scene("lxc")).request["pool"] == "prod"
