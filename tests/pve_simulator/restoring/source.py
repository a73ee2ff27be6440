# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive that a restore reads: found by its volid, or by root by its path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pve_simulator.access.acl import ROOT
from pve_simulator.archives import extraction
from pve_simulator.errors import Died, Forbidden
from pve_simulator.storage import availability, encryption
from pve_simulator.storage.archive_names import ArchiveName
from pve_simulator.storage.backups import Backup
from pve_simulator.storage.layout import shown_dump
from pve_simulator.world import World

_VOLID = re.compile(r"^([a-z][a-z0-9\-_.]*[a-z0-9]):([^/]+)/(.+)$", re.IGNORECASE)


@dataclass(frozen=True)
class Source:
    """An archive as a call names it. Whether it is there is asked when it is needed."""

    world: World
    node: str
    given: str
    storage: str
    name: ArchiveName

    @property
    def volid(self) -> str:
        """Its name on its storage."""
        return f"{self.storage}:backup/{self.name.name}"

    @property
    def server(self) -> bool:
        """Tell whether it lies on a backup server."""
        return self.world.cluster.storages[self.storage].type == "pbs"

    @property
    def shown(self) -> str:
        """Its path as logs name it."""
        return f"{shown_dump(self.world.cluster.storages[self.storage])}/{self.name.name}"

    @property
    def compression(self) -> str:
        """``zst``, ``gz``, ``lzo`` or nothing."""
        last = self.name.format.rsplit(".", 1)[-1]
        return {"tgz": "gz"}.get(last, last if last in ("zst", "gz", "lzo", "bz2") else "")

    def path(self) -> Path:
        """Where its bytes lie. Raises `Died` when it is not there, or its storage is away."""
        return self._found().path

    def configuration(self, kind: str) -> str:
        """The configuration of a guest of this kind in it.

        Raises `Died`, `MissingKey` when it is encrypted and there is no key, `BrokenArchive` when there is none.
        """
        found = self._found()
        encryption.check_readable(self.world.cluster.storages[self.storage], found)
        if self.name.subtype not in (kind, "unknown"):
            raise extraction.BrokenArchive(f"{self.name.name} is of the other kind")
        return extraction.configuration(found.path)

    def _found(self) -> Backup:
        availability.active(self.world.cluster, self.storage, self.node)
        found = self.world.backups(self.storage, self.node).find(self.name.name)
        if found is None:
            raise Died(f"volume '{self.given}' does not exist")
        return found


def find(world: World, identity: str, node: str, vmid: int, given: str) -> Source:
    """The archive, for those who may read it: PVE::Storage::check_volume_access with content type backup.

    The owner of the id that is restored to needs no more rights on the id's own backups. Raises `Died`, `Forbidden`.
    """
    volid = given if _VOLID.match(given) else _of_path(world, identity, given)
    match = _VOLID.match(volid)
    if match is None:
        raise Died(f"unable to parse volume ID '{volid}'")
    availability.configured(world.cluster, match[1])
    if match[2] != "backup":
        raise Died(f"unable to use volume {volid} - content type needs to be 'backup'")
    folder = world.backups(match[1], node)
    name = folder.parse(match[3])
    if name is None:
        raise Died(f"unable to parse {'PBS' if folder.server else 'directory'} volume name '{match[2]}/{match[3]}'")
    _check_access(world, identity, match[1], name, vmid)
    return Source(world, node, given, match[1], name)


def _check_access(world: World, identity: str, storage: str, name: ArchiveName, vmid: int) -> None:
    path = f"/storage/{storage}"
    if world.rights.has(identity, path, "Datastore.Allocate") or name.vmid == vmid:
        return
    if name.vmid is None:
        raise Forbidden(f"{path}, Datastore.Allocate")
    world.rights.check(identity, path, "Datastore.AllocateSpace")
    world.rights.check(identity, f"/vms/{name.vmid}", "VM.Backup")


def _of_path(world: World, identity: str, given: str) -> str:
    """The volid of a path that root may name in its place (recorded: 08_restore_lxc)."""
    if identity != ROOT:
        where = f"/usr/share/perl5/PVE/Storage.pm line {world.version.paths_refused_at}"
        raise Died(f"Only root can pass arbitrary filesystem paths. at {where}.")
    for storage in world.cluster.storages.values():
        folder = f"{shown_dump(storage)}/"
        if given.startswith(folder):
            return f"{storage.name}:backup/{given[len(folder) :]}"
    raise Died(f"file '{given}' does not exist")
