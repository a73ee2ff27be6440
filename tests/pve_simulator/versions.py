# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between the releases that can be simulated. Recorded: Proxmox VE 8.4.21 and 9.2.11."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    """One release of Proxmox VE."""

    release: str
    version: str
    repoid: str
    removed_vzdump_options: frozenset[str]
    privileges: frozenset[str]
    storage_types: tuple[str, ...]
    has_memhost: bool
    stop_needs_modify: bool  # ``stop`` in vzdump wants Sys.Modify on the node (since 9.2.8)
    network_type: str  # how /cluster/resources calls the network of a node
    requires_text: str  # said of a parameter that another one needs
    paths_refused_at: int  # the line of Storage.pm that refuses paths in place of volumes

    @property
    def nine(self) -> bool:
        """Tell whether this is Proxmox VE 9."""
        return self.release.startswith("9")

    def network_entry(self, node: str) -> dict[str, object]:
        """A node's network in /cluster/resources."""
        entry: dict[str, object] = {"node": node, "status": "ok", "type": self.network_type}
        if self.network_type == "sdn":
            return {**entry, "id": f"sdn/{node}/localnetwork", "sdn": "localnetwork"}
        zone = {"network": "localnetwork", "network-type": "zone"}
        return {**entry, **zone, "id": f"network/{node}/zone/localnetwork"}

    def missing_dependency(self, given: str) -> str:
        """What an error says about the parameter that ``given`` needs and that was not sent."""
        return self.requires_text.format(given=given)


_RIGHTS = {
    "Datastore": ("Allocate", "AllocateSpace", "AllocateTemplate", "Audit"),
    "Group": ("Allocate",),
    "Mapping": ("Audit", "Modify", "Use"),
    "Permissions": ("Modify",),
    "Pool": ("Allocate", "Audit"),
    "Realm": ("Allocate", "AllocateUser"),
    "SDN": ("Allocate", "Audit", "Use"),
    "Sys": ("AccessNetwork", "Audit", "Console", "Incoming", "Modify", "PowerMgmt", "Syslog"),
    "User": ("Modify",),
    "VM": (
        "Allocate", "Audit", "Backup", "Clone", "Config.CDROM", "Config.CPU", "Config.Cloudinit", "Config.Disk",
        "Config.HWType", "Config.Memory", "Config.Network", "Config.Options", "Console", "Migrate", "PowerMgmt",
        "Snapshot", "Snapshot.Rollback",
    ),
}  # fmt: skip
_PRIVILEGES = frozenset(f"{area}.{right}" for area, rights in _RIGHTS.items() for right in rights)

_GUEST_AGENT = frozenset(
    f"VM.GuestAgent.{right}" for right in ("Audit", "FileRead", "FileSystemMgmt", "FileWrite", "Unrestricted")
)

_STORAGE_TYPES = (
    "btrfs", "cephfs", "cifs", "dir", "esxi", "glusterfs", "iscsi", "iscsidirect", "lvm", "lvmthin", "nfs", "pbs",
    "rbd", "zfs", "zfspool",
)  # fmt: skip

VERSIONS = {
    "8.4": Version(
        release="8.4",
        version="8.4.21",
        repoid="2606ac850d46da29",
        removed_vzdump_options=frozenset(),
        privileges=_PRIVILEGES | {"VM.Monitor"},
        storage_types=_STORAGE_TYPES,
        has_memhost=False,
        stop_needs_modify=False,
        network_type="sdn",
        requires_text="missing property - '{given}' requires this property",
        paths_refused_at=581,
    ),
    "9.2": Version(
        release="9.2",
        version="9.2.11",
        repoid="14a22df35955d97d",
        removed_vzdump_options=frozenset({"maxfiles", "notification-policy", "notification-target"}),
        privileges=_PRIVILEGES | _GUEST_AGENT | {"VM.Replicate"},
        storage_types=tuple(kind for kind in _STORAGE_TYPES if kind != "glusterfs"),
        has_memhost=True,
        stop_needs_modify=True,
        network_type="network",
        requires_text="missing property required by '{given}'",
        paths_refused_at=651,
    ),
}
