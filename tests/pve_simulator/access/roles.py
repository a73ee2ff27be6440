# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles that every Proxmox has, as far as backups meet them."""

from __future__ import annotations

from pve_simulator.versions import Version

_BUILT_IN = {
    "NoAccess": "",
    "PVEAuditor": "Datastore.Audit Mapping.Audit Pool.Audit SDN.Audit Sys.Audit VM.Audit VM.GuestAgent.Audit",
    "PVEDatastoreUser": "Datastore.AllocateSpace Datastore.Audit",
    "PVEDatastoreAdmin": "Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit",
    "PVEPoolUser": "Pool.Audit",
    "PVEPoolAdmin": "Pool.Allocate Pool.Audit",
    "PVESysAdmin": "Sys.Audit Sys.Console Sys.Syslog",
    "PVEVMUser": "VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console VM.GuestAgent.Audit VM.PowerMgmt",
}


def built_in(version: Version) -> dict[str, list[str]]:
    """Role name to privileges, for one release."""
    roles = {name: sorted(version.privileges & set(text.split())) for name, text in _BUILT_IN.items()}
    roles["Administrator"] = sorted(version.privileges)
    roles["PVEVMAdmin"] = sorted(name for name in version.privileges if name.startswith("VM."))
    kept_back = {"Permissions.Modify", "Sys.AccessNetwork", "Sys.Incoming", "Sys.Modify", "Sys.PowerMgmt"}
    roles["PVEAdmin"] = sorted(version.privileges - kept_back)
    return roles
