# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is known of one type of one device, before it is judged. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import DONE, Claim, Data, Job, newest_of
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import SQLITE, VIDEO

AHEAD = 3600
"""Seconds that something may seem to be in the future before its time says nothing."""


def lately(data: Data, now: float, max_age: int) -> bool:
    """Whether something began within ``max_age``. When it did is not known of a device whose clock is years ahead."""
    return now - max_age <= data.began <= now + AHEAD


def due(data: Iterable[Data], lacking: Collection[str], now: float, max_age: int) -> list[Data]:
    """What must have a copy by now: not what began lately and hasn't got its first one yet."""
    return [one for one in data if one.path is None or one.path not in lacking or not lately(one, now, max_age)]


@dataclass(frozen=True)
class Case:
    """``evidence`` is None where no tree of the type was looked at. ``max_age`` in seconds, ``now`` in epoch seconds.

    ``asked`` is whether a service that knows of devices answered; ``told_none`` whether the device, which is idle, told
    its databases and has none of this type; ``checked`` whether the newest copies of this type are opened.
    """

    type: str
    evidence: Evidence | None
    data: Sequence[Data]
    claim: Claim | None
    job: Job | None
    max_age: int
    now: float
    asked: bool = False
    told_none: bool = False
    checked: bool = False

    @property
    def due(self) -> Sequence[Data]:
        """What must have a copy by now: not what began lately and hasn't got its first one yet."""
        lacking = frozenset[str]() if self.evidence is None else self.evidence.lacking
        return due(self.data, lacking, self.now, self.max_age)

    @property
    def overdue(self) -> Sequence[Data]:
        """What has no copy, and should."""
        return [] if self.evidence is None else [one for one in self.due if one.path in self.evidence.lacking]

    @property
    def newest_data(self) -> Data | None:
        """The newest of what must have a copy."""
        return newest_of(self.due)

    @property
    def claimed(self) -> bool:
        """Whether somebody says that there is something to be backed up, or backed up.

        The node says "available" of videos whenever its rsync job looked for them, so that counts with a size only
        (reference/ethoscope.md, facts 5 to 7). The rsync daemon copies databases of devices that have some, only
        (section 9).
        """
        by_page = self.claim is not None and self.claim.available and (self.type != VIDEO or bool(self.claim.size))
        job = self.job
        by_job = job is not None and (bool(job.listed) or (job.state == DONE and self.type == SQLITE))
        return by_page or bool(self.data) or by_job
