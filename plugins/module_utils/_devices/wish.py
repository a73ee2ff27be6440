# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wants to know, checked before anything is asked. Private to this collection."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices import mysql_source, node_source, rsync_source
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Question
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Trust, checked_url
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import cause
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.inquiry import Manner
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import (
    MYSQL,
    SQLITE,
    VIDEO,
    Layout,
    own,
    results,
    videos,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.proof import Proof

ETHOSCOPE = "ethoscope"
DAY = 86400
AGES = {MYSQL: DAY, SQLITE: DAY, VIDEO: 7 * DAY}
"""Seconds; a type of the user's own has a day."""
MOST_PARALLEL = 64
LONGEST_WAIT = 3600
"""Seconds."""

_SERVICES: tuple[tuple[str, Callable[[str], Sequence[Question]]], ...] = (
    ("node_url", node_source.questions),
    ("mysql_service_url", mysql_source.questions),
    ("rsync_service_url", rsync_source.questions),
)
"""The options that name a service, and the rooms that know what to ask it."""
_PATHS: tuple[tuple[str, Callable[[str], Layout]], ...] = (("results_path", results), ("videos_path", videos))
_TREE_KEYS = {"type", "root", "pattern"}


@dataclass(frozen=True)
class Wish:
    """The module's options. Durations in seconds.

    ``urls`` are the services by name; ``devices`` and ``exclude`` are ids or names, empty for all and none.
    """

    questions: tuple[Question, ...]
    urls: Mapping[str, str]
    layouts: tuple[Layout, ...]
    devices: frozenset[str]
    exclude: frozenset[str]
    ages: Mapping[str, int]
    proof: Proof
    manner: Manner
    cache_path: Path | None
    stable_after: int
    fail_on: frozenset[str]

    @classmethod
    def from_params(cls, params: Mapping[str, Any], environment: Mapping[str, str]) -> Wish:
        """The options, checked.

        :raises InputError: for what can't be meant.
        """
        questions: list[Question] = []
        urls: dict[str, str] = {}
        for option, ask in _SERVICES:
            if params.get(option):
                url = checked_url(params[option], option)
                asked = ask(url)
                questions.extend(asked)
                urls[asked[0].service] = url
        layouts = _layouts(params)
        if not questions and not layouts:
            names = [option for option, _room in (*_SERVICES, *_PATHS)]
            raise InputError(f"There is nothing to look at: set at least one of {listed([*names, 'layout'])}.")
        if len(set(urls.values())) < len(urls):
            raise InputError("Two of node_url, mysql_service_url and rsync_service_url name the same address.")
        ages = _ages(params.get("max_age"), layouts)
        cache_path = _cache_path(params.get("cache_path"), environment)
        _apart(cache_path, layouts)
        return cls(
            tuple(questions),
            urls,
            layouts,
            frozenset(params.get("devices") or ()),
            frozenset(params.get("exclude") or ()),
            ages,
            Proof(params["verify"], _parallel(params["parallel"])),
            Manner(
                _timeout(params["timeout"]),
                min(parse_duration(params["cache_ttl"], "cache_ttl"), *ages.values()),  # an older answer proves nothing
                bool(params.get("refresh")),
                Trust(bool(params["validate_certs"]), params.get("ca_path")),
            ),
            cache_path,
            _positive(params["stable_after"], "stable_after"),
            frozenset(params.get("fail_on") or ()),
        )

    def max_age(self, kind: str) -> int:
        """The age in seconds from which a copy of this type is stale."""
        return self.ages.get(kind, DAY)

    @property
    def types(self) -> tuple[str, ...]:
        """The types that are reported: an Ethoscope's three where any of its sources is asked, then the user's own."""
        found = dict.fromkeys(AGES if self.questions else ())
        for layout in self.layouts:
            found.update(dict.fromkeys(AGES if layout.by_device else layout.types))
        return tuple(found)


def _layouts(params: Mapping[str, Any]) -> tuple[Layout, ...]:
    trees = params.get("layout") or [ETHOSCOPE]
    layouts: list[Layout] = []
    given = [(option, params[option], make) for option, make in _PATHS if params.get(option)]
    if ETHOSCOPE in trees:
        layouts.extend(make(_folder(path, option)) for option, path, make in given)
    elif given:
        raise InputError(
            f"{given[0][0]} is of the layout '{ETHOSCOPE}': add that to layout, or describe the tree there and leave "
            f"{given[0][0]} out."
        )
    for number, tree in enumerate(trees, 1):
        if tree != ETHOSCOPE:
            layouts.append(_own(tree, f"layout, entry {number}"))
    return tuple(layouts)


def _own(tree: Any, option: str) -> Layout:
    if not isinstance(tree, dict):
        raise InputError(f"{option}: '{tree}' is neither '{ETHOSCOPE}' nor a tree with type, root and pattern.")
    unknown = sorted(str(key) for key in tree.keys() - _TREE_KEYS)
    if unknown:
        raise InputError(f"{option} has {listed(unknown)}, which is unknown; a tree has type, root and pattern.")
    values = {key: tree.get(key) for key in _TREE_KEYS}
    for key, value in sorted(values.items()):
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"{option} needs a {key}, as text.")
    root = os.path.expandvars(str(values["root"]))
    return own(option, str(values["type"]), _folder(root, option), str(values["pattern"]))


