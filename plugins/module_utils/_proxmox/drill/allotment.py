# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the drills of a run share out among themselves: ids, memory and room, so that they don't take each other's.

Private to this collection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client, path_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import DrillWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer, PermissionDenied
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import exists
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.refusals import NoRoom
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.surroundings import Surroundings

Planned = TypeVar("Planned")
MIB = 1 << 20
_PATIENCE = 0.5
"""Seconds after which a drill that waits for another's end looks whether the run is to end."""


@dataclass(frozen=True)
class Share:
    """What one drill takes: ``memory`` in MiB of a node, ``room`` in bytes by storage, and its first id."""

    node: str
    memory: int
    room: Mapping[str, int]
    vmid: int


@dataclass
class Allotment:
    """Ids, memory and room of one run. From any thread."""

    client: Client
    around: Surroundings
    wish: DrillWish
    interruption: Interruption
    _free: dict[str, int] = field(default_factory=dict)
    _held: dict[str, int] = field(default_factory=dict)
    _ids: set[int] = field(default_factory=set)
    _active: int = 0
    _ended: int = 0
    _change: threading.Condition = field(default_factory=threading.Condition)

    def planned(self, plan: Callable[[], Planned], share: Callable[[Planned], Share]) -> tuple[Planned, Share]:
        """``plan`` a drill and take its share; where other drills have the room, wait until one has ended.

        :raises InputError: when it can't be done, whoever else has ended.
        """
        with self._change:
            while True:
                try:
                    found = plan()
                    taken = share(found)
                    self._take(taken)
                except NoRoom:
                    if not self._wait():
                        raise
                else:
                    return found, taken

    def _wait(self) -> bool:
        """Until another drill has ended; False where none is left to wait for, or the run is to end."""
        ended = self._ended
        while self._active and self._ended == ended and not self.interruption.requested:
            self._change.wait(_PATIENCE)
        return self._ended != ended and not self.interruption.requested

    def release(self, share: Share, used: int | None = None) -> None:
        """Give back what a drill had, and the id that it ``used``, once nothing of it is left."""
        with self._change:
            self._ids -= {share.vmid, used}
            self._held[share.node] = self._held.get(share.node, 0) - share.memory
            if not self._held[share.node]:
                self._free.pop(share.node, None)  # the node is asked again: what others took meanwhile counts
            self.around.reserve(share.node, {name: -size for name, size in share.room.items()})
            self._over()

    def keep(self) -> None:
        """A drill has ended and its copy has not: what it had stays taken."""
        with self._change:
            self._over()

    def _over(self) -> None:
        self._active -= 1
        self._ended += 1
        if not self._active:  # what is there now, a copy that stays too, the nodes tell themselves
            self.around.forget_storages()
            self._free.clear()
            self._held.clear()
        self._change.notify_all()

    def next_id(self) -> int:
        """A free id of the range that no other drill of this run was given.

        :raises NoRoom: when there is none.
        """
        guests = self.around.observation.cluster.guests
        for vmid in range(self.wish.low, self.wish.high + 1):
            if vmid not in guests and vmid not in self._ids and not exists(self.client, vmid):
                return vmid
        span = f"{self.wish.low}-{self.wish.high}"
        raise NoRoom(f"scratch_range: every id of {span} is taken; make it larger, or remove what is not needed there.")

    def leave(self, vmid: int) -> None:
        """Somebody else has taken an id since it was free."""
        with self._change:
            self._ids.add(vmid)

    def ids(self, first: int) -> Iterator[int]:
        """Ids to try: the one that was planned with, and others of the range should somebody else take it."""
        yield first
        while True:
            with self._change:
                try:
                    vmid = self.next_id()
                except NoRoom:
                    return
                self._ids.add(vmid)
            yield vmid

    def _take(self, share: Share) -> None:
        self._check_memory(share)
        self._held[share.node] = self._held.get(share.node, 0) + share.memory
        self.around.reserve(share.node, share.room)
        self._ids.add(share.vmid)
        self._active += 1

    def _check_memory(self, share: Share) -> None:
        if not share.memory or not self.wish.check_memory:
            return
        if share.node not in self._free:
            self._free[share.node] = self._asked(share.node)
        left = self._free[share.node] - self._held.get(share.node, 0) - self.wish.free_memory
        if share.memory > left:
            raise NoRoom(
                f"it needs {share.memory} MiB of memory, and node {share.node} has {max(0, left)} MiB for it "
                f"({self.wish.free_memory} MiB are left to the node); lower it by memory, or take another target_node."
            )

    def _asked(self, node: str) -> int:
        """The free memory of a node in MiB. Needs Sys.Audit on it."""
        try:
            answer = self.client.get(path_of("nodes", node, "status"))
        except PermissionDenied as failure:
            raise InputError(
                f"whether node {node} has the memory can't be seen; grant Sys.Audit on /nodes/{node}, or set "
                "check_memory to false."
            ) from failure
        memory = answer.get("memory") if isinstance(answer, Mapping) else None
        if not isinstance(memory, Mapping):
            raise BadAnswer(f"The state of node {node} tells no memory.")
        return whole_number(memory.get("available") or memory.get("free")) // MIB
