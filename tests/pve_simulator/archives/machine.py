# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of a VM: in place of Proxmox's vma a tar of the configuration and the written part of each disk.

What the simulated guest has inside, its agent, stands behind the disks: in a real archive it is on them.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pve_simulator.archives import container

CONFIGURATION = "qemu-server.conf"
AGENT = "agent.json"


def disk_member(key: str) -> str:
    """The name of a disk in the archive."""
    return f"drive-{key}.raw"


def disk_key(member: str) -> str | None:
    """The disk that a member holds, or None."""
    return member[6:-4] if member.startswith("drive-") and member.endswith(".raw") else None


def write(stream: IO[bytes], configuration: str, disks: Mapping[str, Path], agent: Path) -> None:
    """Write the archive; a disk that was never written is an empty member, an agent that is not there is none."""
    container.write_first(stream, CONFIGURATION, configuration.encode())
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for key, path in disks.items():
            _add(tar, disk_member(key), path.read_bytes() if path.exists() else b"")
        if agent.exists():
            _add(tar, AGENT, agent.read_bytes())


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
