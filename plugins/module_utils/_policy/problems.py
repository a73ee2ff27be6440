# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a policy, told all at once. Private to this collection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Union

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Place

Path = tuple[Union[str, int], ...]
"""Keys of mappings and positions in lists (from 0 on), from the top of the document down."""

MESSAGES = 10
DETAILS = 100
MOST = 1000
"""Mistakes that are collected; nobody reads more, and a document of 1 MiB may have 100,000."""
_LONGEST_TEXT = 60
_LONGEST_NUMBER = 128
"""In bits."""


class Mistake(NamedTuple):
    """A problem before it is known in which file it stands. ``line`` is 0 where that follows from the path."""

    path: Path
    expected: str
    found: str
    line: int = 0


class Problem(NamedTuple):
    """One thing that is wrong. ``line`` is 0 where there are no lines, ``path`` empty for the whole document."""

    file: str
    line: int
    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        """One sentence."""
        where = str(Place(self.file, self.line))
        path = f"{self.path}: " if self.path else ""
        return f"{where}: {path}expected {self.expected}, found {self.found}."


class PolicyError(InputError):
    """The policy can't be used as it is written; ``problems`` are in the order of their lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        sentences = [str(problem) for problem in self.problems[:MESSAGES]]
        more = len(self.problems) - MESSAGES
        least = "at least " if len(self.problems) >= MOST else ""
        super().__init__("\n".join([*sentences, f"... and {least}{more} more."] if more > 0 else sentences))

    def details(self) -> dict[str, Any]:
        """The first hundred problems, for the result of a failed task."""
        return {"problems": [problem._asdict() for problem in self.problems[:DETAILS]]}


class Mistakes:
    """Collects what is wrong, up to a number, and knows about which values nothing has been said yet."""

    def __init__(self) -> None:
        self._all: dict[Mistake, None] = {}
        self._paths: set[Path] = set()
        self._touched: set[Path] = set()

    def __iter__(self) -> Iterator[Mistake]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def full(self) -> bool:
        """Whether there are so many that no more are collected."""
        return len(self._all) >= MOST

    def add(self, path: Path, expected: str, found: str) -> None:
        """One more, about the value at ``path``; the same again is told once."""
        self._paths.add(path)
        self.add_key(path, expected, found, 0)

    def add_key(self, path: Path, expected: str, found: str, line: int) -> None:
        """One more, about the key in ``line`` that leads to ``path``; whatever stands there is judged by itself."""
        if not self.full:
            self._all[Mistake(path, expected, found, line)] = None
        self._touched.update(path[:length] for length in range(len(path) + 1))

    def sound(self, path: Path) -> bool:
        """Whether nothing is wrong with the value at ``path``, nor with anything in it."""
        return path not in self._touched

    def told(self, path: Path) -> bool:
        """Whether something has been said of the value at ``path`` itself; it isn't the one that was written, then."""
        return path in self._paths


def path_text(path: Path) -> str:
    """``tiers.gold.rpo``, ``rules[0].match.ids[2]``; a key of other characters is put into quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += "." * bool(text) + (step if _is_word(step) else shown(step))
    return text


def _is_word(key: str) -> bool:
    return 0 < len(key) <= _LONGEST_TEXT and key.replace("-", "_").replace("_", "a").isalnum() and key.isascii()


def printable(text: str) -> str:
    """The text with an escape for each character that no terminal shows, or that would break a line."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def shown(value: object) -> str:
    """A value as it may stand in a sentence: on one line, not too long, and always printable."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        cut = value if len(value) <= _LONGEST_TEXT else f"{value[:_LONGEST_TEXT]}..."
        return printable(json.dumps(cut, ensure_ascii=False))
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() <= _LONGEST_NUMBER else "a very large number"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return f"a value of the type {type(value).__name__}"
