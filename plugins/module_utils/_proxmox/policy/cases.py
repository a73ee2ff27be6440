# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each guest with its tier, its backups and its jobs: sorted once, so that judging takes no search. Pure.

Private to this collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from operator import attrgetter

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy, Subject
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.rules import Assigner, Assignment
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import (
    Unreadable,
    by_guest,
    find_unreadable,
    own_backups,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.job import Job
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.uncollected import uncollected
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import Case


@uncollected()
def cases(policy: Policy, seen: Seen) -> list[Case]:
    """All guests that are shown, by id."""
    observation = seen.observation
    guests = [guest for _vmid, guest in sorted(observation.cluster.guests.items())]
    today = datetime.fromtimestamp(observation.observed_at, timezone.utc).date()
    assigner = Assigner(policy, today)
    assigned = [assigner.tier_of(_subject(guest)) for guest in guests]
    owned = by_guest(backup for listing in observation.listings for backup in listing.backups)
    hidden = find_unreadable(observation, guests)
    hidden_on = _hidden_on(seen, guests, assigned)
    jobs = jobs_of_guests(seen.jobs.values(), observation.cluster)
    return [
        Case(
            guest,
            one.tier,
            one.rule,
            one.exemption,
            one.ended,
            newest_first(own_backups(guest, owned.get(guest.vmid, ()))),
            hidden,
            hidden_on[one.tier.storage],
            jobs.get(guest.vmid, ()),
            observation.now(guest.node),
        )
        for guest, one in zip(guests, assigned)
    ]


def newest_first(backups: Iterable[Backup]) -> Sequence[Backup]:
    """In the order of ``Observation.backups``: of the same time by volid.

    Sorting a few of each guest is several times as fast as sorting all of the cluster.
    """
    by_volid = sorted(backups, key=attrgetter("volid"))
    by_volid.sort(key=attrgetter("ctime"), reverse=True)
    return by_volid


def jobs_of_guests(jobs: Iterable[Job], cluster: Cluster) -> Mapping[int, tuple[str, ...]]:
    """The ids of the enabled jobs that take a guest in; each job is asked once for all of its guests."""
    found: dict[int, list[str]] = {}
    for job in sorted(jobs, key=lambda job: job.id):
        if job.enabled:
            for vmid in job.guests(cluster):
                found.setdefault(vmid, []).append(job.id)
    # Few different lists are shared by many guests
    return {vmid: tuple(names) for vmid, names in found.items()}


def _subject(guest: Guest) -> Subject:
    return Subject(guest.vmid, guest.name, guest.node, guest.type, guest.tags, guest.pool)


def _hidden_on(seen: Seen, guests: Iterable[Guest], assigned: Iterable[Assignment]) -> Mapping[str, list[Unreadable]]:
    """What can't be seen on the storage of each tier, of the guests that belong there."""
    there: dict[str, list[Guest]] = {}
    for guest, one in zip(guests, assigned):
        there.setdefault(one.tier.storage, []).append(guest)
    return {storage: find_unreadable(seen.observation, some, [storage]) for storage, some in there.items()}
