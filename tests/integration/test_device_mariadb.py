# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""device_backup_status on copies that were made from a real MariaDB; a simulated node tells of them."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from device_simulator import Device, Mysql
from harness.devices import Station, rows, station
from harness.mariadb import Daemon, NotReady, Server, busy_daemon, mariadb

pytestmark = pytest.mark.needs("mariadbd")

DAY = 86400
PICTURE = 40_000
PICTURES = 110
"""Together more than SQLite keeps in memory (2 MB), so that it writes before the end of a transaction."""
COLUMNS = "t INT, x SMALLINT, y SMALLINT, phi FLOAT, is_inferred TINYINT, has_interacted TINYINT"
VALUES = "seq * 500, seq % 640, seq % 480, seq / 7, 0, seq % 2"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with mariadb() as running:
        yield running


@dataclass
class Lab:
    """A device whose MariaDB is real, and what the daemon makes of it on the node."""

    node: Station
    server: Server
    device: Device
    target: Path

    @property
    def database(self) -> str:
        return f"{self.device.name}_db"

    def sql(self, *statements: Any) -> None:
        self.server.execute(f"USE {self.database}", *statements)

    def begin(self, rows: int = 1234, *, ready: bool = True) -> None:
        """An experiment begins: tables as an Ethoscope has them, and rows."""
        self.server.execute(f"CREATE OR REPLACE DATABASE {self.database} CHARACTER SET latin1")
        self.sql(
            "CREATE TABLE METADATA (field CHAR(100), value VARCHAR(3000))",
            "CREATE TABLE VAR_MAP (var_name CHAR(100), sql_type CHAR(100), functional_type CHAR(100))",
            "CREATE TABLE ROI_MAP (roi_idx SMALLINT, roi_value SMALLINT, x SMALLINT, y SMALLINT, w SMALLINT)",
            "CREATE TABLE IMG_SNAPSHOTS (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, t INT, img LONGBLOB)",
            "CREATE TABLE CSV_DAM_ACTIVITY (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, date CHAR(100), "
            "time CHAR(100), status INT, ROI_1 SMALLINT, ROI_2 SMALLINT)",
            *(f"CREATE TABLE ROI_{roi} (id INT AUTO_INCREMENT PRIMARY KEY, {COLUMNS})" for roi in (1, 2)),
        )
        if ready:
            self.sql(
                (
                    "INSERT INTO METADATA VALUES (%s, %s)",
                    [("machine_name", self.device.name), ("place", "Fly Räum 25°")],
                ),
                ("INSERT INTO VAR_MAP VALUES (%s, %s, %s)", [("x", "SMALLINT", "distance"), ("phi", "FLOAT", "angle")]),
                ("INSERT INTO ROI_MAP VALUES (%s, %s, 40, 30, 36)", [(1, 1), (2, 2)]),
                ("INSERT INTO IMG_SNAPSHOTS (t, img) VALUES (%s, %s)", [(9, b"\xff\xd8\0'\"" + os.urandom(PICTURE))]),
                "INSERT INTO CSV_DAM_ACTIVITY (date, time, status, ROI_1, ROI_2) "
                "SELECT '17 Nov 26', '12:20:07', 1, seq, NULL FROM seq_1_to_20",
            )
            self.goes_on(rows)

    def goes_on(self, rows: int) -> None:
        """The device tracks on, and tells so."""
        columns = "t, x, y, phi, is_inferred, has_interacted"
        for roi in (1, 2):
            self.sql(f"INSERT INTO ROI_{roi} ({columns}) SELECT {VALUES} FROM seq_1_to_{rows}")
        told = self.device.mysql
        assert told is not None
        told.rows += rows

    def cycle(self) -> float:
        """A cycle of the daemon: the copy is real, what is said of it is the simulator's."""
        daemon = Daemon(self.server.socket, self.database, self.target)
        share = daemon.cycle()
        assert daemon.errors == []
        self.tell()
        return share

    def tell(self) -> None:
        """Let the daemon say that its job has ended. The copy has all rows, so the simulator adds none."""
        before = self.target.read_bytes()
        self.node.fleet.mysql.run([self.device.id])
        assert self.target.read_bytes() == before

    def hold(self) -> None:
        """Let the daemon say that its job is running."""
        self.node.fleet.trouble(self.device.id, "mysql", "hold")
        self.node.fleet.mysql.run([self.device.id])

    def mysql(self, **options: Any) -> dict[str, Any]:
        """What the module says of the copy."""
        found: dict[str, Any] = rows(self.node.status(**options))[self.device.name]["types"]["mysql"]
        return found

    def copied(self, question: str) -> list[Any]:
        """What a user reads in the copy."""
        with closing(sqlite3.connect(f"file:{self.target}?mode=ro", uri=True)) as copy:
            return copy.execute(question).fetchall()


