# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which privileges a restore needs, and how the missing ones are told."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.rights import (
    Need,
    for_bridges,
    for_mappings,
    for_settings,
    missing,
    need,
)
from unit.builders import granted

NOBODY = Permissions({"/": {}})
AUDITOR = Permissions(granted(["VM.Audit"], "/vms/101", "/pool/lab"))


def test_a_need_is_told_as_what_to_grant_and_what_for() -> None:
    assert need("VM.Audit", "/vms/101", "to see it").told() == "VM.Audit on /vms/101 (to see it)"
    assert Need("VM.Allocate", ("/vms/101", "/pool/lab"), "for a new guest").told() == (
        "VM.Allocate on /vms/101 or /pool/lab (for a new guest)"
    )


def test_a_need_is_met_on_any_of_its_paths() -> None:
    assert Need("VM.Audit", ("/vms/999", "/pool/lab"), "").met(AUDITOR)
    assert not Need("VM.Audit", ("/vms/999", "/pool/prod"), "").met(AUDITOR)
    assert not need("VM.Backup", "/vms/101", "").met(AUDITOR)


def test_what_is_missing_is_named_once_with_its_first_reason() -> None:
    first, again = need("VM.PowerMgmt", "/vms/101", "to start it"), need("VM.PowerMgmt", "/vms/101", "to shut it down")
    other, met = need("VM.Backup", "/vms/101", "to replace it"), need("VM.Audit", "/vms/101", "to see it")
    assert missing([first, met, again, other], AUDITOR) == [first, other]
    assert missing([met], AUDITOR) == []


@pytest.mark.parametrize(
    ("key", "privilege"),
    [
        ("cores", "VM.Config.CPU"),
        ("cpu", "VM.Config.CPU"),
        ("numa0", "VM.Config.CPU"),
        ("memory", "VM.Config.Memory"),
        ("swap", "VM.Config.Memory"),
        ("net0", "VM.Config.Network"),
        ("net31", "VM.Config.Network"),
        ("hostname", "VM.Config.Network"),
        ("ipconfig1", "VM.Config.Network"),
        ("usb0", "VM.Config.HWType"),
        ("machine", "VM.Config.HWType"),
        ("ciuser", "VM.Config.Cloudinit"),
        ("sshkeys", "VM.Config.Cloudinit"),
        ("name", "VM.Config.Options"),
        ("onboot", "VM.Config.Options"),
        ("network", "VM.Config.Options"),
    ],
)
def test_a_setting_needs_the_privilege_that_proxmox_asks_for(key: str, privilege: str) -> None:
    assert [one.privilege for one in for_settings([key], 101, None)] == [privilege]


def test_settings_of_one_kind_need_one_privilege_on_the_guest_or_its_pool() -> None:
    why = "for settings other than in the archive"
    assert list(for_settings(["name", "onboot", "memory"], 101, None)) == [
        Need("VM.Config.Memory", ("/vms/101",), why),
        Need("VM.Config.Options", ("/vms/101",), why),
    ]
    assert [one.paths for one in for_settings(["name"], 101, "lab")] == [("/vms/101", "/pool/lab")]
    assert list(for_settings([], 101, "lab")) == []


CARDS = ["name=eth0,bridge=vmbr1", "virtio=BC:24:11:00:00:02,bridge=lab", "virtio,bridge=vmbr1", "virtio"]


def test_each_bridge_is_a_need_since_proxmox_ve_8() -> None:
    assert list(for_bridges(CARDS, (7, 4), NOBODY)) == []
    assert list(for_bridges(CARDS, (8, 0), NOBODY)) == [
        Need("SDN.Use", ("/sdn/zones/localnetwork/lab",), "for its network cards"),
        Need("SDN.Use", ("/sdn/zones/localnetwork/vmbr1",), "for its network cards"),
    ]


def test_a_right_on_another_zone_may_be_meant_for_a_virtual_network() -> None:
    permissions = Permissions({**NOBODY.paths, **granted(["SDN.Use"], "/sdn/zones/inner/lab")})
    lab, vmbr1 = for_bridges(CARDS, (9, 0), permissions)
    assert (lab.paths, lab.met(permissions)) == (("/sdn/zones/localnetwork/lab", "/sdn/zones/inner/lab"), True)
    assert vmbr1.met(permissions)


def test_a_right_on_another_bridge_of_the_host_is_none() -> None:
    others = {**granted(["SDN.Use"], "/sdn/zones/localnetwork/vmbr9"), "/sdn/zones/x": {"SDN.Audit": True}}
    permissions = Permissions({**NOBODY.paths, "/sdn/zones/localnetwork": {}, **others})
    (bridge,) = for_bridges(["name=eth0,bridge=vmbr1"], (8, 4), permissions)
    assert (bridge.paths, bridge.met(permissions)) == (("/sdn/zones/localnetwork/vmbr1", "/sdn/zones/x"), False)


def test_a_right_on_the_vlan_of_a_card_is_enough() -> None:
    cards = ["name=eth0,bridge=vmbr1,tag=7", "name=eth1,bridge=vmbr1,tag=8"]
    permissions = Permissions({**NOBODY.paths, **granted(["SDN.Use"], "/sdn/zones/localnetwork/vmbr1/7")})
    assert [one.told() for one in missing(for_bridges(cards, (8, 4), permissions), permissions)] == [
        "SDN.Use on /sdn/zones/localnetwork/vmbr1 or /sdn/zones/localnetwork/vmbr1/8 (for its network cards)"
    ]


def test_only_the_first_two_places_of_a_need_are_told() -> None:
    assert Need("SDN.Use", ("/a", "/b", "/c"), "x").told() == "SDN.Use on /a or /b (x)"


def test_mapped_devices_are_needs_since_proxmox_ve_8() -> None:
    mapped = [("pci", "gpu"), ("usb", "key")]
    assert list(for_mappings(mapped, (7, 4))) == []
    assert list(for_mappings(mapped, (8, 0))) == [
        need("Mapping.Use", "/mapping/pci/gpu", "for a mapped device"),
        need("Mapping.Use", "/mapping/usb/key", "for a mapped device"),
    ]


def test_a_zone_that_is_granted_as_a_whole_is_enough() -> None:
    permissions = Permissions({**NOBODY.paths, **granted(["SDN.Use"], "/sdn/zones/localnetwork")})
    assert missing(for_bridges(CARDS, (8, 4), permissions), permissions) == []
