# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: device_table
short_description: Rows of devices as lines of an aligned table
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the RV(lifeboat.backup.device_backup_status#module:devices) of M(lifeboat.backup.device_backup_status) into
    lines for the screen, a log or a mail. Those that need attention are on top, the worst first, then those without
    data, then those that are V(ok).
  - Each type that a device has anything of is a column, with the status and the age of the newest copy. Files and size
    are those of all types together. A reason that is too long for a line ends with C(...); the row has all of it.
positional: []
options:
  _input:
    description: The rows.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: See what of the fleet is really backed up
  lifeboat.backup.device_backup_status:
    node_url: http://localhost
    results_path: /ethoscope_data/results
    videos_path: /ethoscope_data/videos
  register: fleet

- name: Say it
  ansible.builtin.debug:
    msg: "{{ fleet.devices | lifeboat.backup.device_table }}"
"""

RETURN = r"""
_value:
  description: The lines, the first with the names of the columns.
  type: list
  elements: str
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import aligned, cell, shortened

ORDER = ("failed", "missing", "stale", "in_progress", "unknown", "no_data", "ok")
"""Of the lines: what a person has to look at comes first, and what is as it should be last."""
BEFORE = ("DEVICE", "ONLINE", "STATUS")
AFTER = ("FILES", "SIZE", "REASON")
"""The columns before and after those of the types."""
WIDEST = 100
"""Characters of the last column, so that a device stays on one line of a wide terminal."""
ONLINE = {True: "yes", False: "no", None: "-"}


def device_table(rows: Iterable[Mapping[str, Any]] | str) -> list[str]:
    """Lines of a table.

    :raises AnsibleFilterError: when the input is not such a list.
    """
    if isinstance(rows, (str, Mapping)):
        raise AnsibleFilterError("device_table: give it the devices of device_backup_status, a list.")
    try:
        devices = sorted(rows, key=lambda row: ORDER.index(row["status"]))
        types = _types(devices)
        names = Counter(row["name"] for row in devices)
        lines = [_cells(row, types, alone=names[row["name"]] == 1) for row in devices]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"device_table: a row is not one of device_backup_status ({error}).") from error
    return aligned([(*BEFORE, *(cell(kind).upper() or "-" for kind in types), *AFTER), *lines])


def _types(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The types that have a column, because some device has something of them, in the module's order."""
    used = {kind for row in rows for kind, one in row["types"].items() if one["status"] != "no_data"}
    return [kind for kind in dict.fromkeys(kind for row in rows for kind in row["types"]) if kind in used]


def _cells(row: Mapping[str, Any], types: Sequence[str], *, alone: bool) -> tuple[str, ...]:
    seen = [one for one in row["types"].values() if one["files"] is not None]
    return (
        _who(row, alone=alone),
        ONLINE[row["online"]],
        cell(row["status"]),
        *(_type(row["types"].get(kind)) for kind in types),
        str(sum(one["files"] for one in seen)) if seen else "-",
        format_size(sum(one["size"] for one in seen)) if seen else "-",
        shortened(cell(row["reason"]), WIDEST),
    )


def _who(row: Mapping[str, Any], *, alone: bool) -> str:
    """The name, and the id beside it where several devices have that name; the id where there is no name."""
    name, id_ = cell(row["name"] or ""), cell(row["id"]) or "-"
    if not name:
        return id_
    return name if alone else f"{name} ({id_})"


def _type(one: Mapping[str, Any] | None) -> str:
    """``ok 4 min``, ``stale 5 d``; the status alone where no copy has an age, ``-`` where there is nothing."""
    if one is None or one["status"] == "no_data":
        return "-"
    status = cell(one["status"])
    return status if one["age"] is None else f"{status} {format_duration(one['age'])}"


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"device_table": device_table}
