# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy document that is wrong: each mistake by its place, all at once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import (
    policy_from_mapping,
    policy_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import PolicyError, Problem

GOOD: dict[str, Any] = {
    "version": 1,
    "name": "main",
    "tiers": {"gold": {"rpo": "24h", "storage": "vault", "schedule": "02:30", "drill": "30d"}},
    "rules": [{"name": "some", "match": {"tags": ["db"]}, "tier": "gold"}, {"tier": "gold"}],
    "exemptions": [{"match": {"ids": [105]}, "reason": "lab", "until": "2027-01-31"}],
}
DELETE = object()


def _changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner: Any = document
    for step in way:
        inner = inner[step]
    if value is DELETE:
        del inner[last]
    else:
        inner[last] = value
    return document


def _sentences(mapping: Any) -> list[str]:
    with pytest.raises(PolicyError) as caught:
        policy_from_mapping(mapping, "policy")
    return [str(problem).removeprefix("policy: ") for problem in caught.value.problems]


TIER_KEYS = "compress, drill, encrypted, job, keep, mode, protected, rpo, rto, schedule, storage, verify, window"
NOT_OF_THE_JOB = "expected a further setting of the job, none that the tier, the rules or the policy make"


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("version", 2, "version: expected 1, the only version that there is, found 2."),
        (
            "version",
            True,
            (
                "version: expected 1, the only version that there is, found a word that YAML takes for true; "
                "put it into quotes if it is a text."
            ),
        ),
        ("version", DELETE, "version: expected 1, the only version that there is, found nothing."),
        (
            "name",
            "Main",
            (
                "name: expected a name of at most 20 small letters, digits and hyphens that begins with a "
                'letter, found "Main".'
            ),
        ),
        ("grace", "-1h", 'grace: expected a duration with its unit, such as 24h, or 0, found "-1h".'),
        ("tiers", {}, "tiers: expected a mapping with at least one tier, found an empty mapping."),
        ("tiers/gold", None, "tiers.gold: expected a tier: a mapping with rpo, storage and more, found nothing."),
        ("tiers/gold/rpo", "soon", 'tiers.gold.rpo: expected a duration with its unit, such as 24h, found "soon".'),
        ("tiers/gold/rpo", 0, "tiers.gold.rpo: expected a duration with its unit, such as 24h, found 0."),
        ("tiers/gold/rpo", "0h", 'tiers.gold.rpo: expected a duration with its unit, such as 24h, found "0h".'),
        ("tiers/gold/rpo", 24, "tiers.gold.rpo: expected a duration with its unit, such as 24h, found 24."),
        ("tiers/gold/rpo", "24", 'tiers.gold.rpo: expected a duration with its unit, such as 24h, found "24".'),
        ("grace", 24, "grace: expected a duration with its unit, such as 24h, or 0, found 24."),
        (
            "tiers/gold/drill",
            "3M",
            (
                "tiers.gold.drill: expected a duration with its unit, such as 30d, "
                'found "3M"; write m for minutes, or 90d.'
            ),
        ),
        ("tiers/gold/rpo", DELETE, "tiers.gold.rpo: expected a duration with its unit, such as 24h, found nothing."),
        ("tiers/gold/rpo", "99999w", 'tiers.gold.rpo: expected a duration of at most a hundred years, found "99999w".'),
        (
            "tiers/gold/rop",
            "24h",
            f"tiers.gold.rop: expected one of {TIER_KEYS}, found an unknown key (is rto or rpo meant?).",
        ),
        ("tiers/gold/colour", "red", f"tiers.gold.colour: expected one of {TIER_KEYS}, found an unknown key."),
        ("tiers/gold/window", "22:00-06:00", "tiers.gold: expected exactly one of schedule and window, found both."),
        ("tiers/gold/schedule", DELETE, "tiers.gold: expected exactly one of schedule and window, found neither."),
        (
            "tiers/gold/schedule",
            1320,
            (
                'tiers.gold.schedule: expected a calendar event such as "02:30", as one line of '
                "text, found the number 1320; put it into quotes."
            ),
        ),
        (
            "tiers/gold/schedule",
            "02:30\nid: x",
            (
                'tiers.gold.schedule: expected a calendar event such as "02:30", as one '
                'line of text, found "02:30\\nid: x".'
            ),
        ),
        (
            "tiers/gold/schedule",
            "02:30\n",
            'tiers.gold.schedule: expected a calendar event such as "02:30", as one line of text, found "02:30\\n".',
        ),
        (
            "tiers/gold/storage",
            False,
            (
                "tiers.gold.storage: expected the name of a storage, found a word that YAML takes "
                "for false; put it into quotes if it is a text."
            ),
        ),
        ("tiers/gold/mode", "fast", 'tiers.gold.mode: expected snapshot, suspend or stop, found "fast".'),
        ("tiers/gold/protected", "yes", 'tiers.gold.protected: expected true or false, found "yes".'),
        (
            "tiers/gold/keep",
            {"daily": 0},
            (
                "tiers.gold.keep: expected a retention such as {last: 3, daily: 7} or {all: "
                "true}, found a useless one: no rule keeps anything; set one of last, hourly, daily, weekly, monthly "
                "and yearly to 1 or more, or all to true to remove nothing."
            ),
        ),
        (
            "tiers/gold/keep",
            {"daily": 1, "all": True},
            (
                "tiers.gold.keep: expected a retention such as {last: 3, daily: "
                "7} or {all: true}, found a useless one: all cannot be set together with other rules."
            ),
        ),
        ("tiers/gold/keep", {"daily": -1}, "tiers.gold.keep.daily: expected a number of days such as 7, found -1."),
        ("tiers/gold/job", {"storage": "x"}, f'tiers.gold.job.storage: {NOT_OF_THE_JOB}, found "storage".'),
        ("tiers/gold/job", {"vmids": [1]}, f'tiers.gold.job.vmids: {NOT_OF_THE_JOB}, found "vmids".'),
        ("rules", [], "rules: expected a list of rules, the last of them without match, found an empty list."),
        ("rules/0/tier", "gilt", 'rules[0].tier: expected one of the tiers gold, found "gilt".'),
        (
            "rules/1/name",
            "some",
            'rules[1].name: expected a name that no rule before has, found "some", as rules[0] is named.',
        ),
        (
            "rules/0/name",
            "rule 2",
            'rules[1]: expected a name that no rule before has, found "rule 2", as rules[0] is named.',
        ),
        (
            "rules/1/match",
            {"type": "lxc"},
            "rules[1]: expected a last rule without match, for all other guests, found one with match.",
        ),
        (
            "rules/0/match",
            DELETE,
            "rules[0].match: expected conditions, because only the last rule is the default, found nothing.",
        ),
        (
            "rules/0/match",
            {},
            (
                "rules[0].match: expected a mapping of conditions such as {tags: [db], type: qemu}, found "
                "an empty mapping."
            ),
        ),
        (
            "rules/0/match",
            {"tags": []},
            "rules[0].match.tags: expected a tag or a list of tags, at least one, found an empty list.",
        ),
        (
            "rules/0/match",
            {"tags": [1.5]},
            (
                "rules[0].match.tags[0]: expected a tag of letters, digits and _ + . -, found the number 1.5; "
                "put it into quotes."
            ),
        ),
        (
            "rules/0/match",
            {"ids": ["100", "199-100"]},
            'rules[0].match.ids[1]: expected a range from the smaller to the larger number, found "199-100".',
        ),
        (
            "rules/0/match",
            {"ids": 5},
            "rules[0].match.ids: expected the number of a guest such as 105, or a range such as 100-199, found 5.",
        ),
        (
            "rules/0/match",
            {"tags": "prod,db"},
            'rules[0].match.tags: expected a tag of letters, digits and _ + . -, found "prod,db".',
        ),
        (
            "rules/0/match",
            {"tags": ["pr\u202eod"]},
            'rules[0].match.tags[0]: expected a tag of letters, digits and _ + . -, found "pr\\u202eod".',
        ),
        ("rules/0/match", {"pools": " shop"}, 'rules[0].match.pools: expected the name of a pool, found " shop".'),
        ("rules/0/match", {"nodes": ["pve1 "]}, 'rules[0].match.nodes[0]: expected the name of a node, found "pve1 ".'),
        ("rules/0/match", {"ids": [105] * 1001}, "rules[0].match.ids: expected at most 1,000 values, found 1,001."),
        ("rules/0/match", {"type": "vm"}, 'rules[0].match.type: expected qemu or lxc, found "vm".'),
        (
            "rules/0/match",
            {"names": "a" * 257},
            (
                "rules[0].match.names: expected a shell pattern of names such as "
                f'"db*", of at most 256 characters, found "{"a" * 60}...".'
            ),
        ),
        (
            "exemptions/0/until",
            "2027-02-30",
            'exemptions[0].until: expected a day of the calendar such as 2027-01-31, found "2027-02-30".',
        ),
        ("exemptions/0/until", "tomorrow", 'exemptions[0].until: expected a day such as 2027-01-31, found "tomorrow".'),
        ("exemptions/0/reason", " \n", 'exemptions[0].reason: expected a reason, as text, found " \\n".'),
        (
            "exemptions/0/match",
            DELETE,
            "exemptions[0].match: expected a mapping of conditions such as {tags: [db], type: qemu}, found nothing.",
        ),
        (
            "tiers/gold/job",
            {"note": {1, 2}},
            (
                "tiers.gold.job.note: expected a text, a number, true, false, a list or a "
                "mapping, found a value of the type set."
            ),
        ),
        (
            "tiers/gold/job",
            {"note": float("nan")},
            "tiers.gold.job.note: expected a text, a number, true, false, a list or a mapping, found nan.",
        ),
        (
            "tiers/gold/job",
            {"note": 16**9999},
            (
                "tiers.gold.job.note: expected a text, a number, true, false, a list "
                "or a mapping, found a very large number."
            ),
        ),
        (
            "tiers/gold/job",
            {"note": datetime(2027, 1, 1, tzinfo=timezone.utc)},
            (
                "tiers.gold.job.note: expected a text, "
                "a number, true, false, a list or a mapping, found a value of the type datetime."
            ),
        ),
        (
            "tiers/gold/job",
            {"note": "\ud800"},
            "tiers.gold.job.note: expected text, found half of a character (a surrogate).",
        ),
        ("rules/0/name", 7, "rules[0].name: expected a name of one line, found the number 7; put it into quotes."),
        ("tiers/gold/job", {7: "x"}, "tiers.gold.job.7: expected a key that is text, found 7."),
    ],
)
def test_one_mistake_is_one_sentence(path: str, value: Any, sentence: str) -> None:
    assert _sentences(_changed(path, value)) == [sentence]


