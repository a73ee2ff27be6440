# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which disks of its guests a job takes in. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Disk

_NOTHING_LOST = "efidisk but no"
"""A disk for EFI variables of a machine that has another BIOS: it holds nothing (qemu-server QemuConfig.pm)."""

Disks = Mapping[int, tuple[Disk, ...]]


def observe_disks(client: Client, jobs: list[Job]) -> tuple[dict[str, Disks], dict[str, str]]:
    """The disks of the guests of each job, and why those of the others can't be read. One request a job."""

    def of_job(job: Job) -> Disks | str:
        try:
            answer = client.get(path_of("cluster", "backup", job.id, "included_volumes"))
        except ProxmoxError as failure:
            return failure.message  # where a privilege is missing, it says which
        found = disks_in(answer)
        return f"What job {job.id} takes in is not told as a tree." if found is None else found

    found = dict(zip([job.id for job in jobs], side_by_side(of_job, jobs)))
    readable = {name: one for name, one in found.items() if not isinstance(one, str)}
    return readable, {name: one for name, one in found.items() if isinstance(one, str)}


def disks_in(answer: object) -> dict[int, tuple[Disk, ...]] | None:
    """The answer of ``included_volumes`` by guest (recorded: 09_backup_jobs); None where it is none."""
    children = answer.get("children") if isinstance(answer, Mapping) else None
    if not isinstance(children, list):
        return None
    found: dict[int, tuple[Disk, ...]] = {}
    for guest in children:
        vmid = whole_number(guest.get("id")) if isinstance(guest, dict) else 0
        if vmid:
            entries = guest.get("children")
            found[vmid] = tuple([_disk(one) for one in entries or () if isinstance(one, dict)])
    return found


def _disk(entry: Mapping[str, Any]) -> Disk:
    key = str(entry.get("id") or "").partition(":")[2] or "a disk without a name"
    reason = str(entry.get("reason") or "")
    included = whole_number(entry.get("included")) == 1 or reason.startswith(_NOTHING_LOST)
    return Disk(key, str(entry.get("name") or ""), included, reason)
