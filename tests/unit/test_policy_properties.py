# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Any document at all: a policy, or a PolicyError that says where."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import (
    policy_from_mapping,
    policy_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import PolicyError, Problem

LINES = """\
version: 1
name: main
grace: 12h
tiers:
  gold: &gold
    rpo: 24h
    rto: 15m
    drill: 30d
    keep: {last: 3, daily: 7}
    storage: vault
    schedule: "02:30"
    job: {bwlimit: 50000}
  bronze:
    <<: *gold
    storage: cellar
    keep: {all: true}
rules:
  - name: databases
    match: {tags: [db, sql], ids: [100-199, 205], names: ["db*"], type: qemu}
    tier: gold
  - name: everything else
    tier: bronze
exemptions:
  - match: {ids: [105]}
    reason: lab machine
    until: 2027-01-31
""".splitlines(keepends=True)


def _problems(read: Callable[[], Policy]) -> tuple[Problem, ...]:
    try:
        read()
    except PolicyError as error:
        return (*error.problems, *([] if error.problems else [Problem("nothing", 0, "", "", "")]))
    return ()


def _is_told(read: Callable[[], Policy]) -> None:
    """Reading ends in a policy or in sentences that can be shown, and in nothing else."""
    for sentence in map(str, _problems(read)):
        assert sentence.startswith("p.yml:")
        assert sentence.endswith(".")
        assert sentence.isprintable()


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    _is_told(lambda: policy_of(text, "p.yml"))


@given(st.binary(max_size=80))
def test_any_bytes(content: bytes) -> None:
    _is_told(lambda: policy_of(content, "p.yml"))


fragments = st.sampled_from(
    ["- ", ": ", "? ", "a", "&a ", "*a", "<<", "!!int ", "!x ", "!", "|", ">", "\n", "\n  ", "\t", "{", "}", "[", "]",
     ",", '"', "'", "#", "---", "...", "%YAML 1.1\n", "%TAG ! x\n", "22:00", "1", "0x1", "~", "no", "2027-02-30", "=",
     "\\U99999999", "\\ud800", "tiers", "gold", "rpo", "\x85", "\u2028", "\x00", "@", "`", "1e999", "-", ".nan"]
)  # fmt: skip


@given(st.lists(fragments, max_size=25).map("".join))
def test_any_pieces_of_yaml(text: str) -> None:
    _is_told(lambda: policy_of(text, "p.yml"))


@given(st.lists(st.sampled_from(range(len(LINES))), max_size=3), st.integers(0, len(LINES)), fragments)
def test_a_document_that_lost_lines_and_won_others(lost: list[int], at: int, won: str) -> None:
    kept = [line for number, line in enumerate(LINES) if number not in lost]
    _is_told(lambda: policy_of("".join([*kept[:at], won, *kept[at:]]), "p.yml"))


@given(st.integers(0, len("".join(LINES))), st.integers(0, 30), fragments)
def test_a_document_with_a_piece_of_it_replaced(start: int, length: int, other: str) -> None:
    text = "".join(LINES)
    _is_told(lambda: policy_of(text[:start] + other + text[start + length :], "p.yml"))


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.dates()
    | st.datetimes()
    | st.just(16**3000)
    | st.just(object())
    | st.just("\ud800")
)
keys = st.sampled_from(["version", "name", "tiers", "rules", "gold", "rpo", "match", "tier", "ids", "keep"]) | scalars
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(st.dictionaries(keys, anything, max_size=6))
def test_any_mapping(mapping: dict[Any, Any]) -> None:
    _is_told(lambda: policy_from_mapping(mapping, "p.yml"))


@given(st.sampled_from(["version", "name", "grace", "tiers", "rules", "exemptions"]), anything)
def test_any_value_at_the_top(key: str, value: Any) -> None:
    good = yaml.safe_load("".join(LINES))
    _is_told(lambda: policy_from_mapping({**good, key: value}, "p.yml"))


@given(st.sampled_from(["rpo", "keep", "storage", "schedule", "window", "job", "drill"]), anything)
def test_any_value_in_a_tier(key: str, value: Any) -> None:
    good = yaml.safe_load("".join(LINES))
    tiers = {**good["tiers"], "bronze": {"rpo": "1s", "storage": "x", "schedule": "y", key: value}}
    _is_told(lambda: policy_from_mapping({**good, "tiers": tiers}, "p.yml"))


@given(st.sampled_from(["tags", "pools", "names", "nodes", "ids", "type"]), anything)
def test_any_value_in_a_match(key: str, value: Any) -> None:
    good = yaml.safe_load("".join(LINES))
    rules = [{"match": {key: value}, "tier": "gold"}, {"tier": "bronze"}]
    _is_told(lambda: policy_from_mapping({**good, "rules": rules}, "p.yml"))


def _optional(**options: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=options)


