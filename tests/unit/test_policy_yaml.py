# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy file that is no YAML, or YAML that nobody should trust."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import (
    policy_of,
    read_policy,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import PolicyError

GOOD = """\
version: 1
name: main
tiers:
  gold:
    rpo: 24h
    storage: vault
    schedule: "02:30"
rules:
  - tier: gold
"""


def _said(text: str | bytes) -> str:
    with pytest.raises(PolicyError) as caught:
        policy_of(text, "p.yml")
    return caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.encode(),
        f"\ufeff{GOOD}",
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        f"---\n{GOOD}...\n",
        f"%YAML 1.1\n---\n{GOOD}",
        f"# a comment\n\n{GOOD}\n",
        GOOD.replace("vault", "!!str vault"),
        GOOD.replace("tiers:", "tiers: !!map"),
        GOOD.replace("rpo: 24h", "'rpo': 1440m"),
        GOOD.replace("  gold:", "  ? gold\n  :"),
    ],
)
def test_these_are_other_ways_to_write_the_same(text: str | bytes) -> None:
    policy = policy_of(text, "p.yml")
    assert policy.tiers["gold"].rpo == 86400
    assert policy.tiers["gold"].storage == "vault"
    assert policy.tiers["gold"].schedule == "02:30"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "p.yml:1: expected a mapping, found an empty document."),
        ("# nothing\n", "p.yml:1: expected a mapping, found an empty document."),
        (
            "- version: 1\n",
            "p.yml:1: expected a policy: a mapping with version, name, tiers and rules, found a list.",
        ),
        ("tiers:\n\tgold: 1\n", "p.yml:2: expected blanks as indentation, found a tab."),
        ("tiers:\n  gold:\n  \trpo: 1h\n", "p.yml:3: expected blanks as indentation, found a tab."),
        ("version: 1\nname: x\n\tgold: 1\n", "p.yml:3: expected blanks as indentation, found a tab."),
        ('a:\t"b"\n', "p.yml:1: expected blanks, found a tab."),
        ("a: b: c\n", "p.yml:1: expected valid YAML, found a mistake: mapping values are not allowed here."),
        (f"{GOOD}---\n{GOOD}", "p.yml:10: expected one document, found a second one."),
        (f"{GOOD}\0", "p.yml:10: expected text, found the control character U+0000."),
        (b"version: 1\nname: \xe4\n", "p.yml:2: expected UTF-8, found the byte 0xe4 that is none."),
        (b"\xff\xfev\0", "p.yml:1: expected UTF-8, found the byte 0xff that is none."),
        ("name: \ud800", "p.yml:1: expected UTF-8, found the byte 0xed that is none."),
        ("a: *b\n", "p.yml:1: expected the anchor &b before its alias, found none."),
        (
            'a: "\\U99999999"\n',
            "p.yml:1: expected valid YAML, found a number or a character that is far too large.",
        ),
        (
            f"%YAML {'9' * 5000}.1\n--- a\n",
            "p.yml:1: expected valid YAML, found a number or a character that is far too large.",
        ),
        (f"# {'x' * 1024 * 1024}\n{GOOD}", "p.yml:1: expected a document of at most 1 MiB, found a larger one."),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence_with_its_line(text: str | bytes, message: str) -> None:
    assert _said(text) == message


