# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what is known of devices to the result that a user reads."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import (
    DONE,
    FAILED,
    RUNNING,
    SKIPPED,
    Facts,
    Question,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fleet import Member
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.inquiry import Heard
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import STATUSES
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import MYSQL, SQLITE, VIDEO
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.report import (
    failure,
    fleet_report,
    message,
    services_report,
    shown,
)
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import (
    DEVICE,
    NAME,
    NO_TABLES,
    USABLE,
    a_case,
    a_claim,
    a_copy,
    a_data,
    a_job,
    a_member,
)

MEMBERS: dict[str, Member] = {
    "failed": a_member(
        a_case(
            Evidence(empty=1),
            MYSQL,
            claim=a_claim(kind=MYSQL, size=12288),
            job=a_job(FAILED, 2 * HOUR, MYSQL, source="mysql", message="Backup failed"),
            data=[a_data(kind=MYSQL, growing=True)],
        ),
        a_case(
            a_copy(3 * DAY, check=NO_TABLES),
            claim=a_claim(),
            job=a_job(DONE, HOUR),
            data=[a_data(0, growing=True, size=16384)],
        ),
        a_case(Evidence(), VIDEO),
    ),
    "missing": a_member(
        a_case(Evidence(), claim=a_claim(count=2, size=0), data=[a_data(size=73728), a_data(2 * DAY, size=73728)])
    ),
    "stale": a_member(
        a_case(a_copy(3 * DAY, 2, check=USABLE, ahead=1), data=[a_data(0, growing=True, size=8192)]),
        a_case(a_copy(9 * DAY, 300), VIDEO, claim=a_claim("not_available", VIDEO, count=0, size=0), max_age=7 * DAY),
        online=False,
    ),
    "in_progress": a_member(
        a_case(Evidence(), job=a_job(RUNNING, None, started=NOW - 90, message="Starting"), claim=a_claim())
    ),
    "unknown": a_member(
        a_case(claim=a_claim(), job=a_job(DONE, HOUR, listed={"a/b": ["1.db", "2.db"], "a/c": ["3.db"]})),
        a_case(None, VIDEO, job=a_job(DONE, HOUR, VIDEO, listed={"a/b": ["1.h264", "2.h264"]})),
        name=None,
        online=None,
    ),
    "ok": a_member(
        a_case(Evidence(), MYSQL),
        a_case(a_copy(30 * DAY, check=USABLE), claim=a_claim(), data=[a_data(30 * DAY)]),
        a_case(a_copy(2 * DAY, 6, size=3 * 1024**3), VIDEO, claim=a_claim(kind=VIDEO, count=326), max_age=7 * DAY),
    ),
    "no_data": a_member(a_case(Evidence(), MYSQL), a_case(Evidence()), a_case(Evidence(), VIDEO), online=False),
}
"""A device of each status."""


def the_row(member: Member) -> dict[str, Any]:
    (row,) = fleet_report([member])["devices"]
    return row  # type: ignore[no-any-return]


def the_type(case: Case) -> dict[str, Any]:
    return the_row(a_member(case))["types"][case.type]  # type: ignore[no-any-return]


# ----- devices


@pytest.mark.parametrize("status", STATUSES)
def test_a_device_of_each_status(status: str, snapshot: SnapshotAssertion) -> None:
    row = the_row(MEMBERS[status])
    assert row["status"] == status
    assert row == snapshot


def test_every_status_has_an_example() -> None:
    assert set(MEMBERS) == set(STATUSES)


def test_a_device_is_as_its_worst_type_and_says_all_that_are_so() -> None:
    cases = [
        a_case(Evidence(), MYSQL, claim=a_claim(kind=MYSQL)),
        a_case(a_copy(60)),
        a_case(Evidence(), VIDEO, data=[a_data(kind=VIDEO)]),
    ]
    row = the_row(a_member(*cases))
    assert (row["status"], row["reason"]) == (
        "missing",
        "mysql missing: no copy is there, but node says 'success'; video missing: no copy is there",
    )


def test_what_is_not_there_says_nothing_of_a_device_that_is_ok() -> None:
    row = the_row(a_member(a_case(Evidence(), MYSQL), a_case(a_copy(60)), a_case(a_copy(HOUR), VIDEO)))
    assert row["reason"] == "sqlite: the newest copy is 60 s old; video: the newest copy is 60 min old"


