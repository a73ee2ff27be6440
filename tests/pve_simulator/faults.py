# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults to order: of the transport, of guests, of workers, of nodes and storages.

A fault waits until something meets it. Those with ``times`` are used up; those of guests stay until `clear`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class HttpFault:
    """Something that happens to calls whose method and path match."""

    method: str
    path: re.Pattern[str]
    kind: str  # "answer", "answer-after", "call", "call-after", "drop-before", "drop-after", "slow", "body"
    times: int
    status: int = 0
    reason: str = ""
    message: str | None = None
    seconds: float = 0.0
    raw: bytes = b""
    call: Callable[[], object] | None = None

    def fits(self, method: str, path: str) -> bool:
        """Tell whether the fault is meant for this call."""
        return self.times > 0 and method == self.method and self.path.search(path) is not None


@dataclass
class GuestFault:
    """What goes wrong when a guest is backed up, restored, started or shut down."""

    warning: str | None = None
    failure: str | None = None
    hangs: bool = False
    stays_up: bool = False
    pace: float | None = None
    dies: bool = False
    prune_fails: bool = False
    protect_fails: bool = False
    vanishes: bool = False
    restore_failure: str | None = None
    restore_fails_at: str = ""
    restore_hangs: bool = False
    restore_dies: bool = False
    start_failure: str | None = None
    crashes_after: float | None = None


@dataclass
class _RemovalFault:
    """What goes wrong when a backup is removed; ``text`` None: it hangs."""

    volid: re.Pattern[str]
    text: str | None = None


@dataclass
class _Move:
    vmid: int
    node: str
    on: str


