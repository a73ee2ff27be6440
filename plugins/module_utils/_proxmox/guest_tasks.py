# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest does now, and making it do something else: each a task that is waited for, with its own proof.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ApiError, BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    succeeded,
    wait_for_end,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid


@dataclass(frozen=True)
class GuestState:
    """What ``status/current`` says (recorded: 11_qemu, 08_restore_lxc). ``ha`` tells whether HA manages the guest."""

    running: bool
    lock: str | None
    ha: bool

    @property
    def word(self) -> str:
        """``running`` or ``stopped``."""
        return "running" if self.running else "stopped"


@dataclass(frozen=True)
class TaskEnd:
    """A task that was started and how it ended; ``exitstatus`` is None while it runs on."""

    upid: Upid
    exitstatus: str | None
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it succeeded."""
        return succeeded(self.exitstatus)


AFTERWARDS = 30
"""Seconds that a task and the HA manager may take beyond the time that a guest is given to shut down."""


def guest_path(guest: Guest, *more: str) -> str:
    """The API path of a guest."""
    return path_of("nodes", guest.node, guest.type, guest.vmid, *more)


def ha_path(guest: Guest) -> str:
    """The API path of a guest's HA resource."""
    return path_of("cluster", "ha", "resources", f"{'ct' if guest.type == 'lxc' else 'vm'}:{guest.vmid}")


def unlock_command(guest: Guest) -> str:
    """What takes a stale lock away, on the guest's node."""
    return f"{_tool(guest)} unlock {guest.vmid}"


def destroy_command(guest: Guest) -> str:
    """What destroys it, on its node."""
    return f"{_tool(guest)} destroy {guest.vmid}"


def _tool(guest: Guest) -> str:
    return "pct" if guest.type == "lxc" else "qm"


def observe_guest_state(client: Client, guest: Guest) -> GuestState:
    """One request."""
    answer = client.get(guest_path(guest, "status", "current"))
    if not isinstance(answer, Mapping) or answer.get("status") not in ("running", "stopped"):
        raise BadAnswer(f"The state of guest {guest.vmid} is neither running nor stopped.")
    managed = answer.get("ha")
    return GuestState(
        answer["status"] == "running",
        str(answer["lock"]) if answer.get("lock") else None,
        isinstance(managed, Mapping) and str(managed.get("managed", 0)) == "1",
    )


def carried_out(client: Client, clock: Clock, deadline: Deadline, answer: Any) -> TaskEnd:
    """Wait for the task whose UPID a call has answered.

    :raises BadAnswer: when it is none.
    """
    upid = Upid.parse(answer)
    if upid is None:
        raise BadAnswer(f"The answer is not a task: {str(answer)[:80]!r}.")
    began = clock.monotonic()
    state = wait_for_end(client, upid, deadline, clock)
    return TaskEnd(upid, state.exitstatus, clock.monotonic() - began)


def start_guest(client: Client, clock: Clock, deadline: Deadline, guest: Guest) -> TaskEnd:
    """Start it. Needs VM.PowerMgmt."""
    return carried_out(client, clock, deadline, client.post(guest_path(guest, "status", "start")))


def stop_guest(client: Client, clock: Clock, deadline: Deadline, guest: Guest) -> TaskEnd:
    """Pull the plug. Needs VM.PowerMgmt."""
    return carried_out(client, clock, deadline, client.post(guest_path(guest, "status", "stop")))


def shut_down_guest(client: Client, clock: Clock, deadline: Deadline, guest: Guest, patience: int) -> TaskEnd:
    """Ask it to shut down, for ``patience`` seconds; it isn't stopped by force after that. Needs VM.PowerMgmt."""
    answer = client.post(guest_path(guest, "status", "shutdown"), timeout=patience, forceStop=0)
    return carried_out(client, clock, deadline, answer)


def destroy_guest(client: Client, clock: Clock, deadline: Deadline, guest: Guest, purge: bool) -> TaskEnd:
    """Destroy it with the disks in its configuration, and no others.

    ``purge`` also takes it out of backup jobs, replication and HA. Needs VM.Allocate.
    """
    parameters = {"destroy-unreferenced-disks": 0, **({"purge": 1} if purge else {})}
    return carried_out(client, clock, deadline, client.delete(guest_path(guest), **parameters))


def wait_for_state(client: Client, deadline: Deadline, guest: Guest, running: bool) -> GuestState:
    """Until the guest is seen to run, or not to: a task that only asks the HA manager ends long before that."""
    pause = FIRST_PAUSE
    while True:
        state = observe_guest_state(client, guest)
        if state.running == running or deadline.passed():
            return state
        deadline.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.3)


def exists(client: Client, vmid: int) -> bool:
    """Whether any guest has this id, also one that the token can't see: the cluster refuses it as the next free id."""
    try:
        client.get("cluster/nextid", vmid=vmid)
    except ApiError as failure:
        if failure.status == 400 and "already exists" in str(failure.errors.get("vmid", "")):
            return True
        raise
    return False
