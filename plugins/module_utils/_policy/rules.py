# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rule looks at, and who gets which tier. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple, Optional, TypeVar

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


_EVERYBODY = Match()
_Found = TypeVar("_Found", Rule, Exemption)
_Ranges = tuple[tuple[int, int], ...]
_NameTest = Callable[[str], object]
_Left = list[tuple[_Found, _Ranges, Optional[_NameTest]]]
"""Rules or exemptions that fit a kind of guests, each with the ids and names that are still to be asked for."""


class Assigner:
    """Gives each of many guests its tier. ``today`` is the day in UTC.

    Guests are many and their tags, pools, nodes and types few, so what goes by these is decided once for each kind.
    """

    def __init__(self, policy: Policy, today: date) -> None:
        self._policy = policy
        self._today = today
        self._kinds: dict[tuple[object, ...], tuple[_Left[Rule], _Left[Exemption]]] = {}

    def tier_of(self, subject: Subject) -> Assignment:
        """The tier of the first rule that fits, and the exemption."""
        kind = (subject.type, subject.pool, subject.node, subject.tags)
        rules, exemptions = self._kinds.get(kind) or self._kinds.setdefault(kind, self._left_for(subject))
        rule = next(_fitting(rules, subject))
        exemption, ended = self._exempted(exemptions, subject) if exemptions else (None, None)
        return Assignment(self._policy.tiers[rule.tier], rule, exemption, ended)

    def _left_for(self, subject: Subject) -> tuple[_Left[Rule], _Left[Exemption]]:
        return _left(self._policy.rules, subject), _left(self._policy.exemptions, subject)

    def _exempted(self, left: _Left[Exemption], subject: Subject) -> tuple[Exemption | None, Exemption | None]:
        """The one that is in force, else the last that was."""
        fitting = list(_fitting(left, subject))
        exemption = next((one for one in fitting if self._today <= one.until), None)
        return exemption, None if exemption else max(fitting, key=lambda one: one.until, default=None)


def _left(some: Iterable[_Found], subject: Subject) -> _Left[_Found]:
    found: _Left[_Found] = []
    for one in some:
        match = _EVERYBODY if one.match is None else one.match
        if _fits_kind(match, subject):
            found.append((one, match.ids, match.name_test if match.names else None))
    return found


def _fitting(left: _Left[_Found], subject: Subject) -> Iterator[_Found]:
    """Those whose ids and names fit, too."""
    vmid, name = subject.vmid, subject.name
    for one, ids, named in left:
        if (not ids or _is_within(ids, vmid)) and (named is None or (name is not None and named(name) is not None)):
            yield one


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
    return (
        _fits_kind(match, subject)
        and (not match.ids or _is_within(match.ids, subject.vmid))
        and (not match.names or (subject.name is not None and match.name_test(subject.name) is not None))
    )


def _fits_kind(match: Match, subject: Subject) -> bool:
    """The conditions that many guests have in common."""
    return (
        (match.type is None or match.type == subject.type)
        and (not match.pools or subject.pool in match.pools)
        and (not match.nodes or subject.node in match.nodes)
        and (not match.tags or not match.tags.isdisjoint(subject.tags))
    )


def _is_within(ranges: tuple[tuple[int, int], ...], vmid: int) -> bool:
    for first, last in ranges:  # noqa: SIM110 - any() takes three times as long, for each rule and guest
        if first <= vmid <= last:
            return True
    return False
