# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_table
short_description: Drills as lines of an aligned table
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the result of M(lifeboat.backup.proxmox_drill) into lines for the screen, a log or a mail. Each drill has its
    verdict, the age of the backup, and how long restore, boot and checks took. Below its reason are the checks that
    did not pass, and the scratch guest when it was not removed.
  - Guests without a good backup follow, and what was left of earlier runs. A name that is too long for a line ends with
    C(...).
positional: []
options:
  _input:
    description: The whole result of the task.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Drill the backups of two guests
  lifeboat.backup.proxmox_drill:
    vmids: [101, 300]
    scratch_range: 900000-900099
    running_for: 5s
  register: drilled

- name: Say what came of it
  ansible.builtin.debug:
    msg: "{{ drilled | lifeboat.backup.drill_table }}"
"""

RETURN = r"""
_value:
  description: The lines. Each of the up to three tables begins with the names of its columns.
  type: list
  elements: str
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import aligned, cell, shortened

DRILLS = ("GUEST", "NAME", "VERDICT", "BACKUP AGE", "RESTORE", "BOOT", "CHECKS", "REASON")
FINDINGS = ("GUEST", "NAME", "NODE", "FINDING", "REASON")
LEFTOVERS = ("SCRATCH GUEST", "NODE", "OF RUN", "RESULT", "REASON")
WIDEST = 90
"""Characters of a line of the last column; nothing of it is cut off."""
WIDEST_NAME = 32
"""Characters of any other column."""


def drill_table(result: Mapping[str, Any]) -> list[str]:
    """Lines of the tables.

    :raises AnsibleFilterError: when the input is not such a result.
    """
    if not isinstance(result, Mapping) or "drills" not in result:
        raise AnsibleFilterError("drill_table: give it the whole result of proxmox_drill.")
    try:
        lines = _table(DRILLS, map(_drill, result["drills"]))
        for headings, rows in (
            (FINDINGS, [_finding(one) for one in result.get("findings") or ()]),
            (LEFTOVERS, [_leftover(one) for one in result.get("leftovers") or ()]),
        ):
            lines += ["", *_table(headings, rows)] if rows else []
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise AnsibleFilterError(f"drill_table: a row is not one of proxmox_drill ({cell(error)}).") from error
    return lines


def _table(headings: Sequence[str], rows: Iterable[tuple[Sequence[object], Sequence[str]]]) -> list[str]:
    """Each row with the texts of its last cell below each other."""
    table: list[Sequence[str]] = [headings]
    for first, told in rows:
        cells = [_shortened(one) for one in first]
        lines = [line for text in told for line in textwrap.wrap(cell(text), WIDEST, break_on_hyphens=False)] or ["-"]
        table.append((*cells, lines[0]))
        table.extend((*[""] * len(cells), line) for line in lines[1:])
    return aligned(table)


def _shortened(value: object) -> str:
    return shortened(cell("" if value is None else value) or "-", WIDEST_NAME)


def _drill(row: Mapping[str, Any]) -> tuple[Sequence[object], Sequence[str]]:
    seconds = row["seconds"]
    # How far a drill has come matters only while it is not over
    verdict = f"{row['verdict']} ({row['phase']})" if row["verdict"] == "pending" else row["verdict"]
    return (
        (
            row["guest"]["vmid"],
            row["guest"]["name"],
            verdict,
            None if row["rpo"] is None else format_duration(row["rpo"]),
            *(_seconds(seconds[part]) for part in ("restore", "boot", "checks")),
        ),
        [row["reason"], *_remarks(row)],
    )


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} s"


def _remarks(row: Mapping[str, Any]) -> Iterator[str]:
    """What the reason doesn't say already."""
    for check in row["checks"]:
        if check["verdict"] != "passed" and (not check["reason"] or check["reason"] not in row["reason"]):
            yield f"{check['check']}: {check['verdict']}, {check['reason'] or 'without a reason'}"
    cleanup = row["cleanup"]
    if row["verdict"] != "pending" and cleanup and not cleanup["done"]:
        yield f"{_scratch(row['target'])} is left: {cleanup['reason'] or 'without a reason'}"


def _scratch(target: Mapping[str, Any] | None) -> str:
    if not target or target["vmid"] is None:
        return "something of it"
    return f"the scratch guest {target['vmid']} on {target['node']}"


def _finding(one: Mapping[str, Any]) -> tuple[Sequence[object], Sequence[str]]:
    return (one["vmid"], one["name"], one["node"], one["finding"]), [one["reason"]]


def _leftover(one: Mapping[str, Any]) -> tuple[Sequence[object], Sequence[str]]:
    return (one["vmid"], one["node"], one["run"], one["result"]), [one["reason"]]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"drill_table": drill_table}
