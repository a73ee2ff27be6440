# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every plan of a restore, whatever the wish and whatever is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import StorageSettings
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.plan import plan_restore
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish
from unit.builders import GIB, a_backup, a_guest, granted
from unit.restore_builders import (
    ENOUGH,
    EVERYTHING,
    IDS,
    RIGHTS,
    a_configuration,
    a_scene,
    a_storage,
    a_wish,
    an_existing,
    without,
)

ORDER = (
    "protect_source", "prove", "disable_ha", "shut_down", "safety_backup", "restore", "check", "start", "enable_ha",
    "release_source", "release_safety_backup",
)  # fmt: skip
MANY = settings(max_examples=80)

# Two things at most are out of the ordinary at once, so that plans come about and each danger is met alone.
WISH: dict[str, tuple[Any, ...]] = {
    "target_storage": ("local", "fast", "attic"),
    "pool": ("lab",),
    "new_name": ("copy",),
    "unique": (True, False),
    "overrides": ((("onboot", "1"),),),
    "network": ("disconnected",),
    "unprivileged": (True, False),
    "live_restore": (True,),
    "prove": ("scratch", "listed"),
    "safety_backup": (False,),
    "safety_storage": ("attic",),
    "ha": ("refuse",),
    "shutdown": (False,),
    "accept_loss": (frozenset(), frozenset({"volumes"}), frozenset({"snapshots"})),
    "wait": (False,),
    "if_exists": ("skip", "fail"),
}
"""What a wish may say, beside what is wished for here ordinarily."""
USUAL = a_wish(if_exists="replace", shutdown=True, ha="disable_during", accept_loss=frozenset({"volumes", "snapshots"}))
_BOTH: tuple[dict[str, str | None], ...] = (
    {"protection": "1"}, {"template": "1"}, {"lock": "backup"}, {"unused0": "local:x"}, {"net0": None},
)  # fmt: skip
_MORE: dict[str, tuple[dict[str, str | None], ...]] = {
    "lxc": (
        {"unprivileged": None},
        {"rootfs": "fast:subvol-101-disk-0,size=4G"},
        {"mp0": "fast:b,mp=/srv,backup=1,size=8G"},
        {"mp0": "fast:b,mp=/srv,backup=0,size=8G"},
        {"mp0": "/mnt/pool,mp=/srv"},
        {"mp0": "fast:b,mp=/srv,backup=1"},
        {"lxc.idmap": "u 0 100000 65536"},
    ),
    "qemu": (
        {"scsi1": "fast:b,size=8G"},
        {"scsi1": "fast:b,size=8G,backup=0"},
        {"scsi1": "/dev/sdb"},
        {"ide2": "local:300/vm-300-cloudinit.qcow2,media=cdrom"},
        {"hostpci0": "0000:01:00.0"},
        {"usb0": "mapping=key"},
    ),
}
CONFIGURATIONS = {
    kind: tuple(a_configuration(kind, **changed) for changed in (*_BOTH, *_MORE[kind])) for kind in ("lxc", "qemu")
}
EXISTING: dict[str, tuple[Any, ...]] = {
    "running": (True,),
    "lock": ("backup",),
    "ha": ("started", "stopped"),
    "snapshots": (("before", "after"),),
    "clones": (("local:vm-900-disk-0",),),
    "blind": ("who knows",),
    "replications": (("pve2",),),
}
VAULT = {"type": "nfs", "content": frozenset({"backup"})}
STORAGES = {
    "local": a_storage("local"),
    "fast": a_storage("fast", type="lvm"),
    "vault": a_storage("vault", **VAULT),
    "attic": a_storage("attic", content=frozenset({"backup"})),
}
OTHER_STORAGES = tuple(
    {**STORAGES, one.storage: one}
    for one in (
        a_storage("local", avail=GIB),
        a_storage("local", avail=0),
        a_storage("local", avail=GIB, type="lvm"),
        a_storage("local", content=frozenset({"images"})),
        a_storage("local", active=False),
        a_storage("fast", enabled=False),
        a_storage("vault", **{**VAULT, "avail": 0}),
        a_storage("vault", **{**VAULT, "type": "pbs"}),
        a_storage("vault", **{**VAULT, "active": False}),
    )
)
NARROW = Permissions({**granted(RIGHTS, "/storage", "/sdn", "/vms/101", "/vms/300"), "/vms": {}, "/": {}})
PERMISSIONS = (ENOUGH, NARROW, *(without(EVERYTHING, [right]) for right in (*RIGHTS, "Sys.Console", "Sys.Modify")))


def _unusual(draw: st.DrawFn, choices: Mapping[str, Sequence[Any]], most: int = 2) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(choices)), max_size=most, unique=True))
    return {name: draw(st.sampled_from(choices[name])) for name in names}


