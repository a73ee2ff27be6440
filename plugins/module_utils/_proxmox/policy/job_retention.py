# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept after a job has run (the rules of pve-manager VZDump.pm). Pure. Private to this collection."""

from __future__ import annotations

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import FIELDS, KEEP, STORAGE
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen

_REMOVES = FIELDS["storage_retention"]


def leaves_to_storage(job: Job) -> bool:
    """Whether the storage's own retention counts, and not the job's."""
    return not job.has(KEEP) and bool(job.value(_REMOVES))


def retention_of(seen: Seen, job: Job, node: str) -> Keep | str:
    """What is kept after the job has run on a node, or why it isn't known, as a part of a sentence."""
    if not job.value(_REMOVES):
        return Keep(all=True)
    if job.has(KEEP):
        given = job.value(KEEP)
        return Keep(all=True) if given.get("all") else Keep(**given)
    storage = job.value(STORAGE)
    found = seen.retentions.get((node, storage))
    if found is None:
        return f"what storage {storage} keeps was not told by node {node}"
    if found.problem is not None:
        return f"what storage {storage} keeps is not known: {found.problem.rstrip('.')}"
    return found.keep
