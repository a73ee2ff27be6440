# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guests that the HA manager looks after, and replication jobs (not recorded)."""

from __future__ import annotations

from typing import Any

from pve_simulator.errors import Died
from pve_simulator.guests.power import set_running
from pve_simulator.schema.formats import split_list
from pve_simulator.schema.parameters import Parameter, Table
from pve_simulator.schema.shared import NODE, VMID_FILTER
from pve_simulator.state.model import Replication, Resource
from pve_simulator.versions import Version
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

_AUDIT = Privilege("/", ("Sys.Audit",))
_SID = Parameter(format="pve-ha-resource-or-vm-id", optional=False)
_ON = Parameter(type="boolean", default=1)
_COUNT = Parameter(type="integer", minimum=0, default=1)

RESOURCES = {"type": Parameter(enum=("ct", "vm"))}
_CHANGE = {
    "sid": _SID,
    "comment": Parameter(max_length=4096),
    "delete": Parameter(format="pve-configid-list", max_length=4096),
    "digest": Parameter(max_length=64),
    "group": Parameter(format="pve-configid"),
    "max_relocate": _COUNT,
    "max_restart": _COUNT,
    "state": Parameter(enum=("started", "stopped", "enabled", "disabled", "ignored"), default="started"),
}
JOBS = {"node": NODE, "guest": VMID_FILTER}


def change_table(version: Version) -> Table:
    """The parameters of PUT /cluster/ha/resources/{sid}."""
    return {**_CHANGE, **({"auto-rebalance": _ON, "failback": _ON} if version.nine else {})}


@routes.add("GET", "/cluster/ha/resources", RESOURCES, _AUDIT)
def resources(call: Call) -> object:
    """All guests that the manager knows, or those of one type."""
    kind = call.parameters.get("type")
    found = call.cluster.resources.values()
    return [_described(one) for one in found if kind in (None, one.sid.split(":", 1)[0])]


@routes.add("GET", "/cluster/ha/resources/{sid}", {"sid": _SID}, _AUDIT)
def resource(call: Call) -> object:
    """One of them."""
    return _described(_resource(call))


@routes.add("PUT", "/cluster/ha/resources/{sid}", change_table, Privilege("/", ("Sys.Console",)))
def change(call: Call) -> object:
    """Change what the manager does with a guest; what it wants of it is done at once here."""
    found = _resource(call)
    given: dict[str, Any] = {key: value for key, value in call.arguments.items() if key not in ("digest", "delete")}
    state = given.pop("state", found.state)
    found.state = {"enabled": "started", "disabled": "stopped"}.get(state, state)
    found.options.update(given)
    for key in split_list(call.parameters.get("delete", "")):
        found.options.pop(key, None)
    guest = call.cluster.guests.get(found.vmid)
    if guest is not None and guest.lock is None and found.managed:
        set_running(call.world, found.vmid, found.state == "started")
    call.world.touch()
    return None


@routes.add("GET", "/cluster/replication")
def jobs(call: Call) -> object:
    """The replication jobs of guests that the caller may see."""
    return [_job(call, job) for job in _visible(call)]


@routes.add("GET", "/nodes/{node}/replication", JOBS)
def jobs_of_node(call: Call) -> object:
    """The jobs that run on a node, with how the last run went."""
    wanted = call.parameters.get("guest")
    found = [job for job in _visible(call) if call.cluster.guests[job.guest].node == call.node]
    state = {"fail_count": 0, "last_try": 0, "last_sync": 0, "next_sync": 0, "duration": 0}
    return [{**_job(call, job), **state} for job in found if wanted in (None, job.guest)]


def _visible(call: Call) -> list[Replication]:
    known = [job for job in call.cluster.replications.values() if job.guest in call.cluster.guests]
    return [job for job in known if call.allowed(f"/vms/{job.guest}", "VM.Audit")]


def _job(call: Call, job: Replication) -> dict[str, object]:
    guest = call.cluster.guests[job.guest]
    return {
        "id": job.id,
        "type": "local",
        "guest": job.guest,
        "jobnum": int(job.id.rsplit("-", 1)[1]),
        "source": guest.node,
        "target": job.target,
        "schedule": job.schedule,
    }


def _resource(call: Call) -> Resource:
    sid = call.parameters["sid"]
    if ":" not in sid:
        guest = call.cluster.guests.get(int(sid))
        sid = f"{'ct' if guest is not None and guest.kind == 'lxc' else 'vm'}:{sid}"
    found = call.cluster.resources.get(sid)
    if found is None:
        raise Died(f"no such resource '{sid}'")
    return found


def _described(one: Resource) -> dict[str, object]:
    return {"sid": one.sid, "type": one.sid.split(":", 1)[0], "state": one.state, "digest": "0" * 40, **one.options}
