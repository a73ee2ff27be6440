# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every recorded answer of a running node and its daemons, and what is read of it.

Devices are called by the first three digits of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.answers import parsed
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Claim,
    Facts,
    Garbled,
    Job,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, VIDEO
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.mysql_source import read_status as read_mysql
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.node_source import read_devices, read_page
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.rsync_source import read_status as read_rsync
from unit.device_builders import recorded, recorded_bytes, recordings

ALL = "001 002 003 004 005 006 007 008 009 010"
ONLINE = ALL.replace(" 006", "")
RSYNC_ONLY = "18_rsync_only_001_009_nodb_002_unreachable"
DEVICES = "06_node_devices"
UNKNOWN_ID = "03_node_device_backup_unknown_id"

Figures = dict[str, tuple[int, int]]
"""What the page says is available: by device the count and the size."""

_LISTED_AT_FIRST: dict[str, Figures] = {
    MYSQL: dict.fromkeys(("001", "003", "009"), (1, 0)),
    SQLITE: {**dict.fromkeys(("003", "007", "008", "010"), (1, 0)), "002": (2, 0)},
}
_AFTER_BACKUPS: dict[str, Figures] = {
    MYSQL: {"001": (1, 122934), "003": (1, 196662), "009": (1, 12288)},
    SQLITE: {"002": (2, 200426), "003": (1, 196662), "007": (1, 16384), "008": (1, 0), "010": (1, 86016)},
}
_FIRST_VIDEOS: Figures = {
    "001": (16, 0),
    "002": (9, 32457),
    "003": (21, 17764),
    "004": (16, 34748),
    "005": (3, 0),
    "007": (9, 0),
    "008": (16, 0),
    "009": (3, 0),
}
_LATER_VIDEOS: Figures = {
    **dict.fromkeys(("001", "005", "007", "008", "009"), (326, 0)),
    "003": (326, 30085),
    "004": (326, 47069),
    "010": (326, 1706778),
}

