# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of proxmox_backup_info: observe, judge, report. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, Listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import (
    Judgement,
    Unreadable,
    by_guest,
    find_unreadable,
    judge,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import (
    Selected,
    Selection,
    select,
)


@dataclass(frozen=True)
class Filters:
    """Which backups are returned; ages in seconds. None means: don't care."""

    storages: tuple[str, ...] | None
    newest_only: bool
    newer_than: int | None
    older_than: int | None
    protected: bool | None
    verified: bool | None


@dataclass(frozen=True)
class Question:
    """What the user wants to know."""

    selection: Selection
    filters: Filters
    max_age: int | None
    require_verified: bool

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Question:
        """The module's options, checked.

        :raises InputError: for a duration that is none.
        """
        return cls(
            Selection.from_params(params),
            Filters(
                tuple(params["storages"]) if params.get("storages") else None,
                bool(params.get("newest_only")),
                _duration(params, "newer_than"),
                _duration(params, "older_than"),
                params.get("protected"),
                params.get("verified"),
            ),
            _duration(params, "max_age"),
            bool(params.get("require_verified")),
        )


def _duration(params: Mapping[str, Any], option: str) -> int | None:
    text = params.get(option)
    return None if text is None else parse_duration(text, option)


def backup_info(client: Client, params: Mapping[str, Any], clock: Clock) -> dict[str, Any]:
    """The module's result; nothing is changed anywhere."""
    question = Question.from_params(params)
    observation = observe(client, clock, question.filters.storages)
    selected = select(question.selection, observation.cluster)
    return report(question, observation, _with_the_departed(question.selection, selected, observation))


def _with_the_departed(selection: Selection, selected: Selected, observation: Observation) -> list[Guest]:
    """Guests asked for by id that the cluster doesn't show (any more), where a backup still tells of them.

    :raises InputError: for ids of which nothing is known at all.
    """
    types: dict[int, str] = {}
    for backup in observation.backups:  # the newest says what the guest was last
        if backup.vmid is not None:
            types.setdefault(backup.vmid, backup.guest_type or "")
    lost = [vmid for vmid in selected.unknown_vmids if vmid not in types]
    if lost:
        raise InputError(
            f"vmids: neither a guest nor a backup with the id {listed(lost)} is shown to this token (a guest needs "
            "VM.Audit, its backups VM.Backup and Datastore.AllocateSpace)."
        )
    departed = [Guest(vmid, None, "", types[vmid]) for vmid in selected.unknown_vmids]
    kept = [guest for guest in departed if selection.guest_type in ("any", guest.type) and not selection.nodes]
    return sorted([*selected.guests, *kept], key=lambda guest: guest.vmid)


def report(question: Question, observation: Observation, guests: Sequence[Guest]) -> dict[str, Any]:
    """Pure: what was seen, as the module returns it."""
    owned = by_guest(observation.backups)
    unreadable = find_unreadable(observation, guests, question.filters.storages)
    judged = [(guest, _judged(question, observation, guest, owned.get(guest.vmid, []), unreadable)) for guest in guests]
    ids = {guest.vmid for guest in guests}
    narrowed = question.selection.narrows
    shown = [backup for backup in observation.backups if backup.vmid in ids or not narrowed]
    backups = _filtered(shown, question.filters, observation)
    states = [judgement.state for _guest, judgement in judged]
    return {
        "backups": [backup.as_result() for backup in backups],
        "guests": [_guest_row(guest, judgement, observation.cluster) for guest, judgement in judged],
        "storages": [_storage_row(listing, observation) for listing in observation.listings],
        "unreadable": [
            {"storage": item.storage, "node": item.node, "why": item.why, "grant": item.grant} for item in unreadable
        ],
        "summary": {
            "selected": len(judged),
            **{state: states.count(state) for state in ("fresh", "stale", "missing", "unknown")},
            "backups": len(backups),
            "bytes": sum(backup.size for backup in backups),
        },
    }


def _judged(
    question: Question,
    observation: Observation,
    guest: Guest,
    backups: Sequence[Backup],
    unreadable: Iterable[Unreadable],
) -> Judgement:
    now = observation.now(guest.node)
    return judge(guest, backups, unreadable, now, question.max_age, question.require_verified)


def _filtered(backups: Iterable[Backup], filters: Filters, observation: Observation) -> list[Backup]:
    kept: list[Backup] = []
    seen: set[int | str] = set()
    for backup in backups:
        age = observation.now(backup.node) - backup.ctime
        owner = backup.volid if backup.vmid is None else backup.vmid
        if filters.newer_than is not None and age > filters.newer_than:
            continue
        if filters.older_than is not None and age <= filters.older_than:
            continue
        if filters.protected is not None and backup.protected != filters.protected:
            continue
        if filters.verified is not None and (backup.verified is True) != filters.verified:
            continue
        if filters.newest_only and owner in seen:
            continue
        seen.add(owner)
        kept.append(backup)
    return kept


def _guest_row(guest: Guest, judgement: Judgement, cluster: Cluster) -> dict[str, Any]:
    there = guest.vmid in cluster.guests
    return {
        "vmid": guest.vmid,
        "name": guest.name,
        "node": guest.node if there else None,
        "type": guest.type,
        "state": judgement.state,
        "reason": judgement.reason,
        "newest": judgement.newest.as_result() if judgement.newest else None,
        "age": judgement.age,
        "count": judgement.count,
        "size": judgement.size,
    }


def _storage_row(listing: Listing, observation: Observation) -> dict[str, Any]:
    place = next(
        place for place in observation.places if (place.storage, place.node) == (listing.storage, listing.node)
    )
    return {
        "storage": listing.storage,
        "node": None if listing.shared else listing.node,
        "type": place.type,
        "shared": listing.shared,
        "active": place.active,
        "avail": place.avail,
        "total": place.total,
        "readable": listing.error is None,
        "backups": len(listing.backups),
        "size": sum(backup.size for backup in listing.backups),
    }
