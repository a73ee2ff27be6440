# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""device_backup_status against a simulated node: what it says of fleets whose services say something else."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from device_simulator import Mysql, Sqlite, Videos
from device_simulator.scenarios import demo, device_id
from harness.devices import Station, rows, station, statuses

DAY = 86400


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Station]:
    with station(tmp_path) as running:
        yield running


def test_the_classic_lies(node: Station) -> None:
    demo(node.fleet)
    result = node.status()
    assert statuses(result) == {
        "001": "ok", "002": "ok", "003": "missing", "004": "no_data", "005": "failed", "006": "failed",
        "007": "failed", "008": "failed", "009": "ok", "010": "ok", "011": "failed", "012": "ok",
    }  # fmt: skip
    assert result["msg"].startswith("12 devices: 1 no_data, 5 ok, 1 missing, 5 failed.")
    found = rows(result)
    assert found["ETHOSCOPE_003"]["types"]["sqlite"]["discrepancy"] == (
        "no copy is there, but node says 'success' and rsync says that its backup ended well"
    )
    assert found["ETHOSCOPE_005"]["reason"] == (
        "sqlite failed: the newest copy has no tables: its rows were in the -wal file, which is not copied"
    )
    assert found["ETHOSCOPE_006"]["types"]["mysql"]["evidence"] == {
        "files": 0, "size": 0, "newest": None, "path": None, "verified": None, "why_not": "1 copy empty (0 bytes)",
    }  # fmt: skip
    assert found["ETHOSCOPE_011"]["types"]["sqlite"]["verified"] is False
    assert result["summary"]["devices"] == sum(result["summary"][one] for one in ("ok", "missing", "failed", "no_data"))


def test_nothing_on_the_node_is_changed(node: Station) -> None:
    demo(node.fleet)
    places = [node.fleet.results, node.fleet.videos]
    before = {path: path.lstat() for place in places for path in place.rglob("*")}
    node.status(verify="full")
    after = {path: path.lstat() for place in places for path in place.rglob("*")}
    assert {path: (state.st_mtime_ns, state.st_size) for path, state in after.items()} == {
        path: (state.st_mtime_ns, state.st_size) for path, state in before.items()
    }


def test_check_mode_says_the_same(node: Station) -> None:
    demo(node.fleet)
    assert statuses(node.status(check=True)) == statuses(node.status())


def test_an_idle_device_with_a_complete_old_copy_is_ok(node: Station) -> None:
    """The device's times are kept: the copy made today is as old as the file on the device."""
    node.add(1, sqlite=[Sqlite(time.time() - 30 * DAY, rows=50)])
    node.fleet.sync()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert row["status"] == "ok"
    assert row["types"]["sqlite"]["age"] > 29 * DAY
    # Also where the daemons tell nothing (any more), and only the node knows what the device has
    row = rows(node.status(rsync_service_url=None, mysql_service_url=None))["ETHOSCOPE_001"]
    assert row["reason"].startswith("sqlite: the device has nothing newer than the copy of 29 d")


def test_without_any_service_an_old_copy_is_stale(node: Station) -> None:
    node.add(1, sqlite=[Sqlite(time.time() - 30 * DAY, rows=50)])
    node.fleet.sync()
    row = rows(node.status(node_url=None, rsync_service_url=None, mysql_service_url=None))["ETHOSCOPE_001"]
    assert (row["status"], row["online"], row["id"]) == ("stale", None, device_id(1))
    assert row["reason"].endswith("old, wanted 24 h")


def test_a_newer_experiment_without_a_copy_is_stale(node: Station) -> None:
    now = time.time()
    device = node.add(1, sqlite=[Sqlite(now - 30 * DAY, rows=50)])
    node.fleet.sync()
    device.sqlite.append(Sqlite(now - 5 * DAY, rows=10))
    node.fleet.write(device.id)
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == ("stale", "sqlite stale: the device's newest data has no copy")
    assert row["types"]["sqlite"]["discrepancy"] == (
        "the device's newest data has no copy, but node says 'success' and rsync says that its backup ended well"
    )


