# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Ethoscope node: its devices, what they say they have, and its page's view of their backups. Private.

Recorded: 01 to 20 of recordings/ethoscope. The page's view says that something is listed, never that it is backed up
(reference/ethoscope.md, facts 2 to 7); it is read in its real form and in the documented one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.answers import (
    an_object,
    by_device,
    count,
    moment,
    text,
    the_object,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    Claim,
    Data,
    Device,
    Facts,
    Garbled,
    Question,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.folders import plain
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, VIDEO
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.mysql_source import mysql_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.rsync_source import rsync_jobs

SERVICE = "node"
_KINDS = (("SQLite", SQLITE), ("MariaDB", MYSQL))
_WRITING = ("running", "recording", "streaming", "initialising", "busy")
_IDLE = ("stopped", "online", "not_in_use")
_STAMP = len("2026-11-18_12-20-07")


def questions(url: str) -> Sequence[Question]:
    """What is asked of the node at ``url``."""
    return (
        Question(SERVICE, f"{url}/devices", read_devices),
        Question(SERVICE, f"{url}/backup/status", read_page),
    )


def read_devices(answer: Any) -> Facts:
    """``GET /devices``: an object by id; an offline device has no databases, an old entry a time as text."""
    devices: list[Device] = []
    data: list[Data] = []
    unread = 0
    for key, entry in by_device(the_object(answer)).items():
        device = text(key)
        if device is None or not isinstance(entry, dict):
            unread += 1
            continue
        databases, state = an_object(entry.get("databases")), text(entry.get("status"))
        lists = state in _IDLE and all(isinstance(databases.get(kind), dict) for kind, _type in _KINDS)
        found = Device(device, text(entry.get("name")), state, moment(entry.get("last_seen")), lists)
        devices.append(found)
        data.extend(_databases(found, databases))
        if found.state == "recording":
            data.append(Data(device, VIDEO, found.last_seen or 0.0, growing=True))
    return Facts(tuple(devices), tuple(data), unread=unread)


def _databases(device: Device, databases: Mapping[str, Any]) -> Iterator[Data]:
    for kind, type_ in _KINDS:
        for key, value in an_object(databases.get(kind)).items():
            entry = an_object(value)
            tracking = entry.get("db_status") == "tracking" and device.state not in _IDLE
            began = moment(entry.get("date")) or 0.0
            yield Data(
                device.id,
                type_,
                max(began, device.last_seen or 0.0) if tracking else began,
                tracking and device.state in _WRITING,
                None if entry.get("file_exists") is False else _path(device, entry, key),
                count(entry.get("filesize")) or 0 if type_ == SQLITE else 0,
                _tables(an_object(entry.get("table_counts"))),
                began,
            )


def _tables(counts: Mapping[str, Any]) -> dict[str, int]:
    return {name: count(rows) or 0 for name, rows in ((text(key), rows) for key, rows in counts.items()) if name}


def _path(device: Device, entry: Mapping[str, Any], key: str) -> str | None:
    """Where the copy of a database lies below the results (4.3), from its path on the device, or from its name."""
    path, file = text(entry.get("path")), text(entry.get("backup_filename")) or text(key)
    parts = path.split("/results/", 1)[1].split("/") if path and "/results/" in path else []
    if not parts and file and file.endswith(".db") and device.name:
        parts = [device.id, device.name, file[:_STAMP], file]
    return "/".join(parts) if len(parts) > 1 and all(map(plain, parts)) else None


def read_page(answer: Any) -> Facts:
    """``GET /backup/status``, in the form that the node sends or in the one that its documentation shows.

    :raises Garbled: for neither.
    """
    page = the_object(answer)
    if isinstance(page.get("devices"), dict):
        return _real(page)
    if "unified_devices" in page or "mysql_backup" in page or "rsync_backup" in page:
        return _documented(page)
    raise Garbled("the answer is no backup status: it has neither 'devices' nor 'unified_devices'")


def _real(page: Mapping[str, Any]) -> Facts:
    claims: list[Claim] = []
    unread = 0
    for key, entry in by_device(page["devices"]).items():
        device, types = text(key), an_object(entry).get("backup_types")
        if device is None or not isinstance(types, dict):
            unread += 1
            continue
        for kind in (MYSQL, SQLITE, VIDEO):
            said = an_object(types.get(kind))
            if said:
                number = count(said.get("records" if kind == MYSQL else "files"))
                status = text(said.get("status")) or ""
                available = said.get("available") is True
                claims.append(Claim(device, kind, available, status, number, count(said.get("size")), SERVICE))
    working = page.get("processing_devices")
    first = an_object(working[0]) if isinstance(working, list) and working else {}
    return Facts(claims=tuple(claims), current_device=text(first.get("device")), unread=unread)


def _documented(page: Mapping[str, Any]) -> Facts:
    """Raw answers of the daemons, and a merged view of them: what they say of jobs is theirs, the claim the page's."""
    mysql, _left = mysql_jobs(an_object(page.get("mysql_backup")), SERVICE)
    rsync, _left = rsync_jobs(an_object(an_object(page.get("rsync_backup")).get("devices")), SERVICE)
    claims: list[Claim] = []
    devices: list[Device] = []
    unread = 0
    for key, entry in an_object(page.get("unified_devices")).items():
        device = text(key)
        if device is None or not isinstance(entry, dict):
            unread += 1
            continue
        devices.append(Device(device, text(entry.get("name")), None))
        claims.extend(_unified(device, entry))
    return Facts(tuple(devices), (), tuple(claims), (*mysql, *rsync), unread=unread)


def _unified(device: str, entry: Mapping[str, Any]) -> Iterator[Claim]:
    mysql, rsync = an_object(entry.get("mysql_backup")), an_object(entry.get("rsync_backup"))
    for kind, said, scope in ((MYSQL, mysql, None), (SQLITE, rsync, "results"), (VIDEO, rsync, "videos")):
        synced = an_object(said.get("synced"))
        if not said or (scope is not None and scope not in synced):
            continue
        status = text(an_object(said.get("progress")).get("status")) or text(said.get("status")) or ""
        yield Claim(device, kind, said.get("available") is True, status, None, None, SERVICE)
