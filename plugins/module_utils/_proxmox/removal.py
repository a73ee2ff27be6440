# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of proxmox_backup for the states pruned and absent: observe, plan, apply, report.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Listing, owner_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_retention import zone_warnings
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import (
    Unreadable,
    by_guest,
    counts,
    find_unreadable,
    own_backups,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_apply import remove_all
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import (
    RemovalPlan,
    Retention,
    plan_named,
    plan_older,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import Pruning, removal_result
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select

NOTHING = "Nothing was removed."


@dataclass(frozen=True)
class Wanted:
    """What must be gone. With ``keep`` what no rule keeps, with ``older_than`` (seconds) what is older.

    ``volids`` names backups, whoever owns them.
    """

    selection: Selection
    storage: str | None
    keep: Keep | None
    volids: tuple[str, ...]
    older_than: int | None
    unprotect: bool
    timeout: int

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Wanted:
        """The module's options for the states pruned and absent, checked.

        :raises InputError: for what can't be meant.
        """
        selection = Selection.from_params(params)
        pruned = params["state"] == "pruned"
        volids = tuple(dict.fromkeys(params.get("volids") or ()))
        wanted = cls(
            selection,
            params.get("storage"),
            Keep.from_params(params["keep"]) if pruned and params.get("keep") else None,
            volids,
            None if params.get("older_than") is None else parse_duration(params["older_than"], "older_than"),
            bool(params.get("unprotect")),
            parse_duration(params.get("timeout") or "24h", "timeout"),
        )
        wanted._check(params, pruned)
        return wanted

    def _check(self, params: Mapping[str, Any], pruned: bool) -> None:
        state = params["state"]
        if params.get("max_age") is not None:
            raise InputError(f"max_age: state {state} makes no backups; older_than removes what is old. {NOTHING}")
        for option in ("volids", "older_than", "unprotect"):
            if pruned and params.get(option):
                raise InputError(f"{option}: it belongs to state absent; state pruned goes by keep alone. {NOTHING}")
        if pruned:
            if self.keep is None or not self.storage:
                raise InputError(f"State pruned needs storage and keep. {NOTHING}")
        elif params.get("keep") is not None:
            raise InputError(f"keep: state absent removes what is named or old; retention is state pruned. {NOTHING}")
        elif self.volids:
            self._check_volids()
            return
        elif self.older_than is None or not self.storage:
            raise InputError(
                f"State absent needs volids, or a selection of guests with storage and older_than. {NOTHING}"
            )
        if not self.selection.names_any:
            raise InputError(
                "No guest is selected: set vmids, names, tags, pools, or all_guests to true. An empty list selects "
                f"nothing. {NOTHING}"
            )

    def _check_volids(self) -> None:
        if self.selection.narrows or self.older_than is not None or self.storage:
            raise InputError(
                f"volids: named backups go without a selection of guests, storage and older_than. {NOTHING}"
            )
        wrong = [volid for volid in self.volids if not volid.partition(":")[2].startswith("backup/")]
        if wrong:
            raise InputError(
                f"volids: {listed(wrong)} is no backup's volume id; such as "
                f"vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst. {NOTHING}"
            )

    @property
    def storages(self) -> list[str]:
        """The storages that are looked at."""
        return sorted({volid.partition(":")[0] for volid in self.volids}) if self.volids else [self.storage or ""]


@dataclass(frozen=True)
class Meant:
    """The guests whose backups are meant; ``hidden`` says of whom they can't be seen, and why.

    ``elsewhere`` says which nodes' own storages can't be looked at, where guests may have left backups before they
    moved.
    """

    guests: tuple[Guest, ...]
    hidden: Mapping[int, str]
    elsewhere: tuple[str, ...] = ()

    def unproven(self, absent: bool) -> dict[int, str]:
        """Of whom it can't be said that the wish is true: what can't be looked at isn't absent."""
        why = " ".join(self.elsewhere).rstrip(".")
        everywhere = dict.fromkeys((guest.vmid for guest in self.guests), why) if absent and why else {}
        return {**everywhere, **self.hidden}

    @property
    def owners(self) -> dict[int, str | None]:
        """Those whose backups can be seen, with their type (None for guests that are gone)."""
        return {guest.vmid: guest.type or None for guest in self.guests if guest.vmid not in self.hidden}


def remove_backups(
    client: Client, params: Mapping[str, Any], check_mode: bool, clock: Clock, interruption: Interruption
) -> dict[str, Any]:
    """Remove what isn't wanted; in check mode only say what that would be.

    :raises InputError: before anything is removed.
    """
    wanted = Wanted.from_params(params)
    began = clock.monotonic()
    observation = observe(client, clock, wanted.storages)
    planner = _Planner(wanted, observation, observation.going_on(clock))
    plan = planner.plan()
    outcome = None
    if not check_mode:
        deadline = Deadline.after(clock, wanted.timeout, interruption)
        outcome = remove_all(client, clock, deadline, plan, planner.again)
    warnings = planner.warnings(plan)
    pruning = Pruning(plan, outcome, tuple(warnings))
    meant = planner.meant
    unproven = meant.unproven(wanted.keep is None)
    return removal_result(meant.guests, unproven, pruning, observation, clock.monotonic() - began)


class _Planner:
    """The plan for what was observed, and the same rules for what is listed a moment later. Pure."""

    def __init__(self, wanted: Wanted, observation: Observation, now: Callable[[str], float]) -> None:
        self._wanted = wanted
        self._observation = observation
        self._now = now
        self._times = LocalTimes(observation.zones)
        self.meant = _named(wanted, observation) if wanted.volids else _selected(wanted, observation)

    def plan(self) -> RemovalPlan:
        """What is to go.

        :raises InputError: when something of it is protected.
        """
        return self._planned([listing for listing in self._observation.listings if not listing.error], False)

    def again(self, listing: Listing) -> RemovalPlan:
        """The same for a fresh listing of one place. What has been protected since is spared."""
        plan = self._planned([listing], True)
        if self._wanted.unprotect:
            return plan
        return RemovalPlan(tuple(fate for fate in plan.removals if not fate.backup.protected), plan.kept)

    def warnings(self, plan: RemovalPlan) -> list[str]:
        """What a person should know before it happens."""
        if self._wanted.keep is not None:
            return [*zone_warnings(self._times, plan), *self.meant.elsewhere]
        return _last_ones(plan, self.meant.guests, self._observation, self._now)

    def _planned(self, listings: Sequence[Listing], protected_too: bool) -> RemovalPlan:
        wanted = self._wanted
        unprotect = wanted.unprotect or protected_too
        if wanted.keep is None and wanted.volids:
            return plan_named(listings, wanted.volids, unprotect)
        if wanted.keep is None:
            return plan_older(listings, self.meant.owners, wanted.older_than or 0, self._now, unprotect)
        retention = Retention(wanted.keep, self._times, self._now)
        return RemovalPlan.of_places(retention.apply(listing.backups, self.meant.owners) for listing in listings)


def _selected(wanted: Wanted, observation: Observation) -> Meant:
    selected = select(wanted.selection, observation.cluster)
    if selected.unknown_vmids and wanted.selection.nodes:
        raise InputError(
            f"nodes: guest {listed(selected.unknown_vmids)} is on none of them, because the cluster does not show it; "
            f"leave nodes out to mean the backups of guests that are gone. {NOTHING}"
        )
    kind = "" if wanted.selection.guest_type == "any" else wanted.selection.guest_type
    gone = tuple(Guest(vmid, None, "", kind) for vmid in selected.unknown_vmids)
    guests = tuple(sorted((*selected.guests, *gone), key=lambda guest: guest.vmid))
    if not guests:
        raise InputError(f"The selection matches no guest that this token may see (VM.Audit). {NOTHING}")
    unreadable = find_unreadable(observation, guests, [wanted.storage or ""])
    hidden = _hidden(guests, unreadable)
    if len(hidden) == len(guests):
        raise InputError(f"{_why(unreadable)} {NOTHING}")
    elsewhere = [item.why for item in unreadable if item.local]
    return Meant(guests, hidden, tuple(dict.fromkeys(elsewhere)))


def _named(wanted: Wanted, observation: Observation) -> Meant:
    """The owners of named backups. A name that isn't listed counts as absent only where it would be shown."""
    guests = {}
    for volid in wanted.volids:
        owner = owner_of(volid)
        if owner is not None:
            guests[owner] = observation.cluster.guests.get(owner) or Guest(owner, None, "", "")
    ordered = tuple(guests[vmid] for vmid in sorted(guests))
    shown = {backup.volid for listing in observation.listings for backup in listing.backups}
    for volid in wanted.volids:
        if volid in shown:
            continue
        storage = volid.partition(":")[0]
        owner = owner_of(volid)
        concerned = [guests[owner]] if owner is not None else []
        unreadable = [
            item
            for item in find_unreadable(observation, concerned, [storage])
            if owner is None or item.concerns(owner) or item.local
        ]
        if owner is None and not observation.permissions.may_list_all(storage):
            why = f"Proxmox shows a backup of no guest only with Datastore.Allocate on /storage/{storage}."
            unreadable.append(Unreadable(storage, None, why, None))
        if unreadable:
            raise InputError(f"Whether {volid} is there cannot be seen. {_why(unreadable)} {NOTHING}")
    return Meant(ordered, {})


def _hidden(guests: Iterable[Guest], unreadable: Sequence[Unreadable]) -> dict[int, str]:
    hidden: dict[int, str] = {}
    for guest in guests:
        for item in unreadable:
            if item.concerns(guest.vmid):
                hidden.setdefault(guest.vmid, item.why.rstrip("."))
    return hidden


def _why(unreadable: Sequence[Unreadable]) -> str:
    item = unreadable[0]
    return item.why if item.grant is None else f"{item.why} Grant {item.grant}."


def _last_ones(
    plan: RemovalPlan, guests: Sequence[Guest], observation: Observation, now: Callable[[str], float]
) -> list[str]:
    """Guests that are there and would have no good backup left on the storages that were looked at."""
    going = {fate.backup.key for fate in plan.removals}
    losers = {fate.backup.vmid for fate in plan.removals}
    owned = by_guest(observation.backups)

    def covered(guest: Guest) -> bool:
        own = own_backups(guest, owned.get(guest.vmid, ()))
        return any(backup.key not in going and counts(backup, now(backup.node)) for backup in own)

    bare = [guest.label for guest in guests if guest.node and guest.vmid in losers and not covered(guest)]
    storages = listed(sorted({fate.backup.storage for fate in plan.removals}))
    return [f"Afterwards no good backup of {listed(bare)} is left on {storages}."] if bare else []
