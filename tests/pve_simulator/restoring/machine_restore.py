# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restore of a VM, in the order of PVE::QemuServer (recorded: 11_qemu).

Once the archive's header is read the configuration becomes a stub, the old disks that are in the archive are freed, the
new ones made, and then the content is written. A failure frees the new disks and leaves the stub; on a new id an empty
configuration stays where not even the header could be read.
"""

from __future__ import annotations

import tarfile
from datetime import timezone

from pve_simulator.archives import extraction, machine
from pve_simulator.errors import ApiError, Interrupted, WorkerDied, WorkerError
from pve_simulator.guests import agent, changes, configuration, content, linked, parsing
from pve_simulator.restoring.machine_words import Words
from pve_simulator.restoring.restore import NoRoom, Restore, in_words
from pve_simulator.state import clock
from pve_simulator.state.model import Volume
from pve_simulator.storage import archive_names, availability
from pve_simulator.storage.encryption import MissingKey
from pve_simulator.tasks.worker import Worker

_STUB = 128  # the memory that the configuration says in the meantime
_FAILED = (
    "error before or during data restore, some or all disks were not completely restored. "
    "VM {vmid} state is NOT cleaned up."
)
_LIVE = "live-restore is only compatible with backup images from a Proxmox Backup Server"


class MachineRestore(Restore):
    """A VM's restore."""

    def run(self, worker: Worker) -> None:
        """Restore. Raises `WorkerError`."""
        try:
            self._restore(worker)
        except WorkerDied:
            raise
        except (ApiError, WorkerError) as error:
            with self.world.changed:
                self.guest.lock = None
                self.world.touch()
            worker.write(_FAILED.format(vmid=self.vmid))
            raise WorkerError(in_words(error)) from error
        if self.wish.start:
            worker.write("Execute autostart")
        self.start_if_wanted()

    def _restore(self, worker: Worker) -> None:
        self.meet(worker, "begin")
        refusal = f"unable to restore VM {self.vmid} -"
        if self.guest.options.get("protection"):
            raise WorkerError(f"{refusal} - protection mode enabled")
        if self.guest.running:
            raise WorkerError(f"{refusal} vm is running")
        words = Words(self.source, self.wish.bwlimit, worker)
        text = self._early_look(worker, words)
        if self.wish.live and not self.source.server:
            raise WorkerError(_LIVE)
        words.begin()
        if text is None:
            raise WorkerError(f"{words.failed} got timeout reading VMA header - corrupted?")
        found = self.archived(text, "qemu")
        disks = [volume for volume in found.volumes if volume.backup is not False]
        words.header(len(text.encode()), [(volume.key, volume.size) for volume in disks], self._made_at())
        self._replace(worker, words, disks)
        self._convert(worker, words, text, found, disks)

    def _early_look(self, worker: Worker, words: Words) -> str | None:
        """The configuration in the archive, or None when it cannot be had, which does not end the restore yet."""
        try:
            text = self.source.configuration("qemu")
        except (extraction.BrokenArchive, MissingKey) as error:
            why = error.text if isinstance(error, MissingKey) else words.unreadable
            for line in (f"Could not extract backed up config: {why}", "", "", "Skipping early checks!"):
                worker.write(line)
            if isinstance(error, MissingKey):  # the same happens again when the restore itself begins
                worker.write(error.client)
                raise WorkerError(words.no_index) from error
            return None
        self.archived(text, "qemu")
        return text

    def _replace(self, worker: Worker, words: Words, disks: list[Volume]) -> None:
        """From the stub to the content of the new disks."""
        try:
            self._choose_storages(disks)
        except (ApiError, WorkerError) as error:
            raise WorkerError(f"{words.failed} {in_words(error)}") from error
        with self.world.changed:
            self._free_old(worker, {volume.key for volume in disks})
            try:
                self.allocate(self.guest, disks)
            except WorkerError as error:
                raise WorkerError(f"{words.failed} {error}") from error
            shown = [(volume, self._path(volume), self._volid(volume)) for volume in disks]
        words.allocated([(v, path, volid, self.world.cluster.storages[v.storage].type) for v, path, volid in shown])
        try:
            self._write(worker, words, disks)
        except (WorkerError, extraction.BrokenArchive, NoRoom, ApiError) as error:
            for volume, _path, volid in shown:
                content.clear(content.disk_file(self.folder, volume.key))
                worker.write(f"temporary volume '{volid}' sucessfuly removed")
            content.clear(agent.place(self.folder))
            raise self._reason(worker, words, error) from error
        words.complete(sum(volume.size for volume in disks), self._written(disks))

    def _choose_storages(self, disks: list[Volume]) -> None:
        for volume in disks:
            if self.wish.storage is not None:
                volume.storage = self.wish.storage
            storage = availability.enabled(self.world.cluster, volume.storage, self.node)
            if "images" not in storage.content:
                raise WorkerError(f"Content type 'images' is not available on storage '{storage.name}'")
            if self.wish.storage is None:
                self.world.rights.check(self.wish.identity, f"/storage/{storage.name}", "Datastore.AllocateSpace")
            self.target(storage.name)

    def _free_old(self, worker: Worker, restored: set[str]) -> None:
        """The configuration becomes a stub; old disks that come back are freed, others lose their line."""
        guest = self.guest
        configuration.fix_numbers(guest)
        for volume in guest.volumes:
            user = linked.user(self.world.cluster, guest, volume)
            if volume.key in restored and user is None:
                content.clear(content.disk_file(self.folder, volume.key))
                continue
            if volume.key in restored:
                name = configuration.volid(guest, volume, self.world.cluster.storages).split(":", 1)[1]
                worker.write(f"base volume '{name}' is still in use by linked clones")
            self._keep(volume)
        guest.volumes = []
        content.clear(agent.place(self.folder))  # it was on the disks
        changes.empty(guest, {"memory": _STUB})
        self.world.touch()

    def _keep(self, volume: Volume) -> None:
        """A volume without a line: its content goes aside, so that the new disk of its name has its own."""
        aside = f"orphan{volume.storage}-{volume.number}"
        old = content.disk_file(self.folder, volume.key)
        if old.exists():
            old.replace(content.disk_file(self.folder, aside))
        volume.key = aside
        self.guest.orphans.append(volume)

    def _write(self, worker: Worker, words: Words, disks: list[Volume]) -> None:
        by_key = {volume.key: volume for volume in disks}
        self.folder.mkdir(parents=True, exist_ok=True)

        def take(entry: tarfile.TarInfo, data: bytes) -> None:
            if entry.name == machine.AGENT:
                agent.place(self.folder).write_bytes(data)
            volume = by_key.get(machine.disk_key(entry.name) or "")
            if volume is None:
                return
            half = len(data) // 2
            self.spend(worker, volume, half)
            content.write_disk(self.folder, volume.key, data[:half])
            self.meet(worker, "extract")
            self.spend(worker, volume, len(data) - half)
            content.write_disk(self.folder, volume.key, data)

        words.progress(0, 50, sum(volume.size for volume in disks))
        extraction.unpack(self.source.path(), take)
        self.meet(worker, "extract")
        words.progress(50, 100, sum(volume.size for volume in disks))

    def _reason(self, worker: Worker, words: Words, error: Exception) -> WorkerError:
        if isinstance(error, extraction.BrokenArchive):
            words.breaks_off()
            return WorkerError(f"{words.failed} exit code 1")
        if isinstance(error, NoRoom):
            worker.write("vma: restore failed - blk_pwrite to drive failed (-28)")
            return WorkerError(f"{words.failed} exit code 1")
        if isinstance(error, Interrupted):
            return WorkerError(f"{words.failed} interrupted by signal")
        if isinstance(error, ApiError):
            return WorkerError(f"{words.failed} {in_words(error)}")
        return WorkerError(str(error))

    def _convert(self, worker: Worker, words: Words, text: str, found: parsing.Archived, disks: list[Volume]) -> None:
        """The stub becomes the VM. Lines of disks that are not in the archive end up in the description."""
        self.meet(worker, "end")
        for volume in found.volumes:
            if volume.backup is False:
                found.note(next(line for line in text.splitlines() if line.startswith(f"{volume.key}:")))
        words.rescan()
        self.finish(found, disks)
        with self.world.changed:
            guest = self.guest
            changes.renew_identity(guest, unique=self.wish.unique)
            for number, volume in enumerate(guest.orphans):
                old = content.disk_file(self.folder, volume.key)
                volume.key = f"unused{number}"
                if old.exists():
                    old.replace(content.disk_file(self.folder, volume.key))
            guest.volumes, guest.orphans = [*disks, *guest.orphans], []
            self.world.touch()
        if found.settings.get("template") == "1":
            worker.write("Convert to template.")

    def _path(self, volume: Volume) -> str:
        storage = self.world.cluster.storages[volume.storage]
        name = configuration.volume_name(self.guest, volume, storage.type)
        return (
            f"{storage.path}/images/{name}"
            if storage.type in configuration.FILE_TYPES
            else f"/dev/{storage.name}/{name}"
        )

    def _volid(self, volume: Volume) -> str:
        return configuration.volid(self.guest, volume, self.world.cluster.storages)

    def _written(self, disks: list[Volume]) -> int:
        return sum(content.weight(content.disk_file(self.folder, volume.key)) for volume in disks)

    def _made_at(self) -> str:
        name = self.source.name
        zone = timezone.utc if self.source.server else self.world.zone(self.node)
        made = name.ctime if name.ctime is not None else archive_names.UNKNOWN_TIME
        return clock.local(made, zone).strftime("%a %b %e %H:%M:%S %Y")
