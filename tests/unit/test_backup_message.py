# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sentence that a user reads first, and whether the task fails."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_message import failed, message, summary


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [
                {"result": "backed_up", "size": 1987185},
                {"result": "backed_up", "size": 4 * 1024**2},
                {"result": "fresh"},
            ],
            "3 guests: 2 backed up (5.9 MiB), 1 fresh.",
        ),
        ([{"result": "would_back_up"}, {"result": "fresh"}], "2 guests: 1 would be backed up, 1 fresh."),
        (
            [{"result": "started"}, {"result": "waited_for"}],
            "2 guests: 1 backed up by another task, 1 being backed up.",
        ),
        (
            [{"result": "failed", "reason": "it is\n locked."}, {"result": "backed_up", "size": 1024}],
            (
                "1 of 2 guests without the backup asked for. 101 (web1): failed, it is locked. Of the others: 1 "
                "backed up (1 KiB)."
            ),
        ),
        (
            [{"result": "timed_out", "reason": "late"}, {"result": "cancelled", "reason": "why"}],
            "2 of 2 guests without the backup asked for. 101 (web1): timed_out, late. 101 (web1): cancelled, why.",
        ),
        (
            [{"result": "interrupted", "reason": "it got SIGTERM"}, {"result": "fresh"}],
            (
                "1 of 2 guests without the backup asked for. 101 (web1): interrupted, it got SIGTERM. Of the others: 1 "
                "fresh."
            ),
        ),
        (
            [{"result": "removed"}, {"result": "would_remove"}, {"result": "kept"}],
            "3 guests: 1 with backups removed, 1 with backups that would be removed, 1 kept as they are.",
        ),
    ],
)
def test_the_message_counts_and_names_every_cause(rows: list[dict[str, Any]], sentence: str) -> None:
    empty = {"vmid": 101, "name": "web1", "node": "pve1", "type": "lxc", "size": None, "reason": ""}
    assert message([{**empty, **row} for row in rows]) == sentence


def test_every_one_of_many_failed_guests_is_named() -> None:
    rows = [
        {"vmid": vmid, "name": None, "node": "pve1", "type": "lxc", "size": None, "result": "failed", "reason": "no"}
        for vmid in range(100, 400)
    ]
    sentence = message(rows)
    assert all(f"{vmid}: failed, no." in sentence for vmid in range(100, 400))


@pytest.mark.parametrize(
    ("result", "bad"),
    [
        ("backed_up", False),
        ("fresh", False),
        ("waited_for", False),
        ("started", False),
        ("would_back_up", False),
        ("failed", True),
        ("cancelled", True),
        ("timed_out", True),
        ("interrupted", True),
        ("removed", False),
        ("would_remove", False),
        ("kept", False),
        ("not_started", True),
    ],
)
def test_when_the_task_fails(result: str, bad: bool) -> None:
    assert failed([{"result": "fresh"}, {"result": result}]) is bad


def test_the_counts_of_a_result() -> None:
    words = ["backed_up", "backed_up", "would_back_up", "waited_for", "started", "fresh", "fresh", "fresh"]
    words += ["failed", "cancelled", "timed_out", "interrupted", "not_started", "removed", "would_remove", "kept"]
    rows = [{"result": word, "size": None if word == "failed" else 10} for word in words]
    assert summary(rows, [7, 0, 5], 12.345) == {
        "selected": 16,
        "backed_up": 2,
        "would_back_up": 1,
        "waited_for": 1,
        "started": 1,
        "fresh": 3,
        "failed": 5,
        "bytes": 20,
        "removed": 3,
        "bytes_removed": 12,
        "seconds": 12.3,
    }


def test_the_counts_of_nothing() -> None:
    assert set(summary([], [], 0.0).values()) == {0}
