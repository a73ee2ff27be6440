# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens while backups are made, as facts for the report. Private to this collection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import JobLog
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid


@dataclass(frozen=True)
class Started:
    """A task of ours was started for these guests."""

    upid: Upid
    vmids: tuple[int, ...]
    storage: str


@dataclass(frozen=True)
class Ended:
    """A task of ours is over, or waiting for it is (``timed_out``); ``exitstatus`` is None while it runs on.

    ``log`` is what it said; ``problem`` why nothing more can be known of it. Where waiting ended because the run was
    ``interrupted``, that is the reason.
    """

    upid: Upid
    vmids: tuple[int, ...]
    storage: str
    exitstatus: str | None
    log: JobLog
    timed_out: bool = False
    cancelled: bool = False
    problem: str | None = None
    interrupted: str = ""


@dataclass(frozen=True)
class ForeignEnded:
    """Somebody else's task that was backing up these guests is over; ``storage`` is None where its log doesn't tell."""

    upid: Upid
    vmids: tuple[int, ...]
    storage: str | None
    exitstatus: str | None
    log: JobLog


@dataclass(frozen=True)
class ForeignRunning:
    """Somebody else's task is backing up these guests and is not waited for."""

    upid: Upid
    vmids: tuple[int, ...]


@dataclass(frozen=True)
class Skipped:
    """Nothing was started for these guests. ``failed`` where Proxmox refused, else it never came to that.

    ``uncertain`` where a task may have been started all the same. ``interrupted`` where somebody else's task wasn't
    waited for any longer, because the run was interrupted.
    """

    vmids: tuple[int, ...]
    reason: str
    failed: bool = False
    timed_out: bool = False
    uncertain: bool = False
    interrupted: bool = False


@dataclass(frozen=True)
class FoundFresh:
    """Somebody has backed up these guests since the plan was made; ``backups`` in the order of ``vmids``."""

    vmids: tuple[int, ...]
    backups: tuple[Backup, ...]


@dataclass(frozen=True)
class NothingLocal:
    """Proxmox answered OK and started nothing: none of these guests is on the node any more."""

    node: str
    vmids: tuple[int, ...]


Event = Union[Started, Ended, ForeignEnded, ForeignRunning, Skipped, FoundFresh, NothingLocal]
