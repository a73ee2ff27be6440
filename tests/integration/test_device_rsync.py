# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""device_backup_status on copies that a real rsync made, as the node's daemon runs it; the devices are simulated."""

from __future__ import annotations

import os
import pickle
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from device_simulator import Device, Sqlite, Videos
from device_simulator.scenarios import device_id
from harness.devices import Station, rows, station
from harness.modules import warnings_of
from harness.sqlite_files import execute, live_wal, roi
from harness.waiting import wait_for

pytestmark = pytest.mark.needs("rsync")

DAY = 86400
# reference/ethoscope.md 9, without what is for ssh
RSYNC = (
    "rsync", "-rlptvz", "--progress", "--partial", "--stats", "--itemize-changes",
    "--exclude=*.db-shm", "--exclude=*.db-wal", "--exclude=*.db-journal", "--timeout=300",
)  # fmt: skip
PICTURES = 3_000_000
"""Bytes that can't be compressed, in a database that is to take a while."""
PART = PICTURES // 6
SLOWLY = "--bwlimit=1000"
"""KiB a second, as over a bad line."""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Station]:
    with station(tmp_path) as running:
        yield running


def own(node: Station, device: Device) -> Path:
    """What the device has: a folder with results and videos."""
    return node.fleet.places.device(device.id)


def rsync(node: Station, device: Device) -> None:
    """Copy what a device offers: results, then videos."""
    for kind in ("results", "videos"):
        (own(node, device) / kind).mkdir(parents=True, exist_ok=True)
        command = [*RSYNC, f"{own(node, device)}/{kind}/", str(node.fleet.places.folder / kind)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def sync(node: Station, device: Device) -> None:
    """A job of the daemon: the copies are real, what is said of them is the simulator's, which copies no more."""
    rsync(node, device)
    node.fleet.rsync.run([[device.id]])


@contextmanager
def slow_sync(node: Station, device: Device, kind: str = "results") -> Iterator[subprocess.Popen[bytes]]:
    """A copy in the middle of a file, which has another name until it is whole; at the end the connection breaks."""
    target = node.fleet.places.folder / kind
    command = [*RSYNC, SLOWLY, f"{own(node, device)}/{kind}/", str(target)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: any(path.stat().st_size > PART for path in target.rglob(".2*")))
            yield process
        finally:
            process.kill()
    wait_for(lambda: not [*target.rglob(".2*")])  # its other process tidies up


def pictures(node: Station, device: Device, started: float, written: float) -> Path:
    """A large database on the device, and where its copy will be."""
    device.sqlite.append(Sqlite(started, present=False))
    place = device.database(started)
    path = own(node, device) / "results" / place
    path.parent.mkdir(parents=True)
    execute(
        path,
        *roi("ROI_1", "ROI_2", "ROI_3", rows=20),
        "CREATE TABLE IMG_SNAPSHOTS (id INTEGER PRIMARY KEY, img BLOB)",
        f"INSERT INTO IMG_SNAPSHOTS (img) VALUES (randomblob({PICTURES // 2})), (randomblob({PICTURES // 2}))",
    )
    os.utime(path, (written, written))
    return node.fleet.results / place


def of(result: dict[str, Any], kind: str, number: int = 1) -> dict[str, Any]:
    """What a result says of a type of a device."""
    found: dict[str, Any] = rows(result)[f"ETHOSCOPE_{number:03d}"]["types"][kind]
    return found


# Times


def test_copies_have_the_times_of_the_device(node: Station) -> None:
    began = time.time() - 30 * DAY
    device = node.add(1, sqlite=[Sqlite(began)], videos=[Videos(began)])
    sync(node, device)
    place = device.database(began)
    there, here = own(node, device) / "results" / place, node.fleet.results / place
    assert here.stat().st_mtime_ns == there.stat().st_mtime_ns
    found = of(node.status(), "sqlite")
    assert (found["status"], found["newest"], found["verified"]) == ("ok", int(there.stat().st_mtime), True)
    assert found["reason"].startswith("the last backup ended well ")
    # After a restart of the daemon, the node's word is all there is
    node.fleet.rsync.restart()
    assert of(node.status(), "sqlite")["reason"] == "the device has nothing newer than the copy of 29 d ago"
    assert of(node.status(node_url=None), "sqlite")["status"] == "stale"


# Databases that are being written


def test_a_database_whose_rows_are_all_in_the_wal_file(node: Station) -> None:
    began = time.time() - DAY
    device = node.add(1, "running", sqlite=[Sqlite(began, state="tracking", present=False)])
    path = own(node, device) / "results" / device.database(began)
    path.parent.mkdir(parents=True)
    with live_wal(path, *roi("ROI_1", "ROI_2", "ROI_3"), autocheckpoint=0):
        sync(node, device)
        assert sorted(one.name for one in path.parent.iterdir()) == [path.name, f"{path.name}-shm", f"{path.name}-wal"]
    copy = node.fleet.results / device.database(began)
    assert [one.name for one in copy.parent.iterdir()] == [copy.name]
    found = of(node.status(), "sqlite")
    assert (found["status"], found["verified"]) == ("failed", False)
    assert found["reason"] == "the newest copy has no tables: its rows were in the -wal file, which is not copied"
    assert found["discrepancy"].endswith("but node says 'success' and rsync says that its backup ended well")


def test_a_database_whose_wal_file_is_played_back_as_sqlite_does(node: Station) -> None:
    """After 1000 pages. What came then is lacking, and nothing shows it; what is there is sound."""
    began = time.time() - DAY
    device = node.add(1, "running", sqlite=[Sqlite(began, state="tracking", present=False)])
    path = own(node, device) / "results" / device.database(began)
    path.parent.mkdir(parents=True)
    large = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
        "INSERT INTO ROI_3 (note) SELECT hex(zeroblob(2000)) FROM n"
    )
    with live_wal(path, *roi("ROI_1", "ROI_2", "ROI_3", rows=500), large, *roi("ROI_4"), autocheckpoint=1000):
        sync(node, device)
    found = of(node.status(verify="full"), "sqlite")
    assert (found["status"], found["verified"]) == ("ok", True)
    with closing(sqlite3.connect(node.fleet.results / device.database(began))) as copy:
        assert copy.execute("SELECT (SELECT COUNT(*) FROM ROI_1), (SELECT COUNT(*) FROM ROI_3)").fetchone() == (
            500,
            1700,
        )
        tables = [name for (name,) in copy.execute("SELECT name FROM sqlite_master")]
    assert "ROI_4" not in tables


