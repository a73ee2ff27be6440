# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large clusters: four times the guests and jobs' ids cost about four times the time, not sixteen times."""

from __future__ import annotations

import time

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Match, Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from unit.builders import HOUR, a_backup, a_guest, a_place
from unit.policyinfo_builders import DAILY_KEEP, a_job, a_policy, a_report, a_rule, a_tier, seen

NODES = [f"pve{number}" for number in range(8)]
JOBS = 10


def a_large_policy() -> Policy:
    """50 rules that fit nobody before the default."""
    rules = [
        a_rule(f"t{number % 5}", f"r{number}", Match(names=(f"*{number}x*",), tags=frozenset({f"t{number}"})))
        for number in range(50)
    ]
    return a_policy(*(a_tier(f"t{number}", keep=DAILY_KEEP, drill=HOUR) for number in range(5)), rules=rules)


def a_large_cluster(size: int) -> Seen:
    guests = [a_guest(100 + number, node=NODES[number % len(NODES)]) for number in range(size)]
    backups = [a_backup(guest.vmid, age=age * HOUR) for guest in guests for age in (1, 25)]
    ids = [",".join(str(guest.vmid) for guest in guests[number::JOBS]) for number in range(JOBS)]
    jobs = [a_job(f"j{number}", all=None, vmid=vmids) for number, vmids in enumerate(ids)]
    places = [a_place(storage, node) for node in NODES for storage in ("vault", "local")]
    return seen(guests, backups, jobs, observed={"places": places})


def seconds(policy: Policy, looked: Seen) -> float:
    """Of processor time, the shorter of two."""
    taken = []
    for _number in range(2):
        began = time.process_time()
        a_report(policy, looked)
        taken.append(time.process_time() - began)
    return min(taken)


def test_the_time_grows_with_the_guests_and_no_faster() -> None:
    policy = a_large_policy()
    few, many = seconds(policy, a_large_cluster(100)), seconds(policy, a_large_cluster(400))
    assert many < 9 * few
