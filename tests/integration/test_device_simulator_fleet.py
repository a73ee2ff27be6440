# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated fleet without HTTP: what lies on the node after the daemons' cycles, and what they say of it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from device_simulator import Device, Fleet, Mysql, Sqlite, Videos, by_hand
from device_simulator.device_info import backup_info
from device_simulator.page import documented_page, page
from device_simulator.scenarios import demo, device_id, fleet_of
from harness.ticking import Ticking

ID = device_id(1)


@pytest.fixture
def fleet(tmp_path: Path, clock: Ticking) -> Fleet:
    return Fleet(tmp_path, clock)


def add(fleet: Fleet, **content: Any) -> Device:
    return fleet.add(ID, "ETHOSCOPE_001", **content)


def rows(database: Path) -> dict[str, int]:
    """The tables and how many rows they have; the file is only read."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0] for name in names}


def copies(fleet: Fleet, ending: str) -> list[Path]:
    return sorted(path for path in fleet.places.folder.rglob(f"*{ending}") if "devices" not in path.parts)


def job(fleet: Fleet) -> dict[str, Any]:
    return fleet.rsync.job(ID)


def test_a_finished_database_is_copied_with_the_devices_time(fleet: Fleet) -> None:
    begun = fleet.now() - 86400
    device = add(fleet, sqlite=[Sqlite(begun, rows=120, rois=2)])
    fleet.sync()
    [copy] = copies(fleet, ".db")
    assert copy.relative_to(fleet.results) == device.database(begun)
    assert copy.stat().st_mtime == begun + 43200
    counts = rows(copy)
    assert (counts["ROI_1"], counts["ROI_2"], counts["METADATA"], counts["VAR_MAP"]) == (120, 120, 3, 3)


def test_what_is_in_the_wal_stays_on_the_device(fleet: Fleet) -> None:
    add(fleet, sqlite=[Sqlite(fleet.now() - 7200, wal="all"), Sqlite(fleet.now() - 3600, rows=100, wal="tail")])
    fleet.sync()
    whole, half = copies(fleet, ".db")
    assert rows(whole) == {}
    assert rows(half)["ROI_1"] == 50
    assert copies(fleet, "-wal") == copies(fleet, "-shm") == []
    [own, _other] = sorted(fleet.places.device(ID).rglob("*.db"))
    with closing(sqlite3.connect(own)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM ROI_1").fetchone() == (200,)
    assert job(fleet)["progress"]["status"] == "completed"


def test_a_mariadb_is_copied_row_by_row(fleet: Fleet, clock: Ticking) -> None:
    mysql = Mysql(fleet.now() - 3600, rows=80)
    add(fleet, mysql=mysql)
    fleet.mysql.run()
    [copy] = copies(fleet, ".db")
    assert (rows(copy)["ROI_2"], copy.stat().st_mtime) == (80, clock.now)
    assert copy.with_suffix(".txt").stat().st_size == 54
    clock.now += 300
    fleet.mysql.run()
    assert copy.stat().st_mtime == clock.now - 300
    mysql.rows = 95
    fleet.mysql.run()
    assert (rows(copy)["ROI_2"], copy.stat().st_mtime) == (95, clock.now)


def test_a_mariadb_that_is_not_ready_leaves_a_file_without_a_byte(fleet: Fleet) -> None:
    add(fleet, mysql=Mysql(fleet.now() - 60, ready=False))
    fleet.mysql.run()
    assert [path.stat().st_size for path in (*copies(fleet, ".db"), *copies(fleet, ".txt"))] == [0, 0]
    entry = fleet.mysql.status()[ID]
    assert (entry["progress"]["status"], entry["progress"]["message"]) == ("error", "Backup failed")


def test_a_claim_without_a_file(fleet: Fleet) -> None:
    add(fleet, sqlite=[Sqlite(fleet.now() - 3600, size=40960, present=False)])
    fleet.sync()
    about = page(fleet, mysql_up=True, rsync_up=True)["devices"][ID]["backup_types"]["sqlite"]
    assert (about["available"], about["status"], about["size"]) == (True, "success", 0)
    assert copies(fleet, ".db") == []


def test_the_files_of_a_transfer_are_told_three_times_and_only_once(fleet: Fleet) -> None:
    add(fleet, videos=[Videos(fleet.now() - 86400, (10, 20))])
    fleet.sync()
    files = job(fleet)["transfer_details"]["videos"]["files"]
    assert sorted(about["size_bytes"] for about in files.values()) == [10, 20, 33]
    synced = job(fleet)["synced"]
    assert synced["videos"]["detailed_files"] == synced["transfer_details"]["videos"]["files"] == files
    fleet.sync()
    assert job(fleet)["transfer_details"]["videos"]["files"] == {}
    assert "detailed_files" not in job(fleet)["synced"]["videos"]
    assert job(fleet)["count"] == 2


@pytest.mark.parametrize(
    ("kind", "ended", "message", "copied"),
    [
        ("fail", 1, "Backup failed", 0),
        ("break", 1, "Backup failed", 0.5),
        ("timeout", -1, "Backup timed out after 600 seconds", 0),
        ("hold", 0, "Starting results rsync from ethoscope@", 0),
    ],
)
def test_jobs_that_do_not_end_well(fleet: Fleet, kind: Any, ended: int, message: str, copied: float) -> None:
    add(fleet, sqlite=[Sqlite(fleet.now() - 3600, size=40960)], videos=[Videos(fleet.now() - 3600)])
    fleet.trouble(ID, "rsync", kind)
    fleet.sync()
    entry = job(fleet)
    assert (entry["ended"] > 0) - (entry["ended"] < 0) == ended
    assert entry["progress"]["message"].startswith(message)
    assert entry["processing"] is (kind == "hold")
    assert sum(path.stat().st_size for path in copies(fleet, ".db")) == 40960 * copied
    assert copies(fleet, ".h264") == []  # failed results skip the videos
    fleet.sync()
    assert job(fleet)["progress"]["status"] == "completed"
    assert len(copies(fleet, ".h264")) == 3


def test_a_held_job_ends(fleet: Fleet) -> None:
    add(fleet, sqlite=[Sqlite(fleet.now() - 3600)])
    fleet.trouble(ID, "rsync", "hold")
    fleet.sync()
    told = page(fleet, mysql_up=True, rsync_up=True)
    assert told["processing_devices"] == [{"service": "rsync", "device": "ETHOSCOPE_001"}]
    assert told["devices"][ID]["backup_types"]["sqlite"]["processing"] is True
    assert fleet.rsync.health()["last_backup"] == ""
    fleet.rsync.finish(ID)
    assert (job(fleet)["processing"], len(copies(fleet, ".db"))) == (False, 1)
    assert fleet.rsync.health()["last_backup"] != ""


def test_a_mysql_job_that_runs_is_named(fleet: Fleet) -> None:
    add(fleet, mysql=Mysql(fleet.now() - 3600))
    fleet.trouble(ID, "mysql", "hold")
    fleet.mysql.run()
    told = page(fleet, mysql_up=True, rsync_up=True)["services"]["mysql_backup"]
    assert told["current_device"] == "ETHOSCOPE_001"
    fleet.mysql.finish(ID)
    assert len(copies(fleet, ".db")) == 1


def test_what_the_node_keeps(fleet: Fleet, clock: Ticking) -> None:
    """The page for a minute, a size of nothing for an hour."""
    add(fleet, sqlite=[Sqlite(fleet.now() - 3600)])

    def sqlite_size() -> int:
        told = page(fleet, mysql_up=True, rsync_up=True)
        return int(told["devices"][ID]["backup_types"]["sqlite"]["size"])

    first = page(fleet, mysql_up=True, rsync_up=True)
    fleet.sync()
    clock.now += 59
    assert page(fleet, mysql_up=False, rsync_up=False) == first
    clock.now += 1
    assert page(fleet, mysql_up=False, rsync_up=False) != first
    clock.now += 3500
    assert sqlite_size() == 0
    clock.now += 100
    assert sqlite_size() > 30000
    fleet.memory.page_seconds = fleet.memory.size_seconds = 0
    fleet.lose(ID)
    assert sqlite_size() == 0


def test_oddities_of_the_node_to_order(fleet: Fleet) -> None:
    devices = fleet_of(fleet, 3)
    devices[0].standing, devices[1].active = "listed", False
    fleet.unreadable.add(devices[2].id)
    told = page(fleet, mysql_up=True, rsync_up=True)["devices"]
    words = {key: (about["overall_status"], about["backup_types"]["video"]["status"]) for key, about in told.items()}
    assert words == {devices[0].id: ("no_backups", "offline"), devices[2].id: ("unknown", "unknown")}
    fleet.scanner_works = False
    fleet.forget()
    assert page(fleet, mysql_up=True, rsync_up=True)["devices"] == {}


def test_the_documented_form(fleet: Fleet) -> None:
    add(fleet, sqlite=[Sqlite(fleet.now() - 3600)])
    nothing = {"error": "MySQL backup service unavailable", "service": "mysql_backup"}
    assert documented_page(fleet, mysql_up=False, rsync_up=False) == {
        "mysql_backup": nothing,
        "rsync_backup": {"error": "Rsync backup service unavailable", "service": "rsync_backup"},
        "unified_devices": {},
    }
    fleet.trouble(ID, "mysql", "fail")
    fleet.sync()
    told = documented_page(fleet, mysql_up=True, rsync_up=True)
    assert (told["mysql_backup"], told["rsync_backup"]) == (fleet.mysql.status(), fleet.rsync.status())
    unified = told["unified_devices"][ID]
    assert (unified["name"], unified["status"], unified["overall_status"]) == ("ETHOSCOPE_001", "stopped", "partial")
    assert unified["rsync_backup"]["progress"]["status"] == "completed"
    assert set(unified["rsync_backup"]) - set(unified["mysql_backup"]) == {"metadata"}
    alone = documented_page(fleet, mysql_up=True, rsync_up=False)["unified_devices"][ID]
    assert (alone["overall_status"], alone["rsync_backup"]["available"]) == ("error", False)


def test_backups_by_hand(fleet: Fleet) -> None:
    add(fleet, sqlite=[Sqlite(fleet.now() - 3600)], videos=[Videos(fleet.now() - 3600)])

    def ask(**wish: bool) -> dict[str, Any]:
        return by_hand.backup(fleet, ID, json.dumps(wish).encode())

    no_scope = {"success": False, "error": "No backup scope selected", "backup_type": "rsync"}
    assert ask(backup_databases=False) == no_scope
    scope = {"databases": True, "videos": True}
    assert ask(backup_videos=True) == {"success": True, "backup_type": "rsync", "backup_scope": scope}
    assert {path.is_relative_to(fleet.results) for path in copies(fleet, ".h264")} == {True}  # where nobody looks
    assert "AttributeError" in by_hand.backup(fleet, ID, b"[]")["error"]
    assert by_hand.backup(fleet, ID, b"{")["success"] is True
    fleet.devices[ID].has_key = False
    assert ask()["success"] is False
    assert "not found" in by_hand.backup(fleet, "0" * 32, b"")["error"]
    empty = fleet.add(device_id(2), "ETHOSCOPE_002")
    refusal = {"success": False, "error": "No databases found on device", "backup_type": "none"}
    assert by_hand.backup(fleet, empty.id, b"") == refusal


@pytest.mark.parametrize(("given", "name"), [("x" * 32, "E"), ("../" + "0" * 29, "E"), ("0" * 32, "../E")])
def test_ids_and_names_that_no_device_has(fleet: Fleet, given: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"an id is|a name has"):
        fleet.add(given, name)


def test_a_fleet_of_all_kinds(fleet: Fleet) -> None:
    devices = fleet_of(fleet, 16)
    told = page(fleet, mysql_up=True, rsync_up=True)["devices"]
    assert [told[device.id]["overall_status"] for device in devices[:8]] == [
        *["partial"] * 6,
        "success",
        "no_backups",
    ]
    recommended = [backup_info(fleet, device, rsync_up=True)["recommended_backup_type"] for device in devices[8:]]
    assert recommended == ["mysql", "rsync", "rsync", "none", "none", "rsync", "rsync", "rsync"]


def test_the_demo_is_as_its_table_says(fleet: Fleet, clock: Ticking) -> None:
    demo(fleet)
    told = page(fleet, mysql_up=True, rsync_up=True)["devices"]
    names = sorted(device.name for device in fleet.devices.values())
    assert names == [f"ETHOSCOPE_{number:03d}" for number in range(1, 13)]
    said = {number: told[device_id(number)]["backup_types"] for number in range(1, 13)}
    here = {number: copies_of(fleet, device_id(number)) for number in range(1, 13)}
    # Said to be there, and it isn't
    assert said[3]["sqlite"]["status"] == said[7]["sqlite"]["status"] == said[4]["video"]["status"] == "success"
    assert here[3] == here[7] == here[4] == []
    # There, and worth nothing
    assert rows(here[5][0]) == {}
    assert here[6][0].stat().st_size == 0
    with pytest.raises(sqlite3.DatabaseError):
        rows(here[11][0])
    # Not said to be there, and it is
    assert (said[9]["sqlite"]["status"], rows(here[9][0])["ROI_1"]) == ("offline", 600)
    # Old, while the device goes on
    assert (rows(here[8][0])["ROI_1"], fleet.rsync.job(device_id(8))["ended"]) == (300, -1)
    assert clock.now - here[8][0].stat().st_mtime == pytest.approx(5 * 86400, abs=100)
    # As it should be
    assert rows(here[1][0])["ROI_1"] == 2400
    assert len(here[2]) == len(here[12]) - 1 == 4
    assert told[device_id(12)]["overall_status"] == "success"
    assert len(here[10]) == 6
    failed = [key for key, entry in fleet.rsync.status()["devices"].items() if entry["progress"]["status"] == "error"]
    assert sorted(failed) == [device_id(7), device_id(8), device_id(11)]


def copies_of(fleet: Fleet, device: str) -> list[Path]:
    return [path for ending in (".db", ".h264") for path in copies(fleet, ending) if device in path.name]