@pytest.mark.parametrize(
    ("online", "reason"),
    [
        (True, "no data and no copies are known"),
        (None, "no data and no copies are known"),
        (False, "no data and no copies are known; the device is offline"),
    ],
)
def test_a_device_without_anything_may_be_offline(online: bool | None, reason: str) -> None:
    row = the_row(a_member(a_case(Evidence()), online=online))
    assert (row["reason"], row["online"]) == (reason, online)


def test_a_device_that_runs_and_lists_no_database_is_not_one_without_data() -> None:
    row = the_row(a_member(a_case(Evidence(), MYSQL), a_case(Evidence()), unlisted=True))
    assert (row["status"], row["reason"]) == ("unknown", "the device is running, and lists no database")
    row = the_row(a_member(a_case(a_copy(60)), unlisted=True))
    assert (row["status"], row["reason"]) == ("ok", "sqlite: the newest copy is 60 s old")
    row = the_row(a_member(a_case(claim=a_claim()), unlisted=True))
    assert row["reason"].startswith("sqlite unknown: it is said to have data")


# ----- one type


def test_what_nobody_looked_at_has_no_figures() -> None:
    row = the_type(a_case(claim=a_claim()))
    assert (row["files"], row["size"], row["size_human"], row["newest"], row["age"]) == (None,) * 5
    assert (row["evidence"], row["verified"]) == (None, None)


def test_an_empty_disk_has_figures() -> None:
    row = the_type(a_case(Evidence()))
    assert (row["files"], row["size"], row["size_human"], row["newest"], row["age"]) == (0, 0, "0 B", None, None)
    assert row["evidence"] == {
        "files": 0,
        "size": 0,
        "newest": None,
        "path": None,
        "verified": None,
        "why_not": "no copy is there",
    }


def test_times_are_whole_seconds_and_no_age_is_negative() -> None:
    row = the_type(a_case(a_copy(-30.75)))
    assert (row["newest"], row["age"], row["evidence"]["newest"]) == (NOW + 30, 0, NOW + 30)
    row = the_type(a_case(a_copy(30.75)))
    assert (row["newest"], row["age"]) == (NOW - 31, 30)
    assert all(isinstance(row[key], int) for key in ("newest", "age", "files", "size"))


@pytest.mark.parametrize(
    ("evidence", "why_not"),
    [
        (a_copy(), None),
        (a_copy(check=USABLE), None),
        (a_copy(check=NO_TABLES), f"the newest copy {NO_TABLES.why_not}"),
        (a_copy(empty=2), "2 copies empty (0 bytes)"),
        (Evidence(empty=1), "1 copy empty (0 bytes)"),
        (Evidence(), "no copy is there"),
        (a_copy(check=NO_TABLES, empty=1), f"the newest copy {NO_TABLES.why_not}"),
        (a_copy(check=replace(USABLE, lacks="lacks the table ROI_1")), "the newest copy lacks the table ROI_1"),
        (Evidence(unfinished=1, empty=1), "1 copy unfinished"),
        (
            a_copy(check=NO_TABLES, unreadable="/r/\udcff cannot be read (no)"),
            "/r/\N{REPLACEMENT CHARACTER} cannot be read (no)",
        ),
    ],
)
def test_what_is_wrong_with_the_evidence(evidence: Evidence, why_not: str | None) -> None:
    assert the_type(a_case(evidence))["evidence"]["why_not"] == why_not


@pytest.mark.parametrize(
    ("case", "claimed"),
    [
        (a_case(), None),
        (a_case(job=a_job(DONE)), None),
        (
            a_case(claim=a_claim("offline", count=None, size=None), data=[a_data()], job=a_job(listed={"a": ["1.db"]})),
            {"available": False, "status": "offline", "count": None, "size": None, "source": "node"},
        ),
        (
            a_case(data=[a_data(size=5), a_data(size=6)], job=a_job(listed={"a": ["1.db"]})),
            {"available": True, "status": "listed", "count": 2, "size": 11, "source": "device"},
        ),
        (
            a_case(job=a_job(FAILED, source="rsync", listed={"a": ["1.db", "2.db"], "b": ["3.db"]})),
            {"available": True, "status": "failed", "count": 3, "size": None, "source": "rsync"},
        ),
    ],
)
def test_what_is_claimed_and_by_whom(case: Case, claimed: dict[str, Any] | None) -> None:
    assert the_type(case)["claimed"] == claimed


