# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Independent pieces of work side by side. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

WORKERS = 8
"""Threads for reads: enough to hide a slow node, few enough not to load pveproxy (three workers by default)."""


def in_turns(items: Iterable[Item], group: Callable[[Item], Hashable]) -> list[Item]:
    """The items, one of each group after the other, so that none has to wait for another's to end."""
    groups: dict[Hashable, list[Item]] = {}
    for item in items:
        groups.setdefault(group(item), []).append(item)
    rounds = max((len(some) for some in groups.values()), default=0)
    return [some[number] for number in range(rounds) for some in groups.values() if number < len(some)]


def side_by_side(work: Callable[[Item], Outcome], items: Iterable[Item], workers: int = WORKERS) -> list[Outcome]:
    """``work`` of every item, in the order of the items.

    The first exception is raised after all have ended, so that nothing goes on behind the caller's back.
    """
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(todo)))) as pool:
        return [future.result() for future in [pool.submit(work, item) for item in todo]]
