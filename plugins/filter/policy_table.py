# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: policy_table
short_description: A judged policy as lines of aligned tables
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the result of M(lifeboat.backup.backup_policy_info) into lines for the screen, a log or a mail. The figures
    come first, then each guest to which not all is kept, the findings, and the jobs to set.
  - A name that is too long for a line ends with C(...).
positional: []
options:
  _input:
    description: The whole result of the task.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Judge the cluster by a policy (connection from PROXMOX_HOST and the other environment variables)
  lifeboat.backup.backup_policy_info:
    policy:
      version: 1
      name: small
      tiers:
        all: {rpo: 24h, storage: vault, schedule: "02:30"}
      rules:
        - tier: all
  register: judged

- name: Show what came of it
  ansible.builtin.debug:
    msg: "{{ judged | lifeboat.backup.policy_table }}"
"""

RETURN = r"""
_value:
  description: The lines. Each of the up to three tables begins with the names of its columns.
  type: list
  elements: str
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import aligned, cell, shortened

GUESTS = ("GUEST", "NAME", "TIER", "STATUS", "REASON")
FINDINGS = ("SEVERITY", "FINDING", "TEXT")
JOBS = ("JOB", "TO DO", "WHY")
WIDEST = 90
"""Characters of a line of the last column; nothing of it is cut off."""
WIDEST_NAME = 48
"""Characters of any other column: the id of a job is 50 at most."""


def policy_table(result: Mapping[str, Any]) -> list[str]:
    """The lines.

    :raises AnsibleFilterError: when the input is not such a result.
    """
    if not isinstance(result, Mapping) or "summary" not in result or "guests" not in result:
        raise AnsibleFilterError("policy_table: give it the whole result of backup_policy_info.")
    try:
        lines = [_headline(result)]
        for headings, rows in (
            (GUESTS, [_guest(row) for row in result["guests"] if row["status"] != "met"]),
            (FINDINGS, [(one["severity"], one["kind"], one["text"]) for one in result["findings"]]),
            (JOBS, [(one["job"], one["action"], one["text"]) for one in result["drift"] if one["action"] != "none"]),
        ):
            lines += ["", *_table(headings, rows)] if rows else []
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"policy_table: a row is not one of backup_policy_info ({cell(error)}).") from error
    return lines


def _headline(result: Mapping[str, Any]) -> str:
    summary = result["summary"]
    words = ("not_met", "unknown", "exempt", "new")
    others = [f"{summary[word]} {word.replace('_', ' ')}" for word in words if summary[word]]
    figures = f"{result['policy']['name']}: {summary['compliance']} met"
    return cell(", ".join([figures, *others]))


def _guest(row: Mapping[str, Any]) -> Sequence[object]:
    until = f" (until {row['until']})" if row["status"] == "exempt" else ""
    return row["vmid"], row["name"], row["tier"], row["status"], f"{row['reason']}{until}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Each row with its last cell on as many lines as it takes."""
    table: list[Sequence[str]] = [headings]
    for row in rows:
        cells = [shortened(cell("" if one is None else one) or "-", WIDEST_NAME) for one in row[:-1]]
        lines = textwrap.wrap(cell(row[-1]), WIDEST, break_on_hyphens=False) or ["-"]
        table.append((*cells, lines[0]))
        table.extend((*[""] * len(cells), line) for line in lines[1:])
    return aligned(table)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"policy_table": policy_table}
