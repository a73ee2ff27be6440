# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has been looked at to judge a cluster by its policy, and what could not be. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import StorageRetention


class Disk(NamedTuple):
    """A disk or mount of a guest as a job treats it: ``key`` such as scsi0, ``volume`` such as local:101/disk.raw."""

    key: str
    volume: str
    included: bool
    reason: str

    @property
    def storage(self) -> str | None:
        """Where it lies; None for what is no volume, such as a folder of the node."""
        name, colon, _rest = self.volume.partition(":")
        return name if colon and not self.volume.startswith("/") else None


@dataclass(frozen=True)
class Schedule:
    """The next runs of a schedule, in epoch seconds and in order, by the word of the server.

    ``problem`` says why the server doesn't take it, ``unread`` why the runs aren't known well enough to be judged.
    """

    times: tuple[int, ...] = ()
    problem: str | None = None
    unread: str | None = None


@dataclass(frozen=True)
class Seen:
    """A cluster at one moment.

    ``jobs`` are all jobs by id, and ``jobs_hidden`` says why there are none to see. ``disks`` are those of the guests
    of each enabled job; a job whose disks can't be read stands in ``disks_hidden``. ``schedules`` are by their text as
    it was asked for, ``retentions`` by node and storage. ``drills`` is what the record says of each guest.
    """

    observation: Observation
    jobs: Mapping[str, Job] = field(default_factory=dict)
    jobs_hidden: str | None = None
    disks: Mapping[str, Mapping[int, tuple[Disk, ...]]] = field(default_factory=dict)
    disks_hidden: Mapping[str, str] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    retentions: Mapping[tuple[str, str], StorageRetention] = field(default_factory=dict)
    drills: Mapping[tuple[int, str], Drilled] = field(default_factory=dict)
    drills_hidden: str | None = None

    @property
    def shows_all_guests(self) -> bool:
        """Whether the token sees every guest: Proxmox leaves out those without VM.Audit, without a word."""
        permissions = self.observation.permissions
        single = [path for path in permissions.paths if path.startswith("/vms/")]
        return all(permissions.allows("VM.Audit", path) for path in ("/vms/any", *single))
