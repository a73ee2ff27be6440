# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done for one restore, in which order, and with which privileges."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from unit.builders import GIB, MIB, a_backup, granted
from unit.restore_builders import (
    DB,
    ENOUGH,
    EVERYTHING,
    RIGHTS,
    WEB,
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
    without,
)

VAULT = a_storage("vault", type="nfs", content=frozenset({"backup"}))
LIMITED = storages(a_storage("local", avail=5 * GIB), VAULT)
PRIVILEGED = a_configuration("lxc", unprivileged=None)


# ----- onto a free id


def test_onto_a_free_id_the_guest_is_restored_and_looked_at() -> None:
    scene = a_scene("lxc")
    plan = planned(a_wish(), scene)
    assert (plan.action, plan.reason, plan.replaces, plan.steps) == (
        "restore",
        "no guest has this id",
        False,
        ("restore", "check"),
    )
    assert plan.guest == Guest(101, "web1", "pve1", "lxc")
    assert plan.request == {"ostemplate": scene.backup.volid, "restore": 1, "storage": "local"}
    assert (dict(plan.expected.values), plan.archived) == (dict(WEB), scene.archived)
    assert (plan.renewed, plan.start, plan.warnings, plan.proof, plan.safety_storage) == (False, False, (), None, None)


def test_a_vms_disks_go_to_where_they_were() -> None:
    plan = planned(a_wish(vmid=300), a_scene("qemu"))
    assert plan.request == {"archive": plan.backup.volid}
    assert planned(a_wish(target_storage="local"), a_scene("qemu")).request["storage"] == "local"


def test_onto_another_id_it_gets_other_addresses_unless_the_user_says_otherwise() -> None:
    elsewhere = a_scene("lxc", vmid=901)
    assert (planned(a_wish(), elsewhere).renewed, planned(a_wish(), elsewhere).request["unique"]) == (True, 1)
    assert "unique" not in planned(a_wish(unique=False), elsewhere).request
    assert planned(a_wish(unique=True), a_scene("lxc")).renewed is True


def test_it_is_started_and_called_as_the_user_wants() -> None:
    wish = a_wish(start=True, new_name="copy", target="auto", wait=True)
    plan = planned(wish, a_scene("lxc", vmid=900, permissions=EVERYTHING))
    assert (plan.guest.label, plan.free_choice, plan.steps) == ("900 (copy)", True, ("restore", "check", "start"))
    assert plan.request["hostname"] == "copy"
    assert plan.expected.name == "copy"


def test_a_template_is_not_started() -> None:
    assert planned(a_wish(start=True), a_scene("lxc", archived=a_configuration("lxc", template="1"))).start is False


def test_what_is_not_waited_for_is_not_looked_at_either() -> None:
    assert planned(a_wish(wait=False), a_scene("lxc")).steps == ("restore",)


def test_a_guest_without_a_name_is_called_by_its_id() -> None:
    scene = a_scene("lxc", archived=a_configuration("lxc", hostname=None), permissions=without(ENOUGH, ["VM.Allocate"]))
    assert refused(a_wish(), scene) == (
        "101: the token lacks VM.Allocate on /vms/101 (for a new guest). Nothing was changed."
    )


# ----- a guest that is there


def test_a_guest_that_is_there_is_left_alone_where_the_user_says_so() -> None:
    for more in ({"running": True}, {"snapshots": ("before",)}, {"ha": "started"}, {"doubt": "who knows"}):
        plan = planned(a_wish(if_exists="skip"), a_replacement("lxc", **more))
        assert (plan.action, plan.reason, plan.steps, plan.replaces) == ("skip", "it exists already", (), False)
        assert (plan.safety_storage, plan.proof, plan.protect_source, plan.ha, plan.ran) == (
            None,
            None,
            False,
            None,
            False,
        )


def test_a_replacement_is_proven_and_saved_before_it_is_begun() -> None:
    scene = a_replacement("lxc")
    plan = planned(replacing(), scene)
    assert (plan.action, plan.reason, plan.replaces) == ("replace", "if_exists is replace", True)
    assert plan.steps == ("protect_source", "prove", "safety_backup", "restore", "check", "release_source")
    volid = scene.backup.volid
    assert plan.request == {"ostemplate": volid, "restore": 1, "storage": "local"}
    assert plan.proof == {"ostemplate": volid, "restore": 1, "storage": "local", "unique": 1}
    assert (plan.guest, plan.before) == (an_existing("lxc").guest, an_existing("lxc").configuration)
    assert (plan.safety_storage, plan.keeps_safety, plan.warnings) == ("vault", True, ())


