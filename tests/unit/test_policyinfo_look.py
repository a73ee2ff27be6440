# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read for a policy: schedules, disks, ages of guests, drills; and what it means when it can't be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Window
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost, error_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import (
    LISTED,
    MOST,
    Birth,
    born,
    observe_births,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.disks import disks_in, observe_disks
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import Drilled, drilled_guests
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.schedules import (
    MOST_ANSWERS,
    longest_gap,
    merged,
    observe_schedules,
    schedule_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Disk, Schedule
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import ListedTask
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from unit.builders import DAY, HOUR, NOW, PreparedAnswers, a_guest, granted
from unit.drill_builders import a_record
from unit.policyinfo_builders import WEEK, a_job, a_policy, a_tier, judged, runs, seen
from unit.recordings import Exchange

LOST = AnswerLost("No answer came.")
AUDITOR = Permissions(granted(["Sys.Audit"], "/nodes"))


def told(times: range) -> list[dict[str, Any]]:
    """As schedule-analyze does."""
    return [{"timestamp": time, "utc": ""} for time in times]


def test_a_schedule_is_asked_for_once_where_its_runs_show_a_week() -> None:
    answers = PreparedAnswers(told(range(NOW, NOW + 100 * DAY, DAY)))
    found = observe_schedules(answers.client, ["02:30", "02:30"])
    assert found == {"02:30": Schedule(tuple(range(NOW, NOW + 100 * DAY, DAY)))}
    assert answers.parameters == [{"schedule": "02:30", "iterations": 100}]


def test_the_pause_of_a_weekend_is_seen_behind_many_runs() -> None:
    """Every hour on workdays: the first 100 runs, of four days, show no weekend."""
    monday = NOW - NOW % DAY + 3 * DAY
    week = [monday + HOUR * hour for hour in range(5 * 24)]
    both = [*week, *(time + WEEK for time in week)]
    answers = PreparedAnswers(
        [{"timestamp": time} for time in both[:100]], [{"timestamp": time} for time in both[100:200]]
    )
    found = observe_schedules(answers.client, ["mon..fri *:00"])["mon..fri *:00"]
    assert longest_gap(found.times[:100], HOUR) == HOUR
    assert longest_gap(found.times, HOUR) == 49 * HOUR
    assert answers.parameters[1]["starttime"] == both[99]


def test_a_schedule_that_runs_too_often_to_be_known_is_not_judged() -> None:
    answers = PreparedAnswers(
        *(told(range(NOW + 6000 * number, NOW + 6000 * number + 6000, 60)) for number in range(MOST_ANSWERS))
    )
    found = observe_schedules(answers.client, ["*:*"])["*:*"]
    assert found.unread == "it runs so often that 1200 runs show less than a week"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([], Schedule()),
        (LOST, Schedule(unread="No answer came")),
        ("nonsense", Schedule(unread="The runs of a schedule are no list: check api_host and api_port")),
        (
            error_of(
                "GET", "x", 400, "Parameter verification failed.", "", {"schedule": "invalid format - no event\n"}
            ),
            Schedule(problem="no event"),
        ),
        (
            error_of("GET", "x", 500, "broken", "", {}),
            Schedule(unread="Proxmox answered 500 to GET x: broken"),
        ),
    ],
)
def test_answers_about_a_schedule(answer: object, found: Schedule) -> None:
    assert observe_schedules(PreparedAnswers(answer).client, ["x"]) == {"x": found}


def test_the_schedule_of_a_tier() -> None:
    assert schedule_of(a_tier(schedule="sat 01:00")) == "sat 01:00"
    assert schedule_of(a_tier(schedule=None, window=Window(65, 300))) == "01:05"


def test_runs_of_several_jobs_count_as_long_as_all_are_known() -> None:
    often, seldom = runs(HOUR), runs(DAY, 10)
    both = merged([often, seldom])
    assert both[-1] == often.times[-1]
    assert merged([seldom, runs(WEEK, 3)])[-1] == runs(WEEK, 3).times[-1]
    assert merged([Schedule()]) == ()


def test_one_run_has_no_gap() -> None:
    assert longest_gap([NOW], DAY) is None
    assert longest_gap([NOW, NOW + 7], DAY) == 7


def test_disks_as_recorded(recorded: list[Exchange]) -> None:
    (answer,) = [
        one.body["data"]
        for one in recorded
        if one.path.endswith("nightly/included_volumes") and one.source == "09_backup_jobs.txt"
    ]
    found = disks_in(answer)
    assert found is not None
    assert sorted(found) == [101, 102, 103, 104, 105]
    assert found[103][2] == Disk("mp1", "local:103/subvol-103-disk-2.subvol", False, "disabled")
    assert found[103][2].storage == "local"


@pytest.mark.parametrize("answer", [None, [], {}, {"children": None}, "x"])
def test_what_is_no_tree_of_disks(answer: object) -> None:
    assert disks_in(answer) is None


def test_a_disk_for_efi_variables_that_nobody_uses_is_no_loss() -> None:
    entry = {"id": "300:efidisk0", "name": "a:b", "included": 0, "reason": "efidisk but no OMVF BIOS"}
    folder = {"id": "300:mp0", "name": "/srv", "included": 0, "reason": "not a volume"}
    found = disks_in({"children": [{"id": 300, "children": [entry, folder]}, {"id": 301}, "x"]})
    assert found is not None
    assert [disk.included for disk in found[300]] == [True, False]
    assert [disk.storage for disk in found[300]] == ["a", None]
    assert found[301] == ()


