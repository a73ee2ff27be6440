# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is kept of a backup job: made from the parameters of a call, and changed by those of another."""

from __future__ import annotations

from typing import Any

from pve_simulator.errors import ParameterError
from pve_simulator.schema import property_strings, vzdump
from pve_simulator.schema.formats import split_list
from pve_simulator.state.model import BackupJob
from pve_simulator.versions import Version
from pve_simulator.vzdump import combination

_PROPERTY_STRINGS = {"prune-backups": None, "fleecing": "enabled", "performance": None}  # with their default keys
_ALSO_DELETABLE = ("comment", "repeat-missed")
_ALL_DAYS = "mon,tue,wed,thu,fri,sat,sun"


def shown(name: str, job: BackupJob) -> dict[str, Any]:
    """A job as the API shows it."""
    return {**job, "id": name, "type": "vzdump"}


def settle_schedule(given: dict[str, Any], *, required: bool) -> None:
    """Turn ``dow`` and ``starttime`` into a ``schedule`` (recorded). Raises `ParameterError`."""
    days, start = given.pop("dow", None), given.pop("starttime", None)
    if "schedule" in given:
        if start is not None:
            raise ParameterError({"starttime": "'starttime' and 'schedule' cannot both be set"})
    elif start is not None:
        words = ",".join(split_list(days)) if days else _ALL_DAYS
        given["schedule"] = start if words == _ALL_DAYS else f"{words} {start}"
    elif required:
        raise ParameterError({"schedule": "neither 'starttime' nor 'schedule' were set"})


def stored(given: dict[str, Any]) -> BackupJob:
    """Verified options as a job keeps them; ``maxfiles`` becomes what took its place, exceptions mean all others."""
    kept = dict(given)
    if "exclude" in kept and not kept.get("pool"):
        kept["all"] = 1
    if "maxfiles" in kept:
        kept["prune-backups"] = f"keep-last={kept.pop('maxfiles')}"
    for name, default_key in _PROPERTY_STRINGS.items():
        if name in kept:
            kept[name] = property_strings.parse(kept[name], default_key)
    return kept


def changed(job: BackupJob, given: dict[str, Any], delete: list[str], version: Version) -> BackupJob:
    """The job after a PUT. Raises `ParameterError` (recorded, as far as the selection goes from all to guests).

    Guests take the place of all, of exceptions and of a pool; all that of guests and a pool; a pool that of the rest.
    """
    known = {*vzdump.table(version), *_ALSO_DELETABLE} - {"stdout"}  # that is a call's alone
    for name in delete:
        if name not in known:
            raise ParameterError({"delete": f"unknown option '{name}'"})
    found = {name: value for name, value in job.items() if name not in delete}
    found.update(stored(given))
    if "exclude" in found and "pool" not in found:
        found["all"] = 1
    if "vmid" in given:
        replaced: tuple[str, ...] = ("all", "exclude", "pool")
    elif given.get("all"):
        replaced = ("vmid", "pool")
    elif found.get("pool"):
        replaced = ("vmid", "all", "exclude")
    else:
        replaced = ()
    found = {name: value for name, value in found.items() if name not in replaced}
    combination.check(found)
    return found


def without_guest(job: BackupJob, vmid: int) -> BackupJob | None:
    """The job after a guest was purged: without its id; None when it had no other (not recorded)."""
    found = dict(job)
    for name in ("vmid", "exclude"):
        if name in found:
            kept = [word for word in split_list(found[name]) if word != str(vmid)]
            found[name] = ",".join(kept)
            if not kept:
                del found[name]
    return None if "vmid" in job and "vmid" not in found else found
