# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user wants of backup jobs, checked before anything is asked. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration, whole_minutes
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import ALL, ENABLED, FIELDS, Value
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import (
    check_ranges,
    checked_fleecing,
    escaped_notes,
)

NOTHING = "Nothing was changed."
_LONGEST_ID = 50
_CHOOSING = ("vmids", "names", "tags", "all_guests", "pool", "exclude")
_FIXED = {"schedule", "enabled", "vmids", "all_guests", "pool"}
ROOT_ALONE = ("dumpdir", "script", "tmpdir")
"""Settings that only root@pam with a password may set or remove (recorded: 09_backup_jobs)."""
OTHERS = (*ROOT_ALONE, "maxfiles", "notification-policy", "notification-target", "pigz", "quiet", "stop")
"""Settings of jobs that no option names, by their names at Proxmox: they can be removed."""
UNSETTABLE = (*sorted(set(FIELDS) - _FIXED), *sorted(OTHERS))


@dataclass(frozen=True)
class Choice:
    """Which guests: of their own (``guests``), all of them, or those of a ``pool``. None says nothing of it.

    ``all_guests`` is None where it isn't named. ``exclude`` are ids or names.
    """

    guests: Selection | None = None
    all_guests: bool | None = None
    pool: str | None = None
    exclude: tuple[str, ...] | None = None


@dataclass(frozen=True)
class JobWish:
    """What must be true of one job: ``values`` of named options, and those to be ``unset``."""

    id: str
    state: str
    choice: Choice = field(default_factory=Choice)
    values: Mapping[str, Value] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    exact: bool = False


@dataclass(frozen=True)
class JobsWish:
    """All jobs of a call; with ``prefix`` those of the same prefix that are not named are removed."""

    jobs: tuple[JobWish, ...]
    purge: bool = False
    prefix: str | None = None


def jobs_wish(params: Mapping[str, Any]) -> JobsWish:
    """The options of the module.

    :raises InputError: for what can't be meant.
    """
    many, prefix, purge = params.get("jobs"), params.get("managed_prefix") or None, bool(params.get("purge"))
    if (many is None) == (params.get("id") is None):
        raise InputError(f"Name one job by id, or several by jobs. {NOTHING}")
    if purge and (prefix is None or not many):
        raise InputError(
            "purge: it removes the jobs of managed_prefix that jobs does not name; name both, and at least one job. To "
            f"remove all, name them with state absent. {NOTHING}"
        )
    if many is not None:
        beside = sorted(option for option in _OWN if _named(params, option))
        if beside:
            raise InputError(f"{listed(beside)}: with jobs these go into each job. {NOTHING}")
    entries: Sequence[Mapping[str, Any]] = [params] if many is None else many
    wishes = tuple(_job_wish(one, "" if many is None else f"jobs[{number}].") for number, one in enumerate(entries))
    twice = sorted(name for name, times in Counter(one.id for one in wishes).items() if times > 1)
    if twice:
        raise InputError(f"jobs: {listed(twice)} is there more than once. {NOTHING}")
    strange = sorted(one.id for one in wishes if prefix is not None and not one.id.startswith(prefix))
    if strange:
        raise InputError(f"managed_prefix: {listed(strange)} does not begin with {prefix}. {NOTHING}")
    return JobsWish(wishes, purge, prefix)


_OWN = tuple({"unset", "exact", "tags_match", *_CHOOSING, *(name for name in FIELDS if name != ENABLED.option)})


def _named(params: Mapping[str, Any], option: str) -> bool:
    value = params.get(option)
    return value is not None and not (value is False and option in ("exact", ALL.option))


def _job_wish(params: Mapping[str, Any], where: str) -> JobWish:
    """One job; ``where`` is said before the options in messages."""
    try:
        return _checked(params)
    except InputError as failure:
        raise InputError(
            f"{where}{failure.message.rstrip()} {'' if NOTHING in failure.message else NOTHING}".rstrip()
        ) from failure


