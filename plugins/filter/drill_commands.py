# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_commands
short_description: Commands that a node is to run in started containers of a drill
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the drills of a task of M(lifeboat.backup.proxmox_drill) that has started copies into the commands
    (C(pct exec)) that its containers are to be asked. The role P(lifeboat.backup.restore_drill#role) runs them.
  - Each container is also asked to print a nonce. VMs, templates and copies that did not come up are left out.
positional: commands, hosts, nonce
options:
  _input:
    description: The C(drills) of the task's result.
    type: list
    elements: dict
    required: true
  commands:
    description:
      - The commands, each with C(check) (its name), C(argv), and if wanted C(expect) (a regular expression that is
        searched in what it prints; C(^) and C($) match at each line), and C(vmid) or C(name) of the drilled guest that
        it is for.
    type: list
    elements: dict
    required: true
  hosts:
    description: The inventory host of each node, by the node's name.
    type: dict
    required: true
  nonce:
    description: What nobody else would print.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Tell what the containers of a drill would be asked
  ansible.builtin.debug:
    msg: "{{ [] | lifeboat.backup.drill_commands(commands, {'pve1': 'pve1.example.com'}, 'a1b2c3d4') }}"
  vars:
    commands:
      - check: the shop has orders
        argv: [cat, /srv/shop/orders.csv]
        expect: '^order,'
        name: shop
"""

RETURN = r"""
_value:
  description:
    - One entry for each command and container, with C(vmid) (the drilled guest), C(check), C(argv), C(expect),
      C(prints) (what it has to print to the letter), C(node), and C(host), which is empty where no host is named for
      the node.
  type: list
  elements: dict
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

INSIDE = "command inside"
"""The check that a container prints the nonce."""
_KNOWN = {"check", "argv", "expect", "vmid", "name"}


def drill_commands(
    drills: Sequence[Mapping[str, Any]],
    commands: Sequence[Mapping[str, Any]],
    hosts: Mapping[str, str],
    nonce: str,
) -> list[dict[str, Any]]:
    """What to run where.

    :raises AnsibleFilterError: when a command can't be meant.
    """
    for number, command in enumerate(commands, start=1):
        _refuse(command, f"restore_drill_container_commands, entry {number}")
    if not isinstance(hosts, Mapping):
        raise AnsibleFilterError(
            "restore_drill_node_hosts: it has the inventory host of each node, by the node's name."
        )
    try:
        return [one for row in drills if _asked(row) for one in _of_container(row, commands, hosts, nonce)]
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"drill_commands: a row is not one of proxmox_drill ({error}).") from error


def _asked(row: Mapping[str, Any]) -> bool:
    return (row["guest"]["type"], row["verdict"], row["phase"]) == ("lxc", "pending", "started")


def _of_container(
    row: Mapping[str, Any], commands: Sequence[Mapping[str, Any]], hosts: Mapping[str, str], nonce: str
) -> list[dict[str, Any]]:
    guest, target = row["guest"], row["target"]
    own = f"{nonce}-{guest['vmid']}"
    wanted: list[Mapping[str, Any]] = [{"check": INSIDE, "argv": ["echo", own], "prints": own}]
    wanted += [one for one in commands if one.get("vmid") in (None, guest["vmid"])]
    return [
        {
            "vmid": guest["vmid"],
            "check": one["check"],
            "argv": ["pct", "exec", str(target["vmid"]), "--", *map(str, one["argv"])],
            "expect": one.get("expect"),
            "prints": one.get("prints"),
            "node": target["node"],
            "host": str(hosts.get(target["node"]) or ""),
        }
        for one in wanted
        if one.get("name") in (None, guest["name"])
    ]


def _refuse(command: Mapping[str, Any], what: str) -> None:
    """Say what is wrong with a command, before anything is run."""
    if not isinstance(command, Mapping) or not command.get("check") or set(command) - _KNOWN:
        raise AnsibleFilterError(f"{what}: it has check and argv, and if wanted expect, and vmid or name.")
    argv = command.get("argv")
    if isinstance(argv, (str, bytes)) or not isinstance(argv, Sequence) or not argv:
        raise AnsibleFilterError(f"{what}: argv is a list, the program and its arguments.")
    if command.get("vmid") is not None and not isinstance(command["vmid"], int):
        raise AnsibleFilterError(f"{what}: vmid is a number.")
    try:
        re.compile(command.get("expect") or "")
    except (re.error, TypeError) as error:
        raise AnsibleFilterError(f"{what}: expect is no regular expression ({error}).") from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"drill_commands": drill_commands}