PAGES: dict[str, tuple[str, str, dict[str, Figures]]] = {
    # the devices of the page, those that it calls offline, what it says is available
    "01_node_backup_status_services_down_no_scan": ("006", "006", {}),
    "07_servicesdown_node_backup_status": (ALL, "006", _LISTED_AT_FIRST),
    "11_processing_node_backup_status": (ALL, "006", {**_LISTED_AT_FIRST, VIDEO: _FIRST_VIDEOS}),
    "12_both_up_node_backup_status": (
        ALL,
        "006",
        {**_LISTED_AT_FIRST, VIDEO: {**_FIRST_VIDEOS, "010": (322, 1653497)}},
    ),
    "17_mysql_only_node_backup_status": (ALL, "006", _AFTER_BACKUPS),
    f"{RSYNC_ONLY}_node_backup_status": (
        ALL,
        "002 006",
        {
            MYSQL: {"003": (1, 196662)},
            SQLITE: {
                "001": (1, 122934),
                "003": (1, 196662),
                "007": (1, 16384),
                "008": (1, 0),
                "009": (1, 12288),
                "010": (1, 86016),
            },
            VIDEO: _LATER_VIDEOS,
        },
    ),
    "20_final_all_up_node_backup_status": (
        ALL,
        "006",
        {**_AFTER_BACKUPS, VIDEO: {**_LATER_VIDEOS, "002": (326, 44778)}},
    ),
}
MYSQL_STATUS: dict[str, tuple[str, float]] = {
    # the devices, and when the jobs of all of them ended
    "10_mysql_status": (ONLINE, 1795177460),
    "10_mysql_status_early": (ONLINE, 1795177460),
    "12_both_up_mysql_status": (ONLINE, 1795177460),
    "17_mysql_only_mysql_status": (ONLINE, 1795178060),
    "20_final_all_up_mysql_status": (ONLINE.replace(" 002", ""), 1795178343),
}
_LATER_JOBS = {
    (SQLITE, DONE): "003 007 010",
    (SQLITE, FAILED): "002 008",
    (VIDEO, DONE): "001 003 004 005 007 009 010",
    (VIDEO, SKIPPED): "002 008",
}
RSYNC_STATUS: dict[str, tuple[dict[tuple[str, str], str], dict[str, dict[str, int]]]] = {
    # the devices by type and state of their jobs, and how many copies are listed of a type and device
    "11_processing_rsync_status": (
        {
            (SQLITE, RUNNING): "010",
            (SQLITE, DONE): "002 003 007",
            (SQLITE, FAILED): "008",
            (VIDEO, RUNNING): "010",
            (VIDEO, DONE): "001 002 003 004 005 007 009",
            (VIDEO, SKIPPED): "008",
        },
        {SQLITE: {"002": 2, "003": 1, "007": 1}, VIDEO: {"002": 5, "003": 4, "004": 6}},
    ),
    # the cycle after had nothing to copy: the lists are gone
    f"{RSYNC_ONLY}_rsync_status": (_LATER_JOBS, {}),
    "20_final_all_up_rsync_status": (_LATER_JOBS, {}),
}
OTHERS = {
    # answers that the module doesn't ask for
    "10_mysql_root",
    "12_both_up_node_device_001_backup",
    "12_both_up_node_device_003_backup",
    "12_both_up_node_device_005_backup",
    "12_both_up_rsync_root",
    "17_mysql_only_mysql_root",
    "17_mysql_only_node_device_001_backup",
    "17_mysql_only_node_device_003_backup",
    "17_mysql_only_node_device_008_backup",
    "17_mysql_only_node_device_010_backup",
    f"{RSYNC_ONLY}_node_device_001_backup",
    f"{RSYNC_ONLY}_node_device_002_backup",
    f"{RSYNC_ONLY}_node_device_003_backup",
    f"{RSYNC_ONLY}_node_device_009_backup",
    f"{RSYNC_ONLY}_node_device_010_backup",
    f"{RSYNC_ONLY}_rsync_root",
    "20_final_all_up_mysql_root",
    "20_final_all_up_node_device_001_backup",
    "20_final_all_up_node_device_010_backup",
    "20_final_all_up_rsync_root",
}


def short(devices: Iterable[str]) -> str:
    return " ".join(sorted(device[:3] for device in devices))


def whole(facts: Facts) -> None:
    """Nothing was left out, and the catalogue can keep it."""
    assert facts.unread == 0
    assert Facts.from_text(facts.as_text()) == facts


def test_every_recording_has_a_test() -> None:
    tested = {DEVICES, UNKNOWN_ID, *OTHERS, *PAGES, *MYSQL_STATUS, *RSYNC_STATUS}
    assert {file.name for file in recordings().iterdir()} == {f"{name}.json" for name in tested}


# ----- the node's devices


def test_the_recorded_devices() -> None:
    facts = read_devices(recorded(DEVICES))
    whole(facts)
    assert {device.id[:3]: (device.name, device.state) for device in facts.devices} == {
        "001": ("ETHOSCOPE_001", "running"),
        "002": ("ETHOSCOPE_002", "stopped"),
        "003": ("ETHOSCOPE_003", "stopped"),
        "004": ("ETHOSCOPE_004", "recording"),
        "005": ("ETHOSCOPE_005", "stopped"),
        "006": ("ETHOSCOPE_006", "offline"),
        "007": ("ETHOSCOPE_007", "running"),
        "008": ("ETHOSCOPE_008", "stopped"),
        "009": ("ETHOSCOPE_009", "running"),
        "010": ("ETHOSCOPE_010", "stopped"),
    }
    seen = {device.id[:3]: device.last_seen for device in facts.devices}
    assert seen.pop("006") is None
    assert all(when is not None and 1795177435 < when < 1795177436 for when in seen.values())