def test_all_steps_there_are_have_one_order() -> None:
    wish = replacing(shutdown=True, ha="disable_during", keep_safety_backup=False)
    plan = planned(wish, a_replacement("qemu", running=True, ha="started", permissions=EVERYTHING))
    assert plan.steps == (
        "protect_source",
        "prove",
        "disable_ha",
        "shut_down",
        "safety_backup",
        "restore",
        "check",
        "start",
        "enable_ha",
        "release_source",
        "release_safety_backup",
    )
    assert (plan.ran, plan.start, plan.ha) == (True, True, "started")


def test_a_protected_source_stays_as_it_is() -> None:
    plan = planned(replacing(), a_replacement("lxc", backup=a_backup(101, protected=True)))
    assert not plan.protect_source
    assert plan.steps == ("prove", "safety_backup", "restore", "check")


def test_a_containers_volumes_go_to_where_the_guest_has_its_root() -> None:
    moved = a_configuration("lxc", rootfs="fast:subvol-101-disk-0,size=4G")
    there = storages(a_storage("local"), a_storage("fast"), VAULT)
    scene = a_replacement("lxc", configuration=moved, storages=there)
    assert planned(replacing(), scene).request["storage"] == "fast"
    assert planned(replacing(), scene).storage == "fast"
    assert planned(replacing(target_storage="local"), scene).request["storage"] == "local"
    rootless = a_configuration("lxc", rootfs=None)
    assert planned(replacing(), a_replacement("lxc", configuration=rootless)).request["storage"] == "local"


def test_a_container_whose_root_nobody_tells_needs_a_storage() -> None:
    scene = a_scene("lxc", archived=a_configuration("lxc", rootfs=None))
    assert refused(a_wish(), scene) == (
        "101 (web1): neither it nor the archive tells a storage for its root; set target_storage. Nothing was changed."
    )
    assert planned(a_wish(target_storage="local"), scene).request["storage"] == "local"


def test_a_storage_that_does_not_take_it_is_told() -> None:
    assert refused(a_wish(target_storage="vault"), a_scene("lxc")) == (
        "101 (web1): storage vault does not take containers (content rootdir); set target_storage to one that does. "
        "Nothing was changed."
    )


# ----- room


def test_a_container_needs_room_beside_the_old_one_and_a_vm_does_not() -> None:
    tight = storages(a_storage("local", avail=GIB, type="lvm"), VAULT)
    assert refused(replacing(), a_replacement("lxc", storages=tight)) == (
        "101 (web1): there is no room for its volumes beside the old ones, which stay until the new ones are there: "
        "storage local has 1 GiB free, and 4 GiB are needed. Nothing was changed."
    )
    assert refused(a_wish(), a_scene("lxc", storages=tight)) == (
        "101 (web1): there is no room for its volumes: storage local has 1 GiB free, and 4 GiB are needed. "
        "Nothing was changed."
    )
    assert planned(replacing(), a_replacement("qemu", storages=tight)).action == "replace"
    assert refused(a_wish(), a_scene("qemu", storages=tight)) == (
        "300 (db1): there is no room for its volumes: storage local has 1 GiB free, and 8 GiB are needed. "
        "Nothing was changed."
    )


def test_only_what_a_vms_restore_frees_counts_as_free() -> None:
    tight = storages(a_storage("local", avail=GIB, type="lvm"), VAULT)
    kept = a_configuration("qemu", scsi0="local:300/a.raw,size=8G,backup=0", scsi1="/dev/sdb,size=90G")
    wish = replacing(accept_loss=frozenset({"volumes"}))
    assert refused(wish, a_replacement("qemu", storages=tight, configuration=kept)) == (
        "300 (db1): there is no room for its volumes: storage local has 1 GiB free, and 8 GiB are needed. "
        "Nothing was changed."
    )


def test_where_volumes_may_grow_beyond_the_room_that_is_a_warning() -> None:
    plan = planned(a_wish(), a_scene("qemu", storages=LIMITED))
    assert plan.warnings == ("300 (db1): storage local has 5 GiB free, and its volumes may grow to 8 GiB.",)


