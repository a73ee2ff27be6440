# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be claimed of a guest's backups, and what can't be seen. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation

FUTURE_TOLERANCE = 3600
"""Seconds that a backup may be dated ahead of the node's clock. What is later was made under a wrong clock: counted as
fresh it would stay so until that time comes, so it doesn't count."""


@dataclass(frozen=True)
class Unreadable:
    """A storage whose backups can't all be seen: why, and what to grant (None where a grant doesn't help).

    ``vmids`` are the guests concerned; None means all. ``local`` where it is a node's own: others may have left backups
    there when they ran on that node.
    """

    storage: str | None
    node: str | None
    why: str
    grant: str | None
    vmids: frozenset[int] | None = None
    local: bool = False

    def concerns(self, vmid: int) -> bool:
        """Whether backups of this guest may lie there unseen."""
        return self.vmids is None or vmid in self.vmids


@dataclass(frozen=True)
class Judgement:
    """The state of one guest's backups: fresh, stale, missing or unknown, with the reason in words."""

    state: str
    reason: str
    newest: Backup | None
    age: int | None
    count: int
    size: int


def judge(
    guest: Guest,
    backups: Sequence[Backup],
    unreadable: Iterable[Unreadable],
    now: float,
    max_age: int | None,
    require_verified: bool = False,
) -> Judgement:
    """Judge a guest by its own ``backups`` (newest first). Without ``max_age`` any good backup is fresh.

    ``unknown`` wherever something unreadable could hold a better backup: a failed look never becomes a claim.
    """
    own = own_backups(guest, backups)
    good = [backup for backup in own if counts(backup, now, require_verified)]
    newest = good[0] if good else None
    age = max(0, int(now) - newest.ctime) if newest else None
    size = sum(backup.size for backup in own)
    nothing = _why_nothing(own, backups, now, require_verified)
    hidden = [item for item in unreadable if item.concerns(guest.vmid) or (item.local and newest is None)]
    state, reason = _state(newest, age, max_age, nothing, hidden)
    return Judgement(state, reason, newest, age, len(own), size)


def own_backups(guest: Guest, backups: Iterable[Backup]) -> list[Backup]:
    """Those of the guest itself: not those of a former guest of the other type with the same id.

    Of a guest that is gone (no type) all are.
    """
    return [backup for backup in backups if not guest.type or backup.guest_type in (None, guest.type)]


def counts(backup: Backup, now: float, require_verified: bool = False) -> bool:
    """Whether it counts as a good backup: complete, and not made under a clock that ran ahead."""
    return backup.good(require_verified) and backup.ctime <= now + FUTURE_TOLERANCE


def _why_nothing(own: Sequence[Backup], backups: Sequence[Backup], now: float, require_verified: bool) -> str:
    """Why none of the backups counts, told of the newest."""
    if not own:
        return "its backups are those of a guest of the other type" if backups else "no backup is there"
    first = own[0]
    ahead = first.ctime > now + FUTURE_TOLERANCE
    flaw = "is dated in the future" if ahead else first.flaw(require_verified) or "is good"
    return f"its only backup {flaw}" if len(own) == 1 else f"none of its {len(own)} backups is good; the newest {flaw}"


def _state(
    newest: Backup | None, age: int | None, max_age: int | None, nothing: str, hidden: Sequence[Unreadable]
) -> tuple[str, str]:
    if newest is not None and age is not None:
        old = f"newest good backup is {format_duration(age)} old"
        if max_age is None:
            return "fresh", old
        if age <= max_age:
            return "fresh", f"{old}, wanted {format_duration(max_age)}"
        found = "stale", f"{old}, wanted {format_duration(max_age)}"
    else:
        found = "missing", nothing
    if hidden:
        return "unknown", f"{found[1]}, but not everything can be seen: {hidden[0].why}"
    return found


def by_guest(backups: Iterable[Backup]) -> Mapping[int, list[Backup]]:
    """Backups by owner, in the order given; those of nobody are left out."""
    owned: dict[int, list[Backup]] = {}
    for backup in backups:
        if backup.vmid is not None:
            owned.setdefault(backup.vmid, []).append(backup)
    return owned


