# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What comes of the recorded answers of each situation, without a look at any copy and with the copies that there were.

Devices are called by the first three digits of their ids; a situation by the number that its recordings begin with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Facts
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, VIDEO, results
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.mysql_source import read_status as read_mysql
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.node_source import read_devices, read_page
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.report import fleet_report
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.rsync_source import read_status as read_rsync
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Copies
from unit.builders import DAY
from unit.device_builders import NO_TABLES, USABLE, a_tree, found, recorded, the_members

SITUATIONS = {
    "07": ("07_servicesdown",),
    "11": ("11_processing", "rsync"),
    "12": ("12_both_up", "mysql"),
    "17": ("17_mysql_only", "mysql"),
    "18": ("18_rsync_only_001_009_nodb_002_unreachable", "rsync"),
    "20": ("20_final_all_up", "mysql", "rsync"),
}
READ = {"mysql": read_mysql, "rsync": read_rsync}

OLD, YOUNG, FILMED, MADE = 1793449207.0, 1795004407.0, 1792585207.0, 1795177460.0
"""When the databases of 31 October and 18 November began, when the videos ended, when the copies of MySQL were made."""

Share = tuple[str, str]


def old_copy(when: float, size: int, **more: Any) -> Evidence:
    """A good copy with a time of its own."""
    return Evidence(files=1, size=size, newest=when, root="/r", path="p", check=USABLE, **more)


COPIES: dict[Share, Evidence] = {
    (MYSQL, "001"): old_copy(MADE, 110592, found=replace(found(size=110592), changed=MADE)),
    (MYSQL, "003"): old_copy(MADE, 110592, found=replace(found(size=110592), changed=MADE)),
    (MYSQL, "009"): Evidence(empty=1),
    (SQLITE, "002"): replace(old_copy(YOUNG, 147456, found=replace(found(size=73728), changed=YOUNG)), files=2),
    (SQLITE, "003"): old_copy(OLD, 73728, found=replace(found(size=73728), changed=OLD)),
    (SQLITE, "007"): replace(
        old_copy(OLD, 4096, found=replace(found(size=4096), changed=OLD)),
        check=NO_TABLES,
    ),
    (SQLITE, "010"): old_copy(OLD, 73728, found=replace(found(size=73728), changed=OLD)),
    (VIDEO, "002"): Evidence(files=5, size=32457, newest=FILMED),
    (VIDEO, "003"): Evidence(files=4, size=17764, newest=FILMED),
    (VIDEO, "004"): Evidence(files=6, size=34748, newest=FILMED),
    (VIDEO, "010"): Evidence(files=300, size=1653497, newest=FILMED),
}
"""What lay on the recorded node in the end."""


def the_facts(situation: str) -> tuple[list[Facts], float]:
    """What the services said, and when."""
    name, *daemons = SITUATIONS[situation]
    page = recorded(f"{name}_node_backup_status")
    facts = [read_devices(recorded("06_node_devices")), read_page(page)]
    facts += [READ[daemon](recorded(f"{name}_{daemon}_status")) for daemon in daemons]
    return facts, page["timestamp"]


def judged(situation: str, copies: Mapping[Share, Evidence] | None = None, later: float = 0) -> dict[str, Any]:
    """The report; with ``copies`` all folders were looked at, and there was nothing else; ``later`` in seconds."""
    facts, when = the_facts(situation)
    fleet = the_members(facts, now=when + later)
    if copies is not None:
        fleet = [
            replace(
                member,
                cases={
                    kind: replace(case, evidence=copies.get((kind, member.id[:3]), Evidence()))
                    for kind, case in member.cases.items()
                },
            )
            for member in fleet
        ]
    return fleet_report(fleet)


def rows(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {device["id"][:3]: device for device in report["devices"]}


def by_status(report: dict[str, Any]) -> dict[str, str]:
    """The devices of each status."""
    found: dict[str, list[str]] = {}
    for device, row in rows(report).items():
        found.setdefault(row["status"], []).append(device)
    return {status: " ".join(sorted(devices)) for status, devices in found.items()}


def types(report: dict[str, Any], device: str) -> dict[str, str]:
    return {kind: row["status"] for kind, row in rows(report)[device]["types"].items()}


def disagreements(report: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str]]:
    """Kind and message by device and type; there may be one of each."""
    found = {(one["device"][:3], one["type"]): (one["kind"], one["message"]) for one in report["discrepancies"]}
    assert len(found) == len(report["discrepancies"])
    return found