def test_the_recorded_devices_list_their_data() -> None:
    facts = read_devices(recorded(DEVICES))
    rows = {f"ROI_{number}": 400 for number in (1, 2, 3)}
    mysql_rows = {f"ROI_{number}": 1234 for number in (1, 2)}
    seen = {device.id: device.last_seen for device in facts.devices}
    old, young, mysql = "2026-10-31_12-20-07", "2026-11-18_12-20-07", "2026-11-17_12-20-07"
    began = {old: 1793449207, young: 1795004407, mysql: 1794918007}
    known: dict[tuple[str, str, str | None], Any] = {
        ("001", MYSQL, mysql): (True, 0, mysql_rows),
        ("002", SQLITE, old): (False, 73728, rows),
        ("002", SQLITE, young): (False, 73728, dict.fromkeys(rows, 500)),
        ("003", SQLITE, old): (False, 73728, rows),
        ("003", MYSQL, mysql): (False, 0, mysql_rows),
        ("004", VIDEO, None): (True, 0, {}),
        ("007", SQLITE, old): (True, 4096, rows),
        ("008", SQLITE, old): (False, 73728, rows),
        ("009", MYSQL, mysql): (True, 0, mysql_rows),
        ("010", SQLITE, old): (False, 73728, rows),
    }
    found = {}
    for data in facts.data:
        stamp = data.path.split("/")[2] if data.path else None
        found[data.device[:3], data.type, stamp] = (data.growing, data.size, data.tables)
        assert data.newest == (seen[data.device] if data.growing else began[str(stamp)])
        name = f"ETHOSCOPE_{data.device[:3]}"
        assert data.path is None or data.path == f"{data.device}/{name}/{stamp}/{stamp}_{data.device}.db"
    assert found == known
    assert len(facts.data) == len(known)


# ----- the node's page


@pytest.mark.parametrize("name", PAGES)
def test_a_recorded_page_claims_what_it_calls_available(name: str) -> None:
    devices, offline, available = PAGES[name]
    facts = read_page(recorded(name))
    whole(facts)
    claims: dict[tuple[str, str], Claim] = {(claim.type, claim.device[:3]): claim for claim in facts.claims}
    assert set(claims) == {(kind, device) for kind in (MYSQL, SQLITE, VIDEO) for device in devices.split()}
    assert len(facts.claims) == len(claims)
    for (kind, device), claim in claims.items():
        figures = available.get(kind, {}).get(device)
        status = "success" if figures else "offline" if device in offline.split() else "not_available"
        assert (claim.available, claim.status) == (figures is not None, status), (kind, device)
        assert (claim.count, claim.size) == (figures or (0, 0)), (kind, device)
        assert claim.source == "node"


@pytest.mark.parametrize("name", PAGES)
def test_a_recorded_page_names_the_device_at_work(name: str) -> None:
    facts = read_page(recorded(name))
    assert facts.current_device == ("ETHOSCOPE_010" if name.startswith("11_") else None)
    assert facts.current_file is None
    assert not facts.devices
    assert not facts.jobs


# ----- the daemons


@pytest.mark.parametrize("name", MYSQL_STATUS)
def test_a_recorded_status_of_mysql_backups(name: str) -> None:
    devices, ended = MYSQL_STATUS[name]
    facts = read_mysql(recorded(name))
    whole(facts)
    assert {job.device[:3]: job.state for job in facts.jobs} == {
        device: FAILED if device == "009" else DONE for device in devices.split()
    }
    assert {(job.type, job.source, job.started, job.ended) for job in facts.jobs} == {(MYSQL, "mysql", ended, ended)}
    assert {job.message for job in facts.jobs} == {"Backup completed successfully", "Backup failed"}
    assert all(not job.listed for job in facts.jobs)
    _named(facts, devices)
    assert (facts.current_device, facts.current_file) == (None, None)


