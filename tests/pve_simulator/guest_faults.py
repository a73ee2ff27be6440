# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults of guests: what goes wrong when one is backed up, restored, started, asked, shut down or destroyed."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass
class GuestFault:
    """What goes wrong with a guest."""

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
    restore_warning: str | None = None
    start_failure: str | None = None
    crashes_after: float | None = None
    stop_hangs: bool = False
    destroy_hangs: bool = False
    destroy_failure: str | None = None
    boot_hangs: bool = False
    agent_hangs: bool = False
    exec_disabled: bool = False
    lie: str | None = None
    qmpstatus: str | None = None

    def let_go(self) -> None:
        """End what stands still."""
        self.hangs = self.stays_up = self.restore_hangs = self.stop_hangs = self.destroy_hangs = False
        self.boot_hangs = self.agent_hangs = False


class GuestFaults:
    """The orders of a test for guests; they stay until `clear`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._guests: dict[int, GuestFault] = {}

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
        """Let go on what stands still: a guest's backup, restore, shutdown, stop, destruction, boot or agent."""
        self.guest(vmid).let_go()

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

    def restore_warns(self, vmid: int, text: str) -> None:
        """A restore onto this id logs a warning, and ends with ``WARNINGS: 1``."""
        self.guest(vmid).restore_warning = text

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

    def stop_hangs(self, vmid: int) -> None:
        """The task that stops the guest does not end, and the guest runs on, until `release`."""
        self.guest(vmid).stop_hangs = True

    def destroy_hangs(self, vmid: int) -> None:
        """The task that destroys the guest does not end, and the guest stays, until `release`."""
        self.guest(vmid).destroy_hangs = True

    def destroy_fails(self, vmid: int, text: str) -> None:
        """The task that destroys the guest ends with the text, and the guest stays."""
        self.guest(vmid).destroy_failure = text

    def boot_hangs(self, vmid: int) -> None:
        """The VM runs, and its agent never comes up, until `release`."""
        self.guest(vmid).boot_hangs = True

    def agent_hangs(self, vmid: int) -> None:
        """Every call to the VM's agent ends with a timeout (which comes at once here), until `release`."""
        self.guest(vmid).agent_hangs = True

    def agent_lies(self, vmid: int, out: str) -> None:
        """Whatever the VM's agent is to run, it says that it wrote this, and that all went well."""
        self.guest(vmid).lie = out

    def exec_disabled(self, vmid: int) -> None:
        """The VM's agent answers, and runs no commands."""
        self.guest(vmid).exec_disabled = True

    def guest_paused(self, vmid: int, qmpstatus: str = "io-error") -> None:
        """The VM counts as running, and stands still: QEMU says why, and the agent does not answer."""
        self.guest(vmid).qmpstatus = qmpstatus

    def guest(self, vmid: int) -> GuestFault:
        """The faults of a guest, to read or to change."""
        with self._lock:
            return self._guests.setdefault(vmid, GuestFault())

    def clear(self) -> None:
        """Forget them, and let go on what stands still."""
        with self._lock:
            for fault in self._guests.values():  # whoever stands still there does not look here again
                fault.let_go()
            self._guests.clear()
