# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backup of one guest: the steps that containers and VMs share, in the order of PVE::VZDump."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import IO, cast

from pve_simulator.archives import compression, guest_archive
from pve_simulator.errors import Interrupted, WorkerDied
from pve_simulator.state.model import Guest
from pve_simulator.storage import archive_names
from pve_simulator.tasks.worker import Worker
from pve_simulator.vzdump import limits, notes, pruning
from pve_simulator.vzdump.options import Options
from pve_simulator.vzdump.outcome import GuestFailed
from pve_simulator.vzdump.quoting import file_size
from pve_simulator.vzdump.target import Target
from pve_simulator.vzdump.throttle import NoSpace, Throttle
from pve_simulator.world import World


class GuestBackup(ABC):
    """One guest's backup. `run` raises `GuestFailed`, `Interrupted` or `WorkerDied`."""

    lock_word: str  # how messages call a guest of this kind

    def __init__(
        self, world: World, options: Options, target: Target, worker: Worker, guest: Guest, identity: str
    ) -> None:
        self.world = world
        self.options = options
        self.target = target
        self.worker = worker
        self.guest = guest
        self.identity = identity
        self.fault = world.faults.guest(guest.vmid)
        self.mode = options.mode if guest.running else "stop"
        self.stream_bytes = 0
        epoch = worker.now()
        if target.folder.server:
            self.name = archive_names.snapshot_name(guest.kind, guest.vmid, epoch)
        else:
            self.name = archive_names.file_name(guest.kind, guest.vmid, epoch, options.compress, worker.zone)

    # what differs between containers and VMs ---------------------------------------------------------------------

    @abstractmethod
    def prepare(self) -> None:
        """Say what is in the guest and what of it is left out."""

    @abstractmethod
    def quiesce(self) -> None:
        """Bring the guest into the state in which the archive is made."""

    @abstractmethod
    def resume(self) -> None:
        """Bring the guest back into the state it was in."""

    @abstractmethod
    def before_stream(self) -> None:
        """Say what is said between the archive's name and its content."""

    @abstractmethod
    def after_stream(self, seconds: float) -> None:
        """Say how much was written."""

    @abstractmethod
    def excludes(self) -> tuple[str, ...]:
        """Patterns of files that are left out."""

    @abstractmethod
    def interrupted(self) -> None:
        """Raise what a signal in the middle of the archive leads to."""

    @abstractmethod
    def no_space(self) -> GuestFailed:
        """Log what a full storage makes the programs say; the answer is what the backup fails with."""

    # the steps ---------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Back the guest up."""
        limits.check(self.world, self.options, self.target, self.guest, self.identity)
        worker, guest = self.worker, self.guest
        worker.info(f"Starting Backup of VM {guest.vmid} ({guest.kind})")
        worker.info(f"Backup started at {worker.local_time()}")
        worker.info(f"status = {'running' if guest.running else 'stopped'}")
        self._lock()
        try:
            self._backup()
        except WorkerDied:
            raise  # nobody is left who could clean up: lock, .dat and .tmp stay
        except BaseException:
            self._clean_up()
            raise
        self._clean_up()

    @property
    def shown_target(self) -> str:
        """The archive as the log names it: a path, or the snapshot on a backup server."""
        return self.name if self.target.folder.server else f"{self.target.shown}/{self.name}"

    @property
    def shown_tmpdir(self) -> str:
        """The folder for what belongs into the archive beside the guest's files."""
        base = self.name.split(".", 1)[0] if not self.target.folder.server else f"vzdumptmp_{self.guest.vmid}"
        return f"{self.target.shown or '/var/tmp'}/{base}.tmp"

    @property
    def shown_partial(self) -> str:
        """The archive while it is written."""
        return f"{self.target.shown}/{self._partial.name}"

    @property
    def encryption_key(self) -> str | None:
        """The fingerprint of the key with which the archive is encrypted."""
        return self.target.storage.encryption_key if self.target.storage is not None else None

    def _backup(self) -> None:
        if self.mode == "snapshot":
            self.prepare()
        self.worker.info(f"backup mode: {self.mode}")
        if self.options.bwlimit:
            self.worker.info(f"bandwidth limit: {self.options.bwlimit} KiB/s")
        self.worker.info(f"ionice priority: {self.options.ionice}")
        if self.mode != "snapshot":
            self.prepare()
        if not self.target.folder.server:
            self._tmpdir.mkdir(parents=True, exist_ok=True)
        self.quiesce()
        kind = "Proxmox Backup Server" if self.target.folder.server else "vzdump"
        self.worker.info(f"creating {kind} archive '{self.shown_target}'")
        self._archive()
        self._describe()
        if self.options.remove:
            pruning.prune(self.world, self.worker, self.options, self.target, self.guest)
        if self.fault.vanishes:
            self.target.folder.delete(self.name)

    def _archive(self) -> None:
        self.before_stream()
        if self.fault.warning is not None:
            self.worker.warn(self.fault.warning)
        began = self.worker.now()
        partial = self._partial
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as raw:
            self._stream(raw)
        if self.fault.failure is not None:
            raise GuestFailed(self.fault.failure)
        self.after_stream(self.worker.now() - began)
        if self.encryption_key is not None:
            self.target.folder.set_simulated(self.name, {"encrypted": self.encryption_key})
        final = self.target.folder.file(self.name)
        partial.replace(final)
        if not self.target.folder.server:
            self.worker.info(f"archive file size: {file_size(final.stat().st_size)}")

    def _stream(self, raw: IO[bytes]) -> None:
        # room is counted before compression: simpler, and only a test's own small capacities meet the difference
        with compression.writer(raw, self.options.compress) as sink:
            throttle = Throttle(sink.write, self.worker, self.options.bwlimit * 1024.0, self._room(), sink.flush)
            try:
                self._meet_faults()
                stream = cast(IO[bytes], throttle)
                guest_archive.write(stream, self.guest, self.world.cluster.storages, self.world.layout, self.excludes())
            except NoSpace:
                raise self.no_space() from None
            except Interrupted:
                self.interrupted()
            self.stream_bytes = throttle.count

    def shut_down(self) -> None:
        """Ask the guest to shut down, and wait until it has.

        A task that is ended meanwhile leaves the guest locked and the temporary folder behind (pve-api.md, 7.20; the
        log of such a task is not recorded). So here the signal is not heard, and the one that kills follows.
        """
        self.worker.info("stopping virtual guest")
        while self.fault.stays_up:
            self.worker.wait_deaf(0.02)

    def spend(self, seconds: float) -> None:
        """Let the time pass that the backup is told to take."""
        self.worker.pause(seconds)

    def _meet_faults(self) -> None:
        self.spend(self.fault.pace if self.fault.pace is not None else self.world.pace)
        while self.fault.hangs:
            self.worker.pause(0.02)
        if self.fault.dies:
            raise WorkerDied

    def _room(self) -> int | None:
        storage = self.target.storage
        if storage is None:
            return None
        return 0 if storage.full else max(0, storage.capacity - self.target.folder.used())

    def _describe(self) -> None:
        folder = self.target.folder
        if self.target.storage is None:
            return
        if self.options.notes_template:
            self.worker.info("adding notes to backup")
            values = {
                "cluster": self.world.cluster.name or "standalone node",
                "guestname": self.guest.name,
                "node": self.guest.node,
                "vmid": str(self.guest.vmid),
            }
            folder.set_notes(self.name, notes.filled(self.options.notes_template, values))
        if self.options.protected:
            self.worker.info("marking backup as protected")
            if self.fault.protect_fails:
                where = f"{self.shown_target}.protected"
                raise GuestFailed(
                    f"unable to set protected flag - unable to create protection file '{where}' - Permission denied"
                )
            folder.set_protected(self.name, True)

    def _lock(self) -> None:
        with self.world.changed:
            if self.guest.lock is not None:
                raise GuestFailed(f"{self.lock_word} is locked ({self.guest.lock})")
            self.guest.lock = "backup"
            self.world.touch()

    def _clean_up(self) -> None:
        with self.world.changed:
            self.guest.lock = None
            self.world.touch()
        self._partial.unlink(missing_ok=True)
        if self._tmpdir.is_dir():
            self._tmpdir.rmdir()
        self.resume()

    @property
    def _partial(self) -> Path:
        # Proxmox replaces the last extension only: x.tar.zst is written as x.tar.dat
        path = self.target.folder.file(self.name)
        return path.with_name(f"{path.name.rsplit('.', 1)[0]}.dat")

    @property
    def _tmpdir(self) -> Path:
        return self.target.folder.dump / f"{self.name.split('.', 1)[0]}.tmp"
