# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our retention held against Proxmox': every recorded dry run, and whatever the simulator says of archives made up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timezone, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, backup_of, owner_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import RemovalPlan, Retention
from pve_simulator.storage import archive_names, retention
from pve_simulator.storage.backups import Backup as Archive
from unit.builders import NOW
from unit.recordings import Exchange

FROZEN = {"it is protected": "protected", "it is renamed": "renamed"}
KEEP_ALL = Keep(all=True)


def _marks(plan: RemovalPlan) -> dict[str, str]:
    """The words of a dry run, by volid."""
    kept = {fate.backup.volid: FROZEN.get(fate.why, "keep") for fate in plan.kept}
    return {**kept, **{fate.backup.volid: "remove" for fate in plan.removals}}


def _ours(backups: Sequence[Backup], keep: Keep, spare_newest_good: bool, zones: Mapping[str, str]) -> dict[str, str]:
    owners = {backup.vmid: None for backup in backups if backup.vmid is not None}
    rules = Retention(keep, LocalTimes(zones), lambda _node: float(NOW + 400 * 86400), spare_newest_good)
    return _marks(rules.apply(backups, owners))


# ----- what Proxmox said


@dataclass(frozen=True)
class DryRun:
    """A GET of prunebackups with its answer, and what the listing before it showed of the same guests."""

    path: str
    keep: Keep
    answer: list[dict[str, Any]]
    listed: list[dict[str, Any]]


def _query(path: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(path).query, keep_blank_values=True).items()}


def _dry_runs(recorded: Sequence[Exchange]) -> Iterator[DryRun]:
    own = {
        entry["storage"]: entry.get("prune-backups", "")
        for one in recorded
        if one.path == "/storage" and one.status == 200 and one.source == "03_storage.txt"
        for entry in one.body["data"]
    }
    there: dict[str, dict[str, dict[str, Any]]] = {}
    for one in recorded:
        parts = unquote(urlsplit(one.path).path).split("/")
        if one.status != 200 or one.source != "06_prune.txt" or parts[3:4] != ["storage"]:
            continue
        query = _query(one.path)
        here = there.setdefault(parts[4], {})
        if one.method == "GET" and parts[5:] == ["content"]:
            gone = [name for name, entry in here.items() if query.get("vmid") in (None, str(entry["vmid"]))]
            for name in gone:
                del here[name]
            here.update({entry["volid"]: entry for entry in one.body["data"]})
        elif one.method == "PUT":  # the only one there is: a backup gets protected
            here["/".join(parts[6:])] = {**here["/".join(parts[6:])], "protected": 1}
        elif one.method == "GET" and parts[5:] == ["prunebackups"]:
            keep = Keep.parse(query.get("prune-backups", own[parts[4]]))
            assert keep is not None
            shown = [
                entry
                for entry in here.values()
                if query.get("vmid") in (None, str(entry["vmid"])) and query.get("type") in (None, entry["subtype"])
            ]
            yield DryRun(one.path, keep, one.body["data"], shown)


def test_every_recorded_dry_run_is_ours(recorded: list[Exchange]) -> None:
    runs = list(_dry_runs(recorded))
    assert len(runs) >= 12
    for run in runs:
        found = {entry["volid"]: entry["mark"] for entry in run.answer}
        if "/storage/local/" in run.path:  # never listed in this state: the dry run itself says what lies there
            backups = [
                backup_of({**entry, "size": 1, "protected": int(entry["mark"] == "protected")}, "local", "pve")
                for entry in run.answer
            ]
        else:
            assert {entry["volid"] for entry in run.listed} == set(found), run.path
            backups = [backup_of(entry, "backups", "pve") for entry in run.listed]
        assert all(backup.good() for backup in backups)
        for spare_newest_good in (False, True):
            assert _ours(backups, run.keep, spare_newest_good, {}) == found, run.path


def test_every_mark_there_is_was_recorded(recorded: list[Exchange]) -> None:
    found = {entry["mark"] for run in _dry_runs(recorded) for entry in run.answer}
    assert found == {"keep", "remove", "protected", "renamed"}


def test_local_times_and_owners_are_those_of_the_recorded_names(recorded: list[Exchange]) -> None:
    """The recorded systems ran on UTC; the owner of a renamed backup is a text there."""
    for run in _dry_runs(recorded):
        for entry in run.answer:
            backup = backup_of(entry, "backups", "pve")
            assert backup.named_by_proxmox is (entry["mark"] != "renamed")
            assert backup.vmid == int(entry["vmid"])
            assert owner_of(backup.volid) == (backup.vmid if backup.named_by_proxmox else None)
            assert isinstance(entry["vmid"], str) is (entry["mark"] == "renamed")
            if backup.local_time is not None:
                assert int(backup.local_time.replace(tzinfo=timezone.utc).timestamp()) == entry["ctime"]


# ----- what the simulator says, which is Proxmox' algorithm written down a second time

