# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a guest a backup takes in, and why (recorded for containers with volumes; VMs by the source)."""

from __future__ import annotations

from pve_simulator.guests import configuration, parsing
from pve_simulator.schema.formats import split_list
from pve_simulator.state.model import Cluster, Guest, Volume

Entry = dict[str, object]


def tree(cluster: Cluster, vmid: int) -> Entry:
    """A guest with its volumes; of one that there is not, its id."""
    guest = cluster.guests.get(vmid)
    if guest is None:
        return {"id": vmid, "type": "unknown", "leaf": 1}
    children = [*_volumes(cluster, guest), *_others(guest)]
    return {"id": vmid, "type": guest.kind, "name": guest.name, "children": children, "leaf": int(not children)}


def _volumes(cluster: Cluster, guest: Guest) -> list[Entry]:
    return [
        _entry(guest, volume.key, configuration.volid(guest, volume, cluster.storages), *_judged(guest, volume))
        for volume in guest.volumes
        if not volume.key.startswith("unused")
    ]


def _judged(guest: Guest, volume: Volume) -> tuple[bool, str]:
    """Whether a volume is taken in, and the word for why."""
    if guest.kind == "lxc":
        if volume.key == "rootfs":
            return True, "rootfs"
        return bool(volume.backup), "enabled" if volume.backup else "disabled"
    if volume.key.startswith("efidisk") and guest.options.get("bios") != "ovmf":
        return False, "efidisk but no OMVF BIOS"
    taken = volume.backup is not False
    return taken, f"backup={'yes' if taken else 'no'}"


def _others(guest: Guest) -> list[Entry]:
    """What is no volume: mounted folders and devices of containers, disks of the host in VMs. CDs are not listed."""
    found = []
    for key, value in guest.options.items():
        words = split_list(str(value))
        if guest.kind == "lxc" and parsing.is_mount(key):
            found.append(_entry(guest, key, words[0], False, "not a volume"))
        elif guest.kind == "qemu" and parsing.is_drive(key) and "media=cdrom" not in words:
            taken = "backup=0" not in words
            found.append(_entry(guest, key, words[0], taken, f"backup={'yes' if taken else 'no'}"))
    return found


def _entry(guest: Guest, key: str, name: str, taken: bool, reason: str) -> Entry:
    return {"id": f"{guest.vmid}:{key}", "name": name, "included": int(taken), "reason": reason, "leaf": 1}
