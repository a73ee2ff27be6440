# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which right an option of a guest's configuration takes (PVE::API2::Qemu and LXC, from the sources)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pve_simulator.access.acl import ROOT
from pve_simulator.errors import Died, Forbidden
from pve_simulator.guests import parsing
from pve_simulator.world import World

_PATTERNS = (
    (r"cores|cpu|cpulimit|cpuunits|sockets|vcpus|numa\d*|affinity|smp|shares", "VM.Config.CPU"),
    (r"memory|swap|balloon|allow-ksm", "VM.Config.Memory"),
    (r"net\d+|nameserver|searchdomain|hostname|ipconfig\d+", "VM.Config.Network"),
    (r"acpi|arch|audio0|bios|hostpci\d+|kvm|localtime|machine|rng0|scsihw|serial\d+|tablet", "VM.Config.HWType"),
    (r"usb\d+|vga|watchdog|ivshmem|parallel\d+|keyboard", "VM.Config.HWType"),
    (r"ci\w+|sshkeys", "VM.Config.Cloudinit"),
    (r"cdrom", "VM.Config.CDROM"),
)  # fmt: skip


def check(world: World, identity: str, vmid: int, pool: str | None, kind: str, options: Iterable[str]) -> None:
    """Raise `Forbidden`, or `Died`, for the first option that the caller must not set."""
    if identity == ROOT:
        return
    for option in sorted(options):
        if option == "lock" and kind == "qemu":
            raise Died("only root can set 'lock' config")
        needed = _privilege(kind, option)
        paths = [f"/vms/{vmid}", *([f"/pool/{pool}"] if pool is not None else [])]
        if not any(world.rights.has(identity, path, needed) for path in paths):
            raise Forbidden(f"{paths[0]}, {needed}")


def _privilege(kind: str, option: str) -> str:
    if parsing.is_mount(option) if kind == "lxc" else parsing.is_drive(option):
        return "VM.Config.Disk"
    if option.startswith("unused"):
        return "VM.Config.Disk"
    for pattern, privilege in _PATTERNS:
        if re.fullmatch(pattern, option):
            return privilege
    return "VM.Config.Options"
