# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to Proxmox for a restore, a proof and a rollback, and what the guest shall be then."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    GuestConfiguration,
    differences,
    properties,
    property_string,
    without_address,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.request import (
    expected,
    proof,
    request,
    rollback,
    settings,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish
from unit.restore_builders import a_configuration, a_wish

CT, VM = "vault:backup/ct.tar.zst", "vault:backup/vm.vma.zst"
WEB_CARD = "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01,ip=dhcp,tag=7,type=veth"


# ----- settings


def test_without_a_wish_nothing_is_sent_beyond_the_archive() -> None:
    for kind in ("lxc", "qemu"):
        assert settings(a_wish(), a_configuration(kind), True) == {}
    assert request(a_wish(), "lxc", CT, "local", False, {}) == {"ostemplate": CT, "restore": 1, "storage": "local"}
    assert request(a_wish(), "qemu", VM, None, False, {}) == {"archive": VM}


def test_a_new_name_is_called_as_the_type_of_guest_calls_it() -> None:
    wish = a_wish(new_name="copy")
    assert settings(wish, a_configuration("lxc"), False) == {"hostname": "copy"}
    assert settings(wish, a_configuration("qemu"), False) == {"name": "copy"}


def test_a_disconnected_card_keeps_all_but_its_link() -> None:
    wish = a_wish(network="disconnected")
    assert settings(wish, a_configuration("lxc"), False) == {"net0": f"{WEB_CARD},link_down=1"}
    assert settings(wish, a_configuration("qemu", net1="e1000=BC:24:11:00:00:03,link_down=1"), False) == {
        "net0": "virtio=BC:24:11:00:00:02,bridge=vmbr1,firewall=1,link_down=1",
        "net1": "e1000=BC:24:11:00:00:03,link_down=1",
    }


def test_an_isolated_card_is_on_another_bridge_and_in_no_other_network() -> None:
    archived = a_configuration("lxc", net0=f"{WEB_CARD},trunks=8;9")
    wish = a_wish(network="isolated", bridge="vmbr9")
    assert settings(wish, archived, False) == {
        "net0": "name=eth0,bridge=vmbr9,hwaddr=BC:24:11:00:00:01,ip=dhcp,type=veth"
    }
    tagged = a_wish(network="isolated", bridge="vmbr9", vlan=42)
    assert settings(tagged, a_configuration("qemu"), True) == {"net0": "model=virtio,bridge=vmbr9,firewall=1,tag=42"}


def test_what_the_user_overrides_wins() -> None:
    wish = a_wish(new_name="copy", network="disconnected", overrides=(("hostname", "mine"), ("net0", "name=eth0")))
    assert settings(wish, a_configuration("lxc"), False) == {"hostname": "mine", "net0": "name=eth0"}


def test_a_guest_without_cards_gets_none() -> None:
    assert settings(a_wish(network="disconnected"), a_configuration("lxc", net0=None), False) == {}


MAC = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}", re.IGNORECASE)
ADDRESSES = st.from_regex(r"\A[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}\Z")
MORE = st.dictionaries(
    st.sampled_from(["bridge", "firewall", "tag", "trunks", "rate", "mtu", "ip", "link_down"]),
    st.sampled_from(["vmbr0", "1", "7", "7;8", "dhcp", "192.0.2.1/24", "fd00::1/64"]),
)
CONTAINER_CARDS = st.builds(
    lambda mac, more: property_string({"name": "eth0", "hwaddr": mac, **more, "type": "veth"}), ADDRESSES, MORE
)
MACHINE_CARDS = st.builds(
    lambda model, mac, more: property_string({**({model: mac} if mac else {"": model}), **more}),
    st.sampled_from(["virtio", "e1000", "rtl8139"]),
    st.one_of(st.none(), ADDRESSES),
    MORE,
)
CARDS = st.one_of(
    st.tuples(st.just("lxc"), st.lists(CONTAINER_CARDS, max_size=3)),
    st.tuples(st.just("qemu"), st.lists(MACHINE_CARDS, max_size=3)),
)
NETWORKS = st.sampled_from(
    [
        a_wish(),
        a_wish(network="disconnected"),
        a_wish(network="isolated", bridge="vmbr9"),
        a_wish(network="isolated", bridge="vmbr9", vlan=42),
    ]
)


def _with_cards(kind: str, cards: list[str]) -> GuestConfiguration:
    return a_configuration(kind, **{"net0": None, **{f"net{number}": card for number, card in enumerate(cards)}})


@given(CARDS, NETWORKS)
def test_a_unique_guest_never_gets_an_address_that_was_in_the_archive(
    made: tuple[str, list[str]], wish: RestoreWish
) -> None:
    archived = _with_cards(*made)
    sent = settings(wish, archived, True)
    assert not any(MAC.search(value) for value in sent.values())
    if wish.network == "keep":
        assert sent == {}
        assert request(wish, archived.type, CT, None, True, sent)["unique"] == 1
    else:
        assert set(sent) == set(archived.networks)


