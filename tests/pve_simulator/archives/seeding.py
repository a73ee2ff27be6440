# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups that lie there from the beginning of a test."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from pve_simulator.archives import compression, guest_archive
from pve_simulator.state.model import Guest, Storage
from pve_simulator.storage import archive_names
from pve_simulator.storage.backups import BackupFolder
from pve_simulator.storage.layout import Layout


@dataclass(frozen=True)
class Seed:
    """When the backup was made, what is said of it, and a name that is not vzdump's."""

    epoch: float
    notes: str | None
    protected: bool
    facts: dict[str, Any]
    name: str | None
    compress: str
    bare: bool  # a file of the size that `facts` name, with nothing in it


def add(folder: BackupFolder, guest: Guest, storages: dict[str, Storage], layout: Layout, seed: Seed) -> str:
    """Write a backup; the answer is its volid."""
    name = seed.name or _name(folder, guest, seed)
    path = folder.file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    facts = dict(seed.facts)
    if seed.bare:
        with path.open("wb") as raw:
            raw.truncate(facts.pop("size"))
    else:
        with path.open("wb") as raw, compression.writer(raw, seed.compress) as stream:
            guest_archive.write(stream, guest, storages, layout)
    os.utime(path, (seed.epoch, seed.epoch))
    if seed.notes is not None:
        folder.set_notes(name, seed.notes)
    if seed.protected:
        folder.set_protected(name, True)
    if facts:
        folder.set_simulated(name, facts)
    return f"{folder.storage.name}:backup/{name}"


def _name(folder: BackupFolder, guest: Guest, seed: Seed) -> str:
    if folder.server:
        return archive_names.snapshot_name(guest.kind, guest.vmid, seed.epoch)
    return archive_names.file_name(guest.kind, guest.vmid, seed.epoch, seed.compress, folder.zone)
