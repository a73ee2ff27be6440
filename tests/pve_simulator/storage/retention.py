# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups a retention keeps: the algorithm of pve-storage, in its order of rules.

The rules run in a fixed order (last, hourly, daily, weekly, monthly, yearly) over one guest's backups, newest first.
A rule counts periods, not backups: of each period it keeps the newest that no earlier rule has decided about, it does
not count a period of which an earlier rule has kept a backup already, and it stops after its number of periods. What
it meets in a period it has just kept is marked for removal. ``last`` takes each second for a period, and so removes
one of two backups of the same second (recorded: 04_vzdump_ok).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import tzinfo

from pve_simulator.state import clock
from pve_simulator.storage.backups import Backup

KEEP = "keep"
REMOVE = "remove"
PROTECTED = "protected"
RENAMED = "renamed"


@dataclass
class Marked:
    """A backup and what a retention says of it."""

    backup: Backup
    mark: str | None = None


# a period by its name in local time; ``last`` takes each second for a period
_RULES = (
    ("keep-last", None),
    ("keep-hourly", "%Y-%m-%d %H"),
    ("keep-daily", "%Y-%m-%d"),
    ("keep-weekly", "%G-%V"),
    ("keep-monthly", "%Y-%m"),
    ("keep-yearly", "%Y"),
)


def mark(backups: Iterable[Backup], keep: dict[str, int], where: tzinfo) -> list[Marked]:
    """Mark the backups, each guest for itself, by the periods of a time zone; the order is that of the argument."""
    marked = [Marked(backup, _fixed(backup)) for backup in backups]
    groups: dict[tuple[str, int | None], list[Marked]] = {}
    for entry in marked:
        if entry.backup.name.standard:
            groups.setdefault((entry.backup.name.subtype, entry.backup.vmid), []).append(entry)
    for group in groups.values():
        _mark_guest(group, keep, where)
    return marked


def _fixed(backup: Backup) -> str | None:
    if backup.protected:
        return PROTECTED
    return None if backup.name.standard else RENAMED


def _mark_guest(group: list[Marked], keep: dict[str, int], where: tzinfo) -> None:
    rules = [(keep[name], _periods(pattern, where)) for name, pattern in _RULES if keep.get(name, 0) > 0]
    keep_everything = bool(keep.get("keep-all")) or not rules
    newest_first = sorted(group, key=lambda entry: entry.backup.ctime, reverse=True)
    if not keep_everything:
        for count, period in rules:
            _apply(newest_first, count, period)
    for entry in group:
        if entry.mark is None:
            entry.mark = KEEP if keep_everything else REMOVE


def _periods(pattern: str | None, where: tzinfo) -> Callable[[int], str]:
    if pattern is None:
        return str
    return lambda epoch: clock.local(epoch, where).strftime(pattern)


def _apply(newest_first: list[Marked], count: int, period: Callable[[int], str]) -> None:
    covered = {period(entry.backup.ctime) for entry in newest_first if entry.mark == KEEP}
    kept: set[str] = set()
    for entry in newest_first:
        name = period(entry.backup.ctime)
        if entry.mark is not None or name in covered:
            continue
        if name in kept:
            entry.mark = REMOVE
        elif len(kept) < count:
            kept.add(name)
            entry.mark = KEEP
        else:
            return