class Faults:
    """The orders of a test. The methods that change the cluster go through the calls given at the start."""

    def __init__(
        self,
        move: Callable[[int, str], None],
        set_online: Callable[[str, bool], None],
        set_storage: Callable[[str, str | None, bool], None],
        fill: Callable[[str], None],
        expire_tickets: Callable[[], None],
    ) -> None:
        self._lock = threading.Lock()
        self._http: list[HttpFault] = []
        self._guests: dict[int, GuestFault] = {}
        self._removals: list[_RemovalFault] = []
        self._truncations: list[int] = []
        self._moves: list[_Move] = []
        self._move = move
        self._set_online = set_online
        self._set_storage = set_storage
        self._fill = fill
        self.expire_tickets = expire_tickets

    def http(
        self,
        method: str,
        path_regex: str,
        status: int,
        reason: str,
        message: str | None = None,
        *,
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Answer with a status in place of the real answer; the call is carried out only with ``after``."""
        kind = "answer-after" if after else "answer"
        self._order(method, path_regex, kind, times, status=status, reason=reason, message=message)

    def before(self, method: str, path_regex: str, call: Callable[[], object], times: int = 1) -> None:
        """Let something happen right before a call is handled: a storage goes away, say, or a guest."""
        self._order(method, path_regex, "call", times, call=call)

    def after(self, method: str, path_regex: str, call: Callable[[], object], times: int = 1) -> None:
        """Let something happen when a call was carried out, before its answer is sent: who asked is killed, say."""
        self._order(method, path_regex, "call-after", times, call=call)

    def drop(self, method: str, path_regex: str, when: str = "before", times: int = 1) -> None:
        """Close the connection without an answer; with ``when="after"`` the call was carried out."""
        if when not in ("before", "after"):
            raise ValueError(f"when is 'before' or 'after', not {when!r}")
        self._order(method, path_regex, f"drop-{when}", times)

    def slow(self, method: str, path_regex: str, seconds: float, times: int = 1) -> None:
        """Answer late; the call itself is carried out at once."""
        self._order(method, path_regex, "slow", times, seconds=seconds)

    def body(self, method: str, path_regex: str, raw: bytes, times: int = 1) -> None:
        """Answer 200 with these bytes; the call is not carried out."""
        self._order(method, path_regex, "body", times, raw=raw)

    def guest_warns(self, vmid: int, text: str) -> None:
        """The backup of the guest logs a warning."""
        self.guest(vmid).warning = text

    def guest_fails(self, vmid: int, text: str) -> None:
        """The backup of the guest fails with this text."""
        self.guest(vmid).failure = text

    def guest_hangs(self, vmid: int) -> None:
        """The backup of the guest stands still until `release`."""
        fault = self.guest(vmid)
        fault.hangs = True

    def shutdown_hangs(self, vmid: int) -> None:
        """The guest does not shut down, whoever asks it to, until `release`."""
        self.guest(vmid).stays_up = True

    def release(self, vmid: int) -> None:
        """Let a guest's backup, restore or shutdown go on."""
        fault = self.guest(vmid)
        fault.hangs = fault.stays_up = fault.restore_hangs = False

    def guest_pace(self, vmid: int, seconds: float) -> None:
        """The backup of the guest takes this long."""
        self.guest(vmid).pace = seconds

    def worker_dies(self, vmid: int) -> None:
        """The worker is killed while this guest is backed up; the guest stays locked."""
        self.guest(vmid).dies = True

    def prune_fails(self, vmid: int) -> None:
        """Removing older backups of the guest fails."""
        self.guest(vmid).prune_fails = True

    def protect_fails(self, vmid: int) -> None:
        """Marking the guest's backup as protected fails."""
        self.guest(vmid).protect_fails = True

    def archive_vanishes(self, vmid: int) -> None:
        """The log says Finished, and nothing is on the storage."""
        self.guest(vmid).vanishes = True

    def restore_fails(self, vmid: int, text: str, at: str = "extract") -> None:
        """A restore onto this id fails with the text.

        ``begin``: before anything was changed; ``extract``: when part of the content is there and what was before is
        gone; ``end``: when all of the content is there and the configuration is not.
        """
        if at not in ("begin", "extract", "end"):
            raise ValueError(f"at is 'begin', 'extract' or 'end', not {at!r}")
        fault = self.guest(vmid)
        fault.restore_failure, fault.restore_fails_at = text, at

    def restore_hangs(self, vmid: int) -> None:
        """A restore onto this id stands still in the middle of the content, until `release`."""
        self.guest(vmid).restore_hangs = True

    def restore_dies(self, vmid: int) -> None:
        """The worker is killed in the middle of the content: the id stays locked, what was there before is gone."""
        self.guest(vmid).restore_dies = True

    def start_fails(self, vmid: int, text: str) -> None:
        """The guest cannot be started: the task ends with the text."""
        self.guest(vmid).start_failure = text

    def guest_crashes(self, vmid: int, after: float = 0.0) -> None:
        """The guest is down again so many seconds after it was started; the task that started it says OK."""
        self.guest(vmid).crashes_after = after

    def removal_fails(self, volid_regex: str, text: str = "unlink failed - Permission denied") -> None:
        """Backups whose volid matches cannot be removed: the task ``imgdel`` ends with the text, pruning logs it."""
        with self._lock:
            self._removals.append(_RemovalFault(re.compile(volid_regex), text))

    def removal_hangs(self, volid_regex: str) -> None:
        """The removal of backups whose volid matches stands still until `release_removals`."""
        with self._lock:
            self._removals.append(_RemovalFault(re.compile(volid_regex)))

    def release_removals(self) -> None:
        """Let removals go on."""
        with self._lock:
            self._removals = [fault for fault in self._removals if fault.text is not None]

    def truncate_log(self, lines: int, times: int = 1) -> None:
        """The log of the next task to end loses everything after its first lines."""
        with self._lock:
            self._truncations += [lines] * times

    def move_guest(self, vmid: int, to_node: str, on: str = "vzdump") -> None:
        """The guest moves to another node right before a call is handled (``vzdump``: the POST that starts one)."""
        with self._lock:
            self._moves.append(_Move(vmid, to_node, on))

    def node_offline(self, node: str) -> None:
        """The node is switched off."""
        self._set_online(node, False)

    def node_online(self, node: str) -> None:
        """The node is back."""
        self._set_online(node, True)

    def storage_offline(self, storage: str, node: str | None = None) -> None:
        """The storage cannot be reached, from one node or from all."""
        self._set_storage(storage, node, False)

    def storage_online(self, storage: str, node: str | None = None) -> None:
        """The storage can be reached again."""
        self._set_storage(storage, node, True)

    def storage_full(self, storage: str) -> None:
        """No byte more fits on the storage."""
        self._fill(storage)

    def clear(self) -> None:
        """Forget the faults of transport, guests, removals and logs; nodes and storages stay as they are."""
        with self._lock:
            for fault in self._guests.values():
                fault.hangs = fault.stays_up = fault.restore_hangs = (
                    False  # whoever stands still there does not look here again
                )
            self._http.clear()
            self._guests.clear()
            self._removals.clear()
            self._truncations.clear()
            self._moves.clear()

    def guest(self, vmid: int) -> GuestFault:
        """The faults of a guest, to read or to change."""
        with self._lock:
            return self._guests.setdefault(vmid, GuestFault())

    def meet(self, method: str, path: str) -> HttpFault | None:
        """The fault that this call meets, used up by one."""
        with self._lock:
            for fault in self._http:
                if fault.fits(method, path):
                    fault.times -= 1
                    return fault
        return None

    def removal_held(self, volid: str) -> bool:
        """Tell whether the removal of this backup stands still."""
        with self._lock:
            return any(fault.text is None and fault.volid.search(volid) for fault in self._removals)

    def removal_failure(self, volid: str) -> str | None:
        """Why the removal of this backup fails, or None."""
        with self._lock:
            found = (fault.text for fault in self._removals if fault.text is not None and fault.volid.search(volid))
            return next(found, None)

    def meet_truncation(self) -> int | None:
        """After how many lines the log of a task that ends now is cut off."""
        with self._lock:
            return self._truncations.pop(0) if self._truncations else None

    def meet_moves(self, on: str) -> None:
        """Carry out the moves that wait for this event."""
        with self._lock:
            due = [move for move in self._moves if move.on == on]
            self._moves = [move for move in self._moves if move.on != on]
        for move in due:
            self._move(move.vmid, move.node)

    def _order(
        self,
        method: str,
        path_regex: str,
        kind: str,
        times: int,
        *,
        status: int = 0,
        reason: str = "",
        message: str | None = None,
        seconds: float = 0.0,
        raw: bytes = b"",
        call: Callable[[], object] | None = None,
    ) -> None:
        pattern = re.compile(path_regex)
        fault = HttpFault(method.upper(), pattern, kind, times, status, reason, message, seconds, raw, call)
        with self._lock:
            self._http.append(fault)
