# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time as something that is passed in, so that plans are pure and tests don't sleep. Private to this collection."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption


@dataclass(frozen=True)
class Clock:
    """The controller's clock.

    ``now`` gives epoch seconds, ``monotonic`` seconds that never go backwards (for deadlines), ``sleep`` waits.
    """

    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Deadline:
    """A point on the monotonic clock at which waiting ends, or an earlier one when the run is interrupted."""

    clock: Clock
    at: float
    interruption: Interruption | None = None

    @classmethod
    def after(cls, clock: Clock, seconds: float, interruption: Interruption | None = None) -> Deadline:
        """A deadline ``seconds`` from now."""
        return cls(clock, clock.monotonic() + seconds, interruption)

    @property
    def interrupted(self) -> bool:
        """Whether the run is asked to end."""
        return self.interruption is not None and self.interruption.requested

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock.monotonic())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.interrupted or self.remaining() <= 0.0

    def sleep(self, seconds: float) -> None:
        """Sleep, but not past the deadline."""
        self.clock.sleep(min(seconds, self.remaining()))
