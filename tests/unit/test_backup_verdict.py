# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of one guest: the log's claim, held against what the storage lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import Ended
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_verdict import Evidence, Verdict, verdict
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import parse_job_log
from unit.builders import NOW, a_backup, a_upid, failed_lines, good_lines, job_line

UPID = a_upid(starttime=NOW - 5)
NEW = a_backup(101, ctime=NOW)
VOLID = NEW.volid
CUT = good_lines(101)[:-3]
INTERRUPTED = failed_lines(101, "interrupted by signal")
LOCKED = "; if no backup of it runs, the lock is a stale one: qm unlock or pct unlock on its node removes it"


def _evidence(
    listed: Sequence[Backup] = (), before: Sequence[Backup] = (), unlisted: Mapping[str, str] | None = None
) -> Evidence:
    newest = {backup.vmid: backup for backup in sorted(listed, key=lambda backup: backup.ctime) if backup.vmid}
    return Evidence(
        {backup.volid: backup for backup in listed},
        newest,
        frozenset(backup.volid for backup in before),
        unlisted or {},
    )


def _verdict(
    lines: Sequence[str], exitstatus: str | None = "OK", evidence: Evidence | None = None, **more: Any
) -> Verdict:
    log = parse_job_log([job_line([101, 102]), *lines])
    ended = Ended(UPID, (101, 102), "vault", exitstatus, log, **more)
    return verdict(ended, 101, evidence or _evidence(), 6 * 3600)


def test_a_listed_archive_is_a_backup() -> None:
    extra = ["WARN: low on space", "INFO: exclude disk 'scsi1' 'local:x'"]
    assert _verdict(good_lines(101, more=extra), "WARNINGS: 1", _evidence([NEW])) == Verdict(
        "backed_up", "the archive is listed", NEW, ("low on space",), ("scsi1",), 42, VOLID
    )


def test_what_the_whole_job_warned_of_is_told_of_each_guest() -> None:
    log = parse_job_log(["WARN: of all", job_line([101]), *good_lines(101, more=["WARN: of one"])])
    found = verdict(Ended(UPID, (101,), "vault", "WARNINGS: 2", log), 101, _evidence([NEW]), 60)
    assert (found.result, found.warnings) == ("backed_up", ("of all", "of one"))


@pytest.mark.parametrize(
    ("logged", "result"), [("folder/101-full", "backed_up"), ("/mnt/pve/vault/dump/other.tar", "failed")]
)
def test_a_providers_archive_may_be_listed_under_another_name_a_file_never_is(logged: str, result: str) -> None:
    lines = [line if "archive '" not in line else f"INFO: creating x archive '{logged}'" for line in good_lines(101)]
    assert _verdict(lines, "OK", _evidence([NEW])).result == result
    assert _verdict(lines, "OK", _evidence([NEW], before=[NEW])).result == "failed"


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (_evidence(), f"Proxmox says it is finished, but storage vault does not list {VOLID}"),
        (
            _evidence([a_backup(101, ctime=NOW, size=0)]),
            f"Proxmox says it is finished, but {VOLID} is empty or damaged",
        ),
        (
            _evidence([a_backup(101, ctime=NOW, verified=False)]),
            f"Proxmox says it is finished, but {VOLID} is empty or damaged",
        ),
        (
            _evidence([a_backup(101, ctime=NOW - 1)]),
            f"Proxmox says it is finished, but storage vault does not list {VOLID}",
        ),
        (
            _evidence(unlisted={"vault": "It is not online."}),
            "Proxmox says it is finished, but storage vault cannot be listed: It is not online.",
        ),
    ],
)
def test_a_claim_without_evidence_is_a_failure(evidence: Evidence, reason: str) -> None:
    found = _verdict(good_lines(101), "OK", evidence)
    assert (found.result, found.reason, found.claimed_volid) == ("failed", reason, VOLID)


def test_a_claim_without_a_name_needs_a_new_archive() -> None:
    nameless = [line for line in good_lines(101) if "archive" not in line]
    assert _verdict(nameless, "OK", _evidence([NEW])).result == "backed_up"
    told = _verdict(nameless, "OK", _evidence([NEW], before=[NEW]))
    assert (told.result, told.reason) == (
        "failed",
        "Proxmox says it is finished, but storage vault does not list an archive of it",
    )


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("unable to find VM '101'", "unable to find VM '101'"),
        ("CT is locked (snapshot)", "CT is locked (snapshot)"),
        ("CT is locked (backup)", f"CT is locked (backup){LOCKED}"),
        ("command 'tar cpf - ./ | zstd >x.dat' failed: exit code 2", "exit code 2"),
    ],
)
def test_a_failure_has_its_own_cause(cause: str, reason: str) -> None:
    found = _verdict(failed_lines(101, cause), "job errors")
    assert found == Verdict("failed", reason)


