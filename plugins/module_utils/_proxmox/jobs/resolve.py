# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From names and tags to the ids that a job holds. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import (
    ALL,
    EXCLUDE,
    NODE,
    POOL,
    VMIDS,
    Value,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import Wanted
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import (
    NOTHING,
    ROOT_ALONE,
    Choice,
    JobWish,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import BODY_LIMIT

_ID = re.compile(r"^[0-9]{1,9}$")
_ROOM = BODY_LIMIT - 5_000
"""Bytes for the ids of a job: the request has other parameters, too."""


def resolved(wishes: list[JobWish] | tuple[JobWish, ...], cluster: Cluster) -> list[Wanted]:
    """Each wish with the ids of its guests.

    :raises InputError: naming every job whose guests or node are not there.
    """
    found, problems = [], []
    for wish in wishes:
        try:
            found.append(_wanted(wish, cluster))
        except InputError as failure:
            problems.append(f"{wish.id}: {failure.message}")
    if problems:
        raise InputError(f"{' '.join(problems)} {NOTHING}")
    return found


def unknown_tags(wishes: Iterable[JobWish], cluster: Cluster) -> list[str]:
    """Warnings of tags that nobody has beside others that somebody has: slips of the pen, as a rule."""
    known = frozenset[str]().union(*(guest.tags for guest in cluster.guests.values()))
    found = []
    for wish in wishes:
        tags = wish.choice.guests.tags if wish.choice.guests is not None else ()
        for tag in tags:
            if tag not in known:
                close = get_close_matches(tag, sorted(known), 1)
                hint = f"; is {close[0]} meant?" if close else "."
                found.append(f"{wish.id}: no guest that this token may see (VM.Audit) has the tag {tag}{hint}")
    return found


def sparing(wanted: Iterable[Wanted], there: Mapping[str, Job], authid: str) -> tuple[list[Wanted], list[str]]:
    """What root alone may remove is left where somebody else asks to have a job exact; warnings of that.

    :raises InputError: when it is to be removed by name.
    """
    found, warnings = [], []
    for one in wanted:
        job = there.get(one.id)
        roots = [] if job is None or authid == "root@pam" else [name for name in ROOT_ALONE if name in job.shown]
        named = sorted(one.unset & set(roots))
        if named:
            raise InputError(f"{one.id}: unset: only root@pam with a password may remove {listed(named)}. {NOTHING}")
        if roots and one.exact:
            warnings.append(f"{one.id}: {listed(roots)} stays, because only root@pam with a password may remove it.")
        found.append(replace(one, spared=tuple(roots)))
    return found, warnings


def _wanted(wish: JobWish, cluster: Cluster) -> Wanted:
    if wish.state == "absent":
        return Wanted(wish.id, absent=True)
    node = wish.values.get(NODE.option)
    if node is not None and node not in cluster.nodes:
        raise InputError(f"node: the cluster shows no node named {node}; it shows {listed(sorted(cluster.nodes))}.")
    values, unknown = _selected(wish.choice, cluster)
    return Wanted(wish.id, False, {**wish.values, **values}, wish.unset, wish.exact, unknown)


def _selected(choice: Choice, cluster: Cluster) -> tuple[dict[str, Value], tuple[int, ...]]:
    if choice.guests is not None:
        excluded = _excluded(choice.exclude or (), cluster)
        return _ids(replace(choice.guests, exclude=tuple(map(str, excluded))), cluster)
    values: dict[str, Value] = {}
    if choice.pool is not None:
        _check_pool(choice.pool, cluster)
        values[POOL.option] = choice.pool
    if choice.all_guests is not None:
        values[ALL.option] = choice.all_guests
    if choice.exclude is not None:
        values[EXCLUDE.option] = _excluded(choice.exclude, cluster)
    return values, ()


def _ids(selection: Selection, cluster: Cluster) -> tuple[dict[str, Value], tuple[int, ...]]:
    selected = select(selection, cluster)
    ids = tuple(sorted({*(guest.vmid for guest in selected.guests), *selected.unknown_vmids}))
    if not ids:
        raise InputError(_nobody(selection))
    _check_room(ids)
    return {VMIDS.option: ids}, selected.unknown_vmids


def _nobody(selection: Selection) -> str:
    """Proxmox would take an empty selection for all guests, or refuse it."""
    how = f" all of {listed(selection.tags)}" if selection.tags_match == "all" else f" {listed(selection.tags, 12)}"
    if selection.tags and not (selection.vmids or selection.names):
        return (
            f"tags: no guest that this token may see (VM.Audit) has{how}; a job of nobody is refused. Tag a guest, or "
            "set state to disabled or absent."
        )
    return "exclude leaves none of its guests, and a job of nobody is refused."


def _check_pool(pool: str, cluster: Cluster) -> None:
    known = {*cluster.pools, *(guest.pool for guest in cluster.guests.values() if guest.pool)}
    if pool not in known:
        raise InputError(f"pool: the cluster shows no pool named {pool}; it shows {listed(sorted(known)) or 'none'}.")


def _excluded(wanted: tuple[str, ...], cluster: Cluster) -> tuple[int, ...]:
    """Ids as they are; names have to be those of guests, so that a slip of the pen doesn't back up who was left out."""
    names = tuple(one for one in wanted if not _ID.match(one))
    found = {guest.vmid for guest in select(Selection(names=names), cluster).guests} if names else set()
    ids = [int(one) for one in wanted if _ID.match(one)]
    odd = [vmid for vmid in ids if not 100 <= vmid <= 999999999]
    if odd:
        raise InputError(f"exclude: {listed(odd)} cannot be a guest's id; ids are 100 to 999999999.")
    excluded = tuple(sorted(found.union(ids)))
    _check_room(excluded)
    return excluded


def _check_room(ids: tuple[int, ...]) -> None:
    if len("%2C".join(map(str, ids))) > _ROOM:
        raise InputError(f"its {len(ids)} guests are more than one job takes; make several jobs of them.")
