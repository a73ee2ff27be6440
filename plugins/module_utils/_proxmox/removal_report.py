# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was removed, what stays and what couldn't be removed, as results and in words. Pure.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed, one_line
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_message import summary
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import by_guest, counts, own_backups
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_row import guest_row
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_apply import RemovalOutcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Fate, RemovalPlan


@dataclass(frozen=True)
class Pruning:
    """A removal that was planned and, unless it is check mode (``outcome`` is None), carried out.

    ``taken`` is what the storages' own retention took during the run; ``known`` are the backups that were there before
    it (None means all).
    """

    plan: RemovalPlan = field(default_factory=RemovalPlan)
    outcome: RemovalOutcome | None = None
    warnings: tuple[str, ...] = ()
    taken: tuple[Fate, ...] = ()
    known: frozenset[tuple[str, str]] | None = None

    @property
    def removed(self) -> Sequence[Fate]:
        """What is gone; in check mode what would be."""
        return self.plan.removals if self.outcome is None else (*self.taken, *self.outcome.removed)

    @property
    def failed(self) -> Sequence[Fate]:
        """What should be gone and isn't, with the reason."""
        return () if self.outcome is None else self.outcome.failed

    @property
    def kept(self) -> Sequence[Fate]:
        """What stays, and why: all of it in check mode, else of the guests that lose something.

        A nightly run over a large cluster would otherwise tell of every backup that there is.
        """
        if self.outcome is None:
            return self.plan.kept
        losers = {fate.backup.vmid for fate in (*self.removed, *self.outcome.failed)}
        return [*(fate for fate in self.plan.kept if fate.backup.vmid in losers), *self.outcome.spared]

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that removed something, as the module returns them."""
        upids = {} if self.outcome is None else self.outcome.upids
        return [{"upid": upid.text, "node": upid.node, "exitstatus": status} for upid, status in upids.items()]

    def failure(self) -> str:
        """A sentence for each backup that couldn't be removed; empty when there is none."""
        if not self.failed:
            return ""
        by_cause: dict[str, list[str]] = {}
        for fate in self.failed:
            by_cause.setdefault(one_line(fate.why).rstrip("."), []).append(fate.backup.volid)
        causes = ". ".join(f"{listed(volids)}: {cause}" for cause, volids in by_cause.items())
        return f"{counted(len(self.failed), 'backup')} could not be removed. {causes}."

    def told(self) -> str:
        """What was removed, as a part of a sentence; empty when there is nothing to tell."""
        if not self.removed:
            return ""
        would = "would be " if self.outcome is None else ""
        size = format_size(sum(fate.backup.size for fate in self.removed))
        return f"{counted(len(self.removed), 'backup')} {would}removed ({size})"


def fate_rows(fates: Sequence[Fate]) -> list[dict[str, Any]]:
    """As the module returns them, by guest, oldest first."""
    ordered = sorted(fates, key=lambda fate: (fate.backup.vmid or 0, fate.backup.ctime, fate.backup.volid))
    return [removed_row(fate.backup, fate.why) for fate in ordered]


def removed_row(backup: Backup, why: str) -> dict[str, Any]:
    """A backup, and why it goes or stays."""
    return {
        "volid": backup.volid,
        "vmid": backup.vmid,
        "node": backup.node,
        "storage": backup.storage,
        "ctime": backup.ctime,
        "size": backup.size,
        "why": why,
    }


