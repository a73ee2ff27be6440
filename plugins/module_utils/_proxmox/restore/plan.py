# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is to be done for one restore, and why. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore import request, rights, room
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Existing, Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.refusals import (
    check_existing,
    check_losses,
    check_mounts,
    check_options,
    check_replaceable,
    refuse,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import Need, need
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.safety import safety_storage
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish


@dataclass(frozen=True)
class RestorePlan:
    """One restore. ``action`` is ``restore`` onto a free id, ``replace`` or ``skip``.

    ``request`` and ``proof`` are the calls' parameters without the id; ``proof`` None: the archive is not tried out.
    ``ha`` is the state to put back; ``before`` the configuration of the guest that is replaced.
    """

    action: str
    reason: str
    guest: Guest
    free_choice: bool
    backup: Backup
    request: Mapping[str, Any]
    expected: GuestConfiguration
    archived: GuestConfiguration
    renewed: bool
    start: bool
    before: GuestConfiguration | None = None
    ran: bool = False
    proof: Mapping[str, Any] | None = None
    safety_storage: str | None = None
    storage: str | None = None
    protect_source: bool = False
    ha: str | None = None
    waits: bool = True
    keeps_safety: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps by name, in their order."""
        managed, safe = self.ha is not None, self.safety_storage is not None
        wanted = (
            ("protect_source", self.protect_source),
            ("prove", self.proof is not None),
            ("disable_ha", managed),
            ("shut_down", self.ran),
            ("safety_backup", safe),
            ("restore", True),
            ("check", self.waits),
            ("start", self.start),
            ("enable_ha", managed),
            ("release_source", self.protect_source),
            ("release_safety_backup", safe and not self.keeps_safety),
        )
        return tuple(step for step, needed in wanted if needed) if self.action != "skip" else ()

    @property
    def replaces(self) -> bool:
        """Whether a guest is there that would be gone."""
        return self.action == "replace"


def plan_restore(wish: RestoreWish, scene: Scene) -> RestorePlan:
    """The steps that make the wish true without making anything worse.

    :raises InputError: when it can't be done, or would take more than was said.
    """
    check_options(wish, scene)
    existing = scene.existing
    if existing is None:
        return _onto_free_id(wish, scene)
    check_existing(wish, scene, existing)
    if wish.if_exists == "skip":
        return _plan(wish, scene, "skip", "it exists already")
    check_replaceable(wish, scene, existing)
    if scene.chosen.doubt:
        raise refuse(scene, f"{scene.chosen.doubt}; name the backup by volid, or the storages to look at")
    check_losses(wish, scene, existing)
    check_mounts(scene, existing)
    return _replacing(wish, scene, existing)


def _onto_free_id(wish: RestoreWish, scene: Scene) -> RestorePlan:
    check_mounts(scene, None)
    wanted = _targets(wish, scene)
    _check_room(scene, wanted, {})
    plan = replace(_plan(wish, scene, "restore", "no guest has this id"), warnings=_warnings(scene, wanted))
    _check_rights(scene, [*_needs(wish, scene, plan, wanted), *_new(wish, scene)])
    return plan


def _replacing(wish: RestoreWish, scene: Scene, existing: Existing) -> RestorePlan:
    wanted = _targets(wish, scene)
    _check_room(scene, wanted, _freed(existing))
    proof, unproven = _proof(wish, scene, wanted)
    warnings = list(_warnings(scene, wanted))
    if unproven:
        warnings.append(f"The archive is not tried out before {scene.label} is replaced: {unproven}.")
    if existing.replications:
        warnings.append(f"Its replication to {listed(existing.replications)} starts anew after the restore.")
    plan = replace(
        _plan(wish, scene, "replace", "if_exists is replace"),
        proof=proof,
        safety_storage=safety_storage(wish, scene, existing) if wish.safety_backup else None,
        warnings=tuple(warnings),
    )
    _check_rights(scene, [*_needs(wish, scene, plan, wanted), *_for_replacing(scene, plan, existing)])
    return plan


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
        raise refuse(scene, f"there is no room for its volumes{old}: {problem}")


def _proof(wish: RestoreWish, scene: Scene, wanted: Mapping[str, int]) -> tuple[Mapping[str, Any] | None, str]:
    """The call that tries the archive out, or why it isn't tried; an explicit wish that can't be met is refused."""
    if wish.prove == "listed":
        return None, ""
    problem = room.too_little(scene.backup, scene.storages, wanted, {}, whole=True)
    if problem is not None:
        problem = f"there is no room for a second copy: {problem}"
    else:
        lacking = rights.missing(_for_proof(scene), scene.permissions)
        problem = f"the token lacks {listed(one.told() for one in lacking)}" if lacking else ""
    if not problem:
        storage = _storage(wish, scene)
        return request.proof(wish, scene.type, scene.backup.volid, storage, scene.archived), ""
    if wish.prove == "scratch":
        raise refuse(scene, f"the archive can't be tried out: {problem}; set prove to listed to go without")
    return None, problem


def _warnings(scene: Scene, wanted: Mapping[str, int]) -> tuple[str, ...]:
    said = [scene.chosen.warning] if scene.chosen.warning else []
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


def _needs(wish: RestoreWish, scene: Scene, plan: RestorePlan, wanted: Mapping[str, int]) -> Iterator[Need]:
    """What every restore needs."""
    yield need("VM.Audit", f"/vms/{scene.vmid}", "to see what was restored")
    for name in sorted(wanted):
        yield need("Datastore.AllocateSpace", f"/storage/{name}", "for its volumes")
    given = request.settings(wish, scene.archived, plan.renewed)
    yield from rights.for_settings(given, scene.vmid, wish.pool)
    networks = [*scene.archived.networks.values(), *(value for key, value in given.items() if key.startswith("net"))]
    if scene.authid != rights.ROOT:
        yield from rights.for_bridges(networks, scene.version, scene.permissions)
    if plan.start:
        yield need("VM.PowerMgmt", f"/vms/{scene.vmid}", "to start it")


def _new(wish: RestoreWish, scene: Scene) -> Iterator[Need]:
    paths = (f"/vms/{scene.vmid}", *([f"/pool/{wish.pool}"] if wish.pool is not None else []))
    yield Need("VM.Allocate", paths, "for a new guest")
    privileged = not (scene.archived.unprivileged if wish.unprivileged is None else wish.unprivileged)
    if privileged:
        yield from _privileged(scene)


def _for_replacing(scene: Scene, plan: RestorePlan, existing: Existing) -> Iterator[Need]:
    vmid = scene.vmid
    yield need("VM.Backup", f"/vms/{vmid}", "to replace it")
    if plan.ran:
        yield need("VM.PowerMgmt", f"/vms/{vmid}", "to shut it down")
    if plan.safety_storage is not None:
        yield need("Datastore.AllocateSpace", f"/storage/{plan.safety_storage}", "for the safety backup")
        if scene.type == "lxc":
            # A container is gone when its restore has failed, so that rolling back is a restore onto a free id.
            yield need("VM.Allocate", f"/vms/{vmid}", "to roll back")
            if not existing.configuration.unprivileged:
                yield from _privileged(scene)
    if existing.state.ha:
        yield need("Sys.Audit", "/", "to see what HA does with it")
        yield need("Sys.Console", "/", "to take it out of HA meanwhile")


def _for_proof(scene: Scene) -> Iterator[Need]:
    path = f"/vms/{scene.spare}"
    yield need("VM.Allocate", path, "for a scratch copy")
    yield need("VM.Audit", path, "to look at the scratch copy")
    if scene.archived.protected:
        yield need("VM.Config.Options", path, "to take the protection off the scratch copy")
    if not scene.archived.unprivileged:
        yield from _privileged(scene)


def _privileged(scene: Scene) -> Iterator[Need]:
    """A privileged container needs more since Proxmox VE 9 (recorded: v9/08_restore_lxc)."""
    if scene.type == "lxc" and scene.version >= (9, 0):
        yield need("Sys.Modify", "/", "for a privileged container")