def _checked(params: Mapping[str, Any]) -> JobWish:
    name, state = str(params.get("id") or "").strip(), params.get("state") or "present"
    if not name or len(name) > _LONGEST_ID or re.search(r"\s", name):
        raise InputError(f"id: '{name}' is no id of a job; it has 1 to {_LONGEST_ID} characters and no blanks.")
    given = sorted(option for option in _OWN if _named(params, option))
    if state == "absent":
        if given:
            raise InputError(f"{listed(given)}: a job that is to be absent has none.")
        return JobWish(name, state)
    unset = frozenset(params.get("unset") or ())
    unknown = sorted(unset - set(UNSETTABLE))
    if unknown:
        raise InputError(
            f"unset: {listed(unknown)} cannot be removed from a job; what can be: {listed(UNSETTABLE, 99)}."
        )
    both = sorted(unset & set(given))
    if both:
        raise InputError(f"unset: {listed(both)} is set as well; do one of both.")
    values = _values(params)
    if state != "present":
        values[ENABLED.option] = state == "enabled"
    return JobWish(name, state, _choice(params), values, unset, bool(params.get("exact")))


def _choice(params: Mapping[str, Any]) -> Choice:
    """:raises InputError: for two ways to choose, and for a choice of nobody."""
    lists = {option: params[option] for option in ("vmids", "names", "tags") if params.get(option) is not None}
    pool, everything = params.get("pool"), params.get("all_guests")
    ways = [*lists, *(["all_guests"] if everything else []), *(["pool"] if pool is not None else [])]
    if len(ways) > 1 and (everything or pool is not None):
        raise InputError(
            f"{listed(ways)}: a job takes all guests, those of a pool, or those that are named; choose one way."
        )
    if (lists and not any(lists.values())) or (pool is not None and not pool.strip()):
        raise InputError(f"{listed(ways)}: it is empty, and Proxmox would take every guest for that; name guests.")
    exclude = params.get("exclude")
    if exclude and pool is not None:
        raise InputError("exclude: Proxmox excludes none from a pool; name the guests, or choose them by tags.")
    left_out = None if exclude is None else tuple(str(one) for one in exclude)
    chosen = Selection.from_params({**lists, "tags_match": params.get("tags_match")}) if lists else None
    return Choice(chosen, everything, pool, left_out)


def _values(params: Mapping[str, Any]) -> dict[str, Value]:
    """What is named of all other fields, in the one form of each."""
    check_ranges(params)
    empty = [option for option in ("node", "storage") if params.get(option) is not None and not params[option].strip()]
    if empty:
        raise InputError(f"{listed(empty)}: it is empty; name one, or remove it with unset.")
    made = {option: _MADE.get(option, _same)(params[option]) for option in _PLAIN if params.get(option) is not None}
    return {option: FIELDS[option].of(value) for option, value in made.items()}


def _same(given: Any) -> Any:
    return given


def _keep(given: Mapping[str, Any]) -> dict[str, Any]:
    keep = Keep.from_params(given)
    if keep.all:
        return {"keep-all": 1}
    return {f"keep-{rule}": given[f"keep_{rule}"] for rule in RULES if given.get(f"keep_{rule}")}


def _schedule(given: str) -> str:
    if not given.strip():
        raise InputError("schedule: it is empty; a job always has one, such as 02:30 or mon..fri 22:00.")
    if len(given) > 128:
        raise InputError("schedule: Proxmox takes 128 characters.")
    return given


def _comment(given: str) -> str:
    if len(given) > 512:
        raise InputError(f"comment: {len(given)} characters are too many for Proxmox, which takes 512.")
    return given


def _notes(given: str) -> str:
    """Without blanks around them, which the file that holds the job would lose."""
    return escaped_notes(given.strip())


def _exclude_paths(given: Sequence[str]) -> Sequence[str]:
    odd = [path for path in given if path != path.strip() or not path]
    if odd:
        raise InputError(f"exclude_paths: {listed(map(repr, odd))} begins or ends with a blank, or is empty.")
    return given


def _minutes(option: str) -> Callable[[str], int]:
    return lambda given: whole_minutes(parse_duration(given, option))


def _performance(given: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if value is not None}


_MADE: Mapping[str, Callable[[Any], Any]] = {
    "keep": _keep,
    "schedule": _schedule,
    "comment": _comment,
    "notes": _notes,
    "exclude_paths": _exclude_paths,
    "lock_wait": _minutes("lock_wait"),
    "stop_wait": _minutes("stop_wait"),
    "fleecing": checked_fleecing,
    "performance": _performance,
}
_PLAIN = tuple(option for option in FIELDS if option not in {*_CHOOSING, ENABLED.option, ALL.option})
