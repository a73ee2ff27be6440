# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a backup goes: a storage, or root's folder in its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pve_simulator.errors import Died, WorkerError
from pve_simulator.state.model import Storage
from pve_simulator.storage import availability
from pve_simulator.storage.backups import BackupFolder
from pve_simulator.storage.layout import shown_dump
from pve_simulator.vzdump.options import Options
from pve_simulator.world import World

_PLAIN_FOLDERS = ("/", "/tmp", "/var/tmp", "/root")


@dataclass(frozen=True)
class Target:
    """The backups' folder, how logs call it, and the storage (None for a folder of root's choice)."""

    folder: BackupFolder
    shown: str
    storage: Storage | None


def find(world: World, node: str, options: Options) -> Target:
    """The target of a job. Raises `WorkerError` with the texts of PVE::VZDump (recorded: 05_vzdump_errors)."""
    if options.dumpdir is not None:
        if options.storage is not None:
            raise WorkerError("cannot use options 'storage' and 'dumpdir' at the same time")
        return _plain_folder(world, node, options.dumpdir)
    name = options.storage or ""
    with world.changed:
        errors = []
        try:
            availability.active(world.cluster, name, node)
        except Died as error:
            errors.append(f"could not activate storage '{name}': {error.text}")
        storage = world.cluster.storages.get(name)
        if storage is None:
            errors.append(f"could not get storage information for '{name}': storage '{name}' does not exist")
        elif "backup" not in storage.content:
            errors.append(
                f"could not get storage information for '{name}': "
                f"can't use storage '{name}' for backups - wrong content type"
            )
    if errors or storage is None:
        raise WorkerError(" ".join(errors))
    shown = "" if storage.type == "pbs" else shown_dump(storage)
    return Target(world.backups(name, node), shown, storage)


def _plain_folder(world: World, node: str, path: str) -> Target:
    for storage in world.cluster.storages.values():
        if shown_dump(storage) == path.rstrip("/") and storage.reaches(node):
            return Target(world.backups(storage.name, node), path.rstrip("/"), None)
    if path.rstrip("/") not in _PLAIN_FOLDERS and path != "/":
        raise WorkerError(f"dumpdir '{path}' does not exist")
    outside = Path(world.layout.folder / "nodes" / node / "outside" / path.strip("/"))
    storage = Storage("outside", "dir", ["backup"], path)
    return Target(BackupFolder(storage, outside, world.zone(node)), path.rstrip("/"), None)