words = st.text("abcXYZ019 .:-_#*'\"{}[]äß日", min_size=1, max_size=12).filter(str.strip) | st.sampled_from(
    ["22:00", "no", "~", "1", "0x1", "2027-01-31", "<<", "=", "!a", "&a", "*a", "- a", "? a", "1.5", "null", "%a", "@a"]
)
durations = st.tuples(st.integers(1, 999), st.sampled_from("smhdw")).map(lambda pair: f"{pair[0]}{pair[1]}")
numbers = st.integers(1, 99)
clocks = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda pair: f"{pair[0]}:{pair[1]:02}")
windows = st.lists(clocks, min_size=2, max_size=2, unique=True).map("-".join)
tiers = st.builds(
    lambda needed, when, more, drill: {**needed, **when, **more, **drill},
    st.fixed_dictionaries({"rpo": durations, "storage": words}),
    st.fixed_dictionaries({"schedule": words}) | st.fixed_dictionaries({"window": windows}),
    _optional(
        mode=st.sampled_from(["snapshot", "suspend", "stop"]),
        compress=st.sampled_from(["zstd", "gzip", "lzo", "none"]),
        protected=st.booleans(),
        encrypted=st.booleans(),
        verify=durations,
        keep=st.just({"all": True}) | _optional(daily=numbers, weekly=numbers).map(lambda keep: {"last": 1, **keep}),
        job=st.dictionaries(st.sampled_from(["bwlimit", "mailto", "fleecing"]), words | numbers | st.booleans()),
    ),
    st.just({}) | st.fixed_dictionaries({"drill": durations}, optional={"rto": durations}),
)


def _several(one: st.SearchStrategy[str]) -> st.SearchStrategy[str | list[str]]:
    return one | st.lists(one, min_size=1, max_size=3)


tags = st.text("abcXYZ019_", min_size=1, max_size=3).flatmap(
    lambda first: st.text("a0+.-", max_size=3).map(first.__add__)
)
blankless = words.map(str.strip)
ids = st.integers(100, 999999) | st.integers(100, 999).map(lambda first: f"{first}-{first + 9}")
matches = _optional(
    tags=_several(tags),
    pools=_several(blankless),
    nodes=_several(blankless),
    names=_several(words),
    ids=ids | st.lists(ids, min_size=1, max_size=3),
    type=st.sampled_from(["qemu", "lxc"]),
).map(lambda match: match or {"type": "lxc"})
policies = st.builds(
    lambda gold, bronze, rules, exemptions: {
        "version": 1,
        "name": "main",
        "tiers": {"gold": gold, "bronze": bronze},
        "rules": [*({"match": match, "tier": "gold"} for match in rules), {"tier": "bronze"}],
        "exemptions": [{"match": match, "reason": why, "until": until} for match, why, until in exemptions],
    },
    tiers,
    tiers,
    st.lists(matches, min_size=1, max_size=3),
    st.lists(st.tuples(matches, words, st.dates()), max_size=2),
)


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_places(inner) for key, inner in value.items() if key != "place"}
    return [_without_places(inner) for inner in value] if isinstance(value, (list, tuple)) else value


@given(policies, st.booleans())
def test_a_policy_means_the_same_as_yaml_and_as_a_mapping(mapping: dict[str, Any], flow: bool) -> None:
    text = yaml.safe_dump(mapping, allow_unicode=True, default_flow_style=flow)
    from_text, from_mapping = policy_of(text, "p.yml"), policy_from_mapping(mapping, "p.yml")
    assert _without_places(dataclasses.asdict(from_text)) == _without_places(dataclasses.asdict(from_mapping))


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _seconds(written: str | int | None) -> int | None:
    return int(written[:-1]) * SECONDS[written[-1]] if isinstance(written, str) else written


@given(policies)
def test_nothing_of_what_was_written_is_lost(mapping: dict[str, Any]) -> None:
    policy = policy_from_mapping(mapping, "p.yml")
    for name, written in mapping["tiers"].items():
        tier = policy.tiers[name]
        for option in ("rpo", "rto", "verify", "drill"):
            assert getattr(tier, option) == _seconds(written.get(option))
        for option in ("storage", "mode", "compress", "schedule"):
            assert getattr(tier, option) == written.get(option)
        keep = {} if tier.keep is None else dataclasses.asdict(tier.keep)
        assert {rule: number for rule, number in keep.items() if number} == written.get("keep", {})
        shown = tier.window and [f"{at // 60}:{at % 60:02}" for at in (tier.window.start, tier.window.end)]
        assert shown == (written["window"].split("-") if "window" in written else None)
        assert tier.job == written.get("job", {})
    for rule, wish in zip(policy.rules, mapping["rules"]):
        assert (rule.match is None) == ("match" not in wish)
        for option in ("tags", "pools", "nodes", "names"):
            wanted = wish.get("match", {}).get(option, [])
            assert set(getattr(rule.match, option, ())) == ({wanted} if isinstance(wanted, str) else set(wanted))
    written_days: list[date] = [exemption["until"] for exemption in mapping["exemptions"]]
    assert [exemption.until for exemption in policy.exemptions] == written_days
