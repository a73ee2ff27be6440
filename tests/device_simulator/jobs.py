# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What both daemons remember of a device's jobs, as their answers have it (reference 3.5, 5.3)."""

from __future__ import annotations

from typing import Any

from device_simulator.device import Device

JOB_SECONDS = 600

# By device id, in the order in which the daemon met them
Jobs = dict[str, dict[str, Any]]


def begin(jobs: Jobs, device: Device, now: float, empty: dict[str, Any]) -> dict[str, Any]:
    """A job starts. What the last one left stays until this one ends; ``empty`` is there before the first."""
    entry = jobs.setdefault(
        device.id,
        {
            "name": device.name,
            "status": device.status,  # the device's, as it was in its first cycle
            "started": 0,
            "ended": 0,
            "processing": False,
            "count": 0,
            **empty,
        },
    )
    entry |= {"started": int(now), "ended": 0, "processing": True, "count": entry["count"] + 1}
    entry["progress"] = _progress(0.0, "info", "Starting backup")
    return entry


def say(entry: dict[str, Any], message: str) -> None:
    """What the job of the moment says of itself."""
    entry["progress"]["message"] = message


def end(entry: dict[str, Any], now: float, *, good: bool) -> None:
    """A job ends; why it failed is not told."""
    progress = _progress(100.0, "completed", "Backup completed successfully") if good else _failed("Backup failed")
    entry |= {"ended": int(now), "processing": False, "progress": progress | {"completion_time": int(now)}}


def give_up(entry: dict[str, Any]) -> None:
    """A job has taken too long: ``ended`` is -1."""
    entry |= {"ended": -1, "processing": False}
    entry["progress"] = _failed(f"Backup timed out after {JOB_SECONDS} seconds")


def _failed(message: str) -> dict[str, Any]:
    return _progress(0.0, "error", message)


def _progress(percent: float, status: str, message: str) -> dict[str, Any]:
    return {
        "backup_status": percent,
        "backup_size": 0,
        "time_since_backup": 0.0,
        "backup_type": "unknown",
        "backup_method": "unknown",
        "status": status,
        "message": message,
    }


def eligible(device: Device) -> bool:
    """Tell whether the daemons back the device up at all."""
    named = device.name != "ETHOSCOPE_000" and bool(device.ip)
    return named and device.active and device.standing == "met" and device.status not in ("offline", "not_in_use")
