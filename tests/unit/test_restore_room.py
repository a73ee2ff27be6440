# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether there is room for what a restore makes, and whether a storage takes it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.room import (
    taken,
    targets,
    too_little,
    unfit,
)
from unit.builders import GIB, a_backup
from unit.restore_builders import a_configuration, a_storage, storages

BACKUP = a_backup(101, size=3 * GIB)
SNAPSHOT = a_backup(101, volid="pbs:backup/ct/101/2026-11-20T12:26:37Z", storage="pbs", size=3 * GIB, format="pbs-ct")


# ----- what comes where


def test_volumes_come_to_where_they_were_or_all_to_one_storage() -> None:
    web = a_configuration("lxc", mp0="fast:vm-101-disk-1,mp=/srv,backup=1,size=8G", mp1="fast:b,mp=/no,size=1G")
    assert targets(web, None) == {"local": 4 * GIB, "fast": 9 * GIB}
    assert targets(web, "tank") == {"tank": 13 * GIB}


def test_disks_that_a_vms_backup_does_not_hold_are_not_made() -> None:
    db = a_configuration("qemu", scsi1="fast:vm-300-disk-1,backup=0,size=8G", scsi2="/dev/sdb,size=1G", scsi3="fast:x")
    assert targets(db, None) == {"local": 8 * GIB, "fast": 0}


def test_mounts_of_the_host_take_no_room() -> None:
    assert targets(a_configuration("lxc", mp0="/mnt/pool,mp=/srv,size=9T"), None) == {"local": 4 * GIB}


# ----- whether a storage takes it


@pytest.mark.parametrize(
    ("kind", "storage", "why"),
    [
        ("lxc", a_storage(), None),
        ("qemu", a_storage(content=frozenset({"images"})), None),
        ("lxc", a_storage(enabled=False, active=False), "storage local is disabled; enable it or set target_storage"),
        ("lxc", a_storage(active=False), "storage local is not active on node pve1"),
        (
            "lxc",
            a_storage(content=frozenset({"images"})),
            "storage local does not take containers (content rootdir); set target_storage to one that does",
        ),
        (
            "qemu",
            a_storage(content=frozenset({"rootdir", "backup"})),
            "storage local does not take disks of VMs (content images); set target_storage to one that does",
        ),
        (
            "qemu",
            a_storage("other"),
            (
                "node pve1 has no storage local that this token may see; set target_storage, or grant "
                "Datastore.AllocateSpace on /storage/local"
            ),
        ),
    ],
)
def test_whether_a_storage_takes_a_guest(kind: str, storage: Any, why: str | None) -> None:
    assert unfit(kind, storages(storage), {"local": 0}, "pve1") == why


def test_every_storage_must_take_it() -> None:
    there = storages(a_storage("fast"), a_storage("local", active=False))
    assert unfit("lxc", there, {"fast": 1, "local": 1}, "pve2") == "storage local is not active on node pve2"


# ----- whether it fits


def _told(
    backup: Backup = BACKUP, freed: int = 0, whole: bool = False, wanted: int = 8 * GIB, **storage: Any
) -> str | None:
    return too_little(backup, storages(a_storage(**storage)), {"local": wanted}, {"local": freed}, whole)


def test_what_is_written_bit_by_bit_needs_the_archives_size_at_least() -> None:
    assert _told(avail=3 * GIB) is None
    assert _told(avail=3 * GIB - 1) == "storage local has 3 GiB free, and 3 GiB are needed"
    assert _told(avail=2 * GIB) == "storage local has 2 GiB free, and 3 GiB are needed"


def test_what_takes_its_whole_size_at_once_needs_that() -> None:
    assert _told(avail=8 * GIB, type="lvm") is None
    assert _told(avail=7 * GIB, type="lvm") == "storage local has 7 GiB free, and 8 GiB are needed"
    assert _told(avail=2 * GIB, type="lvm", wanted=0) == "storage local has 2 GiB free, and 3 GiB are needed"


def test_where_all_must_fit_every_volume_counts_with_its_size() -> None:
    assert _told(avail=7 * GIB, whole=True) == "storage local has 7 GiB free, and 8 GiB are needed"
    assert _told(avail=8 * GIB, whole=True) is None


def test_what_becomes_free_before_counts() -> None:
    assert _told(avail=4 * GIB, type="lvm", freed=4 * GIB) is None
    assert _told(avail=4 * GIB, type="lvm", freed=3 * GIB) == "storage local has 7 GiB free, and 8 GiB are needed"
    assert _told(avail=0, freed=3 * GIB) is None


def test_a_snapshot_on_a_backup_server_tells_nothing_of_what_is_needed() -> None:
    assert _told(SNAPSHOT, avail=1) is None
    assert _told(SNAPSHOT, avail=0) == "storage local has 0 B free, and 0 B are needed"
    assert _told(SNAPSHOT, avail=7 * GIB, type="zfspool") == "storage local has 7 GiB free, and 8 GiB are needed"


def test_of_several_storages_nobody_knows_which_takes_how_much() -> None:
    there = storages(a_storage("fast", avail=GIB), a_storage("local", avail=GIB))
    assert too_little(BACKUP, there, {"fast": 8 * GIB, "local": 8 * GIB}, {}) is None
    thick = storages(a_storage("fast", avail=GIB), a_storage("local", avail=GIB, type="lvm"))
    assert too_little(BACKUP, thick, {"fast": 8 * GIB, "local": 8 * GIB}, {}) == (
        "storage local has 1 GiB free, and 8 GiB are needed"
    )


def test_what_a_restore_takes_is_left_to_no_other() -> None:
    there = storages(a_storage("local"), a_storage("fast", type="lvm"))
    assert taken(BACKUP, there, {"local": 8 * GIB}) == {"local": 3 * GIB}
    assert taken(BACKUP, there, {"fast": 8 * GIB}) == {"fast": 8 * GIB}
    assert taken(BACKUP, there, {"fast": 0}) == {"fast": 3 * GIB}
    assert taken(BACKUP, there, {"fast": 8 * GIB, "local": GIB}) == {"fast": 8 * GIB, "local": 0}
    assert taken(SNAPSHOT, there, {"local": 8 * GIB}) == {"local": 0}
