# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all restores of a module's run share. Private to this collection."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import with_names
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import Notes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site, Steps
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import (
    Surroundings,
    observe_surroundings,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish


@dataclass
class RestoreRun:
    """What all restores of a module's run share."""

    client: Client
    clock: Clock
    interruption: Interruption
    check_mode: bool
    journals: Path | None
    around: Surroundings
    dead: Sequence[DeadRun]
    warnings: list[str] = field(default_factory=list)
    diffs: list[dict[str, str]] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def tell(self, warnings: Sequence[str], change: dict[str, str] | None = None) -> None:
        """Note what a restore has to say; from any thread."""
        with self._guard:
            self.warnings.extend(warnings)
            if change is not None:
                self.diffs.append(change)

    def ahead(self, node: str) -> float:
        """By how many seconds a node's clock is ahead of the controller's."""
        observation = self.around.observation
        return observation.now(node) - observation.observed_at

    def site(self, notes: Notes, wish: RestoreWish) -> Site:
        """Where one restore does its work."""
        early = Deadline.after(self.clock, wish.timeout, self.interruption)
        return Site(self.client, self.clock, notes, Steps(self.clock), wish.timeout, early, self.ahead)

    def look_anew(self) -> Surroundings:
        """The cluster as it is now."""
        observation = with_names(self.client, observe(self.client, self.clock))
        return observe_surroundings(self.client, self.clock, observation)
