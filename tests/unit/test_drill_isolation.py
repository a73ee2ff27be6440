# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ties a restored copy to the world, and that nothing of it is left before the first start."""

from __future__ import annotations

import json
import os
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.isolation import (
    Network,
    cut,
    lowered,
    needed_memory,
    reaches_out,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import GuestConfiguration
from unit.builders import TOKEN
from unit.test_contracts import CONTRACTS, VERSIONS

NONE = Network()
ROOT = "root@pam"
COPY = 900
VM = {
    "name": "drill-300-db1",
    "memory": "2048",
    "scsi0": "local:900/vm-900-disk-0.qcow2,size=8G",
    "onboot": "0",
    "tags": "lifeboat-drill",
}
CT = {"hostname": "drill-101-web1", "rootfs": "local:900/vm-900-disk-0.raw,size=4G", "onboot": "0", "memory": "512"}


def vm(**more: str) -> GuestConfiguration:
    return GuestConfiguration("qemu", {**VM, **more})


def ct(**more: str) -> GuestConfiguration:
    return GuestConfiguration("lxc", {**CT, **more})


def after(found: GuestConfiguration, network: Network = NONE, authid: str = TOKEN) -> GuestConfiguration:
    """The configuration once Proxmox has done what it was asked for."""
    todo = cut(found, COPY, network, authid)
    values = {key: value for key, value in found.values.items() if key not in todo.delete}
    return GuestConfiguration(found.type, {**values, **todo.change})


def test_a_copy_that_reaches_nowhere_is_left_as_it_is() -> None:
    for found in (vm(), ct()):
        todo = cut(found, COPY, NONE, TOKEN)
        assert (todo.delete, todo.change, todo.barred) == ((), {}, ())
        assert reaches_out(found, COPY, NONE) == []


@pytest.mark.parametrize(
    ("found", "delete", "change"),
    [
        (vm(net0="virtio=BC:24:11:00:00:01,bridge=vmbr0"), ("net0",), {}),
        (vm(net0="virtio,bridge=vmbr0", net31="e1000,bridge=vmbr1"), ("net0", "net31"), {}),
        (ct(net0="name=eth0,bridge=vmbr0"), ("net0",), {}),
        (vm(onboot="1"), (), {"onboot": "0"}),
        (ct(onboot="1"), (), {"onboot": "0"}),
        (vm(ide2="local:iso/debian.iso,media=cdrom,size=600M"), (), {"ide2": "none,media=cdrom"}),
        (vm(ide2="cdrom,media=cdrom"), (), {"ide2": "none,media=cdrom"}),
        (vm(ide2="none,media=cdrom"), (), {}),
        (vm(ide2="local:900/vm-900-cloudinit.qcow2,media=cdrom"), (), {}),
        (vm(hostpci0="mapping=gpu"), ("hostpci0",), {}),
        (vm(usb0="mapping=key", usb1="spice", usb2="host=spice"), ("usb0", "usb1", "usb2"), {}),
        (vm(virtiofs0="dirid=share"), ("virtiofs0",), {}),
        (vm(ivshmem="size=32,name=looking"), ("ivshmem",), {}),
    ],
)
def test_what_a_token_takes_out(found: GuestConfiguration, delete: tuple[str, ...], change: dict[str, str]) -> None:
    todo = cut(found, COPY, NONE, TOKEN)
    assert (todo.delete, dict(todo.change), todo.barred) == (delete, change, ())
    assert reaches_out(after(found), COPY, NONE) == []


@pytest.mark.parametrize(
    ("found", "key", "words"),
    [
        (vm(args="-drive file=/etc/shadow"), "args", "args (...) can be taken out by root@pam alone"),
        (
            vm(hookscript="local:snippets/x.pl"),
            "hookscript",
            "hookscript (local:snippets/x.pl) can be taken out by root@",
        ),
        (vm(hostpci0="0000:01:00.0"), "hostpci0", "hostpci0 (0000:01:00.0) can be taken out by root@pam alone"),
        (vm(usb0="host=1234:5678"), "usb0", "usb0 (host=1234:5678) can be taken out by root@pam alone"),
        (vm(serial0="/dev/ttyS0"), "serial0", "serial0 (/dev/ttyS0) can be taken out by root@pam alone"),
        (vm(parallel0="/dev/parport0"), "parallel0", "parallel0 (/dev/parport0) can be taken out by root@pam alone"),
        (ct(mp0="/mnt/films,mp=/films"), "mp0", "mp0 (/mnt/films,mp=/films) can be taken out by root@pam alone"),
        (ct(dev0="/dev/ttyUSB0"), "dev0", "dev0 (/dev/ttyUSB0) can be taken out by root@pam alone"),
        (
            ct(hookscript="local:snippets/x.pl"),
            "hookscript",
            "hookscript (local:snippets/x.pl) can be taken out by root",
        ),
    ],
)
def test_what_only_root_takes_out(found: GuestConfiguration, key: str, words: str) -> None:
    todo = cut(found, COPY, NONE, TOKEN)
    assert todo.delete == ()
    assert [one[: len(words)] for one in todo.barred] == [words]
    assert [one.partition(" ")[0] for one in reaches_out(after(found), COPY, NONE)] == [key]
    as_root = cut(found, COPY, NONE, ROOT)
    assert (as_root.delete, as_root.barred) == ((key,), ())
    assert reaches_out(after(found, authid=ROOT), COPY, NONE) == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            vm(scsi1="local:300/vm-300-disk-1.qcow2,size=1G"),
            "scsi1 is local:300/vm-300-disk-1.qcow2, which is not this",
        ),
        (vm(scsi1="/dev/disk/by-id/ata-1"), "scsi1 is /dev/disk/by-id/ata-1, which is not this copy's own"),
        (vm(scsi1="lvm:vm-9001-disk-0,size=1G"), "scsi1 is lvm:vm-9001-disk-0, which is not this copy's own"),
        (vm(scsi1="iscsi:0.0.1.scsi-3600,size=1G"), "scsi1 is iscsi:0.0.1.scsi-3600, which is not this copy's own"),
        (ct(mp0="nfs:subvol-101-disk-1,mp=/x"), "mp0 is nfs:subvol-101-disk-1, which is not this copy's own"),
        (vm(rng0="source=/dev/hwrng"), "rng0 is a device of the node (/dev/hwrng)"),
        (ct(**{"lxc.mount.entry": "/srv srv none bind"}), "lxc.mount.entry is a setting of LXC of its own"),
        (vm(tomorrow0="x"), "tomorrow0 is an option that this version does not know to be harmless"),
        (ct(tomorrow="x"), "tomorrow is an option that this version does not know to be harmless"),
    ],
)
def test_what_bars_the_start(found: GuestConfiguration, words: str) -> None:
    (reason,) = cut(found, COPY, NONE, ROOT).barred
    assert reason.startswith(words)


