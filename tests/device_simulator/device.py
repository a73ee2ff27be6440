# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a device is and has: its databases and videos, and what it says of them.

What a device lists is apart from what it has, and both from what lies on the node: a listed database need not exist,
and one that is copied need not be listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

_DAY = 86400.0
_ID = re.compile(r"[0-9a-f]{32}\Z")
_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")

# What makes a job of a daemon end badly. "break": the transfer ends in the middle of a file
Trouble = Literal["fail", "break", "hold", "timeout"]
# "none": no WAL file. "all": nothing of it is in the database itself. "tail": the second half of the rows isn't
Wal = Literal["none", "all", "tail"]
# "met": the scanner has spoken to it. "listed": only the node's own database knows it. "unknown": nobody does.
Standing = Literal["met", "listed", "unknown"]


def stamp(moment: float) -> str:
    """The moment as folders and files have it in their names, in UTC."""
    return datetime.fromtimestamp(moment, tz=timezone.utc).strftime("%Y-%m-%d_%H-%M-%S")


@dataclass
class Sqlite:
    """A SQLite database on a device: ``rois`` tables of ``rows`` rows each.

    ``size`` is the exact size in bytes, filled up with pictures; ``written`` the time of its last change (half a day
    after the start, unless given). With ``listed=False`` the device doesn't tell of it, with ``present=False`` it only
    tells of it.
    """

    started: float
    rows: int = 200
    rois: int = 3
    state: str = "finalised"
    wal: Wal = "none"
    size: int | None = None
    written: float | None = None
    listed: bool = True
    present: bool = True

    @property
    def changed(self) -> float:
        """When it was last written, Unix seconds."""
        return self.started + _DAY / 2 if self.written is None else self.written


@dataclass
class Mysql:
    """A device's MariaDB. ``rows`` is what a ROI table has, ``told_rows`` what the device tells.

    A database that isn't ``ready`` has an empty VAR_MAP. ``size`` is the exact size of the copy on the node in bytes.
    """

    started: float
    rows: int = 300
    told_rows: int | None = None
    rois: int = 2
    state: str = "tracking"
    ready: bool = True
    size: int | None = None
    listed: bool = True


@dataclass
class Videos:
    """The chunks of one recording, the n-th written ``every`` seconds after the one before.

    ``sizes`` are the chunks' bytes; there are as many chunks. A ``.md5`` lies beside them unless told otherwise.
    """

    started: float
    sizes: Sequence[int] = (2000, 2400, 1700)
    every: float = 3600.0
    code: str = "NA"
    md5: bool = True

    def chunk(self, device_id: str, number: int) -> str:
        """The name of a chunk; numbers begin with 1."""
        return f"{stamp(self.started)}_{device_id}_{self.code}_1280x960@25_{number:05d}.h264"


@dataclass
class Device:
    """One device. Change it as you like; the answers of the node follow, the daemons' only with their next cycle."""

    id: str
    name: str
    status: str
    ip: str
    sqlite: list[Sqlite] = field(default_factory=list)
    mysql: Mysql | None = None
    videos: list[Videos] = field(default_factory=list)
    standing: Standing = "met"
    active: bool = True
    has_key: bool = True  # for ssh; without it rsync is refused
    reports_databases: bool = True  # False: the list of the device is empty, whatever it has
    seen: float = 0.0
    troubles: dict[str, Trouble] = field(default_factory=dict)  # by daemon, for its next job

    def __post_init__(self) -> None:
        if not _ID.match(self.id):
            raise ValueError(f"an id is 32 lower-case hex digits, not {self.id!r}")
        if not _NAME.match(self.name):
            raise ValueError(f"a name has letters, digits, '_' and '-': {self.name!r}")

    @property
    def has_sqlite(self) -> bool:
        """Whether the device lists a SQLite database, so that the rsync daemon copies results."""
        return self.reports_databases and any(database.listed for database in self.sqlite)

    @property
    def has_mysql(self) -> bool:
        """Whether the device lists a MariaDB, so that the MySQL daemon copies it."""
        return self.reports_databases and self.mysql is not None and self.mysql.listed

    def folder(self, started: float) -> Path:
        """The folder of one experiment, from the tree's top."""
        return Path(self.id) / self.name / stamp(started)

    def database(self, started: float) -> Path:
        """A database, or the copy of a MariaDB, from the tree's top."""
        return self.folder(started) / f"{stamp(started)}_{self.id}.db"
