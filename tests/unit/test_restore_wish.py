# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user wants restored, as the module's options say it, and what can't be meant."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import (
    RestoreWish,
    of_guests,
    wishes,
)
from ansible_collections.lifeboat.backup.plugins.modules import proxmox_restore
from unit.builders import NOW

VOLID = "vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst"
SPEC = proxmox_restore.argument_spec()
DEFAULTS: dict[str, Any] = {
    option: said.get("default") if isinstance(said, dict) else None for option, said in SPEC.items()
}
"""What Ansible hands over when nothing was said."""
SAY_ONCE = (
    "Say once what to restore: by volid, by vmid or name of a guest, by restores, or by a selection (vmids, names, "
    "tags, pools, all_guests); {}. Nothing was changed."
)


def wish(**given: Any) -> RestoreWish:
    (one,) = wishes({**DEFAULTS, "vmid": 101, **given})
    return one


def refusal(**given: Any) -> str:
    with pytest.raises(InputError) as caught:
        wishes({**DEFAULTS, **given})
    return caught.value.message


# ----- what is to be restored


def test_the_defaults_of_the_options_are_those_of_a_wish() -> None:
    assert wish() == RestoreWish(vmid=101)
    assert wishes({"vmid": 101}) == [RestoreWish(vmid=101)]


def test_every_option_has_its_place() -> None:
    assert wish(
        vmid=None,
        name="web1",
        newest=False,
        before="1795177597",
        verified_only=True,
        storages=["vault", "attic"],
        target_vmid=" 901 ",
        target_node="pve2",
        target_storage="fast",
        pool="lab",
        new_name="web1-copy",
        unique=False,
        overrides={"memory": 1024, "onboot": False},
        network="isolated",
        bridge="vmbr9",
        vlan=4094,
        unprivileged=True,
        ignore_unpack_errors=True,
        bwlimit=0,
        live_restore=True,
        start=True,
        if_exists="replace",
        accept_loss=["volumes", "snapshots"],
        prove="listed",
        shutdown=True,
        shutdown_timeout="90s",
        safety_backup=False,
        safety_storage="attic",
        keep_safety_backup=False,
        ha="disable_during",
        timeout="2h",
        on_timeout="cancel",
    ) == RestoreWish(
        name="web1",
        newest=False,
        before=float(NOW),
        verified_only=True,
        storages=("vault", "attic"),
        target="901",
        target_node="pve2",
        target_storage="fast",
        pool="lab",
        new_name="web1-copy",
        unique=False,
        overrides=(("memory", "1024"), ("onboot", "0")),
        network="isolated",
        bridge="vmbr9",
        vlan=4094,
        unprivileged=True,
        ignore_unpack_errors=True,
        bwlimit=0,
        live_restore=True,
        start=True,
        if_exists="replace",
        accept_loss=frozenset({"volumes", "snapshots"}),
        prove="listed",
        shutdown=True,
        shutdown_timeout=90,
        safety_backup=False,
        safety_storage="attic",
        keep_safety_backup=False,
        ha="disable_during",
        timeout=7200,
        cancel_on_timeout=True,
    )


def test_not_to_wait_is_a_wish_of_its_own() -> None:
    assert wish(wait=False).wait is False


@pytest.mark.parametrize(
    ("given", "named"), [({"volid": VOLID}, VOLID), ({"name": "web1"}, "web1"), ({"vmid": 101}, "101")]
)
def test_a_wish_is_told_as_the_user_said_it(given: dict[str, Any], named: str) -> None:
    assert [one.source for one in wishes(given)] == [named]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing is"),
        ({"volid": "", "name": ""}, "nothing is"),
        ({"vmid": 101, "name": "web1"}, "vmid, name are given"),
        ({"volid": VOLID, "restores": [{"vmid": 101}]}, "volid, restores are given"),
        ({"vmid": 101, "tags": ["prod"]}, "vmid, a selection are given"),
        ({"restores": [], "all_guests": True}, "restores, a selection are given"),
    ],
)
def test_what_to_restore_is_said_once(given: dict[str, Any], said: str) -> None:
    assert refusal(**given) == SAY_ONCE.format(said)


def test_of_a_selection_there_are_no_wishes_yet() -> None:
    assert wishes({**DEFAULTS, "tags": ["prod"]}) == []


# ----- several of them


