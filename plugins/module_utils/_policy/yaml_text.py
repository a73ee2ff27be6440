# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML text as values that know their lines. Private to this collection.

PyYAML's own constructor isn't asked: it takes the last of two equal keys, and reads ``22:00`` as the number 1320 and
``010`` as 8 (YAML 1.1) without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import Mistakes, Path, printable, shown
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.yaml_nodes import Node, compose

_TAG = "tag:yaml.org,2002:"
_KINDS = {
    "scalar": {"str", "null", "bool", "int", "float", "timestamp", "value", "merge"},
    "sequence": {"seq"},
    "mapping": {"map"},
}
_WORDS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,29})")
_FRACTION = re.compile(r"[-+]?[0-9]{1,30}\.[0-9]{0,30}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True)
class Spot:
    """Where a value stands: the line of its key, or of an item in a list."""

    line: int
    inner: Mapping[str | int, Spot] = field(default_factory=dict)

    def at(self, path: Path) -> Spot:
        """The spot of what lies at ``path``, or of the innermost that there is on the way to it."""
        spot = self
        for step in path:
            if step not in spot.inner:
                break
            spot = spot.inner[step]
        return spot


def read_yaml(text: str, mistakes: Mistakes) -> tuple[Any, Spot]:
    """The one document in ``text``, and where everything in it stands.

    What is wrong with single values goes to ``mistakes``. A mapping that is named by several aliases is one object.

    :raises Unreadable: where there is no use in going on: broken syntax, several documents, too large, too deep.
    """
    return _Maker(mistakes).made(compose(text), ())


class _Maker:
    """Values from nodes; each node once, however many aliases it has."""

    def __init__(self, mistakes: Mistakes) -> None:
        self._mistakes = mistakes
        self._made: dict[int, tuple[Any, Spot]] = {}

    def made(self, node: Node, path: Path) -> tuple[Any, Spot]:
        if id(node) not in self._made:
            self._made[id(node)] = self._make(node, path)
        return self._made[id(node)]

    def _make(self, node: Node, path: Path) -> tuple[Any, Spot]:
        if node.tag.replace(_TAG, "", 1) not in _KINDS[node.kind]:
            self._mistakes.add(
                path, f"a plain YAML {node.kind}", f"the tag {printable(node.tag.replace(_TAG, '!!', 1)[:60])}"
            )
            return None, Spot(node.line)
        if node.kind == "scalar":
            return self._scalar(node, path), Spot(node.line)
        if node.kind == "sequence":
            made = [self.made(item, (*path, at)) for at, item in enumerate(node.items)]
            spots: dict[str | int, Spot] = {
                at: Spot(node.items[at].line, spot.inner) for at, (_value, spot) in enumerate(made)
            }
            return [value for value, _spot in made], Spot(node.line, spots)
        return self._mapping(node, path)

    def _scalar(self, node: Node, path: Path) -> Any:
        text = node.text
        tag = node.tag.replace(_TAG, "", 1)
        if tag == "null":
            return None
        if tag == "bool" and text.lower() in _WORDS:
            return _WORDS[text.lower()]
        if tag == "int" and _INTEGER.fullmatch(text):
            return int(text)
        if tag == "float" and _FRACTION.fullmatch(text):
            return float(text)
        if tag in ("bool", "int", "float"):
            found = f"{shown(text)[1:-1]}, which YAML takes for a {'word' if tag == 'bool' else 'number'}"
            self._mistakes.add(path, "a plain number or a text", f"{found}; put it into quotes")
        return _day(text) if tag == "timestamp" else text

    def _mapping(self, node: Node, path: Path) -> tuple[Any, Spot]:
        values: dict[str, Any] = {}
        spots: dict[str | int, Spot] = {}
        merged: Node | None = None
        for key_node, value_node in node.pairs:
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in spots:
                again = f"it again (first in line {spots[key].line})"
                self._mistakes.add_key((*path, key), "each key once", again, key_node.line)
            elif key_node.tag == f"{_TAG}merge":
                merged = value_node
                spots[key] = Spot(key_node.line)
            else:
                values[key], spot = self.made(value_node, (*path, key))
                spots[key] = Spot(key_node.line, spot.inner)
        if merged is not None:
            self._merge(merged, values, spots, path)
        return values, Spot(node.line, spots)

    def _key(self, node: Node, path: Path) -> str | None:
        if node.kind != "scalar" or node.tag.replace(_TAG, "", 1) not in ("str", "value", "merge"):
            found = f"{shown(node.text)[1:-1]}; put it into quotes" if node.text else "none"
            self._mistakes.add_key((*path, node.text), "a key that is text", found, node.line)
            return None
        return node.text

    def _merge(self, source: Node, values: dict[str, Any], spots: dict[str | int, Spot], path: Path) -> None:
        """What the mapping itself says wins, then the first of several that are merged."""
        for mapping in source.items if source.kind == "sequence" else [source]:
            if mapping.kind != "mapping":
                self._mistakes.add((*path, "<<"), "a mapping to merge, or a list of them", shown(mapping.text))
                continue
            made, spot = self.made(mapping, (*path, "<<"))
            for key, value in (made or {}).items():
                if key not in values:
                    values[key] = value
                    spots[key] = spot.inner[key]


def _day(text: str) -> date | str:
    if not _DAY.fullmatch(text):
        return text
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text
