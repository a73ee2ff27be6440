# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the jobs of the cluster do that a policy can't want. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy, Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import STORAGE, VMIDS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings import (
    ERROR,
    WARNING,
    Finding,
    ids_of,
    told_guests,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.job_retention import retention_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.schedules import longest_gap, schedule_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import (
    EXEMPT,
    NEW,
    NOT_MET,
    Judged,
    Promise,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.wanted_jobs import managed_prefix


def job_findings(policy: Policy, seen: Seen, judged: Sequence[Judged]) -> Iterator[Finding]:
    """All of them; nothing is said of guests that are exempt."""
    counting = [one for one in judged if one.status != EXEMPT]
    yield from _tier_schedules(policy, seen)
    yield from _tier_retentions(policy)
    if seen.jobs_hidden is not None:
        return
    by_job = _by_job(counting)
    yield from _no_job(counting)
    yield from _disks(seen, by_job)
    yield from _gone(seen)
    yield from _own_storage(seen, counting, by_job)
    yield from _short_retentions(counting)
    yield from _single_retentions(seen, by_job)
    yield from _slow_jobs(counting)
    yield from _disabled(policy, seen)


def _tier_schedules(policy: Policy, seen: Seen) -> Iterator[Finding]:
    for tier in policy.tiers.values():
        text = schedule_of(tier)
        found = seen.schedules.get(text)
        if found is None or found.unread is not None:
            continue  # told among what can't be read
        gap = longest_gap(found.times, tier.rpo)
        if found.problem is not None:
            told = f"Proxmox does not take the schedule {text!r} of tier {tier.name}: {found.problem}."
        elif gap is None:
            told = f"The schedule {text!r} of tier {tier.name} has no two runs."
        elif gap > tier.rpo:
            told = (
                f"The schedule {text!r} of tier {tier.name} pauses for {format_duration(gap)}; its rpo is "
                f"{format_duration(tier.rpo)}."
            )
        else:
            continue
        yield Finding("schedule_too_slow", ERROR, told, storage=tier.storage, place=str(tier.place))


def _tier_retentions(policy: Policy) -> Iterator[Finding]:
    for tier in policy.tiers.values():
        if tier.keep is not None and _keeps_one(tier.keep):
            text = (
                f"Tier {tier.name} keeps a single backup ({tier.keep}): when the newest is bad, there is no other "
                "within its rpo."
            )
            yield Finding("retention_single", WARNING, text, storage=tier.storage, place=str(tier.place))


def _keeps_one(keep: Keep) -> bool:
    return not keep.all and sum(getattr(keep, rule) for rule in RULES) == 1


def _no_job(judged: Sequence[Judged]) -> Iterator[Finding]:
    without = [one for one in judged if not one.case.jobs]
    if without:
        guests = [one.case.guest for one in without]
        severity = WARNING if all(one.status == NEW for one in without) else ERROR
        yield Finding("no_job", severity, f"No enabled job takes in {told_guests(guests)}.", ids_of(guests))


def _disks(seen: Seen, by_job: Mapping[str, list[Guest]]) -> Iterator[Finding]:
    for job, guests in by_job.items():
        disks = seen.disks.get(job, {})
        left: list[tuple[Guest, list[str]]] = []
        for guest in guests:
            names = [disk.key for disk in disks.get(guest.vmid, ()) if not disk.included]
            if names:
                left.append((guest, names))
        if left:
            told = listed((f"{guest.label}: {listed(names)}" for guest, names in left), 6)
            text = f"Job {job} leaves out disks of {counted(len(left), 'guest')}: {told}."
            yield Finding("disk_excluded", ERROR, text, ids_of(guest for guest, _names in left), job=job)


def _by_job(judged: Sequence[Judged]) -> Mapping[str, list[Guest]]:
    found: dict[str, list[Guest]] = {}
    for one in judged:
        for job in one.case.jobs:
            found.setdefault(job, []).append(one.case.guest)
    return dict(sorted(found.items()))


def _gone(seen: Seen) -> Iterator[Finding]:
    there = seen.observation.cluster.guests
    for name, job in sorted(seen.jobs.items()):
        gone = [vmid for vmid in job.value(VMIDS) if vmid not in there]
        if not gone:
            continue
        if seen.shows_all_guests:
            text = f"Job {name} names {listed(gone)}, which no guest has."
        else:
            text = f"Job {name} names {listed(gone)}, which is not shown to this token (VM.Audit on /vms)."
        yield Finding("gone_guest", WARNING, text, tuple(gone), job=name)


def _own_storage(seen: Seen, judged: Sequence[Judged], by_job: Mapping[str, list[Guest]]) -> Iterator[Finding]:
    """A storage that is lost together with its guests is no place for their backups."""
    lying = _guests_with_disks(seen)
    told: set[tuple[int, str]] = set()
    for name, guests in by_job.items():
        storage = seen.jobs[name].value(STORAGE)
        there = lying.get(storage, set())
        here = [guest for guest in guests if guest.vmid in there]
        told.update((guest.vmid, storage) for guest in here)
        if here:
            text = f"Job {name} writes to {storage}, where the disks of {told_guests(here)} lie."
            yield Finding("own_storage", ERROR, text, ids_of(here), job=name, storage=storage)
    of_tiers: dict[str, tuple[Tier, list[Guest]]] = {}
    for one in judged:
        tier, guest = one.case.tier, one.case.guest
        if guest.vmid in lying.get(tier.storage, ()) and (guest.vmid, tier.storage) not in told:
            of_tiers.setdefault(tier.name, (tier, []))[1].append(guest)
    for tier, guests in of_tiers.values():
        text = f"Tier {tier.name} promises backups on {tier.storage}, where the disks of {told_guests(guests)} lie."
        yield Finding("own_storage", ERROR, text, ids_of(guests), storage=tier.storage, place=str(tier.place))


def _guests_with_disks(seen: Seen) -> Mapping[str, set[int]]:
    """The ids of the guests that have a disk there, by storage."""
    lying: dict[str, set[int]] = {}
    for disks in seen.disks.values():
        for vmid, some in disks.items():
            for storage in {disk.storage for disk in some}:
                if storage is not None:
                    lying.setdefault(storage, set()).add(vmid)
    return lying


def _short_retentions(judged: Sequence[Judged]) -> Iterator[Finding]:
    found: dict[tuple[str, str, str], tuple[Tier, Mapping[str, object], list[Guest]]] = {}
    for one, promise in _broken(judged, "keep"):
        for job, facts in promise.evidence.get("jobs", {}).items():
            if facts["lost"]:
                key = (one.case.tier.name, job, facts["keep"])
                found.setdefault(key, (one.case.tier, facts, []))[2].append(one.case.guest)
    for (name, job, keep), (tier, facts, guests) in sorted(found.items(), key=lambda item: item[0]):
        text = (
            f"After job {job} {tier.storage} keeps {keep}, which loses {facts['lost']} of the {facts['of']} backups "
            f"that tier {name} keeps ({tier.keep}), of {told_guests(guests)}."
        )
        yield Finding("retention_too_short", ERROR, text, ids_of(guests), job, tier.storage, str(tier.place))


def _broken(judged: Sequence[Judged], promise: str) -> Iterator[tuple[Judged, Promise]]:
    for one in judged:
        for found in one.promises:
            if found.promise == promise and found.verdict == NOT_MET:
                yield one, found


def _single_retentions(seen: Seen, by_job: Mapping[str, list[Guest]]) -> Iterator[Finding]:
    for name, guests in by_job.items():
        job = seen.jobs[name]
        kept = {node: retention_of(seen, job, node) for node in sorted({guest.node for guest in guests})}
        single = {node for node, keep in kept.items() if isinstance(keep, Keep) and _keeps_one(keep)}
        here = [guest for guest in guests if guest.node in single]
        if here:
            text = (
                f"After job {name} a single backup is kept of {told_guests(here)}: when it is bad, there is no other."
            )
            yield Finding("retention_single", WARNING, text, ids_of(here), name, job.value(STORAGE))


def _slow_jobs(judged: Sequence[Judged]) -> Iterator[Finding]:
    found: dict[tuple[str, tuple[str, ...]], tuple[Tier, Promise, list[Guest]]] = {}
    for one, promise in _broken(judged, "job"):
        right = tuple(promise.evidence.get("right", ()))
        if right:
            found.setdefault((one.case.tier.name, right), (one.case.tier, promise, []))[2].append(one.case.guest)
    for (name, right), (tier, promise, guests) in sorted(found.items(), key=lambda item: item[0]):
        reason = promise.reason[0].upper() + promise.reason[1:]
        text = f"{reason} (tier {name}, {told_guests(guests)})."
        yield Finding("schedule_too_slow", ERROR, text, ids_of(guests), right[0], tier.storage, str(tier.place))


def _disabled(policy: Policy, seen: Seen) -> Iterator[Finding]:
    prefix = managed_prefix(policy)
    for name, job in sorted(seen.jobs.items()):
        if name.startswith(prefix) and not job.enabled:
            text = f"Job {name} of the policy is disabled."
            vmids = tuple(sorted(job.guests(seen.observation.cluster)))
            yield Finding("job_disabled", ERROR, text, vmids, name, job.value(STORAGE))