@pytest.mark.parametrize(
    "own",
    [
        {"scsi1": "lvm:vm-900-disk-1,size=1G"},
        {"scsi1": "zfs:base-900-disk-1"},
        {"scsi1": "local:302/base-302-disk-0.qcow2/900/vm-900-disk-0.qcow2"},
        {"efidisk0": "lvm:vm-900-disk-1,size=4M", "tpmstate0": "lvm:vm-900-disk-2"},
        {"rng0": "source=/dev/urandom"},
        {"serial0": "socket"},
    ],
)
def test_what_is_the_copys_own(own: dict[str, str]) -> None:
    assert reaches_out(vm(**own), COPY, NONE) == []


def test_networks_that_are_kept() -> None:
    up, down = "virtio=BC:24:11:00:00:01,bridge=vmbr0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,link_down=1"
    off = Network("disconnected")
    assert cut(vm(net0=down), COPY, off, TOKEN).delete == ()
    assert reaches_out(vm(net0=down), COPY, off) == []
    assert reaches_out(vm(net0=up), COPY, off) == ["net0 has its link up"]
    assert reaches_out(vm(net0=down), COPY, NONE) == ["net0 is a network card"]
    lab = Network("isolated", "vmbr9", 999)
    assert reaches_out(vm(net0="virtio=BC:24:11:00:00:01,bridge=vmbr9,tag=999"), COPY, lab) == []
    for wrong in ("bridge=vmbr0,tag=999", "bridge=vmbr9,tag=99", "bridge=vmbr9", "bridge=vmbr9,tag=999,trunks=1-9"):
        assert reaches_out(vm(net0=f"virtio=BC:24:11:00:00:01,{wrong}"), COPY, lab), wrong
    assert reaches_out(ct(net0="name=eth0,bridge=vmbr9"), COPY, Network("isolated", "vmbr9")) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["qemu", "lxc"])
