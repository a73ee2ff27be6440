# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a policy: all that is wrong with it is told at once. Private to this collection."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._policy import schema_check, yaml_nodes
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.hidden_characters import first_hidden
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Place, Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.plain_values import plain
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import (
    Mistakes,
    PolicyError,
    Problem,
    path_text,
    printable,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.rule_reading import (
    check_rules,
    read_exemption,
    read_rule,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.tier_reading import read_duration, read_tier
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.yaml_text import Spot, read_yaml

LIBRARY_ERROR = yaml_nodes.LIBRARY_ERROR or schema_check.LIBRARY_ERROR
"""Why PyYAML or jsonschema could not be imported; nothing here may be called then."""

_GRACE = "24h"


def read_policy(path: str | os.PathLike[str]) -> Policy:
    """The policy in a regular file of YAML, UTF-8. Pipes and devices might be waited for without an end.

    :raises PolicyError: with all its problems; also where the file can't be read.
    """
    name = os.fspath(path)
    file = printable(name)
    try:
        _check_regular(Path(name).stat().st_mode)  # first, because to open a device may do something
        with open(name, "rb", opener=_open_at_once) as handle:
            _check_regular(os.fstat(handle.fileno()).st_mode)
            content = handle.read(yaml_nodes.LARGEST + 1)
    except (OSError, ValueError) as error:  # a ValueError for a name with a NUL in it
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise PolicyError([Problem(file, 0, "", "a file that can be read", f"this: {why}")]) from error
    return policy_of(content, file)


def _check_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file")


def _open_at_once(name: str, flags: int) -> int:
    """Also where a pipe has taken the place of the file in the meantime."""
    return os.open(name, flags | os.O_NONBLOCK)


def policy_of(text: str | bytes, file: str) -> Policy:
    """The policy in a text of YAML; ``file`` is how its problems name it.

    :raises PolicyError: with all its problems.
    """
    mistakes = Mistakes()
    try:
        data, spot = read_yaml(_decoded(text), mistakes)
    except yaml_nodes.Unreadable as error:
        raise PolicyError([Problem(file, error.line, "", error.expected, error.found)]) from error
    return _policy(data, file, spot, mistakes)


def policy_from_mapping(mapping: Mapping[str, Any], name: str) -> Policy:
    """The policy that stands in a playbook or an inventory; ``name`` is how its problems name it, without lines.

    :raises PolicyError: with all its problems.
    """
    return _policy(mapping, name, None, Mistakes())


def _decoded(text: str | bytes) -> str:
    content = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(content) > yaml_nodes.LARGEST:
        raise yaml_nodes.Unreadable(1, "a document of at most 1 MiB", "a larger one")
    try:
        decoded = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise yaml_nodes.Unreadable(line, "UTF-8", f"the byte 0x{content[error.start]:02x} that is none") from error
    hidden = first_hidden(decoded)
    if hidden:
        raise yaml_nodes.Unreadable(*hidden)
    return decoded


def _policy(raw: Any, file: str, spot: Spot | None, mistakes: Mistakes) -> Policy:
    data = plain(raw, mistakes)
    schema_check.check_schema(data, mistakes)
    if mistakes.full:  # there may be values that nothing has looked at
        raise PolicyError(_problems(file, spot, mistakes))
    policy = _Reader(data if isinstance(data, dict) else {}, file, spot, mistakes).policy()
    if policy is None or mistakes:
        raise PolicyError(_problems(file, spot, mistakes))
    return policy


def _problems(file: str, spot: Spot | None, mistakes: Mistakes) -> list[Problem]:
    placed = [(mistake.line or (spot.at(mistake.path).line if spot else 0), mistake) for mistake in mistakes]
    return [
        Problem(file, line, path_text(mistake.path), mistake.expected, mistake.found)
        for line, mistake in sorted(placed, key=lambda pair: (pair[0], pair[1].path))
    ]


class _Reader:
    """Values out of plain data that may have mistakes anywhere; what is wrong is left out."""

    def __init__(self, data: Mapping[str, Any], file: str, spot: Spot | None, mistakes: Mistakes) -> None:
        self._data = data
        self._file = file
        self._spot = spot
        self._mistakes = mistakes

    def policy(self) -> Policy | None:
        tiers = self._mappings("tiers")
        check_rules(self._data.get("rules"), self._data.get("tiers"), self._mistakes)
        read_tiers = [read_tier(name, data, self._place("tiers", name), self._mistakes) for name, data in tiers]
        read_rules = [
            read_rule(at, data, self._place("rules", at), self._mistakes) for at, data in self._items("rules")
        ]
        exemptions = [
            read_exemption(at, data, self._place("exemptions", at), self._mistakes)
            for at, data in self._items("exemptions")
        ]
        grace = read_duration(self._data.get("grace", _GRACE), ("grace",), self._mistakes)
        if not self._mistakes.sound(()):
            return None
        return Policy(
            name=self._data["name"],
            tiers={tier.name: tier for tier in read_tiers if tier},
            rules=tuple(rule for rule in read_rules if rule),
            exemptions=tuple(exemption for exemption in exemptions if exemption),
            grace=grace,
            place=self._place(),
        )

    def _mappings(self, key: str) -> list[tuple[str, Mapping[str, Any]]]:
        value = self._data.get(key)
        return [(k, v) for k, v in value.items() if isinstance(v, dict)] if isinstance(value, dict) else []

    def _items(self, key: str) -> list[tuple[int, Mapping[str, Any]]]:
        value = self._data.get(key)
        return [(at, v) for at, v in enumerate(value) if isinstance(v, dict)] if isinstance(value, list) else []

    def _place(self, *path: str | int) -> Place:
        return Place(self._file, self._spot.at(path).line if self._spot else 0)