def test_a_failure_after_the_archive_says_that_it_is_there() -> None:
    lines = [*CUT, "ERROR: Backup of VM 101 failed - unable to set protected flag"]
    found = _verdict(lines, "job errors", _evidence([NEW]))
    assert (found.result, found.reason) == ("failed", f"unable to set protected flag; its archive {VOLID} is there")
    assert found.backup == NEW


def test_failed_retention_does_not_undo_a_backup() -> None:
    lines = [*CUT, "ERROR: Backup of VM 101 failed - error pruning backups - check log"]
    assert _verdict(lines, "job errors", _evidence([NEW])) == Verdict(
        "backed_up",
        "the archive is listed",
        NEW,
        ("older backups were not pruned: error pruning backups - check log",),
        (),
        None,
        VOLID,
    )
    assert _verdict(lines, "job errors").result == "failed"


@pytest.mark.parametrize(
    ("more", "result", "reason"),
    [
        ({"exitstatus": "interrupted by signal"}, "cancelled", "the task was cancelled (interrupted by signal)"),
        (
            {"exitstatus": None, "timed_out": True, "cancelled": True},
            "timed_out",
            "it was cancelled when the time was up",
        ),
        (
            {"exitstatus": None, "timed_out": True, "cancelled": True, "interrupted": "it got SIGTERM"},
            "interrupted",
            "it was cancelled when the run was interrupted (it got SIGTERM)",
        ),
    ],
)
def test_a_backup_that_was_cancelled(more: dict[str, Any], result: str, reason: str) -> None:
    found = _verdict(INTERRUPTED, **more)
    assert (found.result, found.reason) == (result, reason)


@pytest.mark.parametrize(
    ("more", "result", "reason"),
    [
        (
            {"exitstatus": None, "timed_out": True},
            "timed_out",
            f"after 6 h the time was up; task {UPID.text} runs on",
        ),
        (
            {"exitstatus": None, "timed_out": True, "cancelled": True},
            "timed_out",
            f"after 6 h the time was up and task {UPID.text} was cancelled",
        ),
        (
            {"exitstatus": None, "timed_out": True, "interrupted": "it got SIGTERM"},
            "interrupted",
            f"the run was interrupted (it got SIGTERM); task {UPID.text} runs on",
        ),
        (
            {"exitstatus": None, "timed_out": True, "cancelled": True, "interrupted": "it got SIGTERM"},
            "interrupted",
            f"the run was interrupted (it got SIGTERM) and task {UPID.text} was cancelled",
        ),
        ({"exitstatus": "interrupted by signal"}, "cancelled", "the task was cancelled (interrupted by signal)"),
        (
            {"exitstatus": "unexpected status"},
            "failed",
            (
                "the task's worker ended in the middle of it without a last word (unexpected status): it was killed "
                "or its node restarted; the guest may still be locked"
            ),
        ),
        ({"exitstatus": "OK"}, "failed", "the task ended (OK) in the middle of it"),
        ({"exitstatus": "got no reply"}, "failed", "the task ended (got no reply) in the middle of it"),
        ({"exitstatus": None, "problem": "Nothing was heard of it."}, "failed", "Nothing was heard of it."),
    ],
)
def test_a_log_that_ends_in_the_middle_of_a_guest(more: dict[str, Any], result: str, reason: str) -> None:
    found = _verdict(CUT, **more)
    assert (found.result, found.reason, found.claimed_volid) == (result, reason, VOLID)


@pytest.mark.parametrize("exitstatus", ["OK", "unexpected status"])
def test_a_listed_archive_is_a_backup_although_the_end_of_the_log_is_missing(exitstatus: str) -> None:
    found = _verdict(CUT, exitstatus, _evidence([NEW]))
    assert (found.result, found.reason) == ("backed_up", "the archive is listed")
    assert found.warnings == (f"the end of the task's log is missing ({exitstatus})",)


OTHER = good_lines(102)