def test_an_entry_says_its_own_and_takes_all_else_from_the_options() -> None:
    found = wishes(
        {
            **DEFAULTS,
            "target_storage": "fast",
            "if_exists": "skip",
            "start": True,
            "verified_only": True,
            "restores": [
                {"vmid": 101, "name": None, "volid": "", "target_vmid": "901", "start": False},
                {"name": "db1", "if_exists": "fail", "target_storage": None},
                {"volid": VOLID, "target_storage": "local"},
            ],
        }
    )
    common: dict[str, Any] = {"verified_only": True}
    assert found == [
        RestoreWish(vmid=101, target="901", target_storage="fast", if_exists="skip", start=False, **common),
        RestoreWish(name="db1", target_storage="fast", if_exists="fail", start=True, **common),
        RestoreWish(volid=VOLID, target_storage="local", if_exists="skip", start=True, **common),
    ]


def test_an_entry_may_say_what_the_documentation_says() -> None:
    said = "volid vmid name before target_vmid target_node target_storage pool new_name if_exists start"
    assert set(said.split()) == set(proxmox_restore.OWN)


def test_an_empty_list_of_restores_is_a_mistake() -> None:
    assert refusal(restores=[]) == (
        "restores: an empty list restores nothing; leave the task out. Nothing was changed."
    )


@pytest.mark.parametrize("entry", [{}, {"volid": ""}, {"vmid": 101, "name": "web1"}, {"target_vmid": "901"}])
def test_an_entry_names_one_thing_to_restore(entry: dict[str, Any]) -> None:
    assert refusal(restores=[{"vmid": 102}, entry]) == (
        "restores, entry 2: name one of volid, vmid or name. Nothing was changed."
    )


def test_of_each_selected_guest_there_is_a_wish() -> None:
    params = {**DEFAULTS, "tags": ["prod"], "target_vmid": "auto", "start": True}
    assert of_guests(params, [101, 300]) == [
        RestoreWish(vmid=101, target="auto", start=True),
        RestoreWish(vmid=300, target="auto", start=True),
    ]


def test_several_guests_can_not_be_restored_to_one_id() -> None:
    params = {**DEFAULTS, "tags": ["prod"], "target_vmid": "901"}
    with pytest.raises(InputError) as caught:
        of_guests(params, [101, 102, 300])
    assert caught.value.message == (
        "target_vmid: one id can't be that of 3 guests; take same or auto. Nothing was changed."
    )
    assert of_guests(params, [101]) == [RestoreWish(vmid=101, target="901")]


# ----- what can't be meant


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"target_vmid": "next"}, "target_vmid: 'next' is neither an id (100 to 999999999) nor same nor auto."),
        ({"target_vmid": "99"}, "target_vmid: '99' is neither an id (100 to 999999999) nor same nor auto."),
        ({"target_vmid": "0101"}, "target_vmid: '0101' is neither an id (100 to 999999999) nor same nor auto."),
        ({"target_vmid": "٣٤٥"}, "target_vmid: '٣٤٥' is neither an id (100 to 999999999) nor same nor auto."),
        ({"target_vmid": " "}, "target_vmid: '' is neither an id (100 to 999999999) nor same nor auto."),
        ({"vmid": 5}, "vmid: 5 cannot be a guest's id; ids are 100 to 999999999."),
        ({"vmid": 0}, "vmid: 0 cannot be a guest's id; ids are 100 to 999999999."),
        ({"vmid": -101}, "vmid: -101 cannot be a guest's id; ids are 100 to 999999999."),
        (
            {"vmid": None, "volid": "vzdump-lxc-101.tar.zst"},
            (
                "volid: vzdump-lxc-101.tar.zst is no backup's volume id; such as "
                "vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst."
            ),
        ),
        (
            {"vmid": None, "volid": VOLID, "before": str(NOW)},
            "volid: it names the backup; newest, before and storages choose one of a guest.",
        ),
        (
            {"vmid": None, "volid": VOLID, "newest": False},
            "volid: it names the backup; newest, before and storages choose one of a guest.",
        ),
        (
            {"vmid": None, "volid": VOLID, "storages": ["vault"]},
            "volid: it names the backup; newest, before and storages choose one of a guest.",
        ),
        ({"network": "isolated"}, "bridge: network isolated needs the bridge to put the guest on."),
        ({"bridge": "vmbr9"}, "bridge: it belongs to network isolated."),
        ({"network": "disconnected", "vlan": 7}, "vlan: it belongs to network isolated."),
        ({"network": "isolated", "bridge": "vmbr9", "vlan": 0}, "vlan: 0 is out of range; it is 1 to 4094."),
        ({"network": "isolated", "bridge": "vmbr9", "vlan": 4095}, "vlan: 4095 is out of range; it is 1 to 4094."),
        ({"new_name": "web 1"}, "new_name: 'web 1' is no name of a host (letters, digits, dots, hyphens)."),
        ({"new_name": "-web1"}, "new_name: '-web1' is no name of a host (letters, digits, dots, hyphens)."),
        ({"bwlimit": -1}, "bwlimit: -1 is out of range; it is at least 0 (KiB/s; 0 is no limit)."),
        (
            {"wait": False, "if_exists": "replace"},
            "wait: if_exists replace needs several steps, one after the other; wait for them.",
        ),
        ({"wait": False, "start": True}, "wait: start needs several steps, one after the other; wait for them."),
    ],
)
def test_what_can_not_be_meant_is_refused(given: dict[str, Any], message: str) -> None:
    assert refusal(**{"vmid": 101, **given}) == f"{message} Nothing was changed."


