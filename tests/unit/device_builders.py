# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Test data: what services say of devices, copies of their data, and the recorded answers of a node and its daemons."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices import mysql_source, node_source, rsync_source
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.answers import parsed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence, Found, Trees
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import DONE, Claim, Data, Facts, Job
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fleet import (
    Member,
    Terms,
    Told,
    assemble,
    members,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, VIDEO, Layout
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.proof import Proof
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.sqlite_check import Check
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Copies, Seen
from unit.builders import DAY, HOUR, NOW

RECORDINGS = Path(__file__).parents[3] / "shared/recordings/ethoscope"
TYPES = (MYSQL, SQLITE, VIDEO)
AGES = {MYSQL: DAY, SQLITE: DAY, VIDEO: 7 * DAY}
DEVICE = "007" + "a" * 29
NAME = "ETHOSCOPE_007"
STAMP = "2026-11-18_12-20-07"
DATABASE = f"{DEVICE}/{NAME}/{STAMP}/{STAMP}_{DEVICE}.db"
"""Where the copy of the device's database lies below the results."""
USABLE = Check(usable=True, why_not=None, tables=3)
NO_TABLES = Check(usable=False, why_not="has no tables: its rows were in the -wal file, which is not copied", tables=0)


# ----- one type of one device


def a_copy(age: float = HOUR, files: int = 1, **more: Any) -> Evidence:
    """Copies that are there, the newest ``age`` seconds old."""
    values: dict[str, Any] = {
        "files": files,
        "size": 4096 * files,
        "newest": NOW - age,
        "root": "/ethoscope_data/results",
        "path": DATABASE,
    }
    return Evidence(**{**values, **more})


def found(age: float = HOUR, size: int = 4096) -> Found:
    """The copy of the device's newest data is there."""
    return Found(True, size, NOW - age)


def a_data(age: float = DAY, kind: str = SQLITE, **more: Any) -> Data:
    """Data of a device that last changed ``age`` seconds ago."""
    return Data(more.pop("device", DEVICE), kind, NOW - age, **more)


def a_claim(status: str = "success", kind: str = SQLITE, **more: Any) -> Claim:
    """The node's page on a type; by default it says that there is one."""
    values: dict[str, Any] = {"available": status == "success", "count": 1, "size": 4096, "source": "node"}
    return Claim(device=more.pop("device", DEVICE), type=kind, status=status, **{**values, **more})


def a_job(state: str = DONE, ended: float | None = HOUR, kind: str = SQLITE, **more: Any) -> Job:
    """The last job of the rsync daemon, ``ended`` seconds ago."""
    values: dict[str, Any] = {"source": "rsync", "ended": None if ended is None else NOW - ended}
    return Job(more.pop("device", DEVICE), kind, state, **{**values, **more})


def a_case(evidence: Evidence | None = None, kind: str = SQLITE, **more: Any) -> Case:
    """A case; without more nothing is known but what is ``evidence``."""
    values: dict[str, Any] = {"data": (), "claim": None, "job": None, "max_age": DAY, "now": NOW, "asked": True}
    return Case(kind, evidence, **{**values, **more})


def a_member(*cases: Case, **more: Any) -> Member:
    """A device with these cases."""
    claims = {case.type: case.claim for case in cases if case.claim is not None}
    values: dict[str, Any] = {"id": DEVICE, "name": NAME, "online": True, "claims": claims}
    return Member(cases={case.type: case for case in cases}, **{**values, **more})


# ----- a fleet


def a_tree(layout: Layout, copies: Mapping[tuple[str, str], Copies] | None = None, **more: Any) -> Seen:
    """A tree as a scan has seen it; nothing of it is on disk."""
    return Seen(layout, dict(copies or {}), **more)


def the_members(
    facts: Iterable[Facts], trees: Iterable[Seen] = (), *, now: float = NOW, wanted: Iterable[str] = ()
) -> list[Member]:
    """The fleet that services and trees tell of, by the usual terms; no database is opened."""
    told, seen = Told.of(facts), Trees(list(trees))
    chosen = assemble(told, seen, frozenset(wanted), frozenset())
    return members(chosen, told, seen, Terms(TYPES, AGES, now), Proof("none", 1))


# ----- answers, made here


def a_devices_answer() -> dict[str, Any]:
    """``GET /devices``: one device that writes a database of each kind, and one that is known by name only."""
    return {
        DEVICE: {
            "id": DEVICE,
            "name": NAME,
            "status": "running",
            "last_seen": NOW - 1.5,
            "databases": {
                "SQLite": {
                    f"{STAMP}_{DEVICE}.db": {
                        "filesize": 73728,
                        "backup_filename": f"{STAMP}_{DEVICE}.db",
                        "path": f"/ethoscope_data/results/{DATABASE}",
                        "date": NOW - 2 * DAY,
                        "db_status": "finalised",
                        "table_counts": {"ROI_1": 400, "METADATA": 0},
                    }
                },
                "MariaDB": {
                    f"{NAME}_db": {
                        "backup_filename": f"{STAMP}_{DEVICE}.db",
                        "date": NOW - 2 * DAY,
                        "db_status": "tracking",
                        "table_counts": {"ROI_1": 1234},
                    }
                },
            },
        },
        "006" + "0" * 29: {"id": "006" + "0" * 29, "name": "ETHOSCOPE_006", "status": "offline", "time": "yesterday"},
    }


def a_page_answer() -> dict[str, Any]:
    """``GET /backup/status``, as the node sends it."""
    backup = {"available": True, "status": "success", "processing": False, "size": 4096, "last_backup": 0}
    return {
        "services": {"rsync_backup": {"available": True, "current_device": None, "current_file": None}},
        "devices": {
            DEVICE: {
                "backup_types": {
                    "mysql": {**backup, "records": 1, "directory": "", "message": ""},
                    "sqlite": {**backup, "files": 2, "directory": ""},
                    "video": {**backup, "status": "not_available", "available": False, "size": 0, "files": 0},
                },
                "overall_status": "partial",
            }
        },
        "processing_devices": [{"service": "rsync", "device": NAME}],
        "timestamp": NOW - 3.0,
    }


def a_mysql_entry(**more: Any) -> dict[str, Any]:
    """What a daemon says of a device whose backup ended well an hour ago."""
    progress = {"backup_status": 100.0, "status": "completed", "message": "Backup completed successfully"}
    values = {
        "name": NAME,
        "status": "running",
        "started": NOW - HOUR - 60,
        "ended": NOW - HOUR,
        "processing": False,
        "count": 1,
        "synced": {"tracking_db": {}},
        "progress": progress,
    }
    return {**values, **more}


def a_file_list(*paths: str, status: str = "completed") -> dict[str, Any]:
    """The files of a transfer, as the rsync daemon lists them."""
    files = {path.rpartition("/")[2]: {"path": path, "size_bytes": 4096, "status": status} for path in paths}
    return {"files": files, "total_files": len(files), "total_bytes": 4096 * len(files)}


def an_rsync_entry(**more: Any) -> dict[str, Any]:
    """What the rsync daemon says of a device whose databases and videos it copied an hour ago."""
    videos = DATABASE.replace(".db", "_NA_1280x960@25_00001.h264")
    values = {
        "synced": {"results": {"local_files": 5}, "videos": {"local_files": 322}},
        "transfer_details": {"results": a_file_list(DATABASE), "videos": a_file_list(videos)},
        "metadata": {},
    }
    return a_mysql_entry(**{**values, **more})


def an_rsync_answer() -> dict[str, Any]:
    """``GET /status`` of the rsync daemon."""
    return {"devices": {DEVICE: an_rsync_entry()}, "disk_usage_summary": {"results": {"total_files": 5}}}


def a_documented_answer() -> dict[str, Any]:
    """``GET /backup/status``, as its documentation shows it."""
    return {
        "mysql_backup": {DEVICE: a_mysql_entry()},
        "rsync_backup": an_rsync_answer(),
        "unified_devices": {
            DEVICE: {
                "name": NAME,
                "status": "running",
                "overall_status": "success",
                "mysql_backup": {"available": True, **a_mysql_entry()},
                "rsync_backup": {"available": True, **an_rsync_entry()},
            }
        },
    }


READERS = {
    "devices": (node_source.read_devices, a_devices_answer),
    "page": (node_source.read_page, a_page_answer),
    "documented page": (node_source.read_page, a_documented_answer),
    "mysql": (mysql_source.read_status, lambda: {DEVICE: a_mysql_entry()}),
    "rsync": (rsync_source.read_status, an_rsync_answer),
}
"""What reads an answer, and makes one."""


# ----- recorded answers


def recorded(name: str) -> Any:
    """What one recorded answer says, read as the module reads it."""
    return parsed(recorded_bytes(name))


def recorded_bytes(name: str) -> bytes:
    """A recorded answer; the test is skipped where the recordings aren't, and fails where they must be."""
    return (recordings() / f"{name}.json").read_bytes()


def recordings() -> Path:
    """The folder of the recordings; as above."""
    if not RECORDINGS.is_dir():
        reason = f"needs {RECORDINGS}"
        if os.environ.get("LIFEBOAT_REQUIRE_SHARED") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return RECORDINGS


def as_json(value: Any) -> bytes:
    """A body that says ``value``."""
    return json.dumps(value).encode()
