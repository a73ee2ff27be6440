# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a stage found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """How many checks passed and failed, and what was left out, each with its reason ("not run: needs rsync")."""

    passed: int = 0
    failed: int = 0
    left_out: tuple[str, ...] = field(default=())

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.passed + other.passed, self.failed + other.failed, self.left_out + other.left_out)

    @property
    def line(self) -> str:
        """The line that people and machines look for."""
        return f"{self.passed} passed, {self.failed} failed"


PASSED = Outcome(passed=1)
FAILED = Outcome(failed=1)


def together(outcomes: Iterable[Outcome]) -> Outcome:
    """The sum of several outcomes."""
    return sum(outcomes, Outcome())


def checked(good: bool) -> Outcome:
    """The outcome of a single check."""
    return PASSED if good else FAILED
