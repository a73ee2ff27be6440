# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of proxmox_guest_state: observe, plan, apply, report. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration, parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest, observe_cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    AFTERWARDS,
    GuestState,
    TaskEnd,
    destroy_guest,
    exists,
    observe_guest_state,
    shut_down_guest,
    start_guest,
    stop_guest,
    wait_for_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import (
    Permissions,
    observe_permissions,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select

NOTHING = "Nothing was changed."


@dataclass(frozen=True)
class StateWish:
    """What must be true of one guest; ``timeout`` in seconds."""

    vmid: int | None
    name: str | None
    state: str
    confirm_name: str | None
    purge: bool
    timeout: int

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> StateWish:
        """The module's options, checked.

        :raises InputError: for what can't be meant.
        """
        vmid, name = params.get("vmid"), params.get("name")
        if (vmid is None) == (not name):
            raise InputError(f"Name one guest, by vmid or by name. {NOTHING}")
        destroy = params["state"] == "destroyed"
        for option in ("confirm_name", "purge"):
            if params.get(option) and not destroy:
                raise InputError(f"{option}: it belongs to state destroyed. {NOTHING}")
        if destroy and not params.get("confirm_name"):
            raise InputError(f"confirm_name: repeat the guest's name, so that no other one is destroyed. {NOTHING}")
        timeout = parse_duration(params.get("timeout") or "5m", "timeout")
        return cls(vmid, name, params["state"], params.get("confirm_name"), bool(params.get("purge")), timeout)

    @property
    def selection(self) -> Selection:
        """The guest, as selections say it."""
        return Selection(
            vmids=() if self.vmid is None else (self.vmid,), names=() if self.name is None else (self.name,)
        )


@dataclass(frozen=True)
class StatePlan:
    """What is to be done: ``start``, ``stop``, ``shut_down``, ``destroy`` or nothing (None); and what is there."""

    action: str | None
    found: str


DONE = {"start": "started", "stop": "stopped", "shut_down": "shut_down", "destroy": "destroyed"}
_ACTIONS = {word: action for action, word in DONE.items()}
_NEEDS = {"destroyed": "VM.Allocate"}


def ensure_state(
    client: Client, params: Mapping[str, Any], check_mode: bool, clock: Clock, interruption: Interruption
) -> dict[str, Any]:
    """Make the wish true; in check mode only say what that would be.

    :raises InputError: before anything is done.
    """
    wish = StateWish.from_params(params)
    began = clock.monotonic()
    cluster = observe_cluster(client)
    guest = _the_guest(client, wish, cluster)
    if guest is None:
        return _result(wish, None, StatePlan(None, "absent already"), None, None, None, 0.0)
    permissions = observe_permissions(client)
    before = observe_guest_state(client, guest) if cluster.online(guest.node) else None
    plan = plan_state(wish, guest, before, permissions)
    if plan.action is None or check_mode or before is None:
        return _result(wish, guest, plan, before, before, None, clock.monotonic() - began)
    deadline = Deadline.after(clock, wish.timeout + AFTERWARDS, interruption)
    end = _carried_out(client, clock, deadline, wish, guest, plan.action)
    after = _afterwards(client, deadline, guest, plan.action, end)
    return _result(wish, guest, plan, before, after, end, clock.monotonic() - began)


def _the_guest(client: Client, wish: StateWish, cluster: Cluster) -> Guest | None:
    """The guest; None where it is to be destroyed and none is there, also none that the token can't see."""
    selected = select(wish.selection, cluster)
    if selected.guests:
        return selected.guests[0]
    if wish.state == "destroyed" and wish.vmid is not None and not exists(client, wish.vmid):
        return None
    raise InputError(
        f"vmid: no guest with the id {wish.vmid} is shown to this token: it does not exist or VM.Audit on it is "
        f"missing. {NOTHING}"
    )


def plan_state(wish: StateWish, guest: Guest, state: GuestState | None, permissions: Permissions) -> StatePlan:
    """What makes the wish true. Pure.

    :raises InputError: when it can't be done, or would take more than was said.
    """
    if state is None:
        raise InputError(f"{guest.label}: node {guest.node} is offline. {NOTHING}")
    running = wish.state == "started"
    if wish.state != "destroyed" and state.running == running:
        return StatePlan(None, f"{state.word} already")
    privilege = _NEEDS.get(wish.state, "VM.PowerMgmt")
    if not permissions.allows(privilege, f"/vms/{guest.vmid}"):
        raise InputError(f"{guest.label}: the token lacks {privilege} on /vms/{guest.vmid}. {NOTHING}")
    if wish.state == "destroyed":
        _check_destruction(wish, guest, state)
        return StatePlan("destroy", state.word)
    return StatePlan(_ACTIONS[wish.state], state.word)


def _check_destruction(wish: StateWish, guest: Guest, state: GuestState) -> None:
    named = guest.name or str(guest.vmid)
    if wish.confirm_name != named:
        raise InputError(f"confirm_name: guest {guest.vmid} is called {named} and not {wish.confirm_name}. {NOTHING}")
    if state.running:
        raise InputError(f"{guest.label}: it is running; shut it down first. {NOTHING}")
    if state.ha and not wish.purge:
        raise InputError(f"{guest.label}: HA manages it; take it out of HA, or set purge to true. {NOTHING}")


def _carried_out(
    client: Client, clock: Clock, deadline: Deadline, wish: StateWish, guest: Guest, action: str
) -> TaskEnd:
    if action == "start":
        return start_guest(client, clock, deadline, guest)
    if action == "stop":
        return stop_guest(client, clock, deadline, guest)
    if action == "shut_down":
        return shut_down_guest(client, clock, deadline, guest, wish.timeout)
    return destroy_guest(client, clock, deadline, guest, wish.purge)


def _afterwards(client: Client, deadline: Deadline, guest: Guest, action: str, end: TaskEnd) -> GuestState | None:
    """What is really there then; None when the guest is gone."""
    if action == "destroy":
        return observe_guest_state(client, guest) if exists(client, guest.vmid) else None
    if not end.good:
        return observe_guest_state(client, guest)
    return wait_for_state(client, deadline, guest, action == "start")


def _result(
    wish: StateWish,
    guest: Guest | None,
    plan: StatePlan,
    before: GuestState | None,
    after: GuestState | None,
    end: TaskEnd | None,
    seconds: float,
) -> dict[str, Any]:
    word = "unchanged"
    failure = _failure(wish, plan, after, end) if end is not None else ""
    reason = failure or f"it {'is' if end is None else 'was'} {plan.found}"
    if plan.action is not None:
        word = "failed" if failure else DONE[plan.action] if end is not None else f"would_{plan.action}"
    label = guest.label if guest is not None else str(wish.vmid)
    told = {"before": before.word if before else "absent", "after": after.word if after else "absent"}
    if end is None and plan.action is not None:
        told["after"] = {"start": "running", "destroy": "absent"}.get(plan.action, "stopped")
    return {
        "changed": plan.action is not None,
        "result": word,
        "vmid": guest.vmid if guest is not None else wish.vmid,
        "name": guest.name if guest is not None else None,
        "node": guest.node if guest is not None else None,
        "type": guest.type if guest is not None else None,
        "status": told["after"],
        "reason": reason,
        "upid": end.upid.text if end is not None else None,
        "exitstatus": end.exitstatus if end is not None else None,
        "duration": round(seconds, 1),
        "diff": {"before": f"{label}: {told['before']}\n", "after": f"{label}: {told['after']}\n"},
        "msg": f"{label}: {word}, {reason}.",
    }


def _failure(wish: StateWish, plan: StatePlan, after: GuestState | None, end: TaskEnd) -> str:
    """Why the wish isn't true, as the end of a sentence; empty when it is."""
    gone = after is None
    if (plan.action == "destroy" and gone) or (after is not None and _reached(plan, after)):
        return ""
    where = "it is gone" if after is None else f"it is {after.word}"
    if end.exitstatus is None:
        return f"{where}, and task {end.upid.text} still runs"
    if plan.action == "shut_down" and not end.good:
        told = format_duration(wish.timeout)
        return f"it did not shut down within {told} ({end.exitstatus}); state stopped pulls the plug"
    return f"{where} ({end.exitstatus})"


def _reached(plan: StatePlan, after: GuestState) -> bool:
    return plan.action != "destroy" and after.running == (plan.action == "start")
