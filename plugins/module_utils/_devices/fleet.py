# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that was told and seen, put together by device. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case, due
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence, Trees
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    Claim,
    Data,
    Device,
    Facts,
    Job,
    newest_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, Share
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.lookups import Lookups, lookups
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.proof import DATABASES, Proof, checked

OFFLINE = ("offline", "unreached", "not_in_use")
"""The node's words for a device that doesn't answer (reference/ethoscope.md 4.1)."""


@dataclass
class Told:
    """What the services say, by device or by type and device. Of two that say the same, the first counts."""

    devices: dict[str, Device] = field(default_factory=dict)
    data: dict[Share, list[Data]] = field(default_factory=dict)
    claims: dict[Share, Claim] = field(default_factory=dict)
    jobs: dict[Share, Job] = field(default_factory=dict)
    claimed_at_all: bool = False

    @classmethod
    def of(cls, facts: Iterable[Facts]) -> Told:
        """Several answers together. A daemon's own word on its jobs goes before the node's."""
        told = cls()
        for one in facts:
            told.claimed_at_all = True
            for device in one.devices:
                before = told.devices.get(device.id)
                if before is None or (before.name is None and before.state is None):
                    told.devices[device.id] = device
            for data in one.data:
                told.data.setdefault((data.type, data.device), []).append(data)
            for claim in one.claims:
                told.claims.setdefault((claim.type, claim.device), claim)
            for job in one.jobs:
                share = (job.type, job.device)
                if share not in told.jobs or told.jobs[share].source == "node":
                    told.jobs[share] = job
        return told

    def ids(self) -> set[str]:
        """All devices that are told of."""
        shares = (*self.data, *self.claims, *self.jobs)
        return {*self.devices, *(device for _kind, device in shares)}


@dataclass(frozen=True)
class Member:
    """One device of the fleet, with a case for each type.

    ``online`` is None where no service tells; ``unlisted`` says that the device is running, and lists no database.
    """

    id: str
    name: str | None
    online: bool | None
    cases: Mapping[str, Case]
    claims: Mapping[str, Claim]
    unlisted: bool = False


@dataclass(frozen=True)
class Terms:
    """What is judged by: the types in their order, the age in seconds from which each is stale, and the moment."""

    types: Sequence[str]
    ages: Mapping[str, int]
    now: float


def assemble(
    told: Told, trees: Trees, wanted: frozenset[str], unwanted: frozenset[str]
) -> list[tuple[str, str | None]]:
    """The devices that are told of or have copies, as id and name; ``wanted`` and ``unwanted`` are ids or names."""
    members = []
    for device in sorted(told.ids() | {device for _kind, device in trees.shares()}):
        known = told.devices.get(device)
        name = known.name if known is not None and known.name else trees.name(device)
        called = {device, name}
        if (not wanted or called & wanted) and not called & unwanted:
            members.append((device, name))
    return sorted(members, key=lambda member: (member[1] is None, member[1] or "", member[0]))


def members(
    chosen: Sequence[tuple[str, str | None]], told: Told, trees: Trees, terms: Terms, proof: Proof
) -> list[Member]:
    """Each device with its cases; single copies are looked at here: the newest ones, and those that claims name."""
    shares = [(kind, device) for device, _name in chosen for kind in terms.types]
    evidence = {share: one for share in shares if (one := trees.evidence(share)) is not None}
    newest: dict[Share, Data] = {}
    with lookups(trees) as looks:
        for share, one in evidence.items():
            data = told.data.get(share, ())
            lacking = looks.lacking(data)
            latest = newest_of(due(data, lacking, terms.now, terms.ages[share[0]]))
            if latest is not None:
                newest[share] = latest
            evidence[share] = replace(
                one,
                lacking=lacking,
                found=None if latest is None else looks.found(latest),
                gone=_gone(looks, told.jobs.get(share)),
            )
    for share, check in checked(evidence, newest, proof).items():
        evidence[share] = replace(evidence[share], check=check)
    return [_member(device, name, told, evidence, terms, proof) for device, name in chosen]


def _gone(looks: Lookups, job: Job | None) -> tuple[str, ...]:
    return looks.gone(job) if job is not None and job.listed else ()


def _member(
    device: str, name: str | None, told: Told, evidence: Mapping[Share, Evidence], terms: Terms, proof: Proof
) -> Member:
    known = told.devices.get(device)
    online = None if known is None or known.state is None else known.state not in OFFLINE
    claims = {kind: claim for kind in terms.types if (claim := told.claims.get((kind, device))) is not None}
    cases = {
        kind: Case(
            kind,
            evidence.get((kind, device)),
            told.data.get((kind, device), ()),
            None if kind == SQLITE and _mislabelled(device, told, evidence) else claims.get(kind),
            told.jobs.get((kind, device)),
            terms.ages[kind],
            terms.now,
            told.claimed_at_all,
            known is not None and known.lists and kind in DATABASES and (kind, device) not in told.data,
            proof.checks(kind),
        )
        for kind in terms.types
    }
    listed = any((kind, device) in told.data for kind in DATABASES)
    return Member(device, name, online, cases, claims, known is not None and known.state == "running" and not listed)


def _mislabelled(device: str, told: Told, evidence: Mapping[Share, Evidence]) -> bool:
    """Whether the node calls MySQL copies SQLite: it does where a device lists no database (section 10, 14)."""
    sqlite, mysql = evidence.get((SQLITE, device)), evidence.get((MYSQL, device))
    if sqlite is None or mysql is None or any((kind, device) in told.data for kind in (SQLITE, MYSQL)):
        return False
    return not (sqlite.files or sqlite.empty) and bool(mysql.files or mysql.empty)
