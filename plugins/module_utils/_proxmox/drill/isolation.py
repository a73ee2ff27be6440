# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ties a restored guest to the world, and how it is cut before its first start. Pure. Private to this collection.

Every option that a guest's configuration may hold is of one of four kinds: harmless, set otherwise with the restore,
taken out afterwards, or a reason not to start the guest. An option that is not known here is such a reason: a test
holds this list against the published options of Proxmox VE 7.4, 8.4 and 9.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    GuestConfiguration,
    properties,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import ROOT

_DRIVE = re.compile(r"^(?:(?:ide|sata|scsi|virtio)\d+|efidisk0|tpmstate0|cdrom)$")
_MOUNT = re.compile(r"^(?:rootfs|mp\d+)$")
_NETWORK = re.compile(r"^net\d+$")
_OWNER = re.compile(r"(?:^|[:/])(?:vm|base|subvol|basevol)-(\d+)-")
_CLOUD_INIT = re.compile(r"[:/]vm-\d+-cloudinit(?:\.|$)")
_RANDOM = ("/dev/urandom", "/dev/random")

_HARMLESS = {
    "qemu": re.compile(
        r"acpi|affinity|agent|allow-ksm|amd-sev|arch|audio0|autostart|balloon|bios|boot|bootdisk|cicustom|cipassword"
        r"|citype|ciupgrade|ciuser|cores|cpu|cpulimit|cpuunits|description|digest|freeze|hotplug|hugepages|intel-tdx"
        r"|ipconfig\d+|keephugepages|keyboard|kvm|localtime|lock|machine|memory|meta|migrate_downtime|migrate_speed"
        r"|name|nameserver|numa\d*|ostype|protection|reboot|scsihw|searchdomain|shares|smbios1|smp|sockets"
        r"|spice_enhancements|sshkeys|startdate|startup|tablet|tags|tdf|template|unused\d+|vcpus|vga|vmgenid"
        r"|vmstatestorage|watchdog"
    ),
    "lxc": re.compile(
        r"arch|cmode|console|cores|cpulimit|cpuunits|debug|description|digest|entrypoint|env|features|hostname|lock"
        r"|memory|nameserver|ostype|protection|searchdomain|startup|swap|tags|template|timezone|tty|unprivileged"
        r"|unused\d+"
    ),
}
"""Options that reach nothing outside of the guest."""
_TAKEN_OUT = {
    "qemu": re.compile(r"args|hookscript|hostpci\d+|usb\d+|virtiofs\d+|parallel\d+|ivshmem"),
    "lxc": re.compile(r"hookscript|dev\d+"),
}
"""Options that are deleted before the first start, whatever they hold."""
_FOR_ROOT = re.compile(r"^(?:args|hookscript|parallel\d+|dev\d+|mp\d+)$")
"""Of what is taken out, that which Proxmox lets root@pam alone delete, with a password and not with a token
(qemu-server API2/Qemu.pm, pve-container LXC.pm); a mount point is one of the host then."""


@dataclass(frozen=True)
class Network:
    """What becomes of a scratch guest's network cards: ``none``, ``disconnected`` or ``isolated``."""

    how: str = "none"
    bridge: str | None = None
    vlan: int | None = None


@dataclass(frozen=True)
class Cut:
    """What is to be changed before the first start: options to ``delete`` and to ``change``.

    ``barred`` says why the guest must not be started although all that was changed, a reason for each option.
    """

    delete: tuple[str, ...] = ()
    change: Mapping[str, str] = field(default_factory=dict)
    barred: tuple[str, ...] = ()


def cut(found: GuestConfiguration, vmid: int, network: Network, authid: str) -> Cut:
    """What has to be taken out of the guest ``vmid``, restored as ``found``, before it may be started by ``authid``."""
    delete: list[str] = []
    change: dict[str, str] = {}
    barred: list[str] = []
    for key, value in sorted(found.values.items()):
        if (
            _TAKEN_OUT[found.type].fullmatch(key)
            or _is_host_serial(key, value)
            or _is_host_mount(found.type, key, value)
        ):
            if authid != ROOT and _only_root_deletes(key, value):
                barred.append(f"{key} ({_short(key, value)}) can be taken out by {ROOT} alone")
            else:
                delete.append(key)
        elif _NETWORK.match(key):
            if network.how == "none":
                delete.append(key)
        elif key == "onboot" and value != "0":
            change[key] = "0"
        elif _is_medium(found.type, key, value):
            change[key] = "none,media=cdrom"
    left = GuestConfiguration(
        found.type, {key: change.get(key, value) for key, value in found.values.items() if key not in delete}
    )
    return Cut(tuple(delete), change, together(barred, reaches_out(left, vmid, network)))


