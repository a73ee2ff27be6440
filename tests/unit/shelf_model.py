# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster as far as removing can tell: guests, storages, and backups that are listed, protected and removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.transport import Answer
from unit.builders import MINIMAL, NOW, TOKEN, FakeClock


@dataclass
class Shelf:
    """Stands in for the client.

    "vault" is shared, every other storage local. ``faults`` are raised where a request begins so, and ``before`` is
    called with each request, so that somebody else can do something in between. ``exitstatus`` is how removals end,
    None while they run; ``honest`` is False where one that ends well removes nothing.
    """

    guests: Sequence[Guest]
    backups: list[Backup]
    nodes: Sequence[str] = ("pve1", "pve2")
    permissions: Permissions = MINIMAL
    zones: dict[str, str] = field(default_factory=dict)
    faults: dict[str, Exception] = field(default_factory=dict)
    before: Callable[[str], None] = lambda _request: None
    exitstatus: str | None = "OK"
    honest: bool = True
    storages: Sequence[str] = ("vault", "local")

    def __post_init__(self) -> None:
        self.time = FakeClock()
        self.authid = TOKEN
        self.asked: list[str] = []

    @property
    def client(self) -> Client:
        return cast("Client", self)

    @property
    def writes(self) -> list[str]:
        """The requests that changed something."""
        return [request for request in self.asked if not request.startswith("GET ")]

    def read(self, path: str, **parameters: Any) -> Answer:
        return Answer(self.get(path, **parameters), None, float(NOW))

    def get(self, path: str, **_parameters: Any) -> Any:
        self._ask("GET", path)
        parts = [unquote(part) for part in path.split("/")]
        if path == "cluster/resources":
            return self._resources()
        if path == "access/permissions":
            return self.permissions.paths
        if parts[2:] == ["time"]:
            return {"time": NOW, "timezone": self.zones.get(parts[1])}
        if parts[2:] == ["storage"]:
            shared = {"vault": 1}
            return [
                {"storage": name, "type": "dir", "shared": shared.get(name, 0), "active": 1, "avail": 9, "total": 9}
                for name in self.storages
            ]
        if parts[-1] == "content":
            return [_entry(backup) for backup in self._there(parts[1], parts[3])]
        assert parts[-1] == "status", path
        if self.exitstatus is None:
            return {"status": "running"}
        return {"status": "stopped", "exitstatus": self.exitstatus}

    def delete(self, path: str, **_parameters: Any) -> Any:
        self._ask("DELETE", path)
        backup = self._named(path)
        if self.exitstatus == "OK" and self.honest:
            self.backups.remove(backup)
        task = f"imgdel:{backup.vmid}@{backup.storage}:{TOKEN}:"
        return f"UPID:{backup.node}:{len(self.asked):08X}:0002E9FF:{NOW:08X}:{task}"

    def put(self, path: str, **parameters: Any) -> Any:
        self._ask("PUT", f"{path} protected={parameters['protected']}")
        backup = self._named(path)
        self.backups[self.backups.index(backup)] = backup._replace(protected=bool(parameters["protected"]))

    def _ask(self, method: str, path: str) -> None:
        request = f"{method} {unquote(path)}"
        self.before(request)
        self.asked.append(request)
        for start, fault in self.faults.items():
            if request.startswith(start):
                raise fault

    def _there(self, node: str, storage: str) -> list[Backup]:
        return [one for one in self.backups if one.storage == storage and (storage == "vault" or one.node == node)]

    def _named(self, path: str) -> Backup:
        _nodes, node, _storage, storage, _content, volid = map(unquote, path.split("/", 5))
        return next(backup for backup in self._there(node, storage) if backup.volid == volid)

    def _resources(self) -> list[dict[str, Any]]:
        nodes = [{"type": "node", "node": node, "status": "online"} for node in self.nodes]
        guests = [
            {"type": guest.type, "vmid": guest.vmid, "name": guest.name, "node": guest.node} for guest in self.guests
        ]
        return [*nodes, *guests]


def _entry(backup: Backup) -> dict[str, Any]:
    """As the storage lists it."""
    verification = {None: {}, True: {"verification": {"state": "ok"}}, False: {"verification": {"state": "failed"}}}
    return {
        "volid": backup.volid,
        "vmid": backup.vmid,
        "ctime": backup.ctime,
        "size": backup.size,
        "format": backup.format,
        "subtype": backup.guest_type,
        "protected": int(backup.protected),
        **verification[backup.verified],
    }