IN_QUOTES = "which YAML takes for a number; put it into quotes"
PLAIN = "expected a plain number or a text, found"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "rpo: 24h",
            "rpo: 1h\n    rpo: 2h",
            "6: tiers.gold.rpo: expected each key once, found it again (first in line 5)",
        ),
        ("name: main", "name: m\n'version': 1", "3: version: expected each key once, found it again (first in line 1)"),
        ('"02:30"', "22:00", f"7: tiers.gold.schedule: {PLAIN} 22:00, {IN_QUOTES}"),
        ("24h", "24:00", f"5: tiers.gold.rpo: {PLAIN} 24:00, {IN_QUOTES}"),
        ("24h", "0x10", f"5: tiers.gold.rpo: {PLAIN} 0x10, {IN_QUOTES}"),
        ("24h", "3_600", f"5: tiers.gold.rpo: {PLAIN} 3_600, {IN_QUOTES}"),
        ("24h", "9" * 31, f"5: tiers.gold.rpo: {PLAIN} {'9' * 31}, {IN_QUOTES}"),
        ("vault", ".inf", f"6: tiers.gold.storage: {PLAIN} .inf, {IN_QUOTES}"),
        ("vault", "010", f"6: tiers.gold.storage: {PLAIN} 010, {IN_QUOTES}"),
        (
            "vault",
            "!!bool maybe",
            f"6: tiers.gold.storage: {PLAIN} maybe, which YAML takes for a word; put it into quotes",
        ),
        (
            "vault",
            "no",
            (
                "6: tiers.gold.storage: expected the name of a storage, found a word that YAML takes for false; put it "
                "into quotes if it is a text"
            ),
        ),
        (
            "vault",
            "1.5",
            "6: tiers.gold.storage: expected the name of a storage, found the number 1.5; put it into quotes",
        ),
        ("vault", "~", "6: tiers.gold.storage: expected the name of a storage, found nothing"),
        ("vault", '"\\uD800"', "6: tiers.gold.storage: expected text, found half of a character (a surrogate)"),
        (
            "vault",
            "!!python/object/apply:os.system [id]",
            "6: tiers.gold.storage: expected a plain YAML sequence, found the tag !!python/object/apply:os.system",
        ),
        ("vault", "!vault x", "6: tiers.gold.storage: expected a plain YAML scalar, found the tag !vault"),
        ("vault", "!!binary eA==", "6: tiers.gold.storage: expected a plain YAML scalar, found the tag !!binary"),
        ("vault", "!!str {a: 1}", "6: tiers.gold.storage: expected a plain YAML mapping, found the tag !!str"),
        ("name: main", "name: m\nno: 1", "3: no: expected a key that is text, found no; put it into quotes"),
        ("name: main", "name: m\n1: 1", "3: 1: expected a key that is text, found 1; put it into quotes"),
        ("name: main", "name: m\n? \n: 1", '3: "": expected a key that is text, found none'),
        ("name: main", "name: m\n? [a]\n: 1", '3: "": expected a key that is text, found none'),
        (
            "rpo: 24h",
            "rpo: 24h\n    <<: 7",
            '6: tiers.gold."<<": expected a mapping to merge, or a list of them, found "7"',
        ),
        (
            "rpo: 24h",
            "rpo: 24h\n    <<: {mode: stop}\n    <<: {}",
            '7: tiers.gold."<<": expected each key once, found it again (first in line 6)',
        ),
        (
            "rpo: 24h",
            "rpo: 24h\n    <<: !x {mode: stop}",
            '6: tiers.gold."<<": expected a plain YAML mapping, found the tag !x',
        ),
    ],
)
def test_what_yaml_reads_otherwise_than_people_is_told_with_its_line(old: str, new: str, message: str) -> None:
    assert _said(GOOD.replace(old, new)) == f"p.yml:{message}."


def test_a_date_is_the_text_of_a_name_too() -> None:
    assert policy_of(GOOD.replace("vault", "2027-01-31"), "p.yml").tiers["gold"].storage == "2027-01-31"


def _ladder(rung: str) -> str:
    """Nine steps, each of them nine times the one before: 9^9 values."""
    return "a0: &a0 {x: 1}\n" + "".join(
        f"a{step}: &a{step} {rung.format(', '.join([f'*a{step - 1}'] * 9))}\n" for step in range(1, 10)
    )


