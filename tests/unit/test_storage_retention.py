# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a storage removes by itself after each backup, as the node tells beforehand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost, BadAnswer, error_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import (
    StorageRetention,
    observe_storage_retention,
)
from unit.builders import WEB1, PreparedAnswers
from unit.recordings import Exchange

JOB = NodeJob("pve1", "vault", (WEB1,))
EVERYTHING = Keep(all=True)


def _told(answer: object) -> StorageRetention:
    prepared = PreparedAnswers(answer)
    (found,) = observe_storage_retention(prepared.client, [JOB])
    assert (prepared.asked, prepared.parameters) == (["GET nodes/pve1/vzdump/defaults"], [{"storage": "vault"}])
    return found


@pytest.mark.parametrize(
    ("answer", "keep"),
    [
        ({"remove": 1, "prune-backups": "keep-daily=3,keep-last=2"}, Keep(last=2, daily=3)),
        ({"remove": "1", "prune-backups": "keep-last=1"}, Keep(last=1)),
        ({"prune-backups": "keep-last=1"}, Keep(last=1)),
        ({"remove": 0, "prune-backups": "keep-last=1"}, EVERYTHING),
        ({"remove": "0", "prune-backups": "keep-last=1"}, EVERYTHING),
        ({"remove": 1, "prune-backups": "keep-all=1"}, EVERYTHING),
        ({"remove": 1}, EVERYTHING),
        ({"prune-backups": ""}, EVERYTHING),
        ({"prune-backups": None}, EVERYTHING),
        ({}, EVERYTHING),
    ],
)
def test_what_a_node_does_after_each_backup(answer: Any, keep: Keep) -> None:
    assert _told(answer) == StorageRetention("pve1", "vault", keep)


@pytest.mark.parametrize("answer", [None, []])
def test_an_answer_that_says_nothing_is_no_word_for_keeping_all(answer: Any) -> None:
    assert _told(answer) == StorageRetention("pve1", "vault", EVERYTHING, "the defaults of vzdump are no mapping")


def test_one_that_is_not_understood_is_told() -> None:
    assert _told({"prune-backups": "keep-moons=3"}) == StorageRetention(
        "pve1", "vault", EVERYTHING, "it says 'keep-moons=3'"
    )


@pytest.mark.parametrize(
    "failure",
    [
        error_of("GET", "/x", 403, "Permission check failed", "", {}),
        AnswerLost("It broke."),
        BadAnswer("That is no JSON."),
    ],
    ids=["refused", "lost", "nonsense"],
)
def test_a_node_that_does_not_tell_is_no_obstacle(failure: Any) -> None:
    assert _told(failure) == StorageRetention("pve1", "vault", EVERYTHING, failure.message)


def test_without_jobs_nobody_is_asked() -> None:
    assert observe_storage_retention(PreparedAnswers().client, []) == []


def test_every_recorded_answer_is_read(recorded: list[Exchange]) -> None:
    answers = [
        one.body["data"] for one in recorded if "/vzdump/defaults?storage=backups" in one.path and one.status == 200
    ]
    assert len(answers) >= 2
    for answer in answers:
        assert _told(answer) == StorageRetention("pve1", "vault", Keep(last=2, daily=3))
