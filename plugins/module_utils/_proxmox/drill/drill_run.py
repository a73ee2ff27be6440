# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all drills of a module's run share. Private to this collection."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import Journal, JournalError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.version import VERSION
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.allotment import Allotment
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.bench import Bench
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import DrillNotes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import RecordError, append
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import DrillWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site, Steps
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import Surroundings

LONG = 10 * 365 * 86400
"""Seconds: the parts of a drill have limits of their own, and the drill as a whole has none but the run's end."""


@dataclass
class DrillRun:
    """What all drills of a run share. ``backups`` are those of each guest; ``run`` is the id of this run.

    ``recorded`` are runs and guests of which the record had a line already when this run began.
    """

    client: Client
    clock: Clock
    interruption: Interruption
    wish: DrillWish
    run: str
    journals: Path
    record: Path
    around: Surroundings
    backups: Mapping[int, Sequence[Backup]]
    allotment: Allotment
    recorded: frozenset[tuple[object, object]] = frozenset()
    rows: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    leftovers: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    open: list[tuple[DrillNotes, Journal | None]] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def versions(self) -> dict[str, str]:
        """Of this collection and of Proxmox VE, for the record."""
        return {"lifeboat": VERSION, "proxmox": ".".join(map(str, self.around.version))}

    def header(self) -> dict[str, Any]:
        """The first entry of a drill's journal."""
        facts = {"module": "proxmox_drill", "cluster": self.client.cluster, "user": self.client.authid}
        return {**facts, "drill": self.run}

    def bench(self, notes: DrillNotes) -> Bench:
        """Where one drill does its work."""
        early = Deadline.after(self.clock, LONG, self.interruption)
        limit = self.wish.limits.clean_up
        site = Site(self.client, self.clock, notes, Steps(self.clock), limit, early, self._ahead)
        return Bench(site, notes, self.wish)

    def ended(self, row: Mapping[str, Any]) -> bool:
        """Keep a drill that is over, here and in the record for ever. Whether it is in the record."""
        with self.guard:
            self.rows.append(dict(row))
        if (row["run"], row["guest"]["vmid"]) in self.recorded:
            return True  # by an earlier call or run, which could not clean up or didn't live to
        try:
            append(self.record, {key: value for key, value in row.items() if key != "phase"}, self.clock)
        except RecordError as failure:
            with self.guard:
                self.unrecorded.append(failure.message)
            return False
        return True

    def keep_open(self, notes: DrillNotes, journal: Journal | None) -> None:
        """A drill that a later call goes on with: its journal stays ours until this call has ended."""
        with self.guard:
            self.open.append((notes, journal))

    def let_go(self) -> None:
        """Leave the drills that go on to the later call, for as long as their lease."""
        for notes, journal in self.open:
            try:
                notes.note("lease", until=self.clock.now() + self.wish.limits.lease)
                if journal is not None:
                    journal.close(keep=True)
            except JournalError as failure:
                self.tell(failure.message)
        self.open.clear()

    def tell(self, warning: str) -> None:
        """Keep what the user should know; from any thread."""
        with self.guard:
            self.warnings.append(warning)

    def told(self, row: Mapping[str, Any]) -> None:
        """Keep a drill that goes on with a later call."""
        with self.guard:
            self.rows.append(dict(row))

    def _ahead(self, node: str) -> float:
        observation = self.around.observation
        return observation.now(node) - observation.observed_at
