# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guest agent of VMs (not recorded: from PVE::API2::Qemu::Agent and PVE::QemuServer::Agent)."""

from __future__ import annotations

import re
import time

from pve_simulator.api.guests import found
from pve_simulator.errors import Died
from pve_simulator.guests import addresses, commands
from pve_simulator.guests import agent as agents
from pve_simulator.guests.agent import Agent
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import ONE_GUEST
from pve_simulator.state.model import Guest
from pve_simulator.versions import Version
from pve_simulator.web.routes import Call, Permission, Privilege, Routes

routes = Routes()

_PLACE = "/nodes/{node}/qemu/{vmid}/agent"
MOST = 16 << 20  # bytes of a file that are read

EXEC = {
    **ONE_GUEST,
    "command": Parameter(type="array", optional=False),
    "input-data": Parameter(max_length=64 << 10),
}
EXEC_STATUS = {**ONE_GUEST, "pid": Parameter(type="integer", optional=False)}
FILE_READ = {**ONE_GUEST, "file": Parameter(optional=False)}


def _needs(*of_nine: str) -> Permission:
    """VM.Monitor, which 9 has parted into several."""

    def privilege(version: Version) -> Privilege:
        rights = tuple(f"VM.GuestAgent.{word}" for word in of_nine) if version.nine else ("VM.Monitor",)
        return Privilege("/vms/{vmid}", rights)

    return privilege


_ASK = _needs("Audit", "Unrestricted")
_READ = _needs("FileRead", "Unrestricted")
_RUN = _needs("Unrestricted")


@routes.add("POST", f"{_PLACE}/ping", ONE_GUEST, _ASK)
def ping(call: Call) -> object:
    """Ask whether the agent is there."""
    _agent(call, "ping")
    return {"result": {}}


@routes.add("GET", f"{_PLACE}/get-osinfo", ONE_GUEST, _ASK)
def operating_system(call: Call) -> object:
    """What the operating system calls itself."""
    _guest, agent = _agent(call, "get-osinfo")
    name = re.split(r" \d", agent.pretty_name)[0]
    return {"result": {"id": agent.os_id, "name": name, "pretty-name": agent.pretty_name, "machine": "x86_64"}}


@routes.add("GET", f"{_PLACE}/get-host-name", ONE_GUEST, _ASK)
def host_name(call: Call) -> object:
    """The name that the guest has for itself."""
    _guest, agent = _agent(call, "get-host-name")
    return {"result": {"host-name": agent.hostname}}


@routes.add("GET", f"{_PLACE}/network-get-interfaces", ONE_GUEST, _ASK)
def interfaces(call: Call) -> object:
    """The guest's network cards; one that has no address does not say so."""
    guest, _inside = _agent(call, "network-get-interfaces")
    result: list[dict[str, object]] = []
    for card in addresses.cards(guest):
        entry: dict[str, object] = {"name": card.name, "hardware-address": card.hardware}
        if card.address is not None:
            kind = {"ip-address": card.address, "ip-address-type": "ipv4", "prefix": card.prefix}
            entry["ip-addresses"] = [kind]
        result.append(entry)
    return {"result": result}


@routes.add("POST", f"{_PLACE}/exec", EXEC, _RUN)
def execute(call: Call) -> object:
    """Run a command in the guest; the answer is its process."""
    guest, agent = _agent(call, "exec")
    fault, command = call.world.faults.guest(guest.vmid), call.parameters["command"]
    if fault.exec_disabled:
        raise Died("Agent error: Command guest-exec has been disabled")
    if fault.lie is not None:
        outcome: commands.Outcome | None = commands.Outcome(0, fault.lie.encode())
    else:
        outcome = commands.run(command, agent)
    if outcome is None:
        why = f'Failed to execute child process "{command[0]}" (No such file or directory)'
        raise Died(f"Agent error: Guest agent command failed, error was '{why}'")
    return {"pid": call.world.processes.add(guest.vmid, guest.up_since, outcome, agent.exec_seconds)}


@routes.add("GET", f"{_PLACE}/exec-status", EXEC_STATUS, _RUN)
def execution(call: Call) -> object:
    """How a process does. Who hears of its end hears it once; what it has not written is not there."""
    guest, _inside = _agent(call, "exec-status")
    try:
        outcome = call.world.processes.ask(guest.vmid, guest.up_since, call.parameters["pid"])
    except KeyError:
        raise Died("Agent error: Invalid parameter 'pid'") from None
    if outcome is None:
        return {"exited": 0}
    written = {"out-data": outcome.out, "err-data": outcome.err}
    return {
        "exited": 1,
        "exitcode": outcome.exit_code,
        **{name: _as_sent(data) for name, data in written.items() if data},
    }


@routes.add("GET", f"{_PLACE}/file-read", FILE_READ, _READ)
def read_file(call: Call) -> object:
    """Read a file of the guest, the first 16 MiB of it."""
    _guest, agent = _agent(call, "file-open")
    path = call.parameters["file"]
    data = agent.read(path)
    if data is None:
        raise Died(f"Agent error: failed to open file '{path}' (mode: 'r'): No such file or directory")
    read = data[:MOST]
    answer: dict[str, object] = {"content": _as_sent(read), "bytes-read": len(read)}
    return {**answer, "truncated": 1} if len(read) < len(data) else answer


def _agent(call: Call, command: str) -> tuple[Guest, Agent]:
    """The guest and its agent, when it answers; raises `Died` in the order of PVE::QemuServer::Agent."""
    guest = found(call, "qemu")
    fault = call.world.faults.guest(guest.vmid)
    if "agent" not in guest.options:
        raise Died("No QEMU guest agent configured")
    if not guest.running:
        raise Died(f"VM {guest.vmid} is not running")
    if fault.agent_hangs:
        raise Died(f"VM {guest.vmid} qga command 'guest-{command}' failed - got timeout")
    inside = agents.read(call.world.layout.guest(guest.vmid)) if agents.enabled(guest) else None
    halted = fault.boot_hangs or fault.qmpstatus is not None
    if inside is None or halted or time.time() < guest.up_since + inside.boot_seconds:
        raise Died("QEMU guest agent is not running")
    return guest, inside


def _as_sent(data: bytes) -> str:
    """Bytes as Proxmox puts them into JSON: each as a character, so that UTF-8 has to be put together again."""
    return data.decode("latin-1")
