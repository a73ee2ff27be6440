# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks: list, status, log, stop (recorded: 10_tasks)."""

from __future__ import annotations

import re

from pve_simulator.errors import ParameterError
from pve_simulator.schema.formats import split_list
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import NODE, VMID_FILTER
from pve_simulator.tasks.registry import Task
from pve_simulator.tasks.upid import parse
from pve_simulator.web.answer import Listing, Text
from pve_simulator.web.routes import Call, Routes

routes = Routes()

_UPID = Parameter(optional=False)
TASK = {"node": NODE, "upid": _UPID}
TASKS = {
    "node": NODE,
    "errors": Parameter(type="boolean", default=0),
    "limit": Parameter(type="integer", minimum=0, default=50),
    "since": Parameter(type="integer"),
    "source": Parameter(enum=("archive", "active", "all"), default="archive"),
    "start": Parameter(type="integer", minimum=0, default=0),
    "statusfilter": Parameter(format="pve-task-status-type-list"),
    "typefilter": Parameter(),
    "until": Parameter(type="integer"),
    "userfilter": Parameter(),
    "vmid": VMID_FILTER,
}
LOG = {
    **TASK,
    "download": Parameter(type="boolean"),
    "limit": Parameter(type="integer", minimum=0, default=50),
    "start": Parameter(type="integer", minimum=0, default=0),
}


@routes.add("GET", "/nodes/{node}/tasks", TASKS)
def tasks(call: Call) -> object:
    """The node's tasks: one's own, with Sys.Audit all. The default source leaves out those that run."""
    auditor = call.allowed(f"/nodes/{call.node}", "Sys.Audit")
    source = call.parameters.get("source", "archive")
    found = [
        task
        for task in call.world.tasks.on_node(call.node)
        if (auditor or task.upid.user == call.identity) and _in_source(task, source) and _wanted(call, task)
    ]
    start, limit = call.parameters.get("start", 0), call.parameters.get("limit", 50)
    shown = found[start : start + limit] if limit else found[start:]
    return Listing([_entry(task) for task in shown], len(found))


@routes.add("GET", "/nodes/{node}/tasks/{upid}", TASK)
def index(call: Call) -> object:
    """What there is of a task."""
    return [{"name": "log"}, {"name": "status"}]


@routes.add("GET", "/nodes/{node}/tasks/{upid}/status", TASK)
def status(call: Call) -> object:
    """Whether it runs, and if not how it ended, read from the last line of its log."""
    task = _task(call, "Sys.Audit")
    if task.running:
        return {**task.upid.described(), "status": "running"}
    return {**task.upid.described(), "status": "stopped", "exitstatus": task.log.exit_status()}


@routes.add("GET", "/nodes/{node}/tasks/{upid}/log", LOG)
def log(call: Call) -> object:
    """Lines of the log: the first 50 unless asked otherwise, all with limit=0, as a text with download=1."""
    task = _task(call, "Sys.Audit")
    lines = task.log.lines()
    if call.parameters.get("download"):
        return Text("".join(f"{line}\n" for line in lines))
    start, limit = call.parameters.get("start", 0), call.parameters.get("limit", 50)
    if not lines:
        return Listing([{"n": 1, "t": "no content"}], 1)
    last = start + limit if limit else len(lines)
    shown = [{"n": number, "t": line} for number, line in enumerate(lines, start=1)][start:last]
    return Listing(shown, len(lines))


@routes.add("DELETE", "/nodes/{node}/tasks/{upid}", TASK)
def stop(call: Call) -> object:
    """Stop a task; returns when it is gone, which may take a while."""
    task = _task(call, "Sys.Modify")
    call.world.tasks.stop(task)
    return None


def _task(call: Call, privilege: str) -> Task:
    text = call.parameters["upid"]
    upid = parse(text)
    if upid is None:
        raise ParameterError({"upid": "unable to parse worker upid"})
    if upid.user != call.identity:
        call.world.rights.check(call.identity, f"/nodes/{call.node}", privilege)
    task = call.world.tasks.find(text)
    if task is None or upid.node != call.node:
        raise ParameterError({"upid": "no such task"})
    return task


def _in_source(task: Task, source: str) -> bool:
    return source == "all" or task.running == (source == "active")


def _wanted(call: Call, task: Task) -> bool:
    given, upid = call.parameters, task.upid
    if given.get("errors") and (task.running or _status_word(task) not in ("error", "unknown")):
        return False
    if "statusfilter" in given and not task.running and _status_word(task) not in split_list(given["statusfilter"]):
        return False
    return (
        given.get("typefilter") in (None, upid.type)
        and ("vmid" not in given or re.match(rf"^{given['vmid']}(?:@|$)", upid.id) is not None)
        and given.get("userfilter", "").lower() in upid.user.lower()
        and given.get("since", 0) <= upid.starttime
        and upid.starttime <= given.get("until", upid.starttime)
    )


def _status_word(task: Task) -> str:
    if task.status == "OK":
        return "ok"
    if task.status == "unexpected status":
        return "unknown"
    return "warning" if re.match(r"^WARNINGS: \d+$", task.status or "") else "error"


def _entry(task: Task) -> dict[str, object]:
    found: dict[str, object] = dict(task.upid.described())
    if task.running:
        return {**found, "status": "RUNNING", "saved": "0"}
    return {**found, "endtime": task.endtime, "status": task.status}
