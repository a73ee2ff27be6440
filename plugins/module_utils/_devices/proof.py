# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The newest databases, opened. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Data
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, Share
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.sqlite_check import Check, check_copy

DATABASES = (MYSQL, SQLITE)
"""The types whose copies are SQLite databases."""


@dataclass(frozen=True)
class Proof:
    """How copies of databases are checked: ``level`` is none, open or full; ``parallel`` of them at once."""

    level: str
    parallel: int

    def checks(self, kind: str) -> bool:
        """Whether copies of this type are opened."""
        return kind in DATABASES and self.level != "none"


@dataclass(frozen=True)
class _Copy:
    share: Share
    path: str
    expected: Mapping[str, int]


def checked(evidence: Mapping[Share, Evidence], newest: Mapping[Share, Data], proof: Proof) -> dict[Share, Check]:
    """Check the newest copy of each share that is a database, and the copy of the device's ``newest`` data.

    Where these are two, the worse of the checks is told.
    """
    todo = [copy for share in evidence if proof.checks(share[0]) for copy in _copies(share, evidence, newest)]
    level: Literal["open", "full"] = "full" if proof.level == "full" else "open"
    checks: dict[Share, Check] = {}
    for copy, check in zip(
        todo, side_by_side(lambda one: check_copy(one.path, level, one.expected), todo, proof.parallel)
    ):
        before = checks.get(copy.share)
        checks[copy.share] = check if before is None else _worse(before, check)
    return checks


def _copies(share: Share, evidence: Mapping[Share, Evidence], newest: Mapping[Share, Data]) -> Iterator[_Copy]:
    one, data = evidence[share], newest.get(share)
    expected = {} if data is None else _expected(data)
    same = data is not None and data.path == one.path
    if one.newest is not None:
        yield _Copy(share, f"{one.root}/{one.path}", expected if same else {})
    if data is not None and one.found is not None and one.found.there and not same:
        yield _Copy(share, f"{one.found.root}/{data.path}", expected)


def _expected(data: Data) -> dict[str, int]:
    """The tables that a copy must have, and how many rows. Those of what still grows are ahead of any copy."""
    return {name: 0 if data.growing else rows for name, rows in data.tables.items() if rows}


def _worse(one: Check, other: Check) -> Check:
    order = (False, None, True)
    worse = min(one, other, key=lambda check: order.index(check.usable))
    complete = one.complete or other.complete
    return replace(worse, lacks=one.lacks or other.lacks, short=one.short or other.short, complete=complete)