MANY = "expected at most 100,000 values, found more, with what its aliases stand for."
DEEP = "expected at most 50 levels of nesting, found more"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_ladder("[{}]"), f"p.yml:6: {MANY}"),
        (_ladder("{{<<: [{}]}}"), f"p.yml:6: {MANY}"),
        (f"a: &a {'x' * 100_000}\nb: [{'*a,' * 200}]", f"p.yml:2: {MANY}"),
        ("a: &a [*a]\n", "p.yml:1: expected an alias of something complete, found *a, which contains itself."),
        ("a: &a {<<: *a}\n", "p.yml:1: expected an alias of something complete, found *a, which contains itself."),
        ("[" * 500, f"p.yml:1: {DEEP}."),
        ("{a: " * 3_000, f"p.yml:1: {DEEP}."),
        ("- " * 3_000, f"p.yml:1: {DEEP}."),
        ("".join(f"{' ' * level}a:\n" for level in range(500)), f"p.yml:50: {DEEP}."),
        (
            "a0: &a0 x\n" + "".join(f"a{step}: &a{step} [*a{step - 1}]\n" for step in range(1, 60)),
            f"p.yml:50: {DEEP}, with what its aliases stand for.",
        ),
    ],
    ids=["bomb", "merged bomb", "long text", "recursion", "merged recursion", "[", "{", "-", "blanks", "chain"],
)
def test_a_small_text_that_stands_for_very_much_is_refused_within_the_limit_of_a_test(text: str, message: str) -> None:
    assert _said(text) == message


def _refused(path: str | Path) -> str:
    with pytest.raises(PolicyError) as caught:
        read_policy(path)
    return caught.value.message


@pytest.mark.parametrize(
    ("path_in", "why"),
    [
        (lambda folder: folder / "none.yml", "No such file or directory"),
        (lambda folder: folder, "Is a directory"),
        (lambda folder: folder / ("x" * 300), "File name too long"),
        (lambda _: Path("/proc/self/mem"), "Input/output error"),  # its first page: unreadable for root, too
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, path_in: Callable[[Path], Path], why: str) -> None:
    path = path_in(tmp_path)
    assert _refused(path) == f"{path}: expected a file that can be read, found this: {why}."


def test_a_name_that_no_file_can_have_is_a_mistake_too() -> None:
    assert _refused("a\0b").startswith("a\\x00b: expected a file that can be read, found this: ")


def test_a_file_of_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.yml"
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    assert _refused(path) == f"{path}:1: expected a document of at most 1 MiB, found a larger one."


def test_devices_and_pipes_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "policy.yml"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        assert _refused(path) == f"{path}: expected a file that can be read, found this: not a regular file."


@pytest.mark.parametrize(
    ("character", "told"),
    [
        ("\x85", "LF or CR LF at the end of a line, found U+0085"),
        ("\u2028", "LF or CR LF at the end of a line, found U+2028 (line separator)"),
        ("\u2029", "LF or CR LF at the end of a line, found U+2029 (paragraph separator)"),
        ("\r", "LF or CR LF at the end of a line, found a CR without LF"),
        ("\u202e", "characters that can be seen, found U+202E (right-to-left override)"),
        ("\u200b", "characters that can be seen, found U+200B (zero width space)"),
        ("\ufeff", "characters that can be seen, found U+FEFF (zero width no-break space)"),
        ("\U000e0041", "characters that can be seen, found U+E0041 (tag latin capital letter a)"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_a_diff_does_not_show_is_refused_with_its_line(character: str, told: str, line_end: str) -> None:
    text = GOOD.replace("rules:", f"# see below{character}exemptions: []\nrules:").replace("\n", line_end)
    assert _said(text) == f"p.yml:8: expected {told}."
    assert _said(text.encode()) == _said(text)


def test_the_first_of_several_hidden_characters_is_told() -> None:
    assert _said(f"{GOOD}# \u200b\n# \x85") == (
        "p.yml:10: expected characters that can be seen, found U+200B (zero width space)."
    )
    assert _said(f"\ufeff\ufeff{GOOD}").startswith("p.yml:1: expected characters that can be seen, found U+FEFF")


def test_comments_may_be_in_any_language() -> None:
    assert policy_of(f"# Größe: 日本語 \U0001f600 — עברית\n{GOOD}", "p.yml").name == "main"
