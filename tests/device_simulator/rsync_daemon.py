# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rsync backup daemon of port 8093: its cycle, and what it answers (reference 3.6, 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from device_simulator import jobs, tree
from device_simulator.device import Device, Trouble
from device_simulator.places import DEVICE_ROOT, Places

_KINDS = ("results", "videos")


class RsyncDaemon:
    """Copies results and videos of devices. Its state is in memory: `restart` forgets it."""

    def __init__(self, places: Places, devices: Mapping[str, Device], now: Callable[[], float]) -> None:
        self._places = places
        self._devices = devices
        self._now = now
        self.restart()

    def restart(self) -> None:
        """Forget all jobs."""
        self._jobs: jobs.Jobs = {}
        self._measured: dict[str, tuple[int, int]] = {}  # the trees, as long as nothing is copied
        self._last_cycle = ""

    def run(self, batches: Sequence[Iterable[str]] | None = None) -> None:
        """One cycle over all devices that are backed up, one after the other.

        ``batches`` are ids whose jobs run side by side: each takes a step (results, videos, the end) in turn.
        """
        self._measured.clear()
        for batch in [[device_id] for device_id in self._devices] if batches is None else batches:
            devices = [self._devices[device_id] for device_id in batch]
            running = [self._job(device) for device in devices if jobs.eligible(device)]
            while running:
                running = [job for job in running if next(job, None) is not None]
        self._end_cycle()

    def finish(self, device_id: str) -> None:
        """End a job that was held, and with it the cycle."""
        self._measured.clear()
        for _step in self._transfer(self._devices[device_id], self._jobs[device_id], None):
            pass
        self._end_cycle()

    def _end_cycle(self) -> None:
        if not any(entry["processing"] for entry in self._jobs.values()):
            self._last_cycle = datetime.fromtimestamp(self._now()).astimezone().strftime("%Y-%m-%d %H:%M:%S")

    def _job(self, device: Device) -> Iterator[str]:
        """What becomes of a device in this cycle, step by step."""
        entry = jobs.begin(self._jobs, device, self._now(), {"synced": {}, "progress": {}, "metadata": {}})
        trouble = device.troubles.pop("rsync", None)
        if trouble == "hold":
            kind = "results" if device.has_sqlite else "videos"
            target = self._places.told(self._places.folder / kind)
            jobs.say(entry, f"Starting {kind} rsync from ethoscope@{device.ip}:{DEVICE_ROOT}/{kind}/ to {target}")
        elif trouble == "timeout":
            jobs.give_up(entry)
        else:
            yield from self._transfer(device, entry, trouble)

    def _transfer(self, device: Device, entry: dict[str, Any], trouble: Trouble | None) -> Iterator[str]:
        """Copy results, then videos; failed results skip the videos."""
        refused = trouble == "fail" or not device.has_key
        kinds = [kind for kind in _KINDS if kind == "videos" or device.has_sqlite]
        details: dict[str, Any] = {}
        good = True
        for kind in kinds:
            source, target = self._places.device(device.id) / kind, self._places.folder / kind
            breaks = trouble == "break"
            copied = [] if refused else tree.copy(source, target, breaks=breaks)
            details[kind] = self._details(copied)
            if copied:
                self._measured.clear()
            good = not refused and not (breaks and copied)
            yield kind
            if not good:
                break
        self._end(entry, kinds, details, good=good)

    def _end(self, entry: dict[str, Any], kinds: list[str], details: dict[str, Any], *, good: bool) -> None:
        synced: dict[str, Any] = {}
        for kind in kinds:
            folder = self._places.folder / kind
            if kind not in self._measured:
                self._measured[kind] = tree.total(folder)
            count, size = self._measured[kind]  # of the whole tree, whatever the device
            synced[kind] = {
                "local_files": count,
                "directory": self._places.told(folder),
                "type": kind,
                "disk_usage_bytes": size,
                "disk_usage_human": tree.daemon_human(size),
            }
            if details.get(kind, {}).get("files"):
                synced[kind]["detailed_files"] = details[kind]["files"]
        synced["transfer_details"] = details
        jobs.end(entry, self._now(), good=good)
        entry |= {"synced": synced, "transfer_details": details}

    def _details(self, copied: list[tree.Copied]) -> dict[str, Any]:
        """The files of a transfer by their bare names: equal names overwrite each other."""
        now = self._now()
        return {
            "files": {
                done.path.name: {
                    "path": done.path.as_posix(),
                    "relative_path": done.path.as_posix(),
                    "size_bytes": done.size,
                    "transfer_start": now,
                    "status": "completed",  # also where the transfer broke
                    "size_human": tree.daemon_human(done.size),
                    "transfer_speed": tree.speed(done.size),
                    "transfer_end": now,
                }
                for done in copied
            },
            "total_files": len(copied),
            "total_bytes": sum(done.size for done in copied),
            "completion_time": now,
        }

    def health(self) -> dict[str, Any]:
        """GET /."""
        return {"status": "running", "last_backup": self._last_cycle}

    def status(self) -> dict[str, Any]:
        """GET /status. The totals add up what each device has of the whole tree, so they are far too large."""
        sums = {kind: [0, 0] for kind in _KINDS}
        for entry in self._jobs.values():
            for kind in _KINDS:
                part = entry["synced"].get(kind, {})
                sums[kind][0] += part.get("local_files", 0)
                sums[kind][1] += part.get("disk_usage_bytes", 0)
        sums["combined"] = [sum(column) for column in zip(*sums.values(), strict=True)]
        return {
            "devices": self._jobs,
            "disk_usage_summary": {
                kind: {"total_files": count, "total_size_bytes": size, "total_size_human": tree.daemon_human(size)}
                for kind, (count, size) in sums.items()
            },
        }

    def job(self, device_id: str) -> dict[str, Any]:
        """What is known of the device's jobs, or nothing."""
        return self._jobs.get(device_id, {})

    @property
    def processing(self) -> list[str]:
        """The names of devices whose job runs."""
        return [entry["name"] for entry in self._jobs.values() if entry["processing"]]
