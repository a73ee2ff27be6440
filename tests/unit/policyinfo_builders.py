# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test data of policies: tiers, jobs, what was seen of a cluster, and what is judged of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import (
    Exemption,
    Match,
    Place,
    Policy,
    Rule,
    Tier,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import Birth
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.cases import cases
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.judgement import (
    judge_guests,
    may_be_new,
    with_new_guests,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.report import message, report
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Disk, Schedule, Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import Judged
from unit.builders import DAY, NOW, a_guest, an_observation

AT_NIGHT = "02:30"
FIRST_RUN = NOW - NOW % DAY + DAY + 2 * 3600 + 1800
"""The next 02:30, in UTC."""
WEEK = 7 * DAY
WEB = a_guest(101, "web1")


def runs(every: int = DAY, number: int = 100, first: int = FIRST_RUN) -> Schedule:
    """A schedule that runs so often."""
    return Schedule(tuple(first + every * count for count in range(number)))


def a_tier(name: str = "gold", line: int = 5, **more: Any) -> Tier:
    """A tier that promises a backup a day on the storage "vault"."""
    fields: dict[str, Any] = {"rpo": DAY, "storage": "vault", "schedule": AT_NIGHT, **more}
    return Tier(name=name, place=Place("policy.yml", line), **fields)


def a_rule(tier: str, name: str = "everything else", match: Match | None = None, line: int = 20) -> Rule:
    """The default rule, or one with a match."""
    return Rule(name, tier, match, Place("policy.yml", line))


def an_exemption(*vmids: int, until: str = "2027-01-31", reason: str = "lab machine") -> Exemption:
    """Of these guests."""
    ids = tuple((vmid, vmid) for vmid in vmids)
    return Exemption(Match(ids=ids), reason, date.fromisoformat(until), Place("policy.yml", 30))


def a_policy(*tiers: Tier, rules: Sequence[Rule] = (), exemptions: Sequence[Exemption] = ()) -> Policy:
    """A policy whose default is the last of its tiers."""
    known = tiers or (a_tier(),)
    given = (*rules, a_rule(known[-1].name))
    by_name = {tier.name: tier for tier in known}
    return Policy("main", by_name, given, tuple(exemptions), DAY, Place("policy.yml", 1))


def a_job(name: str = "nightly", **shown: Any) -> Job:
    """A job of all guests, as the API shows it."""
    fields: dict[str, Any] = {"schedule": AT_NIGHT, "storage": "vault", "enabled": 1, "all": 1}
    fields["prune-backups"] = {"keep-last": "7"}
    fields.update({key.replace("_", "-"): value for key, value in shown.items()})
    return Job(name, {key: value for key, value in fields.items() if value is not None})


def a_disk(vmid: int = 101, key: str = "rootfs", included: bool = True, storage: str = "local-zfs") -> Disk:
    """A disk on a storage that is none for backups."""
    return Disk(key, f"{storage}:subvol-{vmid}-{key}", included, key)


def seen(
    guests: Sequence[Guest] = (WEB,), backups: Sequence[Backup] = (), jobs: Iterable[Job] | None = None, **more: Any
) -> Seen:
    """A cluster; without ``jobs`` one takes in all guests every night. ``observed`` are parts of the observation."""
    some = [a_job()] if jobs is None else list(jobs)
    observation: Observation = an_observation(guests, backups, **more.pop("observed", {}))
    fields: dict[str, Any] = {
        "jobs": {job.id: job for job in some},
        "disks": {job.id: {guest.vmid: (a_disk(guest.vmid),) for guest in guests} for job in some if job.enabled},
        "schedules": {AT_NIGHT: runs()},
        **more,
    }
    return Seen(observation, **fields)


def judged(policy: Policy, looked: Seen, births: Mapping[int, Birth] | None = None) -> list[Judged]:
    """All guests by the policy. ``births`` says when guests were made, of those that are asked about."""
    first = judge_guests(policy, looked, cases(policy, looked))
    asked = {one.case.guest.vmid for one in may_be_new(first, looked)}
    known = {vmid: birth for vmid, birth in (births or {}).items() if vmid in asked}
    return with_new_guests(first, known, policy.grace)


def a_report(policy: Policy, looked: Seen, births: Mapping[int, Birth] | None = None) -> dict[str, Any]:
    """The module's result."""
    values = report(policy, looked, judged(policy, looked, births))
    return {**values, "msg": message(values, ())}


def promise(policy: Policy, looked: Seen, name: str, vmid: int = 101) -> tuple[str, str]:
    """Verdict and reason of one promise to one guest."""
    (one,) = [one for one in judged(policy, looked) if one.case.guest.vmid == vmid]
    (found,) = [found for found in one.promises if found.promise == name]
    return found.verdict, found.reason


def findings(
    policy: Policy, looked: Seen, kind: str, births: Mapping[int, Birth] | None = None
) -> list[dict[str, Any]]:
    """The findings of a kind."""
    return [one for one in a_report(policy, looked, births)["findings"] if one["kind"] == kind]


DAILY_KEEP = Keep(daily=7)
