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


def tier_of(policy: Policy, subject: Subject, today: date) -> Assignment:
    """The tier of the first rule that fits, and the exemption. ``today`` is the day in UTC."""
    rule = next(rule for rule in policy.rules if rule.match is None or fits(rule.match, subject))
    fitting = [exemption for exemption in policy.exemptions if fits(exemption.match, subject)]
    exemption = next((one for one in fitting if today <= one.until), None)
    ended = None if exemption else max(fitting, key=lambda one: one.until, default=None)
    return Assignment(policy.tiers[rule.tier], rule, exemption, ended)


def unused_rules(policy: Policy, assignments: Iterable[Assignment]) -> tuple[Rule, ...]:
    """Rules that nobody got anything from, perhaps because of a typing error or of a rule before them.

    The default rule isn't among them: that nobody needs it is good.
    """
    used = {assignment.rule.name for assignment in assignments}
    return tuple(rule for rule in policy.rules if rule.match is not None and rule.name not in used)


def fits(match: Match, subject: Subject) -> bool:
    """Whether all conditions hold."""
    return (
        (match.type is None or match.type == subject.type)
        and (not match.pools or subject.pool in match.pools)
        and (not match.nodes or subject.node in match.nodes)
        and (not match.tags or not match.tags.isdisjoint(subject.tags))
        and (not match.ids or _is_within(match.ids, subject.vmid))
        and (not match.names or (subject.name is not None and name_test(match.names)(subject.name) is not None))
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