# ----- the services alone


@pytest.mark.parametrize("situation", SITUATIONS)
def test_without_a_look_at_copies_nobody_is_ok(situation: str) -> None:
    report = judged(situation)
    assert report["summary"]["devices"] == 10
    assert report["summary"]["ok"] == 0
    assert report["discrepancies"] == []
    for row in rows(report).values():
        for one in row["types"].values():
            assert one["status"] != "ok"
            assert (one["evidence"], one["files"], one["newest"]) == (None, None, None)


@pytest.mark.parametrize(
    ("situation", "statuses"),
    [
        ("07", {"unknown": "001 002 003 004 007 008 009 010", "no_data": "005 006"}),
        ("11", {"failed": "008", "in_progress": "010", "unknown": "001 002 003 004 007 009", "no_data": "005 006"}),
        ("12", {"failed": "009", "unknown": "001 002 003 004 007 008 010", "no_data": "005 006"}),
        ("17", {"failed": "009", "unknown": "001 002 003 004 007 008 010", "no_data": "005 006"}),
        ("18", {"failed": "002 008", "unknown": "001 003 004 007 009 010", "no_data": "005 006"}),
        ("20", {"failed": "002 008 009", "unknown": "001 003 004 007 010", "no_data": "005 006"}),
    ],
)
def test_without_a_look_at_copies_only_failures_are_known(situation: str, statuses: dict[str, str]) -> None:
    assert by_status(judged(situation)) == statuses


def test_the_services_alone_say_why_nothing_is_known() -> None:
    known = rows(judged("12"))
    assert known["001"]["reason"].startswith(
        "mysql unknown: mysql says that its last backup ended well 2 min ago, but no copies can be looked at from here"
    )
    assert "sqlite unknown: it is said to have data, but no copies can be looked at from here" in known["002"]["reason"]
    assert known["009"]["reason"] == "mysql failed: the last backup failed 2 min ago (Backup failed)"
    assert known["009"]["last_error"] == "mysql: Backup failed"
    assert known["006"]["reason"] == "no data and no copies are known; the device is offline"
    assert [device for device, row in known.items() if not row["online"]] == ["006"]


def test_the_service_that_suits_a_device_is_known_without_a_copy() -> None:
    assert {device: row["recommended_backup_type"] for device, row in rows(judged("07")).items()} == {
        **dict.fromkeys(("002", "003", "004", "007", "008", "010"), "rsync"),
        **dict.fromkeys(("001", "009"), "mysql"),
        **dict.fromkeys(("005", "006"), "none"),
    }


# ----- with an empty disk


@pytest.mark.parametrize("situation", SITUATIONS)
def test_on_an_empty_disk_nobody_is_ok_and_each_claim_is_told(situation: str) -> None:
    report = judged(situation, {})
    assert report["summary"]["ok"] == 0
    assert (report["summary"]["files"], report["summary"]["worst_age"]) == (0, None)
    told = disagreements(report)
    claimed = {
        (device, kind)
        for device, row in rows(report).items()
        for kind, one in row["types"].items()
        if one["claimed"] and one["claimed"]["source"] == "node" and one["claimed"]["available"]
    }
    assert set(told) >= {share for share in claimed if share[1] != VIDEO}
    # the page says success with the videos of all, or nothing, of devices that have no video
    assert {share[1] for share, (kind, _message) in told.items() if kind == "claimed_but_empty"} <= {VIDEO}
    assert {kind for kind, _message in told.values()} <= {
        "claimed_but_missing",
        "claimed_but_empty",
        "listed_but_missing",
    }


def test_success_without_a_single_file_is_missing() -> None:
    report = judged("07", {})
    assert by_status(report) == {"missing": "001 002 003 004 007 008 009 010", "no_data": "005 006"}
    assert rows(report)["002"]["reason"] == "sqlite missing: no copy is there, but node says 'success'"
    # the page knows nothing of videos while their daemon is down, but the device records
    assert rows(report)["004"]["reason"] == "video missing: no copy is there"
    assert disagreements(report) == dict.fromkeys(
        [
            *((device, MYSQL) for device in ("001", "003", "009")),
            *((device, SQLITE) for device in ("002", "003", "007", "008", "010")),
        ],
        ("claimed_but_missing", "no copy is there, but node says 'success'"),
    )


