# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of restores: asked for once, found again, waited for; and what their end means."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import Journal
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    TimedOut,
    error_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.guest_tasks import TaskEnd
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import (
    Attempt,
    JournalNotes,
    Progress,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_tasks import (
    Job,
    StepFailed,
    StillRunning,
    archive_name,
    begin_task,
    cause,
    ended,
    found_again,
    told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.site import Site, Steps
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from unit.builders import NOW, TOKEN, FakeClock, PreparedAnswers
from unit.recordings import Exchange

ARCHIVE = "vzdump-lxc-101-2026_11_20-12_26_37.tar.zst"
JOB = Job("restoring", "pve1", "vzrestore", 101, ARCHIVE)


def a_task(pid: int = 0x519, kind: str = "vzrestore", user: str = TOKEN, starttime: int = NOW) -> Upid:
    found = Upid.parse(f"UPID:pve1:{pid:08X}:00032CAA:{starttime:08X}:{kind}:101:{user}:")
    assert found is not None
    return found


OLD, NEW = a_task(1), a_task(2)


def listed(*tasks: Upid) -> list[dict[str, Any]]:
    return [{"upid": task.text} for task in tasks]


def log(*lines: str) -> list[dict[str, Any]]:
    return [{"n": number, "t": line} for number, line in enumerate(lines, start=1)]


def failure(status: int, reason: str = "no") -> ApiError:
    return error_of("POST", "nodes/pve1/lxc", status, reason, "", {})


def a_site(folder: Path, prepared: PreparedAnswers, time: FakeClock, ahead: float = 0.0) -> Site:
    """A restore that has been planned, with a node whose clock is ``ahead`` of the controller's."""
    notes = JournalNotes.fresh(Journal(folder, {}), time.clock)
    notes.note("plan", vmid=101, node="pve1", type="lxc", volid=f"vault:backup/{ARCHIVE}")
    clock = time.clock
    return Site(
        prepared.client, clock, notes, Steps(clock), 3600, Deadline.after(clock, 3600), {"pve1": ahead}.__getitem__
    )


class Begin:
    """A task that is asked for, with the answers before and after it, and what was noted."""

    def __init__(self, folder: Path, before: list[dict[str, Any]], answer: object, *after: object) -> None:
        self.time = FakeClock()
        self.prepared = PreparedAnswers(before, answer, *after)
        self.site = a_site(folder, self.prepared, self.time)

    def __call__(self) -> Upid:
        def post() -> Any:
            return self.site.client.post("nodes/pve1/lxc", vmid=101)

        return self.site.steps.take("restore", lambda: begin_task(self.site, JOB, post, old="print"))

    @property
    def progress(self) -> Progress:
        return self.site.notes.progress()

    @property
    def attempt(self) -> Attempt:
        found = self.progress.restoring
        assert found is not None
        return found


# ----- asked for once


def test_a_task_is_noted_before_it_is_asked_for_and_after(tmp_path: Path) -> None:
    begin = Begin(tmp_path, listed(OLD), NEW.text)
    assert begin() == NEW
    assert begin.prepared.asked == ["GET nodes/pve1/tasks", "POST nodes/pve1/lxc"]
    assert begin.prepared.parameters[0] == {"source": "all", "limit": 200, "vmid": 101}
    assert begin.attempt == Attempt(101, float(NOW), frozenset({OLD.text}), NEW, asked=float(NOW))
    assert begin.progress.old == "print"
    assert begin.site.steps.rows[0]["upid"] == NEW.text


def test_what_is_refused_is_over(tmp_path: Path) -> None:
    begin = Begin(tmp_path, [], failure(500, "CT 101 already exists"))
    with pytest.raises(ApiError) as caught:
        begin()
    assert caught.value.text == "CT 101 already exists"
    assert begin.attempt == Attempt(101, float(NOW), frozenset(), None, True, asked=float(NOW))
    assert len(begin.prepared.asked) == 2


LOST = [AnswerLost("The connection broke."), BadAnswer("No JSON."), failure(502), failure(595), "OK", None, 5]


@pytest.mark.parametrize("lost", [*LOST, TimedOut("No answer within 10 s.")])
def test_without_its_answer_it_is_looked_for_and_not_asked_for_again(tmp_path: Path, lost: object) -> None:
    others = listed(OLD, a_task(3, user="somebody@pve"))
    begin = Begin(tmp_path, listed(OLD), lost, others, [*others, *listed(NEW)], log(f"restoring {ARCHIVE}"))
    assert begin() == NEW
    assert begin.prepared.asked == [
        "GET nodes/pve1/tasks",
        "POST nodes/pve1/lxc",
        *["GET nodes/pve1/tasks"] * 2,
        f"GET nodes/pve1/tasks/{NEW.text}/log",
    ]
    assert begin.prepared.parameters[2]["typefilter"] == "vzrestore"
    assert begin.time.slept == [0.5, 1.0]
    assert begin.attempt.upid == NEW


@pytest.mark.parametrize(
    ("lost", "message", "seconds"),
    [
        (AnswerLost("The connection broke."), "The connection broke, and no task for it is there", 3),
        ("OK", "The answer is not a task: 'OK', and no task for it is there", 3),
        (TimedOut("No answer."), "No answer, and no task for it is there", 67),
        (
            failure(503, "busy"),
            "Proxmox answered 503 to POST nodes/pve1/lxc: busy, and no task for it is there",
            67,
        ),
    ],
)
def test_what_was_never_started_is_over(tmp_path: Path, lost: object, message: str, seconds: int) -> None:
    begin = Begin(tmp_path, listed(OLD), lost, *[listed(OLD)] * 30)
    with pytest.raises(StepFailed) as caught:
        begin()
    assert caught.value.message == message
    assert begin.attempt.over
    assert sum(begin.time.slept) == seconds


# ----- found again


def again(folder: Path, attempt: Attempt, *answers: object, **more: Any) -> Upid | None:
    time = FakeClock()
    site = a_site(folder, PreparedAnswers(*answers), time)
    return found_again(site, attempt, "pve1", "vzrestore", more.pop("mark", ""), **more)


@pytest.mark.parametrize(
    ("age", "slept"), [(0.0, [0.5, 1.0, 1.5]), (64.0, [0.5, 1.0, 1.5]), (65.0, [0.0]), (-5.0, [0.0])]
)
def test_a_task_that_may_only_just_have_begun_is_looked_for_longer(
    tmp_path: Path, age: float, slept: list[float]
) -> None:
    time, prepared = FakeClock(), PreparedAnswers(*[listed(OLD)] * 3)
    attempt = Attempt(101, NOW - age, frozenset({OLD.text}))
    assert found_again(a_site(tmp_path, prepared, time), attempt, "pve1", "vzrestore", ARCHIVE) is None
    assert time.slept == slept


def test_a_task_of_a_run_that_died_is_the_one_that_was_not_there_before(tmp_path: Path) -> None:
    attempt = Attempt(101, float(NOW), frozenset({OLD.text}), asked=float(NOW))
    assert again(tmp_path, attempt, listed(OLD, NEW)) == NEW


def test_a_task_that_was_noted_need_not_be_looked_for(tmp_path: Path) -> None:
    assert again(tmp_path, Attempt(101, 0.0, frozenset(), NEW)) == NEW


@pytest.mark.parametrize(("after", "found"), [(-6, False), (-5, True), (0, True), (65, True), (66, False)])
@pytest.mark.parametrize("ahead", [0, 7200, -7200])
def test_a_task_began_about_when_it_was_asked_for_by_its_nodes_clock(
    tmp_path: Path, after: int, found: bool, ahead: int
) -> None:
    attempt = Attempt(101, NOW - 5000.0, frozenset(), asked=NOW - 5000.0 + ahead)
    task = a_task(starttime=NOW - 5000 + ahead + after)
    assert again(tmp_path, attempt, listed(task)) == (task if found else None)


def test_a_task_that_may_wait_longer_is_found_later(tmp_path: Path) -> None:
    attempt = Attempt(101, NOW - 5000.0, frozenset(), asked=NOW - 5000.0)
    task = a_task(starttime=NOW - 5000 + 600)
    assert again(tmp_path, attempt, listed(task)) is None
    assert again(tmp_path, attempt, listed(task), within=600.0) == task


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([f"restoring 'vault:backup/{ARCHIVE}' now.."], True),
        (["restoring 'vault:backup/vzdump-lxc-101-2026_11_19-12_26_37.tar.zst' now.."], False),
        (["restore proxmox backup image: ct/101/2026-11-19T12:26:37Z"], False),
        (["INFO: starting new backup job: vzdump 101"], False),
        (["no content"], True),
        ([], True),
        (["some words"], True),
    ],
)
def test_a_task_whose_log_speaks_of_something_else_is_another_one(
    tmp_path: Path, lines: list[str], found: bool
) -> None:
    attempt = Attempt(101, float(NOW) - 999, frozenset(), asked=float(NOW) - 999)
    task = a_task(starttime=NOW - 999)
    assert again(tmp_path, attempt, listed(task), log(*lines), mark=ARCHIVE) == (task if found else None)


