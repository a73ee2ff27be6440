# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which restores a task means, and what each is known by to locks and journals. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import in_turns
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import owner_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import (
    NOTHING,
    RestoreWish,
    of_guests,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select


def selects(params: Mapping[str, Any]) -> bool:
    return Selection.from_params(params).narrows


def selected_wishes(params: Mapping[str, Any], observation: Observation) -> list[RestoreWish]:
    """Those of the selected guests; ids that no guest has any more may still have backups."""
    selected = select(Selection.from_params(params), observation.cluster)
    vmids = [*(guest.vmid for guest in selected.guests), *selected.unknown_vmids]
    if not vmids:
        raise InputError(f"The selection means no guest. {NOTHING}")
    return of_guests(params, vmids)


def keyed_wishes(wanted: Sequence[RestoreWish], observation: Observation) -> list[tuple[str, RestoreWish]]:
    """Each with what it is known by to locks and journals: its target.

    :raises InputError: when two restores have the same.
    """
    found = [(_key(wish, observation), wish) for wish in wanted]
    keys = [key for key, _wish in found]
    double = sorted({key for key in keys if keys.count(key) > 1})
    if double:
        raise InputError(
            f"restores: more than one restore is onto {listed(double)}; a guest can be restored once. {NOTHING}"
        )
    return found


def _key(wish: RestoreWish, observation: Observation) -> str:
    if wish.target not in ("same", "auto"):
        return wish.target
    owner = wish.vmid if wish.volid is None else _owner(wish.volid, observation)
    if wish.name is not None:
        owner = next((one.vmid for one in observation.cluster.guests.values() if one.name == wish.name), None)
    named = str(owner or wish.source)
    return f"auto-{named}" if wish.target == "auto" else named


def _owner(volid: str, observation: Observation) -> int | None:
    """As the listing tells it: it knows the owner of a renamed archive, too."""
    listed_as = next((one.vmid for one in observation.backups if one.volid == volid), None)
    return listed_as or owner_of(volid)


def spread(keyed: Sequence[tuple[str, RestoreWish]], observation: Observation) -> list[tuple[str, RestoreWish]]:
    """In an order that keeps all nodes at work: one of each node after the other."""

    def node(item: tuple[str, RestoreWish]) -> str:
        key, wish = item
        guest = observation.cluster.guests.get(int(key)) if key.isdigit() else None
        return wish.target_node or (guest.node if guest is not None else "")

    return in_turns(keyed, node)
