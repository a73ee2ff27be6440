# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_joined
short_description: The tasks that made up one run of drills as one result
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - A drill with checks of your own takes several tasks of M(lifeboat.backup.proxmox_drill), from
    O(lifeboat.backup.proxmox_drill#module:state=started) to V(cleaned), and each result tells of the drills that were
    open then. This filter puts them together into what one task with V(complete) would have returned.
positional: fail_on
options:
  _input:
    description: The results, in the order of the tasks. Those of tasks that were skipped are left out.
    type: list
    elements: dict
    required: true
  fail_on:
    description: As O(lifeboat.backup.proxmox_drill#module:fail_on).
    type: list
    elements: str
    default: [failed, no_good_backup]
"""

EXAMPLES = r"""
- name: Start a copy
  lifeboat.backup.proxmox_drill:
    state: started
    vmids: [101]
    scratch_range: 900000-900099
  register: begun

- name: Clean up
  lifeboat.backup.proxmox_drill:
    state: cleaned
    run: "{{ begun.run }}"
    scratch_range: 900000-900099
  register: ended

- name: Say what came of it
  ansible.builtin.debug:
    msg: "{{ [begun, ended] | lifeboat.backup.drill_joined | lifeboat.backup.drill_table }}"
"""

RETURN = r"""
_value:
  description:
    - A result as M(lifeboat.backup.proxmox_drill) has it, with C(failed). Where no task has got as far as to look at
      the cluster, it has C(failed) and C(msg) only.
  type: dict
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.report import (
    FAIL_ON,
    failures,
    message,
    summary,
)

_OWN = ("exception", "invocation", "ansible_facts", "skipped", "skip_reason", "false_condition")
"""What Ansible adds to a result."""


def drill_joined(results: Sequence[Mapping[str, Any]], fail_on: Sequence[str] = FAIL_ON) -> dict[str, Any]:
    """One result for all.

    :raises AnsibleFilterError: when there is none, or one that is not of such a task.
    """
    made = [one for one in results if not one.get("skipped")]
    looked = [one for one in made if "drills" in one]
    if not made:
        raise AnsibleFilterError("drill_joined: give it the results of the tasks of proxmox_drill.")
    if not looked:
        return {"changed": False, "failed": True, "msg": str(made[-1].get("msg") or "")}
    try:
        return _joined(made, looked, fail_on)
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(f"drill_joined: a result is not one of proxmox_drill ({error}).") from error


def _joined(
    made: Sequence[Mapping[str, Any]], looked: Sequence[Mapping[str, Any]], fail_on: Sequence[str]
) -> dict[str, Any]:
    rows: dict[tuple[Any, Any], Mapping[str, Any]] = {}
    for row in (row for one in looked for row in one["drills"]):
        rows[row["run"], row["guest"]["vmid"]] = row  # what is told last of a drill is how it stands
    values: dict[str, Any] = {
        # which guests were selected, and what was left over, the first one has seen
        **{key: value for key, value in looked[0].items() if key not in _OWN},
        "changed": any(one.get("changed") for one in made),
        "drills": [dict(rows[key]) for key in sorted(rows, key=lambda key: (key[1], key[0]))],
        "rotation": _rotation(looked[0]["rotation"], rows.values()),
        "warnings": list(dict.fromkeys(text for one in made for text in one.get("warnings") or ())),
    }
    values["summary"] = summary(values["drills"], values["findings"])
    said = failures(values, fail_on)
    said += [_told(one) for one in made if one.get("failed") and not ("drills" in one and failures(one, ()))]
    values["failed"] = bool(said)
    values["msg"] = message(values, list(dict.fromkeys(said)))
    return values


def _rotation(first: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Whoever was drilled since is not overdue any more."""
    drilled = {row["guest"]["vmid"] for row in rows if row["verdict"] in ("passed", "failed")}
    return {**first, "overdue": [vmid for vmid in first["overdue"] if vmid not in drilled]}


def _told(one: Mapping[str, Any]) -> str:
    """Why a task failed that its drills don't tell: the cluster was away, a record could not be written."""
    return str(one.get("msg") or "").rstrip(".")


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"drill_joined": drill_joined}
