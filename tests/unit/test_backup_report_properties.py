# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every result, whatever happened."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
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
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_message import FAILURES
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob, Plan, Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import parse_job_log
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from unit.builders import NOW, a_backup, a_report, a_upid, failed_lines, good_lines, job_line
from unit.strategies import observations

VOCABULARY = {
    "backed_up",
    "fresh",
    "started",
    "waited_for",
    "failed",
    "cancelled",
    "timed_out",
    "interrupted",
    "not_started",
    "would_back_up",
}
MANY = settings(max_examples=25)
WISHES = [
    Wish.from_params({"all_guests": True, "max_age": "24h"}),
    Wish.from_params({"all_guests": True, "warnings_as_errors": True}),
]
Run = tuple[Wish, Plan, Observation, Outcome]


def _since(guest: Guest, storage: str) -> Backup:
    """A backup that somebody has made since the plan."""
    return a_backup(guest.vmid, ctime=NOW - 1, guest_type=guest.type, storage=storage)


@st.composite
def _events_of(draw: st.DrawFn, job: NodeJob) -> list[Event]:
    """What may happen to a job: it is not started, waits for somebody, or has a task with any log and any end."""
    vmids = tuple(guest.vmid for guest in job.guests)
    upid, other = a_upid("", job.node), a_upid("", job.node, pid=5, user="root@pam")
    lines = [job_line(vmids, job.storage)]
    for guest in job.guests:
        ends = [
            good_lines(guest.vmid, guest.type),
            good_lines(guest.vmid, guest.type, more=["WARN: x"]),
            failed_lines(guest.vmid),
            failed_lines(guest.vmid, "interrupted by signal"),
            [],
        ]
        lines += draw(st.sampled_from(ends))
    log = parse_job_log(lines[: draw(st.integers(0, len(lines)))] if draw(st.booleans()) else lines)
    status = draw(st.sampled_from(["OK", "WARNINGS: 1", "job errors", "unexpected status", "interrupted by signal"]))
    started: list[Event] = [Started(upid, vmids, job.storage)]
    kinds: list[list[Event]] = [
        [Skipped(vmids, "refused", failed=True)],
        [Skipped(vmids, "too late", timed_out=True)],
        [Skipped(vmids, "it got SIGTERM", interrupted=True)],
        [Skipped(vmids, "a task may be it", failed=True, uncertain=True)],
        [FoundFresh(vmids, tuple(_since(guest, job.storage) for guest in job.guests))],
        [NothingLocal(job.node, vmids)],
        [ForeignRunning(other, vmids)],
        [ForeignEnded(other, vmids, draw(st.sampled_from([job.storage, None])), status, log)],
        started,
        [*started, Ended(upid, vmids, job.storage, status, log)],
        [*started, Ended(upid, vmids, job.storage, status, log)],
        [*started, Ended(upid, vmids, job.storage, None, log, timed_out=True)],
        [*started, Ended(upid, vmids, job.storage, None, log, timed_out=True, interrupted="it got SIGTERM")],
        [*started, Ended(upid, vmids, job.storage, None, log, problem="Nothing was heard of it.")],
    ]
    return draw(st.sampled_from(kinds))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    wish = draw(st.sampled_from(WISHES))
    seen = draw(observations())
    try:
        planned = plan(wish, seen, {})
    except InputError:
        assume(False)
        raise
    events: list[Event] = []
    made: list[Backup] = []
    for job in planned.jobs:
        events += draw(_events_of(job))
        for guest in job.guests:
            found = a_backup(guest.vmid, ctime=NOW, guest_type=guest.type, storage=job.storage)
            made += draw(
                st.sampled_from([[], [found], [found], [a_backup(guest.vmid, ctime=NOW, size=0, storage=job.storage)]])
            )
    unlisted = draw(st.dictionaries(st.sampled_from(["vault", "local"]), st.just("It is not online."), max_size=1))
    there = [one for one in [*seen.backups, *made] if one.storage not in unlisted]
    listed = {listing.place for listing in seen.listings if listing.storage not in unlisted}
    return wish, planned, seen, Outcome(events, there, unlisted, listed)


def _told(run: Run, check: bool = False) -> dict[str, Any]:
    wish, planned, seen, outcome = run
    return a_report(wish, planned, seen, None if check else outcome, 1.0)


@MANY
@given(runs())
def test_every_guest_has_one_row_with_a_word_that_is_documented(run: Run) -> None:
    told = _told(run)
    assert [row["vmid"] for row in told["guests"]] == [one.guest.vmid for one in run[1].decisions]
    assert {row["result"] for row in told["guests"]} <= VOCABULARY - {"would_back_up"}
    assert all(row["reason"] for row in told["guests"])


@MANY
@given(runs())
def test_nothing_is_called_backed_up_or_fresh_without_a_listed_good_archive(run: Run) -> None:
    wish, _planned, seen, outcome = run
    found = [backup for event in outcome.events if isinstance(event, FoundFresh) for backup in event.backups]
    before = {backup.volid: backup for backup in [*seen.backups, *found]}
    after = {backup.volid: backup for backup in outcome.backups}
    for row in _told(run)["guests"]:
        if row["result"] in ("backed_up", "fresh"):
            evidence = (after if row["result"] == "backed_up" else before)[row["volid"]]
            assert evidence.good()
            assert (evidence.vmid, evidence.storage, evidence.size, evidence.ctime) == (
                row["vmid"],
                row["storage"],
                row["size"],
                row["ctime"],
            )
        if row["result"] == "fresh":
            assert row["volid"] in {backup.volid for backup in found} or wish.max_age is not None
            assert row["age"] == pytest.approx(max(0, NOW - row["ctime"]), abs=1)
        if row["result"] == "backed_up":
            assert row["age"] == 1  # the run took a second
            assert not (wish.warnings_as_errors and row["warnings"])


@MANY
@given(runs())
def test_check_mode_and_a_run_have_the_same_keys_and_agree_on_who_is_left_alone(run: Run) -> None:
    dry, wet = _told(run, check=True), _told(run)
    assert list(dry) == list(wet)
    assert list(dry["summary"]) == list(wet["summary"])
    assert [list(row) for row in dry["guests"]] == [list(row) for row in wet["guests"]]
    for planned, done in zip(dry["guests"], wet["guests"]):
        assert planned["result"] in ("would_back_up", "fresh", "not_started")
        assert planned["result"] == "would_back_up" or planned == done
    assert dry["changed"] is any(row["result"] == "would_back_up" for row in dry["guests"])
    assert (dry["tasks"], dry["removed"]) == ([], [])


@MANY
@given(runs())
def test_the_summary_adds_up(run: Run) -> None:
    for told in (_told(run), _told(run, check=True)):
        counts = told["summary"]
        results = [row["result"] for row in told["guests"]]
        words = ("backed_up", "would_back_up", "waited_for", "started", "fresh")
        assert {word: counts[word] for word in words} == {word: results.count(word) for word in words}
        assert counts["failed"] == sum(result in FAILURES for result in results)
        assert counts["selected"] == len(results) == sum(counts[word] for word in (*words, "failed"))
        assert counts["bytes"] == sum(row["size"] for row in told["guests"] if row["result"] == "backed_up")


@MANY
@given(runs())
def test_the_message_names_each_guest_without_its_backup_with_its_own_cause(run: Run) -> None:
    told = _told(run)
    for row in told["guests"]:
        sentence = f"{row['vmid']} (guest{row['vmid']}): {row['result']}, {row['reason'].rstrip('.')}."
        assert (sentence in told["msg"]) is (row["result"] in FAILURES)
    assert "\n" not in told["msg"]


@MANY
@given(runs())
def test_it_changed_when_a_task_of_ours_was_started(run: Run) -> None:
    told = _told(run)
    started = {event.upid.text for event in run[3].events if isinstance(event, Started)}
    perhaps = any(isinstance(event, Skipped) and event.uncertain for event in run[3].events)
    assert told["changed"] is (bool(started) or perhaps)
    assert {task["upid"] for task in told["tasks"]} == started
    assert told["changed"] or told["diff"] == {"before": "", "after": ""}