def together(said: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """Reasons that begin with an option each; of two for one option the first."""
    found: dict[str, str] = {}
    for reason in (*said, *more):
        found.setdefault(reason.partition(" ")[0], reason)
    return tuple(found.values())


def reaches_out(found: GuestConfiguration, vmid: int, network: Network) -> list[str]:
    """Why a guest with this configuration must not be started in a drill, a reason for each option; empty: it may."""
    reasons = [_why(found, key, value, vmid, network) for key, value in sorted(found.values.items())]
    return [reason for reason in reasons if reason]


def _why(found: GuestConfiguration, key: str, value: str, vmid: int, network: Network) -> str:
    if _NETWORK.match(key):
        return _connected(key, value, network)
    if key == "onboot":
        return "" if value == "0" else "onboot would start it with its node"
    if (_DRIVE if found.type == "qemu" else _MOUNT).match(key):
        return _foreign(found.type, key, value, vmid)
    if key.startswith("serial") and found.type == "qemu":
        return f"{key} is a device of the node ({value})" if _is_host_serial(key, value) else ""
    if key == "rng0" and found.type == "qemu":
        source = properties(value).get("source") or properties(value).get("", "")
        return "" if source in _RANDOM else f"rng0 is a device of the node ({source})"
    if key.startswith("lxc."):
        return f"{key} is a setting of LXC of its own, which can't be taken out by a call"
    if _HARMLESS[found.type].fullmatch(key):
        return ""
    if _TAKEN_OUT[found.type].fullmatch(key):
        return f"{key} ({_short(key, value)}) is still there"
    return f"{key} is an option that this version does not know to be harmless"


def _connected(key: str, value: str, network: Network) -> str:
    parts = properties(value)
    if network.how == "none":
        return f"{key} is a network card"
    if network.how == "disconnected":
        return "" if parts.get("link_down") == "1" else f"{key} has its link up"
    there = (parts.get("bridge"), parts.get("tag"), parts.get("trunks"))
    wanted = (network.bridge, None if network.vlan is None else str(network.vlan), None)
    return "" if there == wanted else f"{key} is on {parts.get('bridge')}"


def _foreign(kind: str, key: str, value: str, vmid: int) -> str:
    """A drive or mount that is not the scratch guest's own: another guest's disk, a part of the node, a medium."""
    parts = properties(value)
    volume = parts.get("") or parts.get("file") or parts.get("volume") or ""
    if kind == "qemu" and volume in ("none", ""):
        return ""
    owners = _OWNER.findall(volume)
    if owners and owners[-1] == str(vmid):
        return ""
    if _is_medium(kind, key, value):
        return f"{key} has a medium in it ({volume})"
    return f"{key} is {volume}, which is not this copy's own"


def _is_medium(kind: str, key: str, value: str) -> bool:
    """Whether it is a CD drive with a medium; that of cloud-init is made for the guest itself."""
    if kind != "qemu" or not _DRIVE.match(key):
        return False
    parts = properties(value)
    volume = parts.get("") or parts.get("file") or ""
    return (parts.get("media") == "cdrom" or key == "cdrom") and volume != "none" and not _CLOUD_INIT.search(volume)


def _is_host_serial(key: str, value: str) -> bool:
    return re.match(r"^serial\d+$", key) is not None and value != "socket"


def _is_host_mount(kind: str, key: str, value: str) -> bool:
    if kind != "lxc" or not re.match(r"^mp\d+$", key):
        return False
    parts = properties(value)
    return (parts.get("") or parts.get("volume") or "").startswith("/")


def _only_root_deletes(key: str, value: str) -> bool:
    if _FOR_ROOT.match(key) or _is_host_serial(key, value):
        return True
    raw = properties(value).get("host") or properties(value).get("", "")
    return re.match(r"^(?:usb|hostpci)\d+$", key) is not None and "mapping" not in properties(value) and raw != "spice"


def _short(key: str, value: str) -> str:
    """What a reason may show of an option: not the arguments of a program, which may hold a secret."""
    return "..." if key == "args" else value[:60]


def lowered(archived: GuestConfiguration, memory: int | None, cores: int | None) -> dict[str, str]:
    """Memory (MiB) and cores, where the guest has more than these."""
    found: dict[str, str] = {}
    # The memory of NUMA nodes has to add up to that of the guest: it is left as it is then
    divided = any(re.match(r"^numa\d+$", key) for key in archived.values)
    if memory is not None and memory < needed_memory(archived, None) and not divided:
        found["memory"] = str(memory)
        balloon = archived.values.get("balloon", "")
        if balloon.isdigit() and int(balloon) > memory:
            found["balloon"] = str(memory)
    wanted = archived.values.get("cores", "1" if archived.type == "qemu" else "")
    if cores is not None and (not wanted.isdigit() or int(wanted) > cores):
        found["cores"] = str(cores)
        sockets, plugged = archived.values.get("sockets", "1"), archived.values.get("vcpus", "")
        if sockets.isdigit() and plugged.isdigit() and int(plugged) > int(sockets) * cores:
            found["vcpus"] = str(int(sockets) * cores)  # it does not start with more than there are
    return found


def needed_memory(archived: GuestConfiguration, memory: int | None) -> int:
    """The MiB that the guest may take, with at most ``memory``. 512 unless told otherwise, as Proxmox has it."""
    text = archived.values.get("memory", "512").partition(",")[0]
    own = int(text.removeprefix("current=")) if text.removeprefix("current=").isdigit() else 512
    divided = any(re.match(r"^numa\d+$", key) for key in archived.values)
    return own if memory is None or divided else min(own, memory)
