# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups are to be removed, which stay, and why. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Copy, Keep, Mark, marks
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, Listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import counts
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes

PROTECTED = "it is protected"

Owners = Mapping[int, "str | None"]
"""Whose backups are meant: guests by id, with their type; None where the guest is gone and the type doesn't matter."""


@dataclass(frozen=True)
class Fate:
    """What is to happen to a backup, and why (``reason``, put into words when it is read)."""

    backup: Backup
    reason: str | Mark

    @property
    def why(self) -> str:
        """The reason in words."""
        return str(self.reason)


@dataclass(frozen=True)
class RemovalPlan:
    """What goes and what stays. ``absent`` are the volids that were to go and are not there."""

    removals: tuple[Fate, ...] = ()
    kept: tuple[Fate, ...] = ()
    absent: tuple[str, ...] = ()

    @classmethod
    def of_places(cls, plans: Iterable[RemovalPlan]) -> RemovalPlan:
        """One plan for several places, which have no backup in common."""
        parts = list(plans)
        return cls(
            tuple(fate for part in parts for fate in part.removals),
            tuple(fate for part in parts for fate in part.kept),
            tuple(volid for part in parts for volid in part.absent),
        )

    def and_then(self, later: RemovalPlan) -> RemovalPlan:
        """Both together; what this one removes, the ``later`` one hasn't seen any more."""
        if self == RemovalPlan():
            return later
        gone = {fate.backup.key for fate in self.removals}
        kept = {fate.backup.key: fate for plan in (self, later) for fate in plan.kept}
        for fate in later.removals:
            kept.pop(fate.backup.key, None)
        removals = (*self.removals, *(fate for fate in later.removals if fate.backup.key not in gone))
        return RemovalPlan(removals, tuple(kept.values()), (*self.absent, *later.absent))


@dataclass(frozen=True)
class Retention:
    """What a retention needs beside the backups: the rules, and each node's clock on the wall and in epoch seconds."""

    keep: Keep
    times: LocalTimes
    now: Callable[[str], float]
    spare_newest_good: bool = True
    new_is_protected: bool = False

    def apply(self, backups: Iterable[Backup], owners: Owners, planned: Collection[int] = ()) -> RemovalPlan:
        """The fate of the owners' ``backups``, which lie in one place. ``planned`` are owners about to get another."""
        removals: list[Fate] = []
        kept: list[Fate] = []
        beyond = f"not kept by {self.keep}"
        for (vmid, kind), group in _groups(backups, owners).items():
            now = self.now(group[0].node)
            copies = [self._copy(backup, now) for backup in group]
            if vmid in planned and kind == owners[vmid]:
                copies.append(self._next(group[0].node, copies))
            for backup, mark in zip(group, marks(copies, self.keep, self.spare_newest_good)):
                if mark.keep:
                    kept.append(Fate(backup, mark))
                else:
                    removals.append(Fate(backup, beyond))
        return RemovalPlan(tuple(removals), tuple(kept))

    def _next(self, node: str, copies: Sequence[Copy]) -> Copy:
        """The backup that is about to be made: never in the second of another one, which it would overwrite."""
        now = int(self.now(node))
        newest = max((copy.ctime for copy in copies if copy.ctime <= now), default=0)
        when = max(now, newest + 1)
        return Copy(when, self.times.at(when, node), True, PROTECTED if self.new_is_protected else None)

    def _copy(self, backup: Backup, now: float) -> Copy:
        named = backup.local_time
        local = named or self.times.at(backup.ctime, backup.node)
        by_proxmox = named is not None or backup.named_by_proxmox
        good = by_proxmox and backup.ctime > 0 and counts(backup, now)
        return Copy(backup.ctime, local, good, _untouchable(backup, by_proxmox))


def _groups(backups: Iterable[Backup], owners: Owners) -> dict[tuple[int, str | None], list[Backup]]:
    """The owners' backups, each guest for itself. A former guest of the other type with the same id is another one."""
    groups: dict[tuple[int, str | None], list[Backup]] = {}
    for backup in backups:
        if backup.vmid is None or backup.vmid not in owners:
            continue
        kind = owners[backup.vmid]
        if kind is None or backup.guest_type in (None, kind):
            key = (backup.vmid, backup.guest_type if kind is None else kind)
            group = groups.get(key)
            if group is None:
                groups[key] = [backup]
            else:
                group.append(backup)
    return groups


def _untouchable(backup: Backup, named_by_proxmox: bool) -> str | None:
    if backup.protected:
        return PROTECTED
    if not named_by_proxmox:
        return "it is renamed"
    if backup.ctime <= 0:
        return "when it was made is not known"
    return None if backup.finished else "it is not finished"


def plan_older(
    listings: Iterable[Listing], owners: Owners, older_than: int, now: Callable[[str], float], unprotect: bool
) -> RemovalPlan:
    """Remove the owners' backups that are older than ``older_than`` seconds.

    Renamed and unfinished ones, and those whose time isn't known, are left alone; they can be named.

    :raises InputError: when one of them is protected and ``unprotect`` isn't said.
    """
    removals: list[Fate] = []
    kept: list[Fate] = []
    for listing in listings:
        for group in _groups(listing.backups, owners).values():
            for backup in group:
                age = max(0, int(now(backup.node)) - backup.ctime)
                old = f"{format_duration(age)} old"
                left_alone = None if backup.protected else _untouchable(backup, backup.named_by_proxmox)
                if left_alone is not None:
                    kept.append(Fate(backup, left_alone))
                elif age > older_than:
                    removals.append(Fate(backup, f"{old}, older than {format_duration(older_than)}"))
                else:
                    kept.append(Fate(backup, f"{old}, not older than {format_duration(older_than)}"))
    _refuse_protected(removals, unprotect)
    return RemovalPlan(tuple(removals), tuple(kept))


def plan_named(listings: Sequence[Listing], volids: Sequence[str], unprotect: bool) -> RemovalPlan:
    """Remove the backups with these names, on every node that lists them.

    :raises InputError: when one of them is protected and ``unprotect`` isn't said.
    """
    wanted = set(volids)
    removals = [
        Fate(backup, "it is named") for listing in listings for backup in listing.backups if backup.volid in wanted
    ]
    _refuse_protected(removals, unprotect)
    found = {fate.backup.volid for fate in removals}
    return RemovalPlan(tuple(removals), (), tuple(sorted(wanted - found)))


def _refuse_protected(removals: Sequence[Fate], unprotect: bool) -> None:
    protected = sorted({fate.backup.volid for fate in removals if fate.backup.protected})
    if protected and not unprotect:
        raise InputError(
            f"Protected against removal: {listed(protected)}. Set unprotect to true to remove what is protected, too. "
            "Nothing was removed."
        )
