# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the storages of jobs are there: Proxmox takes any name, and fails each night. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import FLEECING, STORAGE, Field
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import Wanted
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import NOTHING
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import observe_permissions


def check_storages(client: Client, cluster: Cluster, wanted: Sequence[Wanted], there: Mapping[str, Job]) -> list[str]:
    """Warnings of storages that are named anew and that can't be seen.

    Storages without Datastore.Audit are not shown, so that only a token that has it knows which are not there. It is
    asked for its permissions only where one isn't shown.

    :raises InputError: for a storage that is certainly not there, or holds no backups.
    """
    targets = [(one.id, name) for one in wanted for name in _new(STORAGE, one, there.get(one.id))]
    odd = [f"{name} ({job})" for job, name in targets if "backup" not in cluster.storages.get(name, {"backup"})]
    if odd:
        raise InputError(f"storage: {listed(odd)} does not hold backups; add backup to its content. {NOTHING}")
    fleecing = [(one.id, name) for one in wanted for name in _new(FLEECING, one, there.get(one.id))]
    hidden = [(job, name) for job, name in (*targets, *fleecing) if name not in cluster.storages]
    if not hidden:
        return []
    permissions = observe_permissions(client)
    gone = [f"{name} ({job})" for job, name in hidden if permissions.allows("Datastore.Audit", f"/storage/{name}")]
    if gone:
        shown = listed(sorted(cluster.storages)) or "none"
        raise InputError(f"storage: the cluster has none named {listed(gone)}; it shows {shown}. {NOTHING}")
    return [
        f"{job}: storage {name} is not shown to this token (Datastore.Audit on /storage/{name}), so that nobody has "
        "looked whether it is there."
        for job, name in hidden
    ]


def _new(field: Field, wanted: Wanted, job: Job | None) -> list[str]:
    """The storage that a field names and the job doesn't have there already."""
    value = wanted.values.get(field.option)
    before = job.value(field) if job is not None else None
    name, old = ((one or {}).get("storage") if field is FLEECING else one for one in (value, before))
    return [str(name)] if name and name != old else []
