# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""See DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drill_history
short_description: What the record of drills says of each guest
version_added: 0.1.0
author:
  - the Lifeboat authors (@lifeboat)
description:
  - Turns the record file of M(lifeboat.backup.proxmox_drill) into a row for each guest that a drill was ever attempted
    of, with the last verdict and when the next drill is due. Clusters are kept apart.
  - Lines that are no records are left out, and so are records without a guest, a time or a known verdict.
  - A guest that is gone keeps its row, because the file does not tell that it is gone.
positional: []
options:
  _input:
    description: The text of the file, or the records as a list of dictionaries.
    type: raw
    required: true
  within_days:
    description: Within how many days each guest has to be drilled, at least V(1).
    type: int
    default: 30
  now:
    description: The time to judge by in epoch seconds. Without it, the controller's.
    type: int
"""

EXAMPLES = r"""
- name: Name the guests whose last drill is too old
  ansible.builtin.debug:
    msg: >-
      {{ lookup('ansible.builtin.file', '/var/lib/lifeboat/drills.jsonl')
         | lifeboat.backup.drill_history(within_days=14)
         | selectattr('overdue') | map(attribute='vmid') }}
"""

RETURN = r"""
_value:
  description: The rows, by cluster and id.
  type: list
  elements: dict
  contains:
    vmid:
      description: The guest's id.
      type: int
    name:
      description: Its name as it was last recorded. Null when none was.
      type: str
    type:
      description: The kind of guest, V(lxc) or V(qemu).
      type: str
    cluster:
      description: The cluster as the records name it.
      type: str
    last_verdict:
      description: What became of the last drill. One of V(passed), V(failed), V(not_run), V(interrupted).
      type: str
    reason:
      description: Why.
      type: str
    last_at:
      description: When it began, in epoch seconds. A time in the future counts as now.
      type: int
    last_passed:
      description: When the last drill that passed began, in epoch seconds. Null when none did.
      type: int
    last_rto:
      description: Seconds of restore and boot, when they were last measured. Null when they never were.
      type: float
    due:
      description:
        - When the next drill has to be completed, in epoch seconds. That is O(within_days) after the last one that
          passed or failed, or after the first record of the cluster when none of the guest did.
      type: int
    overdue:
      description: Whether that time is over.
      type: bool
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import history
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import is_record, parsed

LONGEST = 36500
"""Days that can be meant."""


def drill_history(
    records: str | Iterable[Mapping[str, Any]], within_days: int = 30, now: float | None = None
) -> list[dict[str, Any]]:
    """A row for each guest.

    :raises AnsibleFilterError: when the input is neither text nor a list, or a number can't be meant.
    """
    if isinstance(within_days, bool) or not isinstance(within_days, int) or not 1 <= within_days <= LONGEST:
        raise AnsibleFilterError(f"drill_history: within_days is a whole number from 1 to {LONGEST}.")
    moment = _moment(now)
    clusters: dict[str, list[Mapping[str, Any]]] = {}
    for record in _records(records):
        clusters.setdefault(str(record.get("cluster") or ""), []).append(record)
    return [row for cluster in sorted(clusters) for row in _rows(cluster, clusters[cluster], within_days, moment)]


def _moment(now: float | None) -> float:
    if now is None:
        return time.time()
    if isinstance(now, bool) or not isinstance(now, (int, float)) or not math.isfinite(now):
        raise AnsibleFilterError("drill_history: now is a time in epoch seconds.")
    return now


def _records(given: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(given, str):
        found: Iterable[Any] = map(parsed, given.split("\n"))
    elif isinstance(given, Iterable) and not isinstance(given, (Mapping, bytes)):
        found = given
    else:
        raise AnsibleFilterError("drill_history: give it the text of a record file, or a list of records.")
    return (record for record in found if is_record(record))


def _rows(cluster: str, records: Iterable[Mapping[str, Any]], within_days: int, now: float) -> Iterator[dict[str, Any]]:
    known = history(records, now)
    for (vmid, kind), guest in known.guests.items():
        due = known.due(vmid, kind, within_days)
        yield {
            "vmid": int(vmid),
            "name": guest.name,
            "type": kind,
            "cluster": cluster,
            "last_verdict": guest.last_verdict,
            "reason": guest.reason,
            "last_at": guest.last_attempt,
            "last_passed": guest.last_passed,
            "last_rto": guest.last_rto,
            "due": due,
            "overdue": due is not None and due < now,
        }


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {"drill_history": drill_history}
