# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changing and destroying guests (recorded: 08_restore_lxc, 11_qemu for destroying; the rest is from the sources)."""

from __future__ import annotations

from typing import Any

from pve_simulator.access import guest_options
from pve_simulator.access.acl import ROOT
from pve_simulator.api.guests import found
from pve_simulator.backup_jobs import definition
from pve_simulator.errors import ApiError, Died, ParameterError, WorkerError
from pve_simulator.guests import changes, configuration, content, linked, parsing
from pve_simulator.guests.power import set_running, stand_still
from pve_simulator.restoring.container_restore import given_volume
from pve_simulator.schema import container_options, machine_options
from pve_simulator.schema.formats import split_list
from pve_simulator.schema.parameters import Parameter, family
from pve_simulator.schema.shared import ONE_GUEST
from pve_simulator.state.model import Guest, Volume
from pve_simulator.tasks.worker import Worker
from pve_simulator.web.routes import Call, Privilege, Routes
from pve_simulator.world import World

routes = Routes()

_SWITCH = Parameter(type="boolean")
_OFF = Parameter(type="boolean", default=0)
_OF_CONTAINERS = tuple(f"VM.Config.{word}" for word in ("Disk", "CPU", "Memory", "Network", "Options"))
_OF_MACHINES = tuple(
    f"VM.Config.{word}" for word in ("Disk", "CDROM", "CPU", "Memory", "Network", "HWType", "Options", "Cloudinit")
)
_ALLOCATE = Privilege("/vms/{vmid}", ("VM.Allocate",))

DESTROY_CONTAINER = {**ONE_GUEST, "destroy-unreferenced-disks": _SWITCH, "force": _OFF, "purge": _OFF}
DESTROY_MACHINE = {**ONE_GUEST, "destroy-unreferenced-disks": _OFF, "purge": _SWITCH, "skiplock": _SWITCH}


@routes.add(
    "PUT", "/nodes/{node}/lxc/{vmid}/config", container_options.change, Privilege("/vms/{vmid}", _OF_CONTAINERS)
)
def change_container(call: Call) -> object:
    """Change a container's configuration."""
    _change(call, found(call, "lxc"))
    return None


@routes.add("PUT", "/nodes/{node}/qemu/{vmid}/config", machine_options.change, Privilege("/vms/{vmid}", _OF_MACHINES))
def change_machine(call: Call) -> object:
    """Change a VM's configuration."""
    _change(call, found(call, "qemu"))
    return None


@routes.add(
    "POST",
    "/nodes/{node}/qemu/{vmid}/config",
    machine_options.change_in_background,
    Privilege("/vms/{vmid}", _OF_MACHINES),
)
def change_machine_in_background(call: Call) -> object:
    """Change a VM's configuration in a task."""
    guest = found(call, "qemu")
    _check_changes(call, guest)

    def job(worker: Worker) -> None:
        worker.check_signals()
        with call.world.changed:
            try:
                _change(call, guest)
            except ApiError as error:
                raise WorkerError(error.message.rstrip("\n")) from error

    return str(call.world.start_task(call.node, "qmconfig", str(guest.vmid), call.identity, job))


@routes.add("DELETE", "/nodes/{node}/lxc/{vmid}", DESTROY_CONTAINER, _ALLOCATE)
def destroy_container(call: Call) -> object:
    """Destroy a container."""
    guest = found(call, "lxc")
    _check_destroyable(call, guest)
    if guest.running and not call.parameters.get("force"):
        raise Died(f"unable to destroy CT {guest.vmid} - container is running")
    return _destroy(call, guest)


@routes.add("DELETE", "/nodes/{node}/qemu/{vmid}", DESTROY_MACHINE, _ALLOCATE)
def destroy_machine(call: Call) -> object:
    """Destroy a VM."""
    _check_skiplock(call)
    guest = found(call, "qemu")
    _check_destroyable(call, guest)
    if guest.running:
        raise Died(f"VM {guest.vmid} is running - destroy failed")
    return _destroy(call, guest)


def _check_skiplock(call: Call) -> None:
    """Locks do not count for root, when he asks for it himself: a token of his is not he."""
    if call.parameters.get("skiplock") and call.identity != ROOT:
        raise ParameterError({"skiplock": "Only root may use this option."})


def _check_changes(call: Call, guest: Guest) -> None:
    _check_skiplock(call)
    given = call.parameters
    settings, deleted = _settings(call, guest.kind), split_list(given.get("delete", ""))
    if not settings and not deleted:
        raise (
            ParameterError({"delete": "no options specified"}) if guest.kind == "qemu" else Died("no options specified")
        )
    known = changes.table(guest.kind, call.world.version)
    for key in deleted:
        if family(key) not in known and key not in known:
            raise ParameterError({"delete": f"unknown option '{key}'"})
    current = configuration.settings(guest, call.cluster.storages)
    wish = guest_options.Wish(guest.vmid, guest.kind, settings, deleted=deleted, current=current)
    guest_options.check(call.world, call.identity, wish)


