# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is measured of device_backup_status."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.device_fleets import fleets
from benchmarks.device_module import module
from benchmarks.device_scans import scans
from benchmarks.device_services import services
from benchmarks.section import Section
from harness.playbooks import CHECKOUT


def devices() -> Section:
    """Scans of trees, services, whole calls, and the module as a process; the trees are removed at the end."""
    place = CHECKOUT / ".cache/benchmarks"
    section = Section()
    with tempfile.TemporaryDirectory(prefix="devices-", dir=place) as folder:
        for measure in (scans, services, fleets, module):
            found = measure(Path(folder))
            section.tables.extend(found.tables)
            section.limits.extend(found.limits)
    return section
