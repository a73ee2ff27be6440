# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the copies hold what the device is known to have. Pure. Private to this collection."""

from __future__ import annotations

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case, lately
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Data

NO_COPY = "the device's newest data has no copy"


def overdue(case: Case, evidence: Evidence) -> str | None:
    """What should have been copied long ago, whatever else was copied since; None for nothing."""
    without = case.overdue
    if without and not evidence.unreadable:
        if len(case.data) == 1 or case.newest_data in without:
            return NO_COPY
        return f"{len(without)} of {len(case.data)} databases of the device have no copy"
    data, found, check = case.newest_data, evidence.found, evidence.check
    if data is None or found is None:
        return None
    if check is not None and check.lacks and not lately(data, case.now, case.max_age):
        return f"the copy {check.lacks}"
    if not found.there:  # its name may be, without content
        return None if evidence.unreadable or lately(data, case.now, case.max_age) else NO_COPY
    age = case.now - found.changed
    if not data.growing or age <= case.max_age:
        return None
    return f"the device is writing, and the copy of that is {format_duration(age)} old, wanted {_limit(case)}"


def shortfall(case: Case, evidence: Evidence) -> str | None:
    """What the copies lack of what the device is known to have; None for nothing that is known."""
    found = overdue(case, evidence)
    data = case.newest_data
    if found or data is None or data.growing:
        return found
    return _behind(data, evidence)


def doubt(case: Case, evidence: Evidence) -> str | None:
    """Why the copies are not shown to hold all that the device has; None where they are shown to."""
    if case.told_none:
        return None
    data = case.newest_data
    if data is None and case.data:
        return None  # what there is began lately, and needs no copy yet
    if data is None or not all(one.newest for one in case.data):
        return "it is not known whether the device has newer data" if case.asked else ""
    if data.growing:
        return "the device is writing"
    behind = _behind(data, evidence)
    if behind:
        return behind
    counted = evidence.check is not None and evidence.check.complete
    if evidence.found is not None and not data.size and not counted:
        return "it is not known whether the copy is complete"
    return None


def _behind(data: Data, evidence: Evidence) -> str | None:
    """In what the copy of data that doesn't grow any more is behind it."""
    found = evidence.found
    if found is not None and not found.there:
        return NO_COPY
    changed = found.changed if found is not None else evidence.newest
    if changed is None or changed < data.newest:
        return "the device has newer data"
    if found is not None and found.size < data.size:
        return f"the copy of the newest data has {found.size} of {data.size} bytes"
    if evidence.check is not None and (evidence.check.lacks or evidence.check.short):
        return f"the copy {evidence.check.lacks or evidence.check.short}"
    return None


def _limit(case: Case) -> str:
    return format_duration(case.max_age)
