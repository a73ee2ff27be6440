# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small company's cluster for people to look at: three nodes, twelve guests, a shared storage, a backup server."""

from __future__ import annotations

from pve_simulator.access.acl import ROOT
from pve_simulator.guests.agent import Agent
from pve_simulator.population import Disk, Mount
from pve_simulator.scenarios.entrance import Entrance, entrance
from pve_simulator.world import World

_PASSWORD = "root-password"
TOKEN = "backup@pve!lifeboat"

# what it takes to back guests up and to see the backups (docs: minimal roles)
MINIMAL_ROLE = ("VM.Audit", "VM.Backup", "Datastore.AllocateSpace")
# what it takes to restore onto new ids and in place of guests
RESTORE_ROLE = (*MINIMAL_ROLE, "VM.Allocate", "VM.PowerMgmt", "SDN.Use")

# what it takes to restore copies of guests, cut off from everything, to ask their agents, and to destroy them
DRILL_ROLE = (*RESTORE_ROLE, "VM.Config.Options", "VM.Config.Network")
# what it takes to judge all guests by a policy, and to make jobs match it
POLICY_ROLE = (*MINIMAL_ROLE, "Datastore.Audit", "Datastore.Allocate", "Sys.Audit", "Sys.Modify")
_AGENT = {"8.4": "VM.Monitor", "9.2": "VM.GuestAgent.Unrestricted"}

_HOUR = 3600.0
_DAY = 24 * _HOUR
_GUEST_VOLUMES = ["images", "rootdir"]


def build(world: World) -> Entrance:
    """Put the scenario into a new world, or find it in one that has it."""
    if not world.cluster.nodes:
        _hosts(world)
        _front(world)
        _office(world)
        _workshop(world)
        _earlier_backups(world)
        _users(world)
    return entrance(world, TOKEN, ROOT, _PASSWORD)


def build_for_restores(world: World) -> Entrance:
    """The same with a token that may restore, too."""
    is_new = not world.cluster.nodes
    found = build(world)
    if is_new:
        world.add_role("LifeboatRestore", RESTORE_ROLE)
        _grant(world, "LifeboatRestore", "/vms", "/storage", "/sdn")
    return found


def build_for_drills(world: World) -> Entrance:
    """The same with a token that may drill, too."""
    is_new = not world.cluster.nodes
    found = build_for_restores(world)
    if is_new:
        world.add_role("LifeboatDrill", (*DRILL_ROLE, _AGENT[world.version.release]))
        _grant(world, "LifeboatDrill", "/vms", "/storage", "/sdn")
        world.add_role("LifeboatSee", ("Sys.Audit",))
        _grant(world, "LifeboatSee", "/nodes")
    return found


def build_for_policies(world: World) -> Entrance:
    """The same with a token that may make backup jobs, too. One is there, made by hand, for guests of long ago."""
    is_new = not world.cluster.nodes
    found = build_for_drills(world)
    if is_new:
        world.add_role("LifeboatPolicy", POLICY_ROLE)
        _grant(world, "LifeboatPolicy", "/", "/vms", "/storage")  # roles further down take the place of those above
        world.add_job("weekly", schedule="sun 03:00", storage="vault", vmid="101,102,199", prune_backups="keep-last=1")
    return found


def _hosts(world: World) -> None:
    world.cluster.name = "harbour"
    for name in ("pve1", "pve2", "pve3"):
        world.add_node(name)
    world.add_storage("local", content=["iso", "vztmpl", "backup", "snippets"], prune="keep-last=3")
    world.add_storage("local-lvm", "lvmthin", _GUEST_VOLUMES, capacity=200 << 30)
    world.add_storage("vault", "nfs", ["backup"], prune="keep-last=3,keep-daily=7,keep-weekly=4", capacity=4 << 40)
    world.add_storage("depot", "pbs", ["backup"], prune="keep-daily=14", capacity=2 << 40)
    world.add_pool("prod", comment="what customers notice")
    world.add_pool("lab", comment="what they do not")


def _front(world: World) -> None:
    """What customers see, on pve1."""
    world.add_container(
        101, "web1", "pve1", storage="local-lvm", pool="prod", tags=["prod", "web"], running=True,
        files={
            "etc/hostname": b"web1\n",
            "etc/nginx/sites-enabled/harbour.conf": b"server { listen 80; root /srv/www; }\n",
            "srv/www/index.html": b"<!doctype html><title>Harbour</title><h1>Boats for hire</h1>\n",
            "srv/www/prices.html": b"<table><tr><td>Rowing boat</td><td>12 an hour</td></tr></table>\n",
        },
    )  # fmt: skip
    world.add_container(
        102, "shop", "pve1", storage="local-lvm", pool="prod", tags=["prod", "shop"], running=True, unprivileged=True,
        files={"etc/hostname": b"shop\n", "srv/shop/orders.csv": _orders(400)},
        mounts=[
            Mount("mp0", "/srv/images", files={"dinghy.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>\n"}),
            Mount("mp1", "/srv/cache", backup=False, files={"thumbnails.bin": b"\0" * 4096}),
        ],
    )  # fmt: skip
    world.add_vm(
        110, "db1", "pve1", storage="local-lvm", pool="prod", tags=["prod", "db"], running=True, memory=4096,
        disks={"scsi0": b"GRUB\0boot sector of db1" + b"\0" * 4096, "scsi1": b"PGDATA\n" + _orders(2000)},
        description="PostgreSQL for the shop", options={"agent": "1"},
        agent=Agent(files={"/var/lib/postgresql/canary": b"the shop's database\n"}),
    )  # fmt: skip
    world.add_vm(
        111, "gateway", "pve1", storage="local-lvm", tags=["prod", "net"], running=True, memory=1024,
        disks={"scsi0": b"pf.conf: block in all; pass out all\n"},
    )  # fmt: skip


