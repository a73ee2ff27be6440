# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of one restore share: the connection, the notes, the time, and the list of what was done.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import TaskEnd
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import Notes

Outcome = TypeVar("Outcome")


@dataclass
class Steps:
    """The steps of a restore as the result lists them."""

    clock: Clock
    rows: list[dict[str, Any]] = field(default_factory=list)

    def take(self, name: str, work: Callable[[], Outcome]) -> Outcome:
        """Do it; whether it succeeds or not, it is listed with the time that it took."""
        began = self.clock.monotonic()
        row: dict[str, Any] = {"step": name, "result": "failed", "seconds": 0.0, "upid": None}
        self.rows.append(row)
        try:
            outcome = work()
        finally:
            row["seconds"] = round(self.clock.monotonic() - began, 1)
        row["result"] = "ok"
        if isinstance(outcome, TaskEnd):
            row["upid"] = outcome.upid.text
        return outcome

    def name_task(self, upid: str) -> None:
        """The task of the step that is being taken: it has a log also when it fails."""
        if self.rows:
            self.rows[-1]["upid"] = upid


@dataclass(frozen=True)
class Site:
    """One restore at work. ``patience`` are the seconds that a task may take; ``early`` ends what can be given up.

    ``ahead`` is by how many seconds a node's clock is ahead of the controller's. ``unfinished`` is what a later run has
    to put back.
    """

    client: Client
    clock: Clock
    notes: Notes
    steps: Steps
    patience: int
    early: Deadline
    ahead: Callable[[str], float]
    warnings: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)

    def node_time(self, node: str) -> float:
        """Epoch seconds by a node's clock, now."""
        return self.clock.now() + self.ahead(node)

    def late(self) -> Deadline:
        """A new limit for what has to come to its end, also when the run is asked to end."""
        return Deadline.after(self.clock, self.patience)

    def tolerated(self, what: str, work: Callable[[], object]) -> None:
        """Do what is worth a warning and no more when it fails; the next run tries it again."""
        try:
            work()
        except LifeboatError as failure:
            self.warnings.append(f"{what}: {failure.message.rstrip('.')}.")
            self.unfinished.append(what)


def is_protected(site: Site, path: str) -> bool:
    """Whether the backup with this path is protected now (recorded: 07_notes_protected_delete). One request."""
    answer = site.client.get(path)
    return isinstance(answer, Mapping) and str(answer.get("protected", 0)) == "1"


def backup_path(node: str, volid: str) -> str:
    """The API path of a backup."""
    return path_of("nodes", node, "storage", volid.partition(":")[0], "content", volid)