def test_every_published_option_is_known(version: str, kind: str) -> None:
    if not CONTRACTS.is_dir() and not os.environ.get("LIFEBOAT_REQUIRE_SHARED"):
        pytest.skip("the contracts lie beside the checkout, and are not there")
    paths = json.loads((CONTRACTS / f"pve-{version}.json").read_text(encoding="utf-8"))["paths"]
    of_the_call = {"node", "vmid", "delete", "digest", "revert", "skiplock", "force"}
    named = {re.sub(r"\[n\]", "0", one) for one in paths[f"/nodes/{{node}}/{kind}/{{vmid}}/config"]["PUT"]["params"]}
    unknown = []
    for option in sorted(named - of_the_call):
        found = GuestConfiguration(kind, {option: "local:900/vm-900-disk-0.raw"})
        barred = cut(found, COPY, NONE, ROOT).barred
        unknown += [one for one in barred if "does not know" in one]
    assert unknown == []


values = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["1", "0", "local:iso/x.iso,media=cdrom", "local:300/vm-300-disk-0.qcow2", "/dev/sda", "none"]),
    st.sampled_from(["mapping=gpu", "0000:01:00", "virtio=BC:24:11:00:00:01,bridge=vmbr0", "name=eth0,bridge=vmbr0"]),
)
KEYS = (
    *(
        "net0",
        "net1",
        "hostpci0",
        "usb0",
        "usb1",
        "virtiofs0",
        "args",
        "hookscript",
        "onboot",
        "ide2",
        "scsi0",
        "scsi1",
    ),
    *("serial0", "parallel0", "ivshmem", "rng0", "mp0", "mp1", "dev0", "rootfs", "lxc.cap.drop", "memory", "cores"),
    *("tags", "description", "future", "unused0", "cdrom"),
)
keys = st.one_of(st.sampled_from(KEYS), st.from_regex(r"[a-z]{1,8}[0-9]?", fullmatch=True))
networks = st.sampled_from(
    [NONE, Network("disconnected"), Network("isolated", "vmbr9", 9), Network("isolated", "vmbr9")]
)


@given(st.sampled_from(["qemu", "lxc"]), st.dictionaries(keys, values, max_size=8), networks, st.booleans())
def test_nothing_reaches_out_unless_it_is_told(
    kind: str, found: dict[str, Any], network: Network, as_root: bool
) -> None:
    """What is left after the cut is harmless, or among the reasons for which the copy is not started."""
    before = GuestConfiguration(kind, found)
    authid = ROOT if as_root else TOKEN
    told = {one.partition(" ")[0] for one in cut(before, COPY, network, authid).barred}
    left = after(before, network, authid)
    assert {one.partition(" ")[0] for one in reaches_out(left, COPY, network)} <= told
    for key, value in left.values.items():
        if key in ("args", "hookscript") or (key.startswith("hostpci") and kind == "qemu"):
            assert key in told
        if key.startswith("net") and key[3:].isdigit() and network.how == "none":
            raise AssertionError(f"{key}: {value}")


@pytest.mark.parametrize(
    ("archived", "memory", "cores", "expected"),
    [
        ({"memory": "2048"}, 512, None, {"memory": "512"}),
        ({"memory": "2048"}, 4096, None, {}),
        ({"memory": "2048"}, 2048, None, {}),
        ({"memory": "current=2048"}, 512, None, {"memory": "512"}),
        ({"memory": "2048", "balloon": "1024"}, 512, None, {"memory": "512", "balloon": "512"}),
        ({"memory": "2048", "balloon": "256"}, 512, None, {"memory": "512"}),
        ({}, 256, None, {"memory": "256"}),
        ({"cores": "4"}, None, 2, {"cores": "2"}),
        ({"cores": "2"}, None, 2, {}),
        ({}, None, 1, {}),
        ({"memory": "2048", "cores": "4"}, None, None, {}),
    ],
)
def test_less_memory_and_fewer_cores(
    archived: dict[str, str], memory: int | None, cores: int | None, expected: dict[str, str]
) -> None:
    assert lowered(GuestConfiguration("qemu", archived), memory, cores) == expected


def test_a_container_without_cores_has_all_of_them() -> None:
    assert lowered(GuestConfiguration("lxc", {}), None, 2) == {"cores": "2"}


def test_the_memory_that_a_copy_takes() -> None:
    assert needed_memory(GuestConfiguration("qemu", {"memory": "2048"}), None) == 2048
    assert needed_memory(GuestConfiguration("qemu", {"memory": "2048"}), 512) == 512
    assert needed_memory(GuestConfiguration("qemu", {"memory": "256"}), 512) == 256
    assert needed_memory(GuestConfiguration("qemu", {}), None) == 512
    assert needed_memory(GuestConfiguration("qemu", {"memory": "odd"}), None) == 512