def test_an_older_database_without_a_copy_is_not_covered_by_a_younger_one(node: Station) -> None:
    now = time.time()
    device = node.add(1, sqlite=[Sqlite(now - days * DAY, rows=20) for days in (30, 20, 1)])
    node.fleet.sync()
    assert statuses(node.status()) == {"001": "ok"}
    lost = node.fleet.results / device.database(device.sqlite[1].started)
    whole = lost.read_bytes(), lost.stat()
    lost.unlink()
    row = rows(node.status())["ETHOSCOPE_001"]  # the daemon has just said that it copied it
    assert (row["status"], row["reason"]) == (
        "missing",
        f"sqlite missing: rsync lists copies that are not there: {lost.name}",
    )
    lost.write_bytes(whole[0])
    os.utime(lost, (whole[1].st_atime, whole[1].st_mtime))
    node.fleet.rsync.run()  # nothing to copy, so that nothing is listed any more
    lost.unlink()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == ("stale", "sqlite stale: 1 of 3 databases of the device have no copy")
    assert row["types"]["sqlite"]["discrepancy"] == (
        "1 of 3 databases of the device have no copy, but node says 'success' and rsync says that its backup ended well"
    )


def test_a_database_that_has_just_begun_may_lack_its_copy(node: Station) -> None:
    now = time.time()
    device = node.add(1, "running", sqlite=[Sqlite(now - 2 * DAY, rows=20, written=now - 7200)])
    node.fleet.sync()
    device.sqlite.append(Sqlite(now - 3600, rows=10, state="tracking", written=now))
    node.fleet.write(device.id)
    assert statuses(node.status()) == {"001": "ok"}


def test_a_running_device_needs_a_recent_copy(node: Station) -> None:
    """A backup that ended well copied nothing new of what is written: the rows are in a file that isn't copied."""
    now = time.time()
    device = node.add(1, "running", sqlite=[Sqlite(now - 9 * DAY, rows=50, state="tracking", written=now - 3 * DAY)])
    node.fleet.sync()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == (
        "stale",
        "sqlite stale: the device is writing, and the copy of that is 3 d old, wanted 24 h",
    )
    assert row["types"]["sqlite"]["discrepancy"] == (
        "the device is writing, and the copy of that is 3 d old, wanted 24 h, but node says 'success' and rsync says "
        "that its backup ended well"
    )
    assert rows(node.status(max_age={"sqlite": "4d"}))["ETHOSCOPE_001"]["status"] == "ok"
    device.sqlite[0].written = now - 60
    node.fleet.write(device.id)
    node.fleet.sync()
    assert rows(node.status())["ETHOSCOPE_001"]["reason"] == "sqlite: the newest copy is 60 s old"


def test_a_copy_that_is_smaller_than_the_devices_file_is_not_complete(node: Station) -> None:
    device = node.add(1, sqlite=[Sqlite(time.time() - 30 * DAY, rows=500)])
    node.fleet.sync()
    copy = node.fleet.results / device.database(device.sqlite[0].started)
    times = (copy.stat().st_atime, copy.stat().st_mtime)
    size = copy.stat().st_size
    os.truncate(copy, size // 2)
    os.utime(copy, times)
    row = rows(node.status(verify="none"))["ETHOSCOPE_001"]
    assert row["status"] == "stale"
    assert row["reason"].endswith(f"the copy of the newest data has {size // 2} of {size} bytes")
    assert rows(node.status())["ETHOSCOPE_001"]["reason"] == (
        f"sqlite failed: the newest copy is cut off ({size // 2} of {size} bytes)"
    )


def test_a_job_that_is_running_now(node: Station) -> None:
    device = node.add(1, sqlite=[Sqlite(time.time() - DAY, rows=5)])
    node.fleet.trouble(device.id, "rsync", "hold")
    node.fleet.rsync.run()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == (
        "in_progress",
        "sqlite in_progress: a backup is running; before it: no copy is there, but node says 'success'",
    )
    assert node.status()["services"]["rsync"]["current_device"] == "ETHOSCOPE_001"


def test_mysql_copies_are_told_from_sqlite_ones(node: Station) -> None:
    now = time.time()
    node.add(1, "running", mysql=Mysql(now - 3 * DAY, rows=20), sqlite=[Sqlite(now - 2 * DAY, rows=20)])
    node.fleet.sync()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["types"]["mysql"]["files"], row["types"]["sqlite"]["files"]) == (1, 1)
    assert row["types"]["mysql"]["evidence"]["path"] != row["types"]["sqlite"]["evidence"]["path"]
    assert (row["recommended_backup_type"], row["supports_video_backup"]) == ("rsync", True)