def test_storages_that_may_be_hidden_are_a_warning() -> None:
    assert planned(a_wish(), a_scene("lxc", warning="There may be others.")).warnings == ("There may be others.",)


# ----- whether the archive is tried


def test_without_room_for_a_second_copy_the_archive_is_not_tried_and_that_is_told() -> None:
    plan = planned(replacing(), a_replacement("qemu", storages=LIMITED))
    assert plan.proof is None
    assert "prove" not in plan.steps
    assert plan.warnings == (
        "300 (db1): storage local has 5 GiB free, and its volumes may grow to 8 GiB.",
        (
            "The archive is not tried out before 300 (db1) is replaced: there is no room for a second copy: storage "
            "local has 5 GiB free, and 8 GiB are needed."
        ),
    )


def test_who_wants_it_tried_gets_it_tried_or_nothing() -> None:
    assert refused(replacing(prove="scratch"), a_replacement("qemu", storages=LIMITED)) == (
        "300 (db1): the archive can't be tried out: there is no room for a second copy: storage local has 5 GiB free, "
        "and 8 GiB are needed; set prove to listed to go without. Nothing was changed."
    )
    assert planned(replacing(prove="scratch"), a_replacement("qemu")).proof is not None


def test_who_does_not_want_it_tried_is_not_told_of_it() -> None:
    plan = planned(replacing(prove="listed"), a_replacement("lxc"))
    assert (plan.proof, plan.warnings) == (None, ())


ONLY_ITS_OWN = Permissions({**granted(RIGHTS, "/storage", "/sdn"), **granted(RIGHTS, "/vms/101"), "/vms": {}})


def test_without_rights_on_the_scratch_id_it_is_not_tried() -> None:
    scene = a_replacement("lxc", permissions=ONLY_ITS_OWN)
    lacking = (
        "the token lacks VM.Allocate on /vms/900 (for a scratch copy), "
        "VM.Audit on /vms/900 (to look at the scratch copy)"
    )
    assert planned(replacing(), scene).warnings == (
        f"The archive is not tried out before 101 (web1) is replaced: {lacking}.",
    )
    assert refused(replacing(prove="scratch"), scene) == (
        f"101 (web1): the archive can't be tried out: {lacking}; set prove to listed to go without. "
        "Nothing was changed."
    )


def test_the_copy_of_a_protected_guest_needs_a_right_more() -> None:
    archived = a_configuration("lxc", protection="1")
    told = "VM.Config.Options on /vms/900 (to take the protection off the scratch copy)"
    assert told in refused(replacing(prove="scratch"), a_replacement("lxc", archived=archived))
    proof = planned(replacing(), a_replacement("lxc", archived=archived, permissions=EVERYTHING)).proof
    assert proof is not None
    assert proof["protection"] == 0


def test_the_copy_is_as_privileged_as_the_guest_will_be() -> None:
    told = "Sys.Modify on / (for a privileged container)"
    nine: dict[str, Any] = {"version": (9, 0)}
    as_wished = replacing(prove="scratch", unprivileged=False)
    assert told in refused(as_wished, a_replacement("lxc", **nine))
    assert told in refused(replacing(prove="scratch"), a_replacement("lxc", archived=PRIVILEGED, **nine))
    wish = replacing(prove="scratch", unprivileged=True)
    assert planned(wish, a_replacement("lxc", archived=PRIVILEGED, **nine)).proof is not None
    assert planned(as_wished, a_replacement("lxc", version=(8, 4))).proof is not None


def test_a_replication_starts_anew_and_that_is_told() -> None:
    plan = planned(replacing(), a_replacement("lxc", replications=("pve2", "pve3")))
    assert plan.warnings == ("Its replication to pve2, pve3 starts anew after the restore.",)


# ----- privileges


def _lacking(wish: Any, scene: Any) -> str:
    return refused(wish, scene).partition("the token lacks ")[2].removesuffix(". Nothing was changed.")


