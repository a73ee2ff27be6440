# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every recorded configuration is read; of every recorded restore exactly that is told which its call has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import backup_of, owner_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_configuration import (
    GuestConfiguration,
    differences,
    missing_volumes,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore import request
from unit.recordings import Exchange
from unit.restore_builders import a_wish

CALL = frozenset(
    {
        "archive", "bwlimit", "force", "ignore-unpack-errors", "ostemplate", "pool", "restore", "rootfs", "start",
        "storage", "unique", "vmid",
    }
)  # fmt: skip
"""What a call says about the restore; all else is a setting."""
OLD_AND_NEW = ("", "v9/")


@dataclass(frozen=True)
class Recorded:
    """A restore: its call, what is known of the archive, and the configuration that was found after it."""

    sent: dict[str, str]
    archived: GuestConfiguration
    found: GuestConfiguration

    @property
    def settings(self) -> dict[str, str]:
        """What the call has changed."""
        return {key: value for key, value in self.sent.items() if key not in CALL}

    @property
    def renewed(self) -> bool:
        """Whether it renews identities."""
        return self.sent.get("unique") == "1"


def _parts(one: Exchange) -> list[str]:
    return unquote(one.path.partition("?")[0]).strip("/").split("/")


def _volid(one: Exchange) -> str:
    return unquote(one.path.partition("volume=")[2])


def _system(one: Exchange) -> str:
    return "v9/" if one.source.startswith("v9/") else ""


def _kind(volid: str) -> str:
    return str(backup_of({"volid": volid}, "local", "pve").guest_type)


def _archives(recorded: Sequence[Exchange]) -> dict[tuple[str, int], GuestConfiguration]:
    """By system and guest: all archives of a guest were made of the same state."""
    return {
        (_system(one), owner_of(_volid(one)) or 0): GuestConfiguration.from_archive(
            _kind(_volid(one)), one.body["data"]
        )
        for one in recorded
        if "extractconfig" in one.path and one.status == 200
    }


def _restores(recorded: Sequence[Exchange]) -> list[Recorded]:
    """Those after which the configuration was looked at.

    Of some guests no archive's configuration was recorded. What the first restore of such a one has made, without any
    setting, is that of its archive, as those of 103 and 301 show.
    """
    archives = _archives(recorded)
    calls: dict[tuple[str, str], dict[str, str]] = {}
    found: list[Recorded] = []
    for one in recorded:
        parts = _parts(one)
        if one.status != 200 or one.source not in ("08_restore_lxc.txt", "v9/08_restore_lxc.txt", "11_qemu.txt"):
            continue
        if one.method == "POST" and parts[2:] in (["lxc"], ["qemu"]) and {"ostemplate", "archive"} & set(one.sent):
            calls[_system(one), one.sent["vmid"]] = one.sent
        elif one.method == "GET" and parts[4:] == ["config"]:
            sent = calls.pop((_system(one), parts[3]), None)
            configuration = GuestConfiguration.from_api(parts[2], one.body["data"])
            if sent is None or configuration.is_stub:
                continue
            owner = (_system(one), owner_of(sent.get("archive") or sent["ostemplate"]) or 0)
            if owner in archives:
                found.append(Recorded(sent, archives[owner], configuration))
            else:
                assert set(sent) <= CALL
                archives[owner] = configuration
    return found


# ----- reading


def test_every_recorded_configuration_in_an_archive_is_read(recorded: list[Exchange]) -> None:
    archives = _archives(recorded)
    assert {owner for _version, owner in archives} == {103, 301}
    for version in OLD_AND_NEW:
        tiny = archives[version, 103]
        assert (tiny.name, tiny.values["description"]) == ("tiny3", "container 103\nsecond line\n")
        assert [(one.key, one.storage, one.in_backup) for one in tiny.volumes] == [
            ("rootfs", "local", True),
            ("mp0", "local", True),
            ("mp1", "local", False),
        ]
        assert set(tiny.values) == {
            "arch", "cores", "description", "hostname", "memory", "mp0", "mp1", "ostype", "rootfs", "swap",
        }  # fmt: skip
    machine = archives["", 301]
    assert (machine.name, machine.values.get("description"), machine.networks) == (
        "onedisk",
        None,
        {"net0": "virtio=BC:24:11:02:FC:ED"},
    )
    assert [(one.key, one.volume, one.size) for one in machine.volumes] == [
        ("scsi0", "local:301/vm-301-disk-0.qcow2", 1024**3)
    ]


