# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read of a fleet: what needs them on top, aligned, and without anything that a terminal would act on."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.filter.device_table import ORDER, FilterModule, device_table
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.case import Case
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import Claim
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fleet import Member
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import STATUSES
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.report import fleet_report

HOUR = 3600
NOW = 1_795_000_000.0


def a_type(status: str = "ok", age: int | None = None, files: int | None = 0, size: int | None = 0) -> dict[str, Any]:
    """What the table reads of a type."""
    return {"status": status, "age": age, "files": files, "size": size}


def a_row(name: str | None = "CAM_1", status: str = "ok", reason: str = "", **more: Any) -> dict[str, Any]:
    """What the table reads of a device."""
    return {"id": "0a1b", "name": name, "online": True, "status": status, "reason": reason, "types": {}, **more}


def test_a_fleet_at_a_glance() -> None:
    rows = [
        a_row("E_1", types={"mysql": a_type(age=244, files=1, size=2048), "sqlite": a_type("no_data")}, reason="fine"),
        a_row("E_2", "missing", "no copy is there", types={"mysql": a_type("no_data"), "sqlite": a_type("missing")}),
        a_row(None, "unknown", "not seen", online=None, types={"sqlite": a_type("unknown", None, None, None)}),
        a_row(
            "E_4",
            "stale",
            "sqlite stale: wanted 24 h",
            online=False,
            types={"sqlite": a_type("stale", 50 * HOUR, 2, 1024), "mysql": a_type("ok", 9 * HOUR, 1, 1024)},
        ),
    ]
    assert device_table(rows) == [
        "DEVICE  ONLINE  STATUS   MYSQL     SQLITE         FILES  SIZE   REASON",
        "E_2     yes     missing  -         missing        0      0 B    no copy is there",
        "E_4     no      stale    ok 9 h    stale 2 d 2 h  3      2 KiB  sqlite stale: wanted 24 h",
        "0a1b    -       unknown  -         unknown        -      -      not seen",
        "E_1     yes     ok       ok 4 min  -              1      2 KiB  fine",
    ]


def test_what_needs_a_person_is_on_top() -> None:
    table = device_table([a_row(f"{number}", status) for number, status in enumerate(reversed(ORDER))])
    assert [line.split()[2] for line in table[1:]] == [
        "failed", "missing", "stale", "in_progress", "unknown", "no_data", "ok",
    ]  # fmt: skip
    assert set(ORDER) == set(STATUSES), "every word of the module has its place"


def test_within_a_status_the_modules_order_stays() -> None:
    table = device_table([a_row(name) for name in ("b", "a", "c")])
    assert [line.split()[0] for line in table[1:]] == ["b", "a", "c"]


def test_the_rows_of_the_module_fit() -> None:
    """The real report of a device that claims a copy, has none of one type and a good one of another."""
    claim = Claim("007", "sqlite", available=True, status="success", count=1, size=9, source="node")
    copy = Evidence(files=2, size=4096, newest=NOW - 5 * HOUR, root="/r", path="007/a.h264")
    cases = {
        "sqlite": Case("sqlite", Evidence(), (), claim, None, 24 * HOUR, NOW, asked=True),
        "video": Case("video", copy, (), None, None, 24 * HOUR, NOW, asked=True),
    }
    report = fleet_report([Member("007", "E_7", online=True, cases=cases, claims={"sqlite": claim})])
    head, row = device_table(report["devices"])
    assert head.split() == ["DEVICE", "ONLINE", "STATUS", "SQLITE", "VIDEO", "FILES", "SIZE", "REASON"]
    assert row == (
        "E_7     yes     missing  missing  ok 5 h  2      4 KiB  "
        "sqlite missing: no copy is there, but node says 'success'"
    )


def test_types_of_which_nobody_has_anything_take_no_room() -> None:
    rows = [a_row("a", "no_data", types={"mysql": a_type("no_data"), "video": a_type("no_data")})]
    assert device_table(rows)[0].split() == ["DEVICE", "ONLINE", "STATUS", "FILES", "SIZE", "REASON"]


def test_types_of_the_users_own_are_columns() -> None:
    rows = [a_row("a", types={"config": a_type(age=60)}), a_row("b", types={"re\ncording": a_type(age=90)})]
    [head, first, second] = device_table(rows)
    assert head.split()[3:-3] == ["CONFIG", "RE", "CORDING"]
    assert first.split()[3:7] == ["ok", "60", "s", "-"]
    assert second.split()[3:7] == ["-", "ok", "90", "s"]


def test_devices_of_one_name_are_told_apart() -> None:
    table = device_table([a_row("E_1", id="aaaa"), a_row("E_1", id="bbbb"), a_row("E_2", id="cccc")])
    assert [line[:12].rstrip() for line in table[1:]] == ["E_1 (aaaa)", "E_1 (bbbb)", "E_2"]


def test_a_long_reason_stays_on_its_line_and_says_that_it_goes_on() -> None:
    [_head, line] = device_table([a_row("a", reason="the newest copy " * 20)])
    reason = line[line.index("the newest") :]
    assert len(reason) <= 100
    assert reason.endswith(" ...")
    [_head, line] = device_table([a_row("a", reason="x" * 100)])
    assert line.endswith(" " + "x" * 100)


def test_without_rows_there_is_the_heading() -> None:
    assert len(device_table([])) == 1


@pytest.mark.parametrize("rows", ["text", {"devices": []}])
def test_what_is_no_list_is_refused(rows: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="give it the devices of device_backup_status, a list"):
        device_table(rows)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "a"}, 7, None, "row", a_row(status="good"), a_row(online="maybe"), a_row(types={"x": {}}),
        a_row(types=["sqlite"]),
    ],
    ids=str,
)  # fmt: skip
def test_a_row_of_something_else_is_refused(bad: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"a row is not one of device_backup_status \("):
        device_table([bad])


foreign = st.text(min_size=1)


@given(name=foreign, id_=foreign, reason=foreign, kind=foreign)
def test_no_control_character_gets_through(name: str, id_: str, reason: str, kind: str) -> None:
    rows = [a_row(name, id=id_, reason=reason, types={kind: a_type(age=1)}), a_row(None, id=id_), a_row(name)]
    table = device_table(rows)
    assert len(table) == 4
    assert all(line.isprintable() for line in table)


def test_a_name_cannot_make_a_line_of_its_own() -> None:
    [_head, line] = device_table([a_row("a\nE_9  yes  ok\x1b[2J")])
    assert line.startswith("a E_9 yes ok [2J")


def test_it_is_a_filter() -> None:
    assert FilterModule().filters() == {"device_table": device_table}
