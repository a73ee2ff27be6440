# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""proxmox_guest_state: what is asked for is seen, and nothing but the guest that was named is touched."""

from __future__ import annotations

from typing import Any

import pytest

from harness.lab import Lab, grant_role

POWER = ["VM.Audit", "VM.PowerMgmt", "VM.Allocate"]


@pytest.fixture
def lab_with_power(cluster: Lab) -> Lab:
    """The token may start, stop and destroy, too."""
    grant_role(cluster.world, "Power", [*POWER, "VM.Backup"])
    return cluster


def writes(cluster: Lab) -> list[str]:
    return [f"{one.method} {one.path}" for one in cluster.sim.requests if one.method != "GET"]


@pytest.mark.core_matrix
@pytest.mark.parametrize("vmid", [101, 300])
def test_there_and_back(lab_with_power: Lab, vmid: int) -> None:
    for state, before, after in (
        ("started", "stopped", "running"),
        ("shut_down", "running", "stopped"),
        ("started", "stopped", "running"),
        ("stopped", "running", "stopped"),
    ):
        told = lab_with_power.guest_state(vmid=vmid, state=state, check=True)
        assert (told["changed"], told["status"]) == (True, after)
        assert (
            told["result"] == {"started": "would_start", "shut_down": "would_shut_down", "stopped": "would_stop"}[state]
        )
        done = lab_with_power.guest_state(vmid=vmid, state=state)
        assert (done["changed"], done["result"], done["status"], done["exitstatus"]) == (True, state, after, "OK")
        assert list(told) == list(done)
        assert done["diff"]["before"].endswith(f": {before}\n")
        again = lab_with_power.guest_state(vmid=vmid, state=state)
        assert (again["changed"], again["result"], again["upid"]) == (False, "unchanged", None)
    assert len(writes(lab_with_power)) == 4


def test_destroyed_and_only_that(lab_with_power: Lab) -> None:
    wish: dict[str, Any] = {"vmid": 103, "state": "destroyed", "confirm_name": "scratch"}
    before = {vmid: lab_with_power.world.content_hash(vmid) for vmid in (101, 102, 104, 300)}
    assert lab_with_power.guest_state(**wish, check=True)["result"] == "would_destroy"
    done = lab_with_power.guest_state(**wish)
    assert (done["result"], done["status"], done["msg"]) == (
        "destroyed",
        "absent",
        "103 (scratch): destroyed, it was stopped.",
    )
    assert 103 not in lab_with_power.world.cluster.guests
    assert {vmid: lab_with_power.world.content_hash(vmid) for vmid in before} == before
    again = lab_with_power.guest_state(**wish)
    assert (again["changed"], again["result"], again["reason"]) == (False, "unchanged", "it is absent already")
    assert writes(lab_with_power) == ["DELETE /nodes/pve1/lxc/103"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "started"}, "Name one guest, by vmid or by name. Nothing was changed."),
        ({"state": "started", "vmid": 101, "name": "web1"}, "Name one guest, by vmid or by name. Nothing was changed."),
        (
            {"state": "destroyed", "vmid": 103},
            "confirm_name: repeat the guest's name, so that no other one is destroyed. Nothing was changed.",
        ),
        (
            {"state": "destroyed", "vmid": 103, "confirm_name": "web1"},
            "confirm_name: guest 103 is called scratch and not web1. Nothing was changed.",
        ),
        (
            {"state": "stopped", "vmid": 103, "confirm_name": "scratch"},
            "confirm_name: it belongs to state destroyed. Nothing was changed.",
        ),
        (
            {"state": "started", "name": "nobody"},
            "names: no guest that this token may see (VM.Audit) is named nobody; names are exact.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(lab_with_power: Lab, options: dict[str, Any], message: str) -> None:
    result = lab_with_power.guest_state(**options)
    assert (result["failed"], result["msg"], writes(lab_with_power)) == (True, message, [])


def test_a_running_guest_is_not_destroyed(lab_with_power: Lab) -> None:
    lab_with_power.world.set_running(103, True)
    result = lab_with_power.guest_state(vmid=103, state="destroyed", confirm_name="scratch")
    assert result["msg"] == "103 (scratch): it is running; shut it down first. Nothing was changed."


def test_a_protected_guest_is_refused_by_proxmox_and_stays(lab_with_power: Lab) -> None:
    lab_with_power.world.set_option(103, "protection", "1")
    result = lab_with_power.guest_state(vmid=103, state="destroyed", confirm_name="scratch")
    assert result["failed"] is True
    assert "protection mode enabled" in result["msg"]
    assert 103 in lab_with_power.world.cluster.guests


def test_one_that_does_not_shut_down_keeps_running(lab_with_power: Lab) -> None:
    lab_with_power.world.set_running(101, True)
    lab_with_power.sim.faults.shutdown_hangs(101)
    result = lab_with_power.guest_state(vmid=101, state="shut_down", timeout="1s")
    assert (result["failed"], result["result"], result["status"]) == (True, "failed", "running")
    assert result["msg"].startswith("101 (web1): failed, it did not shut down within 1 s (")
    assert result["msg"].endswith("); state stopped pulls the plug.")


def test_a_start_that_fails_says_why(lab_with_power: Lab) -> None:
    lab_with_power.sim.faults.start_fails(300, "no space left for vm state")
    result = lab_with_power.guest_state(vmid=300, state="started")
    assert (result["failed"], result["status"]) == (True, "stopped")
    assert result["msg"] == "300 (db1): failed, it is stopped (no space left for vm state)."


def test_a_guest_that_ha_manages_is_started_through_ha(lab_with_power: Lab) -> None:
    lab_with_power.world.set_ha(101, "stopped")
    result = lab_with_power.guest_state(vmid=101, state="started")
    assert (result["result"], result["status"]) == ("started", "running")
    assert ":hastart:" in result["upid"]


def test_missing_rights_are_named(cluster: Lab) -> None:
    result = cluster.guest_state(vmid=101, state="started")
    assert result["msg"] == "101 (web1): the token lacks VM.PowerMgmt on /vms/101. Nothing was changed."
    result = cluster.guest_state(vmid=103, state="destroyed", confirm_name="scratch")
    assert result["msg"] == "103 (scratch): the token lacks VM.Allocate on /vms/103. Nothing was changed."


def test_a_guest_that_is_hidden_is_not_called_destroyed(cluster: Lab) -> None:
    cluster.world.add_role("Nothing", ["VM.Console"])
    for holder in ("backup@pve", "backup@pve!lifeboat"):
        cluster.world.add_acl("/vms/103", "Nothing", user_or_token=holder, propagate=True)
    result = cluster.guest_state(vmid=103, state="destroyed", confirm_name="scratch")
    assert result["msg"] == (
        "vmid: no guest with the id 103 is shown to this token: it does not exist or VM.Audit on it is missing. "
        "Nothing was changed."
    )