def _office(world: World) -> None:
    """What the people work with, on pve2."""
    world.add_container(
        201, "mail", "pve2", storage="local-lvm", pool="prod", tags=["prod", "mail"], running=True,
        files={
            "etc/hostname": b"mail\n",
            "var/mail/anna": b"From: weather@example.org\nSubject: Gale warning\n\nStay in the harbour.\n",
            "var/mail/jan": b"From: anna@example.org\nSubject: Rowing boat 3\n\nIt leaks again.\n",
        },
    )  # fmt: skip
    world.add_container(
        202, "wiki", "pve2", storage="local-lvm", pool="prod", tags=["prod"], running=True,
        files={
            "etc/hostname": b"wiki\n",
            "srv/wiki/Knots.md": b"# Knots\n\nThe bowline holds and can be untied.\n",
            "srv/wiki/Backups.md": b"# Backups\n\nA backup that nobody has restored is a hope.\n",
        },
    )  # fmt: skip
    world.add_container(
        203, "files", "pve2", storage="local-lvm", tags=["prod"], running=True,
        files={"etc/hostname": b"files\n", "srv/share/Boats/register.csv": b"name,built\nSkylark,1987\nHeron,2004\n"},
    )  # fmt: skip
    world.add_vm(
        210, "accounts", "pve2", storage="local-lvm", pool="prod", tags=["prod", "db"], running=True, memory=8192,
        disks={"scsi0": b"boot sector of accounts" + b"\0" * 4096, "scsi1": b"ledger\n" + _orders(1000),
               "scsi2": Disk(b"scratch", backup=False)},
    )  # fmt: skip


def _workshop(world: World) -> None:
    """What may break, on pve3."""
    world.add_container(
        301, "ci", "pve3", storage="local-lvm", pool="lab", tags=["lab"], running=True,
        files={"etc/hostname": b"ci\n", "srv/ci/pipeline.yml": b"steps:\n  - make test\n"},
    )  # fmt: skip
    world.add_container(
        302, "playground", "pve3", storage="local-lvm", pool="lab", tags=["lab"],
        files={"etc/hostname": b"playground\n", "home/jan/notes.txt": b"Try the new anchor.\n"},
    )  # fmt: skip
    world.add_vm(
        310, "buildhost", "pve3", storage="local-lvm", pool="lab", tags=["lab"], running=True, memory=2048,
        disks={"scsi0": b"boot sector of buildhost" + b"\0" * 4096},
    )  # fmt: skip
    world.add_vm(
        900, "debian-template", "pve3", storage="local-lvm", tags=["template"], template=True,
        disks={"scsi0": b"a clean Debian" + b"\0" * 4096},
    )  # fmt: skip


def _earlier_backups(world: World) -> None:
    """A history with gaps: some guests are fine, one has an old backup only, some have none."""
    for vmid in (101, 201, 110):
        for days in (1, 0):
            world.add_archive(vmid, "vault", age=days * _DAY + 5 * _HOUR, notes=f"guest {vmid}, {days} days ago")
    world.add_archive(202, "vault", age=9 * _DAY, notes="before the upgrade", protected=True)
    world.add_archive(210, "depot", age=30 * _HOUR, verification="ok")
    world.add_archive(102, "depot", age=1 * _DAY, verification="failed")


def _users(world: World) -> None:
    world.add_user(ROOT, _PASSWORD)
    world.add_user("backup@pve")
    world.add_token("backup@pve", "lifeboat", privsep=True, comment="for lifeboat.backup")
    world.add_role("LifeboatBackup", MINIMAL_ROLE)
    _grant(world, "LifeboatBackup", "/vms", "/storage")


def _grant(world: World, role: str, *paths: str) -> None:
    """To the token and its user: with privilege separation both count."""
    for who in ("backup@pve", TOKEN):
        for path in paths:
            world.add_acl(path, role, who)


def _orders(count: int) -> bytes:
    boats = ("Skylark", "Heron", "Grebe", "Tern")
    rows = (f"{number},{boats[number % 4]},{number % 5 + 1} h\n" for number in range(1, count + 1))
    return "".join(["order,boat,time\n", *rows]).encode()
