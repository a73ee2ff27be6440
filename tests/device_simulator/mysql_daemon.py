# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MySQL backup daemon of port 8090: its cycle, and what it answers (reference 3.4, 3.5, 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from device_simulator import content, jobs
from device_simulator.device import Device
from device_simulator.places import Places

_RECENT = 3600


class MysqlDaemon:
    """Copies MariaDBs into SQLite files. Its state is in memory: `restart` forgets it."""

    def __init__(self, places: Places, devices: Mapping[str, Device], now: Callable[[], float]) -> None:
        self.node_address = "localhost"
        self._places = places
        self._devices = devices
        self._now = now
        self.restart()

    def restart(self) -> None:
        """Forget all jobs."""
        self._jobs: jobs.Jobs = {}
        self._cycles = 0
        self._cycle_began: float | None = None

    def run(self, device_ids: Iterable[str] | None = None) -> None:
        """One cycle over all devices that are backed up, or over these."""
        self._cycles += 1
        self._cycle_began = self._now()
        for device_id in list(self._devices) if device_ids is None else device_ids:
            device = self._devices[device_id]
            if jobs.eligible(device):
                self._job(device)

    def finish(self, device_id: str) -> None:
        """End a job that was held."""
        self._end(self._devices[device_id], self._jobs[device_id], good=True)

    def _job(self, device: Device) -> None:
        empty = {"synced": {"tracking_db": {}}, "progress": {}, "data_duplication": False}
        entry = jobs.begin(self._jobs, device, self._now(), empty)
        trouble = device.troubles.pop("mysql", None)
        if trouble == "timeout":
            jobs.give_up(entry)
        elif trouble != "hold":
            self._end(device, entry, good=trouble is None)

    def _end(self, device: Device, entry: dict[str, Any], *, good: bool) -> None:
        if good and device.has_mysql and device.mysql is not None:
            path = self._places.results / device.database(device.mysql.started)
            good = content.update_mysql_copy(path, device, device.mysql, self._now())
        # a device without a MariaDB is skipped, and called completed
        jobs.end(entry, self._now(), good=good)

    def status(self) -> dict[str, Any]:
        """GET /status."""
        return self._jobs

    def health(self) -> dict[str, Any]:
        """GET /: looks at the node's list of devices first."""
        now = self._now()
        known = [device for device in self._devices.values() if device.standing != "unknown"]
        running = self._cycles > 0
        return {
            "status": "running" if running else "initializing",
            "service": "ethoscope_backup_tool",
            "timestamp": now,
            "device_discovery": {
                "total_discovered": len(known),
                "active_eligible": sum(jobs.eligible(device) for device in known),
                "devices_with_status": len(self._jobs),
                "discovery_source": "node",
                "last_discovery_time": now,
            },
            "backup_progress": {
                "cycle_number": self._cycles,
                "last_cycle_start": self._cycle_began,
                "active_backup_jobs": sum(entry["processing"] for entry in self._jobs.values()),
                "total_devices_tracked": len(self._jobs),
            },
            "configuration": {
                "node_address": self.node_address,
                "results_dir": self._places.told(self._places.results),
                "video_backup_enabled": False,
                "max_threads": 4,
                "backup_interval": 300,
            },
            "legacy_error_analysis": {"count_last_hour": 0, "error_types": {}},
            "thread_status": {"is_alive": True, "is_running": True, "stop_event_set": False},
            "health_status": {
                "thread_alive": True,
                "thread_running": True,
                "cycle_count": self._cycles,
                "last_cycle_start": self._cycle_began,
                "device_discovery": {"last_count": len(known), "last_source": "node", "last_time": now},
                "device_status_counts": self._counts(),
                "recent_errors": self._errors(now),
                "total_tracked_devices": len(self._jobs),
            },
        }

    @property
    def processing(self) -> list[str]:
        """The names of devices whose job runs."""
        return [entry["name"] for entry in self._jobs.values() if entry["processing"]]

    def _counts(self) -> dict[str, int]:
        counts = dict.fromkeys(("processing", "success", "error", "warning", "unknown"), 0)
        for entry in self._jobs.values():
            word = "processing" if entry["processing"] else entry["progress"]["status"]
            counts[word if word in counts else "unknown"] += 1  # "completed" is not among them
        return counts

    def _errors(self, now: float) -> list[dict[str, Any]]:
        return [
            {
                "device_id": device_id,
                "device_name": entry["name"],
                "error_time": entry["ended"],
                "error_message": entry["progress"]["message"],
            }
            for device_id, entry in self._jobs.items()
            if entry["progress"]["status"] == "error" and now - entry["ended"] < _RECENT
        ]
