# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One restore as it is planned: its calls, its steps, and the state to put back. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration


@dataclass(frozen=True)
class RestorePlan:
    """One restore. ``action`` is ``restore`` onto a free id, ``replace`` or ``skip``.

    ``request`` and ``proof`` are the calls' parameters without the id; ``proof`` None: the archive is not tried out.
    ``ha`` is the state to put back; ``before`` the configuration of the guest that is replaced; ``spread`` its volumes
    where they lie on several storages, as a rollback makes them again. ``takes`` are bytes by storage.
    """

    action: str
    reason: str
    guest: Guest
    free_choice: bool
    backup: Backup
    request: Mapping[str, Any]
    expected: GuestConfiguration
    archived: GuestConfiguration
    renewed: bool
    start: bool
    before: GuestConfiguration | None = None
    ran: bool = False
    proof: Mapping[str, Any] | None = None
    safety_storage: str | None = None
    storage: str | None = None
    protect_source: bool = False
    ha: str | None = None
    spread: Mapping[str, str] = field(default_factory=dict)
    takes: Mapping[str, int] = field(default_factory=dict)
    waits: bool = True
    keeps_safety: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps by name, in their order."""
        managed, safe = self.ha is not None, self.safety_storage is not None
        wanted = (
            ("protect_source", self.protect_source),
            ("prove", self.proof is not None),
            ("disable_ha", managed),
            ("shut_down", self.ran),
            ("safety_backup", safe),
            ("restore", True),
            ("check", self.waits),
            ("start", self.start),
            ("enable_ha", managed),
            ("release_source", self.protect_source),
            ("release_safety_backup", safe and not self.keeps_safety),
        )
        return tuple(step for step, needed in wanted if needed) if self.action != "skip" else ()

    @property
    def replaces(self) -> bool:
        """Whether a guest is there that would be gone."""
        return self.action == "replace"
