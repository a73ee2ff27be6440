# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: restore_table
short_description: Restores as lines of an aligned table
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the RV(lifeboat.backup.proxmox_restore#module:restores) of M(lifeboat.backup.proxmox_restore) into lines for
    the screen, a log or a mail. The last column has the backup, and below it the whole reason, the steps of check mode
    and the safety backup.
positional: []
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Restore what is not there of two guests
  lifeboat.backup.proxmox_restore:
    vmids: [101, 300]
    if_exists: skip
  register: restored

- name: Say what became of each
  ansible.builtin.debug:
    msg: "{{ restored.restores | lifeboat.backup.restore_table }}"
"""

RETURN = r"""
_value:
  description: The lines, the first with the names of the columns. A row has several where it has more to say.
  type: list
  elements: str
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import aligned, cell

HEADINGS = ("GUEST", "NAME", "NODE", "RESULT", "AGE", "SECONDS", "BACKUP AND REASON")
WIDEST = 90
"""Characters of a line of the last column. Nothing is cut off: a reason ends with which guest stands."""


def restore_table(rows: Iterable[Mapping[str, Any]] | str) -> list[str]:
    """Lines of a table.

    :raises AnsibleFilterError: when the input is not such a list.
    """
    if isinstance(rows, (str, Mapping)):
        raise AnsibleFilterError("restore_table: give it the restores of proxmox_restore, a list.")
    try:
        table = [HEADINGS, *(line for row in rows for line in _lines(row))]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"restore_table: a row is not one of proxmox_restore ({error}).") from error
    return aligned(table)


def _lines(row: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The row's own line, and one for each further line of its last cell."""
    guest, name, backup = _who(row)
    age = (row["restored_from"] or {}).get("age")
    first = (
        guest,
        name,
        cell(row["node"] or "-"),
        cell(row["result"]),
        "-" if age is None else format_duration(age),
        f"{row['duration']:.1f}",
    )
    last = [line for text in (backup, _reason(row), _safety(row)) for line in _wrapped(text)] or ["-"]
    yield (*first, last[0])
    for line in last[1:]:
        yield (*[""] * len(first), line)


def _who(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Id, name and backup. Of what was refused before they were known there is only what the task named."""
    if row["vmid"] is not None:
        return cell(row["vmid"]), cell(row["name"] or "-"), cell(row["volid"] or "")
    source = cell(row["source"])
    if source.isdigit():
        return source, "-", ""
    return ("-", "-", source) if ":" in source else ("-", source, "")


def _reason(row: Mapping[str, Any]) -> str:
    told = [cell(row["reason"])]
    if row["result"] == "restored" and row["started"]:
        told.append("it runs")
    if row["result"] == "would_restore":
        told.append(f"steps: {', '.join(cell(step['step']) for step in row['steps'])}")
    return "; ".join(text for text in told if text)


def _safety(row: Mapping[str, Any]) -> str:
    """Where the guest is that was replaced, unless the reason has it already."""
    volid = row["safety_backup"]
    return f"the guest as it was: {cell(volid)}" if volid and volid not in row["reason"] else ""


def _wrapped(text: str) -> list[str]:
    # Names of backups stay whole, so that they can be copied
    return textwrap.wrap(text, WIDEST, break_on_hyphens=False, break_long_words=False)


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"restore_table": restore_table}