# Transfers that are not finished


def test_what_rsync_has_not_finished_is_no_copy(node: Station) -> None:
    now = time.time()
    device = node.add(1, sqlite=[Sqlite(now - 9 * DAY)])
    sync(node, device)
    pictures(node, device, now - 2 * DAY, now - DAY)
    node.fleet.trouble(device.id, "rsync", "hold")
    node.fleet.rsync.run([[device.id]])
    before = of(node.status(), "sqlite")
    with slow_sync(node, device):
        for level in ("open", "full"):
            found = of(node.status(verify=level), "sqlite")
            assert (found["files"], found["size"], found["verified"]) == (1, before["size"], True)
            assert found["status"] == "in_progress"


@pytest.mark.parametrize("fraction", [0, 123_456_789], ids=["whole seconds", "fractions"])
@pytest.mark.parametrize("others", [False, True], ids=["alone", "beside an older one"])
def test_half_a_file_is_left_under_its_name(node: Station, fraction: int, others: bool) -> None:
    """With --partial, when the connection breaks; rsync dates it 1970, so that it is not taken for a newer one."""
    now = int(time.time())
    device = node.add(1, sqlite=[Sqlite(now - 9 * DAY)] if others else [])
    sync(node, device)
    copy = pictures(node, device, now - 2 * DAY, now - DAY)
    whole = own(node, device) / "results" / device.database(now - 2 * DAY)
    os.utime(whole, ns=(0, (now - DAY) * 10**9 + fraction))
    with slow_sync(node, device):
        pass
    size, wanted = copy.stat().st_size, whole.stat().st_size
    assert PART < size < wanted
    assert copy.stat().st_mtime < 1
    node.fleet.trouble(device.id, "rsync", "fail")
    node.fleet.rsync.run([[device.id]])
    found = of(node.status(), "sqlite")
    assert found["status"] == "failed"
    assert found["reason"].startswith("the last backup failed ")
    # A restart of the daemon makes it forget that
    node.fleet.rsync.restart()
    found = of(node.status(), "sqlite")
    assert (found["status"], found["verified"], found["files"]) == ("failed", False, int(others))
    assert found["reason"] == f"the newest copy is cut off ({size} of {wanted} bytes)"
    # The next cycle goes on with it
    sync(node, device)
    found = of(node.status(verify="full"), "sqlite")
    assert (found["verified"], found["newest"], found["files"]) == (True, now - DAY, 1 + others)


