# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all restores of a module's run share. Private to this collection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import DeadRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import (
    Surroundings,
    observe_surroundings,
)


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

    def look_anew(self, observed: Callable[[Observation], Observation]) -> Surroundings:
        """The cluster as it is now; ``observed`` adds what is remembered."""
        return observe_surroundings(self.client, self.clock, observed(observe(self.client, self.clock)))
