# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of device_backup_status: ask, look, judge, report. Private to this collection."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.table import cell
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.catalogue import Catalogue
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Trees
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fleet import Terms, Told, assemble, members
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.inquiry import Heard, Inquiry
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import Layout
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.report import (
    failure,
    fleet_report,
    message,
    services_report,
    shown,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import Broken, NoShelf, Shelf
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Seen, Times, look
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.wish import Wish

_NANO = 10**9


def device_backup_status(
    params: Mapping[str, Any], environment: Mapping[str, str], clock: Clock
) -> tuple[dict[str, Any], str | None]:
    """The module's result, and why the task fails, if it does. Nothing but the catalogue is written.

    :raises InputError: for options that can't be meant, before anything is asked.
    """
    wish = Wish.from_params(params, environment)
    begun = clock.monotonic()
    with closing(Catalogue.at(wish.cache_path)) as catalogue:
        inquiry = Inquiry(wish.questions, wish.manner, catalogue, clock)
        now = clock.now()
        trees = Trees(_seen(wish, catalogue, now))
        heard = inquiry.results()
        told = Told.of(one.facts for one in heard if one.facts is not None)
        chosen = assemble(told, trees, wish.devices, wish.exclude)
        terms = Terms(wish.types, {kind: wish.max_age(kind) for kind in wish.types}, now)
        report = fleet_report(members(chosen, told, trees, terms, wish.proof))
        catalogue.write()
        services = services_report(heard, wish.urls)
        result = {
            **report,
            "services": services,
            "cache": _cache(catalogue, trees),
            "elapsed": round(clock.monotonic() - begun, 3),
            "warnings": [*catalogue.warnings, *_warnings(trees)],
            "msg": message(report, services),
        }
    return result, _failure(wish, heard, trees, result, chosen)


def _seen(wish: Wish, catalogue: Catalogue, now: float) -> list[Seen]:
    """Each tree; without the catalogue where that turns out to be damaged, or can't be read any more."""
    moment = int(now * _NANO)
    times = Times(moment, moment - wish.stable_after * _NANO, wish.manner.refresh)
    while catalogue.used:
        try:
            return [_looked(layout, catalogue.shelf(layout, times.known), times) for layout in wish.layouts]
        except Broken as damage:
            catalogue.start_anew(damage)
        except sqlite3.OperationalError as failed:
            catalogue.give_up(f"cannot be read: {failed}")
    return [look(layout, NoShelf(), times) for layout in wish.layouts]


def _looked(layout: Layout, shelf: Shelf, times: Times) -> Seen:
    """A tree. One that held copies at the last look and holds none now is taken for a disk that isn't mounted."""
    seen = look(layout, shelf, times)
    if seen.copies or seen.error or times.anew or not shelf.files:
        return seen
    shelf.forget()
    held = counted(shelf.files, "copy", "copies")
    seen.error = f"it is empty and held {held} at the last look: is its disk mounted? If that is right, use refresh"
    return seen


def _cache(catalogue: Catalogue, trees: Trees) -> dict[str, Any]:
    hits, misses = (sum(getattr(one, which) for one in trees.seen) for which in ("hits", "misses"))
    entries, size = catalogue.figures()
    return {
        "path": str(catalogue.path) if catalogue.used else None,
        "hits": hits,
        "misses": misses,
        "hit_ratio": round(hits / (hits + misses), 4) if hits + misses else 0.0,
        "entries": entries,
        "bytes": size,
    }


def _warnings(trees: Trees) -> list[str]:
    """What of the trees was left out."""
    warnings = []
    for one in trees.seen:
        root = shown(one.layout.root)
        if one.error is not None:
            warnings.append(f"{root} cannot be read: {one.error}. The devices' copies in it are unknown.")
        if one.unreadable:
            folders = listed((f"{cell(folder)} ({why})" for folder, why in one.unreadable), 3)
            warnings.append(f"In {root} {counted(len(one.unreadable), 'folder')} cannot be read: {folders}.")
        if one.links:
            warnings.append(
                f"In {root} {counted(one.links, 'symbolic link')} not followed; only what it points to counts."
            )
    return warnings


def _failure(
    wish: Wish,
    heard: Sequence[Heard],
    trees: Trees,
    report: Mapping[str, Any],
    chosen: Sequence[tuple[str, str | None]],
) -> str | None:
    silent = [f"{one.question.url}: {one.error}" for one in heard if one.facts is None]
    closed = [f"{one.layout.root}: {one.error}" for one in trees.seen if one.error is not None]
    if len(silent) == len(heard) and len(closed) == len(trees.seen):
        return f"Nothing could be looked at, so nothing is known of any device. {listed([*silent, *closed])}."
    unknown = sorted(wish.devices - {called for member in chosen for called in member if called is not None})
    if unknown:
        why = f" (no usable answer from {listed(silent)})" if silent else ""
        return (
            f"devices: no source knows {listed(map(cell, unknown))}{why}; write an id or a name as the result has it."
        )
    return failure(report, report["services"], wish.fail_on)