@pytest.fixture
def lab(tmp_path: Path, server: Server) -> Iterator[Lab]:
    with station(tmp_path) as node:
        began = time.time() - 3 * DAY
        device = node.add(1, "running", mysql=Mysql(began, rows=0))
        yield Lab(node, server, device, node.fleet.results / device.database(began))


def test_a_copy_and_its_next_increment(lab: Lab) -> None:
    lab.begin(1234)
    assert lab.cycle() == 100
    result = lab.node.status()
    row = rows(result)["ETHOSCOPE_001"]
    state = lab.target.stat()
    assert (row["status"], row["recommended_backup_type"]) == ("ok", "mysql")
    assert row["types"]["mysql"]["evidence"] == {
        "files": 1,
        "size": state.st_size,
        "newest": int(state.st_mtime),
        "path": str(lab.target),
        "verified": True,
        "why_not": None,
    }
    assert (row["types"]["sqlite"]["status"], row["types"]["sqlite"]["files"]) == ("no_data", 0)
    assert result["discrepancies"] == []
    assert lab.mysql(verify="full")["verified"] is True

    lab.goes_on(150)
    assert lab.cycle() == 100
    grown = lab.mysql(verify="full")
    assert (grown["status"], grown["verified"], grown["size"]) == ("ok", True, lab.target.stat().st_size)
    assert grown["size"] > state.st_size
    assert lab.copied("SELECT COUNT(*), COUNT(DISTINCT id), MAX(t) FROM ROI_2") == [(1384, 1384, 617_000)]
    assert lab.copied("SELECT value FROM METADATA WHERE field = 'place'") == [("Fly Räum 25°",)]
    assert lab.copied("SELECT COUNT(*), length(img), substr(hex(img), 1, 10) FROM IMG_SNAPSHOTS") == [
        (1, PICTURE + 5, "FFD8002722")
    ]
    assert len(lab.target.with_suffix(".txt").read_text(encoding="latin1").splitlines()) == 20


def test_the_copy_of_a_device_that_rests_is_not_written_again(lab: Lab) -> None:
    """So it gets older and older. That it has everything is what the daemon says, or the node."""
    lab.begin(300)
    assert lab.device.mysql is not None
    lab.device.status, lab.device.mysql.state = "stopped", "finalised"
    lab.cycle()
    long_ago = time.time() - 2 * DAY
    os.utime(lab.target, (long_ago, long_ago))
    lab.cycle()
    assert lab.target.stat().st_mtime == long_ago
    found = lab.mysql()
    assert (found["status"], found["age"] >= 2 * DAY) == ("ok", True)
    assert found["reason"].startswith("the last backup ended well ")
    assert lab.mysql(mysql_service_url=None)["reason"] == "the device has nothing newer than the copy of 2 d ago"
    assert lab.mysql(mysql_service_url=None, node_url=None)["status"] == "stale"


def test_rows_with_null_come_again_with_each_cycle(lab: Lab) -> None:
    """The daemon finds none that is the same. The copy is as usable as ever, and always new."""
    lab.begin(300)
    lab.sql("INSERT INTO METADATA VALUES ('selected_options', NULL)")
    lab.cycle()
    lab.cycle()
    assert lab.copied("SELECT COUNT(*) FROM METADATA WHERE value IS NULL") == [(2,)]
    found = lab.mysql(verify="full")
    assert (found["status"], found["verified"]) == ("ok", True)


def test_a_database_that_is_not_ready_leaves_a_copy_without_a_byte(lab: Lab) -> None:
    lab.begin(ready=False)
    assert lab.device.mysql is not None
    lab.device.mysql.ready = False
    with pytest.raises(NotReady):
        lab.cycle()
    assert lab.target.stat().st_size == lab.target.with_suffix(".txt").stat().st_size == 0
    lab.tell()
    found = lab.mysql()
    assert (found["status"], found["files"], found["newest"]) == ("failed", 0, None)
    assert found["reason"].endswith("(Backup failed); the only copy is empty (0 bytes)")
    lab.node.fleet.mysql.restart()  # which forgets its jobs; the node says "success" all the same
    found = lab.mysql()
    assert (found["status"], found["reason"]) == ("failed", "the only copy is empty (0 bytes)")
    assert found["discrepancy"] == "no copy with content is there, but node says 'success'"


