# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many of a guest's backups may be protected: PVE::Storage::get_max_protected_backups."""

from __future__ import annotations

from collections.abc import Iterable

from pve_simulator.state.model import Storage
from pve_simulator.storage.backups import Backup
from pve_simulator.world import World

DEFAULT = 5  # for those without Datastore.Allocate, where the storage says nothing
UNLIMITED = -1


def refusal(world: World, identity: str, storage: Storage, own: Iterable[Backup]) -> str | None:
    """Why none of the guest's backups ``own`` may be protected beside those that are, or None."""
    most = limit(world, identity, storage)
    if most == UNLIMITED or sum(backup.protected for backup in own) < most:
        return None
    return f"The number of protected backups per guest is limited to {most} on storage '{storage.name}'"


def limit(world: World, identity: str, storage: Storage) -> int:
    """The limit for a caller; ``UNLIMITED`` is none."""
    if storage.max_protected is not None:
        return storage.max_protected
    with world.changed:
        free = world.rights.has(identity, f"/storage/{storage.name}", "Datastore.Allocate")
    return UNLIMITED if free else DEFAULT
