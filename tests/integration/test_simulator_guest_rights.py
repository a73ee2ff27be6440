# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which right an option of a guest's configuration takes in the simulator, where it depends on its value too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pve_simulator import Simulator, World
from pve_simulator.client import Client, Reply

PLACES = {101: "/nodes/pve1/lxc/101/config", 300: "/nodes/pve1/qemu/300/config"}
EVERYTHING = [f"VM.Config.{word}" for word in ("CPU", "Memory", "Disk", "CDROM", "Network", "HWType", "Options")]
THERE: dict[str, str | int] = {
    "args": "-no-hpet",
    "hookscript": "local:snippets/hook.pl",
    "ide2": "local:iso/debian.iso,media=cdrom,size=600M",
    "ide3": "local:300/vm-300-cloudinit.qcow2,media=cdrom",
    "usb0": "host=1234:5678",
    "usb1": "mapping=stick",
    "usb2": "spice",
    "hostpci0": "0000:01:00.0,pcie=1",
    "hostpci1": "mapping=gpu",
    "serial0": "/dev/ttyS0",
    "serial1": "socket",
    "virtiofs0": "films,cache=auto",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A container and a VM with a bit of everything."""
    world = World(tmp_path / "cluster")
    world.add_node("pve1")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_container(101, "web1", "pve1", options={"hookscript": "local:snippets/hook.pl", "dev0": "/dev/ttyS0"})
    world.add_vm(300, "vm", "pve1", disks={"scsi0": b"x"}, options=THERE)
    world.add_user("ann@pve")
    return world


@pytest.fixture
def ann(world: World, sim: Simulator) -> Iterator[Client]:
    """Somebody who has the rights that a test gives."""
    secret = world.add_token("ann@pve", "hers", privsep=False)
    with Client(sim, "ann@pve!hers", secret) as client:
        yield client


def give(world: World, path: str, *privileges: str) -> None:
    name = f"R{len(world.cluster.acl)}"
    world.add_role(name, privileges)
    world.add_acl(path, name, "ann@pve")


def change(client: Client, vmid: int, **options: object) -> Reply:
    return client.put(PLACES[vmid], **options)


@pytest.mark.parametrize(
    "option", ["args", "hookscript", "usb0", "hostpci0", "serial0", "vmgenid"], ids=lambda option: option
)
@pytest.mark.parametrize("goes", [True, False], ids=["deleted", "set"])
def test_what_only_root_may_do_to_a_vm(world: World, ann: Client, sim: Simulator, option: str, goes: bool) -> None:
    give(world, "/", "Mapping.Use", "Sys.Modify", "VM.Allocate", *EVERYTHING)
    value = {"vmgenid": "1", "serial0": "socket"}.get(option, "mapping=stick")  # the one that is there counts, too
    wanted: dict[str, object] = {"delete": option} if goes else {option: value}
    of = {"usb0": " for real devices", "hostpci0": " for non-mapped devices", "serial0": " for real devices"}
    reply = change(ann, 300, **wanted)
    assert (reply.status, reply.reason) == (500, f"only root can set '{option}' config{of.get(option, '')}")
    # a token of root is not root
    with Client(sim, "root@pam!all", world.add_token("root@pam", "all", privsep=False)) as token:
        assert change(token, 300, **wanted).status == 500


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("hookscript", "changing the hookscript is only allowed for root@pam"),
        ("dev0", "configuring device passthrough is only allowed for root@pam"),
    ],
)
def test_what_only_root_may_do_to_a_container(world: World, ann: Client, option: str, text: str) -> None:
    give(world, "/", "VM.Allocate", *EVERYTHING)
    for wanted in ({"delete": option}, {option: "local:snippets/other.pl"}):
        reply = change(ann, 101, **wanted)
        assert (reply.status, reply.reason) == (403, f"Permission check failed ({text})")
    assert change(ann, 101, onboot=0, delete="startup").status == 200


NEEDED = [
    ("startup", "order=1", {"/vms/300": "VM.Config.Options", "/": "Sys.Modify"}),
    ("onboot", 0, {"/vms/300": "VM.Config.Options"}),
    ("ide2", "none,media=cdrom", {"/vms/300": "VM.Config.CDROM"}),
    ("ide2", "local:iso/other.iso,media=cdrom", {"/vms/300": "VM.Config.CDROM"}),
    ("ide2", None, {"/vms/300": "VM.Config.CDROM"}),
    ("scsi0", "local:300/vm-300-disk-0.qcow2,discard=on", {"/vms/300": "VM.Config.Disk"}),
    ("scsi0", None, {"/vms/300": "VM.Config.Disk"}),
    ("boot", "order=scsi0", {"/vms/300": "VM.Config.Disk"}),
    ("usb1", None, {"/vms/300": "VM.Config.HWType", "/mapping/usb/stick": "Mapping.Use"}),
    ("usb2", None, {"/vms/300": "VM.Config.HWType"}),
    ("usb3", "mapping=stick,usb3=1", {"/vms/300": "VM.Config.HWType", "/mapping/usb/stick": "Mapping.Use"}),
    ("hostpci1", None, {"/vms/300": "VM.Config.HWType", "/mapping/pci/gpu": "Mapping.Use"}),
    ("serial1", None, {"/vms/300": "VM.Config.HWType"}),
    ("virtiofs0", None, {"/vms/300": "VM.Config.Disk", "/mapping/dir/films": "Mapping.Use"}),
    ("net0", "virtio,bridge=vmbr0", {"/vms/300": "VM.Config.Network"}),
    ("memory", 256, {"/vms/300": "VM.Config.Memory"}),
]


@pytest.mark.parametrize(("option", "value", "needed"), NEEDED, ids=lambda item: str(item)[:20])
def test_what_an_option_takes(world: World, ann: Client, option: str, value: object, needed: dict[str, str]) -> None:
    wanted: dict[str, object] = {"delete": option} if value is None else {option: value}
    # whoever may do everything else gets in, and is told what is missing
    give(world, "/vms", *(name for name in EVERYTHING if name not in needed.values()))
    held = [f"{path}, {name}" for path, name in needed.items()]
    for path, name in needed.items():
        reply = change(ann, 300, **wanted)
        assert reply.status == 403
        assert reply.reason in [f"Permission check failed ({missing})" for missing in held]
        give(world, path, name, *(EVERYTHING if path == "/vms/300" else ()))
    assert change(ann, 300, **wanted).status == 200


def test_a_disk_that_cloud_init_reads_takes_two_rights(world: World, ann: Client) -> None:
    give(world, "/vms", "VM.Config.CDROM")
    assert change(ann, 300, delete="ide3").reason == "Permission check failed (/vms/300, VM.Config.Cloudinit)"
    give(world, "/vms/300", "VM.Config.CDROM", "VM.Config.Cloudinit")
    assert change(ann, 300, delete="ide3").status == 200


def test_what_is_not_there_can_be_taken_away_by_anybody(world: World, ann: Client) -> None:
    give(world, "/vms", "VM.Config.Options")
    assert change(ann, 300, delete="usb4,hostpci3").status == 200
    assert change(ann, 300, usb4="usb3=1").reason == "Permission check failed (/vms/300, VM.Config.HWType)"


def test_devices_that_make_no_sense(world: World, ann: Client) -> None:
    give(world, "/vms", *EVERYTHING)
    for option in ("usb4", "hostpci4"):
        reply = change(ann, 300, **{option: "usb3=1"})
        assert (reply.status, reply.reason) == (500, "either 'host' or 'mapping' must be set.")
    assert set(change(ann, 300, usb4="host=1,host=2").errors) == {"usb4"}
