# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where backups can lie, and why a storage can't be used (answers as recorded in 03_storage)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    BadAnswer,
    Unreachable,
    error_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import (
    NodeStorages,
    Place,
    diagnosed_storage,
    observe_storages,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.transport import Answer
from unit.builders import NOW, PreparedAnswers

LOCAL = {
    "used_fraction": 0.105,
    "shared": 0,
    "type": "dir",
    "storage": "local",
    "active": 1,
    "used": 28573081600,
    "total": 270553174016,
    "content": "backup,rootdir",
    "avail": 80371212288,
    "enabled": 1,
}


def test_the_storages_of_a_node_are_one_request() -> None:
    backups = {"storage": "backups", "type": "nfs", "shared": 1, "active": "1", "enabled": 1, "content": "backup"}
    prepared = PreparedAnswers(Answer([LOCAL, backups, {"storage": ""}, "odd"], None, NOW + 5.0))
    assert observe_storages(prepared.client, ["pve"], lambda: NOW + 2.0) == [
        NodeStorages(
            "pve",
            (
                Place("backups", "pve", "nfs", True, True, 0, 0),
                Place("local", "pve", "dir", False, True, 80371212288, 270553174016),
            ),
            None,
            NOW + 5.0,
            NOW + 2.0,
        )
    ]
    assert prepared.asked == ["GET nodes/pve/storage"]
    assert prepared.parameters == [{"content": "backup"}]


def test_what_is_not_said_of_a_storage_is_not_so() -> None:
    found = observe_storages(PreparedAnswers(Answer([{"storage": "x"}], None, None)).client, ["pve"], lambda: 0.0)
    assert found[0].places == (Place("x", "pve", "", False, False, 0, 0),)


def test_a_storage_that_is_not_active_is_told_apart() -> None:
    asleep = {**LOCAL, "active": 0, "avail": None, "total": 0}
    found = observe_storages(PreparedAnswers(Answer([asleep], None, None)).client, ["pve"], lambda: 0.0)
    assert found[0].places == (Place("local", "pve", "dir", False, False, 0, 0),)


@pytest.mark.parametrize(
    "failure",
    [
        error_of("GET", "/nodes/pve2/storage", 595, "Connection refused", "", {}),
        AnswerLost("It broke."),
        BadAnswer("A page of HTML."),
    ],
)
def test_a_node_that_does_not_answer_is_a_finding(failure: AnswerLost) -> None:
    found = observe_storages(PreparedAnswers(failure).client, ["pve2"], lambda: 0.0)
    assert found == [NodeStorages("pve2", (), failure.message)]


def test_no_server_at_all_is_an_error() -> None:
    with pytest.raises(Unreachable):
        observe_storages(PreparedAnswers(Unreachable("Nobody there.")).client, ["pve"], lambda: 0.0)


def test_an_answer_that_is_no_list_is_a_finding() -> None:
    found = observe_storages(PreparedAnswers(Answer(None, None, None)).client, ["pve"], lambda: 0.0)
    assert found == [NodeStorages("pve", (), "The list of storages of node pve is not a list.")]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([{**LOCAL, "storage": "off", "enabled": 0, "active": 0, "content": "backup"}], "it is disabled"),
        ([{**LOCAL, "content": "rootdir,images"}], "its content is rootdir,images, without backup"),
        ([{**LOCAL, "content": "backups"}], "its content is backups, without backup"),
        ([{**LOCAL, "content": "iso, backup"}], "Proxmox does not list it for backups"),
        (
            [],
            (
                "the token may not see it or node pve does not have it; backups need Datastore.AllocateSpace on "
                "/storage/vault"
            ),
        ),
        (
            None,
            (
                "the token may not see it or node pve does not have it; backups need Datastore.AllocateSpace on "
                "/storage/vault"
            ),
        ),
        (
            error_of("GET", "/x", 400, "Parameter verification failed.", "", {"storage": "No such storage."}),
            "there is no storage of this name",
        ),
        (
            error_of("GET", "/nodes/pve/storage", 595, "Connection refused", "", {}),
            "The node behind GET /nodes/pve/storage does not answer (595 Connection refused).",
        ),
        (AnswerLost("The connection broke."), "The connection broke."),
    ],
)
def test_why_a_storage_is_not_for_backups(answer: Any, why: str) -> None:
    prepared = PreparedAnswers(answer)
    assert diagnosed_storage(prepared.client, "pve", "vault") == why
    assert prepared.asked == ["GET nodes/pve/storage"]
    assert prepared.parameters == [{"storage": "vault"}]