@given(CARDS, NETWORKS, st.booleans())
def test_a_card_keeps_what_the_wish_does_not_speak_of(
    made: tuple[str, list[str]], wish: RestoreWish, unique: bool
) -> None:
    archived = _with_cards(*made)
    spoken = {"disconnected": {"link_down"}, "isolated": {"bridge", "tag", "trunks"}, "keep": set[str]()}[wish.network]
    for key, value in settings(wish, archived, unique).items():
        before, after = without_address(archived.networks[key]), without_address(value)
        assert {part: before[part] for part in set(before) - spoken} == {
            part: after[part] for part in set(after) - spoken
        }
        if not unique:
            old = MAC.search(archived.networks[key])
            assert old is None or old.group() in value
        if wish.network == "disconnected":
            assert properties(value)["link_down"] == "1"
        else:
            assert (after["bridge"], after.get("tag"), after.get("trunks")) == (
                "vmbr9",
                str(wish.vlan) if wish.vlan else None,
                None,
            )


@given(CARDS, NETWORKS, st.booleans())
def test_what_proxmox_makes_of_it_is_what_was_expected(
    made: tuple[str, list[str]], wish: RestoreWish, unique: bool
) -> None:
    archived = _with_cards(*made)
    wanted = expected(archived, settings(wish, archived, unique), None)
    assert differences(wanted, GuestConfiguration(archived.type, dict(wanted.values)), unique) == []
    assert set(differences(archived, wanted, unique)) <= set(archived.networks)


# ----- calls


def test_everything_that_was_wished_for_is_sent() -> None:
    wish = a_wish(pool="lab", bwlimit=0, unprivileged=False, ignore_unpack_errors=True, live_restore=True)
    assert request(wish, "lxc", CT, "fast", True, {"memory": "1024"}) == {
        "ostemplate": CT,
        "restore": 1,
        "storage": "fast",
        "unique": 1,
        "pool": "lab",
        "live-restore": 1,
        "bwlimit": 0,
        "unprivileged": 0,
        "ignore-unpack-errors": 1,
        "memory": "1024",
    }


def test_of_a_vm_only_what_a_vm_has_is_sent() -> None:
    wish = a_wish(bwlimit=1000, unprivileged=True, ignore_unpack_errors=True)
    assert request(wish, "qemu", VM, None, False, {}) == {"archive": VM, "bwlimit": 1000}


@pytest.mark.parametrize(
    ("kind", "storage", "sent"),
    [
        ("lxc", "local", {"ostemplate": CT, "restore": 1, "storage": "local", "unique": 1}),
        ("qemu", None, {"archive": CT, "unique": 1}),
    ],
)
def test_a_proof_is_a_guest_of_its_own_with_the_settings_given_and_nothing_else(
    kind: str, storage: str | None, sent: dict[str, Any]
) -> None:
    wish = a_wish(pool="lab", new_name="copy", network="disconnected", live_restore=True, overrides=(("cores", "9"),))
    assert proof(wish, CT, storage, a_configuration(kind), {}) == sent
    assert proof(wish, CT, storage, a_configuration(kind), {"cores": "9"}) == {**sent, "cores": "9"}


def test_but_with_what_decides_whether_it_can_be_read_and_how_fast() -> None:
    wish = a_wish(unprivileged=True, ignore_unpack_errors=True, bwlimit=5)
    assert proof(wish, CT, "local", a_configuration("lxc"), {}) == {
        "ostemplate": CT,
        "restore": 1,
        "storage": "local",
        "unique": 1,
        "bwlimit": 5,
        "unprivileged": 1,
        "ignore-unpack-errors": 1,
    }


@pytest.mark.parametrize("kind", ["lxc", "qemu"])
def test_a_proof_of_a_protected_guest_can_be_removed_again(kind: str) -> None:
    assert proof(a_wish(), CT, None, a_configuration(kind, protection="1"), {})["protection"] == 0
    assert proof(a_wish(), CT, None, a_configuration(kind), {"protection": "1"})["protection"] == 0
    assert "protection" not in proof(a_wish(), CT, None, a_configuration(kind), {})


def test_a_rollback_is_the_guest_as_it_was() -> None:
    assert rollback("lxc", CT, "local", {}) == {"ostemplate": CT, "restore": 1, "storage": "local"}
    assert rollback("qemu", VM, "local", {}) == {"archive": VM}


def test_volumes_of_a_container_that_lay_on_several_storages_go_back_to_them() -> None:
    spread = {"rootfs": "local:4", "mp0": "fast:8,mp=/srv,backup=1"}
    assert rollback("lxc", CT, "local", spread) == {"ostemplate": CT, "restore": 1, **spread}


# ----- what the guest shall be


def test_expected_is_the_archive_with_what_was_given() -> None:
    archived = a_configuration("lxc")
    found = expected(archived, {"memory": "1024", "onboot": "1"}, None)
    assert dict(found.values) == {**archived.values, "memory": "1024", "onboot": "1"}
    assert archived.values["memory"] == "512"


@pytest.mark.parametrize(("wished", "was"), [(True, "1"), (True, None), (False, "1"), (False, None)])
def test_expected_is_the_kind_of_container_that_was_wished_for(wished: bool, was: str | None) -> None:
    found = expected(a_configuration("lxc", unprivileged=was), {}, wished)
    assert found.values.get("unprivileged") == ("1" if wished else None)
    assert found.unprivileged is wished
