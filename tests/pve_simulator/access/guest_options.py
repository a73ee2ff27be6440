# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which right an option of a guest's configuration takes (PVE::API2::Qemu and PVE::LXC, from the sources).

Of some options it depends on the value: on the one that is set, and on the one that is there and goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pve_simulator.access import passed_through
from pve_simulator.access.acl import ROOT
from pve_simulator.errors import Died, Forbidden, ParameterError
from pve_simulator.guests import parsing
from pve_simulator.world import World

_OF_MACHINES = (
    (r"cores|cpu|cpulimit|cpuunits|numa\d*|smp|sockets|vcpus", ("VM.Config.CPU",)),
    (r"memory|balloon|shares|allow-ksm", ("VM.Config.Memory",)),
    (r"acpi|hotplug|kvm|machine|scsihw|smbios1|tablet|vga|watchdog|audio0|rng0", ("VM.Config.HWType",)),
    (r"agent|autostart|bios|description|keyboard|localtime|migrate_\w+|name|onboot|ostype", ("VM.Config.Options",)),
    (r"protection|reboot|startdate|startup|tags|tdf|template", ("VM.Config.Options",)),
    (r"freeze", ("VM.PowerMgmt",)),
    (r"boot|bootdisk|vmstatestorage|unused\d+", ("VM.Config.Disk",)),
    (r"net\d+", ("VM.Config.Network",)),
    (r"ci\w+|nameserver|searchdomain|sshkeys|ipconfig\d+", ("VM.Config.Cloudinit", "VM.Config.Network")),
)
_OF_CONTAINERS = (
    (r"cores|cpulimit|cpuunits", ("VM.Config.CPU",)),
    (r"memory|swap", ("VM.Config.Memory",)),
    (r"rootfs|mp\d+|unused\d+", ("VM.Config.Disk",)),
    (r"net\d+|nameserver|searchdomain|hostname", ("VM.Config.Network",)),
    (r".*", ("VM.Config.Options",)),
)


@dataclass(frozen=True)
class Wish:
    """What a caller wants of a guest's configuration: options set, options taken away, and what they are now."""

    vmid: int
    kind: str
    settings: Mapping[str, object]
    deleted: Sequence[str] = ()
    current: Mapping[str, object] = field(default_factory=dict)
    pool: str | None = None

    def values(self, option: str) -> list[str]:
        """What an option is, and what it is to be, as far as there are such."""
        found = (self.current.get(option), self.settings.get(option))
        return [str(value) for value in found if value is not None]


def check(world: World, identity: str, wish: Wish) -> None:
    """Raise `Forbidden`, or `Died`, for the first option that the caller must not set or take away."""
    if identity == ROOT:
        return
    checker = _Checker(world, identity, wish)
    for option in sorted({*wish.settings, *wish.deleted}):
        if wish.kind == "qemu":
            checker.machine(option)
        else:
            checker.container(option)


@dataclass(frozen=True)
class _Checker:
    world: World
    identity: str
    wish: Wish

    def machine(self, option: str) -> None:
        """Check an option of a VM."""
        if option == "cdrom" or parsing.is_drive(option):
            for text in self.wish.values(option):
                for privilege in _of_drive(option, text):
                    self._guest(privilege)
        elif passed_through.is_device(option):
            for text in self.wish.values(option):
                try:
                    need = passed_through.need(option, text)
                except ValueError as error:
                    raise ParameterError({option: f"invalid format - format error\n{error}\n"}) from error
                self._device(need)
        else:
            privileges = _found(_OF_MACHINES, option)
            if privileges is None:
                raise Died(f"only root can set '{option}' config")
            self._guest(*privileges)
            if option == "startup":  # it is the host that waits
                self.world.rights.check(self.identity, "/", "Sys.Modify")

    def container(self, option: str) -> None:
        """Check an option of a container."""
        if option == "hookscript":
            raise Forbidden("changing the hookscript is only allowed for root@pam")
        if re.fullmatch(r"dev\d+", option):
            raise Forbidden("configuring device passthrough is only allowed for root@pam")
        self._guest(*(_found(_OF_CONTAINERS, option) or ()))

    def _device(self, need: passed_through.Need) -> None:
        if need.privilege is not None:
            self._guest(need.privilege)
        if need.refusal is not None:
            raise Died(need.refusal)
        if need.mapping is not None:
            self.world.rights.check(self.identity, need.mapping, "Mapping.Use")

    def _guest(self, *privileges: str) -> None:
        """The caller must have one of the privileges on the guest, or on the pool into which it comes."""
        paths = [f"/vms/{self.wish.vmid}", *([f"/pool/{self.wish.pool}"] if self.wish.pool is not None else [])]
        if not any(self.world.rights.has_any(self.identity, path, privileges) for path in paths):
            raise Forbidden(f"{paths[0]}, {'|'.join(privileges)}")


def _found(table: Sequence[tuple[str, tuple[str, ...]]], option: str) -> tuple[str, ...] | None:
    return next((privileges for pattern, privileges in table if re.fullmatch(pattern, option)), None)


def _of_drive(option: str, text: str) -> tuple[str, ...]:
    """A CD is less than a disk, and the disk that cloud-init reads is a CD and more."""
    volume, *parts = text.split(",")
    if "cloudinit" in volume:
        return ("VM.Config.Cloudinit", "VM.Config.CDROM")
    if option == "cdrom" or "media=cdrom" in parts:
        return ("VM.Config.CDROM",)
    return ("VM.Config.Disk",)
