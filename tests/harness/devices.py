# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated fleet behind its three services, and device_backup_status pointed at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_simulator import Device, Fault, Fleet, Servers, running
from device_simulator.scenarios import device_id
from harness.lab import run_as_user


@dataclass
class Station:
    """A node with its fleet. ``cache`` is where the catalogue of this test lies."""

    fleet: Fleet
    servers: Servers
    cache: Path

    def add(self, number: int, status: str = "stopped", **content: Any) -> Device:
        """Add ETHOSCOPE_00n."""
        return self.fleet.add(device_id(number), f"ETHOSCOPE_{number:03d}", status, **content)

    @property
    def services(self) -> dict[str, Any]:
        """The options that name the services."""
        return {
            "node_url": self.servers.node.url,
            "mysql_service_url": self.servers.mysql.url,
            "rsync_service_url": self.servers.rsync.url,
        }

    @property
    def trees(self) -> dict[str, Any]:
        """The options that name the trees."""
        return {"results_path": str(self.fleet.results), "videos_path": str(self.fleet.videos)}

    def status(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run the module with all services and trees; an option of None leaves it out. Answers aren't kept."""
        given = {**self.services, **self.trees, "cache_path": str(self.cache), "cache_ttl": "0", **options}
        return run_as_user(
            "device_backup_status", {key: value for key, value in given.items() if value is not None}, check=check
        )


@contextmanager
def station(folder: Path, **faults: Fault) -> Iterator[Station]:
    """A node in ``folder`` without devices, behind running servers."""
    fleet = Fleet(folder / "node")
    fleet.memory.page_seconds = 0  # the page as it is now; that it is kept for a minute is the simulator's own test
    with running(fleet, **faults) as servers:
        yield Station(fleet, servers, folder / "catalogue.sqlite")


def rows(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The devices of a result by name."""
    return {row["name"]: row for row in result["devices"]}


def statuses(result: Mapping[str, Any]) -> dict[str, str]:
    """What became of each device, by the last digits of its name."""
    return {name[-3:]: row["status"] for name, row in rows(result).items()}