def _named(facts: Facts, devices: str) -> None:
    assert short(device.id for device in facts.devices) == devices
    assert all(device.name == f"ETHOSCOPE_{device.id[:3]}" for device in facts.devices)
    assert {(device.state, device.last_seen) for device in facts.devices} == {(None, None)}


def _count(job: Job) -> int:
    return sum(map(len, job.listed.values()))


@pytest.mark.parametrize("name", RSYNC_STATUS)
def test_a_recorded_status_of_rsync_backups(name: str) -> None:
    states, listed = RSYNC_STATUS[name]
    facts = read_rsync(recorded(name))
    whole(facts)
    found: dict[tuple[str, str], list[str]] = {}
    for job in facts.jobs:
        found.setdefault((job.type, job.state), []).append(job.device)
        assert _count(job) == listed.get(job.type, {}).get(job.device[:3], 0)
        assert (job.ended is None) == (job.state == RUNNING)
        assert job.source == "rsync"
    assert {key: short(devices) for key, devices in found.items()} == states
    _named(facts, ONLINE)


def test_a_recorded_list_of_copies_names_their_folders() -> None:
    facts = read_rsync(recorded("11_processing_rsync_status"))
    listed = {(job.type, job.device[:3]): job.listed for job in facts.jobs}
    device = "002" + "c" * 29
    assert listed[SQLITE, "002"] == {
        f"{device}/ETHOSCOPE_002/{stamp}": [f"{stamp}_{device}.db"]
        for stamp in ("2026-10-31_12-20-07", "2026-11-18_12-20-07")
    }
    stamp = "2026-10-21_12-20-07"
    assert listed[VIDEO, "002"] == {
        f"{device}/ETHOSCOPE_002/{stamp}": [
            f"{stamp}_{device}_NA_1280x960@25_{number:05}.h264" for number in range(1, 6)
        ]
    }


def test_a_recorded_job_at_work_is_told_with_its_device() -> None:
    facts = read_rsync(recorded("11_processing_rsync_status"))
    assert (facts.current_device, facts.current_file) == ("ETHOSCOPE_010", None)
    (job,) = (job for job in facts.jobs if job.device.startswith("010") and job.type == SQLITE)
    assert job.started == 1795177527
    assert job.message.startswith("Starting results rsync from ")
    for name in RSYNC_STATUS.keys() - {"11_processing_rsync_status"}:
        assert read_rsync(recorded(name)).current_device is None


# ----- answers to other questions


def test_the_recorded_error_with_status_200_is_an_error() -> None:
    with pytest.raises(Garbled) as caught:
        parsed(recorded_bytes(UNKNOWN_ID))
    assert str(caught.value) == "the service says: bottle.HTTPError: (404, 'Device deadbeef not found')"


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_a_recorded_answer_to_another_question_is_not_taken_for_ours(name: str) -> None:
    answer = recorded(name)
    assert isinstance(answer, dict)
    for read in (read_page, read_rsync):
        with pytest.raises(Garbled):
            read(answer)
    if "rsync_root" in name:
        with pytest.raises(Garbled, match="nothing in it is one of a device"):
            read_mysql(answer)
    else:
        assert read_mysql(answer).unread > 0
        assert not read_mysql(answer).jobs
    facts = read_devices(answer)
    assert facts.unread > 0
    assert not facts.data


@pytest.mark.parametrize("name", [*MYSQL_STATUS, DEVICES])
def test_what_has_devices_at_its_top_is_no_page_and_no_status_of_rsync(name: str) -> None:
    for read in (read_page, read_rsync):
        with pytest.raises(Garbled):
            read(recorded(name))


@pytest.mark.parametrize("name", RSYNC_STATUS)
def test_the_rsync_daemon_is_not_taken_for_the_mysql_daemon(name: str) -> None:
    with pytest.raises(Garbled, match="as that of the rsync daemon"):
        read_mysql(recorded(name))
