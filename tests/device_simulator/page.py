# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GET /backup/status: the node's page as data, as it really is and as upstream's document has it (reference 3.1, 5)."""

from __future__ import annotations

from typing import Any

from device_simulator.device import Device
from device_simulator.device_info import Document, backup_info
from device_simulator.fleet import Fleet

_KINDS = ("mysql", "sqlite", "video")
_OVERALL = {0: "no_backups", 1: "partial", 2: "partial", 3: "success"}


def page(fleet: Fleet, *, mysql_up: bool, rsync_up: bool) -> Document:
    """The page; one that was built less than a minute ago is told again."""
    now = fleet.now()
    known = fleet.memory.page(now)
    if known is None:
        known = _build(fleet, now, mysql_up=mysql_up, rsync_up=rsync_up)
        fleet.memory.keep_page(known)
    return known


def _build(fleet: Fleet, now: float, *, mysql_up: bool, rsync_up: bool) -> Document:
    processing = fleet.rsync.processing if rsync_up else []
    listed = fleet.devices.values() if fleet.scanner_works else ()
    return {
        "services": {
            "mysql_backup": _service(mysql_up, fleet.mysql.processing if mysql_up else []),
            "rsync_backup": _service(rsync_up, []),  # the node looks for jobs one level too high
        },
        "summary": {
            "mysql_backup_available": mysql_up,
            "rsync_backup_available": rsync_up,
            "services": {"mysql_service_available": mysql_up, "rsync_service_available": rsync_up},
        },
        "devices": {
            device.id: _device(fleet, device, processing, rsync_up=rsync_up)
            for device in listed
            if device.standing != "unknown" and device.active
        },
        "processing_devices": [{"service": "rsync", "device": name} for name in processing],
        "timestamp": now,
    }


def _service(up: bool, processing: list[str]) -> Document:
    return {"available": up, "current_device": processing[0] if processing else None, "current_file": None}


def _device(fleet: Fleet, device: Device, processing: list[str], *, rsync_up: bool) -> Document:
    if device.id in fleet.unreadable:
        return {"backup_types": _without("unknown"), "overall_status": "unknown"}
    if device.standing == "listed" or device.status == "offline":
        return {"backup_types": _without("offline"), "overall_status": "no_backups"}
    info = backup_info(fleet, device, rsync_up=rsync_up)["backup_status"]
    busy = device.name in processing
    types = {kind: _type(kind, info[kind], busy=busy and kind != "mysql") for kind in _KINDS}
    return {"backup_types": types, "overall_status": _OVERALL[sum(part["available"] for part in types.values())]}


def _without(word: str) -> Document:
    """A device of which nothing was looked at."""
    nothing = {"available": False, "total_size_bytes": 0, "database_count": 0, "file_count": 0}
    return {kind: _type(kind, nothing, busy=False) | {"status": word} for kind in _KINDS}


def _type(kind: str, info: Document, *, busy: bool) -> Document:
    about: Document = {
        "available": info["available"],
        "status": "success" if info["available"] else "not_available",
        "processing": busy,
        "size": info["total_size_bytes"],
        "last_backup": 0,
    }
    if kind == "mysql":
        return about | {"records": info["database_count"], "directory": "", "message": ""}
    if kind == "sqlite":
        return about | {"files": info["database_count"], "directory": ""}
    return about | {
        "files": info["file_count"],
        "directory": info.get("directory", ""),
        "size_human": info.get("size_human", ""),
    }


def documented_page(fleet: Fleet, *, mysql_up: bool, rsync_up: bool) -> Document:
    """The page as upstream's document describes it. No recorded node answers so; older ones may."""
    raw_mysql = fleet.mysql.status() if mysql_up else None
    raw_rsync = fleet.rsync.status() if rsync_up else None
    mysql, rsync = raw_mysql or {}, (raw_rsync or {}).get("devices", {})
    return {
        "mysql_backup": _unavailable("MySQL", "mysql_backup") if raw_mysql is None else raw_mysql,
        "rsync_backup": _unavailable("Rsync", "rsync_backup") if raw_rsync is None else raw_rsync,
        "unified_devices": {
            device_id: _unified(mysql.get(device_id), rsync.get(device_id)) for device_id in {**mysql, **rsync}
        },
    }


def _unavailable(title: str, service: str) -> Document:
    return {"error": f"{title} backup service unavailable", "service": service}


def _unified(mysql: Document | None, rsync: Document | None) -> Document:
    known: Document = mysql or rsync or {}
    words = [part["progress"].get("status") for part in (mysql, rsync) if part is not None]
    good = sum(word in ("success", "completed") for word in words)
    overall = "error" if "error" in words and not good else ("unknown", "partial", "success")[good]
    return {
        "name": known["name"],
        "status": known["status"],
        "overall_status": overall,
        "mysql_backup": _part(mysql),
        "rsync_backup": _part(rsync) | {"metadata": (rsync or {}).get("metadata", {})},
    }


def _part(entry: Document | None) -> Document:
    shared: tuple[tuple[str, Any], ...] = (
        ("status", "not_available"),
        ("progress", {}),
        ("synced", {}),
        ("processing", False),
        ("count", 0),
        ("started", None),
        ("ended", None),
    )
    return {"available": entry is not None, **{key: (entry or {}).get(key, empty) for key, empty in shared}}
