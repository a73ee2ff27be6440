# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small cluster with a token that may set backup jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.lab import TOKEN, Lab, lab, run_as_user
from harness.rights_page import ROLES
from pve_simulator import World

JOBS = ROLES["LifeboatJobs"]
BESIDE = ["Datastore.AllocateSpace", "VM.Backup"]
"""What fleecing and pools want as well."""
WRITES = ("POST", "PUT", "DELETE")


@dataclass
class Jobs:
    """The cluster behind a running simulator; requests are counted from the beginning of the last run."""

    lab: Lab
    asked: int = 0

    @property
    def world(self) -> World:
        """The simulated cluster."""
        return self.lab.world

    @property
    def faults(self) -> Any:
        """Faults to order."""
        return self.lab.sim.faults

    def run(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run proxmox_backup_job."""
        self.asked = len(self.lab.sim.requests)
        return run_as_user("proxmox_backup_job", {**self.lab.connection, **options}, check=check)

    def good(self, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """Run it, and it must not fail."""
        result = self.run(check=check, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def row(self, result: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The row of a job."""
        found: dict[str, Any] = next(row for row in result["jobs"] if row["id"] == name)
        return found

    def there(self) -> dict[str, dict[str, Any]]:
        """The jobs that the cluster has."""
        return {name: dict(job) for name, job in self.world.cluster.jobs.items()}

    def requests(self) -> list[Any]:
        """What the last run asked for."""
        return list(self.lab.sim.requests[self.asked :])

    def writes(self) -> list[str]:
        """What the last run asked for beyond reading."""
        return [f"{one.method} {one.path}" for one in self.requests() if one.method in WRITES]

    def reads(self) -> int:
        """How often the last run read anything but schedules."""
        return sum(one.method == "GET" and "schedule-analyze" not in one.path for one in self.requests())


@contextmanager
def jobs(world: World, privileges: list[str] | None = None, **settings: Any) -> Iterator[Jobs]:
    """The world behind a running simulator; the token may set jobs, or has these ``privileges`` on everything."""
    world.add_role("LifeboatJobs", [*JOBS, *BESIDE] if privileges is None else privileges)
    with lab(world, grant=False, **settings) as running:
        for holder in ("backup@pve", TOKEN):
            world.add_acl("/", "LifeboatJobs", user_or_token=holder, propagate=True)
        yield Jobs(running)