def test_half_a_video_is_left_under_its_name(node: Station) -> None:
    now = time.time()
    device = node.add(1, videos=[Videos(now - 20 * DAY, (PICTURES,))])
    with slow_sync(node, device, "videos"):
        assert of(node.status(), "video")["files"] == 0
    node.fleet.trouble(device.id, "rsync", "fail")
    node.fleet.rsync.run([[device.id]])
    found = of(node.status(), "video")
    assert (found["status"], found["files"]) == ("failed", 0)
    node.fleet.rsync.restart()
    found = of(node.status(), "video")
    assert (found["status"], found["reason"]) == (
        "failed",
        "1 copy unfinished, as rsync leaves one that was interrupted",
    )
    sync(node, device)
    found = of(node.status(), "video")
    assert (found["status"], found["size"], found["newest"]) == ("ok", PICTURES, int(now - 20 * DAY))


# What else a device offers


def test_links_are_not_followed(node: Station, tmp_path: Path) -> None:
    began = time.time() - 2 * DAY
    device = node.add(1, sqlite=[Sqlite(began)], videos=[Videos(began)])
    other = node.add(2, sqlite=[Sqlite(began)], videos=[Videos(began)])
    sync(node, device)
    sync(node, other)
    before = node.status()
    results, videos = (own(node, device) / kind for kind in ("results", "videos"))
    (results / device.folder(began) / "passwd.db").symlink_to("/etc/passwd")
    (results / device.id / device.name / "2026-11-20_00-00-00").symlink_to(node.fleet.results / other.folder(began))
    (results / device_id(3)).symlink_to(other.id)
    (videos / device.folder(began) / "secret.h264").symlink_to("/etc/shadow")
    (videos / device.id / "etc").symlink_to("/etc")
    (videos / device.id / "loop").symlink_to(".")
    rsync(node, device)
    assert (node.fleet.results / device_id(3)).is_symlink()
    result = node.status(verify="full", refresh=True)
    assert [row["name"] for row in result["devices"]] == ["ETHOSCOPE_001", "ETHOSCOPE_002"]
    for number in (1, 2):
        for kind in ("sqlite", "video"):
            now = of(result, kind, number)
            later = {key: now[key] for key in ("age", "reason")}  # which tell how many seconds ago
            assert now == {**of(before, kind, number), **later}
    assert warnings_of(result) == [
        f"In {node.fleet.results} 3 symbolic links not followed; only what it points to counts.",
        f"In {node.fleet.videos} 3 symbolic links not followed; only what it points to counts.",
    ]


def test_the_copy_of_a_database_is_a_link(node: Station) -> None:
    """A device may put a link where its database was. It is no copy, wherever it leads."""
    began = time.time() - 2 * DAY
    device = node.add(1, sqlite=[Sqlite(began)])
    sound = node.fleet.places.folder / "sound.db"
    execute(sound, *roi("ROI_1", "ROI_2", "ROI_3"))
    path = own(node, device) / "results" / device.database(began)
    path.unlink()
    path.symlink_to(sound)
    rsync(node, device)
    assert (node.fleet.results / device.database(began)).is_symlink()
    found = of(node.status(rsync_service_url=None), "sqlite")
    assert (found["status"], found["files"], found["verified"]) == ("missing", 0, None)


