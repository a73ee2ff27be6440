# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From names and tags to the ids that a job holds. Pure. Private to this collection."""

from __future__ import annotations

from dataclasses import replace

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
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import Wanted
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import NOTHING, Choice, JobWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import BODY_LIMIT

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
        return _ids(replace(choice.guests, exclude=choice.exclude or ()), cluster)
    values: dict[str, Value] = {}
    if choice.pool is not None:
        _check_pool(choice.pool, cluster)
        values[POOL.option] = choice.pool
    if choice.all_guests:
        values[ALL.option] = True
    if choice.exclude is not None:
        values[EXCLUDE.option] = _excluded(choice.exclude, cluster)
    return values, ()


def _ids(selection: Selection, cluster: Cluster) -> tuple[dict[str, Value], tuple[int, ...]]:
    selected = select(selection, cluster)
    ids = tuple(sorted({*(guest.vmid for guest in selected.guests), *selected.unknown_vmids}))
    if not ids:
        raise InputError(_nobody(selection))
    if len("%2C".join(map(str, ids))) > _ROOM:
        raise InputError(f"its {len(ids)} guests are more than one job takes; make several jobs of them.")
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
    names = tuple(one for one in wanted if not one.isdigit())
    found = {guest.vmid for guest in select(Selection(names=names), cluster).guests} if names else set()
    return tuple(sorted(found | {int(one) for one in wanted if one.isdigit()}))
