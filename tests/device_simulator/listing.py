# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GET /devices: what the node says of each device (reference 4.1, 4.2)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from device_simulator.device import Device
from device_simulator.fleet import Fleet
from device_simulator.places import DEVICE_ROOT

_BY_HAND = ("running", "recording", "streaming")
_SQLITE_VERSION = "3.40.1"
_MARIADB_VERSION = "10.11.19-MariaDB"
_MARIADB_BYTES = 163840


def listing(fleet: Fleet, *, inactive: bool = False) -> dict[str, Any]:
    """Every device that the node knows of; retired ones only with ``inactive``."""
    return {
        device.id: entry(fleet, device)
        for device in fleet.devices.values()
        if device.standing != "unknown" and (device.active or inactive)
    }


def entry(fleet: Fleet, device: Device) -> dict[str, Any]:
    """One device: little more than the name when the scanner has never met it."""
    brief = {
        "name": device.name,
        "id": device.id,
        "status": device.status if device.standing == "met" else "offline",
        "ip": device.ip,
        "last_ip": device.ip,
        "time": datetime.fromtimestamp(device.seen, tz=timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f"),
        "active": int(device.active),
    }
    return brief if device.standing != "met" else brief | _own_words(fleet, device)


def databases(fleet: Fleet, device: Device) -> dict[str, Any]:
    """What the device lists, by kind."""
    return {"SQLite": _sqlite(fleet, device), "MariaDB": _mariadb(device)}


def _own_words(fleet: Fleet, device: Device) -> dict[str, Any]:
    now = fleet.now()
    listed = databases(fleet, device)
    newest = next((about["backup_filename"] for kind in listed.values() for about in kind.values()), None)
    words: dict[str, Any] = {
        "time": now,
        "last_seen": now,
        "ping": 28,
        "consecutive_errors": 0,
        "error": None,
        "experimental_info": {"current": {}, "previous": {}},
        "backup_path": _device_path(device, newest) if newest else None,
        "databases": listed,
        "db_name": f"{device.name}_db",
        "monitor_info": {"last_positions": None, "last_time_stamp": 0, "fps": 0},
        "version": {"id": "ccfa2b9c8a7ca44e4c1dee7a1e105a518b915162", "date": "2026-04-29 09:06:29"},
        "used_space": "18",
        "CPU_temp": 55,
        "underpowered": False,
        "current_timestamp": now,
        "ssh_key_installed": device.has_key,
        "status_details": _status_details(device, now),
        "skip_scanning": False,
    }
    if newest:
        words["latest_cache"] = {"backup_filename": newest}
    return words


def _status_details(device: Device, now: float) -> dict[str, Any]:
    by_hand = device.status in _BY_HAND
    return {
        "status": device.status,
        "is_user_triggered": by_hand,
        "trigger_source": "user" if by_hand else "system",
        "age_minutes": (now - device.seen) / 60,
        "consecutive_errors": 0,
        "should_alert": False,
    }


def _sqlite(fleet: Fleet, device: Device) -> dict[str, Any]:
    if not device.has_sqlite:
        return {}
    found = {}
    for database in sorted(device.sqlite, key=lambda one: one.started, reverse=True):
        path = device.database(database.started)
        own = fleet.places.device(device.id) / "results" / path
        if database.listed:
            found[path.name] = {
                "filesize": own.stat().st_size if own.exists() else database.size or 0,
                "backup_filename": path.name,
                "version": _SQLITE_VERSION,
                "path": _device_path(device, path.name),
                "date": _whole(database.started),
                "db_status": database.state,
                "table_counts": {f"ROI_{roi + 1}": database.rows for roi in range(database.rois)},
                "file_exists": own.exists(),
            }
    return found


def _mariadb(device: Device) -> dict[str, Any]:
    mysql = device.mysql
    if not device.has_mysql or mysql is None:
        return {}
    rows = mysql.rows if mysql.told_rows is None else mysql.told_rows
    return {
        f"{device.name}_db": {
            "table_counts": {f"ROI_{roi + 1}": rows for roi in range(mysql.rois)},
            "backup_filename": device.database(mysql.started).name,
            "version": _MARIADB_VERSION,
            "date": _whole(mysql.started),
            "db_status": mysql.state,
            "db_size_bytes": _MARIADB_BYTES,
        }
    }


def _device_path(device: Device, name: str) -> str:
    """Where the device has, or would have, the file of this name."""
    begin = name[: -len(f"_{device.id}.db")]
    return f"{DEVICE_ROOT}/results/{device.id}/{device.name}/{begin}/{name}"


def _whole(moment: float) -> int | float:
    return int(moment) if moment == int(moment) else moment
