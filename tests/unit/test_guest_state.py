# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done to a guest so that it does what is asked for, and what an answer about it must say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ApiError, BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_state import (
    StatePlan,
    StateWish,
    ensure_state,
    plan_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    GuestState,
    exists,
    observe_guest_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from unit.builders import WEB1, FakeClock, PreparedAnswers, a_upid, granted

ALL = Permissions(granted(["VM.PowerMgmt", "VM.Allocate"], "/vms"))
RUNS, STANDS = GuestState(True, None, False), GuestState(False, None, False)


def wish(state: str, **more: Any) -> StateWish:
    confirmed = {"confirm_name": "web1"} if state == "destroyed" else {}
    return StateWish.from_params({"vmid": 101, "state": state, **confirmed, **more})


@pytest.mark.parametrize(
    ("state", "found", "action"),
    [
        ("started", STANDS, "start"),
        ("started", RUNS, None),
        ("stopped", RUNS, "stop"),
        ("stopped", STANDS, None),
        ("shut_down", RUNS, "shut_down"),
        ("shut_down", STANDS, None),
        ("destroyed", STANDS, "destroy"),
    ],
)
def test_only_what_is_not_so_yet_is_done(state: str, found: GuestState, action: str | None) -> None:
    plan = plan_state(wish(state), WEB1, found, ALL)
    assert plan == StatePlan(action, found.word if action else f"{found.word} already")


@pytest.mark.parametrize(
    ("state", "found", "more", "message"),
    [
        ("destroyed", RUNS, {}, "101 (web1): it is running; shut it down first."),
        (
            "destroyed",
            GuestState(False, None, True),
            {},
            "101 (web1): HA manages it; take it out of HA, or set purge to true.",
        ),
        (
            "destroyed",
            STANDS,
            {"confirm_name": "101"},
            "confirm_name: guest 101 is called web1 and not 101.",
        ),
        ("started", None, {}, "101 (web1): node pve1 is offline."),
    ],
)
def test_what_would_take_more_than_was_said_is_refused(
    state: str, found: GuestState | None, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as refused:
        plan_state(wish(state, **more), WEB1, found, ALL)
    assert refused.value.message == f"{message} Nothing was changed."


def test_with_purge_a_guest_that_ha_manages_may_go() -> None:
    plan = plan_state(wish("destroyed", purge=True), WEB1, GuestState(False, None, True), ALL)
    assert plan.action == "destroy"


def test_a_guest_without_a_name_is_confirmed_by_its_id() -> None:
    nameless = Guest(101, None, "pve1", "qemu")
    assert plan_state(wish("destroyed", confirm_name="101"), nameless, STANDS, ALL).action == "destroy"


@pytest.mark.parametrize(("state", "privilege"), [("started", "VM.PowerMgmt"), ("destroyed", "VM.Allocate")])
def test_the_missing_privilege_is_named(state: str, privilege: str) -> None:
    others = [one for one in ("VM.PowerMgmt", "VM.Allocate") if one != privilege]
    with pytest.raises(InputError) as refused:
        plan_state(wish(state), WEB1, STANDS, Permissions(granted(others, "/vms")))
    assert refused.value.message == f"101 (web1): the token lacks {privilege} on /vms/101. Nothing was changed."


@pytest.mark.parametrize("answer", [None, [], {"status": "paused"}, {}])
def test_a_state_that_is_none(answer: object) -> None:
    with pytest.raises(BadAnswer) as caught:
        observe_guest_state(PreparedAnswers(answer).client, WEB1)
    assert caught.value.message == "The state of guest 101 is neither running nor stopped."


def test_an_id_is_taken_where_the_cluster_says_so() -> None:
    """Recorded: 400 with the text in errors."""
    taken = ApiError("GET", "/cluster/nextid", 400, "x", "", {"vmid": "VM 101 already exists"})
    assert exists(PreparedAnswers(taken).client, 101)
    assert not exists(PreparedAnswers("101").client, 101)
    other = ApiError("GET", "/cluster/nextid", 403, "x", "", {})
    with pytest.raises(ApiError):
        exists(PreparedAnswers(other).client, 101)


def test_a_task_that_ends_well_proves_nothing() -> None:
    """The guest is looked at: here it still stands when the time is up."""
    time_ = FakeClock()
    upid = a_upid(101)
    stands = {"status": "stopped"}
    answers: list[Any] = [
        [
            {"type": "node", "node": "pve1", "status": "online"},
            {"type": "lxc", "vmid": 101, "name": "web1", "node": "pve1", "status": "stopped"},
        ],
        {"/vms": {"VM.PowerMgmt": 1}},
        stands,
        upid.text,
        {"status": "stopped", "exitstatus": "OK"},
        *[stands] * 40,
    ]
    prepared = PreparedAnswers(*answers)
    result = ensure_state(
        prepared.client, {"vmid": 101, "state": "started", "timeout": "60s"}, False, time_.clock, Interruption()
    )
    assert (result["result"], result["status"], result["exitstatus"]) == ("failed", "stopped", "OK")
    assert result["msg"] == "101 (web1): failed, it is stopped (OK)."
