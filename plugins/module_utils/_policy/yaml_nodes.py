# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML text as nodes with their lines, within limits. Private to this collection.

PyYAML reads the events; nodes are put together here, because its own composer follows any depth, and says nothing of
what aliases stand for. All of it takes time in proportion to the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import one_line
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import printable

LIBRARY_ERROR: Exception | None
try:
    import yaml

    LIBRARY_ERROR = None
except ImportError as error:  # said by the adapter with the name of the interpreter
    LIBRARY_ERROR = error

LARGEST = 1024 * 1024
"""Bytes of a document."""
DEEPEST = 50
MOST_NODES = 100_000
_TEXT_OF_A_NODE = 100
"""Characters of text that weigh as much as a node: else few aliases of a long text were many copies of it."""


class Unreadable(Exception):
    """The text is no YAML that this collection reads; nothing else can be said about it."""

    def __init__(self, line: int, expected: str, found: str) -> None:
        super().__init__(f"line {line}: expected {expected}, found {found}")
        self.line = line
        self.expected = expected
        self.found = found


@dataclass
class Node:
    """A scalar, a sequence or a mapping; one that several aliases name is one object.

    ``size`` counts all that is in it, as often as aliases repeat it; it is 0 while the node is being read.
    """

    kind: str
    tag: str
    line: int
    text: str = ""
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    size: int = 0
    depth: int = 1


def compose(text: str) -> Node:
    """The one document in ``text``.

    :raises Unreadable: for broken syntax, none or several documents, and whatever is too large or too deep.
    """
    try:
        root = _Composer(text).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Unreadable(line, "text", f"the control character U+{ord(text[error.position]):04X}") from error
    except (ValueError, OverflowError) as error:  # from escapes and directives with numbers that no character has
        raise Unreadable(1, "valid YAML", "a number or a character that is far too large") from error
    if root is None:
        raise Unreadable(1, "a mapping", "an empty document")
    return root


def _syntax(error: Any, text: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark else 0
    lines = text.splitlines()
    line = lines[number] if number < len(lines) else ""
    why = printable(one_line(str(error.problem or error.context)))
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return Unreadable(number + 1, "blanks as indentation", "a tab")
    if "'\\t'" in why:
        return Unreadable(number + 1, "blanks", "a tab")
    return Unreadable(number + 1, "valid YAML", f"a mistake: {why}")


class _Composer:
    """Nodes from PyYAML's events, with aliases not followed but weighed."""

    def __init__(self, text: str) -> None:
        self._loader: Any = yaml.SafeLoader(text)
        self._anchors: dict[str, Node] = {}
        self._read = 0

    def document(self) -> Node | None:
        self._loader.get_event()  # the stream begins
        if self._loader.check_event(yaml.StreamEndEvent):
            return None
        self._loader.get_event()  # the document begins
        root = self._node(1)
        self._loader.get_event()
        if not self._loader.check_event(yaml.StreamEndEvent):
            line = self._loader.peek_event().start_mark.line + 1
            raise Unreadable(line, "one document", "a second one")
        return root

    def _node(self, level: int) -> Node:
        event = self._loader.get_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), line)
        self._read += 1
        if level > DEEPEST:
            raise Unreadable(line, f"at most {DEEPEST} levels of nesting", "more")
        if isinstance(event, yaml.ScalarEvent):
            tag = self._tag(yaml.ScalarNode, event.tag, event.value, event.implicit)
            node = Node("scalar", tag, line, text=event.value, size=1 + len(event.value) // _TEXT_OF_A_NODE)
            self._name(event.anchor, node)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Node("sequence", self._tag(yaml.SequenceNode, event.tag, None, event.implicit), line)
            self._name(event.anchor, node)
            self._fill_sequence(node, level)
        else:
            node = Node("mapping", self._tag(yaml.MappingNode, event.tag, None, event.implicit), line)
            self._name(event.anchor, node)
            self._fill_mapping(node, level)
        return node

    def _tag(self, kind: Any, tag: str | None, value: str | None, implicit: Any) -> str:
        return str(self._loader.resolve(kind, value, implicit) if tag in (None, "!") else tag)

    def _name(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node

    def _alias(self, anchor: str, line: int) -> Node:
        node = self._anchors.get(anchor)
        name = printable(anchor[:40])
        if node is None:
            raise Unreadable(line, f"the anchor &{name} before its alias", "none")
        if not node.size:
            raise Unreadable(line, "an alias of something complete", f"*{name}, which contains itself")
        return node

    def _fill_sequence(self, node: Node, level: int) -> None:
        size = 1
        while not self._loader.check_event(yaml.SequenceEndEvent):
            item = self._node(level + 1)
            node.items.append(item)
            size += self._weighed(node, item, size)
        self._loader.get_event()
        node.size = size

    def _fill_mapping(self, node: Node, level: int) -> None:
        size = 1
        while not self._loader.check_event(yaml.MappingEndEvent):
            key, value = self._node(level + 1), self._node(level + 1)
            node.pairs.append((key, value))
            size += self._weighed(node, key, size)
            size += self._weighed(node, value, size)
        self._loader.get_event()
        node.size = size

    def _weighed(self, node: Node, item: Node, size: int) -> int:
        node.depth = max(node.depth, item.depth + 1)
        line = max(node.line, item.line)
        if node.depth > DEEPEST:
            raise Unreadable(line, f"at most {DEEPEST} levels of nesting", "more, with what its aliases stand for")
        if max(size + item.size, self._read) > MOST_NODES:
            raise Unreadable(line, f"at most {MOST_NODES:,} values", "more, with what its aliases stand for")
        return item.size
