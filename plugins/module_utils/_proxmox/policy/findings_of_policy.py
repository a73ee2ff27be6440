# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the policy itself says that somebody should look at, and what nobody has drilled. Pure.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Exemption, Policy, Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.findings import (
    ERROR,
    WARNING,
    Finding,
    ids_of,
    told_guests,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.of_drills import NEVER
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import EXEMPT, Judged

SOON = timedelta(days=14)
"""So long before an exemption ends it is told."""


def policy_findings(policy: Policy, seen: Seen, judged: Sequence[Judged]) -> Iterator[Finding]:
    """Drills that never were, exemptions at their end, and rules and tiers that nobody needs."""
    yield from _never_drilled(judged)
    today = datetime.fromtimestamp(seen.observation.observed_at, timezone.utc).date()
    for exemption, guests in _exempt((one.case.ended, one.case.guest) for one in judged):
        text = f"The exemption of {told_guests(guests)} ended on {exemption.until}: {exemption.reason}."
        yield Finding("exemption_ended", ERROR, text, ids_of(guests), place=str(exemption.place))
    for exemption, guests in _exempt((one.case.exemption, one.case.guest) for one in judged):
        if exemption.until - today <= SOON:
            text = f"The exemption of {told_guests(guests)} ends on {exemption.until}: {exemption.reason}."
            yield Finding("exemption_ends_soon", WARNING, text, ids_of(guests), place=str(exemption.place))
    yield from _unused(policy, judged)


def _never_drilled(judged: Sequence[Judged]) -> Iterator[Finding]:
    found: dict[str, tuple[Tier, list[Guest]]] = {}
    for one in judged:
        if one.status != EXEMPT and "drill" in [name for name, _verdict, why, _facts in one.promises if why == NEVER]:
            found.setdefault(one.case.tier.name, (one.case.tier, []))[1].append(one.case.guest)
    for tier, guests in found.values():
        text = f"Tier {tier.name} promises drills, and {told_guests(guests)} never passed or failed one."
        yield Finding("never_drilled", WARNING, text, ids_of(guests), place=str(tier.place))


def _exempt(pairs: Iterable[tuple[Exemption | None, Guest]]) -> list[tuple[Exemption, list[Guest]]]:
    """The guests of each exemption, in the order in which the exemptions first occur."""
    found: dict[int, tuple[Exemption, list[Guest]]] = {}
    for exemption, guest in pairs:
        if exemption is not None:
            found.setdefault(id(exemption), (exemption, []))[1].append(guest)
    return list(found.values())


def _unused(policy: Policy, judged: Sequence[Judged]) -> Iterator[Finding]:
    rules = {one.case.rule.name for one in judged}
    tiers = {one.case.tier.name for one in judged}
    for rule in policy.rules:
        if rule.match is not None and rule.name not in rules:
            text = f"No guest that is shown gets anything from rule {rule.name}."
            yield Finding("unused_rule", WARNING, text, place=str(rule.place))
    for tier in policy.tiers.values():
        if tier.name not in tiers:
            text = f"No guest that is shown belongs to tier {tier.name}."
            yield Finding("unused_tier", WARNING, text, storage=tier.storage, place=str(tier.place))
