# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A policy for a made-up cluster, and what its jobs, their volumes and the record of drills say, as they are read.

Every guest gets all ten promises. Of 50 rules the first 49 go by names, tags, pools and ids; most guests fit none of
them and are looked at by all. Each guest is in two jobs: one of 19 by ids, and one of all guests.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import policy_from_mapping
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Schedule
from benchmarks.fleet import DAY, HOUR, NOW, Fleet

RULES = 50
JOBS_BY_IDS = 19
NIGHTLY, WEEKLY = ("22:00", "02:30"), "sun 04:00"
"""When the jobs by ids run, in turn, and the one of all guests."""
_RUNS = 100
_STORAGES = {"gold": "vault", "silver": "vault", "bronze": "depot", "lab": "local"}


def policy_of(fleet: Fleet) -> Policy:
    """Four tiers with every promise, the last of them for all whom no rule names."""
    tiers = {
        name: {
            "rpo": "24h" if storage == "vault" else "9d",
            "rto": "15m",
            "drill": "30d",
            "storage": storage,
            "schedule": NIGHTLY[1],
            "keep": {"last": 3, "daily": 7, "weekly": 4},
            "mode": "snapshot",
            "protected": True,
            "encrypted": True,
            "verify": "14d",
        }
        for name, storage in _STORAGES.items()
    }
    named = [*_STORAGES]
    rules = [
        {"name": f"rule{number:02}", "match": _match(fleet, number), "tier": named[number % 4]}
        for number in range(1, RULES)
    ]
    whole = {"version": 1, "name": "main", "tiers": tiers, "rules": [*rules, {"tier": "silver"}]}
    return policy_from_mapping(whole, "policy")


def _match(fleet: Fleet, number: int) -> dict[str, Any]:
    """Names and ids fit one guest in a hundred, tags and pools none."""
    hundredth = max(1, fleet.guests // 100)
    first = 1000 + number * hundredth
    return (
        {"names": [f"guest*{number:02}", f"db{number:02}-*"]},
        {"tags": [f"team{number}", f"app{number}"]},
        {"ids": [f"{first}-{first + hundredth - 1}"], "type": "qemu"},
        {"pools": [f"pool{number}"], "names": ["guest*"]},
    )[number % 4]


def jobs_of(fleet: Fleet) -> dict[str, Job]:
    """As ``/cluster/backup`` shows them: those by ids write to the shared storage, one to the backup server."""
    vmids = [guest.vmid for guest in fleet.members]
    shown: dict[str, dict[str, Any]] = {
        f"nightly{number:02}": {
            "schedule": NIGHTLY[number % 2],
            "storage": "vault",
            "vmid": ",".join(map(str, vmids[number::JOBS_BY_IDS])),
            "prune-backups": {"keep-daily": "7", "keep-last": "2"},
        }
        for number in range(JOBS_BY_IDS)
    }
    weekly = {"schedule": WEEKLY, "storage": "depot", "all": 1, "prune-backups": {"keep-weekly": "4"}}
    common = {"enabled": 1, "mode": "snapshot", "type": "vzdump"}
    return {name: Job(name, {**common, **fields}) for name, fields in {**shown, "weekly": weekly}.items()}


def volumes_of(fleet: Fleet, jobs: dict[str, Job]) -> dict[str, dict[str, Any]]:
    """The answer of ``included_volumes`` for each job (keys as recorded in 09_backup_jobs): two disks a guest."""
    cluster = fleet.observation().cluster
    guests = cluster.guests
    return {
        name: {"leaf": 0, "children": [_volumes(vmid, guests[vmid].type) for vmid in sorted(job.guests(cluster))]}
        for name, job in jobs.items()
    }


def _volumes(vmid: int, kind: str) -> dict[str, Any]:
    keys = ("scsi0", "scsi1") if kind == "qemu" else ("rootfs", "mp0")
    disks = [
        {"id": f"{vmid}:{key}", "name": f"fast:{vmid}/{key}.raw", "included": 1, "reason": "enabled", "leaf": 1}
        for key in keys
    ]
    return {"id": vmid, "name": f"guest{vmid}", "type": kind, "leaf": 0, "children": disks}


def schedules() -> dict[str, Schedule]:
    """The next runs of each schedule."""
    midnight = NOW - NOW % DAY + DAY
    hours = {NIGHTLY[0]: 22.0, NIGHTLY[1]: 2.5}
    found = {
        text: Schedule(tuple(int(midnight + hour * HOUR) + DAY * run for run in range(_RUNS)))
        for text, hour in hours.items()
    }
    found[WEEKLY] = Schedule(tuple(midnight + 4 * HOUR + 7 * DAY * run for run in range(_RUNS)))
    return found


def record_of(fleet: Fleet) -> list[dict[str, Any]]:
    """One drill of each guest: of ten one has failed, and one was too slow."""
    return [
        {
            "schema": 1,
            "cluster": "main",
            "at": NOW - HOUR - number % 40 * DAY,
            "guest": {"vmid": guest.vmid, "name": guest.name, "type": guest.type, "node": guest.node},
            "seconds": {"restore": 2000.0 if number % 10 == 3 else 200.0, "boot": 12.5, "checks": 3.0},
            "verdict": "failed" if number % 10 == 7 else "passed",
            "reason": "the agent did not answer within 120 s" if number % 10 == 7 else "every check passed",
        }
        for number, guest in enumerate(fleet.members)
    ]
