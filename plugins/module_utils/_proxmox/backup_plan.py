# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests get a backup, where, and why. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration, parse_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_places import PlaceChooser
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import (
    Judgement,
    by_guest,
    find_unreadable,
    judge,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.orphans import Orphan, counted
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import (
    NEEDS_SYS_MODIFY,
    vzdump_parameters,
)


@dataclass(frozen=True)
class Wish:
    """What must be true, and how to make it so. Durations in seconds."""

    selection: Selection
    storage: str | None
    max_age: int | None
    parameters: Mapping[str, Any]
    fleecing_storage: str | None
    wait: bool
    timeout: int
    cancel_on_timeout: bool
    cancel_on_interrupt: bool
    max_parallel: int | None
    warnings_as_errors: bool
    keep: Keep | None = None

    @property
    def storage_retention(self) -> bool:
        """Whether Proxmox removes older backups by the storage's own retention."""
        return self.parameters.get("remove") != 0

    @property
    def protected(self) -> bool:
        """Whether new backups are protected."""
        return self.parameters.get("protected") == 1

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Wish:
        """The module's options, checked.

        :raises InputError: for the first that can't be meant.
        """
        for option in ("volids", "older_than", "unprotect"):
            if params.get(option):
                raise InputError(f"{option}: it belongs to state absent, which removes backups. Nothing was started.")
        selection = Selection.from_params(params)
        if not selection.names_any:
            raise InputError(
                "No guest is selected: set vmids, names, tags, pools, or all_guests to true. An empty list selects "
                "nothing."
            )
        if params.get("max_parallel") is not None and params["max_parallel"] < 1:
            raise InputError("max_parallel: at least one node must be allowed to work.")
        max_age = params.get("max_age")
        storage = params.get("storage")
        if storage is not None and not storage.strip():
            raise InputError("storage: it is empty; name a storage, or leave the option out so that one is found.")
        keep = None if params.get("keep") is None else Keep.from_params(params["keep"])
        wait = bool(params.get("wait", True))
        if keep is not None and not wait:
            raise InputError("keep: older backups are only removed after the new one is proven; it needs wait true.")
        return cls(
            selection,
            storage,
            None if max_age is None else parse_duration(max_age, "max_age"),
            vzdump_parameters(params),
            (params.get("fleecing") or {}).get("storage"),
            wait,
            parse_duration(params.get("timeout") or "24h", "timeout"),
            params.get("on_timeout") == "cancel",
            params.get("on_interrupt") == "cancel",
            params.get("max_parallel"),
            bool(params.get("warnings_as_errors")),
            keep,
        )


@dataclass(frozen=True)
class Decision:
    """What is to happen to one guest: ``back_up`` to ``storage``, ``keep`` as it is, or ``refuse``; and why."""

    guest: Guest
    action: str
    reason: str
    judgement: Judgement
    storage: str | None = None


@dataclass(frozen=True)
class NodeJob:
    """The guests that one node backs up to one storage. ``newest`` is the time of the newest backup among them."""

    node: str
    storage: str
    guests: tuple[Guest, ...]
    newest: int = 0


@dataclass(frozen=True)
class Plan:
    """A decision for each selected guest, by id."""

    decisions: tuple[Decision, ...]

    @property
    def jobs(self) -> tuple[NodeJob, ...]:
        """The work, one job a node."""
        by_node: dict[tuple[str, str], list[Decision]] = {}
        for decision in self.decisions:
            if decision.action == "back_up" and decision.storage is not None:
                by_node.setdefault((decision.guest.node, decision.storage), []).append(decision)
        return tuple(
            NodeJob(
                node,
                storage,
                tuple(decision.guest for decision in decisions),
                max(decision.judgement.newest.ctime if decision.judgement.newest else 0 for decision in decisions),
            )
            for (node, storage), decisions in sorted(by_node.items())
        )


def plan(
    wish: Wish, observation: Observation, storage_problems: Mapping[str, str], orphans: Sequence[Orphan] = ()
) -> Plan:
    """Decide for every selected guest. ``storage_problems`` says for a node why the wanted storage is not usable there.

    ``orphans`` are the jobs of runs that died: what they have just made isn't made again.

    :raises InputError: for what can't work for any guest: unknown ids, an empty selection, a storage that is nowhere
        usable, a missing privilege that every backup needs.
    """
    selected = select(wish.selection, observation.cluster)
    if selected.unknown_vmids:
        raise InputError(
            f"vmids: no guest with the id {listed(selected.unknown_vmids)} is shown to this token: it does not exist "
            "or VM.Audit on it is missing. Nothing was started."
        )
    if not selected.guests:
        raise InputError("The selection matches no guest that this token may see (VM.Audit). Nothing was started.")
    _check_privileges(wish, observation.permissions)
    owned = by_guest(observation.backups)
    unreadable = find_unreadable(observation, selected.guests, [wish.storage] if wish.storage else None)
    judged = [
        (guest, judge(guest, owned.get(guest.vmid, []), unreadable, observation.now(guest.node), wish.max_age))
        for guest in selected.guests
    ]
    chooser = PlaceChooser(wish.storage, observation, storage_problems, _expected_sizes(wish, judged))
    made: Mapping[int, tuple[Backup, Orphan]] = {}
    if wish.max_age is None and orphans:
        made = counted(selected.guests, owned, orphans, wish.storage, observation.now)
    decisions = tuple(
        _taken_over(guest, judgement, *made[guest.vmid], observation)
        if guest.vmid in made
        else _decide(wish, guest, judgement, observation, chooser)
        for guest, judgement in judged
    )
    _check_any_place(decisions, chooser)
    return Plan(decisions)


def _decide(
    wish: Wish, guest: Guest, judgement: Judgement, observation: Observation, chooser: PlaceChooser
) -> Decision:
    if wish.max_age is not None and judgement.state == "fresh":
        return Decision(guest, "keep", judgement.reason, judgement)
    if not observation.permissions.may_back_up(guest.vmid):
        why = f"the token lacks VM.Backup on /vms/{guest.vmid}"
        return Decision(guest, "refuse", why, judgement)
    if not observation.cluster.online(guest.node):
        return Decision(guest, "refuse", f"node {guest.node} is offline", judgement)
    storage, why = chooser.place_for(guest.node)
    if storage is None:
        return Decision(guest, "refuse", why, judgement)
    reason = "a backup is made at every run without max_age" if wish.max_age is None else judgement.reason
    return Decision(guest, "back_up", reason, judgement, storage)


def _taken_over(
    guest: Guest, judgement: Judgement, backup: Backup, orphan: Orphan, observation: Observation
) -> Decision:
    age = max(0, int(observation.now(backup.node)) - backup.ctime)
    upid = "" if orphan.upid is None else f" {orphan.upid.text}"
    reason = f"task{upid} of run {orphan.run}, which did not come to its end, has made it just now"
    return Decision(guest, "keep", reason, replace(judgement, state="fresh", newest=backup, age=age), backup.storage)


def _check_privileges(wish: Wish, permissions: Permissions) -> None:
    blocked = [name for name in NEEDS_SYS_MODIFY if name in wish.parameters]
    if blocked and not permissions.allows("Sys.Modify", "/"):
        raise InputError(
            f"{listed(blocked)}: Proxmox takes this only from a token with Sys.Modify on /; grant it or leave the "
            "option out. Nothing was started."
        )
    for storage in (wish.storage, wish.fleecing_storage):
        if storage and not permissions.may_write(storage):
            raise InputError(
                f"storage {storage}: the token lacks Datastore.AllocateSpace on /storage/{storage}, or the storage "
                "does not exist. Nothing was started."
            )


def _check_any_place(decisions: Sequence[Decision], chooser: PlaceChooser) -> None:
    """A storage that is usable nowhere is a mistake of the task, not of a node."""
    placed = any(decision.action == "back_up" for decision in decisions)
    reasons = sorted(set(chooser.refusals.values()))
    if (
        reasons
        and not placed
        and all(decision.reason in reasons for decision in decisions if decision.action != "keep")
    ):
        raise InputError(f"{listed([reason.rstrip('.') for reason in reasons], 3)}. Nothing was started.")


def _expected_sizes(wish: Wish, judged: Sequence[tuple[Guest, Judgement]]) -> dict[str, int]:
    """Bytes that the next backups of each node will take, as far as earlier ones tell."""
    sizes: dict[str, int] = {}
    for guest, judgement in judged:
        if judgement.newest and not (wish.max_age is not None and judgement.state == "fresh"):
            sizes[guest.node] = sizes.get(guest.node, 0) + judgement.newest.size
    return sizes


def plan_moved(
    left: Sequence[Guest], storages: Mapping[int, str], cluster: Cluster
) -> tuple[list[NodeJob], dict[int, str]]:
    """What to do with guests that their node said nothing about.

    Those that have moved are backed up where they are now; for the others there is a reason why not. Storages stay as
    first chosen.
    """
    jobs: dict[tuple[str, str], list[Guest]] = {}
    reasons: dict[int, str] = {}
    for guest in left:
        now = cluster.guests.get(guest.vmid)
        if now is None:
            reasons[guest.vmid] = "it is gone from the cluster since the task began"
        elif now.node == guest.node:
            reasons[guest.vmid] = f"node {guest.node} ended its task without a word about it"
        elif not cluster.online(now.node):
            reasons[guest.vmid] = f"it moved to node {now.node}, which is offline"
        else:
            jobs.setdefault((now.node, storages[guest.vmid]), []).append(now)
    found = [NodeJob(node, storage, tuple(guests)) for (node, storage), guests in sorted(jobs.items())]
    return found, reasons


def describe(decision: Decision) -> str:
    """A decision in words, for diffs: what is there now."""
    newest = decision.judgement.newest
    if newest is None:
        return f"{decision.guest.label}: no good backup is seen"
    return (
        f"{decision.guest.label}: newest good backup {newest.volid}, {format_duration(decision.judgement.age or 0)} old"
    )
