# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words and values that a judgement is made of. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Exemption, Rule, Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import Unreadable

MET, NOT_MET, UNKNOWN, EXEMPT, NEW = "met", "not_met", "unknown", "exempt", "new"
STATUSES = (MET, NOT_MET, UNKNOWN, EXEMPT, NEW)
VERDICTS = (MET, NOT_MET, UNKNOWN)
PROMISES = ("rpo", "storage", "keep", "protected", "encrypted", "verify", "drill", "rto", "job", "disks")
"""In the order in which they are told."""


class Promise(NamedTuple):
    """One promise to one guest: the verdict, why as a part of a sentence, and the evidence."""

    promise: str
    verdict: str
    reason: str
    evidence: Mapping[str, Any]

    def as_result(self) -> dict[str, Any]:
        """As the module returns it."""
        promise, verdict, reason, evidence = self  # at once: there are ten for each guest
        return {"promise": promise, "verdict": verdict, "reason": reason, "evidence": evidence}


class Case(NamedTuple):
    """All that is needed to judge one guest.

    ``backups`` are its own, newest first. ``hidden`` is what can't be seen of its backups anywhere, ``hidden_here``
    what can't be on the tier's storage. ``jobs`` are the ids of the enabled jobs that take it in. ``now`` is the time
    on its node.
    """

    guest: Guest
    tier: Tier
    rule: Rule
    exemption: Exemption | None
    ended: Exemption | None
    backups: Sequence[Backup]
    hidden: Sequence[Unreadable]
    hidden_here: Sequence[Unreadable]
    jobs: tuple[str, ...]
    now: float


class Judged(NamedTuple):
    """A guest with the verdicts on its promises. ``reason`` is said where the promises don't tell the status."""

    case: Case
    promises: tuple[Promise, ...]
    status: str
    reason: str | None = None

    def verdict(self, promise: str) -> str | None:
        """The verdict on a promise; None where it wasn't made."""
        return next((one.verdict for one in self.promises if one.promise == promise), None)


def status_of(promises: Iterable[Promise]) -> str:
    """Of all promises together: what is broken is broken, and what can't be seen is never kept."""
    verdicts = {one.verdict for one in promises}
    if NOT_MET in verdicts:
        return NOT_MET
    return UNKNOWN if UNKNOWN in verdicts or not verdicts else MET