def test_what_the_node_calls_sqlite_by_mistake_is_not_missed(node: Station) -> None:
    """A device that lists no databases: the node takes the copies on its disk, and calls all of them SQLite."""
    device = node.add(1, "running", mysql=Mysql(time.time() - DAY, rows=20))
    node.fleet.sync()
    device.reports_databases = False
    result = node.status()
    row = rows(result)["ETHOSCOPE_001"]
    assert row["types"]["sqlite"]["claimed"]["available"] is True
    assert row["types"]["sqlite"]["status"] == "no_data"
    assert (row["status"], row["recommended_backup_type"]) == ("ok", "mysql")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, ("none", False)),
        ({"mysql": Mysql(1.7e9)}, ("mysql", False)),
        ({"sqlite": [Sqlite(1.7e9)]}, ("rsync", True)),
        ({"videos": [Videos(1.7e9, (900, 800))]}, ("rsync", True)),
    ],
)
def test_the_service_that_suits_a_device(node: Station, content: dict[str, Any], expected: tuple[str, bool]) -> None:
    node.add(1, **content)
    node.fleet.sync()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["recommended_backup_type"], row["supports_video_backup"]) == expected


def test_only_the_wanted_devices(node: Station) -> None:
    demo(node.fleet)
    assert set(statuses(node.status(devices=["ETHOSCOPE_001", device_id(2)]))) == {"001", "002"}
    assert set(statuses(node.status(exclude=["ETHOSCOPE_003"]))) == {f"{one:03}" for one in range(1, 13)} - {"003"}
    result = node.status(devices=["ETHOSCOPE_001", "ETHOSCOPE_999"])
    assert result["failed"] is True
    assert result["msg"] == ("devices: no source knows ETHOSCOPE_999; write an id or a name as the result has it.")
    assert set(statuses(result)) == {"001"}


def test_two_devices_of_one_name_are_two_rows(node: Station) -> None:
    now = time.time()
    first = node.add(1, sqlite=[Sqlite(now - DAY)])
    node.fleet.add(device_id(2), first.name, sqlite=[Sqlite(now - DAY)])
    node.fleet.sync()
    node.fleet.lose(device_id(2))
    result = node.status(devices=["ETHOSCOPE_001"])
    assert [(row["id"], row["status"]) for row in result["devices"]] == [
        (device_id(1), "ok"),
        (device_id(2), "missing"),
    ]


def test_fail_on_fails_with_everything_that_was_found(node: Station) -> None:
    demo(node.fleet)
    result = node.status(fail_on=["missing", "stale"])
    assert result["failed"] is True
    assert result["msg"] == (
        "1 of 12 devices not as wished: ETHOSCOPE_003 (sqlite missing: no copy is there, but node says 'success' and "
        "rsync says that its backup ended well)."
    )
    assert len(result["devices"]) == 12
    assert "failed" not in node.status(fail_on=["stale"])


