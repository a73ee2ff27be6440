# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all nodes of a backup run share. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import Event
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_journal import BackupJournal
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions


@dataclass(frozen=True)
class BackupRun:
    """The connection, the wish, and where to tell. ``emit`` may be called from any thread.

    ``observed_at`` is when the plan's facts were seen, by the controller's clock; ``node_now`` is a node's clock.
    ``known`` are the volids of the backups that were there then.
    """

    client: Client
    clock: Clock
    deadline: Deadline
    permissions: Permissions
    wanted_storage: str | None
    max_age: int | None
    parameters: Mapping[str, Any]
    wait: bool
    cancel_on_timeout: bool
    cancel_on_interrupt: bool
    journal: BackupJournal
    observed_at: float
    known: frozenset[str]
    node_now: Callable[[str], float]
    emit: Callable[[Event], None]

    @property
    def interrupted(self) -> str:
        """Why the run is to end before its work is done; empty when it isn't."""
        interruption = self.deadline.interruption
        return interruption.reason if interruption is not None and interruption.requested else ""

    @property
    def over(self) -> str:
        """Why there is no more time, as the begin of a sentence."""
        return f"the run was interrupted ({self.interrupted})" if self.interrupted else "the time was up"
