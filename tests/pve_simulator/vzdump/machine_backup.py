# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backup of a VM: what the log says, and how QEMU writes it (recorded: 11_qemu)."""

from __future__ import annotations

import uuid

from pve_simulator.archives import guest_archive
from pve_simulator.errors import Interrupted
from pve_simulator.guests import configuration, content
from pve_simulator.state.model import Volume
from pve_simulator.vzdump.guest_backup import GuestBackup
from pve_simulator.vzdump.outcome import GuestFailed
from pve_simulator.vzdump.quoting import binary_size

_STEP = 20  # percent between two lines of progress
_FULL = "vma_queue_write: write error - Broken pipe"
_COMPRESSORS = {"zstd": "exec:zstd --threads={threads}", "gzip": "exec:gzip", "lzo": "exec:lzop"}


class MachineBackup(GuestBackup):
    """A VM's backup."""

    lock_word = "VM"

    def prepare(self) -> None:
        """Name the disks."""
        self.worker.info(f"VM Name: {self.guest.name}")
        for volume in self.guest.volumes:
            name = configuration.volid(self.guest, volume, self.world.cluster.storages)
            if volume.backup is False:
                self.worker.info(f"exclude disk '{volume.key}' '{name}' (backup=no)")
            else:
                size = configuration.size_text(volume.size)
                self.worker.info(f"include disk '{volume.key}' '{name}' {size}")

    def quiesce(self) -> None:
        """Suspend or stop a running VM; QEMU makes the snapshot of mode snapshot itself."""
        if self.mode == "suspend":
            self.worker.info("suspending guest")
        elif self.mode == "stop" and self.guest.running:
            self.shut_down()

    def resume(self) -> None:
        """Bring a suspended or stopped VM back."""
        if self.mode == "suspend":
            self.worker.info("resume vm")
        elif self.mode == "stop" and self.guest.running:
            self.worker.info("restarting vm")

    def before_stream(self) -> None:
        """Start QEMU where it does not run, and the backup in it."""
        if not self._disks():
            self.worker.info("backup contains no disks")
            self._say_encrypted()
            self.worker.info("starting diskless backup")
            self.worker.info(self._diskless_command())
            return
        if not self.guest.running:
            self.worker.info("starting kvm to execute backup task")
            self._warn_of_network()
        self._say_encrypted()
        self.worker.info(f"started backup task '{uuid.uuid4()}'")
        if self.mode == "snapshot" or (self.mode == "stop" and self.guest.running):
            self.worker.info("resuming VM again")
        elif self.mode == "suspend":
            self.worker.info("resuming VM again after 0 seconds")

    def spend(self, seconds: float) -> None:
        """QEMU says now and then how far it is."""
        for percent in range(0, 100, _STEP) if seconds and self._disks() else ():
            self._progress(percent, round(seconds * percent / 100))
            self.worker.pause(seconds * _STEP / 100)

    def after_stream(self, seconds: float) -> None:
        """The end of the progress, zeros, total."""
        if not self._disks():
            return
        total, written = self._total(), self._written()
        whole = max(1, round(seconds))
        self._progress(100, whole)
        read = binary_size(total / whole)
        zeros = total - written
        if zeros:
            share = int(100 * zeros / total)
            self.worker.info(f"backup is sparse: {binary_size(zeros, 2)} ({share}%) total zero data")
        self.worker.info(f"transferred {binary_size(total, 2)} in {whole} seconds ({read}/s)")
        if not self.guest.running:
            self.worker.info("stopping kvm after backup task")

    def excludes(self) -> tuple[str, ...]:
        """Disks are taken whole."""
        return ()

    def interrupted(self) -> None:
        """Here vzdump itself waits for QEMU, and so the signal ends the whole job."""
        self.worker.error("interrupted by signal")
        self.worker.info("aborting backup job")
        raise Interrupted

    def no_space(self) -> GuestFailed:
        """What QEMU says when the compressor is gone."""
        if self.options.compress == "zstd":
            self.worker.info("zstd: error 70 : Write error : cannot write block : No space left on device")
        self.worker.error(_FULL)
        self.worker.info("aborting backup job")
        if self.guest.running:
            self.worker.info("resuming VM again")
        return GuestFailed(_FULL)

    def _say_encrypted(self) -> None:
        if self.encryption_key is not None:  # not recorded
            self.worker.info("enabling encryption")

    def _progress(self, percent: int, seconds: int) -> None:
        done, total = self._total() * percent / 100, self._total()
        read, write = (binary_size(size / max(1, seconds)) for size in (done, self._written() * percent / 100))
        amounts = f"{binary_size(done)} of {binary_size(total)}"
        self.worker.info(f"{percent:3d}% ({amounts}) in {seconds}s, read: {read}/s, write: {write}/s")

    def _total(self) -> int:
        return sum(volume.size for volume in self._disks())

    def _disks(self) -> list[Volume]:
        return guest_archive.included(self.guest)

    def _written(self) -> int:
        folder = self.world.layout.guest(self.guest.vmid)
        files = [content.disk_file(folder, volume.key) for volume in self._disks()]
        return sum(path.stat().st_size for path in files if path.exists())

    def _warn_of_network(self) -> None:
        for key in sorted(self.guest.options):
            if key.startswith("net") and "bridge=" not in str(self.guest.options[key]):
                self.worker.warn(f"Interface 'tap{self.guest.vmid}i{key[3:]}' not attached to any bridge.")

    def _diskless_command(self) -> str:
        command = f"/usr/bin/vma create -v -c {self.shown_tmpdir}/qemu-server.conf"
        compressor = _COMPRESSORS.get(self.options.compress)
        if compressor is None:
            return f"{command} {self.shown_partial}"
        return f"{command} {compressor.format(threads=self.options.zstd_threads)} > {self.shown_partial}"
