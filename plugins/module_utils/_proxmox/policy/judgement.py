# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each guest by the promises of its tier. Pure. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Match, Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import FUTURE_TOLERANCE
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import Birth
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.of_backups import backup_promises
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.of_drills import drill_promises
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.of_jobs import JobJudge
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.uncollected import uncollected
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import (
    EXEMPT,
    NEW,
    NOT_MET,
    PROMISES,
    UNKNOWN,
    Case,
    Judged,
    status_of,
)


@uncollected()
def judge_guests(policy: Policy, seen: Seen, found: Iterable[Case]) -> list[Judged]:
    """All guests, in the order given; nobody is new yet."""
    by_jobs = JobJudge(seen)
    by_name = _depends_on_names(policy)
    return [_judged(case, seen, by_jobs, by_name) for case in found]


def _judged(case: Case, seen: Seen, by_jobs: JobJudge, by_name: bool) -> Judged:
    promises = [*backup_promises(case), *by_jobs.promises(case), *drill_promises(case, seen)]
    found = {one.promise: one for one in promises}
    told = tuple([found[name] for name in PROMISES if name in found])
    if case.exemption is not None:
        return Judged(case, told, EXEMPT, case.exemption.reason)
    if case.guest.name is None and by_name:
        return Judged(case, told, UNKNOWN, "its name is not known, and the policy goes by names")
    return Judged(case, told, status_of(told))


def _depends_on_names(policy: Policy) -> bool:
    matches: list[Match | None] = [rule.match for rule in policy.rules]
    matches += [exemption.match for exemption in policy.exemptions]
    return any(match is not None and bool(match.names) for match in matches)


def may_be_new(judged: Sequence[Judged], seen: Seen) -> list[Judged]:
    """Those that may only be too young for a backup: none is there and none was ever drilled."""
    return [
        one
        for one in judged
        if one.status == NOT_MET
        and not one.case.backups
        and one.verdict("rpo") == NOT_MET
        and (one.case.guest.vmid, one.case.guest.type) not in seen.drills
    ]


def with_new_guests(judged: Sequence[Judged], births: Mapping[int, Birth], grace: int) -> list[Judged]:
    """The same with those that are younger than ``grace`` seconds. What nobody knows the age of is not new.

    A guest whose configuration can't be read is unknown.
    """
    return [_aged(one, births.get(one.case.guest.vmid), grace) for one in judged]


def _aged(one: Judged, birth: Birth | None, grace: int) -> Judged:
    if birth is None:
        return one
    # A time that is still to come is that of a wrong clock
    if birth.at is not None and -FUTURE_TOLERANCE <= one.case.now - birth.at <= grace:
        age = format_duration(one.case.now - birth.at)
        return one._replace(status=NEW, reason=f"it is {age} old; the policy gives it {format_duration(grace)}")
    if birth.unread is not None:
        return one._replace(status=UNKNOWN, reason=f"its age is not known: {birth.unread.rstrip('.')}")
    return one
