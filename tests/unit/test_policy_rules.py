# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who gets which tier."""

from __future__ import annotations

import fnmatch
import time
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import (
    Exemption,
    Match,
    Place,
    Policy,
    Rule,
    Subject,
    Tier,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.name_patterns import name_test
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.rules import (
    fits,
    tier_of,
    unused_rules,
)

TODAY = date(2026, 11, 22)
HERE = Place("policy.yml", 1)


def _subject(
    vmid: int = 105,
    name: str | None = "db1",
    node: str = "pve1",
    kind: str = "qemu",
    tags: frozenset[str] = frozenset({"db", "prod"}),
    pool: str | None = "shop",
) -> Subject:
    return Subject(vmid, name, node, kind, tags, pool)


def _policy(*rules: tuple[str, Match | None], exemptions: tuple[Exemption, ...] = ()) -> Policy:
    named = tuple(Rule(f"rule {at}", tier, match, HERE) for at, (tier, match) in enumerate(rules, start=1))
    tiers = {rule.tier: Tier(rule.tier, 86400, "vault", HERE) for rule in named}
    return Policy("main", tiers, named, exemptions, 86400, HERE)


@pytest.mark.parametrize(
    ("match", "verdict"),
    [
        (Match(), True),
        (Match(tags=frozenset({"db", "sql"})), True),
        (Match(tags=frozenset({"sql"})), False),
        (Match(tags=frozenset({"DB"})), False),
        (Match(pools=frozenset({"shop", "lab"})), True),
        (Match(pools=frozenset({"lab"})), False),
        (Match(nodes=frozenset({"pve1"})), True),
        (Match(nodes=frozenset({"pve2"})), False),
        (Match(type="qemu"), True),
        (Match(type="lxc"), False),
        (Match(ids=((105, 105),)), True),
        (Match(ids=((100, 104), (106, 110))), False),
        (Match(ids=((106, 110), (100, 105))), True),
        (Match(names=("web*", "db?")), True),
        (Match(names=("db",)), False),
        (Match(names=("DB1",)), False),
        (Match(names=("b1",)), False),
        (Match(names=("d[a-c][!2]",)), True),
        (Match(names=("db.",)), False),
        (Match(tags=frozenset({"db"}), ids=((100, 199),), names=("*",), type="qemu"), True),
        (Match(tags=frozenset({"db"}), ids=((200, 299),), names=("*",), type="qemu"), False),
    ],
)
def test_a_guest_has_to_fit_all_conditions_each_by_any_value(match: Match, verdict: bool) -> None:
    assert fits(match, _subject()) is verdict


@pytest.mark.parametrize("match", [Match(names=("*",)), Match(pools=frozenset({"shop"})), Match(tags=frozenset({"a"}))])
def test_what_a_guest_does_not_have_fits_nothing(match: Match) -> None:
    assert not fits(match, _subject(name=None, pool=None, tags=frozenset()))


def test_the_first_rule_that_fits_wins_and_the_last_one_takes_the_rest() -> None:
    policy = _policy(("gold", Match(tags=frozenset({"db"}))), ("silver", Match(ids=((100, 199),))), ("bronze", None))
    got = [tier_of(policy, _subject(vmid, tags=tags), TODAY) for vmid, tags in (
        (105, frozenset({"db"})), (105, frozenset({"web"})), (205, frozenset({"web"})))]  # fmt: skip
    assert [(one.tier.name, one.rule.name) for one in got] == [
        ("gold", "rule 1"),
        ("silver", "rule 2"),
        ("bronze", "rule 3"),
    ]
    assert {(one.exemption, one.ended) for one in got} == {(None, None)}


def _exemption(days: int, vmid: int = 105) -> Exemption:
    return Exemption(Match(ids=((vmid, vmid),)), "lab", TODAY + timedelta(days=days), HERE)


@pytest.mark.parametrize(
    ("days", "exempt", "ended"),
    [
        ([], None, None),
        ([1], 1, None),
        ([0], 0, None),
        ([-1], None, -1),
        ([-9, -1, -5], None, -1),
        ([-1, 3], 3, None),
        ([2, 3], 2, None),
    ],
)
def test_an_exemption_holds_until_the_end_of_its_day(days: list[int], exempt: int | None, ended: int | None) -> None:
    others = (_exemption(9, vmid=106), _exemption(-2, vmid=106))
    policy = _policy(("bronze", None), exemptions=(*others, *(_exemption(day) for day in days)))
    got = tier_of(policy, _subject(), TODAY)
    assert (got.exemption, got.ended) == (
        None if exempt is None else _exemption(exempt),
        None if ended is None else _exemption(ended),
    )
    assert got.tier.name == "bronze"


def test_rules_that_nobody_got_are_found_but_for_the_default() -> None:
    policy = _policy(
        ("gold", Match(tags=frozenset({"DB"}))),
        ("gold", Match(tags=frozenset({"db"}))),
        ("silver", Match(tags=frozenset({"prod"}))),
        ("bronze", None),
    )
    found = unused_rules(policy, [tier_of(policy, _subject(), TODAY)])
    assert [rule.name for rule in found] == ["rule 1", "rule 3"]
    assert unused_rules(policy, []) == policy.rules[:-1]


def test_fifty_rules_over_two_thousand_guests_take_less_than_a_test_may() -> None:
    kinds = [
        lambda at: Match(tags=frozenset({f"t{at}", f"u{at}"}), type="qemu"),
        lambda at: Match(names=(f"*x{at}*y*", f"web-{at}-?"), nodes=frozenset({"pve2"})),
        lambda at: Match(ids=((100000 + at, 200000), (at, 99))),
        lambda at: Match(pools=frozenset({f"p{at}"}), names=("*",)),
        lambda at: Match(names=(f"*.{at}.example.*",)),
    ]
    policy = _policy(*(("gold", kinds[at % 5](at)) for at in range(49)), ("bronze", None))
    guests = [_subject(100 + at, name=f"server-{at}.example.org", tags=frozenset({"all"})) for at in range(2_000)]
    assert {tier_of(policy, guest, TODAY).tier.name for guest in guests} == {"bronze"}


def test_patterns_are_made_once_however_many_rules_and_guests_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    translate = fnmatch.translate

    def counted(pattern: str) -> str:
        made.append(pattern)
        return translate(pattern)

    monkeypatch.setattr(fnmatch, "translate", counted)
    patterns = [f"{number}" for number in range(300)]
    policy = _policy(*(("gold", Match(names=(pattern,))) for pattern in patterns), ("bronze", None))
    for node in ("pve1", "pve2", "pve3"):
        assert tier_of(policy, _subject(node=node), TODAY).tier.name == "bronze"
    assert made == patterns


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        (f"{'*a' * 127}b", "a" * 10_000),
        (f"{'*a' * 127}*b", "a" * 10_000),
        (f"{'*[ab]' * 51}c", "ab" * 5_000),
        (f"{'*?' * 127}b", "a" * 10_000),
        ("*" * 256, "a" * 10_000),
        (f"*{'a' * 254}b", "a" * 10_000),
    ],
)
def test_no_pattern_runs_wild(pattern: str, name: str) -> None:
    started = time.process_time()
    name_test((pattern,))(name)
    assert time.process_time() - started < 0.5


@given(st.lists(st.text("ab*?[]!-.^\\", max_size=12), min_size=1, max_size=3), st.text("ab]-.^\\[", max_size=12))
def test_names_fit_as_the_shell_sees_it(patterns: list[str], name: str) -> None:
    shell = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    assert fits(Match(names=tuple(patterns)), _subject(name=name)) == shell