def test_before_the_change_nothing_was_wrong() -> None:
    assert policy_from_mapping(GOOD, "policy").name == "main"


def test_a_key_of_strange_characters_breaks_no_line() -> None:
    assert _sentences(_changed("tiers/gold/a key\n", 1)) == [
        f'tiers.gold."a key\\n": expected one of {TIER_KEYS}, found an unknown key.'
    ]


def test_a_promise_of_time_needs_drills() -> None:
    document = _changed("tiers/gold/drill", DELETE)
    document["tiers"]["gold"]["rto"] = "15m"
    assert _sentences(document) == [
        "tiers.gold.rto: expected drill beside it (rto can only be judged by drills; set drill), found no drill."
    ]


def test_a_window_of_no_time_is_none() -> None:
    document = _changed("tiers/gold/schedule", DELETE)
    document["tiers"]["gold"]["window"] = "6:00 - 06:00"
    assert _sentences(document) == [
        'tiers.gold.window: expected a window that ends at another time than it begins, found "6:00 - 06:00".'
    ]


def test_a_tier_that_nobody_can_get_is_a_mistake() -> None:
    document = _changed("tiers/silver", GOOD["tiers"]["gold"])
    assert _sentences(document) == ["tiers.silver: expected a rule that names this tier, found none."]


