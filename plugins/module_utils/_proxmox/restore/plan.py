# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done for one restore, and why. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    as_new_volumes,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore import request, rights, room
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Existing, Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.needs import (
    for_a_new_guest,
    for_every_restore,
    for_proof,
    for_replacing,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.refusals import (
    NoRoom,
    check_existing,
    check_hardware,
    check_losses,
    check_mounts,
    check_options,
    check_pool,
    check_replaceable,
    check_sizes,
    refuse,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import Need, need
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.safety import safety_storage
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish

EXISTS = "it exists already"


def plan_restore(wish: RestoreWish, scene: Scene) -> RestorePlan:
    """The steps that make the wish true without making anything worse.

    :raises InputError: when it can't be done, or would take more than was said.
    """
    check_options(wish, scene)
    check_pool(wish, scene)
    existing = scene.existing
    if existing is None:
        return _onto_free_id(wish, scene)
    check_existing(wish, scene, existing)
    if wish.if_exists == "skip":
        return _plan(wish, scene, "skip", EXISTS)
    check_replaceable(wish, scene, existing)
    if scene.chosen.doubt:
        raise refuse(scene, f"{scene.chosen.doubt}; name the backup by volid, or the storages to look at")
    check_losses(wish, scene, existing)
    _check_restorable(scene, existing)
    return _replacing(wish, scene, existing)


def _check_restorable(scene: Scene, existing: Existing | None) -> None:
    check_mounts(scene, existing)
    check_hardware(scene, existing)
    check_sizes(scene, existing)


def _onto_free_id(wish: RestoreWish, scene: Scene) -> RestorePlan:
    _check_restorable(scene, None)
    wanted = _targets(wish, scene)
    _check_room(scene, wanted, {})
    plan = replace(
        _plan(wish, scene, "restore", "no guest has this id"),
        warnings=_warnings(scene, wanted),
        takes=room.taken(scene.backup, scene.storages, wanted),
    )
    _check_rights(scene, [*for_every_restore(wish, scene, plan, wanted), *for_a_new_guest(wish, scene)])
    return plan


def _replacing(wish: RestoreWish, scene: Scene, existing: Existing) -> RestorePlan:
    wanted = _targets(wish, scene)
    _check_room(scene, wanted, _freed(existing))
    proof, unproven = _proof(wish, scene, wanted)
    warnings = list(_warnings(scene, wanted))
    if unproven:
        warnings.append(f"The archive is not tried out before {scene.label} is replaced: {unproven}.")
    spread, gathered = _spread(wish, scene, existing)
    if gathered:
        warnings.append(gathered)
    if existing.replications:
        warnings.append(f"Its replication to {listed(existing.replications)} starts anew after the restore.")
    plan = replace(
        _plan(wish, scene, "replace", "if_exists is replace"),
        proof=proof,
        safety_storage=safety_storage(wish, scene, existing) if wish.safety_backup else None,
        spread=spread,
        takes=room.taken(scene.backup, scene.storages, wanted) if scene.type == "lxc" else {},
        warnings=tuple(warnings),
    )
    _check_rights(scene, [*for_every_restore(wish, scene, plan, wanted), *for_replacing(scene, plan, existing)])
    return plan


def _spread(wish: RestoreWish, scene: Scene, existing: Existing) -> tuple[dict[str, str], str]:
    """Where a rollback makes volumes of a container that lie on several storages; else why all come to one."""
    storages = {volume.storage for volume in existing.configuration.volumes if volume.storage is not None}
    if not wish.safety_backup or scene.type != "lxc" or len(storages) < 2:
        return {}, ""
    right = need("VM.Config.Disk", f"/vms/{scene.vmid}", "to roll back its volumes to where they are")
    if right.met(scene.permissions):
        return as_new_volumes(existing.configuration), ""
    root = existing.configuration.root_storage
    return {}, f"Rolling back would put all volumes of {scene.label} on storage {root}: the token lacks {right.told()}."


def _plan(wish: RestoreWish, scene: Scene, action: str, reason: str) -> RestorePlan:
    backup = scene.backup
    unique = wish.unique if wish.unique is not None else backup.vmid != scene.vmid
    given = request.settings(wish, scene.archived, unique)
    storage = _storage(wish, scene)
    expected = request.expected(scene.archived, given, wish.unprivileged)
    existing = scene.existing if action == "replace" else None
    ran = existing is not None and existing.state.running
    there = scene.existing.guest if scene.existing is not None else None
    return RestorePlan(
        action,
        reason,
        there or Guest(scene.vmid, expected.name, scene.node, scene.type),
        wish.target == "auto",
        backup,
        request.request(wish, scene.type, backup.volid, storage, unique, given),
        expected,
        scene.archived,
        unique,
        (wish.start or ran) and not expected.template,
        before=None if existing is None else existing.configuration,
        ran=ran,
        storage=storage,
        protect_source=existing is not None and not backup.protected,
        ha=None if existing is None or not existing.state.ha else existing.ha,
        waits=wish.wait,
        keeps_safety=wish.keep_safety_backup,
    )


def _storage(wish: RestoreWish, scene: Scene) -> str | None:
    """The storage that is sent.

    Without one a VM's disks go where they were; a container's to that of its root, as the guest has it, or the archive.
    """
    if scene.type == "qemu":
        return wish.target_storage
    existing = scene.existing.configuration.root_storage if scene.existing is not None else None
    return wish.target_storage or existing or scene.archived.root_storage


def _targets(wish: RestoreWish, scene: Scene) -> dict[str, int]:
    """The bytes that come onto each storage, once these are known to take them."""
    storage = _storage(wish, scene)
    if scene.type == "lxc" and storage is None:
        raise refuse(scene, "neither it nor the archive tells a storage for its root; set target_storage")
    wanted = room.targets(scene.archived, storage)
    if storage is not None:
        wanted.setdefault(storage, 0)
    problem = room.unfit(scene.type, scene.storages, wanted, scene.node)
    if problem is not None:
        raise refuse(scene, problem)
    return wanted


def _freed(existing: Existing) -> dict[str, int]:
    """Bytes that a VM's restore frees before it writes. A container's new volumes are made while the old are there."""
    freed: dict[str, int] = {}
    if existing.guest.type == "qemu":
        for volume in existing.configuration.volumes:
            if volume.storage is not None and volume.in_backup:
                freed[volume.storage] = freed.get(volume.storage, 0) + volume.size
    return freed


def _check_room(scene: Scene, wanted: Mapping[str, int], freed: Mapping[str, int]) -> None:
    problem = room.too_little(scene.backup, scene.storages, wanted, freed)
    if problem is not None:
        old = (
            " beside the old ones, which stay until the new ones are there"
            if scene.existing and scene.type == "lxc"
            else ""
        )
        raise NoRoom(refuse(scene, f"there is no room for its volumes{old}: {problem}").message)


def _proof(wish: RestoreWish, scene: Scene, wanted: Mapping[str, int]) -> tuple[Mapping[str, Any] | None, str]:
    """The call that tries the archive out, or why it isn't tried; an explicit wish that can't be met is refused."""
    if wish.prove == "listed":
        return None, ""
    problem = room.too_little(scene.backup, scene.storages, wanted, {}, whole=True)
    if problem is not None:
        problem = f"there is no room for a second copy: {problem}"
    else:
        lacking = rights.missing(for_proof(wish, scene), scene.permissions)
        problem = f"the token lacks {listed(one.told() for one in lacking)}" if lacking else ""
    if not problem:
        given = dict(wish.overrides)
        if rights.missing(rights.for_settings(given, scene.spare or 0, None), scene.permissions):
            given = {}
        return request.proof(wish, scene.backup.volid, _storage(wish, scene), scene.archived, given), ""
    if wish.prove == "scratch":
        raise refuse(scene, f"the archive can't be tried out: {problem}; set prove to listed to go without")
    return None, problem


def _warnings(scene: Scene, wanted: Mapping[str, int]) -> tuple[str, ...]:
    said = [scene.chosen.warning] if scene.chosen.warning else []
    if scene.archived.raw_lines and scene.authid != rights.ROOT:
        lines = listed(scene.archived.raw_lines)
        said.append(f"{scene.label}: Proxmox leaves out {lines} of the archive, which only {rights.ROOT} may restore.")
    if scene.chosen.doubt:
        said.append(f"{scene.label}: {scene.chosen.doubt}; a newer backup may be there.")
    for name, size in sorted(wanted.items()):
        storage = scene.storages[name]
        if not storage.thick and size > storage.avail:
            said.append(
                f"{scene.label}: storage {name} has {format_size(storage.avail)} free, and its volumes may grow to "
                f"{format_size(size)}."
            )
    return tuple(said)


def _check_rights(scene: Scene, needs: list[Need]) -> None:
    lacking = rights.missing(needs, scene.permissions)
    if lacking:
        raise refuse(scene, f"the token lacks {listed(one.told() for one in lacking)}")