def test_verify_none_trusts_and_full_finds_a_damaged_page(node: Station) -> None:
    device = node.add(1, sqlite=[Sqlite(time.time() - DAY, rows=2000)])
    node.fleet.sync()
    copy = node.fleet.results / device.database(device.sqlite[0].started)
    whole = copy.read_bytes()
    middle = len(whole) // 2
    times = (copy.stat().st_atime, copy.stat().st_mtime)
    copy.write_bytes(whole[:middle] + b"\xff" * 2000 + whole[middle + 2000 :])
    os.utime(copy, times)
    assert rows(node.status(verify="none"))["ETHOSCOPE_001"]["types"]["sqlite"]["verified"] is None
    assert rows(node.status(verify="open"))["ETHOSCOPE_001"]["types"]["sqlite"]["verified"] is True
    row = rows(node.status(verify="full"))["ETHOSCOPE_001"]
    assert row["types"]["sqlite"]["verified"] is False
    assert row["reason"].startswith("sqlite failed: the newest copy is damaged: ")


def test_a_copy_whose_last_rows_were_in_the_wal_file(node: Station) -> None:
    """The experiment is over, and half of its rows never came: the copy is whole in itself, and has all tables."""
    node.add(1, sqlite=[Sqlite(time.time() - DAY, rows=400, wal="tail")])
    node.fleet.sync()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == (
        "failed",
        "sqlite failed: the newest copy has 200 of 400 rows of ROI_1, which the device has",
    )


def test_a_folder_that_is_empty_instead_of_mounted(node: Station) -> None:
    """An unmounted disk is an empty folder: everything that is claimed is missing, and nothing is ok."""
    demo(node.fleet)
    for place in (node.fleet.results, node.fleet.videos):
        shutil.rmtree(place)
        place.mkdir()
    result = node.status()
    assert result["summary"]["ok"] == 0
    assert result["summary"]["missing"] + result["summary"]["failed"] >= 10


def test_network_alone_claims_nothing_as_backed_up(node: Station) -> None:
    demo(node.fleet)
    result = node.status(results_path=None, videos_path=None)
    assert set(statuses(result).values()) == {"unknown", "failed", "no_data"}
    row = rows(result)["ETHOSCOPE_001"]
    assert row["reason"].startswith("mysql unknown: mysql says that its last backup ended well 4 min ago, but no ")
    assert row["types"]["mysql"]["evidence"] is None


def test_one_tree_alone(node: Station) -> None:
    demo(node.fleet)
    result = node.status(videos_path=None)
    row = rows(result)["ETHOSCOPE_010"]
    assert row["types"]["video"]["status"] == "unknown"
    assert rows(result)["ETHOSCOPE_001"]["status"] == "ok"


def test_a_retired_device_is_told_by_its_folder(node: Station) -> None:
    device = node.add(1, sqlite=[Sqlite(time.time() - 90 * DAY)])
    node.fleet.sync()
    del node.fleet.devices[device.id]
    node.fleet.rsync.restart()
    node.fleet.mysql.restart()
    node.fleet.forget()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["id"], row["online"], row["status"]) == (device.id, None, "stale")


def test_the_documented_form_of_the_page(node: Station) -> None:
    demo(node.fleet)
    node.fleet.documented_form = True
    result = node.status(mysql_service_url=None, rsync_service_url=None)
    found = rows(result)
    assert (found["ETHOSCOPE_003"]["status"], found["ETHOSCOPE_006"]["status"]) == ("missing", "failed")
    assert found["ETHOSCOPE_003"]["types"]["sqlite"]["claimed"]["source"] == "node"
    assert statuses(result)["001"] == "ok"


