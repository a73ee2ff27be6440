# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy document that is right: what it comes to."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import (
    policy_from_mapping,
    policy_of,
    read_policy,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import (
    Exemption,
    Match,
    Place,
    Policy,
    Rule,
    Tier,
    Window,
)

DOCUMENT = """\
version: 1
name: main
grace: 12h
tiers:
  gold:
    rpo: 24h
    rto: 15m
    keep: {last: 3, daily: 7, weekly: 4}
    storage: vault
    mode: snapshot
    compress: zstd
    protected: false
    encrypted: true
    verify: 7d
    drill: 30d
    schedule: "02:30"
    job: {bwlimit: 50000}
  bronze:
    rpo: 7d
    storage: cellar
    keep: {all: true}
    window: "22:00-6:30"
rules:
  - name: databases
    match: {tags: [db, sql], pools: [prod], names: ["db*"], nodes: [pve1], ids: [100-199, 205], type: qemu}
    tier: gold
  - match:
      tags: web
      pools: shop
      names: "w?"
      nodes: pve2
      ids: 300
      type: [lxc]
    tier: gold
  - name: everything else
    tier: bronze
exemptions:
  - match: {ids: [105 - 107]}
    reason: >
      lab machine,
      rebuilt each night
    until: 2027-01-31
"""


def _place(line: int) -> Place:
    return Place("policy.yml", line)


def test_the_whole_document_is_understood() -> None:
    gold = Tier(
        name="gold",
        rpo=86400,
        storage="vault",
        place=_place(5),
        rto=900,
        keep=Keep(last=3, daily=7, weekly=4),
        mode="snapshot",
        compress="zstd",
        protected=False,
        encrypted=True,
        verify=604800,
        drill=2592000,
        schedule="02:30",
        job={"bwlimit": 50000},
    )
    bronze = Tier(
        name="bronze", rpo=604800, storage="cellar", place=_place(18), keep=Keep(all=True), window=Window(1320, 390)
    )
    databases = Match(
        tags=frozenset({"db", "sql"}),
        pools=frozenset({"prod"}),
        names=("db*",),
        nodes=frozenset({"pve1"}),
        ids=((100, 199), (205, 205)),
        type="qemu",
    )
    shop = Match(
        tags=frozenset({"web"}),
        pools=frozenset({"shop"}),
        names=("w?",),
        nodes=frozenset({"pve2"}),
        ids=((300, 300),),
        type="lxc",
    )
    assert policy_of(DOCUMENT, "policy.yml") == Policy(
        name="main",
        tiers={"gold": gold, "bronze": bronze},
        rules=(
            Rule("databases", "gold", databases, _place(24)),
            Rule("rule 2", "gold", shop, _place(27)),
            Rule("everything else", "bronze", None, _place(35)),
        ),
        exemptions=(
            Exemption(Match(ids=((105, 107),)), "lab machine, rebuilt each night", date(2027, 1, 31), _place(38)),
        ),
        grace=12 * 3600,
        place=_place(1),
    )


def test_tiers_keep_the_order_of_the_document() -> None:
    assert list(policy_of(DOCUMENT, "policy.yml").tiers) == ["gold", "bronze"]


def test_a_file_is_named_as_it_was_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(DOCUMENT, encoding="utf-8")
    assert str(read_policy(file).tiers["gold"].place) == f"{file}:5"
    assert read_policy(str(file)) == read_policy(file)


SMALLEST = {
    "version": 1,
    "name": "m",
    "tiers": {"only": {"rpo": "1h", "storage": "vault", "schedule": "daily"}},
    "rules": [{"tier": "only"}],
}


def test_what_is_not_said_promises_nothing() -> None:
    place = Place("inventory", 0)
    assert policy_from_mapping(SMALLEST, "inventory") == Policy(
        name="m",
        tiers={"only": Tier(name="only", rpo=3600, storage="vault", place=place, schedule="daily")},
        rules=(Rule("rule 1", "only", None, place),),
        exemptions=(),
        grace=24 * 3600,
        place=place,
    )
    assert str(place) == "inventory"


def test_a_day_that_is_a_date_or_a_text_is_the_same() -> None:
    exemptions = [
        {"match": {"ids": 105}, "reason": "lab", "until": until} for until in (date(2027, 1, 31), "2027-01-31")
    ]
    read = policy_from_mapping({**SMALLEST, "exemptions": exemptions}, "inventory").exemptions
    assert [exemption.until for exemption in read] == [date(2027, 1, 31)] * 2


@pytest.mark.parametrize("types", [["qemu", "lxc"], ["lxc", "qemu", "lxc"]])
def test_both_types_are_no_condition(types: list[str]) -> None:
    rules = [{"match": {"type": types, "tags": "x"}, "tier": "only"}, {"tier": "only"}]
    assert policy_from_mapping({**SMALLEST, "rules": rules}, "inventory").rules[0].match == Match(tags=frozenset({"x"}))


def test_numbers_that_came_through_json_as_fractions_are_whole() -> None:
    tier = {"rpo": "1h", "storage": "vault", "schedule": "daily", "keep": {"last": 3.0}}
    rules = [{"match": {"ids": [105.0]}, "tier": "only"}, {"tier": "only"}]
    policy = policy_from_mapping({**SMALLEST, "tiers": {"only": tier}, "rules": rules}, "inventory")
    assert policy.tiers["only"].rpo == 3600
    assert str(policy.tiers["only"].keep) == "keep-last=3"
    assert policy.rules[0].match == Match(ids=((105, 105),))


def test_anchors_and_merge_keys_spare_repetition() -> None:
    policy = policy_of(
        """\
version: 1
name: main
tiers:
  gold: &gold
    rpo: 24h
    storage: &where vault
    schedule: "02:30"
    keep: &keep {daily: 7}
  silver:
    <<: *gold
    rpo: 2d
  bronze:
    <<: [{rpo: 9d, mode: stop}, *gold]
    keep: *keep
    storage: *where
rules:
  - {match: {tags: &tags [a, b]}, tier: gold}
  - {match: {tags: *tags, ids: 100}, tier: silver}
  - {tier: bronze}
""",
        "policy.yml",
    )
    silver, bronze = policy.tiers["silver"], policy.tiers["bronze"]
    assert (silver.rpo, silver.storage, silver.schedule, silver.keep) == (172800, "vault", "02:30", Keep(daily=7))
    assert (bronze.rpo, bronze.mode, bronze.storage, bronze.keep) == (777600, "stop", "vault", Keep(daily=7))
    assert policy.rules[1].match == Match(tags=frozenset({"a", "b"}), ids=((100, 100),))
