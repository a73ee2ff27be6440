# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups as storages list them (entries as recorded in 03_storage, 04_vzdump_ok and 07_notes_protected_delete)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import (
    Backup,
    Listing,
    backup_of,
    observe_listing,
    owner_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    BadAnswer,
    Unreachable,
    error_of,
)
from unit.builders import PreparedAnswers, a_backup
from unit.recordings import Exchange

NAME = "local:backup/vzdump-lxc-105-2026_11_20-12_29_25.tar.zst"
FILE = {
    "content": "backup",
    "ctime": 1795177765,
    "format": "tar.zst",
    "size": 1987185,
    "subtype": "lxc",
    "vmid": 105,
    "volid": NAME,
}
SNAPSHOT = {
    "content": "backup",
    "ctime": 1795177765,
    "format": "pbs-ct",
    "size": 2969600,
    "subtype": "lxc",
    "vmid": 105,
    "volid": "pbs:backup/ct/105/2026-11-20T12:29:25Z",
    "verification": {"state": "ok", "upid": "UPID:pbs:1"},
    "encrypted": "1",
}


def test_a_file_is_read() -> None:
    assert backup_of({**FILE, "notes": "tiny5", "protected": 1}, "local", "pve") == Backup(
        NAME, 105, "local", "pve", 1795177765, 1987185, "tar.zst", "lxc", "tiny5", True, None, False, True
    )


def test_a_snapshot_of_a_backup_server_is_read() -> None:
    assert backup_of(SNAPSHOT, "pbs", "pve") == Backup(
        str(SNAPSHOT["volid"]), 105, "pbs", "pve", 1795177765, 2969600, "pbs-ct", "lxc", None, False, True, True, True
    )


def test_it_is_returned_under_the_documented_keys() -> None:
    assert backup_of(FILE, "local", "pve").as_result() == {
        "volid": NAME,
        "vmid": 105,
        "storage": "local",
        "node": "pve",
        "ctime": 1795177765,
        "size": 1987185,
        "format": "tar.zst",
        "guest_type": "lxc",
        "notes": None,
        "protected": False,
        "verified": None,
        "encrypted": False,
    }


def test_an_entry_with_nothing_but_a_name() -> None:
    assert backup_of({"volid": NAME}, "local", "pve") == Backup(
        NAME, 105, "local", "pve", 0, 0, "", "lxc", None, False, None, False, True
    )


@pytest.mark.parametrize(("written", "protected"), [(1, True), ("1", True), (0, False), ("0", False), (None, False)])
def test_protection_is_absent_or_a_number(written: object, protected: bool) -> None:
    assert backup_of({**FILE, "protected": written}, "local", "pve").protected is protected


@pytest.mark.parametrize(
    ("written", "encrypted"), [("1", True), ("d7:12:ab", True), (None, False), ("", False), (0, False), ("0", False)]
)
def test_encryption_is_a_flag_or_a_fingerprint(written: object, encrypted: bool) -> None:
    assert backup_of({**SNAPSHOT, "encrypted": written}, "pbs", "pve").encrypted is encrypted


@pytest.mark.parametrize(
    ("written", "verified"),
    [
        ({"state": "ok"}, True),
        ({"state": "failed"}, False),
        ({"state": "new"}, None),
        ({}, None),
        (None, None),
        ("ok", None),
    ],
)
def test_a_verification_has_three_outcomes(written: object, verified: bool | None) -> None:
    assert backup_of({**SNAPSHOT, "verification": written}, "pbs", "pve").verified is verified


@pytest.mark.parametrize(
    ("entry", "size", "finished"),
    [
        ({**SNAPSHOT, "size": 1}, 1, False),
        ({**SNAPSHOT, "size": 0}, 0, False),
        ({**SNAPSHOT, "size": 1, "approximate-size": 5000}, 5000, True),
        ({**SNAPSHOT, "size": None, "approximate-size": "5000"}, 5000, True),
        ({**SNAPSHOT, "size": 7000, "approximate-size": 5000}, 7000, True),
        ({**FILE, "size": 1}, 1, True),
        ({**FILE, "size": "12"}, 12, True),
        ({**FILE, "size": 12.0}, 12, True),
    ],
)
def test_a_snapshot_still_being_written_has_size_one(entry: dict[str, Any], size: int, finished: bool) -> None:
    backup = backup_of(entry, "pbs", "pve")
    assert (backup.size, backup.finished) == (size, finished)
    assert backup.good() is finished