def diff_lines(pruning: Pruning, guests: Mapping[int, Guest]) -> tuple[list[str], list[str]]:
    """What lay there before and what stays, a line a backup, for the guests that lose something."""
    gone = {fate.backup.key for fate in pruning.removed}
    losers = {fate.backup.vmid for fate in pruning.removed}
    everything = [fate for fate in (*pruning.removed, *pruning.failed, *pruning.kept) if fate.backup.vmid in losers]
    everything.sort(key=lambda fate: (fate.backup.vmid or 0, -fate.backup.ctime, fate.backup.volid))
    before: list[str] = []
    after: list[str] = []
    for fate in everything:
        backup = fate.backup
        made = datetime.fromtimestamp(backup.ctime, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
        owner = guests[backup.vmid].label if backup.vmid is not None and backup.vmid in guests else str(backup.vmid)
        line = f"{owner}: {backup.volid}, made {made}, {format_size(backup.size)}: "
        if backup.key in gone:
            before.append(f"{line}goes, {fate.why}")
        else:
            stays = f"{line}stays, {fate.why}"
            if pruning.known is None or backup.key in pruning.known:
                before.append(stays)
            after.append(stays)
    return before, after


def diff_of(before: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Lines as Ansible shows differences."""
    return {"before": "".join(f"{line}\n" for line in before), "after": "".join(f"{line}\n" for line in after)}


def removal_result(
    guests: Sequence[Guest], hidden: Mapping[int, str], pruning: Pruning, observation: Observation, seconds: float
) -> dict[str, Any]:
    """The result of the states pruned and absent, with the keys of a backup run. ``hidden`` says who can't be seen."""
    rows = _guest_rows(guests, hidden, pruning, observation)
    before, after = diff_lines(pruning, {guest.vmid: guest for guest in guests})
    removed = fate_rows(pruning.removed)
    return {
        "changed": bool(removed) or (pruning.outcome is not None and bool(pruning.outcome.upids)),
        "guests": rows,
        "removed": removed,
        "not_removed": fate_rows(pruning.failed),
        "kept": fate_rows(pruning.kept),
        "tasks": pruning.tasks(),
        "orphans": [],
        "summary": summary(rows, [row["size"] for row in removed], seconds),
        "diff": diff_of(before, after),
        "warnings": list(pruning.warnings),
        "msg": _removal_message(rows, hidden, pruning),
    }


def _guest_rows(
    guests: Sequence[Guest], hidden: Mapping[int, str], pruning: Pruning, observation: Observation
) -> list[dict[str, Any]]:
    owned = by_guest(observation.backups)
    gone = _by_owner(pruning.removed)
    failed = _by_owner(pruning.failed)
    vanished = {fate.backup.key for fate in (pruning.outcome.gone if pruning.outcome else ())}
    rows = []
    for guest in guests:
        taken = {fate.backup.key for fate in gone.get(guest.vmid, [])}
        left = [
            backup
            for backup in own_backups(guest, owned.get(guest.vmid, ()))
            if backup.key not in taken and backup.key not in vanished
        ]
        told = _told(hidden.get(guest.vmid), gone.get(guest.vmid, []), failed.get(guest.vmid, []), left, pruning)
        newest = next((backup for backup in left if counts(backup, observation.now(backup.node))), None)
        age = max(0, int(observation.now(newest.node)) - newest.ctime) if newest else None
        rows.append(guest_row(guest, *told, newest, age))
    return rows


def _by_owner(fates: Sequence[Fate]) -> dict[int, list[Fate]]:
    owned: dict[int, list[Fate]] = {}
    for fate in fates:
        if fate.backup.vmid is not None:
            owned.setdefault(fate.backup.vmid, []).append(fate)
    return owned


def _told(
    hidden: str | None, gone: Sequence[Fate], failed: Sequence[Fate], left: Sequence[Backup], pruning: Pruning
) -> tuple[str, str]:
    """A word of the closed vocabulary of results, and why."""
    if hidden is not None:
        return "failed", hidden
    if failed:
        return "failed", f"{failed[0].backup.volid} could not be removed: {failed[0].why}"
    if gone:
        word = "would_remove" if pruning.outcome is None else "removed"
        return word, f"{len(gone)} of {counted(len(gone) + len(left), 'backup')}; {gone[0].backup.volid}: {gone[0].why}"
    return "kept", f"{counted(len(left), 'backup')}, none of which is to go" if left else "no backup is there"


def _removal_message(rows: Sequence[Mapping[str, Any]], hidden: Mapping[int, str], pruning: Pruning) -> str:
    told = pruning.told()
    parts = [f"{told}." if told else "", pruning.failure()]
    unseen = [f"{row['vmid']}: {row['reason']}" for row in rows if row["vmid"] in hidden]
    if unseen:
        parts.append(f"{len(unseen)} of {counted(len(rows), 'guest')} not done. {'. '.join(unseen)}.")
    if pruning.plan.absent:
        parts.append(f"Not there: {listed(pruning.plan.absent)}.")
    if pruning.outcome is not None and pruning.outcome.gone:
        gone = listed(fate.backup.volid for fate in pruning.outcome.gone)
        parts.append(f"Removed by somebody else in the meantime: {gone}.")
    return " ".join(part for part in parts if part) or "Nothing was to be removed."