def test_an_empty_device_whose_videos_are_claimed_has_no_data() -> None:
    """The page says success with 3 to 326 files, which are those of the others."""
    for situation in SITUATIONS:
        report = judged(situation, {})
        assert rows(report)["005"]["status"] == "no_data"
        assert rows(report)["005"]["recommended_backup_type"] == "none"


# ----- with copies


def test_a_job_at_work_is_in_progress_while_there_is_no_copy() -> None:
    report = judged("11", {})
    assert types(report, "010") == {MYSQL: "no_data", SQLITE: "in_progress", VIDEO: "no_data"}
    assert rows(report)["010"]["types"][SQLITE]["reason"] == (
        "a backup is running; before it: no copy is there, but node says 'success'"
    )


def test_a_job_that_never_ends_hides_nothing() -> None:
    report = judged("11", {}, later=2 * DAY)
    assert rows(report)["010"]["types"][SQLITE]["status"] == "missing"
    assert rows(report)["010"]["types"][SQLITE]["reason"] == (
        "no copy is there, but node says 'success'; a backup is said to be running for 2 d"
    )


def test_a_failed_first_job_leaves_a_device_without_copies_failed() -> None:
    report = judged("11", COPIES)
    assert types(report, "008") == {MYSQL: "no_data", SQLITE: "failed", VIDEO: "no_data"}
    assert rows(report)["008"]["types"][SQLITE]["reason"] == (
        "the last backup failed 10 s ago (Backup failed); no copy is there"
    )


def test_a_mysql_that_was_not_ready_leaves_an_empty_copy_and_is_failed() -> None:
    report = judged("12", COPIES)
    assert types(report, "009") == {MYSQL: "failed", SQLITE: "no_data", VIDEO: "no_data"}
    row = rows(report)["009"]["types"][MYSQL]
    assert row["reason"] == "the last backup failed 2 min ago (Backup failed); the only copy is empty (0 bytes)"
    assert disagreements(report)["009", MYSQL] == (
        "claimed_but_missing",
        "no copy with content is there, but node says 'success'",
    )


def test_without_their_daemon_videos_are_there_but_not_claimed() -> None:
    report = judged("17", COPIES)
    assert {share: told for share, told in disagreements(report).items() if share[1] == VIDEO} == {
        ("002", VIDEO): ("there_but_unclaimed", "5 copies there, but node says 'not_available'"),
        ("003", VIDEO): ("there_but_unclaimed", "4 copies there, but node says 'not_available'"),
        ("010", VIDEO): ("there_but_unclaimed", "300 copies there, but node says 'not_available'"),
    }
    # nobody says any more that the old videos are complete
    assert rows(report)["002"]["types"][VIDEO]["status"] == "stale"


def test_a_device_that_went_away_is_failed_in_what_was_tried_and_in_what_was_not() -> None:
    report = judged("18", COPIES)
    assert types(report, "002") == {MYSQL: "no_data", SQLITE: "failed", VIDEO: "failed"}
    row = rows(report)["002"]
    assert row["types"][SQLITE]["reason"] == (
        "the last backup failed 74 s ago (Backup failed); the newest copy is 2 d old"
    )
    assert row["types"][VIDEO]["reason"] == (
        "the last backup was not tried, since another failed 74 s ago (Backup failed); the newest copy is 30 d old"
    )
    assert row["last_error"] == "rsync: Backup failed"
    # the page says of everything that it is offline, and not that there is none
    assert ("002", SQLITE) not in disagreements(report)
    assert ("002", VIDEO) not in disagreements(report)


def test_in_the_end_the_fleet_is_as_it_was_built() -> None:
    report = judged("20", COPIES)
    assert by_status(report) == {"failed": "002 007 008 009", "ok": "001 003 004 010", "no_data": "005 006"}
    assert rows(report)["003"]["reason"] == (
        "mysql: the newest copy is 16 min old; "
        "sqlite: the last backup ended well 3 min ago, and its copies are there; "
        "video: the last backup ended well 3 min ago, and its copies are there"
    )
    assert types(report, "010") == {MYSQL: "no_data", SQLITE: "ok", VIDEO: "ok"}
    assert rows(report)["004"]["reason"] == "video: the last backup ended well 3 min ago, and its copies are there"
    assert (report["summary"]["files"], report["summary"]["worst_age"]) == (322, 2593224)


