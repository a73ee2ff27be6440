# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of one drill share. Private to this collection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.notes import DrillNotes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.verdict import check_row
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import DrillWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import StepFailed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site

Outcome = TypeVar("Outcome")
SEEN_LATE = 1.0
"""Seconds between two looks at a task: a drill measures how long it takes."""


class NotDone(LifeboatError):
    """A part of a drill that couldn't be carried out, which says nothing about the backup."""


@dataclass(frozen=True)
class Bench:
    """One drill at work."""

    site: Site
    notes: DrillNotes
    wish: DrillWish

    @property
    def copy(self) -> Guest:
        """The scratch guest."""
        guest = self.notes.progress().guest
        return Guest(guest.vmid, None, guest.node, guest.type)

    def within(self, seconds: float) -> Deadline:
        """A limit that ends earlier where the run is asked to end."""
        return Deadline.after(self.site.clock, seconds, self.site.early.interruption)

    @property
    def interrupted(self) -> bool:
        """Whether the run is asked to end."""
        return self.site.early.interrupted

    def measured(self, what: str, work: Callable[[], Outcome]) -> Outcome:
        """Do it, and note how long it took, when it succeeds."""
        began = self.site.clock.monotonic()
        outcome = work()
        self.notes.note("measured", what=what, seconds=round(self.site.clock.monotonic() - began, 1))
        return outcome

    def found(
        self,
        check: str,
        verdict: str,
        reason: str,
        began: float | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> None:
        """Note a check; ``began`` is when by the monotonic clock."""
        seconds = None if began is None else self.site.clock.monotonic() - began
        self.notes.note("check", row=check_row(check, verdict, reason, seconds, evidence))


def is_away(failure: LifeboatError) -> bool:
    """Whether a failure says nothing about the backup: nobody answered, or something else refused to do it.

    Only what a task or the copy itself has shown is a ``StepFailed``.
    """
    return not isinstance(failure, StepFailed)
