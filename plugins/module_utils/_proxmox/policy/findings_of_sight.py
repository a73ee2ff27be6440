# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What could not be read, so that nothing is claimed of it, and what to grant. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import Unreadable
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings import ERROR, Finding
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.schedules import schedule_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import UNKNOWN, Judged

KIND = "unreadable"


def sight_findings(policy: Policy, seen: Seen, judged: Sequence[Judged]) -> Iterator[Finding]:
    """Each thing once."""
    if not seen.shows_all_guests:
        why = "Proxmox shows only guests on which the token has VM.Audit; there may be others."
        yield _finding(why, "VM.Audit on /vms")
    yield from _backups(judged)
    for hidden in (seen.jobs_hidden, seen.drills_hidden):
        if hidden is not None:
            yield _finding(hidden, None)
    yield from _of_jobs(policy, seen)
    for one in judged:
        if one.status == UNKNOWN and one.reason is not None:
            yield _finding(f"{one.case.guest.label}: {one.reason}.", None, vmids=(one.case.guest.vmid,))


def _of_jobs(policy: Policy, seen: Seen) -> Iterator[Finding]:
    for job, hidden in sorted(seen.disks_hidden.items()):
        yield _finding(f"Which disks job {job} takes in is not known: {hidden}", None, job=job)
    for text, schedule in sorted(seen.schedules.items()):
        if schedule.unread is not None:
            places = [str(tier.place) for tier in policy.tiers.values() if schedule_of(tier) == text]
            why = f"When the schedule {text!r} runs is not known: {schedule.unread}."
            yield _finding(why, None, place=next(iter(places), None))
    for (node, storage), retention in sorted(seen.retentions.items()):
        if retention.problem is not None:
            why = f"What storage {storage} keeps on node {node} is not known: {retention.problem}"
            yield _finding(why, f"Datastore.Audit on /storage/{storage}", storage=storage)


def _backups(judged: Sequence[Judged]) -> Iterator[Finding]:
    lists: dict[int, Sequence[Unreadable]] = {}
    for one in judged:  # guests share these lists
        lists.setdefault(id(one.case.hidden), one.case.hidden)
        lists.setdefault(id(one.case.hidden_here), one.case.hidden_here)
    told: set[tuple[str, str | None]] = set()
    for some in lists.values():
        for item in some:
            if (item.why, item.grant) not in told:
                told.add((item.why, item.grant))
                vmids = tuple(sorted(item.vmids or ()))
                yield _finding(item.why, item.grant, vmids=vmids, storage=item.storage)


def _finding(
    why: str,
    grant: str | None,
    vmids: tuple[int, ...] = (),
    job: str | None = None,
    storage: str | None = None,
    place: str | None = None,
) -> Finding:
    text = why if why.endswith(".") else f"{why}."
    if grant is not None and "grant" not in text:  # a refused request says so itself
        text = f"{text} Grant {grant}."
    return Finding(KIND, ERROR, text, vmids, job, storage, place)