def test_the_copy_of_a_running_database_without_tables_is_found_out() -> None:
    report = judged("20", COPIES)
    why = "the newest copy has no tables: its rows were in the -wal file, which is not copied"
    assert rows(report)["007"]["reason"] == f"sqlite failed: {why}"
    assert disagreements(report)["007", SQLITE] == (
        "completed_but_unusable",
        f"{why}, but node says 'success' and rsync says that its backup ended well",
    )
    assert rows(report)["007"]["last_error"] == f"sqlite: {why}"


def test_the_only_lies_in_the_end_are_those_of_the_recorded_node() -> None:
    assert {share: kind for share, (kind, _message) in disagreements(judged("20", COPIES)).items()} == {
        ("007", SQLITE): "completed_but_unusable",
        **dict.fromkeys(((device, VIDEO) for device in ("001", "005", "007", "008", "009")), "claimed_but_empty"),
        ("008", SQLITE): "claimed_but_missing",
        ("009", MYSQL): "claimed_but_missing",
    }


def test_an_idle_device_stays_ok_when_no_daemon_runs_any_more() -> None:
    """Months later, with the last answers: what the devices list is in the copies. Only what grows is stale."""
    report = judged("20", {**COPIES, (SQLITE, "002"): COPIES[SQLITE, "002"]}, later=60 * DAY)
    assert rows(report)["010"]["types"][SQLITE]["reason"] == ("the device has nothing newer than the copy of 80 d ago")
    assert rows(report)["001"]["types"][MYSQL]["reason"] == (
        "the device is writing, and the copy of that is 60 d old, wanted 24 h"
    )
    assert rows(report)["003"]["types"][VIDEO]["reason"] == (
        "the newest copy is 90 d old, wanted 7 d; it is not known whether the device has newer data"
    )


# ----- copies of MySQL that the node calls SQLite


def without_databases(*devices: str) -> Facts:
    """The devices of 06, some of which list no databases any more, as in 18."""
    answer = recorded("06_node_devices")
    for device, entry in answer.items():
        if device[:3] in devices:
            entry["databases"] = {}
    return read_devices(answer)


def looked_at(facts: list[Facts], when: float, *, full: str, empty: str) -> dict[str, Any]:
    """The report where the results hold a copy of MySQL of each of two devices, one of them without content."""
    ids = {device.id[:3]: device.id for device in facts[0].devices}
    path: dict[str, Any] = {"folder": f"{ids[full]}/ETHOSCOPE_{full}/x", "file": "x.db"}
    copies = {
        (MYSQL, ids[full]): Copies(files=1, size=110592, newest=int(MADE * 10**9), newest_size=110592, **path),
        (MYSQL, ids[empty]): Copies(empty=1),
    }
    return fleet_report(the_members(facts, [a_tree(results("/nowhere"), copies)], now=when))


def test_a_copy_of_mysql_that_the_node_calls_sqlite_is_one_of_mysql() -> None:
    facts, when = the_facts("18")
    report = looked_at([without_databases("001", "009"), *facts[1:]], when, full="001", empty="009")
    assert types(report, "001") == {MYSQL: "ok", SQLITE: "no_data", VIDEO: "no_data"}
    assert types(report, "009") == {MYSQL: "failed", SQLITE: "no_data", VIDEO: "no_data"}
    assert rows(report)["001"]["recommended_backup_type"] == "mysql"
    told = disagreements(report)
    assert ("001", SQLITE) not in told
    assert ("009", SQLITE) not in told
    assert told["001", MYSQL] == ("there_but_unclaimed", "1 copy there, but node says 'not_available'")
    # the claim itself is told as it was made
    assert rows(report)["001"]["types"][SQLITE]["claimed"]["status"] == "success"


def test_a_claim_of_sqlite_by_a_device_that_lists_databases_is_one() -> None:
    facts, when = the_facts("18")
    report = looked_at(facts, when, full="001", empty="009")
    assert types(report, "001")[SQLITE] == "missing"
    assert disagreements(report)["001", SQLITE] == (
        "claimed_but_missing",
        "no copy is there, but node says 'success'",
    )
