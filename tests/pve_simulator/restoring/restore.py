# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What restores of containers and VMs share: the worker's life, faults, rates, room, pools and the start afterwards."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from pve_simulator.access.acl import ROOT
from pve_simulator.errors import ApiError, Interrupted, WorkerDied, WorkerError
from pve_simulator.guests import changes, configuration, content, parsing
from pve_simulator.guests.power import Start
from pve_simulator.restoring.source import Source
from pve_simulator.state.model import Guest, Resource, Storage, Volume
from pve_simulator.storage import availability, figures, room
from pve_simulator.tasks.worker import Worker
from pve_simulator.world import World

_STEP = 0.02


class NoRoom(Exception):
    """The storage became full while content was written."""


@dataclass(frozen=True)
class Wish:
    """What the call asks for, beside the archive. ``overrides`` are options of the configuration."""

    vmid: int
    identity: str
    existed: bool
    storage: str | None
    unique: bool = False
    pool: str | None = None
    bwlimit: float = 0.0
    start: bool = False
    ha_managed: bool = False
    live: bool = False
    ignore_errors: bool = False
    overrides: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> bool:
        """Tell whether the superuser asks (a token of his is not he)."""
        return self.identity == ROOT


class Restore(ABC):
    """One restore, as a task. The guest is there from the start of the task, locked with ``create``."""

    def __init__(self, world: World, node: str, source: Source, wish: Wish) -> None:
        self.world = world
        self.node = node
        self.source = source
        self.wish = wish
        self.vmid = wish.vmid
        self.fault = world.faults.guest(wish.vmid)
        self.folder = world.layout.guest(wish.vmid)
        self._met = False
        self._left: dict[str, int] = {}

    @abstractmethod
    def run(self, worker: Worker) -> None:
        """Carry it out. Raises `WorkerError` with what the task ends with."""

    @property
    def guest(self) -> Guest:
        """The guest as it is now."""
        return self.world.cluster.guests[self.vmid]

    def archived(self, text: str, kind: str) -> parsing.Archived:
        """The configuration in the archive, once the caller may use what it names."""
        found = parsing.read(text, kind)
        self._check_bridges(found, kind)
        return found

    def meet(self, worker: Worker, at: str) -> None:
        """Have happen what a test ordered for this moment."""
        if self.fault.restore_failure is not None and self.fault.restore_fails_at == at:
            raise WorkerError(self.fault.restore_failure)
        if at == "extract" and self.fault.restore_dies:
            raise WorkerDied
        if at != "extract" or self._met:
            return
        self._met = True
        if self.fault.restore_warning is not None:
            worker.warnings += 1
            worker.write(f"WARN: {self.fault.restore_warning}")
        deadline = time.monotonic() + (self.fault.pace if self.fault.pace is not None else self.world.pace)
        while self.fault.restore_hangs or time.monotonic() < deadline:
            self.alive(worker)
            worker.pause(min(_STEP, max(0.001, deadline - time.monotonic())) if not self.fault.restore_hangs else _STEP)

    def alive(self, worker: Worker) -> None:
        """Raise what a signal leads to, and `WorkerDied` when the node is gone."""
        worker.check_signals()
        if not self.world.cluster.nodes[self.node].online:
            raise WorkerDied

    def spend(self, worker: Worker, volume: Volume, size: int) -> None:
        """Take the time and the room that so many bytes of a volume take. Raises `NoRoom`."""
        self.alive(worker)
        storage = self.world.cluster.storages[volume.storage]
        if not room.thick(storage):
            if volume.storage not in self._left:
                self._left[volume.storage] = storage.capacity - figures.used_space(self.world, storage, self.node)
            self._left[volume.storage] -= size
            if self._left[volume.storage] < 0 or storage.full:
                raise NoRoom
        if self.wish.bwlimit:
            worker.pause(size / (self.wish.bwlimit * 1024))

    def allocate(self, guest: Guest, volumes: list[Volume]) -> None:
        """Give new volumes their numbers and their room. Raises `WorkerError` where there is none (not recorded)."""
        taken = [*guest.volumes, *guest.orphans]
        for volume in volumes:
            storage = self.world.cluster.storages[volume.storage]
            left = storage.capacity - figures.used_space(self.world, storage, self.node)
            asked = sum(other.size for other in volumes if other.storage == volume.storage)
            if room.thick(storage) and asked > left:
                name = f"vm-{guest.vmid}-disk-{configuration.free_number(volume.storage, taken)}"
                text = f'Volume group "{storage.name}" has insufficient free space'
                raise WorkerError(f"lvcreate '{storage.name}/{name}' error: {text}")
            if left <= 0:
                raise WorkerError("unable to create image: No space left on device")
            volume.number = configuration.free_number(volume.storage, taken)
            taken.append(volume)

    def finish(self, settings: parsing.Archived, volumes: list[Volume]) -> None:
        """Write the new configuration, with what the call wants otherwise, and take the lock away."""
        with self.world.changed:
            guest = self.guest
            changes.fill(guest, settings.settings, self.world.version)
            guest.description = settings.description
            guest.options.update(settings.mounts)
            for key, value in self.wish.overrides.items():
                changes.assign(guest, key, value)
            guest.volumes = volumes
            guest.snapshots = []
            guest.running = False
            guest.lock = None
            if self.wish.pool is not None:
                guest.pool = self.wish.pool
            if self.wish.ha_managed:
                sid = f"{'ct' if guest.kind == 'lxc' else 'vm'}:{self.vmid}"
                self.world.cluster.resources[sid] = Resource(sid)
            self.world.touch()

    def start_if_wanted(self) -> None:
        """Start the guest in a task of its own, whose failure is no failure of this one."""
        if self.wish.start:
            start = Start(self.world, self.vmid)
            kind = "vzstart" if self.guest.kind == "lxc" else "qmstart"
            self.world.start_task(self.node, kind, str(self.vmid), self.wish.identity, start.run)

    def target(self, name: str) -> Storage:
        """A storage that is there and answers. Raises `Died`."""
        return availability.active(self.world.cluster, name, self.node)

    def vanish(self) -> None:
        """Take the guest and everything in it away."""
        with self.world.changed:
            self.world.cluster.guests.pop(self.vmid, None)
            content.clear(self.folder)
            self.world.touch()

    def _check_bridges(self, found: parsing.Archived, kind: str) -> None:
        if self.wish.root:
            return
        for key, value in sorted(found.settings.items()):
            if not key.startswith("net") or not key[3:].isdigit():
                continue
            bridge = parsing.uses_bridge(value)
            if bridge is None and kind == "qemu":
                raise WorkerError("no sdn vnet ID specified")
            if bridge is not None:
                self.world.rights.check(self.wish.identity, f"/sdn/zones/localnetwork/{bridge}", "SDN.Use")


def in_words(error: ApiError | WorkerError) -> str:
    """An error inside a task: a plain one has its text only, others their status before it (recorded: v9/08)."""
    if isinstance(error, Interrupted):
        return "received interrupt"
    if not isinstance(error, ApiError):
        return str(error)
    text = error.message.rstrip("\n")
    return text if error.status == 500 else f"{error.status} {text}"
