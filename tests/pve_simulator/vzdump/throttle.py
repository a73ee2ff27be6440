# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stream an archive goes through: it counts, takes its time, notices signals and the end of the room."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from pve_simulator.tasks.worker import Worker

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_CHUNK = 16 << 10


class NoSpace(Exception):
    """The storage is full."""


class Throttle(io.RawIOBase):
    """Passes bytes on in chunks. ``rate`` is in bytes a second, 0 for no limit; ``room`` is what still fits."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        worker: Worker,
        rate: float,
        room: int | None,
        flush: Callable[[], object] | None = None,
    ) -> None:
        super().__init__()
        self._target = write
        self._flush = flush
        self._worker = worker
        self._rate = rate
        self._room = room
        self.count = 0

    def writable(self) -> bool:
        """Bytes go in here."""
        return True

    def flush(self) -> None:
        """Let what was written so far go out."""
        if self._flush is not None:
            self._flush()

    def close(self) -> None:
        """Be done; the target may be closed already, and is not touched."""
        self._flush = None
        super().close()

    def write(self, data: ReadableBuffer, /) -> int:
        """Pass bytes on. Raises `NoSpace`, and what the worker raises for signals."""
        view = bytes(data)
        for start in range(0, len(view), _CHUNK):
            chunk = view[start : start + _CHUNK]
            self._worker.check_signals()
            if self._room is not None and self.count + len(chunk) > self._room:
                raise NoSpace
            self._target(chunk)
            self.count += len(chunk)
            if self._rate:
                self._worker.pause(len(chunk) / self._rate)
        return len(view)
