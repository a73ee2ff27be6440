# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of one drill: the restore onto a scratch id, with its isolation and its marks. Pure.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import lowered, needed_memory
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.marks import Marks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import SCHEMA
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import DrillWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    GuestConfiguration,
    properties,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import GuestStorage
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore import room
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.refusals import NoRoom
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import Need, missing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish

_LONGEST_NAME = 63


@dataclass(frozen=True)
class DrillPlan:
    """One drill. ``guest`` is the real one, ``memory`` (MiB) what its copy takes of the node when it runs.

    ``age`` is that of the backup in seconds; ``agent`` tells whether the guest agent has to answer.
    """

    guest: Guest
    backup: Backup
    age: int
    restore: RestorePlan
    marks: Marks
    memory: int
    agent: bool

    @property
    def node(self) -> str:
        """Where the copy is made."""
        return self.restore.guest.node

    @property
    def template(self) -> bool:
        """Whether it is one, which is never started."""
        return self.restore.archived.template


def restore_wish(
    wish: DrillWish, guest: Guest, backup: Backup, scratch: int, marks: Marks, run: str, archived: GuestConfiguration
) -> RestoreWish:
    """The restore of a drill: everything that can be set with the call is, so that the copy is never there without."""
    overrides = {
        **lowered(archived, wish.memory, wish.cores),
        "tags": marks.tag,
        "description": marks.description(guest.label, run),
        "onboot": "0",
        "protection": "0",
    }
    return RestoreWish(
        volid=backup.volid,
        target=str(scratch),
        target_node=wish.target_node,
        target_storage=wish.target_storage,
        pool=wish.pool,
        new_name=_scratch_name(guest, archived),
        unique=True,
        overrides=tuple(sorted(overrides.items())),
        network="keep" if wish.network.how == "none" else wish.network.how,
        bridge=wish.network.bridge,
        vlan=wish.network.vlan,
        bwlimit=wish.bwlimit,
        if_exists="fail",
        start=not archived.template,
        timeout=wish.limits.restore,
    )


def _scratch_name(guest: Guest, archived: GuestConfiguration) -> str:
    """Another name than the guest's, so that nothing that goes by names takes one for the other."""
    own = (archived.name or guest.name or "").rstrip("-.")
    return f"drill-{guest.vmid}-{own}"[:_LONGEST_NAME].rstrip("-.")


def uses_agent(archived: GuestConfiguration, agent: str) -> bool:
    """Whether the guest agent of a VM has to answer: it is enabled in its configuration, or the user requires it."""
    if archived.type != "qemu" or agent == "ignored":
        return False
    parts = properties(archived.values.get("agent", "0"))
    enabled = (parts.get("enabled") or parts.get("", "0")).lower() in ("1", "yes", "on", "true")
    return enabled or agent == "required"


def memory_of(archived: GuestConfiguration, wish: DrillWish) -> int:
    """The MiB that the copy takes when it runs; a template never does."""
    return 0 if archived.template else needed_memory(archived, wish.memory)


def room_needed(plan: DrillPlan, storages: Mapping[str, GuestStorage]) -> dict[str, int]:
    """The bytes by storage that the copy may come to take, and that have to be free.

    Every volume counts with its whole size, also where it is written bit by bit: a copy must not fill up what the
    cluster's own guests write to.

    :raises NoRoom: when they are not.
    """
    wanted = room.targets(plan.restore.archived, plan.restore.storage)
    problem = room.too_little(plan.backup, storages, wanted, {}, whole=True)
    if problem is not None:
        raise NoRoom(f"there is no room for a copy at its full size: {problem}.")
    least = 0 if plan.backup.is_snapshot or len(wanted) > 1 else plan.backup.size
    return {name: max(size, least) for name, size in wanted.items()}


def lacking_rights(plan: DrillPlan, pool: str | None, permissions: Permissions, version: tuple[int, int]) -> list[Need]:
    """Privileges that a drill takes beyond those of the restore, and that the token has neither on id nor ``pool``."""
    path = (f"/vms/{plan.restore.guest.vmid}", *([f"/pool/{pool}"] if pool is not None else []))
    needs = [Need("VM.Config.Options", path, "for the marks of the copy")]
    archived = plan.restore.archived
    if not plan.template:
        needs.append(Need("VM.PowerMgmt", path, "to start and stop the copy"))
        if archived.networks:
            needs.append(Need("VM.Config.Network", path, "to cut the copy off from networks"))
    if plan.agent:
        right = "VM.GuestAgent.Unrestricted" if version >= (9, 0) else "VM.Monitor"
        needs.append(Need(right, path, "to ask the guest agent"))
    return missing(needs, permissions)


def record_base(
    plan: DrillPlan, wish: DrillWish, run: str, cluster: str, at: float, versions: Mapping[str, str]
) -> dict[str, Any]:
    """The beginning of the drill's record: everything that is known before it begins."""
    return {
        **beginning(wish, run, cluster, at, versions),
        "guest": guest_facts(plan.guest, plan.restore.archived),
        "archive": archive_facts(plan.backup),
        "rpo": plan.age,
        "target": {"vmid": None, "node": plan.node, "storage": plan.restore.storage},
    }


def beginning(wish: DrillWish, run: str, cluster: str, at: float, versions: Mapping[str, str]) -> dict[str, Any]:
    """What the records of all drills of a run have in common, also of those that can't be begun."""
    return {
        "schema": SCHEMA,
        "run": run,
        "plan": wish.plan,
        "cluster": cluster,
        "at": int(at),
        "versions": dict(versions),
    }


def guest_facts(guest: Guest, archived: GuestConfiguration | None = None) -> dict[str, Any]:
    """The drilled guest; of one that is gone what its archive tells."""
    name = guest.name or (archived.name if archived is not None else None)
    kind = guest.type or (archived.type if archived is not None else None)
    return {"vmid": guest.vmid, "name": name, "type": kind, "node": guest.node or None}


def archive_facts(backup: Backup) -> dict[str, Any]:
    """The backup that is drilled."""
    shown = backup.as_result()
    return {key: shown[key] for key in ("volid", "storage", "node", "ctime", "size", "verified", "encrypted")}
