# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""POST /device/ID/backup: a backup that somebody asks the node for (reference 3.3)."""

from __future__ import annotations

import json
from typing import Any

from device_simulator import content, tree
from device_simulator.answers import traceback_of
from device_simulator.device import Device
from device_simulator.device_info import backup_info
from device_simulator.fleet import Fleet


def backup(fleet: Fleet, device_id: str, body: bytes) -> dict[str, Any]:
    """Back the device up at once, whatever the daemons do at the moment."""
    device = fleet.devices.get(device_id)
    if device is None or device.standing != "met":
        return {"error": traceback_of("_backup_device", f"bottle.HTTPError: (404, 'Device {device_id} not found')")}
    wish = _wish(body)
    if not isinstance(wish, dict):
        return {"error": traceback_of("_backup_device", "AttributeError: 'list' object has no attribute 'get'")}
    kind = backup_info(fleet, device, rsync_up=False)["recommended_backup_type"]
    if kind == "mysql":
        return {"success": _copy_mysql(fleet, device), "backup_type": "mysql"}
    if kind == "none":
        return {"success": False, "error": "No databases found on device", "backup_type": "none"}
    scope = {"databases": wish.get("backup_databases", True), "videos": wish.get("backup_videos", False)}
    if not any(scope.values()):
        return {"success": False, "error": "No backup scope selected", "backup_type": "rsync"}
    return {"success": _copy_files(fleet, device, scope), "backup_type": "rsync", "backup_scope": scope}


def _wish(body: bytes) -> Any:
    try:
        return json.loads(body) if body else {}
    except ValueError:
        return {}


def _copy_mysql(fleet: Fleet, device: Device) -> bool:
    if device.mysql is None or device.troubles.pop("mysql", None) is not None:
        return False
    path = fleet.results / device.database(device.mysql.started)
    return content.update_mysql_copy(path, device, device.mysql, fleet.now())


def _copy_files(fleet: Fleet, device: Device, scope: dict[str, Any]) -> bool:
    """Results, and videos as well: into the results, where nobody looks for them."""
    if not device.has_key or device.troubles.pop("rsync", None) is not None:
        return False
    for kind, wanted in (("results", scope["databases"]), ("videos", scope["videos"])):
        if wanted:
            tree.copy(fleet.places.device(device.id) / kind, fleet.results)
    return True
