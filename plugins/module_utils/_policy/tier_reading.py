# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tier of the document promises, as values, and what no schema finds in it. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Place, Tier, Window
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.problems import Mistakes, Path, shown


def read_tier(name: str, data: Mapping[str, Any], place: Place, mistakes: Mistakes) -> Tier | None:
    """A tier out of a mapping; None where anything in it is wrong, by ``mistakes`` before or after."""
    path: Path = ("tiers", name)

    def read(option: str, reader: Callable[[Any, Path, Mistakes], Any]) -> Any:
        here = (*path, option)
        return reader(data[option], here, mistakes) if option in data and mistakes.sound(here) else None

    durations = {option: read(option, read_duration) for option in ("rpo", "rto", "verify", "drill")}
    keep, window = read("keep", _keep), read("window", _window)
    if not mistakes.sound(path):
        return None
    return Tier(
        name=name,
        rpo=durations["rpo"],
        storage=data["storage"],
        place=place,
        rto=durations["rto"],
        keep=keep,
        mode=data.get("mode"),
        compress=data.get("compress"),
        protected=data.get("protected", False),
        encrypted=data.get("encrypted", False),
        verify=durations["verify"],
        drill=durations["drill"],
        schedule=data.get("schedule"),
        window=window,
        job=data.get("job", {}),
    )


def read_duration(value: Any, path: Path, mistakes: Mistakes) -> int:
    """Seconds; 0 where the value is wrong."""
    if not mistakes.sound(path):
        return 0
    try:
        return parse_duration(str(int(value)) if isinstance(value, float) else value, "")
    except InputError:  # the schema knows all but the size
        mistakes.add(path, "a duration of at most a hundred years", shown(value))
        return 0


def _keep(value: Mapping[str, Any], path: Path, mistakes: Mistakes) -> Keep | None:
    whole = {f"keep_{rule}": number if isinstance(number, bool) else int(number) for rule, number in value.items()}
    try:
        return Keep.from_params(whole)
    except InputError as error:  # says it in the words of a module's options
        why = error.message.partition(": ")[2].rstrip(".").replace("keep_", "")
        mistakes.add(path, "a retention such as {last: 3, daily: 7} or {all: true}", f"a useless one: {why}")
        return None


def _window(value: str, path: Path, mistakes: Mistakes) -> Window:
    start, end = (_minutes(clock) for clock in value.split("-"))
    if start == end:
        mistakes.add(path, "a window that ends at another time than it begins", shown(value))
    return Window(start, end)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
