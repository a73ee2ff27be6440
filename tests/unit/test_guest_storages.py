# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages as guests' volumes need them (answers as recorded in 03_storage), and what is set for them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import (
    CONTENT,
    DEFAULT_LIMIT,
    GuestStorage,
    StorageSettings,
    observe_guest_storages,
    observe_storage_settings,
)
from unit.builders import PreparedAnswers
from unit.recordings import Exchange
from unit.restore_builders import a_storage

LOCAL = {
    "active": 1,
    "avail": 80371212288,
    "content": "images, rootdir,iso",
    "enabled": 1,
    "shared": 0,
    "storage": "local",
    "total": 270553174016,
    "type": "dir",
}


def test_the_storages_of_a_node_are_one_request() -> None:
    off = {"storage": "off", "type": "dir", "enabled": 0, "active": 0}
    bare = {"storage": "bare", "active": "1"}
    prepared = PreparedAnswers([LOCAL, off, bare, {"storage": ""}, {"type": "dir"}, "odd", None])
    assert observe_guest_storages(prepared.client, "pve1") == {
        "local": GuestStorage(
            "local", "dir", frozenset({"images", "rootdir", "iso"}), True, True, 80371212288, 270553174016
        ),
        "off": GuestStorage("off", "dir", frozenset(), False, False, 0, 0),
        "bare": GuestStorage("bare", "", frozenset(), True, True, 0, 0),
    }
    assert (prepared.asked, prepared.parameters) == (["GET nodes/pve1/storage"], [{}])


def test_an_answer_that_is_no_list_is_told() -> None:
    with pytest.raises(BadAnswer) as caught:
        observe_guest_storages(PreparedAnswers({"data": []}).client, "pve1")
    assert caught.value.message == "The list of storages of node pve1 is not a list."


def test_what_was_recorded_takes_guests_and_backups_as_it_was_set_up(recorded: list[Exchange]) -> None:
    answers = [
        one.body["data"]
        for one in recorded
        if one.method == "GET" and one.path in ("/nodes/pve/storage", "/nodes/pve9/storage") and one.status == 200
    ]
    assert len(answers) >= 5
    takes = {
        "local": {"rootdir", "images", "backup"},
        "nobackup": {"rootdir", "images"},
        "backups": {"backup"},
        "off": {"backup"},
    }
    for answer in answers:
        for name, found in observe_guest_storages(PreparedAnswers(answer).client, "pve").items():
            assert found.content & {*CONTENT.values(), "backup"} == takes[name]
            assert (found.enabled, found.active, found.avail > 0) == (name != "off",) * 3
            assert not found.thick


@pytest.mark.parametrize(
    ("kind", "thick"),
    [
        ("lvm", True), ("zfspool", True), ("iscsi", True), ("zfs", True), ("iscsidirect", True), ("dir", False),
        ("lvmthin", False), ("nfs", False), ("rbd", False), ("btrfs", False), ("", False),
    ],
)  # fmt: skip
def test_on_some_storages_a_volume_takes_its_whole_size_at_once(kind: str, thick: bool) -> None:
    assert a_storage(type=kind).thick is thick


# ----- what is set for them


def test_what_is_set_for_storages_is_one_request() -> None:
    prepared = PreparedAnswers(
        [
            {"storage": "vault", "max-protected-backups": 2},
            {"storage": "attic", "max-protected-backups": "-1", "encryption-key": "aa:bb"},
            {"storage": "local", "content": "backup"},
            {"storage": ""},
            "odd",
        ]
    )
    assert observe_storage_settings(prepared.client) == {
        "vault": StorageSettings("vault", 2, False),
        "attic": StorageSettings("attic", -1, True),
        "local": StorageSettings("local", None, False),
    }
    assert prepared.asked == ["GET storage"]


@pytest.mark.parametrize("answer", [None, {}, "nonsense", []])
def test_nothing_is_known_of_storages_from_an_answer_that_tells_nothing(answer: Any) -> None:
    assert observe_storage_settings(PreparedAnswers(answer).client) == {}


@pytest.mark.parametrize(
    ("given", "may_allocate", "limit"),
    [
        (None, False, DEFAULT_LIMIT),
        (None, True, None),
        (3, False, 3),
        (3, True, 3),
        (0, True, 0),
        (-1, False, None),
        (-1, True, None),
    ],
)
def test_how_many_protected_backups_a_storage_takes(given: int | None, may_allocate: bool, limit: int | None) -> None:
    assert StorageSettings("vault", given, False).limit(may_allocate) == limit