def test_the_first_disagreement_stands_in_the_row_and_all_of_them_in_the_list() -> None:
    case = a_case(a_copy(check=NO_TABLES, ahead=2), claim=a_claim())
    report = fleet_report([a_member(case)])
    said = f"the newest copy {NO_TABLES.why_not}, but node says 'success'"
    assert report["devices"][0]["types"][SQLITE]["discrepancy"] == said
    assert report["discrepancies"] == [
        {"device": DEVICE, "name": NAME, "type": SQLITE, "kind": "completed_but_unusable", "message": said},
        {
            "device": DEVICE,
            "name": NAME,
            "type": SQLITE,
            "kind": "dated_ahead",
            "message": "2 copies dated in the future",
        },
    ]


# ----- what suits, and what went wrong


@pytest.mark.parametrize(
    ("cases", "service"),
    [
        ([a_case(a_copy(), MYSQL)], "mysql"),
        ([a_case(data=[a_data(kind=MYSQL)], kind=MYSQL)], "mysql"),
        ([a_case(a_copy())], "rsync"),
        ([a_case(a_copy(), VIDEO)], "rsync"),
        ([a_case(claim=a_claim())], "rsync"),
        ([a_case(a_copy(), MYSQL), a_case(a_copy(), VIDEO)], "rsync"),
        ([a_case(Evidence(), MYSQL), a_case(Evidence()), a_case(None, VIDEO)], "none"),
        ([a_case(a_copy(), "config")], "none"),
        # the page's "available" says nothing of videos without a size
        ([a_case(Evidence(), VIDEO, claim=a_claim(kind=VIDEO, size=0))], "none"),
    ],
)
def test_the_service_that_suits_the_data(cases: list[Case], service: str) -> None:
    row = the_row(a_member(*cases))
    assert (row["recommended_backup_type"], row["supports_video_backup"]) == (service, service == "rsync")


@pytest.mark.parametrize(
    ("cases", "error"),
    [
        ([a_case(a_copy())], None),
        ([a_case(job=a_job(FAILED))], None),
        ([a_case(job=a_job(DONE, message="Backup completed successfully"))], None),
        ([a_case(job=a_job(FAILED, message="no\x1b[0m\nway"))], "rsync: no [0m way"),
        ([a_case(job=a_job(SKIPPED, message="Backup failed"))], "rsync: Backup failed"),
        ([a_case(a_copy(check=NO_TABLES))], f"sqlite: the newest copy {NO_TABLES.why_not}"),
        ([a_case(a_copy(check=NO_TABLES), job=a_job(FAILED))], f"sqlite: the newest copy {NO_TABLES.why_not}"),
        (
            [
                a_case(kind=MYSQL, job=a_job(FAILED, HOUR, MYSQL, source="mysql", message="later")),
                a_case(job=a_job(FAILED, DAY, message="before")),
                a_case(a_copy(check=NO_TABLES), VIDEO),
            ],
            "mysql: later",
        ),
    ],
)
def test_the_last_thing_that_went_wrong(cases: list[Case], error: str | None) -> None:
    assert the_row(a_member(*cases))["last_error"] == error


# ----- foreign names


def test_names_from_folders_that_are_no_text_are_shown_as_far_as_they_are() -> None:
    strange = "caf\udce9"
    case = a_case(a_copy(root="/r", path=f"{strange}/x.db"), claim=a_claim("not_available"))
    report = fleet_report([a_member(case, id=strange, name=strange)])
    row, (told,) = report["devices"][0], report["discrepancies"]
    text = "caf\N{REPLACEMENT CHARACTER}"
    assert (row["id"], row["name"], told["device"], told["name"]) == (text,) * 4
    assert row["types"][SQLITE]["evidence"]["path"] == f"/r/{text}/x.db"
    json.dumps(report, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("text", "harmless"), [("caf\udce9", "caf\N{REPLACEMENT CHARACTER}"), ("half \ud800", "half ?")]
)
def test_what_a_result_cannot_hold_is_replaced(text: str, harmless: str) -> None:
    assert shown(text) == harmless


@pytest.mark.parametrize("text", ["", "x", "ä\n", "/r/\N{GRINNING FACE}"])
def test_a_good_name_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


# ----- together


