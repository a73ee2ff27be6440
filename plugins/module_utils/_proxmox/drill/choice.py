# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests are drilled, and from which backup. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import NOTHING, DrillWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import (
    counts,
    find_unreadable,
    own_backups,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import is_safety_backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import select

Choose = Callable[[Sequence[Backup]], Backup]
"""Takes one of several backups at random."""


@dataclass(frozen=True)
class Picked:
    """The backup to drill; else why there is none. ``hidden``: there may be one that can't be seen."""

    backup: Backup | None
    reason: str = ""
    hidden: bool = False


def candidates(wish: DrillWish, observation: Observation) -> list[Guest]:
    """The guests that are meant, by id; no scratch guest of any drill is one of them.

    :raises InputError: when no guest is meant: a drill of nobody proves nothing.
    """
    selected = select(wish.selection, observation.cluster)
    real = [one for one in selected.guests if not _is_copy(wish, one)]
    gone = [Guest(vmid, None, "", _type_of(vmid, observation)) for vmid in selected.unknown_vmids]
    if not real and not gone:
        raise InputError(f"The selection means no guest, so that nothing would be proven. {NOTHING}")
    return [*real, *gone]


def _type_of(vmid: int, observation: Observation) -> str:
    """What a guest that is gone was, by the newest of its backups."""
    return next((one.guest_type or "" for one in observation.backups if one.vmid == vmid), "")


def _is_copy(wish: DrillWish, guest: Guest) -> bool:
    """A copy of this plan by its id, or of another plan by the name that copies have."""
    named = re.match(r"^drill-\d+(?:-|$)", guest.name or "") is not None
    return wish.tag in guest.tags and (named or wish.low <= guest.vmid <= wish.high)


def pick(wish: DrillWish, observation: Observation, guest: Guest, backups: Sequence[Backup], choose: Choose) -> Picked:
    """The backup of a guest that is drilled: of all of its ``backups`` the newest good one, or any of the window."""
    listed_here = [one for one in backups if wish.storages is None or one.storage in wish.storages]
    own = [one for one in own_backups(guest, listed_here) if not is_safety_backup(one)]
    good = [one for one in own if counts(one, observation.now(one.node), wish.verified_only)]
    if not good:
        hidden = [one for one in find_unreadable(observation, [guest], wish.storages) if one.concerns(guest.vmid)]
        why = _why_none(own, wish)
        if hidden:
            return Picked(None, f"{why}, but not everything can be seen: {hidden[0].why.rstrip('.')}", hidden=True)
        return Picked(None, why)
    if wish.pick == "latest":
        return Picked(max(good, key=lambda one: one.ctime))
    young = [one for one in good if observation.now(one.node) - one.ctime <= wish.window]
    if not young:
        return Picked(None, f"none of its good backups is younger than {format_duration(wish.window)} (window)")
    return Picked(choose(young))


def _why_none(own: Sequence[Backup], wish: DrillWish) -> str:
    if not own:
        return "no backup of it is shown"
    newest = max(own, key=lambda one: one.ctime)
    flaw = newest.flaw(wish.verified_only) or "is dated in the future"
    return f"its only backup {flaw}" if len(own) == 1 else f"none of its {len(own)} backups is good; the newest {flaw}"