@pytest.mark.parametrize(
    ("volid", "owner", "kind"),
    [
        ("local:backup/vzdump-qemu-301-2026_11_20-12_44_31.vma.zst", 301, "qemu"),
        ("local:backup/vzdump-lxc-999999999-2026_11_20-12_44_31.tar", 999999999, "lxc"),
        ("local:backup/vzdump-openvz-101-2010_11_20-12_44_31.tgz", 101, "lxc"),
        ("pbs:backup/vm/301/2026-11-20T12:44:31Z", 301, "qemu"),
        ("pbs:backup/ct/105/2026-11-20T12:44:31Z", 105, "lxc"),
        ("local:backup/vzdump-lxc-101-before-the-upgrade.tar.zst", None, None),
        ("local:backup/vzdump-qemu-010-2026_11_20-12_44_31.vma", None, None),
        ("local:backup/my-copy.vma.zst", None, None),
        ("pbs:backup/host/backup1/2026-11-20T12:44:31Z", None, None),
        ("pbs:backup/vm/abc/2026-11-20T12:44:31Z", None, None),
        ("nonsense", None, None),
        ("", None, None),
    ],
)
def test_the_name_tells_owner_and_kind_where_the_listing_does_not(
    volid: str, owner: int | None, kind: str | None
) -> None:
    assert owner_of(volid) == owner
    for subtype in (None, "unknown", "openvz"):
        backup = backup_of({"volid": volid, "subtype": subtype}, "local", "pve")
        assert (backup.vmid, backup.guest_type) == (owner, kind)


def test_the_listing_knows_better_than_the_name() -> None:
    backup = backup_of({**FILE, "vmid": "107", "subtype": "qemu"}, "local", "pve")
    assert (backup.vmid, backup.guest_type) == (107, "qemu")


@pytest.mark.parametrize(
    ("more", "flaw", "flaw_when_to_be_verified"),
    [
        ({}, None, "has not been verified"),
        ({"verified": True}, None, None),
        ({"verified": False}, "failed its verification", "failed its verification"),
        ({"size": 0, "verified": True}, "is empty", "is empty"),
        ({"finished": False, "size": 1, "verified": True}, "is not finished", "is not finished"),
    ],
)
def test_what_is_a_good_backup(more: dict[str, Any], flaw: str | None, flaw_when_to_be_verified: str | None) -> None:
    backup = a_backup(**more)
    assert (backup.flaw(), backup.flaw(require_verified=True)) == (flaw, flaw_when_to_be_verified)
    assert backup.good() is (flaw is None)
    assert backup.good(require_verified=True) is (flaw_when_to_be_verified is None)


@given(st.text(), st.dictionaries(st.sampled_from(["vmid", "size", "ctime"]), st.integers(0, 2**40)))
def test_no_name_makes_it_fail(volid: str, numbers: dict[str, int]) -> None:
    backup = backup_of({"volid": volid, **numbers}, "local", "pve")
    assert (backup.volid, backup.size, backup.ctime) == (volid, numbers.get("size", 0), numbers.get("ctime", 0))


def test_a_listing_is_one_request() -> None:
    prepared = PreparedAnswers([FILE, {**FILE, "volid": ""}, "odd", None])
    listing = observe_listing(prepared.client, "local", "pve", shared=False)
    assert listing == Listing("local", "pve", False, (backup_of(FILE, "local", "pve"),))
    assert prepared.asked == ["GET nodes/pve/storage/local/content"]
    assert prepared.parameters == [{"content": "backup"}]


