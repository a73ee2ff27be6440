# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests are meant. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest


@dataclass(frozen=True)
class Selection:
    """A union (ids, names, tags, pools, all) that is then narrowed (nodes, type, exclude)."""

    vmids: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tags_match: str = "any"
    pools: tuple[str, ...] = ()
    all_guests: bool = False
    nodes: tuple[str, ...] = ()
    guest_type: str = "any"
    exclude: tuple[str, ...] = ()

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Selection:
        """The selection of a module's options."""
        return cls(
            vmids=tuple(params.get("vmids") or ()),
            names=tuple(params.get("names") or ()),
            tags=tuple(params.get("tags") or ()),
            tags_match=params.get("tags_match") or "any",
            pools=tuple(params.get("pools") or ()),
            all_guests=bool(params.get("all_guests")),
            nodes=tuple(params.get("nodes") or ()),
            guest_type=params.get("guest_type") or "any",
            exclude=tuple(str(item) for item in params.get("exclude") or ()),
        )

    @property
    def names_any(self) -> bool:
        """Whether the user said which guests are meant at all."""
        return bool(self.vmids or self.names or self.tags or self.pools or self.all_guests)

    @property
    def narrows(self) -> bool:
        """Whether it means certain guests: a backup of a guest that is gone, or of nobody, is then none of them."""
        return bool(self.names_any or self.nodes or self.exclude or self.guest_type != "any")


@dataclass(frozen=True)
class Selected:
    """The guests meant, and the ids asked for that the cluster doesn't show (they may still have backups)."""

    guests: tuple[Guest, ...]
    unknown_vmids: tuple[int, ...] = ()


def select(selection: Selection, cluster: Cluster) -> Selected:
    """The guests that ``selection`` means, by id; everything when it names none.

    :raises InputError: for a name that no guest or several guests have, an unknown pool or node, an id out of range.
        All mistakes of one kind are named at once.
    """
    _check_ids(selection.vmids)
    _check_known("nodes", selection.nodes, cluster.nodes, "node")
    _check_known("pools", selection.pools, _pools(cluster), "pool")
    everything = selection.all_guests or not selection.names_any
    wanted: set[int] = set(cluster.guests) if everything else set()
    unknown = tuple(sorted({vmid for vmid in selection.vmids if vmid not in cluster.guests}))
    wanted.update(vmid for vmid in selection.vmids if vmid in cluster.guests)
    wanted.update(_by_name(selection.names, cluster))
    for guest in cluster.guests.values():
        if guest.pool in selection.pools or _tagged(guest, selection):
            wanted.add(guest.vmid)
    excluded = set(selection.exclude)
    chosen = [
        guest
        for vmid, guest in sorted(cluster.guests.items())
        if vmid in wanted and _within(guest, selection) and not {str(vmid), guest.name} & excluded
    ]
    return Selected(tuple(chosen), tuple(vmid for vmid in unknown if str(vmid) not in excluded))


def _check_ids(vmids: Iterable[int]) -> None:
    wrong = [vmid for vmid in vmids if not 100 <= vmid <= 999999999]
    if wrong:
        raise InputError(f"vmids: {listed(wrong)} cannot be a guest's id; ids are 100 to 999999999.")


def _pools(cluster: Cluster) -> set[str]:
    # A member's pool is known even where the token may not audit the pool itself.
    return set(cluster.pools) | {guest.pool for guest in cluster.guests.values() if guest.pool}


def _check_known(option: str, wanted: Iterable[str], known: Iterable[str], noun: str) -> None:
    there = set(known)
    missing = sorted(set(wanted) - there)
    if missing:
        raise InputError(
            f"{option}: the cluster shows no {noun} named {listed(missing)}; it shows "
            f"{listed(sorted(there)) or 'none'}."
        )


def _by_name(names: Iterable[str], cluster: Cluster) -> set[int]:
    owners: dict[str, list[int]] = {name: [] for name in names}
    for guest in cluster.guests.values():
        if guest.name in owners:
            owners[guest.name].append(guest.vmid)
    ambiguous = [f"{name} ({listed(sorted(ids))})" for name, ids in sorted(owners.items()) if len(ids) > 1]
    if ambiguous:
        raise InputError(f"names: several guests are named {listed(ambiguous)}; choose by vmids.")
    missing = sorted(name for name, ids in owners.items() if not ids)
    if missing:
        offline = sorted(node for node, up in cluster.nodes.items() if not up)
        hint = f"; the names of guests on {listed(offline)}, which is offline, may not be known" if offline else ""
        raise InputError(
            f"names: no guest that this token may see (VM.Audit) is named {listed(missing)}{hint}; names are exact."
        )
    return {ids[0] for ids in owners.values()}


def _tagged(guest: Guest, selection: Selection) -> bool:
    wanted = set(selection.tags)
    if not wanted:
        return False
    return wanted <= guest.tags if selection.tags_match == "all" else bool(wanted & guest.tags)


def _within(guest: Guest, selection: Selection) -> bool:
    return (not selection.nodes or guest.node in selection.nodes) and selection.guest_type in ("any", guest.type)