@pytest.mark.parametrize("tiers", [{}, None, [], DELETE])
def test_rules_are_not_blamed_where_no_tiers_can_be_read(tiers: Any) -> None:
    assert [sentence.partition(":")[0] for sentence in _sentences(_changed("tiers", tiers))] == ["tiers"]


def test_two_default_rules_are_one_too_many() -> None:
    document = _changed("rules/0/match", DELETE)
    document["rules"].insert(0, {"tier": "gold"})
    assert _sentences(document) == [
        f"rules[{at}].match: expected conditions, because only the last rule is the default, found nothing."
        for at in (0, 1)
    ]


def test_a_default_before_others_is_told_where_it_stands() -> None:
    document = _changed("rules", [{"tier": "gold"}, {"match": {"type": "lxc"}, "tier": "gold"}])
    assert _sentences(document) == [
        "rules[0].match: expected conditions, because only the last rule is the default, found nothing."
    ]


@pytest.mark.parametrize("top", [None, 7, "text", [], [GOOD]])
def test_only_a_mapping_is_a_policy(top: Any) -> None:
    assert len(_sentences(top)) == 1
    assert _sentences(top)[0].startswith("expected a policy: a mapping with version, name, tiers and rules, found ")


def test_a_mapping_that_contains_itself_ends() -> None:
    document = copy.deepcopy(GOOD)
    job: dict[str, Any] = {}
    document["tiers"]["gold"]["job"] = job
    job["again"] = job
    assert [sentence.rpartition(": ")[2] for sentence in _sentences(document)] == [
        "expected at most 50 levels of nesting, found more."
    ]


