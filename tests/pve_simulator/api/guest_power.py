# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting, stopping and shutting down (recorded: 11_qemu; of containers and of HA from the sources)."""

from __future__ import annotations

from pve_simulator.api.guests import found
from pve_simulator.errors import Died
from pve_simulator.guests import figures
from pve_simulator.guests.power import Shutdown, Start, Stop, set_running
from pve_simulator.schema.parameters import Parameter, Table
from pve_simulator.schema.shared import ONE_GUEST, PROPERTY_STRING
from pve_simulator.state.model import Guest
from pve_simulator.tasks.registry import Job
from pve_simulator.tasks.worker import Worker
from pve_simulator.versions import Version
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

_POWER = Privilege("/vms/{vmid}", ("VM.PowerMgmt",))
_SWITCH = Parameter(type="boolean")
_OFF = Parameter(type="boolean", default=0)
_FROM = Parameter(format="pve-node")
_TIME = Parameter(type="integer", minimum=0)
_DEFAULT_TIMEOUT = 60  # seconds that a shutdown is given

START_CONTAINER = {**ONE_GUEST, "debug": _OFF, "skiplock": _SWITCH}
STOP_CONTAINER = {**ONE_GUEST, "overrule-shutdown": _OFF, "skiplock": _SWITCH}
SHUT_CONTAINER = {
    **ONE_GUEST,
    "forceStop": _OFF,
    "timeout": Parameter(type="integer", minimum=0, default=_DEFAULT_TIMEOUT),
}
_START_MACHINE = {
    **ONE_GUEST,
    "force-cpu": Parameter(),
    "machine": Parameter(format=PROPERTY_STRING),
    "migratedfrom": _FROM,
    "migration_network": Parameter(format="CIDR"),
    "migration_type": Parameter(enum=("secure", "insecure")),
    "skiplock": _SWITCH,
    "stateuri": Parameter(max_length=128),
    "targetstorage": Parameter(format="storage-pair-list"),
    "timeout": Parameter(type="integer", minimum=0, default="max(30, vm memory in GiB)"),
}
STOP_MACHINE = {
    **ONE_GUEST,
    "keepActive": _OFF,
    "migratedfrom": _FROM,
    "overrule-shutdown": _OFF,
    "skiplock": _SWITCH,
    "timeout": _TIME,
}
SHUT_MACHINE = {**ONE_GUEST, "forceStop": _OFF, "keepActive": _OFF, "skiplock": _SWITCH, "timeout": _TIME}


def start_table(version: Version) -> Table:
    """The parameters with which a VM is started."""
    of_nine = {"nets-host-mtu": Parameter(pattern=r"net\d+=\d+(,net\d+=\d+)*"), "with-conntrack-state": _OFF}
    return {**_START_MACHINE, **of_nine} if version.nine else _START_MACHINE


@routes.add("POST", "/nodes/{node}/lxc/{vmid}/status/start", START_CONTAINER, _POWER)
def start_container(call: Call) -> object:
    """Start a container."""
    guest = found(call, "lxc")
    if guest.running:
        raise Died(f"CT {guest.vmid} already running")
    return _task(call, guest, "start", Start(call.world, guest.vmid).run)


@routes.add("POST", "/nodes/{node}/lxc/{vmid}/status/stop", STOP_CONTAINER, _POWER)
def stop_container(call: Call) -> object:
    """Stop a container at once."""
    guest = found(call, "lxc")
    _check_running(guest)
    return _task(call, guest, "stop", Stop(call.world, guest.vmid).run)


@routes.add("POST", "/nodes/{node}/lxc/{vmid}/status/shutdown", SHUT_CONTAINER, _POWER)
def shut_container_down(call: Call) -> object:
    """Ask a container to shut down."""
    guest = found(call, "lxc")
    _check_running(guest)
    return _task(call, guest, "shutdown", _shutdown(call, guest).run)


@routes.add("POST", "/nodes/{node}/qemu/{vmid}/status/start", start_table, _POWER)
def start_machine(call: Call) -> object:
    """Start a VM; one that runs already is met in the task."""
    guest = found(call, "qemu")
    return _task(call, guest, "start", Start(call.world, guest.vmid).run)


@routes.add("POST", "/nodes/{node}/qemu/{vmid}/status/stop", STOP_MACHINE, _POWER)
def stop_machine(call: Call) -> object:
    """Stop a VM at once; one that does not run is fine."""
    guest = found(call, "qemu")
    return _task(call, guest, "stop", Stop(call.world, guest.vmid).run)


@routes.add("POST", "/nodes/{node}/qemu/{vmid}/status/shutdown", SHUT_MACHINE, _POWER)
def shut_machine_down(call: Call) -> object:
    """Ask a VM to shut down."""
    guest = found(call, "qemu")
    return _task(call, guest, "shutdown", _shutdown(call, guest).run)


def _check_running(guest: Guest) -> None:
    if not guest.running:
        raise Died(f"CT {guest.vmid} not running")


def _shutdown(call: Call, guest: Guest) -> Shutdown:
    given = call.parameters
    return Shutdown(call.world, guest.vmid, given.get("timeout", _DEFAULT_TIMEOUT), bool(given.get("forceStop")))


def _task(call: Call, guest: Guest, action: str, job: Job) -> str:
    """The task that does it; of a guest that the HA manager looks after one that asks the manager."""
    resource = figures.high_availability(call.cluster, guest)
    if resource is not None and resource.managed:
        return _ask_manager(call, guest, started=action == "start")
    kind = f"{'vz' if guest.kind == 'lxc' else 'qm'}{action}"
    return str(call.world.start_task(call.node, kind, str(guest.vmid), call.identity, job))


def _ask_manager(call: Call, guest: Guest, *, started: bool) -> str:
    word, action = "CT" if guest.kind == "lxc" else "VM", "start" if started else "stop"
    resource = figures.high_availability(call.cluster, guest)

    def ask(worker: Worker) -> None:
        worker.write(f"Requesting HA {action} for {word} {guest.vmid}")
        with call.world.changed:
            if resource is not None:
                resource.state = "started" if started else "stopped"
            set_running(call.world, guest.vmid, started)

    return str(call.world.start_task(call.node, f"ha{action}", str(guest.vmid), call.identity, ask))
