# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a restore is refused before anything is written. Pure. Private to this collection.

Every function raises InputError with one sentence that says what to do.
"""

from __future__ import annotations

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import Volume
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Existing, Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import ROOT
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import NOTHING, RestoreWish

KINDS = {"lxc": "a container", "qemu": "a VM"}


class NoRoom(InputError):
    """There is no room for it now."""


def refuse(scene: Scene, why: str) -> InputError:
    """The error of a target."""
    return InputError(f"{scene.label}: {why}. {NOTHING}")


def check_options(wish: RestoreWish, scene: Scene) -> None:
    """Options that don't fit what is restored."""
    backup = scene.backup
    if scene.type == "qemu":
        for option, given in (
            ("unprivileged", wish.unprivileged is not None),
            ("ignore_unpack_errors", wish.ignore_unpack_errors),
        ):
            if given:
                raise refuse(scene, f"{option} is for containers, and {backup.volid} is a VM's backup")
    if wish.live_restore:
        if scene.type == "lxc" or not backup.is_snapshot:
            raise refuse(scene, "live_restore is for VMs on a Proxmox Backup Server; restore it without")
        if scene.existing is not None and wish.if_exists == "replace":
            raise refuse(
                scene, "a guest that runs before it is whole can't be rolled back; replace it without live_restore"
            )
    if scene.node not in scene.readable_on:
        raise refuse(
            scene,
            f"{backup.volid} lies on storage {backup.storage} of {listed(sorted(scene.readable_on)) or 'no node'} and "
            f"can't be read on node {scene.node}; restore it there, or onto another id",
        )


def check_pool(wish: RestoreWish, scene: Scene) -> None:
    """A pool that the token would see if it were there."""
    pool = wish.pool
    if pool is not None and pool not in scene.pools and scene.permissions.allows("Pool.Audit", f"/pool/{pool}"):
        raise refuse(scene, f"pool {pool} does not exist; make it first, or leave pool out")


def check_existing(wish: RestoreWish, scene: Scene, existing: Existing) -> None:
    """What speaks against touching the guest that has the id, whatever is to be done about it."""
    guest = existing.guest
    if guest.type != scene.type:
        kinds = f"it is {KINDS[guest.type]}, and {scene.backup.volid} is the backup of {KINDS[scene.type]}"
        raise refuse(scene, f"{kinds}; take another target_vmid")
    lock = existing.configuration.lock or existing.state.lock
    if lock:
        raise refuse(scene, f"it is locked ({lock}); wait until what holds the lock has ended")
    if wish.if_exists == "fail":
        raise refuse(scene, "it exists already; set if_exists to replace or skip, or target_vmid to another id or auto")


def check_replaceable(wish: RestoreWish, scene: Scene, existing: Existing) -> None:
    """What speaks against replacing it: its place and its state."""
    guest = existing.guest
    if guest.node != scene.node:
        where = f"it is on node {guest.node} and not on {scene.node}"
        raise refuse(scene, f"{where}; leave target_node out, or migrate it first")
    if existing.configuration.protected:
        raise refuse(scene, "it is protected; take its protection off first")
    if existing.state.running and not wish.shutdown:
        raise refuse(scene, "it is running; set shutdown to true to have it shut down, or shut it down first")
    if existing.state.ha and wish.ha != "disable_during":
        raise refuse(scene, "HA manages it; set ha to disable_during, or take it out of HA first")
    if existing.blind:
        raise refuse(scene, f"it is a template, and whether linked clones build on it can't be seen: {existing.blind}")
    if existing.clones:
        raise refuse(
            scene, f"it is a template on which linked clones build ({listed(existing.clones)}); destroy them first"
        )


def check_losses(wish: RestoreWish, scene: Scene, existing: Existing) -> None:
    """What a replacement would lose, by name."""
    lost = lost_volumes(existing)
    if lost and "volumes" not in wish.accept_loss:
        raise refuse(
            scene,
            f"volumes that no backup holds would be lost: {listed(lost)}; save them, or set accept_loss to volumes",
        )
    if existing.snapshots and "snapshots" not in wish.accept_loss:
        raise refuse(
            scene,
            f"its snapshots would be lost: {listed(existing.snapshots)}; set accept_loss to snapshots if they may be",
        )


def check_mounts(scene: Scene, existing: Existing | None) -> None:
    """Bind and device mounts of containers: Proxmox restores them for root@pam alone, and for none of its tokens."""
    if scene.authid == ROOT:
        return
    configurations = [scene.archived, *([existing.configuration] if existing is not None else [])]
    mounts = [
        f"{volume.key} ({volume.volume})"
        for one in configurations
        for volume in one.volumes
        if is_host_mount(one.type, volume)
    ]
    if mounts:
        raise refuse(
            scene,
            f"it has mounts of the host, which Proxmox lets only {ROOT} restore, with a password and not with a token: "
            f"{listed(dict.fromkeys(mounts))}",
        )


def check_hardware(scene: Scene, existing: Existing | None) -> None:
    """What Proxmox restores for root@pam alone: a VM's raw devices (since 8), a container's own lines of LXC.

    An archive's lines of LXC are left out then, which is worth a warning; the guest's would be lost in a rollback.
    """
    if scene.authid == ROOT:
        return
    configurations = [scene.archived, *([existing.configuration] if existing is not None else [])]
    devices = [f"{key} ({name})" for one in configurations for key, name in one.host_devices.items()]
    if devices and scene.type == "qemu" and scene.version >= (8, 0):
        raise refuse(
            scene,
            f"it uses devices of the node, which Proxmox lets only {ROOT} restore, with a password and not with a "
            f"token: {listed(dict.fromkeys(devices))}; map them in the cluster, or take them out",
        )
    lines = existing.configuration.raw_lines if existing is not None else []
    if lines:
        raise refuse(
            scene,
            f"a rollback could not bring back {listed(lines)}, which Proxmox lets only {ROOT} restore, with a password "
            "and not with a token",
        )


def check_sizes(scene: Scene, existing: Existing | None) -> None:
    """Volumes without a size: Proxmox says so only once the restore runs (pve-container LXC.pm)."""
    if scene.archived.sizeless:
        raise refuse(
            scene,
            f"the archive tells no size of {listed(scene.archived.sizeless)}, so that Proxmox can't make it again; "
            "restore it by hand, with the volumes given",
        )
    lacking = existing.configuration.sizeless if existing is not None else []
    if lacking:
        raise refuse(
            scene,
            f"a rollback could not make {listed(lacking)} again, of which its configuration tells no size; run 'pct "
            f"rescan --vmid {scene.vmid}' on node {scene.node} first",
        )


def lost_volumes(existing: Existing) -> list[str]:
    """Volumes of the guest that its safety backup wouldn't hold, by key and name.

    Those of containers are destroyed by a restore; those of VMs end up as unused, or lose their line.
    """
    left_out = [
        volume
        for volume in existing.configuration.volumes
        if not volume.in_backup and not is_host_mount(existing.guest.type, volume)
    ]
    told = [f"{volume.key} ({volume.volume}{_size(volume)})" for volume in left_out]
    return [*told, *(f"{key} ({value})" for key, value in existing.configuration.unused.items())]


def is_host_mount(kind: str, volume: Volume) -> bool:
    """Whether it is a directory or a device of the node, which no restore touches the content of."""
    return volume.storage is None and kind == "lxc"


def _size(volume: Volume) -> str:
    return f", {format_size(volume.size)}" if volume.size else ""