@pytest.mark.parametrize(
    ("volid", "name"),
    [
        (f"vault:backup/{ARCHIVE}", ARCHIVE),
        ("pbs:backup/ct/101/2026-11-20T12:26:37Z", "ct/101/2026-11-20T12:26:37Z"),
    ],
)
def test_logs_call_a_backup_by_its_name_without_the_storage(volid: str, name: str) -> None:
    assert archive_name(volid) == name


# ----- waited for


def test_the_end_is_waited_for() -> None:
    time = FakeClock()
    prepared = PreparedAnswers({"status": "running"}, {"status": "stopped", "exitstatus": "WARNINGS: 1"})
    end = ended(prepared.client, time.clock, NEW, Deadline.after(time.clock, 60))
    assert (end.upid, end.exitstatus, end.good) == (NEW, "WARNINGS: 1", True)
    assert end.seconds == pytest.approx(sum(time.slept), abs=1e-6)


def test_a_task_that_does_not_end_in_time_still_runs() -> None:
    time = FakeClock()
    prepared = PreparedAnswers(*[{"status": "running"}] * 99)
    with pytest.raises(StillRunning) as caught:
        ended(prepared.client, time.clock, NEW, Deadline.after(time.clock, 60))
    assert caught.value.message == f"task {NEW.text} has not ended"
    assert sum(time.slept) == pytest.approx(60, abs=1e-3)


