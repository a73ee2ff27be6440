# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing the archive of a guest, whatever kind it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from pve_simulator.archives import container, machine
from pve_simulator.guests import agent, configuration, content
from pve_simulator.state.model import Guest, Storage, Volume
from pve_simulator.storage.layout import Layout


def included(guest: Guest) -> list[Volume]:
    """The mount points and disks that go into a backup: of a container the root, and mount points that say so."""
    if guest.kind == "lxc":
        return [volume for volume in guest.volumes if volume.key == "rootfs" or volume.backup]
    disks = [volume for volume in guest.volumes if not volume.key.startswith("unused")]
    return [volume for volume in disks if volume.backup is not False]


def write(
    stream: IO[bytes], guest: Guest, storages: dict[str, Storage], layout: Layout, excludes: Sequence[str] = ()
) -> None:
    """Write configuration and content, uncompressed."""
    text = configuration.archived_text(guest, storages)
    folder = layout.guest(guest.vmid)
    volumes = included(guest)
    if guest.kind == "lxc":
        trees = [container.Tree(folder / volume.key, volume.path or "/") for volume in volumes]
        container.write(stream, text, trees, excludes)
    else:
        disks = {volume.key: content.disk_file(folder, volume.key) for volume in volumes}
        machine.write(stream, text, disks, agent.place(folder))
