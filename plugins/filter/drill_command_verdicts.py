# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_command_verdicts
short_description: Verdicts on containers of a drill, from what their commands printed
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the results of the commands of P(lifeboat.backup.drill_commands#filter) into the option
    O(lifeboat.backup.proxmox_drill#module:verdicts) of the task that goes on.
  - A command that ended with another exit status than 0, that printed something else, or that did not end, has failed.
    One that could not be asked for, because no host is named for its node or the host can't be reached, is not run.
positional: results
options:
  _input:
    description: The commands, as P(lifeboat.backup.drill_commands#filter) gives them.
    type: list
    elements: dict
    required: true
  results:
    description: The C(results) of a task with M(ansible.builtin.command) that loops over those that have a host.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Tell the verdicts on containers
  ansible.builtin.debug:
    msg: "{{ [] | lifeboat.backup.drill_command_verdicts([]) }}"
"""

RETURN = r"""
_value:
  description: An entry for each command, with C(vmid), C(check), C(verdict), C(reason) and C(evidence).
  type: list
  elements: dict
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

LONGEST = 1000
"""Characters of what a command printed that are kept."""
_NONZERO = "non-zero return code"
"""What ansible.builtin.command says of a command that it could run, and that ended with another status than 0."""


def drill_command_verdicts(
    asked: Sequence[Mapping[str, Any]], results: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The verdicts, in the order of the commands.

    :raises AnsibleFilterError: when there is not a result for each command.
    """
    run = [one for one in asked if one.get("host")]
    if len(run) != len(results):
        raise AnsibleFilterError(f"drill_command_verdicts: {len(run)} commands were to run, and {len(results)} did.")
    answers = iter(results)
    return [_verdict(one, *(_judged(one, next(answers)) if one.get("host") else _no_host(one))) for one in asked]


def _verdict(one: Mapping[str, Any], verdict: str, reason: str, evidence: str) -> dict[str, Any]:
    return {"vmid": one["vmid"], "check": one["check"], "verdict": verdict, "reason": reason, "evidence": evidence}


def _no_host(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return "not_run", f"restore_drill_node_hosts has no inventory host for node {one['node']}", ""


def _judged(one: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[str, str, str]:
    """Verdict, reason and evidence."""
    said, host = str(answer.get("msg") or ""), one["host"]
    if answer.get("unreachable"):
        return "not_run", f"host {host} of node {one['node']} can't be reached: {_short(said)}", ""
    if answer.get("timedout"):
        return "failed", "the command did not end in time", ""
    if answer.get("skipped") or "rc" not in answer or (answer["rc"] != 0 and said != _NONZERO):
        return "not_run", f"the command could not be run on host {host}: {_short(said) or 'it was skipped'}", ""
    printed = str(answer.get("stdout") or "")
    evidence = f"exit status {answer['rc']}, printed: {_short(printed)}"
    if answer["rc"] != 0:
        return "failed", f"exit status {answer['rc']}: {_short(str(answer.get('stderr') or printed))}", evidence
    if one.get("prints") is not None and printed != one["prints"]:
        return "failed", f"asked to print {one['prints']} it printed {_short(printed)!r}", evidence
    if one.get("expect") and not re.search(one["expect"], printed, re.MULTILINE):
        return "failed", f"what it printed has no match of {one['expect']}", evidence
    return "passed", "a command in it printed this drill's nonce" if one.get("prints") else "as expected", evidence


def _short(text: str) -> str:
    return " ".join(text[:LONGEST].split())


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"drill_command_verdicts": drill_command_verdicts}
