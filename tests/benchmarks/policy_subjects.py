# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The subject of the policy benchmark, and the process that measures it.

    python -m benchmarks.policy_subjects GUESTS NODES FOLDER REPEATS

prints the processor seconds of each round by subject, as JSON.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.cases import cases
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.disks import disks_in
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import drilled_guests
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.judgement import (
    judge_guests,
    may_be_new,
    with_new_guests,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.report import message, report
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Seen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.verdicts import PROMISES
from benchmarks.fleet import Fleet
from benchmarks.planning_subjects import BASELINE, Answers, observed, timed
from benchmarks.policy_fleet import jobs_of, policy_of, record_of, schedules, volumes_of

BACKUPS, JUDGED = "backups", "policy"
"""The entries of the listings as backups; the same, judged and reported."""


class Judging:
    """A cluster and its policy. All answers are read already; what is made of them belongs to the measured work."""

    def __init__(self, fleet: Fleet) -> None:
        self.before = fleet.observation()
        self.policy = policy_of(fleet)
        self.jobs = jobs_of(fleet)
        self.volumes = volumes_of(fleet, self.jobs)
        self.record = record_of(fleet)
        self.schedules = schedules()

    def judged(self, answers: Answers) -> dict[str, Any]:
        """The whole result of ``backup_policy_info``, as ``policy_info`` makes it."""
        policy = self.policy
        seen = Seen(
            observed(self.before, answers),
            jobs=self.jobs,
            disks={name: disks_in(answer) or {} for name, answer in self.volumes.items()},
            schedules=self.schedules,
            drills=drilled_guests(self.record, self.before.observed_at),
        )
        found = judge_guests(policy, seen, cases(policy, seen))
        if may_be_new(found, seen):
            raise RuntimeError("all guests have backups, and some are to be asked about")
        values = report(policy, seen, with_new_guests(found, {}, policy.grace))
        values["msg"] = message(values, ())
        return values


def measure_time(fleet: Fleet, folder: Path, repeats: int) -> dict[str, list[float]]:
    """Processor seconds of the baseline and each subject, taken in turn so that noise meets all of them."""
    texts = list(fleet.read(folder))
    judging = Judging(fleet)
    seconds: dict[str, list[float]] = {name: [] for name in (BASELINE, BACKUPS, JUDGED)}
    for _repeat in range(repeats):
        answers = timed(seconds[BASELINE], lambda: [(shelf, json.loads(text)["data"]) for shelf, text in texts])
        gc.freeze()  # the module holds no answer that it has read, and so no garbage collection goes over them
        timed(seconds[BACKUPS], partial(observed, judging.before, answers))
        values = timed(seconds[JUDGED], partial(judging.judged, answers))
        gc.unfreeze()
        _check(fleet, values)
        del answers, values
    return seconds


def _check(fleet: Fleet, values: dict[str, Any]) -> None:
    """A result that is not whole would be quick, and worth nothing."""
    promises = sum(sum(verdicts.values()) for verdicts in values["summary"]["promises"].values())
    if len(values["guests"]) != fleet.guests or promises != len(PROMISES) * fleet.guests:
        raise RuntimeError(f"{promises} promises to {len(values['guests'])} of {fleet.guests} guests were judged")


def main(words: Sequence[str]) -> None:
    """Measure what the arguments say."""
    guests, nodes, folder, repeats = words
    found = measure_time(Fleet(int(guests), int(nodes)), Path(folder), int(repeats))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
