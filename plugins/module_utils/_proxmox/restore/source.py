# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backup is restored. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import (
    FUTURE_TOLERANCE,
    Unreadable,
    find_unreadable,
    own_backups,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import NOTHING, RestoreWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select

SAFETY_MARK = "safety backup before a restore, Lifeboat run"
"""In the notes of backups that a restore has made of what it replaced. What was worth replacing is nobody's newest good
backup: these are restored only by name."""


@dataclass(frozen=True)
class Chosen:
    """The backup. ``doubt``: why a newer one may lie unseen; ``warning``: why storages may be hidden altogether."""

    backup: Backup
    doubt: str = ""
    warning: str = ""


def is_safety_backup(backup: Backup) -> bool:
    """Whether a restore has made it of the guest that it replaced."""
    return SAFETY_MARK in (backup.notes or "")


def choose(wish: RestoreWish, observation: Observation) -> Chosen:
    """The backup that is meant.

    :raises InputError: when there is none that is good, or more than one may be meant.
    """
    if wish.volid is not None:
        return Chosen(_named(wish, wish.volid, observation))
    return _of_guest(wish, observation)


def _named(wish: RestoreWish, volid: str, observation: Observation) -> Backup:
    storage = volid.partition(":")[0]
    found = [backup for backup in observation.backups if backup.volid == volid]
    if wish.target_node is not None and len(found) > 1:
        found = [backup for backup in found if backup.node == wish.target_node]
    if len(found) > 1:
        nodes = listed(sorted(backup.node for backup in found))
        raise InputError(f"{volid}: there is one of this name on {nodes}; say which by target_node. {NOTHING}")
    if not found:
        raise InputError(f"{volid}: {_why_unlisted(observation, storage)}. {NOTHING}")
    flaw = _flaw(found[0], wish, observation)
    if flaw is not None:
        raise InputError(f"{volid}: it {flaw}, so it can't be restored. {NOTHING}")
    return found[0]


def _why_unlisted(observation: Observation, storage: str) -> str:
    listings = [listing for listing in observation.listings if listing.storage == storage]
    errors = [listing.error for listing in listings if listing.error]
    if errors:
        return f"storage {storage} cannot be looked at: {errors[0].rstrip('.')}"
    if not listings:
        return (
            f"no online node shows a backup storage named {storage} to this token: it does not exist, or "
            f"Datastore.AllocateSpace on /storage/{storage} is missing"
        )
    return (
        f"storage {storage} does not list it: it is gone, is still being written, or VM.Backup on its guest or "
        f"Datastore.AllocateSpace on /storage/{storage} is missing"
    )


def _of_guest(wish: RestoreWish, observation: Observation) -> Chosen:
    guest = _guest(wish, observation)
    label, vmid = (guest.label, guest.vmid) if guest is not None else (str(wish.vmid), wish.vmid or 0)
    looked_at = [one for one in observation.backups if wish.storages is None or one.storage in wish.storages]
    owned = [backup for backup in looked_at if backup.vmid == vmid]
    own = own_backups(guest, owned) if guest is not None else owned
    regular = [backup for backup in own if not is_safety_backup(backup)]
    meant = [backup for backup in regular if wish.before is None or backup.ctime <= wish.before]
    good = [backup for backup in meant if _flaw(backup, wish, observation) is None]
    doubt, warning = _doubt(wish, observation, guest or Guest(vmid, None, "", ""))
    if not good:
        raise InputError(
            f"{label}: {_why_none(wish, own, meant, observation)}{f', but {doubt}' if doubt else ''}. {NOTHING}"
        )
    if not wish.newest and len(good) > 1:
        raise InputError(
            f"{label}: {counted(len(good), 'backup')} may be meant ({listed(backup.volid for backup in good)}); name "
            f"one by volid, or set newest. {NOTHING}"
        )
    return Chosen(good[0], doubt, warning)


def _guest(wish: RestoreWish, observation: Observation) -> Guest | None:
    """The guest whose backup it is; None for an id that no guest has any more."""
    if wish.name is not None:
        return select(Selection(names=(wish.name,)), observation.cluster).guests[0]
    return observation.cluster.guests.get(wish.vmid or 0)


def _flaw(backup: Backup, wish: RestoreWish, observation: Observation) -> str | None:
    if backup.ctime > observation.now(backup.node) + FUTURE_TOLERANCE and wish.volid is None:
        return "is dated in the future"
    return backup.flaw(wish.verified_only)


def _why_none(wish: RestoreWish, own: Sequence[Backup], meant: Sequence[Backup], observation: Observation) -> str:
    if not own:
        where = f" on {listed(wish.storages)}" if wish.storages else ""
        return f"no backup of it is shown{where}"
    if not meant and wish.before is None:
        volids = listed(backup.volid for backup in own)
        return f"its only backups are those made when it was replaced; name one by volid: {volids}"
    if not meant:
        return f"none of its {counted(len(own), 'backup')} is from before {wish.before:.0f} (epoch seconds)"
    flaw = _flaw(meant[0], wish, observation)
    return (
        f"its only backup {flaw}" if len(meant) == 1 else f"none of its {len(meant)} backups is good; the newest {flaw}"
    )


def _doubt(wish: RestoreWish, observation: Observation, guest: Guest) -> tuple[str, str]:
    """What can't be seen of the guest's backups; empty where everything that could hold a newer one was seen."""
    unreadable = find_unreadable(observation, [guest], wish.storages)
    looked_at = [one for one in unreadable if not wish.storages or one.storage in (None, *wish.storages)]
    concerned = [one for one in looked_at if one.concerns(guest.vmid)]
    places = [_told(one) for one in concerned if one.storage is not None or one.node is not None]
    hidden = [one.why for one in concerned if one.storage is None and one.node is None]
    return (f"not everything can be seen: {places[0]}" if places else ""), "".join(hidden[:1])


def _told(unseen: Unreadable) -> str:
    """Why, and what to grant where that helps."""
    why = unseen.why.rstrip(".")
    return f"{why} (grant {unseen.grant})" if unseen.grant else why
