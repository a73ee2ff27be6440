# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A made-up cluster of any size: guests on nodes, and what its storages list, as Proxmox writes it.

The entries have the keys and the notes of recorded ones (03_storage, 06_prune; those of a backup server follow the
reference). Of ten backups of a guest seven are on a shared storage, two on a backup server and one on the node's own
storage. Every second guest of a node has a backup that is younger than a day.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import NodeStorages, Place

NOW = 1795177597
"""2026-11-20 12:26:37 UTC, the time of the first recorded backup."""
HOUR = 3600
DAY = 24 * HOUR
GIB = 1 << 30
PER_GUEST = 10

_RIGHTS = {
    "/": {},
    "/access": {},
    "/nodes": {"Sys.Audit": True},
    "/pool": {},
    "/storage": {"Datastore.Audit": True, "Datastore.AllocateSpace": True},
    "/vms": {"VM.Audit": True, "VM.Backup": True},
}


@dataclass(frozen=True)
class Shelf:
    """A storage as it is listed: by which node, and whether it is the same on all."""

    storage: str
    node: str
    shared: bool


@dataclass(frozen=True)
class Fleet:
    """Guests spread evenly over nodes."""

    guests: int
    nodes: int

    @property
    def archives(self) -> int:
        """How many backups there are."""
        return self.guests * PER_GUEST

    @property
    def names(self) -> list[str]:
        """The nodes."""
        return [f"pve{number:02}" for number in range(1, self.nodes + 1)]

    @property
    def shelves(self) -> list[Shelf]:
        """Everything that has to be listed."""
        first = self.names[0]
        return [
            Shelf("vault", first, True),
            Shelf("depot", first, True),
            *(Shelf("local", node, False) for node in self.names),
        ]

    @cached_property
    def members(self) -> list[Guest]:
        """The guests."""
        return [self._guest(index) for index in range(self.guests)]

    def _guest(self, index: int) -> Guest:
        vmid, kind = 1000 + index, "qemu" if index % 3 == 0 else "lxc"
        tags = frozenset(("prod", "web") if index % 2 else ("dev",))
        return Guest(vmid, f"guest{index:05}", self.names[index % self.nodes], kind, tags, None, None)

    def observation(self) -> Observation:
        """What is seen of the cluster before its storages are listed."""
        guests = {guest.vmid: guest for guest in self.members}
        cluster = Cluster(dict.fromkeys(self.names, True), guests, frozenset())
        return Observation(
            cluster,
            Permissions(_RIGHTS),
            tuple(NodeStorages(node, _places(node), None, float(NOW), float(NOW)) for node in self.names),
            (),
            float(NOW),
            dict.fromkeys(self.names, 0.0),
            0.0,
        )

    def write(self, folder: Path) -> None:
        """Put the answers of the storages into files, one a shelf."""
        for shelf in self.shelves:
            (folder / _file(shelf)).write_text(_answer(self._entries(shelf)), encoding="utf-8")

    def read(self, folder: Path) -> Iterator[tuple[Shelf, bytes]]:
        """Each shelf and its answer; one after the other, so that no more than one need be in memory."""
        for shelf in self.shelves:
            yield shelf, (folder / _file(shelf)).read_bytes()

    def _entries(self, shelf: Shelf) -> Iterator[dict[str, Any]]:
        which = {"vault": range(7), "depot": range(7, 9), "local": range(9, PER_GUEST)}[shelf.storage]
        for index, guest in enumerate(self.members):
            if shelf.shared or guest.node == shelf.node:
                newest = 30 * HOUR if index // self.nodes % 2 == 0 else 6 * HOUR
                for number in which:
                    yield _entry(shelf.storage, guest, NOW - newest - number * DAY - index % HOUR, number)


def _entry(storage: str, guest: Guest, ctime: int, number: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"content": "backup", "ctime": ctime, "size": 1_987_004 + guest.vmid * 1_048_583}
    if number % 5:
        entry["notes"] = f"{guest.name} on {guest.node} ({guest.vmid})"
    if number == 4:
        entry["protected"] = 1
    entry.update(vmid=guest.vmid, subtype=guest.type)
    when = time.gmtime(ctime)
    if storage == "depot":
        kind = "vm" if guest.type == "qemu" else "ct"
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", when)
        upid = f"UPID:pbs:000003E8:00002710:00000001:{ctime:08X}:verify:depot:root@pam:"
        entry.update(volid=f"depot:backup/{kind}/{guest.vmid}/{stamp}", format=f"pbs-{kind}")
        entry["verification"] = {"state": "ok", "upid": upid}
    else:
        form = "vma.zst" if guest.type == "qemu" else "tar.zst"
        stamp = time.strftime("%Y_%m_%d-%H_%M_%S", when)
        entry.update(volid=f"{storage}:backup/vzdump-{guest.type}-{guest.vmid}-{stamp}.{form}", format=form)
    return entry


def _answer(entries: Iterable[dict[str, Any]]) -> str:
    return json.dumps({"data": list(entries)}, separators=(",", ":"))


def _places(node: str) -> tuple[Place, ...]:
    room = 1 << 50
    return (
        Place("depot", node, "pbs", True, True, room, room),
        Place("local", node, "dir", False, True, room, room),
        Place("vault", node, "nfs", True, True, room, room),
    )


def _file(shelf: Shelf) -> str:
    return f"{shelf.storage}-{shelf.node}.json"
