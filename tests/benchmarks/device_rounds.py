# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Things measured in turn, some rounds over, in a process of their own; and how they compare."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.children import run_python

CHILD = "benchmarks.device_subjects"


class Step(NamedTuple):
    """A subject of device_subjects, what it is given, and how many times in each round it is done."""

    subject: str
    given: dict[str, Any]
    times: int = 1


@dataclass(frozen=True)
class Rounds:
    """Seconds of each step, of the processor and by the clock: round by round, and as often as it is done in each.

    ``said`` is what each step saw, the same in every round; ``peak`` the most bytes that the process held.
    """

    processor: Mapping[str, list[float]]
    clock: Mapping[str, list[float]]
    said: Mapping[str, dict[str, Any]]
    peak: int

    def best(self, name: str) -> float:
        """Processor seconds of the best round: what disturbs only adds."""
        return min(self.processor[name])

    def best_by_clock(self, name: str) -> float:
        """The same by the clock."""
        return min(self.clock[name])

    def times(self, name: str, beside: str) -> float:
        """How many times the processor seconds of another step: the middle one of the rounds' ratios."""
        return _middle_ratio(self.processor[name], self.processor[beside])

    def times_by_clock(self, name: str, beside: str) -> float:
        """The same by the clock."""
        return _middle_ratio(self.clock[name], self.clock[beside])


def _middle_ratio(seconds: Sequence[float], beside: Sequence[float]) -> float:
    """Within a round both follow each other, so that a machine that gets busier meets both.

    What is short and done several times in a round is held against the one other of that round each time.
    """
    times = len(seconds) // len(beside)
    return statistics.median(one / beside[number // times] for number, one in enumerate(seconds))


def order(steps: Mapping[str, Step], rounds: int, folder: Path | None) -> str:
    """What the process is given to do."""
    return json.dumps({"rounds": rounds, "folder": None if folder is None else str(folder), "steps": steps})


def measured(steps: Mapping[str, Step], rounds: int, folder: Path | None = None) -> Rounds:
    """Do the steps in turn; each round has a new catalogue, unless there is a ``folder`` for it."""
    return Rounds(**json.loads(run_python(CHILD, given=order(steps, rounds, folder)).output))


def milliseconds(seconds: float) -> str:
    """For a table."""
    return f"{seconds * 1e3:,.2f}" if seconds < 0.1 else f"{seconds * 1e3:,.0f}"


def megabytes(size: float) -> str:
    """For a table."""
    return f"{size / 1e6:,.1f}" if size < 1e7 else f"{size / 1e6:,.0f}"
