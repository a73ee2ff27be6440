# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages as the cluster has configured them, and as a node sees them (recorded: 03_storage)."""

from __future__ import annotations

import hashlib

from pve_simulator.errors import ParameterError
from pve_simulator.schema.formats import split_list
from pve_simulator.schema.parameters import Parameter, Table
from pve_simulator.schema.shared import NODE, STORAGE
from pve_simulator.state.model import Storage
from pve_simulator.storage import availability, figures
from pve_simulator.versions import Version
from pve_simulator.web.routes import Call, Privilege, Routes

routes = Routes()

_SEE = ("Datastore.Audit", "Datastore.AllocateSpace")
_SEE_ONE = Privilege("/storage/{storage}", _SEE)
_FILE_TYPES = ("dir", "nfs", "cifs", "cephfs")
_INDEX = (
    "content", "download-url", "file-restore", "import-metadata", "prunebackups", "rrd", "rrddata", "status", "upload"
)  # fmt: skip

ON_NODE = {
    "node": NODE,
    "content": Parameter(format="pve-storage-content-list"),
    "enabled": Parameter(type="boolean", default=0),
    "format": Parameter(type="boolean", default=0),
    "storage": Parameter(format="pve-storage-id"),
    "target": Parameter(format="pve-node"),
}
ONE_ON_NODE = {"node": NODE, "storage": STORAGE}


def _filter(version: Version) -> Table:
    return {"type": Parameter(enum=version.storage_types)}


@routes.add("GET", "/storage", _filter)
def storages(call: Call) -> object:
    """The configuration of the storages the caller may see."""
    kind = call.parameters.get("type")
    return [
        _configuration(call, storage)
        for storage in call.cluster.storages.values()
        if kind in (None, storage.type) and call.allowed(f"/storage/{storage.name}", *_SEE)
    ]


@routes.add("GET", "/storage/{storage}", {"storage": STORAGE}, Privilege("/storage/{storage}", ("Datastore.Allocate",)))
def storage(call: Call) -> object:
    """One storage's configuration."""
    return _configuration(call, availability.configured(call.cluster, call.parameters["storage"]))


@routes.add("GET", "/nodes/{node}/storage", ON_NODE)
def on_node(call: Call) -> object:
    """The storages of a node with their space."""
    given = call.parameters
    wanted = given.get("storage")
    if wanted is not None and wanted not in call.cluster.storages:
        raise ParameterError({"storage": "No such storage."})
    contents = split_list(given.get("content", ""))
    found = []
    for storage in call.cluster.storages.values():
        if not storage.reaches(call.node) or (wanted is not None and storage.name != wanted):
            continue
        if contents and (storage.disabled or not set(contents) & set(storage.content)):
            continue
        if given.get("enabled") and storage.disabled:
            continue
        if call.allowed(f"/storage/{storage.name}", *_SEE):
            found.append(_listed(call, storage))
    return found


@routes.add("GET", "/nodes/{node}/storage/{storage}", ONE_ON_NODE, _SEE_ONE)
def index(call: Call) -> object:
    """What there is below a storage; not all of it is simulated."""
    return [{"subdir": name} for name in _INDEX]


@routes.add("GET", "/nodes/{node}/storage/{storage}/status", ONE_ON_NODE, _SEE_ONE)
def status(call: Call) -> object:
    """A storage's space and state."""
    name = call.parameters["storage"]
    found = call.cluster.storages.get(name)
    if found is None or not found.reaches(call.node):
        raise ParameterError({"storage": "No such storage."})
    return figures.status(call.world, found, call.node)


def _listed(call: Call, storage: Storage) -> dict[str, object]:
    found: dict[str, object] = {"storage": storage.name, **figures.status(call.world, storage, call.node)}
    total, used = found["total"], found["used"]
    if isinstance(total, int) and isinstance(used, int) and total:
        found["used_fraction"] = used / total
    return found


def _configuration(call: Call, storage: Storage) -> dict[str, object]:
    found: dict[str, object] = {
        "storage": storage.name,
        "type": storage.type,
        "content": ",".join(storage.content),
        "digest": _digest(call),
    }
    if storage.type in _FILE_TYPES:
        found["path"] = storage.path
    if storage.type == "nfs":
        found.update(server="192.0.2.200", export=f"/export/{storage.name}")
    if storage.type == "pbs":
        found.update(server="192.0.2.201", datastore=storage.name, username="backup@pbs")
    if storage.type == "dir" and storage.shared:
        found["shared"] = 1
    if storage.nodes is not None:
        found["nodes"] = ",".join(storage.nodes)
    if storage.prune is not None:
        found["prune-backups"] = storage.prune
    if storage.max_protected is not None:
        found["max-protected-backups"] = storage.max_protected
    if storage.encryption_key is not None:
        found["encryption-key"] = storage.encryption_key
    if storage.disabled:
        found["disable"] = 1
    return found


def _digest(call: Call) -> str:
    text = repr(sorted((storage.name, storage.type, storage.path) for storage in call.cluster.storages.values()))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
