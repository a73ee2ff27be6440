# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is before a restore: the archive's configuration, the target, the guest on it. Writes nothing.

Private to this collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    ApiError,
    BadAnswer,
    NodeUnreachable,
    PermissionDenied,
    ProxmoxError,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import (
    CONTENT,
    GuestStorage,
    StorageSettings,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import (
    GuestState,
    exists,
    guest_path,
    ha_path,
    observe_guest_state,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import Chosen, choose
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import Surroundings
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import NOTHING, RestoreWish


class Unrestorable(InputError):
    """A backup that is seen not to be restorable, whatever is granted or set otherwise."""


class Hidden(InputError):
    """The target id is that of a guest that the token can't see, or that came into being a moment ago."""


@dataclass(frozen=True)
class Existing:
    """The guest that has the target id. ``ha`` is the state that the HA manager keeps it in, None where it doesn't.

    ``clones`` are the volumes that build on it; ``blind`` says why those can't all be seen.
    """

    guest: Guest
    state: GuestState
    configuration: GuestConfiguration
    snapshots: tuple[str, ...] = ()
    clones: tuple[str, ...] = ()
    blind: str = ""
    ha: str | None = None
    replications: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scene:
    """Everything that the plan of one restore is made from.

    ``vmid`` is the target; ``spare`` a free id, for a target ``auto`` and for a proof. ``backups`` are all that are
    shown; ``now`` is the node's clock.
    """

    chosen: Chosen
    archived: GuestConfiguration
    vmid: int
    node: str
    existing: Existing | None
    spare: int | None
    storages: Mapping[str, GuestStorage]
    settings: Mapping[str, StorageSettings]
    backups: tuple[Backup, ...]
    readable_on: frozenset[str]
    pools: frozenset[str]
    version: tuple[int, int]
    permissions: Permissions
    authid: str
    now: float

    @property
    def backup(self) -> Backup:
        """What is restored."""
        return self.chosen.backup

    @property
    def type(self) -> str:
        """``qemu`` or ``lxc``."""
        return self.archived.type

    @property
    def label(self) -> str:
        """How messages call the target."""
        if self.existing is not None:
            return self.existing.guest.label
        return f"{self.vmid} ({self.archived.name})" if self.archived.name else str(self.vmid)


def look(around: Surroundings, wish: RestoreWish) -> Scene:
    """Choose the backup and look at what it would be restored onto.

    :raises InputError: when there is nothing to restore, or it can't be looked at.
    """
    client, observation = around.client, around.observation
    chosen = choose(wish, observation)
    backup = chosen.backup
    vmid = _target(wish, backup)
    spare = None
    if vmid is None or wish.if_exists == "replace":
        spare = around.free_id()
        around.give_back(spare)
    guest = _guest(client, observation, vmid)
    node = wish.target_node or (guest.node if guest is not None else _home(observation, backup))
    if not observation.cluster.online(node):
        known = "is offline" if node in observation.cluster.nodes else "is none of the cluster's nodes"
        raise InputError(f"{backup.volid}: node {node}, where it would be restored, {known}. {NOTHING}")
    _check_key(backup, around.settings.get(backup.storage))
    archived = _archived(client, backup)
    if guest is not None and not observation.cluster.online(guest.node):
        raise InputError(f"{guest.label}: it is there already, and its node {guest.node} is offline. {NOTHING}")
    existing = None if guest is None else _existing(around, guest)
    readable_on = frozenset(
        place.node for place in observation.places if place.storage == backup.storage and place.active
    )
    return Scene(
        chosen,
        archived,
        spare if vmid is None and spare is not None else vmid or 0,
        node,
        existing,
        spare,
        around.storages_of(node),
        around.settings,
        tuple(observation.backups),
        readable_on if _is_shared(observation, backup.storage) else frozenset({backup.node}),
        observation.cluster.pools,
        around.version,
        observation.permissions,
        client.authid,
        observation.now(node),
    )


def observe_configuration(client: Client, guest: Guest) -> GuestConfiguration | None:
    """The guest's configuration; None when it isn't there (any more). One request."""
    try:
        answer = client.get(guest_path(guest, "config"))
    except ApiError as failure:
        if "does not exist" in failure.text or failure.status == 404:
            return None
        raise
    if not isinstance(answer, Mapping):
        raise BadAnswer(f"The configuration of guest {guest.vmid} is not one.")
    return GuestConfiguration.from_api(guest.type, answer)


def with_names(client: Client, observation: Observation) -> Observation:
    """The cluster with the names of all guests: of new ones it knows none for up to ten seconds (recorded: 11_qemu)."""
    cluster = observation.cluster
    nameless = [one for one in cluster.guests.values() if one.name is None and cluster.online(one.node)]
    named = {one.vmid: one for one in side_by_side(lambda one: _named(client, one), nameless)}
    return replace(observation, cluster=replace(cluster, guests={**cluster.guests, **named}))


def _named(client: Client, guest: Guest) -> Guest:
    try:
        found = observe_configuration(client, guest)
    except ProxmoxError:  # it has none that anybody could mean
        return guest
    return guest if found is None else replace(guest, name=found.name, tags=found.tags)


def _target(wish: RestoreWish, backup: Backup) -> int | None:
    """The id to restore to; None for the next free one."""
    if wish.target == "auto":
        return None
    if wish.target != "same":
        return int(wish.target)
    if backup.vmid is None:
        raise InputError(f"{backup.volid}: its name tells no guest's id; say it by target_vmid. {NOTHING}")
    return backup.vmid


def _guest(client: Client, observation: Observation, vmid: int | None) -> Guest | None:
    """Who has the id."""
    if vmid is None:
        return None
    guest = observation.cluster.guests.get(vmid)
    if guest is None and exists(client, vmid):
        raise Hidden(
            f"target_vmid: {vmid} is the id of a guest that this token can't see; grant VM.Audit on /vms/{vmid}, or "
            f"take another id. {NOTHING}"
        )
    return guest


def _home(observation: Observation, backup: Backup) -> str:
    """Without a guest on the target id: where the backup lies; from a shared storage, where its guest is."""
    owner = observation.cluster.guests.get(backup.vmid or 0)
    if owner is not None and _is_shared(observation, backup.storage) and observation.cluster.online(owner.node):
        return owner.node
    return backup.node


def _is_shared(observation: Observation, storage: str) -> bool:
    return any(place.shared for place in observation.places if place.storage == storage)


def _check_key(backup: Backup, settings: StorageSettings | None) -> None:
    if backup.encrypted and settings is not None and not settings.has_key:
        raise InputError(
            f"{backup.volid}: it is encrypted, and storage {backup.storage} has no encryption key; set the key that it "
            f"was made with. {NOTHING}"
        )


def _archived(client: Client, backup: Backup) -> GuestConfiguration:
    """The configuration in the archive. One request; reading it proves that the archive's beginning can be read."""
    try:
        text = client.get(path_of("nodes", backup.node, "vzdump", "extractconfig"), volume=backup.volid)
    except ApiError as failure:
        said_of_it = failure.status == 500 and not isinstance(failure, (PermissionDenied, NodeUnreachable))
        kind = Unrestorable if said_of_it else InputError
        raise kind(
            f"{backup.volid}: the configuration in it cannot be read, so it can't be restored: "
            f"{' '.join(failure.text.split()).rstrip('.')}. {NOTHING}"
        ) from failure
    if backup.guest_type not in CONTENT:
        raise InputError(
            f"{backup.volid}: neither its name nor its storage tells whether it is a VM's or a container's. {NOTHING}"
        )
    found = GuestConfiguration.from_archive(backup.guest_type, str(text or ""))
    if not found.values:
        raise Unrestorable(f"{backup.volid}: there is no configuration in it, so it can't be restored. {NOTHING}")
    return found


def _existing(around: Surroundings, guest: Guest) -> Existing | None:
    """The guest as it is; None when it went away since the cluster was looked at."""
    client = around.client
    configuration = observe_configuration(client, guest)
    if configuration is None:
        return None
    state = observe_guest_state(client, guest)
    answer = client.get(guest_path(guest, "snapshot"))
    if not isinstance(answer, list):
        raise BadAnswer(f"The list of snapshots of guest {guest.vmid} is not one.")
    entries = [entry for entry in answer if isinstance(entry, Mapping)]
    snapshots = tuple(str(entry.get("name")) for entry in entries if entry.get("name") != "current")
    clones, blind = _clones(around, guest, configuration)
    return Existing(
        Guest(guest.vmid, configuration.name or guest.name, guest.node, guest.type, guest.tags, guest.pool, guest.lock),
        state,
        configuration,
        snapshots,
        clones,
        blind,
        _ha_state(around, guest) if state.ha else None,
        around.replications_of(guest.vmid),
    )


def _ha_state(around: Surroundings, guest: Guest) -> str:
    """What the HA manager keeps it in. Needs Sys.Audit on /; without it only that it does is known."""
    if not around.observation.permissions.allows("Sys.Audit", "/"):
        return "unknown"
    answer = around.client.get(ha_path(guest))
    return str(answer.get("state") or "started") if isinstance(answer, Mapping) else "unknown"


def _clones(around: Surroundings, guest: Guest, configuration: GuestConfiguration) -> tuple[tuple[str, ...], str]:
    """Volumes that build on a template's; each storage of its disks is listed. Other guests have none."""
    if not configuration.template:
        return (), ""
    base = re.compile(rf"(?:^|[/:])(?:base|basevol)-{guest.vmid}-disk-")
    found: set[str] = set()
    for storage in sorted({volume.storage for volume in configuration.volumes if volume.storage is not None}):
        permissions = around.observation.permissions
        if not permissions.may_list_all(storage) and not permissions.allows("VM.Config.Disk", "/vms/any"):
            return (), f"Datastore.Allocate on /storage/{storage} is missing, without which clones aren't shown"
        try:
            answer = around.client.get(path_of("nodes", guest.node, "storage", storage, "content"))
        except ProxmoxError as failure:
            return (), failure.message
        for entry in answer if isinstance(answer, list) else []:
            volid, parent = str(entry.get("volid") or ""), str(entry.get("parent") or "")
            if whole_number(entry.get("vmid")) != guest.vmid and (base.search(volid) or base.search(parent)):
                found.add(volid)
    return tuple(sorted(found)), ""
