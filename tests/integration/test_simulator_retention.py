# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups a retention keeps: recorded dry runs, and a few that nobody has recorded."""

from __future__ import annotations

import os
from datetime import timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pve_simulator.schema import property_strings
from pve_simulator.storage import archive_names, retention
from pve_simulator.storage.backups import Backup
from replay import library, recording

DAY = 86400
NOW = 1_800_000_000


def backup(name: str, *, ctime: int | None = None, protected: bool = False) -> Backup:
    parsed = archive_names.parse_file(name, timezone.utc)
    assert parsed is not None
    when = parsed.ctime if parsed.ctime is not None else ctime or 0
    return Backup("backups", parsed, Path(name), 1, when, None, protected)


def aged(days: float, vmid: int = 101) -> Backup:
    return backup(archive_names.file_name("lxc", vmid, NOW - days * DAY, "zstd", timezone.utc))


def kept(backups: list[Backup], keep: str) -> list[int]:
    """The places of those that are kept."""
    marked = retention.mark(backups, property_strings.parse_prune(keep), timezone.utc)
    return [at for at, entry in enumerate(marked) if entry.mark == retention.KEEP]


def dry_runs() -> list[Any]:
    if not library.available():
        return []
    cases = recording.read(library.RECORDINGS / "06_prune.txt", "06_prune")
    calls = [call for case in cases for call in case.calls]
    found = []
    for number, call in enumerate(calls):
        url = urlsplit(call.path)
        if call.method != "GET" or not url.path.endswith("/prunebackups") or call.status != 200:
            continue
        storage = url.path.split("/")[-2]
        default = {"backups": "keep-last=2,keep-daily=3", "local": "keep-all=1"}[storage]
        keep = parse_qs(url.query, keep_blank_values=True).get("prune-backups", [default])[0]
        if call.document["data"]:
            found.append(pytest.param(keep, call.document["data"], id=f"{number} {keep}"))
    return found


@pytest.mark.parametrize(("keep", "recorded"), dry_runs())
def test_marks_are_those_that_proxmox_recorded(keep: str, recorded: list[dict[str, Any]]) -> None:
    backups = [
        backup(entry["volid"].split("/", 1)[1], ctime=entry["ctime"], protected=entry["mark"] == "protected")
        for entry in recorded
    ]
    numbers = property_strings.parse_prune(keep) if keep else {"keep-all": 1}
    marked = retention.mark(backups, numbers, timezone.utc)
    assert [entry.mark for entry in marked] == [entry["mark"] for entry in recorded]


def test_the_recorded_dry_runs_were_found() -> None:
    if library.available() or os.environ.get("LIFEBOAT_REQUIRE_SHARED") == "1":
        assert len(dry_runs()) >= 6


def test_last_counts_backups() -> None:
    assert kept([aged(3), aged(1), aged(2)], "keep-last=2") == [1, 2]


def test_a_rule_does_not_count_a_period_that_an_earlier_rule_covers() -> None:
    assert kept([aged(0), aged(0.1), aged(1), aged(2), aged(3)], "keep-last=1,keep-daily=2") == [0, 2, 3]


def test_weeks_months_and_years() -> None:
    backups = [aged(days) for days in (0, 1, 8, 40, 400, 800)]
    assert kept(backups, "keep-weekly=2") == [0, 2]
    assert kept(backups, "keep-monthly=3") == [0, 3, 4]
    assert kept(backups, "keep-yearly=2") == [0, 3]
    assert kept(backups, "keep-hourly=1,keep-yearly=1") == [0, 3]


def test_guests_are_counted_apart() -> None:
    assert kept([aged(0), aged(1), aged(2, vmid=102)], "keep-last=1") == [0, 2]


def test_protected_and_renamed_ones_are_not_counted() -> None:
    names = [archive_names.file_name("lxc", 101, NOW - days * DAY, "0", timezone.utc) for days in (0, 1, 2)]
    backups = [backup(names[0], protected=True), backup(names[1]), backup(names[2])]
    renamed = backup("vzdump-lxc-101-mine.tar", ctime=NOW)
    marked = retention.mark([*backups, renamed], {"keep-last": 1}, timezone.utc)
    assert [entry.mark for entry in marked] == ["protected", "keep", "remove", "renamed"]


@pytest.mark.parametrize("keep", ["keep-all=1", "keep-last=0", "keep-last=0,keep-daily=0"])
def test_nothing_wanted_keeps_everything(keep: str) -> None:
    assert kept([aged(0), aged(1)], keep) == [0, 1]


def test_one_of_two_of_the_same_second_goes() -> None:
    names = [archive_names.file_name("lxc", 101, NOW, compress, timezone.utc) for compress in ("gzip", "zstd")]
    assert kept([backup(name) for name in names], "keep-last=5") == [0]
