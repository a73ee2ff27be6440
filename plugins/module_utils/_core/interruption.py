# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Being asked to end before the work is done. Private to this collection."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PAIR = 0.3
"""Seconds within which a second signal belongs to the first: a terminal that goes away, or systemd, sends two."""
SLICE = 0.2
"""Seconds after which a sleeper looks whether the run is to end."""


class Interruption:
    """Whether the run is to end, and why. May be asked and waited for from any thread.

    ``probe`` is asked now and then for a reason that nobody sends: that the reader of the result is gone, say.
    Nothing here takes a lock: a signal's handler may run while the same thread is in the middle of any of it.
    """

    def __init__(self, probe: Callable[[], str | None] | None = None) -> None:
        self._probe = probe
        self._asked_at = 0.0
        self.reason = ""

    @property
    def requested(self) -> bool:
        """Whether the run is to end."""
        if not self.reason and self._probe is not None:
            self.request(self._probe() or "")
        return bool(self.reason)

    def request(self, reason: str) -> None:
        """Ask the run to end; the first reason is kept."""
        self.reason = self.reason or reason

    def sleep(self, seconds: float) -> None:
        """Sleep until then, or until the run is asked to end; after that, which takes its time too, as long as said."""
        end = time.monotonic() + seconds
        asked_before = bool(self.reason)
        while asked_before or not self.reason:
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, SLICE))

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGINT, SIGTERM and SIGHUP ask for the end; one that comes later ends the process at once.

        A signal that was ignored stays so (nohup). Only the main thread can do this; in others nothing is changed.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        caught = [number for number in SIGNALS if before[number] not in (signal.SIG_IGN, None)]

        def ask(number: int, _frame: FrameType | None) -> None:
            if not self.reason:
                self._asked_at = time.monotonic()
                self.request(f"it got {signal.Signals(number).name}")
            elif time.monotonic() - self._asked_at > PAIR:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)

        for number in caught:
            signal.signal(number, ask)
        try:
            yield
        finally:
            for number in caught:
                signal.signal(number, before[number])


def reader_gone(descriptor: int = 1) -> str | None:
    """Why nobody will read what is written to a pipe; None while somebody may, and where it is no pipe.

    ansible-playbook reads a module's result from a pipe; when it is killed, the module lives on.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    gone = any(events & (select.POLLERR | select.POLLHUP) for _descriptor, events in poll.poll(0))
    return "nobody reads its result any more: ansible-playbook is gone" if gone else None
