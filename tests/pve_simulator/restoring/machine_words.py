# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the programs that restore a VM say (recorded: 11_qemu; of a backup server from pve-api.md 6.7)."""

from __future__ import annotations

import secrets

from pve_simulator.guests import configuration
from pve_simulator.restoring.source import Source
from pve_simulator.state.model import Volume
from pve_simulator.tasks.worker import Worker

_CLUSTER = 64 << 10  # QEMU and vma count in clusters
_UNPACK = {"zst": "zstd -q -d -c", "gz": "zcat", "lzo": "lzop -d -c"}


class Words:
    """The lines of one restore."""

    def __init__(self, source: Source, bwlimit: float, worker: Worker) -> None:
        self._source = source
        self._bwlimit = int(bwlimit)
        self._worker = worker
        self._scratch = f"/var/tmp/vzdumptmp{secrets.randbelow(90000) + 1000}"
        self._server = f"backup@pbs@192.0.2.201:{source.storage}"
        self._command = self._pipe(self._scratch)

    @property
    def failed(self) -> str:
        """How the end of a failing restore begins."""
        if self._source.server:
            return f"command '{self._command}' failed:"
        shell = f"set -o pipefail && {self._command}" if "|" in self._command else self._command
        return f"command '{shell}' failed:"

    @property
    def unreadable(self) -> str:
        """Said of an archive without a configuration; the last blank is recorded."""
        if self._source.compression == "zst":
            return f"Failed to extract config from VMA archive: zstd: {self._source.shown}: unsupported format "
        return "Failed to extract config from VMA archive: vma: vma_reader_create failed - not a vma file"

    @property
    def no_index(self) -> str:
        """The end of a restore to which a backup server's client does not even give the list of files."""
        client = "/usr/bin/proxmox-backup-client restore --crypt-mode=none"
        files = f"{self._source.name.name} index.json {self._scratch}/index.json"
        return f"command '{client} {files} --repository {self._server}' failed: exit code 255"

    def begin(self) -> None:
        """Which command is run."""
        if self._bwlimit:
            self._worker.write(f"applying read rate limit: {self._bwlimit}")
        kind = "proxmox backup image" if self._source.server else "vma archive"
        self._worker.write(f"restore {kind}: {self._command}")

    def header(self, size: int, disks: list[tuple[str, int]], made: str) -> None:
        """What the header of the archive says."""
        if self._source.server:
            return
        self._worker.write(f"CFG: size: {size} name: qemu-server.conf")
        for number, (key, length) in enumerate(disks, start=1):
            self._worker.write(f"DEV: dev_id={number} size: {length} devname: drive-{key}")
        self._worker.write(f"CTIME: {made}")
        if not disks:
            self._worker.write("vma archive contains no image data")

    def allocated(self, disks: list[tuple[Volume, str, str, str]]) -> None:
        """The new disks: volume, path, volid and type of storage."""
        for storage in sorted({volume.storage for volume, *_others in disks}) if self._bwlimit else ():
            self._worker.write(f"rate limit for storage {storage}: {self._bwlimit} KiB/s")
        for volume, path, volid, kind in disks:
            if kind in configuration.FILE_TYPES:
                options = (
                    "fmt=qcow2 cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib "
                    f"size={volume.size} lazy_refcounts=off refcount_bits=16"
                )
                self._worker.write(f"Formatting '{path}', {options}")
            self._worker.write(f"new volume ID is '{volid}'")
        for volume, path, _volid, kind in disks if not self._source.server else ():
            zeros = int(kind not in configuration.FILE_TYPES)
            self._worker.write(f"map 'drive-{volume.key}' to '{path}' (write zeros = {zeros})")

    def progress(self, first: int, last: int, total: int) -> None:
        """A line for each percent after the first up to the last."""
        for percent in range(first + 1, last + 1) if total else ():
            done = min(total, -(-(total * percent // 100) // _CLUSTER) * _CLUSTER)
            zeroes = "zeroes = 0% (0 bytes), " if self._source.server else ""
            self._worker.write(f"progress {percent}% (read {done} bytes, {zeroes}duration 0 sec)")

    def complete(self, total: int, written: int) -> None:
        """The sums."""
        if not total:
            return
        if self._source.server:
            self._worker.write(f"restore image complete (bytes={total}, duration=0.01s, speed=100.00MB/s)")
            return
        sparse = total - min(total, -(-written // 4096) * 4096)
        share = f"{100 * sparse / total:.3g}"
        self._worker.write(f"total bytes read {total}, sparse bytes {sparse} ({share}%)")
        if written:
            self._worker.write("space reduction due to 4K zero blocks 0%")

    def breaks_off(self) -> None:
        """The archive ended too early (not recorded)."""
        if self._source.compression == "zst":
            self._worker.write(f"{self._source.shown}: Read error (39) : premature end ")
        self._worker.write("vma: restore failed - short vma extent (compressed stream ended too early)")

    def rescan(self) -> None:
        """The volumes are looked through for those without a line."""
        self._worker.write("rescan volumes...")

    def _pipe(self, scratch: str) -> str:
        if self._source.server:
            return f"/usr/bin/pbs-restore --repository {self._server} {self._source.name.name}"
        unpack = _UNPACK.get(self._source.compression)
        extract = f"vma extract -v -r {scratch}.fifo"
        shown = self._source.shown
        if self._bwlimit:
            steps = [f"cstream -t {self._bwlimit * 1024} -- {shown}", *([f"{unpack} -"] if unpack is not None else [])]
            return " | ".join([*steps, f"{extract} - {scratch}"])
        if unpack is None:
            return f"{extract} {shown} {scratch}"
        return f"{unpack} {shown} | {extract} - {scratch}"
