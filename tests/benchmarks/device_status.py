# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is measured of device_backup_status."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.device_fleets import fleets
from benchmarks.device_module import module
from benchmarks.device_scans import scans
from benchmarks.device_services import services
from benchmarks.section import Section
from harness.playbooks import CHECKOUT

PLACE = CHECKOUT / ".cache/benchmarks/devices"
"""Where a million files stand meanwhile."""


def devices() -> Section:
    """Scans of trees, services, whole calls, and the module as a process."""
    section = Section()
    with _empty(PLACE):
        for measure in (scans, services, fleets, module):
            found = measure(PLACE)
            section.tables.extend(found.tables)
            section.limits.extend(found.limits)
    return section


@contextmanager
def _empty(place: Path) -> Iterator[None]:
    """A folder for this run alone, which is removed at the end; one that a killed run left is removed first.

    :raises RuntimeError: when another run uses it.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise RuntimeError(f"another run uses {place}") from taken
        if place.exists():
            shutil.rmtree(place)
        place.mkdir()
        try:
            yield
        finally:
            shutil.rmtree(place)
