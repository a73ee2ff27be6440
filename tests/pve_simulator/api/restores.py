# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores of containers and VMs, in the order in which Proxmox checks (recorded: 08_restore_lxc, 11_qemu)."""

from __future__ import annotations

from typing import Any

from pve_simulator.access import guest_options
from pve_simulator.access.acl import ROOT
from pve_simulator.errors import ApiError, Died, Forbidden, NotImplementedHere, ParameterError
from pve_simulator.guests import changes, parsing
from pve_simulator.restoring import reservation, source
from pve_simulator.restoring.container_restore import ContainerRestore, given_volume
from pve_simulator.restoring.machine_restore import MachineRestore
from pve_simulator.restoring.restore import Wish
from pve_simulator.schema import container_options, machine_options
from pve_simulator.schema.parameters import family
from pve_simulator.state.model import Guest
from pve_simulator.storage import availability
from pve_simulator.web.routes import Call, Routes

routes = Routes()

_LXC = "/nodes/{node}/lxc"
_QEMU = "/nodes/{node}/qemu"


@routes.add("POST", _LXC, container_options.creation)
def restore_container(call: Call) -> object:
    """Restore a container; new ones are not made here."""
    given, vmid = call.parameters, call.parameters["vmid"]
    if not given.get("restore"):
        raise NotImplementedHere("POST", f"/nodes/{call.node}/lxc")
    force = bool(given.get("force"))
    old = reservation.here(call.world, "lxc", call.node, vmid) if force else None
    refusal = f"unable to restore CT {vmid}"
    if old is None:
        reservation.check_unused(call.world, vmid)
    elif old.running:
        raise Died("can't overwrite running container")
    elif old.options.get("protection"):
        raise Died(f"{refusal} - protection mode enabled")
    _check_pool(call)
    _check_allowed(call, old)
    overrides = _overrides(call, "lxc")
    named = {key: value for key, value in overrides.items() if key != "unprivileged"}
    guest_options.check(call.world, call.identity, guest_options.Wish(vmid, "lxc", named, pool=given.get("pool")))
    archive = source.find(call.world, call.identity, call.node, vmid, given["ostemplate"])
    _check_mounts(call, overrides)
    _check_high_availability(call)
    try:
        reservation.reserve(call.world, "lxc", call.node, vmid, force=force)
    except Died as error:
        raise Died(f"{refusal} - {error.text}") from error
    restore = ContainerRestore(call.world, call.node, archive, _wish(call, overrides, old))
    return str(call.world.start_task(call.node, "vzrestore", str(vmid), call.identity, restore.run))


@routes.add("POST", _QEMU, machine_options.creation)
def restore_machine(call: Call) -> object:
    """Restore a VM; new ones are not made here."""
    given, vmid = call.parameters, call.parameters["vmid"]
    if "archive" not in given:
        raise NotImplementedHere("POST", f"/nodes/{call.node}/qemu")
    force = bool(given.get("force"))
    old = reservation.here(call.world, "qemu", call.node, vmid) if force else None
    _check_pool(call)
    if "storage" in given:
        call.world.rights.check(call.identity, f"/storage/{given['storage']}", "Datastore.AllocateSpace")
    _check_allowed(call, old)
    drives = [key for key in sorted(given) if parsing.is_drive(key)]
    if drives:
        raise ParameterError({drives[0]: "option conflicts with option 'archive'"})
    archive = source.find(call.world, call.identity, call.node, vmid, given["archive"])
    archive.path()
    overrides = _overrides(call, "qemu")
    guest_options.check(call.world, call.identity, guest_options.Wish(vmid, "qemu", overrides, pool=given.get("pool")))
    if given.get("start") and call.world.version.nine:
        call.world.rights.check(call.identity, f"/vms/{vmid}", "VM.PowerMgmt")
    _check_high_availability(call)
    try:
        reservation.reserve(call.world, "qemu", call.node, vmid, force=force)
    except Died as error:
        raise Died(f"unable to restore VM {vmid} - {error.text}") from error
    restore = MachineRestore(call.world, call.node, archive, _wish(call, overrides, old))
    return str(call.world.start_task(call.node, "qmrestore", str(vmid), call.identity, restore.run))


def _check_pool(call: Call) -> None:
    pool = call.parameters.get("pool")
    if pool is not None and pool not in call.cluster.pools:
        raise Died(f"pool '{pool}' does not exist")


def _check_allowed(call: Call, old: Guest | None) -> None:
    """VM.Allocate on the id or the pool; or, over a guest of one's own with force, VM.Backup."""
    vmid, pool = call.parameters["vmid"], call.parameters.get("pool")
    if call.allowed(f"/vms/{vmid}", "VM.Allocate") or (pool and call.allowed(f"/pool/{pool}", "VM.Allocate")):
        return
    if old is None or not call.allowed(f"/vms/{vmid}", "VM.Backup"):
        raise ApiError(403, "Permission check failed\n")


def _check_mounts(call: Call, overrides: dict[str, Any]) -> None:
    """The storages of the new volumes: those that the call lists, or the one for all."""
    default = call.parameters.get("storage", "local")
    mounts = {key: str(value) for key, value in overrides.items() if parsing.is_mount(key)}
    if mounts and "rootfs" not in mounts:
        raise Died("mount points configured, but 'rootfs' not set - aborting")
    for key, text in sorted(mounts.items()):
        if not text.startswith("/"):
            _check_target(call, given_volume(key, text, default).storage)
        elif call.identity != ROOT:
            kind = "device" if text.startswith("/dev/") else "bind"
            raise Forbidden(f"mount point type {kind} is only allowed for root@pam")
    if not mounts:
        _check_target(call, default)


def _check_target(call: Call, name: str) -> None:
    storage = availability.enabled(call.cluster, name, call.node)
    if "rootdir" not in storage.content:
        raise ParameterError({"storage": f"storage '{name}' does not support container directories"})
    call.world.rights.check(call.identity, f"/storage/{name}", "Datastore.AllocateSpace")
    availability.active(call.cluster, name, call.node)


def _check_high_availability(call: Call) -> None:
    if call.parameters.get("ha-managed"):
        call.world.rights.check(call.identity, "/", "Sys.Console")


def _overrides(call: Call, kind: str) -> dict[str, Any]:
    known = changes.table(kind, call.world.version)
    return {key: value for key, value in call.parameters.items() if key in known or family(key) in known}


def _wish(call: Call, overrides: dict[str, Any], old: Guest | None) -> Wish:
    given = call.parameters
    return Wish(
        vmid=given["vmid"],
        identity=call.identity,
        existed=old is not None,
        storage=given.get("storage"),
        unique=bool(given.get("unique")),
        pool=given.get("pool"),
        bwlimit=float(given.get("bwlimit", 0)),
        start=bool(given.get("start")),
        ha_managed=bool(given.get("ha-managed")),
        live=bool(given.get("live-restore")),
        ignore_errors=bool(given.get("ignore-unpack-errors")),
        overrides=overrides,
    )
