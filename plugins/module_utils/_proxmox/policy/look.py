# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is read to judge a cluster by its policy. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.history import Key
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import RecordError, read
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import (
    SCHEDULE,
    STORAGE,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job, observe_jobs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.disks import observe_disks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import Drilled, drilled_guests
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.job_retention import leaves_to_storage
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.schedules import (
    observe_schedules,
    schedule_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import with_names
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import (
    StorageRetention,
    observe_storage_retention,
)


def look(client: Client, clock: Clock, policy: Policy, record: Path | None) -> Seen:
    """Look at the cluster, its jobs and the record of drills.

    Beside what ``observe`` asks: one request for the jobs, one for each enabled job, one or more for each schedule,
    and one for each storage and node where the storage's own retention counts.
    """
    observation = with_names(client, observe(client, clock))
    jobs, jobs_hidden = _jobs(client)
    enabled = [job for job in jobs.values() if job.enabled]
    disks, disks_hidden = observe_disks(client, enabled)
    schedules = {schedule for job in enabled if (schedule := job.value(SCHEDULE)) is not None}
    drills, drills_hidden = _drills(record, client.cluster, clock.now())
    return Seen(
        observation,
        jobs,
        jobs_hidden,
        disks,
        disks_hidden,
        observe_schedules(client, {*schedules, *map(schedule_of, policy.tiers.values())}),
        _retentions(client, enabled, observation.cluster),
        drills,
        drills_hidden,
    )


def _jobs(client: Client) -> tuple[dict[str, Job], str | None]:
    try:
        return observe_jobs(client), None
    except ProxmoxError as failure:
        return {}, failure.message  # where a privilege is missing, it says which


def _retentions(client: Client, jobs: Iterable[Job], cluster: Cluster) -> Mapping[tuple[str, str], StorageRetention]:
    """Of each storage that decides by itself, on the nodes of the guests that go there."""
    places: set[tuple[str, str]] = set()
    for job in jobs:
        storage = job.value(STORAGE)
        if storage is None or not leaves_to_storage(job):
            continue
        nodes = {cluster.guests[vmid].node for vmid in job.guests(cluster) if vmid in cluster.guests}
        places.update((node, storage) for node in nodes if cluster.online(node))
    asked = [NodeJob(node, storage, ()) for node, storage in sorted(places)]
    return {(one.node, one.storage): one for one in observe_storage_retention(client, asked)}


def _drills(record: Path | None, cluster: str, now: float) -> tuple[dict[Key, Drilled], str | None]:
    """What the record says; a file that isn't there says that nobody has drilled."""
    if record is None:
        return {}, "This user has no home folder for the record of drills; set record_path."
    try:
        return drilled_guests(read(record, cluster).lines, now), None
    except RecordError as failure:
        return {}, failure.message