def test_every_recorded_configuration_of_a_guest_is_read(recorded: list[Exchange]) -> None:
    answers = [one for one in recorded if one.status == 200 and _parts(one)[4:] == ["config"] and one.method == "GET"]
    assert len(answers) >= 15
    for one in answers:
        kind, vmid = _parts(one)[2:4]
        found = GuestConfiguration.from_api(kind, one.body["data"])
        assert set(found.values) == set(one.body["data"]), one.path
        assert all(f"-{vmid}-disk-" in volume.volume for volume in found.volumes), one.path
        assert not found.unused
        assert found.is_stub is (set(found.values) <= {"digest", "memory"}), one.path
        assert found.is_stub or found.name, one.path
        assert differences(found, found, False) == []


# ----- before and after restores


def test_enough_restores_were_recorded(recorded: list[Exchange]) -> None:
    found = _restores(recorded)
    kinds = [one.found.type for one in found]
    assert (kinds.count("lxc"), kinds.count("qemu")) == (6, 3)
    assert sum(one.settings == {} for one in found) == 4
    assert {key for one in found for key in one.settings} == {
        "description", "hostname", "memory", "name", "unprivileged",
    }  # fmt: skip


def test_of_every_recorded_restore_exactly_that_is_told_which_its_call_has_changed(recorded: list[Exchange]) -> None:
    for one in _restores(recorded):
        assert differences(one.archived, one.found, one.renewed) == sorted(one.settings), one.sent
        assert missing_volumes(one.archived, one.found) == [], one.sent


def test_nothing_at_all_is_told_where_what_the_call_has_changed_was_expected(recorded: list[Exchange]) -> None:
    for one in _restores(recorded):
        given = {key: value for key, value in one.settings.items() if key != "unprivileged"}
        unprivileged = {"1": True, "0": False}.get(one.settings.get("unprivileged", ""))
        wish = a_wish(unique=one.renewed, overrides=tuple(given.items()))
        wanted = request.expected(one.archived, request.settings(wish, one.archived, one.renewed), unprivileged)
        assert differences(wanted, one.found, one.renewed) == [], one.sent


def test_a_recorded_restore_that_renews_identities_has_others(recorded: list[Exchange]) -> None:
    (renewed,) = [one for one in _restores(recorded) if one.renewed and one.found.type == "qemu"]
    assert differences(renewed.archived, renewed.found, False) == ["net0", "smbios1"]


def test_what_a_recorded_vm_is_now_is_what_its_archive_has(recorded: list[Exchange]) -> None:
    now = next(one for one in recorded if one.path.endswith("/qemu/301/config") and one.status == 200)
    found = GuestConfiguration.from_api("qemu", now.body["data"])
    assert differences(_archives(recorded)["", 301], found, False) == []
    assert missing_volumes(_archives(recorded)["", 301], found) == []


def test_a_change_to_any_setting_of_a_recorded_restore_would_be_told(recorded: list[Exchange]) -> None:
    """The other way round: what is never told isn't left out by being blind."""
    silent = {"digest", "meta", "vmgenid"}
    for one in _restores(recorded):
        volumes = {volume.key for volume in one.found.volumes}
        for key in set(one.found.values) - volumes - silent:
            values = {**one.found.values, key: f"{one.found.values[key].strip()}x"}
            changed = GuestConfiguration(one.found.type, values)
            assert differences(one.found, changed, False) == [key], one.sent
        for volume in one.archived.volumes:
            gone = {key: value for key, value in one.found.values.items() if key != volume.key}
            lacking = [volume.key] if volume.in_backup else []
            assert missing_volumes(one.archived, GuestConfiguration(one.found.type, gone)) == lacking, one.sent


def test_what_a_recorded_failed_restore_leaves_is_a_stub(recorded: list[Exchange]) -> None:
    left = [
        GuestConfiguration.from_api("qemu", one.body["data"])
        for one in recorded
        if one.path.endswith("/qemu/412/config") and one.status == 200
    ]
    assert [one.is_stub for one in left] == [True]
