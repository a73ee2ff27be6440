# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Linked clones: disks that build on a base volume of a template."""

from __future__ import annotations

from pve_simulator.guests import configuration
from pve_simulator.state.model import Cluster, Guest, Volume


def user(cluster: Cluster, guest: Guest, volume: Volume) -> int | None:
    """A guest with a disk that is seen to build on this volume, or None."""
    name, kind = configuration.volid(guest, volume, cluster.storages), cluster.storages[volume.storage].type
    disks = ((other, disk) for other in cluster.guests.values() for disk in other.volumes if disk.parent == name)
    return next((other.vmid for other, disk in disks if configuration.base_name(disk, kind) is not None), None)


def used_base(cluster: Cluster, guest: Guest) -> str | None:
    """The first of a guest's volumes that linked clones build on, or None."""
    return next(
        (
            configuration.volid(guest, volume, cluster.storages)
            for volume in guest.volumes
            if user(cluster, guest, volume) is not None
        ),
        None,
    )