@pytest.mark.parametrize("option", ["timeout", "shutdown_timeout"])
def test_a_time_that_is_none_is_named(option: str) -> None:
    assert refusal(vmid=101, **{option: "soon"}).startswith(f"{option}: 'soon' is not a duration; ")


# ----- before


@pytest.mark.parametrize(
    "text",
    ["2026-11-20T12:26:37Z", "2026-11-20T12:26:37z", "2026-11-20T13:26:37+01:00", " 1795177597 ", "1795177597.0"],
)
def test_a_moment_is_written_with_its_zone_or_as_epoch_seconds(text: str) -> None:
    assert wish(before=text).before == float(NOW)


@pytest.mark.parametrize("text", ["yesterday", "2026-11-20", "2026-11-20T12:26:37", "1795", "-1795177597", "nan"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    assert refusal(vmid=101, before=text) == (
        f"before: '{text}' is no moment; write it with its zone, such as 2026-11-20T03:00:00+01:00 or "
        "2026-11-20T02:00:00Z, or as epoch seconds. Nothing was changed."
    )


@pytest.mark.parametrize("text", [None, "", "  "])
def test_no_moment_is_none(text: str | None) -> None:
    assert wish(before=text).before is None


def test_moments_at_the_ends_of_time_are_moments() -> None:
    first, last = wish(before="0001-01-01T00:00:00+14:00").before, wish(before="9999-12-31T23:59:59-12:00").before
    assert (first, last) == (-62135596800.0 - 14 * 3600, 253402300799.0 + 12 * 3600)


@given(st.text("0123456789-:T+Z. ", max_size=30))
def test_any_text_is_a_moment_or_refused(text: str) -> None:
    try:
        found = wish(before=text).before
    except InputError as failure:
        assert failure.message.startswith("before: ")  # noqa: PT017
    else:
        assert (found is None) is (not text.strip())


# ----- overrides


def test_settings_are_written_as_proxmox_wants_them() -> None:
    given = {"onboot": True, "kvm": False, "memory": 1024, "cpulimit": 0.5, "tags": "a;b", "net0": "virtio"}
    assert dict(wish(overrides=given).overrides) == {
        "cpulimit": "0.5",
        "kvm": "0",
        "memory": "1024",
        "net0": "virtio",
        "onboot": "1",
        "tags": "a;b",
    }


@pytest.mark.parametrize(
    "key", ["rootfs", "mp0", "mp10", "scsi0", "ide2", "sata1", "virtio15", "efidisk0", "tpmstate0", "unused0"]
)
def test_volumes_are_no_settings(key: str) -> None:
    assert refusal(vmid=101, overrides={key: "local:1"}) == (
        f"overrides: {key} is a volume; where volumes go is said by target_storage. Nothing was changed."
    )


@pytest.mark.parametrize(
    "key",
    [
        "archive", "delete", "digest", "force", "ha-managed", "live-restore", "lock", "node", "ostemplate", "pool",
        "restore", "skiplock", "start", "storage", "unique", "unprivileged", "vmid", "Memory", "", "a b", "9lives",
        "../x",
    ],
)  # fmt: skip
def test_what_belongs_to_the_call_is_no_setting(key: str) -> None:
    assert refusal(vmid=101, overrides={key: "1"}) == (
        f"overrides: {key} is no setting of a guest's configuration. Nothing was changed."
    )


@pytest.mark.parametrize("value", [None, [], ["a"], {}, {"a": 1}])
def test_a_setting_is_one_value(value: object) -> None:
    assert refusal(vmid=101, overrides={"memory": value}) == (
        "overrides: memory wants a text, a number or a boolean. Nothing was changed."
    )


@pytest.mark.parametrize("key", ["cipassword", "password"])
def test_a_secret_is_no_override(key: str) -> None:
    told = refusal(vmid=101, overrides={key: "swordfish"})
    assert told == (f"overrides: {key} is a secret that would be shown; set it after the restore. Nothing was changed.")
    assert "swordfish" not in told


def test_a_key_that_is_no_text_is_refused_like_any_other() -> None:
    assert refusal(vmid=101, overrides={5: "x", "memory": 1}) == (
        "overrides: 5 is no setting of a guest's configuration. Nothing was changed."
    )
