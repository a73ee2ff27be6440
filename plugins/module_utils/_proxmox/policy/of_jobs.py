# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The promises that the cluster's jobs keep or break. Pure. Private to this collection.

Guests of one tier that the same jobs take in are judged alike, so that most is worked out once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.lifeboat.backup.plugins.module_utils._core.duration import format_duration
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._core.wording import counted, listed
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.fields import (
    FIELDS,
    SCHEDULE,
    STORAGE,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.job_retention import (
    leaves_to_storage,
    retention_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.retention_check import Loss, loss
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.schedules import longest_gap, merged
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Schedule, Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import (
    MET,
    NOT_MET,
    UNKNOWN,
    Case,
    Promise,
)

NO_JOB = "no enabled job takes it in"


class _Group(NamedTuple):
    """What guests of one tier that the same jobs take in have in common.

    ``here`` are those of the jobs that write to the tier's storage, ``by_node`` says whether what they keep may differ
    from node to node. ``disks`` holds of guests of which no disk is left out.
    """

    here: tuple[str, ...]
    by_node: bool
    job: Promise
    disks: Promise


@dataclass(frozen=True)
class JobJudge:
    """Judges by the jobs that were seen, and remembers what it has worked out."""

    seen: Seen
    _groups: dict[tuple[str, tuple[str, ...]], _Group] = field(default_factory=dict)
    _keeps: dict[tuple[str, tuple[str, ...], str], Promise] = field(default_factory=dict)
    _losses: dict[tuple[Keep, Keep, frozenset[Schedule]], Loss | None] = field(default_factory=dict)

    def promises(self, case: Case) -> Iterator[Promise]:
        """``keep`` (where it is promised), ``job`` and ``disks``."""
        hidden = self.seen.jobs_hidden
        if hidden is not None:
            wanted = ("keep", "job", "disks") if case.tier.keep is not None else ("job", "disks")
            yield from (Promise(name, UNKNOWN, hidden.rstrip("."), {}) for name in wanted)
            return
        about = (case.tier.name, case.jobs)
        group = self._groups.get(about) or self._groups.setdefault(about, self._group(case))
        if case.tier.keep is not None:
            key = (*about, case.guest.node if group.by_node else "")
            if key not in self._keeps:
                self._keeps[key] = self._keep(case, group.here, case.tier.keep)
            yield self._keeps[key]
        yield group.job
        yield self._disks(case, group)

    def _group(self, case: Case) -> _Group:
        """The group of a guest, worked out with the first of it."""
        here = self.going_to(case.jobs, case.tier.storage)
        if here:
            evidence: dict[str, Any] = {"jobs": list(here), "excluded": []}
            disks = Promise("disks", MET, f"{_jobs(here)} takes in all disks", evidence)
        else:
            disks = Promise("disks", NOT_MET, _no_job(case, self.seen), {"jobs": list(case.jobs)})
        by_node = any(leaves_to_storage(self.seen.jobs[name]) for name in here)
        return _Group(here, by_node, self._job(case, here), disks)

    def going_to(self, jobs: Sequence[str], storage: str) -> tuple[str, ...]:
        """Those of the jobs that write to the storage."""
        return tuple(name for name in jobs if self.seen.jobs[name].value(STORAGE) == storage)

    def lost(self, promised: Keep, found: Keep, jobs: tuple[str, ...]) -> Loss | None:
        """What a retention loses of the runs of these jobs."""
        schedules = frozenset(self.schedules(jobs))
        key = (promised, found, schedules)
        if key not in self._losses:
            local = self._wall()
            self._losses[key] = loss(promised, found, [local(time) for time in merged([*schedules])])
        return self._losses[key]

    def schedules(self, jobs: Sequence[str]) -> list[Schedule]:
        """Their schedules. One without any never runs."""
        found = []
        for name in jobs:
            text = self.seen.jobs[name].value(SCHEDULE)
            known = self.seen.schedules.get(text) if text is not None else Schedule(problem="it has none")
            found.append(known or Schedule(unread="its runs were not told"))
        return found

    def _wall(self) -> Callable[[int], datetime]:
        """Days and weeks begin by the clock on a node's wall; all nodes of a cluster are taken to have the same."""
        zones = self.seen.observation.zones
        times, node = LocalTimes(zones), min(zones, default="")
        return lambda time: times.at(time, node)

    def _keep(self, case: Case, here: tuple[str, ...], promised: Keep) -> Promise:
        """Each job to the storage has to keep enough: it removes what others have made, too."""
        evidence: dict[str, Any] = {"promised": str(promised), "jobs": {}}
        if not here:
            return Promise("keep", NOT_MET, _no_job(case, self.seen), evidence)
        broken, unknown = [], []
        for name in here:
            found = retention_of(self.seen, self.seen.jobs[name], case.guest.node)
            if isinstance(found, str):
                unknown.append(found)
                continue
            evidence["jobs"][name] = {"keep": str(found), "lost": 0, "of": 0, "ages": []}
            if found.all or found == promised:
                continue
            unread = next(
                (one for one in self.schedules(here) if one.unread or one.problem or len(one.times) < 2), None
            )
            if unread is not None:
                unknown.append(f"when it runs is not known: {unread.unread or unread.problem or 'it has no two runs'}")
                continue
            told = self.lost(promised, found, here)
            if told is not None:
                evidence["jobs"][name].update(lost=told.lost, of=told.promised, ages=list(told.ages[:20]))
                broken.append(f"job {name} keeps {found}: {_loses(told)} that {promised} keeps")
        if broken:
            return Promise("keep", NOT_MET, "; ".join(broken), evidence)
        if unknown:
            return Promise("keep", UNKNOWN, "; ".join(dict.fromkeys(unknown)), evidence)
        return Promise("keep", MET, f"{_jobs(here)} keeps what {promised} keeps", evidence)

    def _job(self, case: Case, here: tuple[str, ...]) -> Promise:
        tier = case.tier
        right = tuple(name for name in here if tier.mode in (None, self.seen.jobs[name].value(FIELDS["mode"])))
        evidence: dict[str, Any] = {"jobs": list(case.jobs), "right": list(right), "gap": None, "promised": tier.rpo}
        if not here:
            return Promise("job", NOT_MET, _no_job(case, self.seen), evidence)
        if not right:
            modes = listed(sorted({str(self.seen.jobs[name].value(FIELDS["mode"])) for name in here}))
            return Promise("job", NOT_MET, f"{_jobs(here)} has mode {modes}, promised {tier.mode}", evidence)
        return _paced(right, self.schedules(right), tier, evidence)

    def _disks(self, case: Case, group: _Group) -> Promise:
        unread: list[str] = []
        for name in group.here:
            if name in self.seen.disks_hidden:
                unread.append(self.seen.disks_hidden[name].rstrip("."))
                continue
            disks = self.seen.disks.get(name, {}).get(case.guest.vmid)
            if disks is None:
                unread.append(f"job {name} does not tell which disks it takes in")
                continue
            excluded = [disk.key for disk in disks if not disk.included]
            if excluded:
                included = [disk.key for disk in disks if disk.included]
                evidence = {"job": name, "included": included, "excluded": excluded}
                return Promise("disks", NOT_MET, f"job {name} leaves out {listed(excluded)}", evidence)
        if unread:
            return Promise("disks", UNKNOWN, "; ".join(dict.fromkeys(unread)), {"jobs": list(group.here)})
        return group.disks


def _paced(right: tuple[str, ...], schedules: Sequence[Schedule], tier: Tier, evidence: dict[str, Any]) -> Promise:
    """Whether the jobs together run often enough. What is known may be enough without the rest."""
    gap = longest_gap(merged([one for one in schedules if one.unread is None]), tier.rpo)
    evidence["gap"] = gap
    if gap is not None and gap <= tier.rpo:
        text = f"{_jobs(right)} runs at least every {format_duration(gap)}, wanted {format_duration(tier.rpo)}"
        return Promise("job", MET, text, evidence)
    unread = next((one.unread for one in schedules if one.unread), None)
    if unread is not None:
        return Promise("job", UNKNOWN, f"when {_jobs(right)} runs is not known: {unread}", evidence)
    problem = next((one.problem for one in schedules if one.problem), None)
    if gap is None:
        text = f"has a schedule that does not run: {problem}" if problem else "has no further runs"
        return Promise("job", NOT_MET, f"{_jobs(right)} {text}", evidence)
    text = f"{_jobs(right)} pauses for {format_duration(gap)}, wanted {format_duration(tier.rpo)}"
    return Promise("job", NOT_MET, text, evidence)


def _no_job(case: Case, seen: Seen) -> str:
    if not case.jobs:
        return NO_JOB
    storages = sorted({str(seen.jobs[name].value(STORAGE) or "no named storage") for name in case.jobs})
    return f"{_jobs(case.jobs)} writes to {listed(storages)}, promised {case.tier.storage}"


def _jobs(names: Sequence[str]) -> str:
    return f"job {listed(names, 4)}"


def _loses(told: Loss) -> str:
    return f"it loses {told.lost} of the {counted(told.promised, 'backup')}"