def test_a_mapping_of_very_many_values_is_refused() -> None:
    assert "tiers.gold.job.note: expected at most 100,000 values, found more." in _sentences(
        _changed("tiers/gold/job", {"note": [0] * 100_001})
    )


def test_after_a_thousand_mistakes_no_more_are_collected() -> None:
    tier = {**GOOD["tiers"]["gold"], **{f"storag{number}": 1 for number in range(5_000)}}
    with pytest.raises(PolicyError) as caught:
        policy_from_mapping({**GOOD, "tiers": {"gold": tier}}, "policy")
    problems = caught.value.problems
    assert len(problems) == 1_000
    assert caught.value.message.endswith("... and at least 990 more.")
    assert [problem.found for problem in problems].count("an unknown key (is storage meant?)") == 100


@pytest.mark.parametrize("wrong", [7, "900-100", object()])
def test_of_a_list_of_wrong_values_a_thousand_are_told(wrong: object) -> None:
    with pytest.raises(PolicyError) as caught:
        policy_from_mapping(_changed("rules/0/match", {"ids": [wrong] * 5_000}), "policy")
    assert len(caught.value.problems) == 1_000


def test_all_mistakes_are_told_in_the_order_of_their_lines() -> None:
    with pytest.raises(InputError) as caught:
        policy_of(
            """\
name: main
tiers:
  gold:
    rpo: soon
    storage: no
    schedule: 22:00
    keep: {last: 0}
  gold: {}
  no: {}
rules:
  - match:
      ids:
        - 100
        - 199-100
    tier: gilt
version: 2
exemptions:
  - match: {type: vm}
    reason: none
    until: 2027-02-30
""",
            "policy.yml",
        )
    error = caught.value
    assert isinstance(error, PolicyError)
    assert [str(problem).removeprefix("policy.yml:").partition(": expected ")[0] for problem in error.problems] == [
        "3: tiers.gold",
        "4: tiers.gold.rpo",
        "5: tiers.gold.storage",
        "6: tiers.gold.schedule",
        "7: tiers.gold.keep",
        "8: tiers.gold",
        "9: tiers.no",
        "11: rules[0]",
        "14: rules[0].match.ids[1]",
        "15: rules[0].tier",
        "16: version",
        "18: exemptions[0].match.type",
        "20: exemptions[0].until",
    ]
    assert error.problems[1] == Problem(
        "policy.yml", 4, "tiers.gold.rpo", "a duration with its unit, such as 24h", '"soon"'
    )
    lines = error.message.split("\n")
    assert lines[:-1] == [str(problem) for problem in error.problems[:10]]
    assert lines[-1] == "... and 3 more."


def test_the_result_of_a_failed_task_has_the_problems_apart() -> None:
    with pytest.raises(PolicyError) as caught:
        policy_from_mapping({**GOOD, "rules": [{"match": {"type": "lxc"}}] * 300}, "policy")
    problems = caught.value.details()["problems"]
    assert len(problems) == 100
    assert problems[0] == {
        "file": "policy",
        "line": 0,
        "path": "rules[0].tier",
        "expected": "the name of a tier",
        "found": "nothing",
    }


@pytest.fixture
def said() -> Callable[[str], str]:
    def of(text: str) -> str:
        with pytest.raises(PolicyError) as caught:
            policy_of(text, "p.yml")
        return caught.value.message

    return of


def test_a_mistake_in_an_anchor_is_told_where_the_anchor_stands(said: Callable[[str], str]) -> None:
    message = said(
        """\
version: 1
name: main
tiers:
  gold: &gold {storage: vault, schedule: daily,
    rpo: soon}
  silver: {<<: *gold}
rules:
  - {match: {type: lxc}, tier: gold}
  - {tier: silver}
"""
    )
    assert message.split("\n") == [
        'p.yml:5: tiers.gold.rpo: expected a duration with its unit, such as 24h, found "soon".',
        'p.yml:5: tiers.silver.rpo: expected a duration with its unit, such as 24h, found "soon".',
    ]
