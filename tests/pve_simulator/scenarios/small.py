# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node as the recorded systems were: containers 101 to 105, VMs 300 to 302, four storages, six tokens."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pve_simulator.access.acl import ROOT
from pve_simulator.population import Disk, Mount
from pve_simulator.scenarios.entrance import Entrance, entrance
from pve_simulator.world import World

ROOT_PASSWORD = "root-password"
USER_PASSWORD = "backup-password"

_BACKUP = ("VM.Audit", "VM.Backup", "Datastore.Audit", "Datastore.AllocateSpace")
_RESTORE = (
    *_BACKUP,
    "VM.Allocate",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "Datastore.Allocate",
    "Sys.Audit",
)
_JOBS = (*_BACKUP, "Datastore.Allocate", "Sys.Audit", "Sys.Modify")
_TEMPLATE = "tiny-busybox_1.0_amd64.tar.zst"
_NODE = {"8.4": "pve", "9.2": "pve9"}


def build(world: World) -> Entrance:
    """Put the scenario into a new world, or find it in one that has it."""
    if not world.cluster.nodes:
        build_hosts(world)
        build_containers(world)
        build_machines(world)
        build_users(world)
    return entrance(world, "backup@pve!op", ROOT, ROOT_PASSWORD)


def build_hosts(world: World) -> None:
    """The node and its storages."""
    world.add_node(_NODE[world.version.release])
    everything = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets"]
    world.add_storage("local", content=everything, prune="keep-all=1", path="/var/lib/vz")
    world.add_storage("backups", content=["backup"], prune="keep-last=2,keep-daily=3", path="/var/lib/vz2")
    world.add_storage("nobackup", content=["rootdir", "images"], path="/var/lib/vz3")
    world.add_storage("off", content=["backup"], disabled=True, path="/var/lib/vz4")
    local = world.layout.storage(world.cluster.storages["local"], world.entry.name) / "template" / "cache"
    local.mkdir(parents=True)
    (local / _TEMPLATE).write_bytes(_noise("template", 2000))


def build_containers(world: World) -> None:
    """Five stopped containers without quota, each with 600 KB that do not compress."""
    node = world.entry.name
    world.add_pool("prod", comment="a pool")
    world.add_container(
        101, "tiny1", node, size=0, memory=64, files=_files(101), description="first tiny container"
    )  # fmt: skip
    world.add_container(
        102, "tiny2", node, size=0, memory=64, files=_files(102), pool="prod", tags=["prod", "web"],
        description="container 102\nsecond line",
    )  # fmt: skip
    mounts = [
        Mount("mp0", "/srv/keep", backup=True, files={"kept.txt": b"kept\n"}, size=0),
        Mount("mp1", "/srv/skip", backup=False, files={"skipped.txt": b"skipped\n"}, size=0),
    ]
    world.add_container(
        103, "tiny3", node, size=0, memory=64, files=_files(103), mounts=mounts,
        description="container 103\nsecond line",
    )  # fmt: skip
    world.add_container(
        104, "tiny4", node, size=0, memory=64, files=_files(104), pool="prod", unprivileged=True,
        description="container 104\nsecond line",
    )  # fmt: skip
    world.add_container(
        105, "tiny5", node, size=0, memory=64, files=_files(105), description="container 105\nsecond line"
    )  # fmt: skip


def build_machines(world: World) -> None:
    """A VM without a disk, one with a disk and a network card that hangs in the air, and a template."""
    node = world.entry.name
    network: dict[str, str | int] = {"kvm": 0, "net0": "virtio=BC:24:11:02:FC:ED", "boot": "order=scsi0;net0"}
    disk = Disk(_noise("disk 301", 200_000))
    world.add_vm(300, "novm", node, memory=64, options={"kvm": 0, "cores": 1, "boot": " "})
    world.add_vm(301, "onedisk", node, memory=64, disks={"scsi0": disk}, options=network, tags=["prod"])
    world.add_vm(302, "tmpl", node, memory=64, disks={"scsi0": Disk()}, options={"kvm": 0}, template=True)


def build_users(world: World) -> None:
    """Users, roles, tokens."""
    world.add_user(ROOT, ROOT_PASSWORD)
    _user(world, "backup@pve", "BackupOperator", _BACKUP, token="op")
    world.add_token("backup@pve", "sep", privsep=True, comment="for tests")
    for path in ("/vms/101", "/storage/backups"):
        world.add_acl(path, "BackupOperator", "backup@pve!sep")
    _user(world, "restore@pve", "RestoreOperator", _RESTORE, token="op")
    _user(world, "jobs@pve", "JobOperator", _JOBS, token="op")
    _user(world, "auditor@pve", "PVEAuditor", (), token="ro")
    world.add_user("nobody@pve", USER_PASSWORD)
    world.add_token("nobody@pve", "none", privsep=False, comment="for tests")


def _user(world: World, name: str, role: str, privileges: Sequence[str], token: str) -> None:
    if privileges:
        world.add_role(role, privileges)
    world.add_user(name, USER_PASSWORD)
    world.add_token(name, token, privsep=False, comment="for tests")
    world.add_acl("/", role, name)


def _files(vmid: int) -> dict[str, bytes]:
    return {
        "etc/hostname": f"tiny{vmid - 100}\n".encode(),
        "etc/motd": f"container {vmid}\n".encode(),
        "srv/data/blob1.bin": _noise(f"blob1 of {vmid}", 300_000),
        "srv/data/blob2.bin": _noise(f"blob2 of {vmid}", 300_000),
        "tmp/gone": b"temporary files are left out\n",
    }


def _noise(seed: str, size: int) -> bytes:
    """Bytes that are the same each time and that nothing compresses."""
    return random.Random(seed).randbytes(size)
