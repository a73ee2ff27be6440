# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The restore of a container, in the order of PVE::API2::LXC (recorded: 08_restore_lxc).

New volumes, then the old container is destroyed, then the content is unpacked. A failure before the destruction leaves
the old container as it was (from the sources); one after it leaves nothing, neither the old container nor the new one.
"""

from __future__ import annotations

import re
import tarfile
import time

from pve_simulator.archives import container, extraction
from pve_simulator.errors import ApiError, Died, Interrupted, WorkerDied, WorkerError
from pve_simulator.guests import changes, configuration, content, parsing
from pve_simulator.restoring.restore import NoRoom, Restore, in_words
from pve_simulator.state.model import GIB, Volume
from pve_simulator.tasks.worker import Worker
from pve_simulator.vzdump.quoting import tar_size

_FLAGS = {"zst": "--zstd ", "gz": "-z ", "lzo": "--lzop ", "bz2": "-j "}
_TAR = (
    "tar xpf - {flag}--totals --one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' "
    "'--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' "
    "-C /var/lib/lxc/{vmid}/rootfs --skip-old-files --anchored --exclude './dev/*'"
)
_NO_ARCHIVE = {
    "zst": ("zstd: /*stdin*\\: unsupported format ", "tar: Child returned status 1"),
    "gz": ("gzip: stdin: not in gzip format", "tar: Child returned status 1"),
    "": ("tar: This does not look like a tar archive",),
}
_BREAKS_OFF = {
    "zst": ("/*stdin*\\ : Read error (39) : premature end ",),
    "gz": ("gzip: stdin: unexpected end of file",),
}
_UNEXPECTED = ("tar: Unexpected EOF in archive", "tar: Unexpected EOF in archive")
_LOST = "tar: Error is not recoverable: exiting now"
_PLAIN = re.compile(r"^\d+(?:\.\d+)?$")
_NEW = re.compile(r"^([a-z][a-z0-9\-_.]*[a-z0-9]):(\d+(?:\.\d+)?)$", re.IGNORECASE)


class ContainerRestore(Restore):
    """A container's restore."""

    _destroyed = False
    _read = 0

    def run(self, worker: Worker) -> None:
        """Restore. Raises `WorkerError`."""
        try:
            self._restore(worker)
        except WorkerDied:
            raise
        except (ApiError, WorkerError) as error:
            self._clean_up()
            raise WorkerError(f"unable to restore CT {self.vmid} - {in_words(error)}") from error
        self.start_if_wanted()

    def _restore(self, worker: Worker) -> None:
        self.meet(worker, "begin")
        if self.guest.running:
            raise WorkerError("can't overwrite running container")
        worker.write(f"recovering backed-up configuration from '{self.source.given}'")
        found = self._configuration(worker)
        self._check_privileged(found)
        volumes = self._volumes(found)
        with self.world.changed:
            configuration.fix_numbers(self.guest)
            self.allocate(self.guest, volumes)
            self._destroy_old()
        worker.write(f"restoring '{self.source.given}' now..")
        self._unpack(worker, volumes)
        worker.write("merging backed-up and given configuration..")
        self.meet(worker, "end")
        if found.settings.get("template") == "1":
            worker.write("Convert restored container to template...")
        self.finish(found, volumes)
        if self.wish.unique:
            with self.world.changed:
                changes.renew_identity(self.guest, unique=True)

    def _configuration(self, worker: Worker) -> parsing.Archived:
        try:
            text = self.source.configuration("lxc")
        except extraction.BrokenArchive:
            if not self.source.server:
                for line in (*_NO_ARCHIVE.get(self.source.compression, _NO_ARCHIVE[""]), _LOST):
                    worker.write(line)
            raise WorkerError("ERROR: archive contains no configuration file") from None
        return self.archived(text, "lxc")

    def _check_privileged(self, found: parsing.Archived) -> None:
        """A container that becomes privileged needs more since 9 (recorded: v9/08_restore_lxc)."""
        unprivileged = self.wish.overrides.get("unprivileged", int(found.settings.get("unprivileged", "0")))
        was = self.wish.existed and not self.guest.options.get("unprivileged")
        if self.world.version.nine and not unprivileged and not was:
            self.world.rights.check(self.wish.identity, "/", "Sys.Modify")

    def _volumes(self, found: parsing.Archived) -> list[Volume]:
        """The new volumes: those the call lists, or all that the archive names, on the call's storage."""
        storage = self.wish.storage or "local"
        given = {key: str(value) for key, value in self.wish.overrides.items() if parsing.is_mount(key)}
        for key in given:
            del self.wish.overrides[key]
        if given:
            found.mounts = {key: text for key, text in given.items() if text.startswith("/")}
            return [given_volume(key, text, storage) for key, text in sorted(given.items()) if key not in found.mounts]
        if not any(volume.key == "rootfs" for volume in found.volumes):
            raise WorkerError("rootfs configuration could not be recovered, please check and specify manually!")
        for key, text in found.mounts.items():
            if not self.wish.root:
                kind = "device" if text.startswith("/dev/") else "bind"
                raise WorkerError(f"restoring '{key}' to {kind} mount is only possible for root")
        ordered = sorted(found.volumes, key=lambda volume: (volume.key != "rootfs", volume.key))
        for volume in ordered:
            volume.storage = storage
        return ordered

    def _destroy_old(self) -> None:
        """What was there before is gone from here on, but for the place of the configuration and its lock."""
        guest = self.guest
        guest.volumes, guest.orphans = [], []
        changes.empty(guest, {})
        content.clear(self.folder)
        self._destroyed = True
        self.world.touch()

    def _unpack(self, worker: Worker, volumes: list[Volume]) -> None:
        if not self.source.server:
            worker.write(f"extracting archive '{self.source.shown}'")
        for volume in volumes:
            (self.folder / volume.key).mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        try:
            extraction.unpack(self.source.path(), lambda entry, data: self._take(worker, volumes, entry, data))
            self.meet(worker, "extract")
        except Interrupted:
            raise WorkerError(f"command '{self._command()}' failed: interrupted by signal") from None
        except (Died, extraction.BrokenArchive, NoRoom) as error:
            self._explain(worker, error)
            if not self.wish.ignore_errors:
                raise WorkerError(f"command '{self._command()}' failed: exit code 2") from None
        if not self.source.server:
            speed = tar_size(self._read / max(time.monotonic() - began, 0.001))
            worker.write(f"Total bytes read: {self._read} ({tar_size(self._read)}, {speed}/s)")

    def _explain(self, worker: Worker, error: Exception) -> None:
        """What tar and the program before it say."""
        if isinstance(error, NoRoom):  # not recorded
            worker.write("tar: ./: Cannot write: No space left on device")
            worker.write("tar: Exiting with failure status due to previous errors")
            return
        for line in (*_BREAKS_OFF.get(self.source.compression, ()), *_UNEXPECTED, _LOST):
            worker.write(line)

    def _take(self, worker: Worker, volumes: list[Volume], entry: tarfile.TarInfo, data: bytes) -> None:
        """Put a member where the mount points say that it belongs."""
        self._read += tarfile.BLOCKSIZE + len(data) + -len(data) % tarfile.BLOCKSIZE
        if entry.name == container.CONFIGURATION:
            return
        name = entry.name.removeprefix(".").strip("/")
        volume = max((one for one in volumes if _holds(one, name)), key=lambda one: len(one.path or ""))
        self.spend(worker, volume, len(data))
        inside = name[len((volume.path or "").strip("/")) :].strip("/")
        content.place(self.folder / volume.key, inside, entry, data)
        if entry.isreg():
            self.meet(worker, "extract")

    def _command(self) -> str:
        return _TAR.format(flag=_FLAGS.get(self.source.compression, ""), vmid=self.vmid)

    def _clean_up(self) -> None:
        if self._destroyed or not self.wish.existed:
            self.vanish()
            return
        with self.world.changed:
            self.guest.lock = None
            self.world.touch()


def given_volume(key: str, text: str, storage: str) -> Volume:
    """A volume that a call asks for: ``8``, ``STORE:8`` (GiB), with parts behind. Raises `Died` for another one."""
    first, _mark, others = text.removeprefix("volume=").partition(",")
    match = _NEW.match(f"{storage}:{first}" if _PLAIN.match(first) else first)
    if match is None:
        raise Died(f"unable to parse volume ID '{first}'")
    parts = parsing.volume(key, ",".join(part for part in (f"{match[1]}:new", others) if part))
    if parts is None:
        raise Died(f"unable to parse volume ID '{first}'")
    parts.storage, parts.size = match[1], int(float(match[2]) * GIB)
    return parts


def _holds(volume: Volume, name: str) -> bool:
    inside = (volume.path or "").strip("/")
    return not inside or name == inside or name.startswith(f"{inside}/")
