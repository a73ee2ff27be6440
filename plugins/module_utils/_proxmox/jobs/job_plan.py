# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a job as it is wanted: only what differs. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import (
    ALL,
    BY_API,
    EXCLUDE,
    FIELDS,
    POOL,
    SCHEDULE,
    SELECTION,
    STORAGE,
    VMIDS,
    Field,
    Value,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import NOTHING

CREATE, UPDATE, REMOVE, NONE = "create", "update", "remove", "none"
_NEW_ID = re.compile(r"^[A-Za-z][A-Za-z0-9_-]+$")


@dataclass(frozen=True)
class Wanted:
    """A wish whose guests are known: ``values`` by option, those of the selection included.

    ``unknown`` are ids that were named and that nobody is shown to have. ``spared`` are settings, by their names at
    Proxmox, that the caller may not remove.
    """

    id: str
    absent: bool = False
    values: Mapping[str, Value] = field(default_factory=dict)
    unset: frozenset[str] = frozenset()
    exact: bool = False
    unknown: tuple[int, ...] = ()
    spared: tuple[str, ...] = ()

    @property
    def selects(self) -> Field | None:
        """By which field it chooses guests; None where it says nothing of that."""
        return next((one for one in SELECTION if self.values.get(one.option)), None)


class Change(NamedTuple):
    """A field that becomes something else."""

    option: str
    before: Value
    after: Value


@dataclass(frozen=True)
class JobPlan:
    """What is done about one job: ``send`` are the parameters of the request, ``delete`` is part of them."""

    id: str
    action: str
    before: Job | None
    after: Job | None
    send: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    unknown: tuple[int, ...] = ()


def plan_jobs(wanted: Sequence[Wanted], there: Mapping[str, Job], prefix: str | None) -> list[JobPlan]:
    """The plan of each job, in the order given; then the jobs of ``prefix`` that nobody wants, by id.

    :raises InputError: for all that can't be done, before anything is.
    """
    problems, plans = [], []
    for one in wanted:
        try:
            plans.append(plan_job(one, there.get(one.id)))
        except InputError as failure:
            problems.append(failure.message)
    if problems:
        raise InputError(f"{' '.join(problems)} {NOTHING}")
    named = {one.id for one in wanted}
    purged = [] if prefix is None else sorted(name for name in there if name.startswith(prefix) and name not in named)
    return [*plans, *(plan_job(Wanted(name, absent=True), there[name]) for name in purged)]


def plan_job(wanted: Wanted, job: Job | None) -> JobPlan:
    """The plan of one job.

    :raises InputError: when it can't be made so.
    """
    if wanted.absent:
        return JobPlan(wanted.id, NONE if job is None else REMOVE, job, None, changes=_changes(job, None))
    if wanted.exact and (SCHEDULE.option not in wanted.values or wanted.selects is None):
        raise InputError(f"{wanted.id}: with exact, name its schedule and its guests; no job is without.")
    return _created(wanted) if job is None else _updated(wanted, job)


def _created(wanted: Wanted) -> JobPlan:
    if not _NEW_ID.match(wanted.id):
        raise InputError(
            f"{wanted.id}: there is no such job, and none can be made with this id; it begins with a letter and goes "
            "on with letters, digits, _ and -."
        )
    lacking = [
        *([] if SCHEDULE.option in wanted.values else ["a schedule"]),
        *([] if wanted.selects is not None else ["its guests (vmids, names, tags, pool or all_guests)"]),
    ]
    if lacking:
        raise InputError(f"{wanted.id}: there is no such job, and for a new one {' and '.join(lacking)} is missing.")
    send = {"id": wanted.id}
    for option, value in wanted.values.items():
        one = FIELDS[option]
        if value not in (None, ()) and not (one.storage and value == one.default) and (one is not ALL or value):
            send[one.api] = one.write(value)
    _check_storage(wanted.id, send, None)
    after = applied(Job(wanted.id), send)
    return JobPlan(wanted.id, CREATE, None, after, send, _changes(None, after), wanted.unknown)