def test_a_task_that_nobody_knows_any_more_has_ended_somehow() -> None:
    time = FakeClock()
    gone = error_of("GET", "x", 400, "Parameter verification failed.", "", {"upid": "no such task"})
    end = ended(PreparedAnswers(gone).client, time.clock, NEW, Deadline.after(time.clock, 60))
    assert (end.exitstatus, end.good) == ("its end is not known any more", False)
    other = error_of("GET", "x", 400, "Parameter verification failed.", "", {"upid": "value does not look like one"})
    with pytest.raises(ApiError):
        ended(PreparedAnswers(other).client, time.clock, NEW, Deadline.after(time.clock, 60))


def test_a_task_whose_node_is_lost_may_still_run() -> None:
    time = FakeClock()
    prepared = PreparedAnswers(*[AnswerLost("Nobody answers.")] * 999)
    with pytest.raises(StillRunning) as caught:
        ended(prepared.client, time.clock, NEW, Deadline.after(time.clock, 9999))
    assert caught.value.message == f"Nothing was heard of task {NEW.text} for 10 min: Nobody answers"


# ----- what it means


def test_why_a_task_failed_is_told_with_what_its_log_complains_of() -> None:
    end = TaskEnd(NEW, "unable to restore CT 101 - exit code 2", 1.0)
    prepared = PreparedAnswers([{"n": 2, "t": "tar: Unexpected EOF"}, {"n": 1, "t": "restoring"}])
    assert told(prepared.client, end) == "exit code 2 (tar: Unexpected EOF)"
    assert told(PreparedAnswers(AnswerLost("Nobody answers.")).client, end) == "exit code 2"
    assert told(PreparedAnswers([]).client, TaskEnd(NEW, None, 1.0)) == ""


