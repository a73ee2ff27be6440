# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: backup_table
short_description: Rows of guests as lines of an aligned table
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the RV(lifeboat.backup.proxmox_backup#module:guests) of M(lifeboat.backup.proxmox_backup) or the
    RV(lifeboat.backup.proxmox_backup_info#module:guests) of M(lifeboat.backup.proxmox_backup_info) into lines for the
    screen, a log or a mail.
positional: []
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: See which guests have no backup younger than a day
  lifeboat.backup.proxmox_backup_info:
    max_age: 24h
  register: coverage

- name: Say it
  ansible.builtin.debug:
    msg: "{{ coverage.guests | lifeboat.backup.backup_table }}"
"""

RETURN = r"""
_value:
  description: The lines, the first with the names of the columns.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import aligned, cell

HEADINGS = ("GUEST", "NAME", "TYPE", "NODE", "STATE", "AGE", "SIZE", "BACKUP OR REASON")
WIDEST = 90
"""Characters of the last column, so that a row stays on one line of a wide terminal."""


def backup_table(rows: Iterable[Mapping[str, Any]] | str) -> list[str]:
    """Lines of a table.

    :raises AnsibleFilterError: when the input is not such a list.
    """
    if isinstance(rows, (str, Mapping)):
        raise AnsibleFilterError("backup_table: give it the guests of proxmox_backup or proxmox_backup_info, a list.")
    try:
        table = [HEADINGS, *(_cells(row) for row in rows)]
    except (AttributeError, KeyError, TypeError) as error:
        raise AnsibleFilterError(
            f"backup_table: a row is not one of proxmox_backup or proxmox_backup_info ({error})."
        ) from error
    return aligned(table)


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    newest = row.get("newest") or {}
    state = row["result"] if "result" in row else row["state"]
    volid = row.get("volid") or newest.get("volid")
    size = newest.get("size") if newest else row["size"]
    settled = state in ("fresh", "backed_up", "waited_for")
    last = volid if settled and volid else row["reason"]
    return (
        str(row["vmid"]),
        cell(row["name"] or "-"),
        cell(row["type"] or "-"),
        cell(row["node"] or "-"),
        cell(state),
        "-" if row["age"] is None else format_duration(row["age"]),
        format_size(size) if size and settled else "-",
        cell(last)[:WIDEST],
    )


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"backup_table": backup_table}
