# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a schedule comes (recorded: 09_backup_jobs, with a stand-in for Proxmox' parser)."""

from __future__ import annotations

import time

from pve_simulator.schedule import calendar_event
from pve_simulator.schedule.runs import runs
from pve_simulator.schema.backup_jobs import ANALYSIS
from pve_simulator.web.routes import Call, Routes

routes = Routes()

_ITERATIONS = 10


@routes.add("GET", "/cluster/jobs/schedule-analyze", ANALYSIS)
def analyze(call: Call) -> object:
    """The next times of a schedule after now, or after ``starttime``, by the clock of the node that is asked."""
    given = call.parameters
    event = calendar_event.parse(given["schedule"])
    after = given.get("starttime", int(call.world.now()))
    found = runs(event, after, call.world.zone(), given.get("iterations", _ITERATIONS))
    return [{"timestamp": moment, "utc": time.asctime(time.gmtime(moment))} for moment in found]
