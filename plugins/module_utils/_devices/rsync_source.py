# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethoscope's rsync backup daemon: databases and videos. Private to this collection.

Its figures are of the whole tree, not of a device (reference/ethoscope.md, fact 6), and are not read. A file that it
lists is "completed" also when rsync failed (3.6). Recorded: 11, 18 and 20 of recordings/ethoscope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.answers import (
    an_object,
    by_device,
    moment,
    text,
    the_object,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Facts,
    Garbled,
    Job,
    Question,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import plain
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import SQLITE, VIDEO
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.mysql_source import (
    message_of,
    name_of,
    named,
    state_of,
)

SERVICE = "rsync"
_SCOPES = (("results", SQLITE, ".db"), ("videos", VIDEO, ".h264"))
"""In the order in which the daemon does them: where the first fails, the second is not tried (section 9)."""


def questions(url: str) -> Sequence[Question]:
    """What is asked of the daemon at ``url``; a query would be a 404 (2.3)."""
    return (Question(SERVICE, f"{url}/status", read_status),)


def read_status(answer: Any) -> Facts:
    """``GET /status``: ``devices`` is an object by device id.

    :raises Garbled: when there is none.
    """
    entries = the_object(answer).get("devices")
    if not isinstance(entries, dict):
        raise Garbled("the answer is no status of rsync backups: it has no 'devices'")
    by_device(entries)
    jobs, unread = rsync_jobs(entries, SERVICE)
    busy = next((job.device for job in jobs if job.state == RUNNING), None)
    current = name_of(entries, busy)
    return Facts(
        named(entries), jobs=tuple(jobs), current_device=current, current_file=_current(entries, busy), unread=unread
    )


def rsync_jobs(entries: Mapping[str, Any], source: str) -> tuple[list[Job], int]:
    """The jobs in an object by device id, and how many entries are none."""
    jobs: list[Job] = []
    unread = 0
    for key, value in entries.items():
        device = text(key)
        if device is None or not isinstance(value, dict):
            unread += 1
            continue
        jobs.extend(_of_one(device, value, source))
    return jobs, unread


def _of_one(device: str, entry: Mapping[str, Any], source: str) -> list[Job]:
    state = state_of(entry)
    if state is None:
        return []
    started, ended, message = moment(entry.get("started")), moment(entry.get("ended")), message_of(entry)
    details, synced = an_object(entry.get("transfer_details")), an_object(entry.get("synced"))
    tried = [scope for scope, _type, _ending in _SCOPES if scope in (details or ({} if state == FAILED else synced))]
    jobs = []
    for scope, kind, ending in _SCOPES:
        outcome = _outcome(state, scope, tried)
        if outcome is not None:
            listed = _listed(an_object(details.get(scope)), an_object(synced.get(scope)), ending)
            jobs.append(Job(device, kind, outcome, source, started, ended, message, listed))
    return jobs


def _outcome(state: str, scope: str, tried: Sequence[str]) -> str | None:
    """What came of one scope of a job: what was tried last is what failed; None for what wasn't meant to be done."""
    if state == RUNNING:
        return RUNNING
    if state == DONE:
        return DONE if scope in tried else None
    if not tried or scope == tried[-1]:
        return FAILED
    if scope in tried:
        return DONE
    return SKIPPED if tried[-1] == _SCOPES[0][0] else None


def _listed(details: Mapping[str, Any], synced: Mapping[str, Any], ending: str) -> dict[str, list[str]]:
    """The copies that the last job says it made, by folder; the same list stands in the answer three times (3.6)."""
    files = an_object(details.get("files")) or an_object(synced.get("detailed_files"))
    listed: dict[str, list[str]] = {}
    for value in files.values():
        entry = an_object(value)
        path = text(entry.get("path"))
        if path is None or not path.endswith(ending) or entry.get("status") == "transferring":
            continue
        folder, _slash, name = path.rpartition("/")
        listed.setdefault(folder, []).append(name)
    return {folder: names for folder, names in listed.items() if all(map(plain, folder.split("/")))}


def _current(entries: Mapping[str, Any], device: str | None) -> str | None:
    """The file that is being copied, where the daemon's list says so."""
    details = an_object(an_object(entries.get(device or "")).get("transfer_details"))
    for scope, _type, _ending in _SCOPES:
        for name, entry in an_object(an_object(details.get(scope)).get("files")).items():
            if an_object(entry).get("status") == "transferring":
                return text(name)
    return None
