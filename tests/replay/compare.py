# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares two documents: the same keys, types and values, but for what changes from run to run.

Lists are compared as sets of entries, each found by what names it, because Proxmox lists in the order of a hash. Of
lists of tasks only the shape is compared: how many there are depends on everything that went before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from replay import normalise

# Keys whose values are of the moment or of the machine: only their type counts.
VOLATILE = frozenset(
    {
        "CSRFPreventionToken",
        "avail",
        "cpu",
        "digest",
        "disk",
        "endtime",
        "maxcpu",
        "maxdisk",
        "maxmem",
        "mem",
        "pid",
        "pstart",
        "size",
        "ssl_fingerprint",
        "starttime",
        "ticket",
        "total",
        "uptime",
        "used",
        "used_fraction",
        "value",
    }
)
_NAMES = ("volid", "id", "tokenid", "n", "subdir", "vmid", "storage", "name", "timestamp")
_WORD_LISTS = frozenset({"content", "prune-backups"})


def differences(recorded: Any, found: Any, where: str = "answer") -> Iterator[str]:
    """What differs, in words."""
    if isinstance(recorded, dict) and isinstance(found, dict):
        yield from _mappings(recorded, found, where)
    elif isinstance(recorded, list) and isinstance(found, list):
        yield from _lists(recorded, found, where)
    else:
        yield from _values(recorded, found, where)


def _mappings(recorded: dict[str, Any], found: dict[str, Any], where: str) -> Iterator[str]:
    for key in sorted(set(recorded) - set(found)):
        yield f"{where}: {key} is missing (recorded: {recorded[key]!r})"
    for key in sorted(set(found) - set(recorded)):
        yield f"{where}: {key} is not recorded (found: {found[key]!r})"
    for key in sorted(set(recorded) & set(found)):
        inside = f"{where}.{key}"
        if key in VOLATILE or (key == "ctime" and recorded.get("content") != "backup"):
            yield from _types(recorded[key], found[key], inside)
        elif key in _WORD_LISTS and isinstance(recorded[key], str) and isinstance(found[key], str):
            yield from _values(sorted(recorded[key].split(",")), sorted(found[key].split(",")), inside)
        else:
            yield from differences(recorded[key], found[key], inside)


def _lists(recorded: list[Any], found: list[Any], where: str) -> Iterator[str]:
    if bool(recorded) != bool(found):
        yield f"{where}: {len(recorded)} entries are recorded, {len(found)} found"
        return
    if any(isinstance(entry, dict) and "upid" in entry for entry in recorded):
        yield from _task_lists(recorded, found, where)
        return
    if all(isinstance(entry, dict) and set(entry) == {"n", "t"} for entry in recorded):
        recorded, found = normalise.log(recorded), normalise.log(found)
    left, right = _named(recorded), _named(found)
    for name in sorted(set(left) - set(right)):
        yield f"{where}: no entry {name}"
    for name in sorted(set(right) - set(left)):
        yield f"{where}: entry {name} is not recorded"
    for name in sorted(set(left) & set(right)):
        yield from differences(left[name], right[name], f"{where}[{name}]")


def _task_lists(recorded: list[Any], found: list[Any], where: str) -> Iterator[str]:
    """Each task found has the keys and types of some recorded one; whether a token or a user began it is history."""
    shapes = [_shape(entry) for entry in recorded]
    for entry in found:
        if _shape(entry) not in shapes and _shape(entry, without="tokenid") not in shapes:
            yield f"{where}: no task with the shape of {entry!r} is recorded"
            return


def _shape(entry: dict[str, Any], without: str = "") -> dict[str, str]:
    return {key: type(value).__name__ for key, value in entry.items() if key != without}


def _named(entries: list[Any]) -> dict[str, Any]:
    """Entries by their names; several of one name are numbered."""
    named: dict[str, Any] = {}
    for entry in entries:
        key = next((key for key in _NAMES if isinstance(entry, dict) and key in entry), None)
        base = normalise.text(str(entry[key])) if key is not None else str(entry)
        name, number = base, 1
        while name in named:
            number += 1
            name = f"{base} ({number})"
        named[name] = entry
    return named


def _types(recorded: Any, found: Any, where: str) -> Iterator[str]:
    numbers = (int, float)
    both_numbers = isinstance(recorded, numbers) and isinstance(found, numbers)
    if type(recorded) is not type(found) and not both_numbers:
        yield f"{where}: recorded as {type(recorded).__name__}, found {type(found).__name__} ({found!r})"


def _values(recorded: Any, found: Any, where: str) -> Iterator[str]:
    if isinstance(recorded, str) and isinstance(found, str):
        recorded, found = normalise.text(recorded), normalise.text(found)
    if type(recorded) is not type(found) or recorded != found:
        yield f"{where}: recorded {recorded!r}, found {found!r}"
