# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands in containers, and what their answers are worth: nothing that wasn't heard has passed."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.filter import drill_command_verdicts as verdicts_file
from ansible_collections.lifeboat.backup.plugins.filter import drill_commands as commands_file
from ansible_collections.lifeboat.backup.plugins.filter.drill_command_verdicts import drill_command_verdicts
from ansible_collections.lifeboat.backup.plugins.filter.drill_commands import drill_commands
from unit.drill_builders import a_drill

HOSTS = {"pve2": "node2"}
ORDERS = {"check": "orders", "argv": ["cat", "/srv/orders.csv"], "expect": "^7,"}


def started(vmid: int = 101, **more: Any) -> dict[str, Any]:
    return a_drill(vmid, "pending", **{"phase": "started", **more})


def asked(*drills: dict[str, Any], commands: Any = (ORDERS,)) -> list[tuple[Any, ...]]:
    return [(one["vmid"], one["check"], one["host"]) for one in drill_commands(drills, commands, HOSTS, "abc")]


def answered(answer: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """The verdict on one of the two commands for a container; 0 is the nonce."""
    commands = drill_commands([started()], [ORDERS], HOSTS, "abc")
    return drill_command_verdicts(commands[number : number + 1], [answer])[0]


def test_each_container_prints_a_nonce_of_its_own_on_its_copys_node() -> None:
    [first, second, *_rest] = drill_commands([started(101), started(102)], [], HOSTS, "abc")
    assert first["argv"] == ["pct", "exec", "900", "--", "echo", "abc-101"]
    assert (second["prints"], second["node"], second["host"]) == ("abc-102", "pve2", "node2")


def test_only_containers_that_were_started_are_asked() -> None:
    others = [
        started(300, kind="qemu"),
        started(102, phase="prepared"),
        a_drill(103, "failed", phase="started"),
        started(104, target={"vmid": 901, "node": "pve9", "storage": None}),
    ]
    assert asked(*others) == [(104, "command inside", ""), (104, "orders", "")]


@pytest.mark.parametrize(
    ("guest", "is_asked"), [({}, True), ({"vmid": 101}, True), ({"vmid": 102}, False), ({"name": "mail"}, False)]
)
def test_a_command_may_be_for_one_guest(guest: dict[str, Any], is_asked: bool) -> None:
    checks = [check for _vmid, check, _host in asked(started(101), commands=[{**ORDERS, **guest}])]
    assert ("orders" in checks) is is_asked


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ({"argv": ["true"]}, "it has check and argv"),
        ({**ORDERS, "expects": "x"}, "it has check and argv"),
        ({**ORDERS, "argv": "cat /srv/orders.csv"}, "argv is a list"),
        ({**ORDERS, "argv": []}, "argv is a list"),
        ({**ORDERS, "expect": "("}, "expect is no regular expression"),
        ({**ORDERS, "vmid": "101"}, "vmid is a number"),
        ("true", "it has check and argv"),
    ],
)
def test_what_cannot_be_meant_is_refused(command: Any, told: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"restore_drill_container_commands, entry 2: {told}"):
        drill_commands([], [ORDERS, command], HOSTS, "abc")


def test_hosts_and_rows_of_another_kind_are_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="restore_drill_node_hosts: "):
        drill_commands([], [], ["node2"], "abc")  # type: ignore[arg-type]
    with pytest.raises(AnsibleFilterError, match="drill_commands: a row is not one of proxmox_drill"):
        drill_commands([{}], [], HOSTS, "abc")


@pytest.mark.parametrize(
    ("answer", "verdict", "told"),
    [
        ({"rc": 0, "stdout": "order,boat\n7,Heron"}, "passed", "as expected"),
        ({"rc": 0, "stdout": "order,boat\n8,Heron"}, "failed", "no match of ^7,"),
        ({"rc": 0, "stdout": ""}, "failed", "no match of ^7,"),
        ({"rc": 1, "msg": "non-zero return code", "stderr": "no such file"}, "failed", "exit status 1: no such file"),
        ({"rc": 2, "msg": "Error executing command."}, "not_run", "could not be run on host node2"),
        ({"failed": True, "msg": "no interpreter"}, "not_run", "no interpreter"),
        ({"skipped": True}, "not_run", "it was skipped"),
        ({"failed": True, "timedout": {"period": 60}, "msg": "Timed out"}, "failed", "did not end in time"),
        ({"unreachable": True, "msg": "refused"}, "not_run", "host node2 of node pve2 can't be reached: refused"),
    ],
)
def test_what_an_answer_is_worth(answer: dict[str, Any], verdict: str, told: str) -> None:
    found = answered(answer)
    assert (found["vmid"], found["check"], found["verdict"]) == (101, "orders", verdict)
    assert told in found["reason"]
    assert bool(found["evidence"]) is ("rc" in answer and verdict != "not_run")


@pytest.mark.parametrize(("printed", "verdict"), [("abc-101", "passed"), ("abc-102", "failed"), ("abc-101 ", "failed")])
def test_the_nonce_is_printed_to_the_letter(printed: str, verdict: str) -> None:
    assert answered({"rc": 0, "stdout": printed}, number=0)["verdict"] == verdict


def test_containers_on_a_node_without_a_host_are_not_run() -> None:
    commands = drill_commands([started(), started(102)], [], {}, "abc")
    assert [(one["verdict"], one["reason"]) for one in drill_command_verdicts(commands, [])] == [
        ("not_run", "restore_drill_node_hosts has no inventory host for node pve2")
    ] * 2


def test_an_answer_for_each_command() -> None:
    commands = drill_commands([started()], [ORDERS], HOSTS, "abc")
    with pytest.raises(AnsibleFilterError, match="2 commands were to run, and 1 did"):
        drill_command_verdicts(commands, [{"rc": 0}])


def test_their_names() -> None:
    assert commands_file.FilterModule().filters() == {"drill_commands": drill_commands}
    assert verdicts_file.FilterModule().filters() == {"drill_command_verdicts": drill_command_verdicts}