def test_a_mysql_copy_that_stopped_growing_while_the_device_goes_on(node: Station) -> None:
    """The daemon says that each cycle ended well; errors of single tables are only in its log."""
    now = time.time()
    device = node.add(1, "running", mysql=Mysql(now - 10 * DAY, rows=300))
    node.fleet.sync()
    copy = node.fleet.results / device.database(now - 10 * DAY)
    os.utime(copy, (now - 9 * DAY, now - 9 * DAY))
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == (
        "stale",
        "mysql stale: the device is writing, and the copy of that is 9 d old, wanted 24 h",
    )


@pytest.mark.parametrize(("told", "expected"), [(300, "ok"), (5000, "stale")])
def test_a_mysql_copy_is_complete_by_its_rows(node: Station, told: int, expected: str) -> None:
    """The device only tells when the experiment began; that the copy is younger than that says little."""
    now = time.time()
    device = node.add(1, mysql=Mysql(now - 20 * DAY, rows=300, told_rows=told, state="finalised"))
    node.fleet.sync()
    node.fleet.mysql.restart()
    copy = node.fleet.results / device.database(now - 20 * DAY)
    os.utime(copy, (now - 9 * DAY, now - 9 * DAY))
    row = rows(node.status())["ETHOSCOPE_001"]
    assert row["status"] == expected
    assert row["reason"].endswith(
        "the device has nothing newer than the copy of 9 d ago"
        if expected == "ok"
        else "wanted 24 h; the copy has 300 of 5000 rows of ROI_1, which the device has"
    )


def test_a_tree_that_is_suddenly_empty_is_not_believed(node: Station) -> None:
    """The disk of the videos isn't mounted any more, and no service lists any: that is not 'no data'."""
    node.add(1, videos=[Videos(time.time() - 20 * DAY, (900, 800))])
    node.fleet.sync()
    node.fleet.rsync.run()
    assert statuses(node.status()) == {"001": "ok"}
    away = node.fleet.videos.rename(node.fleet.videos.with_name("away"))
    node.fleet.videos.mkdir()
    for _run in range(2):
        result = node.status(node_url=None)
        row = rows(result)["ETHOSCOPE_001"]
        assert (row["status"], row["types"]["video"]["status"]) == ("unknown", "unknown")
        assert "is empty and held 2 copies at the last look: is its disk mounted?" in row["reason"]
    assert rows(node.status(node_url=None, refresh=True))["ETHOSCOPE_001"]["types"]["video"]["status"] == "no_data"
    node.fleet.videos.rmdir()
    away.rename(node.fleet.videos)
    assert statuses(node.status()) == {"001": "ok"}