def test_the_summary_counts_devices_by_status_and_their_copies() -> None:
    report = fleet_report([*MEMBERS.values(), MEMBERS["ok"]])
    assert [row["status"] for row in report["devices"]] == [*MEMBERS, "ok"]
    assert report["summary"] == {
        "devices": 8,
        "failed": 1,
        "missing": 1,
        "stale": 1,
        "in_progress": 1,
        "unknown": 1,
        "ok": 2,
        "no_data": 1,
        "files": 1 + 2 + 300 + 2 * 7,
        "bytes": 4096 + 8192 + 300 * 4096 + 2 * (4096 + 3 * 1024**3),
        "bytes_human": "6 GiB",
        "worst_age": 30 * DAY,
    }


def test_success_of_the_videos_of_a_device_without_any_is_told_but_not_counted() -> None:
    """The page says it of each device."""
    videos = a_case(Evidence(), VIDEO, claim=a_claim(kind=VIDEO, count=326, size=0))
    report = fleet_report([a_member(a_case(a_copy(60)), videos)])
    assert [one["kind"] for one in report["discrepancies"]] == ["claimed_but_empty"]
    assert message(report, {}) == "1 device: 1 ok."


def test_a_fleet_of_nobody() -> None:
    report = fleet_report([])
    assert (report["devices"], report["discrepancies"]) == ([], [])
    assert set(report["summary"].values()) == {0, "0 B", None}
    assert message(report, {}) == "0 devices."


UP: dict[str, Any] = {"url": "http://node", "available": True, "error": None}
DOWN: dict[str, Any] = {"url": "http://node:8090", "available": False, "error": "no answer within 10 s"}


@pytest.mark.parametrize(
    ("statuses", "services", "text"),
    [
        (["ok"], {}, "1 device: 1 ok."),
        (["ok", "ok", "no_data"], {"node": UP}, "3 devices: 1 no_data, 2 ok."),
        (
            ["failed", "missing", "stale", "in_progress", "unknown", "ok", "no_data"],
            {"node": UP, "mysql": DOWN, "rsync": DOWN},
            (
                "7 devices: 1 no_data, 1 ok, 1 unknown, 1 in_progress, 1 stale, 1 missing, 1 failed. 6 discrepancies. "
                "No usable answer from mysql, rsync."
            ),
        ),
        (["missing"], {"node": UP}, "1 device: 1 missing. 1 discrepancy."),
        ([], {"node": DOWN}, "0 devices. No usable answer from node."),
    ],
)
def test_the_message_says_it_in_a_sentence_or_two(
    statuses: list[str], services: dict[str, dict[str, Any]], text: str
) -> None:
    assert message(fleet_report([MEMBERS[status] for status in statuses]), services) == text


# ----- failing


def named(name: str | None, status: str, **more: Any) -> Member:
    member = MEMBERS[status]
    return a_member(*member.cases.values(), name=name, **more)


def why(members: list[Member], *fail_on: str, services: dict[str, dict[str, Any]] | None = None) -> str | None:
    return failure(fleet_report(members), services or {}, frozenset(fail_on))


def test_without_a_wish_nothing_fails() -> None:
    assert why(list(MEMBERS.values()), services={"mysql": DOWN}) is None
    assert why([]) is None


def test_what_the_user_accepts_does_not_fail() -> None:
    assert why([MEMBERS["ok"], MEMBERS["no_data"], MEMBERS["stale"]], "failed", "missing") is None


def test_the_devices_that_fail_are_named_with_their_reasons_the_worst_first() -> None:
    fleet = [
        named("A", "ok"),
        named("B", "in_progress"),
        named("C", "missing"),
        named("D", "failed"),
        named(None, "missing", id="some id"),
    ]
    reason = "sqlite missing: no copy is there, but node says 'success'"
    assert why(fleet, "missing", "failed") == (
        "3 of 5 devices not as wished: "
        "D (mysql failed: the last backup failed 2 h ago (Backup failed); the only copy is empty (0 bytes); "
        "sqlite failed: the newest copy has no tables: its rows were in the -wal file, which is not copied), "
        f"C ({reason}), some id ({reason})."
    )


def test_each_status_can_be_one_to_fail_on() -> None:
    for status in STATUSES:
        said = why(list(MEMBERS.values()), status)
        assert said is not None
        assert said.startswith("1 of 7 devices not as wished: ")


def test_of_devices_of_one_name_the_ids_are_told() -> None:
    said = why([named("A", "missing", id="1"), named("A", "ok", id="2"), named("B", "missing", id="3")], "missing")
    assert said is not None
    assert "devices not as wished: A 1 (sqlite" in said
    assert ", B (sqlite" in said


