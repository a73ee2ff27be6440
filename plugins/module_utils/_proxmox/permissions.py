# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the token may do, from one look at /access/permissions. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.lifeboat.backup.plugins.module_utils._core.number import whole_number
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer


@dataclass(frozen=True)
class Permissions:
    """Privileges by path as Proxmox lists them: a key means granted, its value whether it reaches further down.

    The list holds the top folders, every path with an ACL and the members of pools; a path that it doesn't hold has
    what reaches down from the nearest one above (pve-access-control RPCEnvironment.pm, recorded: 02_auth).
    """

    paths: Mapping[str, Mapping[str, bool]]

    def allows(self, privilege: str, path: str) -> bool:
        """Whether the token has ``privilege`` on ``path``."""
        if path in self.paths:
            return privilege in self.paths[path]
        above = path
        while above != "/":
            above = above.rpartition("/")[0] or "/"
            if above in self.paths:
                return self.paths[above].get(privilege, False)
        return False

    def may_back_up(self, vmid: int) -> bool:
        """VM.Backup on the guest: without it in one guest, Proxmox aborts the whole node's task."""
        return self.allows("VM.Backup", f"/vms/{vmid}")

    def may_write(self, storage: str) -> bool:
        """Whether backups may be put on the storage."""
        return self.allows("Datastore.AllocateSpace", f"/storage/{storage}")

    def may_list_all(self, storage: str) -> bool:
        """Whether every backup on the storage is shown, whoever owns it."""
        return self.allows("Datastore.Allocate", f"/storage/{storage}")

    def may_list(self, storage: str, vmid: int) -> bool:
        """Whether the guest's backups on the storage are shown; Proxmox leaves out the others without a word."""
        return self.may_list_all(storage) or (self.may_write(storage) and self.may_back_up(vmid))


def observe_permissions(client: Client) -> Permissions:
    """One request: the privileges of the token or user that asks."""
    answer = client.get("access/permissions")
    if not isinstance(answer, dict):
        raise BadAnswer("The list of permissions is not one: check api_host and api_port.")
    return Permissions(
        {
            path: {privilege: whole_number(reach) > 0 for privilege, reach in granted.items()}
            for path, granted in answer.items()
            if isinstance(granted, dict)
        }
    )