class Harm:
    """Whoever loads this from a pickle makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_the_caches_of_services_are_ignored(node: Station, tmp_path: Path) -> None:
    """Loading such a file would run what is in it, and a device can put it there."""
    began = time.time() - 2 * DAY
    device = node.add(1, videos=[Videos(began)])
    marker = tmp_path / "somebody loaded it"
    harmful = pickle.dumps(Harm(marker))
    pickles = [
        f".cache/video_cache_{device_id(9)}.pkl",  # that of a device which it knows, the node makes anew
        f".cache/{device.id}.h264",
        f"{device.id}/.cache/video_cache_{device.id}.pkl",
        f"{device.id}/.cache/x.h264",
        f"{device.folder(began)}/.hidden.h264",
        f"{device.folder(began)}/{device.id}.pkl",
    ]
    for name in pickles:
        path = own(node, device) / "videos" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(harmful)
    sync(node, device)
    copies = [node.fleet.videos / name for name in pickles]
    for path in copies:
        os.utime(path, (1, path.stat().st_mtime))
    for _time in range(2):
        result = node.status(verify="full")
        assert [row["id"] for row in result["devices"]] == [device.id]
        found = of(result, "video")
        assert (found["status"], found["files"], found["size"]) == ("ok", 3, sum(device.videos[0].sizes))
    assert not marker.exists()
    if not os.statvfs(copies[0]).f_flag & os.ST_NOATIME:
        assert [path.stat().st_atime for path in copies] == [1] * len(copies), "one of them was read"
    pickle.loads(copies[0].read_bytes())
    assert marker.exists(), "it does no harm at all"


def test_a_device_that_has_copies_of_others(node: Station) -> None:
    """Whose they are is what the folder says: the device that ships them gains nothing by it."""
    now = time.time()
    thief = node.add(1, sqlite=[Sqlite(now - 30 * DAY)])
    robbed = node.add(2, sqlite=[Sqlite(now - 2 * DAY)])
    place = own(node, thief) / "results"
    foreign = place / robbed.database(now - 2 * DAY)
    foreign.parent.mkdir(parents=True)
    execute(foreign, *roi("ROI_1"))
    sync(node, thief)
    result = node.status()
    assert (of(result, "sqlite")["files"], of(result, "sqlite", 2)["files"]) == (1, 1)
    found = of(result, "sqlite", 2)
    assert (found["status"], found["reason"]) == (
        "stale",
        "the copy lacks the tables ROI_2, ROI_3 which the device has",
    )


# Folders whose times rsync sets back


def old_folder(node: Station) -> Device:
    """A device that has rested for a month, its copies, and a catalogue that knows them all."""
    began = time.time() - 40 * DAY
    device = node.add(1, sqlite=[Sqlite(began)], videos=[Videos(began, (1000, 2000, 3000))])
    age(own(node, device), began)
    sync(node, device)
    seen = node.status()
    assert (of(seen, "sqlite")["files"], of(seen, "video")["files"]) == (1, 3)
    # All but the newest of each type, once the folders' times are not of this very moment any more
    wait_for(lambda: node.status()["cache"]["hits"] == 2)
    return device


def age(top: Path, moment: float) -> None:
    """Let all folders have a time of long ago."""
    for path in [*top.rglob("*"), top]:
        if path.is_dir():
            os.utime(path, (moment, moment))


def test_an_old_file_that_comes_into_an_old_folder_is_counted(node: Station) -> None:
    device = old_folder(node)
    began = device.videos[0].started
    folder = device.folder(began)
    here = node.fleet.videos / folder
    times = here.stat().st_mtime_ns
    new = own(node, device) / "videos" / folder / device.videos[0].chunk(device.id, 4)
    new.write_bytes(b"x" * 500)
    os.utime(new, (began + 9000, began + 9000))
    age(own(node, device), began)
    sync(node, device)
    assert here.stat().st_mtime_ns == times, "the folder looks as if nothing had happened"
    for _time in range(2):
        found = of(node.status(), "video")
        assert (found["files"], found["size"], found["newest"]) == (4, 6500, int(began + 9000))


def test_an_old_folder_that_comes_into_an_old_folder_is_counted(node: Station) -> None:
    device = old_folder(node)
    began = device.videos[0].started
    here = node.fleet.videos / device.id / device.name
    times = here.stat().st_mtime_ns
    device.videos.append(Videos(began - 5 * DAY, (700,)))
    node.fleet.write(device.id)
    age(own(node, device), began)
    sync(node, device)
    assert here.stat().st_mtime_ns == times
    assert (of(node.status(), "video")["files"], of(node.status(), "video")["size"]) == (4, 6700)


@pytest.mark.parametrize("longer", [0, 300])
def test_an_old_file_that_gets_other_content_is_counted_anew(node: Station, longer: int) -> None:
    """In the same folder, under the same name: rsync makes a new file and renames it."""
    device = old_folder(node)
    began = device.videos[0].started
    chunk = own(node, device) / "videos" / device.folder(began) / device.videos[0].chunk(device.id, 2)
    here = node.fleet.videos / device.folder(began)
    times = here.stat().st_mtime_ns
    chunk.write_bytes(b"y" * (2000 + longer))
    os.utime(chunk, (began + 20_000, began + 20_000))
    age(own(node, device), began)
    sync(node, device)
    assert here.stat().st_mtime_ns == times
    found = of(node.status(), "video")
    assert (found["files"], found["size"], found["newest"]) == (3, 6000 + longer, int(began + 20_000))


def test_an_old_database_that_becomes_another_is_checked_anew(node: Station) -> None:
    device = old_folder(node)
    began = device.sqlite[0].started
    place = device.database(began)
    path = own(node, device) / "results" / place
    state = path.stat()
    path.write_bytes(os.urandom(state.st_size))
    os.utime(path, (state.st_mtime + 1, state.st_mtime + 1))
    age(own(node, device), began)
    sync(node, device)
    found = of(node.status(), "sqlite")
    assert (found["status"], found["verified"]) == ("failed", False)
    assert found["reason"] == "the newest copy is no SQLite database"


def test_a_video_that_was_removed_on_the_node_comes_again(node: Station) -> None:
    device = old_folder(node)
    began = device.videos[0].started
    chunk = node.fleet.videos / device.folder(began) / device.videos[0].chunk(device.id, 3)
    chunk.unlink()
    age(node.fleet.videos, began)
    assert of(node.status(), "video")["files"] == 2
    sync(node, device)
    assert of(node.status(), "video")["files"] == 3