@pytest.mark.parametrize(
    "failure",
    [
        error_of("GET", "/x", 500, "storage 'vault' is not online", "", {}),
        error_of("GET", "/x", 596, "Connection timed out", "", {}),
        AnswerLost("The connection broke."),
        BadAnswer("A page of HTML."),
    ],
)
def test_a_storage_that_does_not_answer_is_a_finding(failure: AnswerLost) -> None:
    listing = observe_listing(PreparedAnswers(failure).client, "vault", "pve", shared=True)
    assert listing == Listing("vault", "pve", True, (), failure.message)


def test_no_server_at_all_is_an_error() -> None:
    with pytest.raises(Unreachable):
        observe_listing(PreparedAnswers(Unreachable("Nobody there.")).client, "vault", "pve", shared=True)


@pytest.mark.parametrize("answer", [None, {"data": 1}, "ok"])
def test_a_listing_that_is_none_is_a_finding(answer: object) -> None:
    listing = observe_listing(PreparedAnswers(answer).client, "vault", "pve", shared=True)
    assert listing == Listing("vault", "pve", True, (), "The listing of storage vault is not a list.")


def _recorded_entries(recorded: list[Exchange]) -> list[dict[str, Any]]:
    return [
        entry
        for exchange in recorded
        if exchange.method == "GET" and exchange.path.partition("?")[0].endswith("/content") and exchange.status == 200
        for entry in exchange.body["data"]
        if entry["content"] == "backup"
    ]


def test_every_recorded_entry_is_read(recorded: list[Exchange]) -> None:
    entries = _recorded_entries(recorded)
    assert len(entries) > 50
    for entry in entries:
        backup = backup_of(entry, "local", "pve")
        assert backup.good(), entry
        read = (backup.volid, backup.vmid, backup.ctime, backup.size, backup.format, backup.guest_type, backup.notes)
        assert read == tuple(
            entry.get(key) for key in ("volid", "vmid", "ctime", "size", "format", "subtype", "notes")
        ), entry
        assert backup.protected is bool(entry.get("protected")), entry


def test_every_recorded_name_tells_what_the_listing_says(recorded: list[Exchange]) -> None:
    for entry in _recorded_entries(recorded):
        bare = backup_of({"volid": entry["volid"]}, "local", "pve")
        renamed = "renamed-by-hand" in entry["volid"]  # Proxmox still lists an owner; the name alone proves nothing
        told = (None, None) if renamed else (entry["vmid"], entry["subtype"])
        assert (bare.vmid, bare.guest_type) == told, entry


@pytest.mark.parametrize(
    ("volid", "named", "wall"),
    [
        (NAME, True, "2026-11-20 12:29:25"),
        ("a:backup/vzdump-qemu-100-2026_01_02-03_04_05.vma", True, "2026-01-02 03:04:05"),
        ("a:backup/vzdump-openvz-100-2026_01_02-03_04_05.tgz", True, "2026-01-02 03:04:05"),
        (str(SNAPSHOT["volid"]), True, None),
        ("a:backup/vzdump-lxc-101-mine.tar.zst", False, None),
        ("a:backup/vzdump-lxc-101-2026_01_02-03_04_05-mine.tar.zst", False, None),
        ("a:backup/vzdump-lxc-101-2026_01_02-03_04_05.tar.xz", False, None),
        ("a:backup/vzdump-lxc-99-2026_01_02-03_04_05.tar", False, None),
        ("a:backup/2026_01_02-03_04_05.tar", False, None),
    ],
)
def test_a_name_that_proxmox_gave_tells_when_it_was_made(volid: str, named: bool, wall: str | None) -> None:
    backup = a_backup(volid=volid)
    assert backup.named_by_proxmox is named
    assert backup.local_time == (None if wall is None else datetime.fromisoformat(wall))


def test_backups_of_one_name_on_two_nodes_have_two_keys() -> None:
    assert a_backup(storage="local").key == ("pve1", a_backup(storage="local").volid)
    assert a_backup(storage="local").key != a_backup(storage="local", node="pve2").key


def test_an_entry_that_is_listed_twice_is_one_backup() -> None:
    """Counted twice, the only copy would be kept as one and removed as the other."""
    entry = {"volid": NAME, "vmid": 101, "ctime": 1, "size": 1}
    listing = observe_listing(PreparedAnswers([entry, entry]).client, "local", "pve", False)
    assert len(listing.backups) == 1