@pytest.mark.parametrize(
    ("privilege", "told"),
    [
        ("VM.Audit", "VM.Audit on /vms/101 (to see what was restored)"),
        ("VM.Allocate", "VM.Allocate on /vms/101 (for a new guest)"),
        ("VM.PowerMgmt", "VM.PowerMgmt on /vms/101 (to start it)"),
        ("Datastore.AllocateSpace", "Datastore.AllocateSpace on /storage/local (for its volumes)"),
        (
            "SDN.Use",
            "SDN.Use on /sdn/zones/localnetwork/vmbr0 or /sdn/zones/localnetwork/vmbr0/7 (for its network cards)",
        ),
    ],
)
def test_a_new_guest_needs(privilege: str, told: str) -> None:
    assert _lacking(a_wish(start=True), a_scene("lxc", permissions=without(ENOUGH, [privilege]))) == told


def test_what_a_new_guest_does_not_need_may_be_missing() -> None:
    few = without(ENOUGH, ["VM.Backup", "VM.PowerMgmt"])
    assert planned(a_wish(), a_scene("lxc", permissions=few)).action == "restore"
    old = without(ENOUGH, ["SDN.Use"])
    assert planned(a_wish(), a_scene("lxc", permissions=old, version=(7, 4))).action == "restore"
    assert planned(a_wish(), a_scene("lxc", permissions=old, authid="root@pam")).action == "restore"


def test_a_pool_brings_its_privileges_along() -> None:
    rights = ["VM.Audit", "VM.Allocate", "VM.PowerMgmt", "VM.Config.Network"]
    permissions = Permissions({**granted(["Datastore.AllocateSpace"], "/storage"), **granted(["SDN.Use"], "/sdn")})
    of_pool = Permissions({**permissions.paths, **granted(rights, "/pool/lab"), "/vms": {}})
    wish = a_wish(pool="lab", start=True, new_name="copy")
    assert planned(wish, a_scene("lxc", permissions=of_pool)).action == "restore"
    assert _lacking(replace(wish, pool="prod"), a_scene("lxc", permissions=of_pool)) == (
        "VM.Audit on /vms/101 or /pool/prod (to see what was restored), "
        "VM.Config.Network on /vms/101 or /pool/prod (for settings other than in the archive), "
        "VM.PowerMgmt on /vms/101 or /pool/prod (to start it), "
        "VM.Allocate on /vms/101 or /pool/prod (for a new guest)"
    )


def test_settings_and_bridges_of_the_wish_are_needs() -> None:
    wish = a_wish(network="isolated", bridge="lab", overrides=(("memory", "1024"),))
    few = Permissions({**granted(RIGHTS, "/vms", "/storage"), **granted(["SDN.Use"], "/sdn/zones/localnetwork/vmbr0")})
    assert _lacking(wish, a_scene("lxc", permissions=few)) == (
        "VM.Config.Memory on /vms/101 (for settings other than in the archive), "
        "VM.Config.Network on /vms/101 (for settings other than in the archive), "
        "SDN.Use on /sdn/zones/localnetwork/lab (for its network cards)"
    )


def test_a_new_privileged_container_needs_more_since_proxmox_ve_9() -> None:
    told = "Sys.Modify on / (for a privileged container)"
    assert _lacking(a_wish(), a_scene("lxc", archived=PRIVILEGED, version=(9, 0))) == told
    assert _lacking(a_wish(unprivileged=False), a_scene("lxc", version=(9, 2))) == told
    assert planned(a_wish(), a_scene("lxc", archived=PRIVILEGED, version=(8, 4))).action == "restore"
    assert planned(a_wish(), a_scene("lxc", version=(9, 0))).action == "restore"
    assert planned(a_wish(unprivileged=True), a_scene("lxc", archived=PRIVILEGED, version=(9, 0))).action == "restore"
    assert planned(a_wish(), a_scene("qemu", version=(9, 0))).action == "restore"


@pytest.mark.parametrize(
    ("kind", "privilege", "told"),
    [
        ("lxc", "VM.Backup", "VM.Backup on /vms/101 (to replace it)"),
        ("qemu", "VM.Backup", "VM.Backup on /vms/300 (to replace it)"),
        ("lxc", "VM.Allocate", "VM.Allocate on /vms/101 (to roll back)"),
        ("lxc", "VM.PowerMgmt", "VM.PowerMgmt on /vms/101 (to start it)"),
        (
            "lxc",
            "Datastore.AllocateSpace",
            (
                "Datastore.AllocateSpace on /storage/local (for its volumes), "
                "Datastore.AllocateSpace on /storage/vault (for the safety backup)"
            ),
        ),
    ],
)
def test_a_replacement_needs(kind: str, privilege: str, told: str) -> None:
    scene = a_replacement(kind, running=True, permissions=without(ENOUGH, [privilege]))
    assert _lacking(replacing(shutdown=True, prove="listed"), scene) == told


