# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The privileges that a restore needs, for every step that may come. Pure. Private to this collection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import properties
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions

ROOT = "root@pam"
"""Who may restore bind and device mounts, and take a stale lock away; none of its tokens may."""

# pve-container and qemu-server: which privilege a setting takes
_SETTINGS = (
    (re.compile(r"cores|cpu|cpulimit|cpuunits|sockets|vcpus|numa\d*|affinity"), "VM.Config.CPU"),
    (re.compile(r"memory|swap|balloon|shares|allow-ksm"), "VM.Config.Memory"),
    (re.compile(r"net\d+|nameserver|searchdomain|hostname|ipconfig\d+"), "VM.Config.Network"),
    (
        re.compile(
            r"acpi|arch|audio0|bios|hostpci\d+|kvm|localtime|machine|rng0|scsihw|serial\d+|tablet|usb\d+|vga|watchdog"
            r"|ivshmem|parallel\d+|keyboard"
        ),
        "VM.Config.HWType",
    ),
    (re.compile(r"ci\w+|sshkeys"), "VM.Config.Cloudinit"),
)


@dataclass(frozen=True)
class Need:
    """A privilege on a path, or one on any of several (``paths``)."""

    privilege: str
    paths: tuple[str, ...]
    why: str

    def met(self, permissions: Permissions) -> bool:
        """Whether the token has it."""
        return any(permissions.allows(self.privilege, path) for path in self.paths)

    def told(self) -> str:
        """For a message: what to grant, and what for."""
        return f"{self.privilege} on {' or '.join(self.paths[:2])} ({self.why})"


def need(privilege: str, path: str, why: str) -> Need:
    """On one path."""
    return Need(privilege, (path,), why)


def missing(needs: Iterable[Need], permissions: Permissions) -> list[Need]:
    """Those that the token lacks, each once."""
    lacking: dict[tuple[str, tuple[str, ...]], Need] = {}
    for one in needs:
        if not one.met(permissions):
            lacking.setdefault((one.privilege, one.paths), one)
    return list(lacking.values())


def for_settings(keys: Iterable[str], vmid: int, pool: str | None) -> Iterator[Need]:
    """Settings that shall be other than in the archive."""
    paths = (f"/vms/{vmid}", *([f"/pool/{pool}"] if pool is not None else []))
    for privilege in sorted({_privilege(key) for key in keys}):
        yield Need(privilege, paths, "for settings other than in the archive")


def for_bridges(networks: Iterable[str], version: tuple[int, int], permissions: Permissions) -> Iterator[Need]:
    """SDN.Use for the bridges of network cards, since Proxmox VE 8 (qemu-server 8.0.2, recorded: 08_restore_lxc).

    A bridge of the host is in the zone ``localnetwork``, a virtual network in a zone of its own, which nobody tells
    here: a right on any other zone may be meant for it. A right on the card's VLAN is enough as well.
    """
    if version < (8, 0):
        return
    cards = [properties(value) for value in networks]
    other_zones = [path for path in permissions.paths if re.match(r"^/sdn/zones/(?!localnetwork(?:/|$))[^/]+", path)]
    for bridge, tag in sorted({(card.get("bridge", ""), card.get("tag", "")) for card in cards}):
        if bridge:
            local = f"/sdn/zones/localnetwork/{bridge}"
            yield Need("SDN.Use", (local, *([f"{local}/{tag}"] if tag else []), *other_zones), "for its network cards")


def for_mappings(mappings: Iterable[tuple[str, str]], version: tuple[int, int]) -> Iterator[Need]:
    """Mapping.Use for a VM's mapped devices, since Proxmox VE 8 (pve-api.md 6.7)."""
    if version >= (8, 0):
        for kind, name in mappings:
            yield need("Mapping.Use", f"/mapping/{kind}/{name}", "for a mapped device")


def _privilege(key: str) -> str:
    return next((right for pattern, right in _SETTINGS if pattern.fullmatch(key)), "VM.Config.Options")
