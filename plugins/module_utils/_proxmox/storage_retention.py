# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a storage removes by itself after each backup, foretold for check mode. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost, ApiError, BadAnswer


@dataclass(frozen=True)
class StorageRetention:
    """The retention that a node applies to a storage after each backup, or why it can't be told."""

    node: str
    storage: str
    keep: Keep
    problem: str | None = None


def observe_storage_retention(client: Client, jobs: Sequence[NodeJob]) -> list[StorageRetention]:
    """One request a job: the defaults of vzdump on its node, where the retention of the storage stands.

    A storage's own retention goes before that in the node's /etc/vzdump.conf, and neither means keeping all
    (pve-manager VZDump.pm).
    """

    def of_job(job: NodeJob) -> StorageRetention:
        try:
            answer = client.get(path_of("nodes", job.node, "vzdump", "defaults"), storage=job.storage)
        except (ApiError, AnswerLost, BadAnswer) as failure:
            return StorageRetention(job.node, job.storage, Keep(all=True), failure.message)
        if not isinstance(answer, Mapping):
            return StorageRetention(job.node, job.storage, Keep(all=True), "the defaults of vzdump are no mapping")
        if str(answer.get("remove", 1)) == "0":
            return StorageRetention(job.node, job.storage, Keep(all=True))
        text = str(answer.get("prune-backups") or "")
        keep = Keep.parse(text)
        if keep is None:
            return StorageRetention(job.node, job.storage, Keep(all=True), f"it says {text!r}")
        return StorageRetention(job.node, job.storage, keep)

    return side_by_side(of_job, jobs)