@pytest.mark.parametrize(
    ("lines", "more", "result", "reason"),
    [
        (OTHER, {"exitstatus": "OK"}, "failed", "the task ended (OK) and its log says nothing of it"),
        (OTHER, {"exitstatus": "job errors"}, "failed", "the task ended (job errors) and its log says nothing of it"),
        (OTHER, {"exitstatus": "interrupted by signal"}, "not_started", "the task was cancelled before its turn"),
        (
            failed_lines(102, "interrupted by signal"),
            {"exitstatus": "job errors"},
            "not_started",
            "the task was cancelled before its turn",
        ),
        (
            OTHER,
            {"exitstatus": "unexpected status"},
            "not_started",
            "the task's worker ended before its turn (unexpected status)",
        ),
        ([], {"exitstatus": "unexpected status"}, "failed", "unexpected status"),
        (
            ["ERROR: can't acquire lock '/var/run/vzdump.lock' - got timeout"],
            {"exitstatus": "unexpected status"},
            "failed",
            "can't acquire lock '/var/run/vzdump.lock' - got timeout (unexpected status)",
        ),
        (
            ["TASK ERROR: 403 Permission check failed (/vms/102, VM.Backup)"],
            {"exitstatus": "403 Permission check failed (/vms/102, VM.Backup)"},
            "failed",
            "403 Permission check failed (/vms/102, VM.Backup)",
        ),
        (
            [],
            {"exitstatus": "could not activate storage 'nope': storage 'nope' does not exist"},
            "failed",
            "could not activate storage 'nope': storage 'nope' does not exist",
        ),
        (
            OTHER,
            {"exitstatus": None, "timed_out": True},
            "timed_out",
            f"after 6 h the time was up; task {UPID.text} runs on",
        ),
        (
            OTHER,
            {"exitstatus": None, "timed_out": True, "cancelled": True},
            "timed_out",
            f"after 6 h the time was up and task {UPID.text} was cancelled",
        ),
        (
            OTHER,
            {"exitstatus": None, "timed_out": True, "interrupted": "it got SIGTERM"},
            "interrupted",
            f"the run was interrupted (it got SIGTERM); task {UPID.text} runs on",
        ),
        ([], {"exitstatus": None, "problem": "Nothing was heard of it."}, "failed", "Nothing was heard of it."),
    ],
)
def test_a_guest_of_whom_the_log_says_nothing(lines: list[str], more: dict[str, Any], result: str, reason: str) -> None:
    assert _verdict(lines, **more) == Verdict(result, reason)


@pytest.mark.parametrize("new", [NEW, a_backup(101, ctime=UPID.starttime)])
def test_a_new_archive_is_a_backup_although_the_log_says_nothing(new: Backup) -> None:
    assert _verdict(OTHER, "OK", _evidence([new])) == Verdict(
        "backed_up", "the archive is listed", new, ("the task's log says nothing of it",), (), None, new.volid
    )


@pytest.mark.parametrize(
    "evidence",
    [
        _evidence([NEW], before=[NEW]),
        _evidence([a_backup(101, ctime=UPID.starttime - 1)]),
        _evidence([a_backup(101, ctime=NOW, storage="attic")]),
        _evidence([a_backup(101, ctime=NOW, size=0)]),
    ],
)
def test_an_archive_that_the_task_cannot_have_made_proves_nothing(evidence: Evidence) -> None:
    assert _verdict(OTHER, "OK", evidence).result == "failed"


def test_what_was_finished_before_the_interruption_is_a_backup() -> None:
    more: dict[str, Any] = {"timed_out": True, "cancelled": True, "interrupted": "it got SIGTERM"}
    found = _verdict(good_lines(101), "interrupted by signal", _evidence([NEW]), **more)
    assert (found.result, found.backup) == ("backed_up", NEW)


VOCABULARY = {"backed_up", "failed", "cancelled", "timed_out", "interrupted", "not_started"}
LOGS = st.sampled_from(
    [
        [],
        OTHER,
        CUT,
        INTERRUPTED,
        good_lines(101),
        failed_lines(101),
        [*CUT, "ERROR: Backup of VM 101 failed - error pruning backups - check log"],
        [line for line in good_lines(101) if "archive" not in line],
        failed_lines(102, "interrupted by signal"),
        ["ERROR: can't acquire lock '/var/run/vzdump.lock' - got timeout"],
    ]
)
STATUSES = st.sampled_from(["OK", "WARNINGS: 3", "job errors", "unexpected status", "interrupted by signal", "x", None])
LISTED = st.lists(
    st.builds(
        a_backup,
        vmid=st.sampled_from([101, 102]),
        ctime=st.sampled_from([NOW, NOW - 3600]),
        size=st.sampled_from([0, 5]),
        storage=st.sampled_from(["vault", "attic"]),
        verified=st.sampled_from([None, False]),
    ),
    max_size=3,
)


@settings(max_examples=50)
@given(LOGS, STATUSES, LISTED, st.booleans(), st.sampled_from([None, "", "it got SIGTERM"]), st.booleans())
def test_nothing_is_called_backed_up_without_a_listed_good_archive(
    lines: list[str], status: str | None, listed: list[Backup], before: bool, late: str | None, lost: bool
) -> None:
    evidence = _evidence(listed, listed if before else [])
    problem = "Lost." if lost else None
    found = _verdict(lines, status, evidence, timed_out=late is not None, interrupted=late or "", problem=problem)
    assert found.result != "interrupted" or late
    assert found.result != "timed_out" or late == ""
    assert found.result in VOCABULARY
    assert found.reason or not status
    if found.result == "backed_up":
        assert found.backup is not None
        assert found.backup in listed
        assert found.backup.good()
        assert (found.backup.vmid, found.backup.storage) == (101, "vault")
    if not listed:
        assert found.backup is None
        assert found.result != "backed_up"