def find_unreadable(
    observation: Observation, guests: Iterable[Guest], storages: Iterable[str] | None = None
) -> list[Unreadable]:
    """What the listings can't show.

    Storages and nodes that don't answer, and backups that Proxmox leaves out of a listing without a word because of
    missing privileges (recorded: 03_storage, auditor token).
    """
    wanted = None if storages is None else set(storages)
    selected = list(guests)
    barred = [guest for guest in selected if not observation.permissions.may_back_up(guest.vmid)]
    found: list[Unreadable] = []
    if wanted is None or not wanted <= {listing.storage for listing in observation.listings if listing.shared}:
        found.extend(_lost_nodes(observation, selected))
    for listing in observation.listings:
        if listing.error:
            where = None if listing.shared else listing.node
            why = listing.error
            grant = f"Datastore.AllocateSpace on /storage/{listing.storage}" if "lacks" in why else None
            found.append(Unreadable(listing.storage, where, why, grant, _at(where, selected), local=where is not None))
        else:
            where = None if listing.shared else listing.node
            found.extend(_hidden(observation, listing.storage, where, selected, barred))
    if wanted is None:
        found.extend(_unseen_storages(observation))
    else:
        shown = {listing.storage for listing in observation.listings}
        found.extend(
            Unreadable(
                storage,
                None,
                f"No online node shows a backup storage named {storage} to this token.",
                f"Datastore.AllocateSpace on /storage/{storage}",
            )
            for storage in sorted(wanted - shown)
        )
    return found


def _lost_nodes(observation: Observation, guests: Sequence[Guest]) -> list[Unreadable]:
    """Nodes whose local storages can't be read."""
    down = [node for node, up in sorted(observation.cluster.nodes.items()) if not up]
    lost = [(node, f"Node {node} is offline, so its local storages cannot be read.") for node in down]
    lost.extend((of_node.node, of_node.error) for of_node in observation.storages if of_node.error)
    return [Unreadable(None, node, why, None, _at(node, guests), local=True) for node, why in lost]


def _unseen_storages(observation: Observation) -> list[Unreadable]:
    """Storages without a privilege are left out of the nodes' lists, so that nobody can say whether there are any."""
    permissions = observation.permissions
    if any(permissions.allows(right, "/storage/any") for right in ("Datastore.Audit", "Datastore.AllocateSpace")):
        return []
    seen = listed(sorted({place.storage for place in observation.places})) or "none"
    why = f"Proxmox shows only storages on which the token has a privilege ({seen}); there may be others."
    return [Unreadable(None, None, why, "Datastore.AllocateSpace on /storage, or name the storages to look at")]


def _at(node: str | None, guests: Sequence[Guest]) -> frozenset[int] | None:
    """A local storage concerns the guests on its node, and those whose node nobody knows; a shared one concerns all."""
    return None if node is None else frozenset(guest.vmid for guest in guests if guest.node in (node, ""))


def _hidden(
    observation: Observation, storage: str, node: str | None, guests: Sequence[Guest], barred: Sequence[Guest]
) -> list[Unreadable]:
    """Backups on a storage that Proxmox leaves out of its listing; ``barred`` are guests without VM.Backup."""
    permissions = observation.permissions
    if permissions.may_list_all(storage):
        return []
    if not permissions.may_write(storage):
        grant = f"Datastore.AllocateSpace on /storage/{storage}"
        why = f"Proxmox shows no backups on storage {storage} to a token without Datastore.AllocateSpace there."
        return [Unreadable(storage, node, why, grant, _at(node, guests), local=node is not None)]
    if not barred:
        return []
    here = _at(node, guests)
    blind = [guest for guest in barred if here is None or guest.vmid in here]
    if not blind:
        return []
    why = (
        f"Proxmox does not show the backups of {listed(guest.label for guest in blind)} on storage {storage} to a "
        "token without VM.Backup on them."
    )
    grant = f"VM.Backup on {listed(f'/vms/{guest.vmid}' for guest in blind)}"
    return [Unreadable(storage, node, why, grant, frozenset(guest.vmid for guest in blind))]
