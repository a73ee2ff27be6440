# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parameters of containers: what a configuration may hold, and what creating and restoring take besides."""

from __future__ import annotations

from pve_simulator.schema.parameters import Parameter, Table
from pve_simulator.schema.shared import NODE, PROPERTY_STRING, VMID
from pve_simulator.versions import Version

_TEXT = Parameter()
_SWITCH = Parameter(type="boolean")
_ON = Parameter(type="boolean", default=1)
_OFF = Parameter(type="boolean", default=0)
_PARTS = Parameter(format=PROPERTY_STRING)
_NAMES = Parameter(format="pve-configid-list")
_LIMIT = "restore limit from datacenter or storage config"

_OPTIONS: Table = {
    "arch": Parameter(enum=("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"), default="amd64"),
    "cmode": Parameter(enum=("shell", "console", "tty"), default="tty"),
    "console": _ON,
    "cores": Parameter(type="integer", minimum=1, maximum=8192),
    "cpulimit": Parameter(type="number", minimum=0, maximum=8192, default=0),
    "cpuunits": Parameter(type="integer", minimum=0, maximum=500000, default="cgroup v1: 1024, cgroup v2: 100"),
    "debug": _OFF,
    "description": Parameter(max_length=8192),
    "dev[n]": _PARTS,
    "features": _PARTS,
    "hookscript": Parameter(format="pve-volume-id"),
    "hostname": Parameter(max_length=255, format="dns-name"),
    "lock": Parameter(
        enum=(
            "backup",
            "create",
            "destroyed",
            "disk",
            "fstrim",
            "migrate",
            "mounted",
            "rollback",
            "snapshot",
            "snapshot-delete",
        )
    ),
    "memory": Parameter(type="integer", minimum=16, default=512),
    "mp[n]": _PARTS,
    "nameserver": Parameter(format="lxc-ip-with-ll-iface-list"),
    "net[n]": _PARTS,
    "onboot": _OFF,
    "ostype": Parameter(
        enum=(
            "debian",
            "devuan",
            "ubuntu",
            "centos",
            "fedora",
            "opensuse",
            "archlinux",
            "alpine",
            "gentoo",
            "nixos",
            "unmanaged",
        )
    ),
    "protection": _OFF,
    "rootfs": _PARTS,
    "searchdomain": Parameter(format="dns-name-list"),
    "startup": Parameter(format="pve-startup-order"),
    "swap": Parameter(type="integer", minimum=0, default=512),
    "tags": Parameter(format="pve-tag-list"),
    "template": _OFF,
    "timezone": Parameter(format="pve-ct-timezone"),
    "tty": Parameter(type="integer", minimum=0, maximum=6, default=2),
    "unprivileged": _OFF,
    "unused[n]": _PARTS,
}

_OF_9 = {
    "entrypoint": Parameter(pattern=r"[^\x00-\x08\x0a-\x1F\x7F]+", default="/sbin/init"),
    "env": Parameter(pattern=r"(?:\w+=[^\x00-\x08\x0a-\x1F\x7F]*)(?:\0\w+=[^\x00-\x08\x0a-\x1F\x7F]*)*"),
}
_CREATION = {
    "node": NODE,
    "vmid": VMID,
    "ostemplate": Parameter(optional=False, max_length=255),
    "restore": _SWITCH,
    "force": _SWITCH,
    "unique": Parameter(type="boolean", requires="restore"),
    "storage": Parameter(format="pve-storage-id", default="local"),
    "pool": Parameter(format="pve-poolid"),
    "password": Parameter(min_length=5),
    "ssh-public-keys": _TEXT,
    "ignore-unpack-errors": _SWITCH,
    "bwlimit": Parameter(type="number", minimum=0, default=_LIMIT),
    "start": _OFF,
}
_CHANGE = {"node": NODE, "vmid": VMID, "delete": _NAMES, "revert": _NAMES, "digest": Parameter(max_length=40)}


def options(version: Version) -> Table:
    """What a container's configuration may hold."""
    return {**_OPTIONS, **_OF_9} if version.nine else _OPTIONS


def creation(version: Version) -> Table:
    """The parameters of POST /nodes/{node}/lxc."""
    return {**options(version), **_CREATION, **({"ha-managed": _OFF} if version.nine else {})}


def change(version: Version) -> Table:
    """The parameters of PUT .../config."""
    return {**options(version), **_CHANGE}