ZONES: Mapping[str, tzinfo] = {
    "UTC": timezone.utc,
    "Europe/Berlin": ZoneInfo("Europe/Berlin"),
    "America/St_Johns": ZoneInfo("America/St_Johns"),
    "Pacific/Kiritimati": ZoneInfo("Pacific/Kiritimati"),
}
HOUR = 3600
SECONDS = [
    NOW - days * 86400 - hours * HOUR - seconds
    for days in (0, 1, 2, 6, 7, 8, 25, 26, 27, 31, 45, 237, 238, 324, 325, 326, 400, 800)
    for hours in (0, 1, 2, 11, 12, 13)
    for seconds in (0, 1)
]


@dataclass(frozen=True)
class Made:
    """An archive that hypothesis made up."""

    vmid: int
    kind: str
    epoch: int
    compress: str
    protected: bool
    renamed: bool

    def name(self, where: tzinfo) -> str:
        """The file's name in a time zone."""
        name = archive_names.file_name(self.kind, self.vmid, self.epoch, self.compress, where)
        return name.replace("-20", "-mine20", 1) if self.renamed else name


MADE = st.builds(
    Made,
    vmid=st.sampled_from([101, 101, 101, 102]),
    kind=st.sampled_from(["lxc", "lxc", "lxc", "qemu"]),
    epoch=st.sampled_from(SECONDS),
    compress=st.sampled_from(["zstd", "zstd", "gzip", "0"]),
    protected=st.sampled_from([False, False, False, True]),
    renamed=st.sampled_from([False, False, False, False, True]),
)
NUMBERS = st.fixed_dictionaries({rule: st.sampled_from([0, 0, 1, 2, 3, 5]) for rule in RULES})


def _archive(made: Made, where: tzinfo) -> Archive:
    name = archive_names.parse_file(made.name(where), where)
    assert name is not None
    assert name.standard is not made.renamed
    ctime = made.epoch if name.ctime is None else name.ctime
    return Archive("vault", name, Path(name.name), 1, ctime, None, made.protected)


def _entry(archive: Archive) -> dict[str, Any]:
    """As the storage lists it."""
    return {
        "volid": archive.volid,
        "ctime": archive.ctime,
        "size": archive.size,
        "vmid": archive.vmid,
        "subtype": archive.name.subtype,
        "protected": int(archive.protected),
    }


@settings(max_examples=80)
@given(st.lists(MADE, max_size=16), NUMBERS, st.sampled_from(sorted(ZONES)))
def test_of_archives_made_up_the_simulator_marks_the_same(made: list[Made], numbers: dict[str, int], zone: str) -> None:
    where = ZONES[zone]
    archives = list({archive.volid: archive for archive in (_archive(one, where) for one in made)}.values())
    keep = Keep(**numbers, all=False)
    marked = retention.mark(archives, {f"keep-{rule}": number for rule, number in numbers.items()}, where)
    backups = [backup_of(_entry(archive), "vault", "pve1") for archive in archives]
    ours = keep if any(numbers.values()) else KEEP_ALL
    assert _ours(backups, ours, False, {}) == {entry.backup.volid: entry.mark for entry in marked}


SNAPSHOTS = st.lists(
    st.tuples(st.sampled_from(["vm", "ct"]), st.sampled_from(SECONDS), st.sampled_from([False, False, True])),
    max_size=16,
    unique_by=lambda one: one[:2],
)


@settings(max_examples=50)
@given(SNAPSHOTS, NUMBERS, st.sampled_from(sorted(ZONES)))
def test_of_snapshots_made_up_it_does_so_by_the_nodes_time_zone(
    made: list[tuple[str, int, bool]], numbers: dict[str, int], zone: str
) -> None:
    archives = []
    for kind, epoch, protected in made:
        name = archive_names.parse_snapshot(archive_names.snapshot_name("qemu" if kind == "vm" else "lxc", 101, epoch))
        assert name is not None
        archives.append(Archive("pbs", name, Path(name.name), 2, epoch, None, protected))
    keep = Keep(**numbers, all=False) if any(numbers.values()) else KEEP_ALL
    marked = retention.mark(archives, {f"keep-{rule}": number for rule, number in numbers.items()}, ZONES[zone])
    backups = [backup_of({**_entry(archive), "format": archive.name.format}, "pbs", "pve1") for archive in archives]
    assert all(backup.local_time is None for backup in backups)
    assert _ours(backups, keep, False, {"pve1": zone}) == {entry.backup.volid: entry.mark for entry in marked}


@pytest.mark.parametrize("zone", sorted(ZONES))
def test_times_in_names_are_read_alike(zone: str) -> None:
    for epoch in SECONDS:
        name = archive_names.file_name("lxc", 101, epoch, "zstd", ZONES[zone])
        local = backup_of({"volid": f"vault:backup/{name}"}, "vault", "pve1").local_time
        assert local is not None
        assert local == LocalTimes({"pve1": zone}).at(epoch, "pve1")