def test_disks_of_a_job_that_cannot_be_read() -> None:
    answers = PreparedAnswers(LOST)
    assert observe_disks(answers.client, [a_job("a/b")]) == ({}, {"a/b": "No answer came."})
    assert answers.asked == ["GET cluster/backup/a%2Fb/included_volumes"]
    strange = observe_disks(PreparedAnswers("x").client, [a_job("a")])
    assert strange == ({}, {"a": "What job a takes in is not told as a tree."})


def a_task(kind: str, age: int, status: str | None = "OK") -> ListedTask:
    upid = Upid.parse(f"UPID:pve1:0000AAAA:0002E9FF:{NOW - age:08X}:{kind}:101:root@pam:")
    assert upid is not None
    return ListedTask(upid, status is None, status, None if status is None else NOW)


@pytest.mark.parametrize(
    ("tasks", "found"),
    [
        ([a_task("vzcreate", HOUR)], NOW - HOUR),
        ([a_task("vzstart", HOUR), a_task("vzcreate", 2 * HOUR, "WARNINGS: 1")], NOW - 2 * HOUR),
        ([a_task("vzcreate", HOUR, "no space left")], None),
        ([a_task("vzcreate", HOUR, None)], None),
        ([a_task("vzcreate", HOUR), a_task("vzstop", 2 * DAY)], None),
        ([a_task("qmclone", HOUR)], None),
        ([a_task("vzcreate", HOUR)] * LISTED, None),
        ([], None),
    ],
)
def test_when_a_guest_was_made_by_its_tasks(tasks: list[ListedTask], found: int | None) -> None:
    assert born(tasks, NOW - DAY) == found


def births(guest: Any, *answers: object, permissions: Permissions = AUDITOR) -> tuple[dict[int, Birth], list[str]]:
    prepared = PreparedAnswers(*answers)
    found = observe_births(prepared.client, judged(a_policy(), seen([guest])), permissions, DAY)
    return dict(found), prepared.asked


VM = a_guest(300, "db1", kind="qemu")
META = {"meta": f"creation-qemu=9.0.2,ctime={NOW - HOUR}"}
OLD = {"meta": f"creation-qemu=9.0.2,ctime={NOW - 9 * DAY}"}


def test_a_machine_tells_its_age_itself() -> None:
    assert births(VM, META) == ({300: Birth(NOW - HOUR)}, ["GET nodes/pve1/qemu/300/config"])


def test_a_container_and_a_copy_are_as_old_as_their_tasks_say() -> None:
    task = {"upid": a_task("vzcreate", HOUR).upid.text, "endtime": NOW, "status": "OK"}
    assert births(a_guest(101), {}, [task])[0] == {101: Birth(NOW - HOUR)}
    assert births(VM, OLD, [])[0] == {300: Birth(None)}
    assert births(VM, OLD, LOST)[0] == {300: Birth(None)}


def test_tasks_of_others_are_not_shown_to_everybody_and_then_prove_nothing() -> None:
    found, asked = births(a_guest(101), META, permissions=Permissions({}))
    assert found == {101: Birth(None)}
    assert asked == ["GET nodes/pve1/lxc/101/config"]


@pytest.mark.parametrize(
    ("answer", "why"), [(LOST, "No answer came."), ("x", "The configuration of guest 101 is none.")]
)
def test_a_configuration_that_cannot_be_read(answer: object, why: str) -> None:
    assert births(a_guest(101), answer)[0] == {101: Birth(unread=why)}


def test_only_so_many_guests_are_asked_about() -> None:
    prepared = PreparedAnswers(*[META] * MOST)
    guests = [a_guest(vmid, kind="qemu") for vmid in range(100, 100 + MOST + 5)]
    found = observe_births(prepared.client, judged(a_policy(), seen(guests)), AUDITOR, DAY)
    assert len(found) == MOST


def test_the_last_drills_of_a_guest() -> None:
    records = [
        a_record(age=3 * DAY, seconds={"restore": 60, "boot": 12.5, "checks": None}),
        a_record(age=DAY, verdict="failed", reason="no canary"),
        a_record(age=5 * DAY),
        a_record(age=HOUR, verdict="not_run"),
        a_record(102, age=-HOUR),
    ]
    expected = {
        (101, "lxc"): Drilled(NOW - DAY, "failed", "no canary", NOW - 3 * DAY, 72.5),
        (102, "lxc"): Drilled(NOW, "passed", "", NOW, 103.7),
    }
    assert drilled_guests(records, NOW) == expected
    assert drilled_guests(reversed(records), NOW) == expected


def test_a_drill_of_a_wrong_clock_proves_nothing() -> None:
    assert drilled_guests([a_record(age=-2 * DAY)], NOW) == {(101, "lxc"): Drilled()}


@pytest.mark.parametrize(
    "seconds",
    [None, {}, {"restore": 1}, {"restore": True, "boot": 1}, {"restore": "1", "boot": 1}, {"restore": -1, "boot": 1}],
)
def test_a_drill_without_times_was_not_measured(seconds: object) -> None:
    (found,) = list(drilled_guests([a_record(seconds=seconds)], NOW).values())
    assert (found.passed_at, found.seconds) == (NOW, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["vmid", "type"]), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["guest", "at", "verdict", "seconds", "reason"]), JSON))
def test_any_record_is_read_without_an_error(more: dict[str, Any]) -> None:
    drilled_guests([a_record(), a_record(**more)], NOW)
