# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests that a job means, on all nodes or on its own, and those that no job means."""

from __future__ import annotations

from pve_simulator.errors import Died
from pve_simulator.schema.formats import split_list
from pve_simulator.state.model import BackupJob, Cluster


def included(cluster: Cluster, job: BackupJob) -> list[int]:
    """The ids of a job's guests, with those named that there are not. Raises `Died` for a pool that is gone.

    By the source (PVE::VZDump::get_included_guests): a pool counts before guests, guests before all of them, and only
    ``all`` heeds exceptions.
    """
    node = job.get("node")
    return sorted(
        vmid
        for vmid in _selected(cluster, job)
        if node is None or vmid not in cluster.guests or cluster.guests[vmid].node == node
    )


def not_backed_up(cluster: Cluster) -> list[int]:
    """The guests that are in no job. By the source a disabled job counts like any other (Cluster/BackupInfo.pm)."""
    covered = {vmid for job in cluster.jobs.values() for vmid in included(cluster, job)}
    return sorted(set(cluster.guests) - covered)


def _selected(cluster: Cluster, job: BackupJob) -> set[int]:
    if job.get("pool"):
        if job["pool"] not in cluster.pools:
            raise Died(f"pool '{job['pool']}' does not exist")
        return {guest.vmid for guest in cluster.guests.values() if guest.pool == job["pool"]}
    if job.get("vmid"):
        return {int(word) for word in split_list(job["vmid"])}
    if job.get("all"):
        return set(cluster.guests) - {int(word) for word in split_list(job.get("exclude", ""))}
    return set()