RECORDED = {
    "vzrestore:208": "volume 'local:backup/vzdump-lxc-101-2020_01_01-00_00_00.tar.zst' does not exist",
    "vzrestore:210": "exit code 2 (tar: Unexpected EOF in archive)",
    "vzrestore:201": "exit code 2 (tar: Unexpected EOF in archive)",
    "vzrestore:211": "ERROR: archive contains no configuration file (zstd: /*stdin*\\: unsupported format)",
    "vzrestore:213": "403 Permission check failed (/, Sys.Modify)",
    "vzrestore:216": "403 Permission check failed (/, Sys.Modify)",
    "qmrestore:406": "storage 'nope' does not exist",
    "qmrestore:301": ("no sdn vnet ID specified", "vm is running"),
    "qmrestore:409": "no sdn vnet ID specified",
    "qmrestore:411": "live-restore is only compatible with backup images from a Proxmox Backup Server",
    "qmrestore:412": (
        "got timeout reading VMA header - corrupted? (Could not extract backed up config: Failed to extract config "
        "from VMA archive: zstd: /var/lib/vz/dump/vzdump-qemu-301-2021_02_01-00_00_00.vma.zst: unsupported format)"
    ),
}
"""By type and id of the task."""


def test_every_recorded_restore_that_failed_is_told_by_its_cause(recorded: list[Exchange]) -> None:
    ends: dict[str, str] = {}
    logs: dict[str, list[str]] = {}
    for one in recorded:
        parts = unquote(one.path).split("/")
        if one.status != 200 or "restore:" not in one.path:
            continue
        if parts[-1] == "status" and one.body["data"].get("exitstatus"):
            ends[parts[4]] = one.body["data"]["exitstatus"]
        if parts[-1].startswith("log"):
            logs[parts[4]] = [entry["t"] for entry in sorted(one.body["data"], key=lambda entry: int(entry["n"]))]
    failed = {text: exitstatus for text, exitstatus in ends.items() if exitstatus != "OK"}
    assert len(failed) >= 16
    seen = set()
    for text, exitstatus in failed.items():
        upid = Upid.parse(text)
        assert upid is not None
        name = f"{upid.type}:{upid.id}"
        seen.add(name)
        wanted = RECORDED[name]
        assert cause(exitstatus, logs[text]) in ((wanted,) if isinstance(wanted, str) else wanted), text
    assert seen == set(RECORDED)


@pytest.mark.parametrize(
    ("exitstatus", "lines", "words"),
    [
        ("unexpected status", [], "unexpected status"),
        ("", ["no space left on device"], " (no space left on device)"),
        ("it failed.", [], "it failed"),
        ("a\n  b", [], "a b"),
        ("command 'x | 'y'' failed: exit code 1", ["write  error:   No space"], "exit code 1 (write error: No space)"),
        ("exit code 1", ["first error", "later error"], "exit code 1 (later error)"),
        ("first error", ["first error", "progress 12% (error)", "TASK ERROR: first error"], "first error"),
        ("exit code 1", ["all is well", "INFO:  12% error", "tar: Exiting with failure status"], "exit code 1"),
    ],
)
def test_the_cause_is_the_end_and_the_last_line_that_tells_of_trouble(
    exitstatus: str, lines: list[str], words: str
) -> None:
    assert cause(exitstatus, lines) == words


@given(st.text(max_size=60), st.lists(st.text(max_size=40), max_size=5))
def test_any_end_and_any_log_have_a_cause_on_one_line(exitstatus: str, lines: list[str]) -> None:
    found = cause(exitstatus, lines)
    assert len(found.splitlines()) <= 1


# ----- the steps of a restore


def test_every_step_is_listed_with_its_time_whether_it_succeeds_or_not() -> None:
    time = FakeClock()
    steps = Steps(time.clock)

    def work() -> TaskEnd:
        time.time += 2.26
        return TaskEnd(NEW, "OK", 2.2)

    def fail() -> None:
        time.time += 1
        raise StepFailed("no")

    assert steps.take("restore", work).upid == NEW
    with pytest.raises(StepFailed):
        steps.take("check", fail)
    assert steps.rows == [
        {"step": "restore", "result": "ok", "seconds": 2.3, "upid": NEW.text},
        {"step": "check", "result": "failed", "seconds": 1.0, "upid": None},
    ]
    steps.name_task(OLD.text)
    assert [row["upid"] for row in steps.rows] == [NEW.text, OLD.text]
