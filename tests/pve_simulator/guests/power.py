# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting, stopping and shutting down guests (recorded: 11_qemu for VMs that have no operating system)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pve_simulator.errors import Interrupted, WorkerError
from pve_simulator.guests import figures, parsing
from pve_simulator.state.model import Guest
from pve_simulator.tasks.worker import Worker
from pve_simulator.world import World

_STEP = 0.02


@dataclass(frozen=True)
class Start:
    """The task that starts a guest."""

    world: World
    vmid: int

    def run(self, worker: Worker) -> None:
        """Start it, if nothing is in the way. Raises `WorkerError`."""
        guest = _guest(self.world, self.vmid)
        word = "CT" if guest.kind == "lxc" else "VM"
        fault = self.world.faults.guest(self.vmid)
        with self.world.changed:
            if guest.lock is not None:
                raise WorkerError(f"{word} is locked ({guest.lock})")
            if guest.running:
                raise WorkerError(f"{word} {self.vmid} already running")
            if guest.template:
                text = f"you can't start a {'CT' if guest.kind == 'lxc' else 'vm'} if it's a template"
                raise WorkerError(text)
            if fault.start_failure is not None:
                raise WorkerError(fault.start_failure)
            _warn_of_network(guest, worker)
            self._take_memory(guest, worker)
            set_running(self.world, self.vmid, True)
        if fault.crashes_after is not None:
            crash_after(self.world, self.vmid, fault.crashes_after)

    def _take_memory(self, guest: Guest, worker: Worker) -> None:
        """QEMU wants the memory of a VM at once; a container takes it when it needs it (texts not recorded)."""
        node = self.world.cluster.nodes[guest.node]
        left = node.memory - figures.used_memory(self.world.cluster, node)
        if self.world.enforce_memory and guest.kind == "qemu" and guest.memory << 20 > left:
            worker.write("kvm: cannot set up guest memory 'pc.ram': Cannot allocate memory")
            raise WorkerError("start failed: QEMU exited with code 1")


@dataclass(frozen=True)
class Stop:
    """The task that stops a guest at once."""

    world: World
    vmid: int

    def run(self, worker: Worker) -> None:
        """Stop it; the lock is in the way here too. Raises `WorkerError`."""
        guest = _guest(self.world, self.vmid)
        worker.check_signals()
        fault = self.world.faults.guest(self.vmid)
        stand_still(worker, lambda: fault.stop_hangs)
        with self.world.changed:
            if guest.lock is not None:
                raise WorkerError(f"{'CT' if guest.kind == 'lxc' else 'VM'} is locked ({guest.lock})")
            set_running(self.world, self.vmid, False)


@dataclass(frozen=True)
class Shutdown:
    """The task that asks a guest to shut down and waits for ``timeout`` seconds; ``force`` stops it then."""

    world: World
    vmid: int
    timeout: float
    force: bool

    def run(self, worker: Worker) -> None:
        """Wait for the end of the guest. Raises `WorkerError` (texts not recorded)."""
        guest = _guest(self.world, self.vmid)
        if guest.lock is not None:
            raise WorkerError(f"{'CT' if guest.kind == 'lxc' else 'VM'} is locked ({guest.lock})")
        fault = self.world.faults.guest(self.vmid)
        deadline = time.monotonic() + self.timeout
        while fault.stays_up and guest.running:
            if time.monotonic() >= deadline:
                self._give_up(guest, worker)
                break
            worker.pause(_STEP)
        set_running(self.world, self.vmid, False)

    def _give_up(self, guest: Guest, worker: Worker) -> None:
        if guest.kind == "lxc":
            if not self.force:
                command = f"lxc-stop -n {self.vmid} --nokill --timeout {self.timeout:g}"
                raise WorkerError(f"command '{command}' failed: exit code 1")
            return
        if not self.force:
            raise WorkerError("VM quit/powerdown failed - got timeout")
        worker.write("VM quit/powerdown failed - terminating now with SIGTERM")


def stand_still(worker: Worker, held: Callable[[], bool]) -> None:
    """Do nothing for as long as a test wants it. Raises `WorkerError` when the task is stopped meanwhile."""
    try:
        while held():
            worker.pause(_STEP)
    except Interrupted as error:
        raise WorkerError("received interrupt") from error


def set_running(world: World, vmid: int, running: bool) -> None:
    """Have a guest run, or not."""
    with world.changed:
        guest = world.cluster.guests.get(vmid)
        if guest is not None:
            guest.run(running=running)
            world.touch()


def crash_after(world: World, vmid: int, seconds: float) -> None:
    """Take a guest down without a task, at once or later."""
    if seconds <= 0:
        set_running(world, vmid, False)
        return
    timer = threading.Timer(seconds, set_running, (world, vmid, False))
    timer.daemon = True
    timer.start()


def _guest(world: World, vmid: int) -> Guest:
    guest = world.cluster.guests.get(vmid)
    if guest is None:
        raise WorkerError(f"unable to find configuration file for VM {vmid} - no such machine")
    return guest


def _warn_of_network(guest: Guest, worker: Worker) -> None:
    if guest.kind != "qemu":
        return
    for key, value in sorted(parsing.networks(guest).items()):
        if parsing.uses_bridge(value) is None:
            worker.warnings += 1
            worker.write(f"WARN: Interface 'tap{guest.vmid}i{key[3:]}' not attached to any bridge.")
