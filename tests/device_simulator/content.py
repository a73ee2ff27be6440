# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bytes of devices: databases as Ethoscopes write them, and videos that are none but have their bytes."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from device_simulator.device import Device, Mysql, Sqlite, Videos

_PAGE = 4096
_ON_OVERFLOW_PAGE = _PAGE - 4
_MIN_FILL = 600
# The one line of DAM activity that each MariaDB has
DAM_LINE = ("101\t17 Nov 26\t12:20:07\t1\t0\t0\t0\tCt" + 10 * "\t0" + "\n").encode()


def write_sqlite(path: Path, device: Device, database: Sqlite) -> None:
    """Write the database of a device, with the files beside it that SQLite would have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder) / path.name
        before = {"none": database.rows, "all": 0, "tail": database.rows // 2}[database.wal]
        if database.wal != "all":
            with _open(draft) as connection:
                _schema(connection, device, database.rois)
                _add_rows(connection, database.rois, 0, before)
                _fill(connection, database.size)
        with _open(draft) as connection:
            if database.wal != "none":
                _into_wal(connection, device, database, before)
            # as long as the connection is open, the WAL file stays
            for file in sorted(Path(folder).iterdir()):
                shutil.copyfile(file, path.with_name(file.name))
                os.utime(path.with_name(file.name), (database.changed, database.changed))


def _into_wal(connection: sqlite3.Connection, device: Device, database: Sqlite, before: int) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    if database.wal == "all":
        _schema(connection, device, database.rois)
    _add_rows(connection, database.rois, before, database.rows)
    connection.commit()


def update_mysql_copy(path: Path, device: Device, mysql: Mysql, now: float) -> bool:
    """Bring the copy of a MariaDB on the node up to date, as the MySQL daemon does; False when it isn't ready.

    Only a copy that gains rows gets the node's time. One that isn't ready stays a file without a byte.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.with_suffix(".txt")
    for file in (path, text):
        if not file.exists():
            file.touch()
            os.utime(file, (now, now))
    if not mysql.ready:
        return False
    with _open(path) as connection:
        if not _has_tables(connection):
            _schema(connection, device, mysql.rois)
        known = connection.execute("SELECT COALESCE(MAX(id), 0) FROM ROI_1").fetchone()[0]
        is_behind = known < mysql.rows
        if is_behind:
            _add_rows(connection, mysql.rois, known, mysql.rows)
            _fill(connection, mysql.size)
    if text.stat().st_size == 0:
        text.write_bytes(DAM_LINE)
        os.utime(text, (now, now))
    if is_behind:
        os.utime(path, (now, now))
    return True


def write_videos(folder: Path, device: Device, videos: Videos) -> None:
    """Write the chunks of a recording and the file of their sums."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, size in enumerate(videos.sizes, 1):
        path = folder / videos.chunk(device.id, number)
        path.write_bytes(video_bytes(path.name, size))
        changed = videos.started + (number - 1) * videos.every
        os.utime(path, (changed, changed))
    if videos.md5:
        path = folder / (videos.chunk(device.id, 1).rsplit("_", 2)[0] + ".md5")
        digest = hashlib.md5("".join(map(str, videos.sizes)).encode(), usedforsecurity=False).hexdigest()
        path.write_text(f"{digest}\n", encoding="ascii")
        os.utime(path, (videos.started, videos.started))


def video_bytes(name: str, size: int) -> bytes:
    """Bytes that belong to this name alone, beginning as H.264 streams do."""
    return (b"\x00\x00\x00\x01\x27" + random.Random(name).randbytes(size))[:size]


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA page_size={_PAGE}")
        connection.execute("PRAGMA synchronous=OFF")  # a crash of the machine may eat a test's files
        yield connection
        connection.commit()


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0])


def _schema(connection: sqlite3.Connection, device: Device, rois: int) -> None:
    execute = connection.execute
    for roi in range(1, rois + 1):
        execute(
            f"CREATE TABLE ROI_{roi} (id INTEGER PRIMARY KEY, t INTEGER, x INTEGER, y INTEGER, has_interacted INTEGER)"
        )
    execute("CREATE TABLE METADATA (field TEXT, value TEXT)")
    execute("CREATE TABLE VAR_MAP (var_name TEXT, sql_type TEXT, functional_type TEXT)")
    execute("CREATE TABLE ROI_MAP (roi_idx INTEGER, roi_value INTEGER, x INTEGER, y INTEGER, w INTEGER, h INTEGER)")
    execute("CREATE TABLE IMG_SNAPSHOTS (id INTEGER PRIMARY KEY, t INTEGER, img BLOB)")
    about = [("machine_id", device.id), ("machine_name", device.name), ("version", "1.0")]
    connection.executemany("INSERT INTO METADATA VALUES (?, ?)", about)
    columns = [("x", "SMALLINT", "distance"), ("y", "SMALLINT", "distance"), ("has_interacted", "SMALLINT", "bool")]
    connection.executemany("INSERT INTO VAR_MAP VALUES (?, ?, ?)", columns)
    places = [(roi, roi, 40 * roi, 30, 36, 240) for roi in range(1, rois + 1)]
    connection.executemany("INSERT INTO ROI_MAP VALUES (?, ?, ?, ?, ?, ?)", places)


def _add_rows(connection: sqlite3.Connection, rois: int, first: int, end: int) -> None:
    for roi in range(1, rois + 1):
        rows = ((number + 1, number * 500, number % 37 + roi, number % 29, 0) for number in range(first, end))
        connection.executemany(f"INSERT INTO ROI_{roi} VALUES (?, ?, ?, ?, ?)", rows)


def _fill(connection: sqlite3.Connection, size: int | None) -> None:
    """Add one picture, so large that the file has this size.

    :raises ValueError: when there is more in it already.
    """
    if size is None:
        return
    connection.execute("DELETE FROM IMG_SNAPSHOTS")
    connection.commit()
    connection.execute("VACUUM")
    bytes_of_picture = _MIN_FILL
    while (missing := size // _PAGE - _pages(connection)) != 0:
        if missing < 0 or size % _PAGE:
            raise ValueError(f"no database of this content has {size} bytes")
        bytes_of_picture += missing * _ON_OVERFLOW_PAGE
        connection.execute("INSERT OR REPLACE INTO IMG_SNAPSHOTS VALUES (1, 0, zeroblob(?))", (bytes_of_picture,))


def _pages(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA page_count").fetchone()[0])
