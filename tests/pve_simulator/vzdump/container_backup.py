# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The backup of a container: what the log says, and what tar and its pipe do."""

from __future__ import annotations

from pve_simulator.archives import container
from pve_simulator.guests import parsing
from pve_simulator.storage import encryption
from pve_simulator.vzdump.guest_backup import GuestBackup
from pve_simulator.vzdump.outcome import GuestFailed
from pve_simulator.vzdump.quoting import quoted, tar_size

_TAR = (
    "tar cpf - --totals --one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' "
    "'--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' --one-file-system "
    "'--warning=no-file-ignored'"
)
_FULL = {
    "zstd": ("zstd: error 70 : Write error : cannot write block : No space left on device", 70),
    "gzip": ("gzip: stdout: No space left on device", 1),
    "lzo": ("lzop: No space left on device: <stdout>", 1),
    "0": ("tar: -: Cannot write: No space left on device", 2),
}


class ContainerBackup(GuestBackup):
    """A container's backup."""

    lock_word = "CT"

    def prepare(self) -> None:
        """Name the mount points (recorded: 04_vzdump_ok)."""
        self.worker.info(f"CT Name: {self.guest.name}")
        for volume in self.guest.volumes:
            place = f"{volume.key} ('{volume.path or '/'}')"
            if volume.key == "rootfs" or volume.backup:
                self.worker.info(f"including mount point {place} in backup")
            else:
                self.worker.info(f"excluding volume mount point {place} from backup (disabled)")
        for key, value in self.guest.options.items():  # not recorded
            if parsing.is_mount(key):
                kind = "device" if str(value).startswith("/dev/") else "bind"
                path = str(value).partition("mp=")[2].split(",", 1)[0]
                self.worker.info(f"excluding {kind} mount point {key} ('{path}') from backup (not a volume)")

    def quiesce(self) -> None:
        """Not recorded: running containers do not exist where the recordings were made."""
        if self.mode == "snapshot":
            self.worker.info("create storage snapshot 'vzdump'")
        elif self.mode == "suspend":
            self.worker.info(f"starting first sync /proc/1234/root/ to {self.shown_tmpdir}")
            self.worker.info("first sync finished - transferred 0 bytes in 0s")
            self.worker.info("suspending guest")
            self.worker.info(f"starting final sync /proc/1234/root/ to {self.shown_tmpdir}")
            self.worker.info("final sync finished - transferred 0 bytes in 0s")
            self.worker.info("resuming guest")
            self.worker.info("guest is online again after <1 seconds")
        elif self.guest.running:
            self.shut_down()

    def resume(self) -> None:
        """Not recorded, as `quiesce`."""
        if self.mode == "snapshot":
            self.worker.info("cleanup temporary 'vzdump' snapshot")
        elif self.mode == "stop" and self.guest.running:
            self.worker.info("restarting vm")
            self.worker.info("guest is online again after <1 seconds")

    def before_stream(self) -> None:
        """A backup server's client says what it is about to do (not recorded)."""
        if self.target.folder.server:
            self.worker.info(f"Starting backup: {self.name}")
            self.worker.info(f"Client name: {self.guest.node}")
        if self.encryption_key is not None:
            self.worker.info(f"Encryption key fingerprint: {encryption.short(self.encryption_key)}")

    def after_stream(self, seconds: float) -> None:
        """What tar says at the end."""
        if self.target.folder.server:
            self.worker.info("Duration: 0.00s")
            return
        speed = tar_size(self.stream_bytes / max(seconds, 0.001))
        self.worker.info(f"Total bytes written: {self.stream_bytes} ({tar_size(self.stream_bytes)}, {speed}/s)")

    def excludes(self) -> tuple[str, ...]:
        """The patterns tar is given."""
        standard = ("lost+found", *container.STANDARD_EXCLUDES) if self.options.stdexcludes else ("lost+found",)
        return (*standard, *(container.anchored(path) for path in self.options.exclude_path))

    def interrupted(self) -> None:
        """The signal ends the command, and with it this guest's backup (recorded: 10_tasks)."""
        raise GuestFailed(f"command '{self._command()}' failed: interrupted by signal")

    def no_space(self) -> GuestFailed:
        """What the last program in the pipe says, and its exit code."""
        line, code = _FULL[self.options.compress]
        self.worker.info(line)
        return GuestFailed(f"command '{self._command()}' failed: exit code {code}")

    def _command(self) -> str:
        options = self.options
        paths = [volume.path for volume in self.guest.volumes if volume.path is not None and volume.backup]
        words = [
            f"set -o pipefail && {_TAR}",
            quoted(f"--directory={self.shown_tmpdir}"),
            "./etc/vzdump/pct.conf ./etc/vzdump/pct.fw",
            quoted("--directory=/mnt/vzsnap0"),
            "--no-anchored '--exclude=lost+found' --anchored",
            *(quoted(f"--exclude={pattern}") for pattern in self.excludes()[1:]),
            "./",
            *(f".{path}" for path in paths),
        ]
        if options.bwlimit:
            words.append(f"| cstream -t {options.bwlimit * 1024}")
        words += {
            "zstd": [f"| zstd {quoted(f'--threads={options.zstd_threads}')}"],
            "gzip": ["| gzip"],
            "lzo": ["| lzop"],
        }.get(options.compress, [])
        return " ".join([*words, f">{self.shown_partial}"])
