# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests are drilled, from which backup, and what is a finding instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.choice import Picked, candidates, pick
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.wish import DrillWish
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.source import SAFETY_MARK
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection
from unit.builders import DAY, HOUR, NOW, a_backup, a_guest, an_observation

WEB = a_guest(101, "web1")


def wish(**more: Any) -> DrillWish:
    return DrillWish("complete", 900, 909, **{"selection": Selection(all_guests=True), **more})


def oldest(backups: Sequence[Backup]) -> Backup:
    return min(backups, key=lambda one: one.ctime)


def picked(*backups: Backup, guest: Guest = WEB, **more: Any) -> Picked:
    return pick(wish(**more), an_observation([guest], backups), guest, backups, oldest)


def test_copies_of_drills_are_not_drilled() -> None:
    copy = a_guest(900, "drill-101-web1", tags=frozenset({"lifeboat-drill"}))
    tagged = a_guest(102, "web2", tags=frozenset({"lifeboat-drill"}))
    within = a_guest(901, "web3")
    found = candidates(wish(), an_observation([WEB, tagged, copy, within]))
    assert [one.vmid for one in found] == [101, 102, 901]


def test_a_guest_that_is_gone_may_still_have_backups() -> None:
    found = candidates(wish(selection=Selection(vmids=(101, 666))), an_observation([WEB], [a_backup(666)]))
    assert found == [WEB, Guest(666, None, "", "lxc")]


def test_a_selection_of_nobody_is_refused() -> None:
    with pytest.raises(InputError, match="The selection means no guest, so that nothing would be proven"):
        candidates(wish(selection=Selection(tags=("nobody",))), an_observation([WEB]))


def test_the_newest_good_backup() -> None:
    old, new = a_backup(age=2 * DAY), a_backup(age=HOUR)
    assert picked(old, new, a_backup(age=0, size=0)) == Picked(new)
    assert picked(old, a_backup(age=0, verified=False)) == Picked(old)
    assert picked(old, a_backup(age=0, notes=f"web1: {SAFETY_MARK} x")) == Picked(old)
    assert picked(old, a_backup(guest_type="qemu", age=0)) == Picked(old)
    assert picked(old, a_backup(ctime=NOW + 2 * DAY)) == Picked(old)
    assert picked(new, a_backup(age=DAY, storage="depot"), storages=("depot",)).backup == a_backup(
        age=DAY, storage="depot"
    )
    assert picked(new, a_backup(age=DAY, verified=True), verified_only=True).backup == a_backup(age=DAY, verified=True)


def test_any_of_the_window() -> None:
    backups = [a_backup(age=days * DAY) for days in (1, 3, 6, 9)]
    assert picked(*backups, pick="random_in_window", window=7 * DAY).backup == backups[2]
    assert picked(*backups, pick="random_in_window", window=2 * DAY).backup == backups[0]
    none = picked(*backups, pick="random_in_window", window=HOUR)
    assert none == Picked(None, "none of its good backups is younger than 60 min (window)")


@pytest.mark.parametrize(
    ("backups", "reason"),
    [
        ([], "no backup of it is shown"),
        ([a_backup(size=0)], "its only backup is empty"),
        ([a_backup(verified=False), a_backup(age=DAY, size=0)],
         "none of its 2 backups is good; the newest failed its verification"),
        ([a_backup(ctime=NOW + 2 * DAY)], "its only backup is dated in the future"),
    ],
)  # fmt: skip
def test_nothing_to_drill_is_a_finding(backups: list[Backup], reason: str) -> None:
    assert picked(*backups) == Picked(None, reason)


def test_what_cannot_be_seen_is_no_finding() -> None:
    hidden = an_observation([WEB], [], nodes={"pve1": True, "pve2": False})
    guest = a_guest(101, "web1", node="pve2")
    found = pick(wish(), hidden, guest, [], oldest)
    assert found.hidden
    assert found.reason.startswith("no backup of it is shown, but not everything can be seen: Node pve2 is offline")