def _updated(wanted: Wanted, job: Job) -> JobPlan:
    send, delete = _selected(wanted, job)
    for option, value in wanted.values.items():
        one = FIELDS[option]
        if one in (*SELECTION, EXCLUDE) or _is_so(wanted, job, one, value):
            continue
        if value in (None, (), {}):
            delete.add(one.api)
        else:
            send[one.api] = one.write(value)
    surplus = {_api(option) for option in wanted.unset}
    if wanted.exact:
        named = {FIELDS[option].api for option in wanted.values}
        surplus |= {name for name in job.removable if name not in named and name not in wanted.spared}
    kept = {EXCLUDE.api} if VMIDS.api in send or POOL.api in send else set()  # goes with the old selection
    delete |= {name for name in surplus - kept - set(send) if job.shown.get(name) is not None}
    _check_storage(wanted.id, send, job, STORAGE.api in delete)
    if not send and not delete:
        return JobPlan(wanted.id, NONE, job, job, unknown=wanted.unknown)
    if delete:
        send["delete"] = ",".join(sorted(delete))
    after = applied(job, send)
    return JobPlan(wanted.id, UPDATE, job, after, send, _changes(job, after), wanted.unknown)


def _is_so(wanted: Wanted, job: Job, one: Field, value: Value) -> bool:
    """Whether a field is as it is wanted: also where it isn't set and Proxmox takes the same by its own default.

    Not where the job is to be exact: a node's /etc/vzdump.conf may have another default.
    """
    if not one.same(job.value(one), value):
        return False
    return not wanted.exact or job.has(one) or one.storage or value in (None, ())


def _selected(wanted: Wanted, job: Job) -> tuple[dict[str, Any], set[str]]:
    """What changes the selection: to be sent, and to be removed.

    Whatever is sent puts the others out of force at Proxmox (pve-manager API2/Backup.pm).

    :raises InputError: for guests left out of a job that doesn't take all.
    """
    chosen, before = wanted.selects, job.selection
    excluded = wanted.values.get(EXCLUDE.option)
    if chosen is None and before is ALL and wanted.values.get(ALL.option) is False:
        raise InputError(f"{wanted.id}: all_guests: it takes all guests now; name those that it is to take instead.")
    if chosen is None:
        if excluded is not None and before is not ALL:
            raise InputError(f"{wanted.id}: exclude: it belongs to jobs that take all guests, and this one does not.")
        chosen = before
    elif chosen is not before or job.value(chosen) != wanted.values[chosen.option]:
        send = {chosen.api: chosen.write(wanted.values[chosen.option])}
        if chosen is ALL and excluded:
            send[EXCLUDE.api] = EXCLUDE.write(excluded)
        return send, set()
    if chosen is not ALL or excluded is None or excluded == job.value(EXCLUDE):
        return {}, set()
    return ({EXCLUDE.api: EXCLUDE.write(excluded)}, set()) if excluded else ({}, {EXCLUDE.api})


def _check_storage(name: str, send: dict[str, Any], job: Job | None, removed: bool = False) -> None:
    """Protection and notes go with their storage (recorded: 09_backup_jobs)."""
    needing = sorted(one.option for one in FIELDS.values() if one.storage and one.api in send)
    if not needing or STORAGE.api in send:
        return
    storage = job.value(STORAGE) if job is not None and not removed else None
    if storage is None:
        raise InputError(f"{name}: {listed(needing)} needs a storage; name it.")
    send[STORAGE.api] = storage


def applied(job: Job, send: Mapping[str, Any]) -> Job:
    """The job as it is after a request with these parameters (the rules of pve-manager API2/Backup.pm)."""
    shown = {key: value for key, value in job.shown.items() if key not in str(send.get("delete", "")).split(",")}
    shown.update({key: value for key, value in send.items() if key not in ("id", "delete")})
    shown.setdefault("enabled", 1)
    gone: set[str] = set()
    if VMIDS.api in send:
        gone = {ALL.api, EXCLUDE.api, POOL.api}
    elif send.get(ALL.api):
        gone = {VMIDS.api, POOL.api}
    elif POOL.api in send:
        gone = {VMIDS.api, ALL.api, EXCLUDE.api}
    return Job(job.id, {key: value for key, value in shown.items() if key not in gone}, job.next_run)


def _api(option: str) -> str:
    return FIELDS[option].api if option in FIELDS else option


def _changes(before: Job | None, after: Job | None) -> tuple[Change, ...]:
    """Every field that differs; what no option names by its name at Proxmox."""
    old, new = before or Job(""), after or Job("")
    found = [
        Change(option, old.value(one) if old.has(one) else None, new.value(one) if new.has(one) else None)
        for option, one in FIELDS.items()
        if old.has(one) != new.has(one) or not one.same(old.value(one), new.value(one))
    ]
    others = sorted({name for job in (old, new) for name in job.removable if name not in BY_API})
    found += [Change(name, old.shown.get(name), new.shown.get(name)) for name in others]
    return tuple(one for one in found if one.before != one.after)
