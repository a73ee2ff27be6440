# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test data for restores: a web server in a container, a database in a VM, their backups, and what is around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import GuestStorage
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import GuestState
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Existing, Scene
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.plan import plan_restore
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import Chosen
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish
from unit.builders import GIB, NOW, TOKEN, a_backup, a_guest, granted

WEB: Mapping[str, str] = {
    "arch": "amd64",
    "cores": "1",
    "description": "the web server\n",
    "hostname": "web1",
    "memory": "512",
    "net0": "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,tag=7,type=veth",
    "ostype": "debian",
    "rootfs": "local:101/vm-101-disk-0.raw,size=4G",
    "swap": "0",
    "unprivileged": "1",
}
"""A container."""
DB: Mapping[str, str] = {
    "boot": "order=scsi0;net0",
    "memory": "2048",
    "name": "db1",
    "net0": "virtio=BC:24:11:00:00:02,bridge=vmbr1,firewall=1",
    "scsi0": "local:300/vm-300-disk-0.qcow2,size=8G",
    "smbios1": "uuid=1b523fd2-1a83-46f6-9332-d986a605820d",
    "vmgenid": "4055f727-df1f-4452-8499-7bc8d4e8e324",
}
"""A VM."""
IDS = {"lxc": 101, "qemu": 300}
RIGHTS = ("VM.Audit", "VM.Backup", "VM.Allocate", "VM.PowerMgmt", "Datastore.AllocateSpace", "SDN.Use")
ENOUGH = Permissions(granted(RIGHTS, "/vms", "/storage", "/sdn"))
"""What the documentation asks for."""
EVERYTHING = Permissions(
    granted(
        (*RIGHTS, "VM.Config.Options", "VM.Config.Network", "VM.Config.Disk", "Sys.Modify", "Sys.Audit", "Sys.Console"),
        "/",
    )
)


def a_configuration(kind: str = "lxc", **changed: str | None) -> GuestConfiguration:
    """That of the web server or the database; what is None is left out."""
    values = {**(WEB if kind == "lxc" else DB), **changed}
    return GuestConfiguration(kind, {key: value for key, value in values.items() if value is not None})


def a_storage(name: str = "local", **more: Any) -> GuestStorage:
    """A storage for everything, with room, that writes volumes bit by bit."""
    fields: dict[str, Any] = {
        "type": "dir",
        "content": frozenset({"rootdir", "images", "backup"}),
        "enabled": True,
        "active": True,
        "avail": 100 * GIB,
        "total": 400 * GIB,
    }
    return GuestStorage(name, **{**fields, **more})


def storages(*given: GuestStorage) -> dict[str, GuestStorage]:
    """By name."""
    return {one.storage: one for one in given}


def an_existing(kind: str = "lxc", **more: Any) -> Existing:
    """A guest that is there, stopped, as the backup has it but for its memory; ``running`` and ``ha`` are its state."""
    configuration = more.pop("configuration", None) or a_configuration(kind, memory="1024")
    guest = more.pop("guest", None) or a_guest(IDS[kind], configuration.name, kind=kind)
    state = GuestState(more.pop("running", False), more.pop("lock", None), more.get("ha") is not None)
    return Existing(guest, state, configuration, **more)


def a_scene(kind: str = "lxc", **more: Any) -> Scene:
    """The backup of the web server or the database, and no guest on its id unless ``existing`` is given."""
    backup: Backup = more.pop("backup", None) or a_backup(IDS[kind], guest_type=kind)
    fields: dict[str, Any] = {
        "chosen": Chosen(backup, more.pop("doubt", ""), more.pop("warning", "")),
        "archived": a_configuration(kind),
        "vmid": IDS[kind],
        "node": "pve1",
        "existing": None,
        "spare": 900,
        "storages": storages(a_storage("local"), a_storage("vault", type="nfs", content=frozenset({"backup"}))),
        "settings": {},
        "backups": (backup,),
        "readable_on": frozenset({"pve1", "pve2"}),
        "pools": frozenset({"lab"}),
        "version": (8, 4),
        "permissions": ENOUGH,
        "authid": TOKEN,
        "now": float(NOW),
    }
    return Scene(**{**fields, **more})


def a_replacement(kind: str = "lxc", **more: Any) -> Scene:
    """A scene with a guest on the id; what isn't said of the scene is said of the guest."""
    of_scene = {key: more.pop(key) for key in list(more) if key in (*Scene.__dataclass_fields__, "backup", "doubt")}
    return a_scene(kind, existing=an_existing(kind, **more), **of_scene)


def a_wish(**more: Any) -> RestoreWish:
    """To restore the web server's newest backup to where it was."""
    return replace(RestoreWish(vmid=101), **more)


def replacing(**more: Any) -> RestoreWish:
    """To replace the guest by it."""
    return a_wish(**{"if_exists": "replace", **more})


def without(permissions: Permissions, privileges: Iterable[str]) -> Permissions:
    """All but these."""
    taken = set(privileges)
    return Permissions(
        {
            path: {right: reach for right, reach in of_path.items() if right not in taken}
            for path, of_path in permissions.paths.items()
        }
    )


def planned(wish: RestoreWish, scene: Scene) -> RestorePlan:
    """The plan."""
    return plan_restore(wish, scene)


def refused(wish: RestoreWish, scene: Scene) -> str:
    """Why there is none."""
    with pytest.raises(InputError) as caught:
        plan_restore(wish, scene)
    return caught.value.message