def test_the_daemon_alone_says_that_there_must_be_databases(node: Station) -> None:
    """Without the node: the rsync daemon copies results of devices that have some, only."""
    node.add(1, sqlite=[Sqlite(time.time() - 9 * DAY)])
    node.fleet.sync()
    node.fleet.rsync.run()
    node.fleet.lose(device_id(1))
    row = rows(node.status(node_url=None, mysql_service_url=None))["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == ("missing", "sqlite missing: no copy is there")


def test_copies_dated_in_the_future_are_not_ok_by_a_claim(node: Station) -> None:
    """The device's clock is ahead, its copy is the half of a WAL database, and the daemon says completed."""
    now = time.time()
    node.add(
        1, "running", sqlite=[Sqlite(now + 3 * 3600, rows=300, state="tracking", wal="all", written=now + 4 * 3600)]
    )
    node.fleet.sync()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert row["status"] == "failed"
    assert row["types"]["sqlite"]["verified"] is False


def test_the_copy_of_the_newest_data_is_checked_also_when_another_is_younger(node: Station) -> None:
    now = time.time()
    old, new = Sqlite(now - 30 * DAY, written=now - DAY), Sqlite(now - 5 * DAY, written=now - 4 * DAY, wal="all")
    node.add(1, sqlite=[old, new])
    node.fleet.sync()
    assert rows(node.status())["ETHOSCOPE_001"]["reason"] == (
        "sqlite failed: the newest copy has no tables: its rows were in the -wal file, which is not copied"
    )


def test_videos_that_rsync_lists_and_that_are_gone(node: Station) -> None:
    node.add(1, videos=[Videos(time.time() - 3 * DAY, (900, 800, 700, 600))])
    node.fleet.sync()
    for chunk in sorted(node.fleet.videos.rglob("*.h264"))[:3]:
        chunk.unlink()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert row["status"] == "missing"
    assert row["reason"].startswith("video missing: rsync lists copies that are not there: ")


def test_what_rsync_left_when_it_was_interrupted_is_no_copy(node: Station) -> None:
    device = node.add(1, videos=[Videos(time.time() - 3 * DAY, (9000,))])
    node.fleet.trouble(device.id, "rsync", "break")
    node.fleet.rsync.run()
    node.fleet.rsync.restart()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert (row["status"], row["reason"]) == (
        "failed",
        "video failed: 1 copy unfinished, as rsync leaves one that was interrupted",
    )
    assert row["types"]["video"]["files"] == 0


def test_an_experiment_that_has_just_begun_is_no_alarm(node: Station) -> None:
    now = time.time()
    first = node.add(1, "running", sqlite=[Sqlite(now - 120, rows=3, state="tracking", written=now)])
    second = node.add(2, "running", sqlite=[Sqlite(now - 9 * DAY, rows=9)])
    node.fleet.rsync.run([[second.id]])
    second.sqlite.append(Sqlite(now - 120, rows=3, state="tracking", written=now))
    node.fleet.write(second.id)
    found = rows(node.status())
    assert (found[first.name]["status"], found[second.name]["status"]) == ("unknown", "ok")
    assert found[first.name]["reason"] == (
        "sqlite unknown: no copy is there yet of data that began 2 min ago, wanted within 24 h"
    )


def test_a_device_that_has_none_of_a_type_any_more(node: Station) -> None:
    """It was moved from MySQL to SQLite; its old copies are complete, since there is nothing that they could lack."""
    now = time.time()
    device = node.add(1, mysql=Mysql(now - 40 * DAY, rows=30, state="finalised"))
    node.fleet.sync()
    copy = node.fleet.results / device.database(now - 40 * DAY)
    os.utime(copy, (now - 30 * DAY, now - 30 * DAY))
    device.mysql = None
    device.sqlite.append(Sqlite(now - 2 * DAY))
    node.fleet.write(device.id)
    node.fleet.rsync.run()
    node.fleet.mysql.restart()
    row = rows(node.status())["ETHOSCOPE_001"]
    assert row["status"] == "ok"
    assert row["types"]["mysql"]["reason"] == "the device has nothing newer than the copy of 30 d ago"


def test_a_running_device_that_lists_nothing_is_not_without_data(node: Station) -> None:
    node.add(1, "running")
    node.add(2)
    assert {name: (row["status"], row["reason"]) for name, row in rows(node.status()).items()} == {
        "ETHOSCOPE_001": ("unknown", "the device is running, and lists no database"),
        "ETHOSCOPE_002": ("no_data", "no data and no copies are known"),
    }


def test_a_catalogue_may_not_lie_among_the_copies(node: Station) -> None:
    node.add(1, sqlite=[Sqlite(time.time() - DAY)])
    node.fleet.sync()
    [copy] = node.fleet.results.rglob("*.db")
    whole = copy.read_bytes()
    result = node.status(cache_path=str(copy))
    assert (result["failed"], result["msg"]) == (
        True,
        f"cache_path: {copy} lies among the copies in {node.fleet.results}; put it elsewhere.",
    )
    assert copy.read_bytes() == whole


def test_one_address_for_two_services_is_a_slip(node: Station) -> None:
    result = node.status(mysql_service_url=node.servers.rsync.url)
    assert (result["failed"], result["msg"]) == (
        True,
        "Two of node_url, mysql_service_url and rsync_service_url name the same address.",
    )
