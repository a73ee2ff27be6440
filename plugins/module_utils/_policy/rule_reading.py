# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules and exemptions as values, and what no schema finds in them. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed, one_line
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Exemption, Match, Place, Rule
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.name_patterns import name_test
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import Mistakes, Path, path_text, shown


def read_rule(at: int, data: Mapping[str, Any], place: Place, mistakes: Mistakes) -> Rule | None:
    """The rule at ``at`` (from 0 on); None where anything in it is wrong."""
    match = _read_match(data["match"], ("rules", at, "match"), mistakes) if "match" in data else None
    if not mistakes.sound(("rules", at)):
        return None
    return Rule(data.get("name", f"rule {at + 1}"), data["tier"], match, place)


def check_rules(rules: Any, tiers: Any, mistakes: Mistakes) -> None:
    """What concerns several rules, or rules and tiers; nothing where one of them is missing."""
    if not (isinstance(rules, list) and rules and isinstance(tiers, dict) and tiers):
        return
    mappings = {at: rule for at, rule in enumerate(rules) if isinstance(rule, dict)}
    _check_names(mappings, mistakes)
    _check_default(mappings, len(rules) - 1, mistakes)
    wanted = {at: rule["tier"] for at, rule in mappings.items() if isinstance(rule.get("tier"), str)}
    known = listed(path_text((name,)) for name in sorted(tiers))
    for at, tier in wanted.items():
        if tier not in tiers and mistakes.sound(("rules", at, "tier")):
            mistakes.add(("rules", at, "tier"), f"one of the tiers {known}", shown(tier))
    for tier in tiers.keys() - wanted.values():
        mistakes.add(("tiers", tier), "a rule that names this tier", "none")


def _check_names(rules: Mapping[int, Any], mistakes: Mistakes) -> None:
    first: dict[str, int] = {}
    for at, rule in rules.items():
        name = rule.get("name", f"rule {at + 1}")
        if not isinstance(name, str):
            continue
        if name in first:
            path: Path = ("rules", at, "name") if "name" in rule else ("rules", at)
            mistakes.add(path, "a name that no rule before has", f"{shown(name)}, as rules[{first[name]}] is named")
        first.setdefault(name, at)


def _check_default(rules: Mapping[int, Any], last: int, mistakes: Mistakes) -> None:
    defaults = [at for at, rule in rules.items() if "match" not in rule]
    for at in defaults:
        if at != last:
            mistakes.add(("rules", at, "match"), "conditions, because only the last rule is the default", "nothing")
    if not defaults and last in rules:
        mistakes.add(("rules", last), "a last rule without match, for all other guests", "one with match")


def read_exemption(at: int, data: Mapping[str, Any], place: Place, mistakes: Mistakes) -> Exemption | None:
    """The exemption at ``at`` (from 0 on); None where anything in it is wrong."""
    path: Path = ("exemptions", at)
    match = _read_match(data.get("match"), (*path, "match"), mistakes)
    until = _read_day(data.get("until"), (*path, "until"), mistakes)
    if match is None or until is None or not mistakes.sound(path):
        return None
    return Exemption(match, one_line(data["reason"]), until, place)


def _read_day(value: Any, path: Path, mistakes: Mistakes) -> date | None:
    if not mistakes.sound(path):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        mistakes.add(path, "a day of the calendar such as 2027-01-31", shown(value))
        return None


def _read_match(data: Any, path: Path, mistakes: Mistakes) -> Match | None:
    given = data if isinstance(data, dict) else {}
    ids = tuple(_read_ids(one, at, mistakes) for one, at in _several(given, "ids", path) if mistakes.sound(at))
    for pattern, at in _several(given, "names", path):
        if mistakes.sound(at):
            _check_pattern(pattern, at, mistakes)
    if not mistakes.sound(path):
        return None
    values = {option: [one for one, _at in _several(given, option, path)] for option in given}
    types = set(values.get("type", ()))
    return Match(
        tags=frozenset(values.get("tags", ())),
        pools=frozenset(values.get("pools", ())),
        names=tuple(values.get("names", ())),
        nodes=frozenset(values.get("nodes", ())),
        ids=ids,
        type=types.pop() if len(types) == 1 else None,
    )


def _several(data: Mapping[str, Any], option: str, path: Path) -> list[tuple[Any, Path]]:
    """The values of an option that may be one or a list, and where they stand."""
    if option not in data:
        return []
    value = data[option]
    if isinstance(value, list):
        return [(one, (*path, option, at)) for at, one in enumerate(value)]
    return [(value, (*path, option))]


def _read_ids(value: Any, path: Path, mistakes: Mistakes) -> tuple[int, int]:
    ends = [int(end) for end in str(value).split("-")] if isinstance(value, str) else [int(value)]
    if ends[0] > ends[-1]:
        mistakes.add(path, "a range from the smaller to the larger number", shown(value))
    return ends[0], ends[-1]


def _check_pattern(pattern: str, path: Path, mistakes: Mistakes) -> None:
    if "[" not in pattern:  # nothing else can be wrong, and to compile 100,000 of them takes long
        return
    try:
        name_test((pattern,))
    except re.error as error:
        mistakes.add(path, "a shell pattern of names", f"{shown(pattern)}: {error}")
