# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy as values: what each tier promises, and who belongs to which. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.name_patterns import name_test


@dataclass(frozen=True)
class Place:
    """Where something stands in the document: ``file`` as it was named, ``line`` from 1 on.

    Line 0 means that there are no lines: a policy given inline, or a file that could not be read.
    """

    file: str
    line: int

    def __str__(self) -> str:
        """As compilers write it."""
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Window:
    """The time of day in which backups may begin: minutes after midnight, ``end`` may lie on the next day."""

    start: int
    end: int


@dataclass(frozen=True)
class Tier:
    """What is promised. Durations in seconds; None (or False) where nothing is.

    ``rpo`` is how old the newest good backup may be, ``rto`` how long a restore may take in a drill, ``verify`` how old
    the newest verified backup may be, ``drill`` after how long a guest is drilled again. ``schedule`` is a calendar
    event of Proxmox VE. ``job`` are further settings of the tier's job, by the options of ``proxmox_backup_job``.
    """

    name: str
    rpo: int
    storage: str
    place: Place
    rto: int | None = None
    keep: Keep | None = None
    mode: str | None = None
    compress: str | None = None
    protected: bool = False
    encrypted: bool = False
    verify: int | None = None
    drill: int | None = None
    schedule: str | None = None
    window: Window | None = None
    job: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """What a rule looks at in a guest."""

    vmid: int
    name: str | None
    node: str
    type: str
    tags: frozenset[str]
    pool: str | None


@dataclass(frozen=True)
class Match:
    """Conditions of a rule: all that are given have to hold, each by any of its values.

    ``names`` are shell patterns of whole names, case sensitive. ``ids`` are ranges, both ends included.
    """

    tags: frozenset[str] = frozenset()
    pools: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    nodes: frozenset[str] = frozenset()
    ids: tuple[tuple[int, int], ...] = ()
    type: str | None = None

    @cached_property
    def name_test(self) -> Callable[[str], re.Match[str] | None]:
        """What matches any of the ``names``: made once for each rule, however many guests it is asked about."""
        return name_test(self.names)


@dataclass(frozen=True)
class Rule:
    """Who gets ``tier``; the default rule has no ``match``."""

    name: str
    tier: str
    match: Match | None
    place: Place


@dataclass(frozen=True)
class Exemption:
    """Guests that are left out, until the end of the day ``until`` (UTC)."""

    match: Match
    reason: str
    until: date
    place: Place


@dataclass(frozen=True)
class Policy:
    """A whole document. The last rule, and only it, is the default. ``grace`` is in seconds."""

    name: str
    tiers: Mapping[str, Tier]
    rules: tuple[Rule, ...]
    exemptions: tuple[Exemption, ...]
    grace: int
    place: Place