def _change(call: Call, guest: Guest) -> None:
    given = call.parameters
    _check_changes(call, guest)
    digest = configuration.shown(guest, call.cluster.storages)["digest"]
    if given.get("digest", digest) != digest:
        raise Died("detected modified configuration - file changed by other user? Try again.")
    if guest.lock is not None and not given.get("skiplock"):
        raise Died(f"{'CT' if guest.kind == 'lxc' else 'VM'} is locked ({guest.lock})")
    for key in split_list(given.get("delete", "")):
        changes.remove(guest, key)
    for key, value in _settings(call, guest.kind).items():
        if parsing.is_mount(key) if guest.kind == "lxc" else parsing.is_drive(key):
            _set_volume(guest, key, str(value))
        else:
            changes.assign(guest, key, value)
    call.world.touch()


def _set_volume(guest: Guest, key: str, text: str) -> None:
    """A new volume, or other words on the line of one that is there."""
    configuration.fix_numbers(guest)
    old = next((volume for volume in guest.volumes if volume.key == key), None)
    new = parsing.volume(key, text)
    if new is None:
        guest.options[key] = text
    elif old is not None:
        old.backup, old.options, old.path = new.backup, new.options, new.path
    else:
        fresh: Volume = given_volume(key, text, new.storage)
        fresh.number = configuration.free_number(fresh.storage, guest.volumes)
        guest.volumes.append(fresh)


def _settings(call: Call, kind: str) -> dict[str, Any]:
    known = changes.table(kind, call.world.version)
    return {key: value for key, value in call.arguments.items() if key in known or family(key) in known}


def _check_destroyable(call: Call, guest: Guest) -> None:
    word, vmid = "CT" if guest.kind == "lxc" else "VM", guest.vmid
    if guest.options.get("protection"):
        raise Died(f"can't remove {word} {vmid} - protection mode enabled")
    if guest.lock is not None and not call.parameters.get("skiplock"):
        raise Died(f"{word} is locked ({guest.lock})")
    if call.parameters.get("purge"):
        return
    if any(resource.vmid == vmid for resource in call.cluster.resources.values()):
        raise Died(f"unable to remove {word} {vmid} - used in HA resources and purge parameter not set.")
    for job in call.cluster.replications.values():
        if job.guest == vmid:
            raise Died(f"There is a replication job '{job.id}' for guest '{vmid}' - Please remove that first.")


def _destroy(call: Call, guest: Guest) -> str:
    purge, vmid = bool(call.parameters.get("purge")), guest.vmid

    def job(worker: Worker) -> None:
        fault = call.world.faults.guest(vmid)
        stand_still(worker, lambda: fault.destroy_hangs)
        if fault.destroy_failure is not None:
            raise WorkerError(fault.destroy_failure)
        with call.world.changed:
            destroy(call.world, vmid, worker, purge=purge)

    kind = "vzdestroy" if guest.kind == "lxc" else "qmdestroy"
    return str(call.world.start_task(call.node, kind, str(vmid), call.identity, job))


def destroy(world: World, vmid: int, worker: Worker, *, purge: bool) -> None:
    """Take a guest and its volumes away. Raises `WorkerError`."""
    guest = world.cluster.guests.get(vmid)
    if guest is None:
        raise WorkerError(f"unable to find configuration file for VM {vmid} - no such machine")
    base = linked.used_base(world.cluster, guest)
    if base is not None:
        raise WorkerError(f"base volume '{base}' is still in use by linked cloned")
    if guest.running:
        worker.write(f"forced to stop CT {vmid} before destroying!")
        set_running(world, vmid, False)
    del world.cluster.guests[vmid]
    content.clear(world.layout.guest(vmid))
    if purge:
        worker.write(f"purging {'CT' if guest.kind == 'lxc' else 'VM'} {vmid} from related configurations..")
        world.cluster.acl = [entry for entry in world.cluster.acl if entry.path != f"/vms/{vmid}"]
        resources, jobs = world.cluster.resources, world.cluster.replications
        world.cluster.resources = {sid: item for sid, item in resources.items() if item.vmid != vmid}
        world.cluster.replications = {name: item for name, item in jobs.items() if item.guest != vmid}
        left = {name: definition.without_guest(job, vmid) for name, job in world.cluster.jobs.items()}
        world.cluster.jobs = {name: job for name, job in left.items() if job is not None}
    world.touch()
