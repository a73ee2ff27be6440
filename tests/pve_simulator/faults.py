# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults to order: of the transport, of guests, of workers, of nodes and storages.

A fault waits until something meets it. Those with ``times`` are used up; those of guests stay until `clear`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pve_simulator.guest_faults import GuestFaults


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
class _RemovalFault:
    """What goes wrong when a backup is removed; ``text`` None: it hangs."""

    volid: re.Pattern[str]
    text: str | None = None


@dataclass
class _Move:
    vmid: int
    node: str
    on: str


class Faults(GuestFaults):
    """The orders of a test. The methods that change the cluster go through the calls given at the start."""

    def __init__(
        self,
        move: Callable[[int, str], None],
        set_online: Callable[[str, bool], None],
        set_storage: Callable[[str, str | None, bool], None],
        fill: Callable[[str], None],
        expire_tickets: Callable[[], None],
    ) -> None:
        super().__init__()
        self._http: list[HttpFault] = []
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
        super().clear()
        with self._lock:
            self._http.clear()
            self._removals.clear()
            self._truncations.clear()
            self._moves.clear()

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
