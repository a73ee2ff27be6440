# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting backups, and what goes with it (recorded: 04_vzdump_ok, 05_vzdump_errors)."""

from __future__ import annotations

from pve_simulator.access.acl import ROOT
from pve_simulator.archives import extraction
from pve_simulator.errors import Died, ParameterError
from pve_simulator.schema import property_strings
from pve_simulator.schema import vzdump as schema
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import NODE
from pve_simulator.storage import availability, encryption
from pve_simulator.storage.access import check_volume
from pve_simulator.storage.layout import shown_dump
from pve_simulator.vzdump import combination, selection
from pve_simulator.vzdump import options as vzdump_options
from pve_simulator.vzdump.job import VzdumpJob
from pve_simulator.web.routes import Call, Routes

routes = Routes()

_ROOT_ONLY = ("tmpdir", "dumpdir", "script", "job-id")
_COSTLY = ("bwlimit", "ionice", "performance")

DEFAULTS = {"node": NODE, "storage": Parameter(format="pve-storage-id")}
EXTRACT = {"node": NODE, "volume": Parameter(optional=False)}


@routes.add("POST", "/nodes/{node}/vzdump", schema.table)
def backup(call: Call) -> object:
    """Start a backup job; the answer is its UPID, or ``OK`` when there is nothing to do on this node."""
    call.world.faults.meet_moves("vzdump")
    given = call.parameters
    if given.get("stdout"):
        raise ParameterError({"stdout": "option is only allowed on the command line interface."})
    _check_privileges(call)
    combination.check(given)
    if "maxfiles" in given:
        given["prune-backups"] = f"keep-last={given.pop('maxfiles')}"
    line = vzdump_options.command_line(given)
    vmids = selection.selected(call.cluster, call.node, given)
    if given.get("stop"):
        _stop_running(call)
        if not vmids:
            return "OK"
    if not vmids and not given.get("all"):
        return "OK"
    if "dumpdir" not in given or "storage" in given:
        storage = given.get("storage", vzdump_options.DEFAULT_STORAGE)
        call.world.rights.check(call.identity, f"/storage/{storage}", "Datastore.AllocateSpace")
    job = VzdumpJob(call.world, call.node, call.identity, vzdump_options.options(call.cluster, given), vmids, line)
    about = str(vmids[0]) if len(vmids) == 1 else ""
    return str(call.world.start_task(call.node, "vzdump", about, call.identity, job.run))


@routes.add("GET", "/nodes/{node}/vzdump/defaults", DEFAULTS)
def defaults(call: Call) -> object:
    """What counts where a call gives nothing (recorded: 04_vzdump_ok; the refusals are not)."""
    name = call.parameters.get("storage", vzdump_options.DEFAULT_STORAGE)
    call.world.rights.check_any(call.identity, f"/storage/{name}", ("Datastore.Audit", "Datastore.AllocateSpace"))
    storage = availability.configured(call.cluster, name)
    if "backup" not in storage.content:
        raise Died(f"can't use storage '{name}' for backups - wrong content type")
    found: dict[str, object] = {
        "storage": name,
        "mode": "snapshot",
        "compress": "0",
        "all": 0,
        "bwlimit": 0,
        "lockwait": 180,
        "stopwait": 10,
        "stop": 0,
        "quiet": 0,
        "pigz": 0,
        "zstd": 1,
        "remove": 1,
        "stdexcludes": 1,
        "mailnotification": "always",
        "notification-mode": "auto",
        "fleecing": {"enabled": 0},
        "performance": {"max-workers": 16, "pbs-entries-max": 1048576},
        "prune-backups": property_strings.to_text(property_strings.parse(storage.prune or "keep-all=1")),
    }
    if "notification-policy" not in call.world.version.removed_vzdump_options:
        found["notification-policy"] = "always"
    if call.allowed("/", "Sys.Audit"):
        found["ionice"] = 7
        if storage.type != "pbs":
            found["dumpdir"] = shown_dump(storage)
    return found


@routes.add("GET", "/nodes/{node}/vzdump/extractconfig", EXTRACT)
def extract_config(call: Call) -> object:
    """The configuration in an archive."""
    storage, _mark, volume = call.parameters["volume"].partition(":")
    name = check_volume(call.world, call.identity, storage, volume, call.node).name
    availability.active(call.cluster, storage, call.node)
    found = call.world.backups(storage, call.node).find(name)
    if found is None:
        raise Died(f"volume '{call.parameters['volume']}' does not exist")
    encryption.check_readable(call.cluster.storages[storage], found)
    try:
        return extraction.configuration(found.path)
    except extraction.BrokenArchive as error:
        raise Died(f"unable to extract configuration from '{call.parameters['volume']}': {error}") from error


def _check_privileges(call: Call) -> None:
    """What only some may ask for."""
    given, rights = call.parameters, call.world.rights
    forbidden = [name for name in _ROOT_ONLY if name in given]
    if forbidden and call.identity != ROOT:
        raise ParameterError(dict.fromkeys(forbidden, "Only root may set this option."))
    if "prune-backups" in given or "maxfiles" in given:
        storage = given.get("storage", vzdump_options.DEFAULT_STORAGE)
        rights.check(call.identity, f"/storage/{storage}", "Datastore.Allocate")
    if any(name in given for name in _COSTLY):
        rights.check(call.identity, "/", "Sys.Modify")
    if "fleecing" in given:
        where = property_strings.parse(given["fleecing"], default_key="enabled").get("storage")
        if where is not None:
            rights.check(call.identity, f"/storage/{where}", "Datastore.AllocateSpace")
    if given.get("stop") and call.world.version.stop_needs_modify:
        rights.check(call.identity, f"/nodes/{call.node}", "Sys.Modify")


def _stop_running(call: Call) -> None:
    for task in call.world.tasks.running():
        if task.worker is not None and task.worker is call.world.locks.holder(call.node):
            call.world.tasks.stop(task)
