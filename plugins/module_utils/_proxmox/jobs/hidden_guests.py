# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A guest that the token can't see doesn't fall out of its job by that. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ansible_collections.lifeboat.backup.plugins.module_utils._core.parallel import side_by_side
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import listed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import exists
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import VMIDS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job_plan import Wanted
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import JobWish


def with_hidden(
    client: Client, wishes: Sequence[JobWish], wanted: Sequence[Wanted], there: Mapping[str, Job], cluster: Cluster
) -> tuple[list[Wanted], list[str]]:
    """The jobs that are chosen by names and tags, with the ids that they have and that are only hidden; warnings.

    Proxmox says of any id whether it is taken, whoever asks. It is asked for ids of these jobs that aren't shown.
    """
    absent = {
        wish.id: sorted(set(there[wish.id].value(VMIDS)) - set(cluster.guests))
        for wish in wishes
        if wish.id in there and wish.choice.guests is not None and (wish.choice.guests.tags or wish.choice.guests.names)
    }
    asked = sorted({vmid for ids in absent.values() for vmid in ids})
    taken = {vmid for vmid, known in zip(asked, side_by_side(lambda vmid: exists(client, vmid), asked)) if known}
    found, warnings = [], []
    for one in wanted:
        hidden = [vmid for vmid in absent.get(one.id, ()) if vmid in taken and vmid not in one.unknown]
        if not hidden:
            found.append(one)
            continue
        ids = tuple(sorted({*one.values[VMIDS.option], *hidden}))
        found.append(replace(one, values={**one.values, VMIDS.option: ids}))
        warnings.append(
            f"{one.id}: {listed(hidden)} stays in it, since this token is not shown who that is (VM.Audit)."
        )
    return found, warnings