def test_who_is_only_shut_down_needs_a_right_for_that() -> None:
    scene = a_replacement(
        "lxc",
        archived=a_configuration("lxc", template="1"),
        running=True,
        permissions=without(ENOUGH, ["VM.PowerMgmt"]),
    )
    assert _lacking(replacing(shutdown=True), scene) == "VM.PowerMgmt on /vms/101 (to shut it down)"


def test_a_vm_is_replaced_and_rolled_back_without_the_right_to_make_guests() -> None:
    scene = a_replacement("qemu", permissions=without(ENOUGH, ["VM.Allocate"]))
    assert planned(replacing(prove="listed"), scene).action == "replace"


def test_without_a_safety_backup_nothing_is_needed_to_roll_back() -> None:
    scene = a_replacement("lxc", permissions=without(ENOUGH, ["VM.Allocate"]))
    assert planned(replacing(prove="listed", safety_backup=False), scene).action == "replace"


def test_rolling_back_needs_what_the_old_guest_was_made_of() -> None:
    permissions = Permissions(
        {
            **granted(RIGHTS, "/vms", "/storage/local", "/storage/vault", "/sdn/zones/localnetwork/vmbr0"),
            **granted(RIGHTS, "/sdn/zones/localnetwork/vmbr1"),
        }
    )
    there = storages(a_storage("local"), a_storage("fast"), a_storage("slow"), VAULT)
    old = {"net1": "name=eth1,bridge=vmbr7,hwaddr=BC:24:11:00:00:08,type=veth"}
    web = a_configuration("lxc", rootfs="fast:a,size=4G", mp0="slow:b,mp=/b,backup=1,size=1G", **old)
    scene = a_replacement("lxc", configuration=web, storages=there, permissions=permissions)
    wish = replacing(target_storage="local", prove="listed")
    assert _lacking(wish, scene) == (
        "Datastore.AllocateSpace on /storage/fast (to roll back), "
        "SDN.Use on /sdn/zones/localnetwork/vmbr7 (for its network cards)"
    )
    to_each = Permissions({**permissions.paths, **granted([*RIGHTS, "VM.Config.Disk"], "/vms")})
    assert _lacking(wish, replace(scene, permissions=to_each)) == (
        "Datastore.AllocateSpace on /storage/fast (to roll back), "
        "Datastore.AllocateSpace on /storage/slow (to roll back), "
        "SDN.Use on /sdn/zones/localnetwork/vmbr7 (for its network cards)"
    )
    db = a_configuration("qemu", scsi0="fast:a,size=4G", scsi1="slow:b,size=1G", scsi2="nfs:c,backup=0")
    vm = a_replacement("qemu", configuration=db, storages=there, permissions=permissions)
    assert _lacking(replace(wish, accept_loss=frozenset({"volumes"})), vm) == (
        "Datastore.AllocateSpace on /storage/fast (to roll back), "
        "Datastore.AllocateSpace on /storage/slow (to roll back)"
    )
    assert planned(replace(wish, safety_backup=False), scene).action == "replace"


def test_drives_of_cloud_init_need_room_where_they_were() -> None:
    few = Permissions(granted(RIGHTS, "/vms", "/storage/local", "/storage/vault", "/sdn"))
    archived = a_configuration("qemu", ide2="fast:vm-300-cloudinit,media=cdrom")
    told = "Datastore.AllocateSpace on /storage/fast ({})"
    assert _lacking(a_wish(), a_scene("qemu", archived=archived, permissions=few)) == told.format("for its volumes")
    elsewhere = a_wish(target_storage="local")
    assert planned(elsewhere, a_scene("qemu", archived=archived, permissions=few)).action == "restore"
    old = a_replacement("qemu", configuration=archived, permissions=few)
    assert _lacking(replacing(prove="listed"), old) == told.format("to roll back")
    assert planned(replacing(prove="listed", safety_backup=False), old).action == "replace"


