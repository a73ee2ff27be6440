# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GET /device/ID/backup: what the node thinks it has of a device (reference 3.2, 5.4, 5.5)."""

from __future__ import annotations

from typing import Any

from device_simulator import tree
from device_simulator.device import Device
from device_simulator.fleet import Fleet
from device_simulator.listing import databases
from device_simulator.places import DEVICE_ROOT

Document = dict[str, Any]


def backup_info(fleet: Fleet, device: Device, *, rsync_up: bool) -> Document:
    """The answer for a device that the scanner has met. Without the rsync daemon it knows nothing of videos."""
    job = fleet.rsync.job(device.id) if rsync_up else {}
    found = databases(fleet, device)
    if not found["SQLite"] and not found["MariaDB"]:
        found["SQLite"] = _on_disk(fleet, device)
    _measure(fleet, found["SQLite"], job)
    videos = _videos(fleet, device, job)
    if videos is not None:
        found["Video"] = {"video_backup": videos}
    sqlite, mysql = list(found["SQLite"]), list(found["MariaDB"])
    recommended = "rsync" if sqlite else "mysql" if mysql else "none"
    size = fleet.memory.sizes(device.id, fleet.now()).results
    return {
        "device_id": device.id,
        "databases": found,
        "backup_status": {
            "mysql": _kind(mysql, size),
            "sqlite": _kind(sqlite, size),
            "video": _video_kind(videos),
            "total_databases": len(mysql) + len(sqlite),
        },
        "recommended_backup_type": recommended,
        "supports_video_backup": recommended == "rsync",
    }


def _kind(names: list[str], size: int) -> Document:
    """Whatever is listed is available; its size is that of the whole folder."""
    return {
        "available": bool(names),
        "database_count": len(names),
        "databases": names,
        "total_size_bytes": size if names else 0,
    }


def _video_kind(videos: Document | None) -> Document:
    if videos is None:
        return {"available": False, "file_count": 0, "total_size_bytes": 0, "size_human": "0B"}
    return {
        "available": True,
        "file_count": videos["total_files"],
        "total_size_bytes": videos["total_size_bytes"],
        "size_human": videos["size_human"],
        "directory": videos["directory"],
    }


def _on_disk(fleet: Fleet, device: Device) -> Document:
    """Every copy on the node, as SQLite: also those of MariaDBs, also without a byte."""
    paths = [path for path in tree.files(fleet.results / device.id) if path.suffix == ".db"]
    return {
        path.name: {
            "filesize": path.stat().st_size,
            "backup_filename": path.name,
            "version": "Unknown",
            "path": fleet.places.told(path),
            "date": path.stat().st_mtime,
            "db_status": "unknown",
            "table_counts": {},
            "file_exists": True,
        }
        for path in paths
    }


def _measure(fleet: Fleet, sqlite: Document, job: Document) -> None:
    """Sizes from the last transfer, or, where the device said 0, from the file at that path on the node."""
    moved = job.get("transfer_details", {}).get("results", {}).get("files", {})
    for name, about in sqlite.items():
        if name in moved:
            about["filesize"] = moved[name]["size_bytes"]
            about["size_human"] = tree.human(about["filesize"])
            about["rsync_enhanced"] = True
        elif not about["filesize"]:
            begin = DEVICE_ROOT if about["path"].startswith(f"{DEVICE_ROOT}/") else fleet.places.root
            path = fleet.places.folder / about["path"][len(begin) + 1 :]
            if path.is_file():
                about["filesize"] = path.stat().st_size
                about["size_human"] = tree.human(about["filesize"])
                about["filesystem_enhanced"] = True


def _videos(fleet: Fleet, device: Device, job: Document) -> Document | None:
    """None as long as no job that ended included videos."""
    synced = job.get("synced", {}).get("videos")
    if synced is None:
        return None
    moved = {name: about for name, about in synced.get("detailed_files", {}).items() if name.endswith(".h264")}
    keys = ("size_bytes", "size_human", "path", "status", "transfer_speed")
    files = {name: {key: about[key] for key in keys} for name, about in moved.items()}
    if not files and synced["local_files"]:
        files = fleet.memory.videos(device.id, fleet.now())
    listed = sum(about["size_bytes"] for about in files.values())
    size = fleet.memory.sizes(device.id, fleet.now()).videos or listed
    return {
        "total_files": synced["local_files"] or len(files),  # of the whole tree
        "total_size_bytes": size,
        "size_human": tree.human(size),
        "files": files,
        "directory": fleet.places.told(fleet.videos / device.id),
        "rsync_enhanced": bool(files),
    }
