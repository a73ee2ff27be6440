# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of backup jobs: those of vzdump, and what a schedule adds."""

from __future__ import annotations

from pve_simulator.schema import vzdump
from pve_simulator.schema.parameters import Parameter, Table
from pve_simulator.versions import Version

_OF_ONE_RUN = ("job-id", "stdout")  # what vzdump takes and a job does not
_DAYS = "pve-day-of-week-list"
_EVENT = "pve-calendar-event"
_SCHEDULE = {
    "comment": Parameter(max_length=512),
    "enabled": Parameter(type="boolean", default="1"),
    "repeat-missed": Parameter(type="boolean", default=0),
    "schedule": Parameter(format=_EVENT, max_length=128),
    "starttime": Parameter(pattern=r"\d{1,2}:\d{1,2}"),
}
_ID = Parameter(max_length=50, pattern=r"\S+", optional=False)

ONE = {"id": _ID}
ANALYSIS = {
    "schedule": Parameter(format=_EVENT, max_length=128, optional=False),
    "iterations": Parameter(type="integer", minimum=1, maximum=100, default=10),
    "starttime": Parameter(type="integer"),
}


def creation(version: Version) -> Table:
    """The parameters of POST /cluster/backup."""
    every_day = "mon,tue,wed,thu,fri,sat,sun"
    dow = Parameter(format=_DAYS, default=every_day, requires="starttime")
    return {**_kept(version), "id": Parameter(format="pve-configid"), "dow": dow}


def change(version: Version) -> Table:
    """The parameters of PUT /cluster/backup/{id}."""
    dow = Parameter(format=_DAYS, requires="starttime")
    return {**_kept(version), "id": _ID, "dow": dow, "delete": Parameter(format="pve-configid-list")}


def _kept(version: Version) -> Table:
    of_vzdump = {name: item for name, item in vzdump.table(version).items() if name not in _OF_ONE_RUN}
    return {**of_vzdump, **_SCHEDULE}