@st.composite
def wishes(draw: st.DrawFn) -> RestoreWish:
    start, keeps, auto = draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    found = replace(USUAL, start=start, keep_safety_backup=keeps, target="auto" if auto else "same")
    return replace(found, **_unusual(draw, WISH))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    kind = draw(st.sampled_from(["lxc", "qemu"]))
    other = {"lxc": "qemu", "qemu": "lxc"}[kind]
    size, protected = draw(st.sampled_from([(GIB // 4, False), (GIB // 4, True), (200 * GIB, False)]))
    backup = a_backup(IDS[kind], guest_type=kind, size=size, protected=protected)
    unusual = _unusual(
        draw,
        {
            "doubt": ("not everything can be seen",),
            "warning": ("There may be others.",),
            "archived": CONFIGURATIONS[kind],
            "storages": OTHER_STORAGES,
            "settings": tuple({"vault": StorageSettings("vault", limit, False)} for limit in (0, 1, 2, -1)),
            "backups": tuple(
                (*(a_backup(IDS[kind], 60 + number, protected=True) for number in range(count)), backup)
                for count in (1, 4, 5)
            ),
            "readable_on": (frozenset({"pve2"}),),
            "version": ((7, 4), (9, 2)),
            "permissions": PERMISSIONS,
            "authid": ("root@pam",),
        },
    )
    there = draw(st.sampled_from([True, True, True, False]))
    of_guest = (
        _unusual(draw, {**EXISTING, "kind": (other,), "node": ("pve2",), "configuration": (None,)}) if there else {}
    )
    found, node = of_guest.pop("kind", kind), of_guest.pop("node", "pve1")
    if "configuration" in of_guest:
        of_guest["configuration"] = draw(st.sampled_from(CONFIGURATIONS[found]))
    return a_scene(
        kind,
        backup=backup,
        vmid=IDS[kind] if there else draw(st.sampled_from([IDS[kind], 900])),
        existing=an_existing(found, guest=a_guest(IDS[kind], "there", node, found), **of_guest) if there else None,
        **{"storages": STORAGES, "permissions": EVERYTHING, "backups": (backup,), **unusual},
    )


def planned(wish: RestoreWish, scene: Scene) -> RestorePlan | None:
    """None where it is refused, in a sentence that names the target and says that nothing was changed."""
    try:
        plan = plan_restore(wish, scene)
    except InputError as refusal:
        assert refusal.message.startswith(f"{scene.label}: ")  # noqa: PT017
        assert refusal.message.endswith(". Nothing was changed.")  # noqa: PT017
        event("refused")
        return None
    event(plan.action)
    return plan


def before(steps: Sequence[str], *names: str) -> bool:
    """Whether those that are there are there once, and in this order."""
    places = [steps.index(name) for name in names if name in steps]
    return places == sorted(set(places))


@MANY
@given(wishes(), scenes())
def test_a_guest_is_never_replaced_without_what_the_user_has_said(wish: RestoreWish, scene: Scene) -> None:
    plan = planned(wish, scene)
    existing = scene.existing
    if plan is None or not plan.replaces:
        return
    assert existing is not None
    configuration = existing.configuration
    assert wish.if_exists == "replace"
    assert existing.guest.type == scene.type
    assert existing.guest.node == scene.node
    assert configuration.values.get("protection") != "1"
    assert "lock" not in configuration.values
    assert existing.state.lock is None
    assert wish.shutdown or not existing.state.running
    assert wish.ha == "disable_during" or not existing.state.ha
    assert not existing.clones
    assert not existing.blind
    assert not scene.chosen.doubt
    assert "snapshots" in wish.accept_loss or not existing.snapshots
    left_out = [value for value in configuration.values.values() if ",backup=0" in value or value == "/dev/sdb"]
    assert "volumes" in wish.accept_loss or not (left_out or configuration.unused)
    said = [*configuration.values.values(), *scene.archived.values.values()]
    assert scene.authid == "root@pam" or "/mnt/pool,mp=/srv" not in said
    assert scene.authid == "root@pam" or scene.version < (8, 0) or "0000:01:00.0" not in said
    assert scene.authid == "root@pam" or "lxc.idmap" not in configuration.values
    assert "fast:b,mp=/srv,backup=1" not in said


@MANY
@given(wishes(), scenes())
def test_a_guest_that_is_there_is_only_touched_by_a_replacement(wish: RestoreWish, scene: Scene) -> None:
    plan = planned(wish, scene)
    if plan is None:
        return
    if scene.existing is None:
        assert plan.action == "restore"
    else:
        assert plan.action == {"replace": "replace", "skip": "skip"}[wish.if_exists]
        assert plan.guest == scene.existing.guest
    if plan.action != "replace":
        assert plan.steps == (() if plan.action == "skip" else tuple(step for step in ORDER[5:8] if step in plan.steps))
        dangerous = (plan.proof, plan.safety_storage, plan.protect_source, plan.ha, plan.ran, plan.spread, plan.before)
        assert not any(dangerous)


@MANY
@given(wishes(), scenes())
def test_what_keeps_the_old_guest_safe_comes_before_what_could_lose_it(wish: RestoreWish, scene: Scene) -> None:
    plan = planned(wish, scene)
    if plan is None or not plan.replaces or scene.existing is None:
        return
    steps = plan.steps
    assert before(steps, *ORDER)
    assert set(steps) <= set(ORDER)
    assert "restore" in steps
    assert ("protect_source" in steps) is ("release_source" in steps) is (not scene.backup.protected)
    assert ("safety_backup" in steps) is wish.safety_backup
    assert ("shut_down" in steps) is scene.existing.state.running
    assert ("disable_ha" in steps) is ("enable_ha" in steps) is scene.existing.state.ha
    assert ("release_safety_backup" in steps) is (wish.safety_backup and not wish.keep_safety_backup)
    assert plan.before == scene.existing.configuration
    if plan.safety_storage is not None:
        storage = scene.storages[plan.safety_storage]
        assert "backup" in storage.content
        assert storage.enabled
        assert storage.active
        assert storage.avail > 0
        assert plan.safety_storage == (wish.safety_storage or "vault")


@MANY
@given(wishes(), scenes())
def test_the_archive_is_tried_or_it_is_told_why_not(wish: RestoreWish, scene: Scene) -> None:
    plan = planned(wish, scene)
    if plan is None or not plan.replaces:
        return
    told = any(warning.startswith("The archive is not tried out before ") for warning in plan.warnings)
    assert ("prove" in plan.steps) is (plan.proof is not None)
    assert {None: True, "scratch": plan.proof is not None, "listed": plan.proof is None}[wish.prove]
    assert told is (plan.proof is None and wish.prove is None)
    if plan.proof is not None:
        assert plan.proof["unique"] == 1
        assert plan.proof.get("protection", 0) == 0
        assert not {"vmid", "force", "start", "pool", "live-restore"} & set(plan.proof)
        assert scene.permissions.allows("VM.Allocate", f"/vms/{scene.spare}")


@MANY
@given(wishes(), scenes())
def test_what_is_sent_is_the_wish_and_nothing_that_belongs_to_the_call(wish: RestoreWish, scene: Scene) -> None:
    plan = planned(wish, scene)
    if plan is None:
        return
    sent = plan.request
    assert not {"vmid", "force", "start", "unprivileged" if scene.type == "qemu" else ""} & set(sent)
    assert sent["archive" if scene.type == "qemu" else "ostemplate"] == scene.backup.volid
    assert sent.get("unique", 0) == int(plan.renewed)
    assert plan.renewed is (wish.unique if wish.unique is not None else scene.vmid != scene.backup.vmid)
    assert sent.get("pool") == wish.pool
    assert sent.get("storage") == (plan.storage if scene.type == "lxc" else wish.target_storage)
    assert wish.target_storage in (None, sent.get("storage"))
    assert all(sent[key] == value for key, value in wish.overrides)
    assert plan.expected.name == (wish.new_name or scene.archived.name)
    ran = scene.existing is not None and scene.existing.state.running and plan.replaces
    assert plan.start is ((wish.start or ran) and plan.expected.values.get("template") != "1")
    assert ("check" in plan.steps) is (wish.wait and plan.action != "skip")


@MANY
@given(wishes(), scenes())
def test_nothing_is_begun_that_cannot_work(wish: RestoreWish, scene: Scene) -> None:
    plan = planned(wish, scene)
    if plan is None or plan.action == "skip":
        return
    assert scene.node in scene.readable_on
    content = {"lxc": "rootdir", "qemu": "images"}[scene.type]
    used = {volume.storage for volume in scene.archived.volumes if volume.in_backup and volume.storage}
    for name in {plan.request["storage"]} if "storage" in plan.request else used:
        storage = scene.storages[name]
        assert content in storage.content
        assert storage.enabled
        assert storage.active
        assert scene.permissions.allows("Datastore.AllocateSpace", f"/storage/{name}")
    pool = (f"/pool/{wish.pool}",) if wish.pool else ()
    wanted = ["VM.Audit", *(["VM.PowerMgmt"] if plan.start else []), *([] if plan.replaces else ["VM.Allocate"])]
    for right in wanted:
        assert any(scene.permissions.allows(right, path) for path in (f"/vms/{scene.vmid}", *pool))
    if plan.replaces:
        assert scene.permissions.allows("VM.Backup", f"/vms/{scene.vmid}")
    if plan.safety_storage is not None:
        assert scene.permissions.allows("Datastore.AllocateSpace", f"/storage/{plan.safety_storage}")
        assert scene.type == "qemu" or scene.permissions.allows("VM.Allocate", f"/vms/{scene.vmid}")


@MANY
@given(wishes(), scenes())
def test_planning_twice_is_planning_the_same(wish: RestoreWish, scene: Scene) -> None:
    assert planned(wish, scene) == planned(wish, scene)


@MANY
@given(wishes(), scenes())
def test_all_warnings_are_whole_sentences(wish: RestoreWish, scene: Scene) -> None:
    plan = planned(wish, scene)
    assert plan is None or all(one.endswith(".") and not one.endswith("..") for one in plan.warnings)
