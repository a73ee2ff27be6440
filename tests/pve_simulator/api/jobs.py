# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backup jobs, and which guests they leave out (recorded: 09_backup_jobs)."""

from __future__ import annotations

import uuid
from typing import Any

from pve_simulator.backup_jobs import definition, privileges, selection, volumes
from pve_simulator.backup_jobs.lock import configuration_locked
from pve_simulator.errors import Died, ParameterError
from pve_simulator.schedule import calendar_event
from pve_simulator.schedule.runs import next_run
from pve_simulator.schema import backup_jobs as schema
from pve_simulator.schema.formats import split_list
from pve_simulator.state.model import BackupJob
from pve_simulator.vzdump import combination
from pve_simulator.web.routes import ROOT_ONLY, Call, Privilege, Routes

routes = Routes()

_SEE = Privilege("/", ("Sys.Audit",))
_CHANGE = Privilege("/", ("Sys.Modify",))


@routes.add("GET", "/cluster/backup", permission=_SEE)
def jobs(call: Call) -> object:
    """All jobs, with when they run next; a disabled one has that as well."""
    return [{**definition.shown(name, job), **_next_run(call, job)} for name, job in call.cluster.jobs.items()]


@routes.add("POST", "/cluster/backup", schema.creation, _CHANGE)
def create(call: Call) -> object:
    """Make a job. The answer is nothing, not even the id that was made up."""
    given = call.parameters
    privileges.check_creation(call.world, call.identity, given)
    definition.settle_schedule(given, required=True)
    given.setdefault("enabled", 1)
    name = given.pop("id", None) or str(uuid.uuid4())
    with configuration_locked():
        if name in call.cluster.jobs:
            raise Died(f"Job '{name}' already exists")
        combination.check(given)
        call.cluster.jobs[name] = definition.stored(given)
    call.world.touch()
    return None


@routes.add("GET", "/cluster/backup/{id}", schema.ONE, _SEE)
def one(call: Call) -> object:
    """One job."""
    return definition.shown(call.parameters["id"], _job(call))


@routes.add("PUT", "/cluster/backup/{id}", schema.change, _CHANGE)
def change(call: Call) -> object:
    """Change a job: what is given is set, what ``delete`` names goes."""
    given = call.parameters
    name, delete = given.pop("id"), split_list(given.pop("delete", ""))
    privileges.check_change(call.world, call.identity, given, delete)
    definition.settle_schedule(given, required=False)
    with configuration_locked():
        call.cluster.jobs[name] = _changed(call, name, given, delete)
    call.world.touch()
    return None


@routes.add("DELETE", "/cluster/backup/{id}", schema.ONE, _CHANGE)
def remove(call: Call) -> object:
    """Remove a job."""
    with configuration_locked():
        _job(call)
        del call.cluster.jobs[call.parameters["id"]]
    call.world.touch()
    return None


@routes.add("GET", "/cluster/backup/{id}/included_volumes", schema.ONE, _SEE)
def included_volumes(call: Call) -> object:
    """What a job takes in, of the guests that the caller may see."""
    vmids = selection.included(call.cluster, _job(call))
    return {
        "children": [volumes.tree(call.cluster, vmid) for vmid in vmids if call.allowed(f"/vms/{vmid}", "VM.Audit")]
    }


@routes.add("GET", "/cluster/backup-info", permission=ROOT_ONLY)
def info(call: Call) -> object:
    """What there is to know of backups."""
    return [{"subdir": "not-backed-up"}]


@routes.add("GET", "/cluster/backup-info/not-backed-up", permission=_SEE)
def not_backed_up(call: Call) -> object:
    """The guests that are in no job, as far as the caller may see them (recorded: none)."""
    guests = [call.cluster.guests[vmid] for vmid in selection.not_backed_up(call.cluster)]
    return [
        {"vmid": guest.vmid, "name": guest.name, "type": guest.kind}
        for guest in guests
        if call.allowed(f"/vms/{guest.vmid}", "VM.Audit")
    ]


def _job(call: Call) -> BackupJob:
    name = call.parameters["id"]
    found = call.cluster.jobs.get(name)
    if found is None:
        raise ParameterError({"id": f"No such job '{name}'"})
    return found


def _changed(call: Call, name: str, given: dict[str, Any], delete: list[str]) -> BackupJob:
    """The job after the change; the order of the refusals is that of Proxmox."""
    if not given and not delete:
        raise Died("no options specified")
    combination.check(given, whole=False)
    current = call.cluster.jobs.get(name)
    if current is None:
        raise Died("no such vzdump job")
    privileges.check_current(call.world, call.identity, current)
    return definition.changed(current, given, delete, call.world.version)


def _next_run(call: Call, job: BackupJob) -> dict[str, int]:
    """When a job comes next; nothing where its schedule never comes, or cannot be read (written by hand)."""
    try:
        event = calendar_event.parse(job.get("schedule", ""))
    except ValueError:
        return {}
    found = next_run(event, int(call.world.now()), call.world.zone())
    return {"next-run": found} if found is not None else {}
