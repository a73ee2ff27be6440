# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the safety backup of a guest goes that is about to be replaced, and why it can't go there."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_storages import (
    GuestStorage,
    StorageSettings,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.look import Scene
from unit.builders import DAY, GIB, HOUR, MIB, a_backup
from unit.restore_builders import ENOUGH, a_replacement, a_storage, planned, refused, replacing, storages

WEB = "101 (web1)"
BACKUPS = frozenset({"backup"})


def scene(*more: GuestStorage, vault: dict[str, Any] | None = None, **fields: Any) -> Scene:
    """Storages are local, "vault" (which ``vault`` says more of) and those given."""
    of_vault = a_storage("vault", **{"type": "nfs", "content": BACKUPS, **(vault or {})})
    return a_replacement("lxc", storages=storages(a_storage("local"), of_vault, *more), **fields)


def protected(count: int, storage: str = "vault", vmid: int = 101) -> tuple[Backup, ...]:
    return tuple(a_backup(vmid, HOUR + number, storage=storage, protected=True) for number in range(count))


# ----- where


def test_it_goes_to_the_storage_of_the_archive_unless_the_user_says_where() -> None:
    attic = a_storage("attic", content=BACKUPS)
    assert planned(replacing(), scene(attic)).safety_storage == "vault"
    assert planned(replacing(safety_storage="attic"), scene(attic)).safety_storage == "attic"


@pytest.mark.parametrize(
    ("vault", "problem"),
    [
        ({"content": frozenset({"images"})}, "takes no backups"),
        ({"active": False}, "is not active"),
        ({"enabled": False}, "is not active"),
    ],
)
def test_the_storage_must_take_it(vault: dict[str, Any], problem: str) -> None:
    assert refused(replacing(), scene(vault=vault)) == (
        f"{WEB}: storage vault for the safety backup {problem} on node pve1; set safety_storage. Nothing was changed."
    )


def test_the_storage_must_be_shown() -> None:
    assert refused(replacing(safety_storage="attic"), scene()) == (
        f"{WEB}: storage attic for the safety backup is not shown to this token on node pve1; set safety_storage. "
        "Nothing was changed."
    )


# ----- room


def test_it_needs_the_room_of_the_guests_last_backup() -> None:
    newest = a_backup(101, HOUR, size=3 * GIB)
    others = (a_backup(102, 60, size=90 * GIB), a_backup(101, 120, size=80 * GIB, guest_type="qemu"))
    backups = (*others, newest, a_backup(101, DAY, size=70 * GIB))
    assert refused(replacing(), scene(vault={"avail": 3 * GIB}, backups=backups)) == (
        f"{WEB}: there is no room for the safety backup: storage vault has 3 GiB free, and about 3 GiB are needed; "
        "make room, or set safety_storage. Nothing was changed."
    )
    assert planned(replacing(), scene(vault={"avail": 3 * GIB + 1}, backups=backups)).safety_storage == "vault"


def test_without_one_that_of_the_archive() -> None:
    source = a_backup(102, size=2 * GIB)
    there = scene(vault={"avail": GIB}, backup=source, backups=(source,))
    assert "has 1 GiB free, and about 2 GiB are needed" in refused(replacing(), there)


def test_what_a_snapshot_on_a_backup_server_takes_says_nothing() -> None:
    snapshot = a_backup(101, 60, volid="pbs:backup/ct/101/2026-11-20T12:25:37Z", storage="pbs", size=90 * GIB)
    backups = (snapshot, a_backup(101, HOUR, size=2 * MIB))
    assert planned(replacing(), scene(vault={"avail": GIB}, backups=backups)).safety_storage == "vault"


def test_on_a_backup_server_any_room_is_enough_and_none_is_not() -> None:
    assert planned(replacing(), scene(vault={"type": "pbs", "avail": 1})).safety_storage == "vault"
    assert "there is no room for the safety backup: storage vault has 0 B free" in refused(
        replacing(), scene(vault={"type": "pbs", "avail": 0})
    )


def test_without_a_safety_backup_its_storage_is_nobodys_business() -> None:
    plan = planned(replacing(safety_backup=False), scene(vault={"avail": 0, "active": False}))
    assert (plan.safety_storage, "safety_backup" in plan.steps) == (None, False)


# ----- how many protected ones

LIMITS = {"vault": StorageSettings("vault", None, False), "attic": StorageSettings("attic", 2, False)}
FULL = (
    "101 (web1): storage {} takes {} protected backups of guest {}, {} are there and {} more are needed; take the "
    "protection off older ones, or set safety_storage. Nothing was changed."
)


@pytest.mark.parametrize(("count", "fits"), [(0, True), (3, True), (4, False), (5, False)])
def test_the_source_and_the_safety_backup_are_two_more(count: int, fits: bool) -> None:
    there = scene(settings=LIMITS, backups=(*protected(count), a_backup(101)))
    if fits:
        assert planned(replacing(), there).protect_source
    else:
        assert refused(replacing(), there) == FULL.format("vault", 5, 101, count, 2)


def test_a_source_that_is_protected_already_is_none_more() -> None:
    source = a_backup(101, protected=True)
    there = scene(settings=LIMITS, backup=source, backups=(*protected(3), source))
    assert not planned(replacing(), there).protect_source
    more = scene(settings=LIMITS, backup=source, backups=(*protected(4), source))
    assert refused(replacing(), more) == FULL.format("vault", 5, 101, 5, 1)


def test_each_storage_and_each_guest_is_counted_for_itself() -> None:
    attic = a_storage("attic", content=BACKUPS)
    source = a_backup(102)
    backups = (*protected(2, "attic", 102), *protected(1, "attic"), *protected(4), source)
    there = scene(attic, settings=LIMITS, backup=source, backups=backups)
    assert planned(replacing(safety_storage="attic"), there).safety_storage == "attic"
    full = scene(attic, settings=LIMITS, backup=source, backups=(*backups, *protected(1, "attic")))
    assert refused(replacing(safety_storage="attic"), full) == FULL.format("attic", 2, 101, 2, 1)
    of_source = scene(attic, settings=LIMITS, backup=source, backups=(*protected(5, "vault", 102), source))
    assert refused(replacing(safety_storage="attic"), of_source) == FULL.format("vault", 5, 102, 5, 1)


def test_who_may_allocate_is_not_limited_unless_the_storage_says_so() -> None:
    allocator = Permissions(
        {**ENOUGH.paths, "/storage/vault": {"Datastore.Allocate": True, "Datastore.AllocateSpace": True}}
    )
    there = scene(settings=LIMITS, backups=protected(9), permissions=allocator)
    assert planned(replacing(), there).safety_storage == "vault"
    set_to = {"vault": StorageSettings("vault", 9, False)}
    assert refused(replacing(), scene(settings=set_to, backups=protected(9), permissions=allocator)) == (
        FULL.format("vault", 9, 101, 9, 2)
    )


def test_where_nothing_is_known_of_a_storage_no_limit_is_made_up() -> None:
    assert planned(replacing(), scene(settings={}, backups=protected(9))).safety_storage == "vault"
