# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clocks that a test moves."""

from __future__ import annotations

import time

START = 1_800_000_000.0


class Ticking:
    """A clock that a test moves: ``clock.now += 60``."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Leaping:
    """The machine's clock, which a test lets leap: ``clock.ahead += 3600``."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead
