# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From plan and events to the result that a user reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_apply import Outcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    Ended,
    Event,
    ForeignEnded,
    ForeignRunning,
    FoundFresh,
    NothingLocal,
    Skipped,
    Started,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_message import failed
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_rows import guest_rows
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import parse_job_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.orphans import Orphan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_apply import RemovalOutcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Fate, RemovalPlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import Pruning, removed_row
from unit.builders import (
    DAY,
    HOUR,
    NOW,
    a_backup,
    a_guest,
    a_place,
    a_report,
    a_upid,
    an_observation,
    archive_name,
    failed_lines,
    good_lines,
    job_line,
)

WEB1, WEB2 = a_guest(101, "web1"), a_guest(102, "web2")
MAIL, DB1 = a_guest(104, "mail", "pve2"), a_guest(300, "db1", "pve2", "qemu")
DNS = Guest(105, None, "pve3", "lxc")
GUESTS = [WEB1, WEB2, MAIL, DNS, DB1]
BEFORE = [
    a_backup(101, age=31 * HOUR),
    a_backup(101, age=3 * DAY),
    a_backup(102, age=3 * HOUR),
    a_backup(300, age=2 * DAY, guest_type="qemu"),
]
UPID1, UPID2 = a_upid(101, starttime=NOW), a_upid("", "pve2", NOW, pid=77)
OTHERS = a_upid("", "pve1", NOW - 60, pid=12, user="root@pam")
KEYS = ["changed", "guests", "removed", "not_removed", "kept", "tasks", "orphans", "summary", "diff", "warnings", "msg"]


def _report(
    events: Sequence[Event] | None = None,
    backups: Sequence[Backup] = (),
    observation: Observation | None = None,
    unlisted: dict[str, str] | None = None,
    **params: Any,
) -> dict[str, Any]:
    wish = Wish.from_params({"all_guests": True, "max_age": "24h", **params})
    seen = observation or an_observation(GUESTS, BEFORE)
    listed: set[tuple[str, str | None]] = set() if "vault" in (unlisted or {}) else {("vault", None)}
    outcome = None if events is None else Outcome(list(events), list(backups), unlisted or {}, listed)
    return a_report(wish, plan(wish, seen, {}), seen, outcome, 12.345)


def _row(told: dict[str, Any], vmid: int) -> dict[str, Any]:
    return next(dict(row) for row in told["guests"] if row["vmid"] == vmid)


def _ended(vmid: int, lines: Sequence[str], exitstatus: str | None = "OK", **more: Any) -> Ended:
    return Ended(a_upid(vmid), (vmid,), "vault", exitstatus, parse_job_log([job_line([vmid]), *lines]), **more)


def test_check_mode_says_what_would_be_done(snapshot: SnapshotAssertion) -> None:
    assert _report() == snapshot


def test_a_run_with_every_kind_of_end(snapshot: SnapshotAssertion) -> None:
    """101 warns, 102 is fresh, 104 fails, 105 is on a node that refused, 300 is made by another task."""
    old = BEFORE[1].volid
    log1 = parse_job_log(
        [
            job_line([101]),
            *good_lines(
                101,
                more=[
                    "WARN: low on space",
                    "INFO: excluding volume mount point mp1 ('/srv/skip') from backup (disabled)",
                    "INFO: prune older backups with retention: keep-last=1",
                    f"INFO: removing backup '{old}'",
                ],
            ),
        ]
    )
    log2 = parse_job_log([job_line([104]), *failed_lines(104)])
    theirs = parse_job_log([job_line([300]), *good_lines(300, "qemu")])
    new = [a_backup(101, ctime=NOW, size=1987185), a_backup(300, ctime=NOW, guest_type="qemu")]
    events: list[Event] = [
        ForeignEnded(OTHERS, (300,), "vault", "OK", theirs),
        Started(UPID1, (101,), "vault"),
        Started(UPID2, (104,), "vault"),
        Skipped((105,), "Proxmox answered 500 to POST /nodes/pve3/vzdump: no such\n  thing.", failed=True),
        Ended(UPID2, (104,), "vault", "job errors", log2),
        Ended(UPID1, (101,), "vault", "WARNINGS: 1", log1),
    ]
    assert _report(events, [*new, BEFORE[0]]) == snapshot


def test_the_message_of_a_run_where_nobody_got_a_backup(snapshot: SnapshotAssertion) -> None:
    events: list[Event] = [
        Skipped((101,), "the time was up before its turn", timed_out=True),
        NothingLocal("pve2", (104,)),
        Skipped((105,), "it is locked (backup)"),
        _ended(300, failed_lines(300, "interrupted by signal"), "interrupted by signal"),
    ]
    assert _report(events)["msg"] == snapshot


def test_the_keys_are_the_same_whether_it_was_done_or_not() -> None:
    dry, wet = _report(), _report([_ended(101, good_lines(101))], [a_backup(101, ctime=NOW)])
    assert list(dry) == list(wet) == KEYS
    assert [list(row) for row in dry["guests"]] == [list(row) for row in wet["guests"]]
    assert list(dry["summary"]) == list(wet["summary"])


def test_check_mode_changes_when_something_would_be_backed_up() -> None:
    fresh = an_observation([WEB2], BEFORE)
    assert (_report()["changed"], _report(observation=fresh)["changed"]) == (True, False)
    assert _report(observation=fresh)["msg"] == "1 guest: 1 fresh."


def test_a_second_run_changes_nothing() -> None:
    told = _report([], observation=an_observation([WEB2], BEFORE))
    assert (told["changed"], told["tasks"], told["diff"]) == (False, [], {"before": "", "after": ""})
    assert _row(told, 102) == {
        "vmid": 102,
        "name": "web2",
        "node": "pve1",
        "type": "lxc",
        "result": "fresh",
        "volid": BEFORE[2].volid,
        "storage": "vault",
        "size": BEFORE[2].size,
        "ctime": NOW - 3 * HOUR,
        "age": 3 * HOUR,
        "duration": None,
        "warnings": [],
        "excluded_volumes": [],
        "reason": "newest good backup is 3 h old, wanted 24 h",
        "upid": None,
    }


def test_a_task_that_is_not_waited_for_proves_nothing_yet() -> None:
    told = _report([Started(UPID1, (101,), "vault")], wait=False)
    row = _row(told, 101)
    assert (row["result"], row["reason"], row["upid"], row["volid"]) == ("started", "not waited for", UPID1.text, None)
    assert told["tasks"] == [{"upid": UPID1.text, "node": "pve1", "exitstatus": None}]
    assert told["changed"]
    assert told["diff"]["after"] == "101 (web1): a backup being made on vault\n"


@pytest.mark.parametrize(
    ("event", "result", "reason"),
    [
        (Skipped((101,), "why", failed=True), "failed", "why"),
        (Skipped((101,), "why", timed_out=True), "timed_out", "why"),
        (Skipped((101,), "why", interrupted=True), "interrupted", "why"),
        (Skipped((101,), "why"), "not_started", "why"),
        (NothingLocal("pve1", (101,)), "not_started", "it is not on node pve1 any more"),
    ],
)
def test_nothing_was_started(event: Event, result: str, reason: str) -> None:
    told = _report([event])
    assert (_row(told, 101)["result"], _row(told, 101)["reason"]) == (result, reason)
    assert (told["changed"], told["tasks"]) == (False, [])


def test_a_guest_that_nothing_happened_to_was_not_started() -> None:
    assert _row(_report([]), 101)["result"] == "not_started"


THEIRS = parse_job_log([job_line([101]), *good_lines(101)])


def test_a_backup_by_somebody_else_counts_when_it_is_listed() -> None:
    told = _report([ForeignEnded(OTHERS, (101,), "vault", "OK", THEIRS)], [a_backup(101, ctime=NOW)])
    row = _row(told, 101)
    assert (row["result"], row["age"], row["duration"]) == ("waited_for", 12, 42)
    assert row["reason"] == f"task {OTHERS.text} was already backing it up"
    assert (told["changed"], told["tasks"], told["summary"]["waited_for"]) == (False, [], 1)


def test_a_backup_by_somebody_else_that_is_not_listed_is_a_failure() -> None:
    row = _row(_report([ForeignEnded(OTHERS, (101,), "vault", "OK", THEIRS)]), 101)
    assert (row["result"], row["reason"]) == (
        "failed",
        (
            f"task {OTHERS.text} was already backing it up and says it is finished, but storage vault does not list a "
            "good archive of it"
        ),
    )


def test_a_backup_by_somebody_else_where_nobody_can_look_proves_nothing() -> None:
    unlisted = {"attic": "It is not online."}
    row = _row(_report([ForeignEnded(OTHERS, (101,), "attic", "OK", THEIRS)], unlisted=unlisted), 101)
    assert (row["result"], row["volid"], row["reason"]) == (
        "failed",
        None,
        (
            f"task {OTHERS.text} was already backing it up and says it is finished, but storage attic cannot be "
            "listed: It is not online."
        ),
    )


def test_a_backup_that_somebody_made_since_the_plan_is_told_as_it_is() -> None:
    theirs = a_backup(101, ctime=NOW - 60)
    told = _report([FoundFresh((101,), (theirs,))])
    row = _row(told, 101)
    assert (row["result"], row["reason"]) == ("fresh", "somebody has backed it up since the run began")
    assert (row["volid"], row["storage"], row["size"], row["ctime"]) == (
        theirs.volid,
        "vault",
        theirs.size,
        theirs.ctime,
    )
    assert (told["changed"], told["summary"]["fresh"], told["tasks"]) == (False, 2, [])


def test_the_age_is_that_of_the_backup_which_the_result_rests_on() -> None:
    """The old one was 31 hours old; the run took 12 seconds."""
    theirs = a_backup(101, ctime=NOW - 60)
    assert _row(_report([FoundFresh((101,), (theirs,))]), 101)["age"] in (60, 72)
    made = _report([_ended(101, good_lines(101))], [a_backup(101, ctime=NOW)])
    assert _row(made, 101)["age"] == 12


def test_the_newest_archive_is_the_proof_where_the_log_is_silent() -> None:
    new, newer, other = a_backup(101, ctime=NOW + 1), a_backup(101, ctime=NOW + 2), a_backup(102, ctime=NOW + 3)
    nobodys = a_backup(None, ctime=NOW + 4, guest_type=None)
    for listed in ([new, newer, other, nobodys], [nobodys, other, newer, new]):
        row = _row(_report([_ended(101, [])], listed), 101)
        assert (row["result"], row["volid"]) == ("backed_up", newer.volid)
        assert row["warnings"] == ["the task's log says nothing of it"]


def test_a_bad_archive_makes_nothing_younger() -> None:
    told = _report([_ended(101, good_lines(101))], [a_backup(101, ctime=NOW, size=0)])
    assert (_row(told, 101)["result"], _row(told, 101)["age"]) == ("failed", 31 * HOUR)


def test_a_task_that_may_run_is_a_change() -> None:
    told = _report([Skipped((101,), "a task may be it", failed=True, uncertain=True)])
    assert (_row(told, 101)["result"], told["changed"], told["tasks"]) == ("failed", True, [])


def test_a_backup_by_somebody_else_that_is_not_waited_for() -> None:
    told = _report([ForeignRunning(OTHERS, (101,))], wait=False)
    row = _row(told, 101)
    assert (row["result"], row["upid"]) == ("started", OTHERS.text)
    assert row["reason"] == "another task was already backing it up; it is not waited for"
    assert told["tasks"] == []


def test_what_somebody_else_does_is_no_change_of_ours() -> None:
    told = _report([ForeignRunning(OTHERS, (101,))], wait=False)
    assert (told["changed"], told["diff"]) == (False, {"before": "", "after": ""})


def test_a_warning_of_somebody_elses_backup_counts_as_well() -> None:
    log = parse_job_log([job_line([101]), *good_lines(101, more=["WARN: low on space"])])
    events = [ForeignEnded(OTHERS, (101,), "vault", "WARNINGS: 1", log)]
    told = _report(events, [a_backup(101, ctime=NOW)], warnings_as_errors=True)
    assert (_row(told, 101)["result"], _row(told, 101)["reason"]) == ("failed", "it warned: low on space")


def test_warnings_can_count_as_errors_and_the_backup_is_kept() -> None:
    event = _ended(101, good_lines(101, more=["WARN: low on space", "WARN: no network"]), "WARNINGS: 2")
    told = _report([event], [a_backup(101, ctime=NOW)], warnings_as_errors=True)
    row = _row(told, 101)
    assert (row["result"], row["reason"]) == ("failed", "it warned: low on space, no network")
    assert row["volid"] == f"vault:backup/{archive_name(101)}"
    assert failed(told["guests"])
    lenient = _report([event], [a_backup(101, ctime=NOW)])
    assert _row(lenient, 101)["result"] == "backed_up"


def test_a_guest_that_moved_is_told_by_its_last_task() -> None:
    there = a_upid(101, node="pve2", pid=9)
    log = parse_job_log([job_line([101]), *good_lines(101)])
    events: list[Event] = [
        Started(UPID1, (101,), "vault"),
        Ended(UPID1, (101,), "vault", "OK", parse_job_log([job_line([101])])),
        Started(there, (101,), "vault"),
        Ended(there, (101,), "vault", "OK", log),
    ]
    told = _report(events, [a_backup(101, ctime=NOW)])
    row = _row(told, 101)
    assert (row["result"], row["upid"], row["node"]) == ("backed_up", there.text, "pve2")
    assert [task["upid"] for task in told["tasks"]] == [UPID1.text, there.text]


def test_a_task_that_runs_on_has_no_exit_status() -> None:
    told = _report(
        [Started(UPID1, (101,), "vault"), Ended(UPID1, (101,), "vault", None, parse_job_log([]), timed_out=True)]
    )
    assert told["tasks"] == [{"upid": UPID1.text, "node": "pve1", "exitstatus": None}]
    assert _row(told, 101)["result"] == "timed_out"


PRUNED = "vault:backup/vzdump-lxc-101-2026_01_01-00_00_00.tar.zst"
BY_HAND = "vault:backup/vzdump-lxc-101-by-hand.tar.zst"


def _pruning(*volids: str) -> Ended:
    rule = "INFO: prune older backups with retention: keep-last=1"
    return _ended(101, good_lines(101, more=[rule, *(f"INFO: removing backup '{volid}'" for volid in volids)]))


def test_what_is_gone_is_told_with_the_rule_that_took_it() -> None:
    """The listing is the witness; the log knows the rule, but names an archive before it removes it."""
    new = a_backup(101, ctime=NOW)
    gone = removed_row(BEFORE[0], "retention of the storage (keep-last=1)")
    assert _report([_pruning(BEFORE[0].volid)], [new, BEFORE[1]])["removed"] == [gone]
    assert _report([_pruning(BEFORE[0].volid)], [new, *BEFORE])["removed"] == []


def test_what_is_gone_without_a_word_is_told_too() -> None:
    """A backup server's log names none."""
    told = _report([_ended(101, good_lines(101))], [a_backup(101, ctime=NOW), BEFORE[1]])
    assert [(row["volid"], row["why"]) for row in told["removed"]] == [
        (BEFORE[0].volid, "it is gone since the run began: retention of the storage, or somebody else")
    ]


def test_where_nobody_can_look_the_log_is_the_witness() -> None:
    why = "retention of the storage (keep-last=1)"
    told = _report([_pruning(BEFORE[0].volid, PRUNED, BY_HAND)], unlisted={"vault": "It is not online."})
    unseen = {"node": "pve1", "storage": "vault", "ctime": None, "size": None, "why": why}
    assert told["removed"] == [
        removed_row(BEFORE[0], why),
        {"volid": PRUNED, "vmid": 101, **unseen},
        {"volid": BY_HAND, "vmid": None, **unseen},
    ]


def test_backups_of_other_guests_and_storages_are_not_called_removed() -> None:
    elsewhere = a_backup(101, age=DAY, storage="attic")
    seen = an_observation([WEB1, WEB2], [*BEFORE, elsewhere], places=[a_place(), a_place("attic")])
    told = _report([_ended(101, good_lines(101))], [a_backup(101, ctime=NOW), *BEFORE[:2]], seen, max_age=None)
    assert told["removed"] == []


def test_what_a_backup_of_the_same_second_overwrote_is_told() -> None:
    same = a_backup(101, ctime=NOW, size=7)
    seen = an_observation([WEB1], [same])
    told = _report([_ended(101, good_lines(101))], [a_backup(101, ctime=NOW)], observation=seen, max_age=None)
    assert told["removed"] == [removed_row(same, "overwritten by a backup of the same second")]


# ----- with a retention, and after runs that died

GOES, STAYS = Fate(BEFORE[1], "not kept by keep-last=1"), Fate(BEFORE[0], "keep_last: made 2026-11-19 05:26:37")


def _with(pruning: Pruning, events: Sequence[Event] | None = None, **more: Any) -> dict[str, Any]:
    wish = Wish.from_params({"all_guests": True, "max_age": "24h"})
    seen = an_observation([WEB1, WEB2], BEFORE)
    new = a_backup(101, ctime=NOW)
    outcome = None if events is None else Outcome(list(events), [new, *BEFORE], {}, {("vault", None)})
    return a_report(wish, plan(wish, seen, {}), seen, outcome, 1.0, pruning=pruning, **more)


def test_what_the_retention_removed_is_told_beside_what_was_made() -> None:
    removal = a_upid("101@vault", pid=9)
    outcome = RemovalOutcome(removed=[GOES], upids={removal: "OK"})
    pruning = Pruning(RemovalPlan((GOES,), (STAYS,)), outcome, ("a warning",))
    told = _with(pruning, [_ended(101, good_lines(101))])
    assert told["removed"] == [removed_row(BEFORE[1], GOES.why)]
    assert told["kept"] == [removed_row(BEFORE[0], STAYS.why)]
    assert told["not_removed"] == []
    assert [task["upid"] for task in told["tasks"]] == [a_upid(101).text, removal.text]
    assert (told["summary"]["removed"], told["summary"]["bytes_removed"]) == (1, BEFORE[1].size)
    assert told["warnings"] == ["a warning"]
    assert told["msg"] == "2 guests: 1 backed up (2 MiB), 1 fresh. 1 backup removed (2 MiB)."
    old, new = BEFORE[0].volid, f"vault:backup/{archive_name(101)}"
    stays = f"101 (web1): {old}, made 2026-11-19 05:26:37Z, 2 MiB: stays, {STAYS.why}"
    goes = f"101 (web1): {BEFORE[1].volid}, made 2026-11-17 12:26:37Z, 2 MiB: goes, {GOES.why}"
    assert told["diff"] == {
        "before": f"101 (web1): newest good backup {old}, 31 h old\n{stays}\n{goes}\n",
        "after": f"101 (web1): {new}\n{stays}\n",
    }


def test_check_mode_foretells_what_the_retention_removes() -> None:
    told = _with(Pruning(RemovalPlan((GOES,), (STAYS,))))
    assert told["removed"] == [removed_row(BEFORE[1], GOES.why)]
    assert told["msg"] == "2 guests: 1 would be backed up, 1 fresh. 1 backup would be removed (2 MiB)."


def test_a_retention_alone_is_a_change() -> None:
    pruning = Pruning(RemovalPlan((GOES,)), RemovalOutcome(removed=[GOES]))
    assert _with(pruning, [])["changed"]
    assert not _with(Pruning(RemovalPlan((GOES,)), RemovalOutcome(failed=[GOES])), [])["changed"]


def test_a_backup_that_could_not_be_removed_is_told_and_the_guest_has_its_backup() -> None:
    pruning = Pruning(RemovalPlan((GOES,)), RemovalOutcome(failed=[Fate(BEFORE[1], "it broke")]))
    told = _with(pruning, [_ended(101, good_lines(101))])
    assert _row(told, 101)["result"] == "backed_up"
    assert told["not_removed"] == [removed_row(BEFORE[1], "it broke")]
    assert told["msg"] == (
        f"2 guests: 1 backed up (2 MiB), 1 fresh. 1 backup could not be removed. {BEFORE[1].volid}: it broke."
    )


def test_runs_that_died_are_told() -> None:
    orphan = Orphan("20261120T122500Z-0a1b2c3d", 1, "pve1", "vault", (101,), UPID1, running=True)
    told = _with(Pruning(), orphans=[orphan])
    assert told["orphans"] == [orphan.as_result()]
    assert told["msg"] == (
        "2 guests: 1 would be backed up, 1 fresh. An earlier run did not come to its end (20261120T122500Z-0a1b2c3d). "
        f"Of its tasks still ran when this one began: {UPID1.text}."
    )


# ----- what a row rests on


def _proofs(events: Sequence[Event], backups: Sequence[Backup], **params: Any) -> dict[int, Backup]:
    wish = Wish.from_params({"all_guests": True, "max_age": "24h", **params})
    seen = an_observation([WEB1, WEB2], BEFORE)
    outcome = Outcome(list(events), list(backups), {}, {("vault", None)})
    return dict(guest_rows(wish, plan(wish, seen, {}), seen, outcome, 1.0).proofs)


NEW1, FRESH2 = a_backup(101, ctime=NOW), BEFORE[2]


@pytest.mark.parametrize(
    ("events", "backups", "proven"),
    [
        ([], [], {102: FRESH2}),
        ([_ended(101, good_lines(101))], [NEW1], {101: NEW1, 102: FRESH2}),
        ([_ended(101, good_lines(101))], [], {102: FRESH2}),
        ([_ended(101, good_lines(101))], [a_backup(101, ctime=NOW, size=0)], {102: FRESH2}),
        ([_ended(101, failed_lines(101), "job errors")], [NEW1], {102: FRESH2}),
        ([ForeignEnded(OTHERS, (101,), "vault", "OK", THEIRS)], [NEW1], {101: NEW1, 102: FRESH2}),
        ([FoundFresh((101,), (NEW1,))], [], {101: NEW1, 102: FRESH2}),
        ([Started(UPID1, (101,), "vault")], [], {102: FRESH2}),
        ([Skipped((101,), "why")], [], {102: FRESH2}),
    ],
    ids=["nothing", "made", "unlisted", "empty", "failed", "by another", "found", "started", "skipped"],
)
def test_a_guest_is_proven_by_the_backup_that_its_row_rests_on(
    events: list[Event], backups: list[Backup], proven: dict[int, Backup]
) -> None:
    assert _proofs(events, backups) == proven


def test_a_guest_whose_warnings_count_as_errors_is_not_proven() -> None:
    warned = _ended(101, good_lines(101, more=["WARN: low on space"]), "WARNINGS: 1")
    assert _proofs([warned], [NEW1], warnings_as_errors=True) == {102: FRESH2}
    assert _proofs([warned], [NEW1]) == {101: NEW1, 102: FRESH2}
