# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which privileges each part of a restore needs, and on what. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore import request, rights
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Existing, Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import Need, need
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish


def for_every_restore(wish: RestoreWish, scene: Scene, plan: RestorePlan, wanted: Mapping[str, int]) -> Iterator[Need]:
    """What every restore needs."""
    guest = _paths(wish, scene)
    yield Need("VM.Audit", guest, "to see what was restored")
    drives = [] if wish.target_storage is not None else scene.archived.cloud_init_storages
    for name in sorted({*wanted, *drives}):
        yield need("Datastore.AllocateSpace", f"/storage/{name}", "for its volumes")
    if scene.authid != rights.ROOT:
        yield from rights.for_mappings(scene.archived.mappings, scene.version)
    given = request.settings(wish, scene.archived, plan.renewed)
    yield from rights.for_settings(given, scene.vmid, wish.pool)
    networks = [*scene.archived.networks.values(), *(value for key, value in given.items() if key.startswith("net"))]
    if scene.authid != rights.ROOT:
        yield from rights.for_bridges(networks, scene.version, scene.permissions)
    if plan.start:
        yield Need("VM.PowerMgmt", guest, "to start it")


def for_a_new_guest(wish: RestoreWish, scene: Scene) -> Iterator[Need]:
    yield Need("VM.Allocate", _paths(wish, scene), "for a new guest")
    if _becomes_privileged(wish, scene):
        yield from _privileged(scene)


def _paths(wish: RestoreWish, scene: Scene) -> tuple[str, ...]:
    """Where privileges on the restored guest come from: its id, and the pool that it comes into."""
    return (f"/vms/{scene.vmid}", *([f"/pool/{wish.pool}"] if wish.pool is not None else []))


def _becomes_privileged(wish: RestoreWish, scene: Scene) -> bool:
    return not (scene.archived.unprivileged if wish.unprivileged is None else wish.unprivileged)


def for_replacing(scene: Scene, plan: RestorePlan, existing: Existing) -> Iterator[Need]:
    vmid = scene.vmid
    yield need("VM.Backup", f"/vms/{vmid}", "to replace it")
    if plan.ran:
        yield need("VM.PowerMgmt", f"/vms/{vmid}", "to shut it down")
    if plan.safety_storage is not None:
        yield need("Datastore.AllocateSpace", f"/storage/{plan.safety_storage}", "for the safety backup")
        yield from _for_rollback(scene, existing.configuration, plan.spread)
    if existing.state.ha:
        yield need("Sys.Audit", "/", "to see what HA does with it")
        yield need("Sys.Console", "/", "to take it out of HA meanwhile")


def _for_rollback(scene: Scene, before: GuestConfiguration, spread: Mapping[str, str]) -> Iterator[Need]:
    """The guest as it was goes back to where it was; a container's volumes to its root's storage, unless spread."""
    if scene.type == "lxc":
        # A container is gone when its restore has failed, so that rolling back is a restore onto a free id.
        yield need("VM.Allocate", f"/vms/{scene.vmid}", "to roll back")
        if not before.unprivileged:
            yield from _privileged(scene)
    saved = [one.storage for one in before.volumes if one.in_backup or spread]
    places = saved if scene.type == "qemu" or spread else [before.root_storage]
    for name in sorted({place for place in (*places, *before.cloud_init_storages) if place is not None}):
        yield need("Datastore.AllocateSpace", f"/storage/{name}", "to roll back")
    if scene.authid != rights.ROOT:
        yield from rights.for_bridges(before.networks.values(), scene.version, scene.permissions)
        yield from rights.for_mappings(before.mappings, scene.version)


def for_proof(wish: RestoreWish, scene: Scene) -> Iterator[Need]:
    path = f"/vms/{scene.spare}"
    yield need("VM.Allocate", path, "for a scratch copy")
    yield need("VM.Audit", path, "to look at the scratch copy")
    if scene.archived.protected:
        yield need("VM.Config.Options", path, "to take the protection off the scratch copy")
    if _becomes_privileged(wish, scene):
        yield from _privileged(scene)


def _privileged(scene: Scene) -> Iterator[Need]:
    """A privileged container needs more since Proxmox VE 9 (recorded: v9/08_restore_lxc)."""
    if scene.type == "lxc" and scene.version >= (9, 0):
        yield need("Sys.Modify", "/", "for a privileged container")