def test_what_stands_in_a_message_is_made_harmless() -> None:
    fleet = [
        named("two\nlines\x1b[2J", "no_data"),
        named("\n\x00", "no_data", id="its\tid"),
        named("caf\udce9", "no_data"),
    ]
    nothing = "no data and no copies are known"
    assert why(fleet, "no_data") == (
        f"3 of 3 devices not as wished: two lines [2J ({nothing}), its id ({nothing}), "
        f"caf\N{REPLACEMENT CHARACTER} ({nothing})."
    )


def test_of_many_devices_the_worst_are_named() -> None:
    fleet = [named(f"S{number}", "missing") for number in range(13)] + [named("W", "failed")]
    said = why(fleet, "failed", "missing")
    assert said is not None
    assert said.startswith("14 of 14 devices not as wished: W (")
    assert said.endswith(" and 2 more.")


def test_a_service_without_an_answer_can_be_one_to_fail_on() -> None:
    services = {"node": UP, "mysql": DOWN}
    assert why([MEMBERS["ok"]], "no_answer", services=services) == (
        "No usable answer from mysql at http://node:8090: no answer within 10 s."
    )
    assert why([MEMBERS["ok"]], "stale", services=services) is None
    said = why([MEMBERS["missing"]], "missing", "no_answer", services=services)
    assert said is not None
    assert said.startswith("1 of 1 device not as wished: ")
    assert said.endswith(" No usable answer from mysql at http://node:8090: no answer within 10 s.")


def test_a_fleet_of_nobody_is_not_as_wished() -> None:
    assert why([], "failed") == "No device is known to any source, so nothing is shown to be as wished."


# ----- the services


def heard(service: str = "node", path: str = "", **more: Any) -> Heard:
    question = Question(service, f"http://{service}{path}", lambda _answer: Facts())
    values: dict[str, Any] = {"facts": Facts(), "error": None, "latency": 0.25, "asked": NOW + 0.75}
    return Heard(question, **{**values, **more})


def test_a_service_that_answered() -> None:
    facts = Facts(current_device=NAME, current_file="x.db")
    assert services_report([heard("rsync", facts=facts, latency=0.12345, offset=-3.5)], {"rsync": "http://rsync"}) == {
        "rsync": {
            "url": "http://rsync",
            "available": True,
            "latency": 0.123,
            "error": None,
            "current_device": NAME,
            "current_file": "x.db",
            "asked": NOW,
            "cached": False,
            "clock_offset": -3.5,
        }
    }


def test_a_service_is_available_when_it_answered_everything() -> None:
    both = [
        heard(path="/devices", latency=0.5, asked=NOW + 2.0, offset=4.0),
        heard(path="/backup/status", facts=None, error="no answer within 10 s", latency=None, offset=-5.0),
    ]
    found = services_report(both, {"node": "http://node"})["node"]
    assert (found["available"], found["error"]) == (False, "http://node/backup/status: no answer within 10 s")
    assert (found["latency"], found["asked"], found["cached"], found["clock_offset"]) == (0.5, NOW, False, -5.0)
    assert (found["current_device"], found["current_file"]) == (None, None)


def test_all_errors_of_a_service_are_told() -> None:
    both = [heard(path=path, facts=None, error=why) for path, why in (("/a", "hangs"), ("/b", "is no JSON"))]
    assert services_report(both, {"node": "http://node"})["node"]["error"] == (
        "http://node/a: hangs; http://node/b: is no JSON"
    )
    one = services_report(both[:1], {"node": "http://node"})["node"]
    assert one["error"] == "hangs"


def test_an_answer_of_which_a_part_was_not_read_is_available_and_has_an_error() -> None:
    said = "1 entry of the answer made no sense and did not count"
    found = services_report([heard(error=said)], {"node": "http://node"})["node"]
    assert (found["available"], found["error"]) == (True, said)


def test_an_answer_from_the_catalogue_took_no_time() -> None:
    found = services_report([heard(latency=None), heard(latency=None)], {"node": "http://node"})["node"]
    assert (found["latency"], found["cached"]) == (None, True)


def test_services_are_told_apart_and_in_their_order() -> None:
    urls = {"rsync": "http://rsync", "node": "http://node"}
    found = services_report([heard("node", facts=None, error="is down"), heard("rsync")], urls)
    assert list(found) == ["rsync", "node"]
    assert [one["available"] for one in found.values()] == [True, False]
    assert services_report([], {}) == {}
