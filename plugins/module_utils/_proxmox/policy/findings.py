# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong beyond a single promise, told once however many guests it concerns. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest

ERROR, WARNING = "error", "warning"
KINDS = (
    "no_job",
    "disk_excluded",
    "gone_guest",
    "own_storage",
    "retention_too_short",
    "retention_single",
    "schedule_too_slow",
    "never_drilled",
    "exemption_ended",
    "exemption_ends_soon",
    "unused_rule",
    "unused_tier",
    "job_disabled",
    "unreadable",
)


class Finding(NamedTuple):
    """One finding: ``text`` is a sentence, ``place`` where the policy says what it is about."""

    kind: str
    severity: str
    text: str
    vmids: tuple[int, ...] = ()
    job: str | None = None
    storage: str | None = None
    place: str | None = None

    def as_result(self) -> dict[str, Any]:
        """As the module returns it."""
        return {**self._asdict(), "vmids": list(self.vmids)}


def told_guests(guests: Iterable[Guest]) -> str:
    """A few guests by their names, a beginning of a sentence: ``2 guests (101 (web1), 102 (web2))``."""
    found = list(guests)
    return f"{counted(len(found), 'guest')} ({listed((guest.label for guest in found), 6)})"


def ids_of(guests: Iterable[Guest]) -> tuple[int, ...]:
    """Their ids, sorted."""
    return tuple(sorted(guest.vmid for guest in guests))