def _folder(path: str, option: str) -> str:
    """The folder, absolute. One that may not be read is told in the result, beside all that can be."""
    if "\0" in path:
        raise InputError(f"{option}: a path cannot hold a NUL character.")
    try:
        folder = Path(path).expanduser().absolute()
    except RuntimeError as failure:  # ~ of a user that isn't there
        raise InputError(f"{option}: the user whose home {path} begins with is not known here.") from failure
    try:
        what = None if stat.S_ISDIR(folder.stat().st_mode) else "is not a folder"
    except PermissionError:
        what = None
    except OSError as failure:
        what = f"cannot be used ({cause(failure)})"
    if what is not None:
        raise InputError(f"{option}: {path} {what} where the module runs; name the folder that holds the copies.")
    return str(folder)


def _ages(given: Any, layouts: Sequence[Layout]) -> dict[str, int]:
    known = dict.fromkeys((*AGES, *(kind for layout in layouts for kind in layout.types)))
    unknown = sorted(str(kind) for kind in (given or {}).keys() - known.keys())
    if unknown:
        raise InputError(f"max_age: there is no type {listed(unknown)}; known are {listed(known)}.")
    return {**AGES, **{kind: parse_duration(age, f"max_age.{kind}") for kind, age in (given or {}).items()}}


def _positive(value: Any, option: str) -> int:
    seconds = parse_duration(value, option)
    if not seconds:
        raise InputError(f"{option} must be longer than 0 seconds.")
    return seconds


def _timeout(value: Any) -> int:
    seconds = _positive(value, "timeout")
    if seconds > LONGEST_WAIT:
        raise InputError(f"timeout: '{value}' is longer than an hour; a service that takes longer is down.")
    return seconds


def _parallel(number: int) -> int:
    if not 1 <= number <= MOST_PARALLEL:
        raise InputError(f"parallel must be between 1 and {MOST_PARALLEL}; {number} is not.")
    return number


def _apart(cache_path: Path | None, layouts: Sequence[Layout]) -> None:
    """That the catalogue isn't put among the copies, in place of one of them."""
    if cache_path is None:
        return
    place = Path(os.path.realpath(cache_path))
    for layout in layouts:
        if Path(os.path.realpath(layout.root)) in place.parents:
            raise InputError(f"cache_path: {cache_path} lies among the copies in {layout.root}; put it elsewhere.")


def _cache_path(given: str | None, environment: Mapping[str, str]) -> Path | None:
    """The catalogue's place: as given, none for an empty text, else in the user's folder for caches."""
    if given is not None:
        return Path(given) if given.strip() else None
    home = environment.get("XDG_CACHE_HOME") or (f"{environment['HOME']}/.cache" if environment.get("HOME") else "")
    return Path(home) / "lifeboat" / "devices.sqlite" if home.startswith("/") else None