def test_a_table_that_only_the_device_has(lab: Lab) -> None:
    """Trouble with one table is logged and nothing else: the daemon calls its job a success."""
    lab.begin(300)
    lab.sql(f"CREATE TABLE ROI_3 (id INT, {COLUMNS}, PRIMARY KEY (id, t))", "INSERT INTO ROI_3 SELECT * FROM ROI_1")
    daemon = Daemon(lab.server.socket, lab.database, lab.target)
    assert 0 < daemon.cycle() < 100
    assert daemon.errors == ['ROI_3: table "ROI_3" has more than one primary key']
    assert lab.device.mysql is not None
    lab.device.mysql.rois = 3
    lab.tell()
    found = lab.mysql()
    assert (found["status"], found["verified"]) == ("stale", True)
    assert found["reason"] == "the copy lacks the table ROI_3 which the device has"
    assert found["discrepancy"] == (
        f"{found['reason']}, but node says 'success' and mysql says that its backup ended well"
    )


@pytest.mark.slow
@pytest.mark.parametrize("copied_before", [False, True])
def test_a_copy_that_is_being_written(lab: Lab, copied_before: bool) -> None:
    """Whatever is seen of it at the moment, nothing is called failed because of it."""
    lab.begin(1000)
    if copied_before:
        lab.cycle()
        lab.goes_on(3000)
    lab.hold()
    with busy_daemon(lab.server, lab.database, lab.target):
        seen = [lab.mysql(verify="full" if look % 3 else "open") for look in range(20)]
    assert {found["status"] for found in seen} <= {"ok", "in_progress", "unknown"}
    assert len({found["size"] for found in seen}) > 1, "it was not written to"
    if copied_before:
        assert {found["verified"] for found in seen} <= {True, None}
    lab.node.fleet.mysql.restart()
    lab.cycle()
    found = lab.mysql(verify="full")
    assert (found["status"], found["verified"]) == ("ok", True)


@pytest.mark.slow
def test_a_daemon_that_was_killed_in_the_middle(lab: Lab) -> None:
    lab.begin(300)
    lab.cycle()
    lab.sql(("INSERT INTO IMG_SNAPSHOTS (t, img) VALUES (%s, %s)", [(9, os.urandom(PICTURE))] * PICTURES))
    size = lab.target.stat().st_size
    with busy_daemon(lab.server, lab.database, lab.target, stop_after=PICTURES - 1):
        pass
    journal = lab.target.with_name(f"{lab.target.name}-journal")
    assert lab.target.stat().st_size > size
    assert journal.read_bytes()[:1] == b"\xd9", "SQLite has a change to play back"
    lab.node.fleet.mysql.restart()
    before = [path.read_bytes() for path in (lab.target, journal)]
    for level in ("open", "full"):
        found = lab.mysql(verify=level)
        assert (found["status"], found["verified"]) == ("ok", None)
        assert found["evidence"]["why_not"] == "the newest copy is being written, or its writer was killed"
    assert [path.read_bytes() for path in (lab.target, journal)] == before
    # Its age is what is left to go by
    long_ago = time.time() - 2 * DAY
    os.utime(lab.target, (long_ago, long_ago))
    assert lab.mysql()["status"] == "stale"
    # The next cycle plays the journal back, and goes on from there
    lab.cycle()
    assert not journal.exists()
    found = lab.mysql(verify="full")
    assert (found["status"], found["verified"]) == ("ok", True)
    assert lab.copied("SELECT COUNT(*) FROM IMG_SNAPSHOTS") == [(PICTURES + 1,)]


@pytest.mark.slow
def test_a_daemon_that_was_killed_between_tables(lab: Lab) -> None:
    """Nothing is damaged, and what isn't there was never begun: only the device's own list shows it."""
    lab.begin(1000)
    lab.hold()
    rows_before_rois = 20 + 1 + 2
    with busy_daemon(lab.server, lab.database, lab.target, stop_after=rows_before_rois + 450):
        found = lab.mysql()
        assert (found["status"], found["reason"]) == (
            "in_progress",
            "a backup is running; before it: the copy lacks the table ROI_2 which the device has",
        )
    lab.node.fleet.mysql.restart()
    found = lab.mysql(verify="full")
    assert lab.copied("SELECT COUNT(*) FROM ROI_1") == [(400,)]
    assert (found["status"], found["verified"]) == ("stale", True)
    assert found["reason"] == "the copy lacks the table ROI_2 which the device has"
    lab.cycle()
    assert lab.mysql(verify="full")["status"] == "ok"
