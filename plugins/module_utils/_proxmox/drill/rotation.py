# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose turn it is: a few guests a run, so that each is drilled within some days. Private to this collection.

Runs are meant to be nightly. A guest waits for no longer than there are others before it: in as many nights as it takes
to attempt all the guests that were there meanwhile, it is attempted, whatever becomes of the drills.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import History

_NUMBER = re.compile(r"^[0-9]{1,9}$")


def per_run(count: int, within_days: int, wanted: str) -> int:
    """How many of ``count`` guests a run attempts: ``all``, a number, or ``auto``.

    ``auto`` are so many that with one run a day each has its turn within ``within_days``.

    :raises InputError: for anything else, and for fewer than one day.
    """
    text = wanted.strip().lower()
    if within_days < 1:
        raise InputError(f"within_days: it is at least 1, not {within_days}.")
    if text == "all":
        return count
    if text == "auto":
        return -(-count // within_days)
    if not _NUMBER.match(text) or int(text) < 1:
        raise InputError(f"per_run: '{wanted}' is no number of guests; write auto, all, or a whole number from 1 on.")
    return int(text)


def order(guests: Iterable[Guest], history: History) -> list[Guest]:
    """The guests, those whose turn it is first: never attempted, then the longest ago; by id where these are the same.

    An attempt counts whatever came of it. If only completed drills did, a guest that can never be drilled would be the
    first of each night, and the others would wait for ever.
    """

    def turn(guest: Guest) -> tuple[int, int, int]:
        known = history.guests.get((guest.vmid, guest.type))
        if known is None:
            return (0, 0, guest.vmid)
        # A date that can't be right must not put a guest off until that date
        return (2, known.last_attempt, guest.vmid) if known.trusted else (1, 0, guest.vmid)

    return sorted(guests, key=turn)


def overdue(guests: Sequence[Guest], history: History, within_days: int, now: float) -> list[Guest]:
    """Those whose last completed drill is longer ago than ``within_days``, by id.

    Also those without one, once the first record of the cluster is as old. ``now`` is in epoch seconds.
    """
    late = []
    for guest in guests:
        due = history.due(guest.vmid, guest.type, within_days)
        if due is not None and due < now:
            late.append(guest)
    return sorted(late, key=lambda guest: guest.vmid)