def test_rolling_back_needs_the_mapped_devices_of_the_old_guest() -> None:
    old = a_replacement("qemu", configuration=a_configuration("qemu", usb0="mapping=key"))
    told = "Mapping.Use on /mapping/usb/key (for a mapped device)"
    assert _lacking(replacing(prove="listed"), old) == told
    assert planned(replacing(prove="listed"), replace(old, authid="root@pam")).action == "replace"
    assert planned(replacing(prove="listed", safety_backup=False), old).action == "replace"


def test_what_a_restore_takes_of_the_room_is_known() -> None:
    there = storages(a_storage("local", type="lvm"), VAULT)
    assert planned(a_wish(), a_scene("lxc", storages=there)).takes == {"local": 4 * GIB}
    assert planned(replacing(), a_replacement("lxc", storages=there)).takes == {"local": 4 * GIB}
    assert planned(replacing(), a_replacement("qemu", storages=there)).takes == {}
    assert planned(a_wish(if_exists="skip"), a_replacement("lxc", storages=there)).takes == {}


SPREAD = a_configuration("lxc", mp0="fast:b,mp=/srv,backup=1,size=8G")


def test_a_container_on_several_storages_is_rolled_back_to_them() -> None:
    there = storages(a_storage("local"), a_storage("fast"), VAULT)
    scene = a_replacement("lxc", configuration=SPREAD, storages=there, permissions=EVERYTHING)
    plan = planned(replacing(), scene)
    assert plan.spread == {"rootfs": "local:4", "mp0": "fast:8,mp=/srv,backup=1"}
    assert plan.warnings == ()
    poor = planned(replacing(), replace(scene, permissions=ENOUGH))
    assert poor.spread == {}
    assert poor.warnings == (
        (
            "Rolling back would put all volumes of 101 (web1) on storage local: the token lacks VM.Config.Disk on "
            "/vms/101 (to roll back its volumes to where they are)."
        ),
    )
    assert planned(replacing(safety_backup=False), replace(scene, permissions=ENOUGH)).warnings == ()
    assert planned(replacing(), a_replacement("lxc")).spread == {}


def test_a_vm_is_rolled_back_to_where_it_was_anyway() -> None:
    spread = a_configuration("qemu", scsi1="fast:b,size=1G")
    there = storages(a_storage("local"), a_storage("fast"), VAULT)
    plan = planned(replacing(), a_replacement("qemu", configuration=spread, storages=there))
    assert (plan.spread, plan.warnings) == ({}, ())


def test_the_copy_is_tried_with_the_users_settings_where_the_token_may() -> None:
    wish = replacing(overrides=(("onboot", "1"), ("protection", "1")), new_name="copy")
    there = a_replacement("lxc", permissions=EVERYTHING)
    sent = {"ostemplate": there.backup.volid, "restore": 1, "storage": "local", "unique": 1}
    assert planned(wish, there).proof == {**sent, "onboot": "1", "protection": 0}
    its_own = granted([*RIGHTS, "VM.Config.Options", "VM.Config.Network"], "/vms/101")
    narrow = Permissions({**ENOUGH.paths, **its_own})
    assert planned(wish, a_replacement("lxc", permissions=narrow)).proof == sent


def test_rolling_back_a_privileged_container_needs_more_since_proxmox_ve_9() -> None:
    scene = a_replacement("lxc", configuration=PRIVILEGED, version=(9, 0))
    assert _lacking(replacing(prove="listed"), scene) == "Sys.Modify on / (for a privileged container)"
    assert planned(replacing(prove="listed", safety_backup=False), scene).action == "replace"


def test_taking_a_guest_out_of_ha_needs_rights_on_the_cluster() -> None:
    scene = a_replacement("lxc", ha="started", permissions=without(EVERYTHING, ["Sys.Audit", "Sys.Console"]))
    assert _lacking(replacing(ha="disable_during"), scene) == (
        "Sys.Audit on / (to see what HA does with it), Sys.Console on / (to take it out of HA meanwhile)"
    )
    plan = planned(replacing(ha="disable_during"), a_replacement("lxc", ha="stopped", permissions=EVERYTHING))
    assert (plan.ha, "disable_ha" in plan.steps, "enable_ha" in plan.steps) == ("stopped", True, True)


def test_a_small_archive_on_a_thin_storage_is_no_reason_to_refuse() -> None:
    assert planned(a_wish(), a_scene("qemu", storages=storages(a_storage("local", avail=2 * MIB)))).action == "restore"
    assert dict(planned(a_wish(), a_scene("qemu")).expected.values) == dict(DB)
