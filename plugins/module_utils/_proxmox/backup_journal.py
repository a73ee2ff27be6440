# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a backup run: each job before its request goes out, and what became of it.

Entries, each with the number of its job: ``starting`` (node, storage, vmids, and the newest task of ours that was there
before), then ``started`` (upid), ``nothing`` (none of the guests was on the node), ``refused``, ``ended`` or ``left``
(not to be waited for). ``closed`` names the jobs that are still open when the run ends without having died. Only what
comes before a request is synced: the rest can be found out from the nodes' lists of tasks after a power cut.

Removals are not journalled: what is gone stays gone, and the next run plans the rest anew. Private to this collection.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import Journal, JournalError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid


class BackupJournal:
    """Where a run notes its jobs. May be used from any thread.

    A backup is worth more than its entry: where one can't be written (a full disk), the run goes on and says so in
    ``problem``; what the next run can't know then is which finished backups belong to a run that was killed.
    """

    def __init__(self, folder: Path | None, header: dict[str, Any]) -> None:
        self._journal = None if folder is None else Journal(folder, header)
        self._numbers = itertools.count(1)
        self._guard = threading.Lock()
        self._open: set[int] = set()
        self.problem: str | None = None

    def open(self, strict: bool) -> None:
        """Make the file.

        :raises JournalError: when it can't be made and ``strict`` says that it must.
        """
        try:
            if self._journal is not None:
                self._journal.open()
        except JournalError as failure:
            if strict:
                raise
            self.problem = failure.message
            self._journal = None

    def starting(self, node: str, storage: str, vmids: Sequence[int], after: Upid | None) -> int:
        """A job is about to be asked for; its number."""
        with self._guard:
            number = next(self._numbers)
            self._open.add(number)
        newest = None if after is None else after.text
        self._write("starting", job=number, node=node, storage=storage, vmids=list(vmids), after=newest)
        return number

    def started(self, number: int, upid: Upid) -> None:
        """Its task."""
        self._write("started", False, job=number, upid=upid.text)

    def settled(self, number: int, how: str) -> None:
        """``nothing``, ``refused``, ``ended`` or ``left``: the next run need not look for it."""
        with self._guard:
            self._open.discard(number)
        self._write(how, False, job=number)

    def close(self) -> None:
        """The run has told what it did: only open jobs are left for the next one to find."""
        if self._journal is None:
            return
        if self._open:
            self._write("closed", open=sorted(self._open))
        try:
            self._journal.close(keep=bool(self._open))
        except JournalError as failure:
            self.problem = failure.message

    def _write(self, event: str, sync: bool = True, **facts: Any) -> None:
        if self._journal is None:
            return
        try:
            self._journal.write(event, sync, **facts)
        except JournalError as failure:
            self.problem = failure.message
