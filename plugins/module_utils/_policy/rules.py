# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule looks at, and who gets which tier. Pure. Private to this collection."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import (
    Exemption,
    Match,
    Policy,
    Rule,
    Subject,
    Tier,
)


class Assignment(NamedTuple):
    """What a guest has got. ``exemption`` is in force; ``ended`` is the last that was, where none is any more."""

    tier: Tier
    rule: Rule
    exemption: Exemption | None
    ended: Exemption | None


class _Alike(NamedTuple):
    """The rules and exemptions that are left for guests which differ in their id and name alone."""

    rules: tuple[Rule, ...]
    exemptions: tuple[Exemption, ...]


class Assigner:
    """Gives each of many guests its tier. ``today`` is the day in UTC.

    Guests are many and their tags, pools, nodes and types few, so what goes by these is decided once for each kind.
    """

    def __init__(self, policy: Policy, today: date) -> None:
        self._policy = policy
        self._today = today
        self._kinds: dict[tuple[object, ...], _Alike] = {}

    def tier_of(self, subject: Subject) -> Assignment:
        """The tier of the first rule that fits, and the exemption."""
        kind = (subject.type, subject.pool, subject.node, subject.tags)
        alike = self._kinds.get(kind) or self._kinds.setdefault(kind, self._left_for(subject))
        rule = next(rule for rule in alike.rules if rule.match is None or _fits_itself(rule.match, subject))
        exemption, ended = self._exemptions(alike, subject) if alike.exemptions else (None, None)
        return Assignment(self._policy.tiers[rule.tier], rule, exemption, ended)

    def _left_for(self, subject: Subject) -> _Alike:
        policy = self._policy
        return _Alike(
            tuple(rule for rule in policy.rules if rule.match is None or _fits_kind(rule.match, subject)),
            tuple(exemption for exemption in policy.exemptions if _fits_kind(exemption.match, subject)),
        )

    def _exemptions(self, alike: _Alike, subject: Subject) -> tuple[Exemption | None, Exemption | None]:
        """The one that is in force, else the last that was."""
        fitting = [exemption for exemption in alike.exemptions if _fits_itself(exemption.match, subject)]
        exemption = next((one for one in fitting if self._today <= one.until), None)
        return exemption, None if exemption else max(fitting, key=lambda one: one.until, default=None)


def tier_of(policy: Policy, subject: Subject, today: date) -> Assignment:
    """The same for a single guest."""
    return Assigner(policy, today).tier_of(subject)


def unused_rules(policy: Policy, assignments: Iterable[Assignment]) -> tuple[Rule, ...]:
    """Rules that nobody got anything from, perhaps because of a typing error or of a rule before them.

    The default rule isn't among them: that nobody needs it is good.
    """
    used = {assignment.rule.name for assignment in assignments}
    return tuple(rule for rule in policy.rules if rule.match is not None and rule.name not in used)


def fits(match: Match, subject: Subject) -> bool:
    """Whether all conditions hold."""
    return _fits_kind(match, subject) and _fits_itself(match, subject)


def _fits_kind(match: Match, subject: Subject) -> bool:
    """The conditions that many guests have in common."""
    return (
        (match.type is None or match.type == subject.type)
        and (not match.pools or subject.pool in match.pools)
        and (not match.nodes or subject.node in match.nodes)
        and (not match.tags or not match.tags.isdisjoint(subject.tags))
    )


def _fits_itself(match: Match, subject: Subject) -> bool:
    """The conditions that go by what no other guest has."""
    return (not match.ids or _is_within(match.ids, subject.vmid)) and (
        not match.names or (subject.name is not None and name_test(match.names)(subject.name) is not None)
    )


def _is_within(ranges: tuple[tuple[int, int], ...], vmid: int) -> bool:
    for first, last in ranges:  # noqa: SIM110 - any() takes three times as long, for each rule and guest
        if first <= vmid <= last:
            return True
    return False


@lru_cache(maxsize=4096)
def name_test(patterns: tuple[str, ...]) -> Callable[[str], re.Match[str] | None]:
    """What matches the names that any of some shell patterns means, case sensitive.

    Python's translation of a pattern never goes back behind a star once passed (3.9 and later), so the time is bounded
    by the product of both lengths.

    :raises re.error: for a range such as ``[z-a]``, in early releases of Python 3.9 and 3.10.
    """
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match
