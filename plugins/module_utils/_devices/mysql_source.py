# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ethoscope's MySQL backup daemon. Private to this collection.

It says "completed" also of devices that have no MySQL at all, and of what it skipped (reference/ethoscope.md, fact 8).
Recorded: 10, 12, 17 and 20 of recordings/ethoscope.
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
    Device,
    Facts,
    Garbled,
    Job,
    Question,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL

SERVICE = "mysql"
_MESSAGE = 300
"""Characters of a daemon's message that are kept."""


def questions(url: str) -> Sequence[Question]:
    """What is asked of the daemon at ``url``; not ``/``, which makes it look for devices and blocks it meanwhile."""
    return (Question(SERVICE, f"{url}/status", read_status),)


def read_status(answer: Any) -> Facts:
    """``GET /status``: an object by device id, empty before the first cycle.

    :raises Garbled: also for the other daemon's answer, which would make devices of its headings.
    """
    entries = by_device(the_object(answer))
    if isinstance(entries.get("devices"), dict):
        raise Garbled("the answer is no status of MySQL backups: it has 'devices', as that of the rsync daemon")
    if entries and not any(isinstance(entry, dict) for entry in entries.values()):
        raise Garbled("the answer is no status of MySQL backups: nothing in it is one of a device")
    jobs, unread = mysql_jobs(entries, SERVICE)
    busy = next((job.device for job in jobs if job.state == RUNNING), None)
    return Facts(named(entries), jobs=tuple(jobs), current_device=name_of(entries, busy), unread=unread)


def mysql_jobs(entries: Mapping[str, Any], source: str) -> tuple[list[Job], int]:
    """The jobs in an object by device id, and how many entries are none."""
    jobs: list[Job] = []
    unread = 0
    for key, value in entries.items():
        device = text(key)
        if device is None or not isinstance(value, dict):
            unread += 1
            continue
        state = state_of(value)
        if state is not None:
            ended = moment(value.get("ended"))
            jobs.append(Job(device, MYSQL, state, source, moment(value.get("started")), ended, message_of(value)))
    return jobs, unread


def state_of(entry: Mapping[str, Any]) -> str | None:
    """Where a daemon's job is; None for one that says nothing of it yet (the words: reference/ethoscope.md 5.3)."""
    if entry.get("processing") is True:
        return RUNNING
    word = an_object(entry.get("progress")).get("status")
    if word == "error" or entry.get("ended") == -1:
        return FAILED
    return DONE if word in ("completed", "success", "warning") else None


def message_of(entry: Mapping[str, Any]) -> str:
    """The daemon's own words on its job."""
    return (text(an_object(entry.get("progress")).get("message")) or "")[:_MESSAGE]


def named(entries: Mapping[str, Any]) -> tuple[Device, ...]:
    """The devices of an object by id. Their state is that of the daemon's first look, and is not taken (3.5)."""
    return tuple(
        Device(device, text(value.get("name")))
        for device, value in ((text(key), value) for key, value in entries.items())
        if device is not None and isinstance(value, dict)
    )


def name_of(entries: Mapping[str, Any], device: str | None) -> str | None:
    """A device's name, or its id where it has none."""
    return None if device is None else text(an_object(entries.get(device)).get("name")) or device
