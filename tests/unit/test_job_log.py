# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The log of a backup task: lines as recorded (04, 05, 10, 11)."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import (
    GuestLog,
    JobCommand,
    JobLog,
    parse_command,
    parse_job_log,
)
from unit.builders import archive_name, failed_lines, good_lines, job_line

DUMP = "/mnt/pve/vault/dump/"
TAR = (
    "command 'set -o pipefail && tar cpf - --totals --one-file-system -p --sparse --numeric-owner --acls --xattrs "
    "'--xattrs-include=user.*' '--directory=/var/lib/vz/dump/x.tmp' ./etc/vzdump/pct.conf ./ | zstd --threads=1 "
    ">x.dat' failed: "
)


def test_a_guest_that_was_backed_up() -> None:
    log = parse_job_log([job_line([101]), *good_lines(101), "INFO: Backup job finished successfully", "TASK OK"])
    assert log == JobLog(
        JobCommand(frozenset({101}), False, frozenset(), None, "vault"),
        {101: GuestLog(101, started=True, archive=DUMP + archive_name(101), seconds=42, finished=True)},
    )


def test_several_guests_each_with_its_own_end() -> None:
    lines = [
        job_line([101, 105, 300, 999]),
        *good_lines(101, took="01:02:03"),
        *failed_lines(105),
        *good_lines(300, "qemu", took="100:00:00"),
        "ERROR: Backup of VM 999 failed - unable to find VM '999'",
        "INFO: Failed at 2026-11-20 12:27:27",
        "INFO: Backup job finished with errors",
        "TASK ERROR: job errors",
    ]
    guests = parse_job_log(lines).guests
    assert {vmid: (part.started, part.finished, part.seconds, part.error) for vmid, part in guests.items()} == {
        101: (True, True, 3723, None),
        105: (True, False, None, "CT is locked (backup)"),
        300: (True, True, 360_000, None),
        999: (False, False, None, "unable to find VM '999'"),
    }


@pytest.mark.parametrize(
    ("line", "archive", "volid"),
    [
        (
            "INFO: creating vzdump archive '/var/lib/vz2/dump/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst'",
            "/var/lib/vz2/dump/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst",
            "store:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst",
        ),
        (
            "INFO: creating Proxmox Backup Server archive 'ct/101/2026-11-20T12:26:37Z'",
            "ct/101/2026-11-20T12:26:37Z",
            "store:backup/ct/101/2026-11-20T12:26:37Z",
        ),
        ("INFO: creating archive '/x/a b.tar'", "/x/a b.tar", "store:backup/a b.tar"),
        (
            "INFO: creating Provider archive 'some/folder/101-full'",
            "some/folder/101-full",
            "store:backup/some/folder/101-full",
        ),
    ],
)
def test_the_archive_is_named_as_the_storage_will_list_it(line: str, archive: str, volid: str) -> None:
    part = parse_job_log(["INFO: Starting Backup of VM 101 (lxc)", line]).guests[101]
    assert (part.archive, part.volid("store")) == (archive, volid)


def test_without_an_archive_there_is_no_volid() -> None:
    assert GuestLog(101).volid("store") is None


def test_an_archive_that_belongs_to_no_guest_is_not_given_to_one() -> None:
    log = parse_job_log([*good_lines(101), "INFO: creating vzdump archive '/x/other.tar'"])
    assert log.guests[101].archive == DUMP + archive_name(101)


def test_what_retention_removed_with_its_rule() -> None:
    lines = good_lines(
        101,
        more=[
            "INFO: prune older backups with retention: keep-daily=3, keep-last=2",
            "INFO: removing backup 'vault:backup/vzdump-lxc-101-2026_11_01-12_00_00.tar.zst'",
            "INFO: removing backup 'vault:backup/vzdump-lxc-101-2026_11_02-12_00_00.tar.zst'",
            "INFO: pruned 2 backup(s) not covered by keep-retention policy",
        ],
    )
    assert parse_job_log(lines).removed == [
        ("vault:backup/vzdump-lxc-101-2026_11_01-12_00_00.tar.zst", "keep-daily=3, keep-last=2"),
        ("vault:backup/vzdump-lxc-101-2026_11_02-12_00_00.tar.zst", "keep-daily=3, keep-last=2"),
    ]


def test_warnings_belong_to_the_guest_they_come_up_at() -> None:
    freeze = "ERROR: VM 301 qmp command 'guest-fsfreeze-freeze' failed - got timeout"
    log = parse_job_log(
        [
            "WARN: before any guest",
            job_line([301]),
            *good_lines(301, "qemu", more=["WARN: Interface 'tap301i0' not attached to any bridge.", freeze]),
            "ERROR: could not upload its log",
        ]
    )
    assert log.guests[301].warnings == [
        "Interface 'tap301i0' not attached to any bridge.",
        "VM 301 qmp command 'guest-fsfreeze-freeze' failed - got timeout",
        "could not upload its log",
    ]
    assert log.warnings == ["before any guest"]
    assert log.guests[301].finished
    assert log.guests[301].error is None


def test_volumes_that_are_left_out() -> None:
    lines = [
        "INFO: Starting Backup of VM 103 (lxc)",
        "INFO: including mount point mp0 ('/srv/keep') in backup",
        "INFO: excluding volume mount point mp1 ('/srv/skip') from backup (disabled)",
        "INFO: excluding bind mount point mp2 ('/mnt/data') from backup (not a volume)",
        "INFO: exclude disk 'scsi1' 'local-lvm:vm-103-disk-1' (backup=no)",
    ]
    assert parse_job_log(lines).guests[103].excluded == ["mp1 (/srv/skip)", "mp2 (/mnt/data)", "scsi1"]


def test_a_failure_of_several_lines_is_one_error() -> None:
    lines = [
        "INFO: Starting Backup of VM 101 (qemu)",
        "ERROR: Backup of VM 101 failed - start failed: command failed",
        "ERROR: kvm: could not open disk",
        "ERROR: Backup of VM 102 failed - no such VM",
        "INFO: Failed at 2026-11-20 12:29:35",
        "ERROR: Backup job failed - later",
    ]
    log = parse_job_log(lines)
    assert log.guests[101].error == "start failed: command failed kvm: could not open disk"
    assert log.guests[102].error == "no such VM"
    assert [*log.warnings, *log.guests[101].warnings] == ["Backup job failed - later"]


@pytest.mark.parametrize(
    ("troubles", "error", "cause"),
    [
        ([], "CT is locked (backup)", "CT is locked (backup)"),
        ([], TAR + "interrupted by signal", "interrupted by signal"),
        (
            ["INFO: zstd: error 70 : Write error : cannot write block : No space left on device"],
            TAR + "exit code 70",
            "exit code 70 (zstd: error 70 : Write error : cannot write block : No space left on device)",
        ),
        (
            [
                "INFO: tar: ./srv/x: Cannot open: Permission denied",
                "INFO: tar: ./srv/y: Read error: Input/output error",
            ],
            TAR + "exit code 2",
            "exit code 2 (tar: ./srv/y: Read error: Input/output error)",
        ),
        (["INFO: connection timed out"], "backup failed: connection timed out", "backup failed: connection timed out"),
        (["INFO: disk quota exceeded"], "job failed", "job failed (disk quota exceeded)"),
        (["INFO: CT Name: connection-quota", "INFO: include disk 'scsi0' 'quota:x' 1G"], "job failed", "job failed"),
    ],
)
def test_the_cause_is_told_without_the_command_and_with_what_it_complained_of(
    troubles: list[str], error: str, cause: str
) -> None:
    lines = ["INFO: Starting Backup of VM 101 (lxc)", *troubles, f"ERROR: Backup of VM 101 failed - {error}"]
    assert parse_job_log(lines).guests[101].cause == cause


def test_what_moves_the_cursor_of_a_terminal_is_left_out() -> None:
    lines = ["INFO: Starting Backup of VM 101 (lxc)\r", "WARN: \x1b[31mred\x1b[0m\x07"]
    part = parse_job_log(lines).guests[101]
    assert (part.started, part.warnings) == (True, ["red"])


def test_no_error_no_cause() -> None:
    assert GuestLog(101).cause == ""


def test_a_task_that_waits_for_the_node() -> None:
    waiting = ["INFO: trying to get global lock - waiting..."]
    assert parse_job_log(waiting).waiting
    assert parse_job_log([*waiting, "INFO: got global lock"]).command is None
    started = parse_job_log([*waiting, "INFO: got global lock", job_line([102])])
    assert not started.waiting
    assert started.command is not None


@pytest.mark.parametrize(
    "words",
    ["can't acquire lock '/var/run/vzdump.lock' (wait = 0)", "can't acquire lock '/var/run/vzdump.lock' - got timeout"],
)
def test_a_task_that_waited_in_vain(words: str) -> None:
    log = parse_job_log([f"ERROR: {words}"])
    assert (log.lock_error, log.guests, log.command) == (words, {}, None)


@pytest.mark.parametrize(
    "lines", [[], ["no content"], ["TASK ERROR: could not activate storage 'nope': storage 'nope' does not exist"]]
)
def test_a_log_without_guests(lines: list[str]) -> None:
    assert parse_job_log(lines) == JobLog()


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "vzdump 101 --mode stop --node pve --storage backups",
            JobCommand(frozenset({101}), False, frozenset(), None, "backups"),
        ),
        ("vzdump 101 102 103 --compress zstd", JobCommand(frozenset({101, 102, 103}), False, frozenset(), None, None)),
        (
            "vzdump --exclude 103,104 --compress zstd --node pve --storage local --all 1",
            JobCommand(frozenset(), True, frozenset({103, 104}), None, "local"),
        ),
        ("vzdump --node pve --storage local --pool prod", JobCommand(frozenset(), False, frozenset(), "prod", "local")),
        ("vzdump 101 --all 0", JobCommand(frozenset({101}), False, frozenset(), None, None)),
        (
            "vzdump 103 --notes-template '{{guestname}} it'\\''s 104 --all 1\\nline two' --storage local",
            JobCommand(frozenset({103}), False, frozenset(), None, "local"),
        ),
        (
            "vzdump 103 --storage local --notes-template 'cut off in the mid",
            JobCommand(frozenset({103}), False, frozenset(), None, "local"),
        ),
        ("vzdump", JobCommand(frozenset(), False, frozenset(), None, None)),
        ("", None),
        ("qmrestore 101", None),
    ],
)
def test_whom_a_command_means(command: str, expected: JobCommand | None) -> None:
    assert parse_command(command) == expected


@pytest.mark.parametrize("notes", ["--storage", "--all", "--pool", "--exclude"])
def test_notes_that_look_like_an_option_are_still_notes(notes: str) -> None:
    """Proxmox quotes only what a shell would misread."""
    command = parse_command(f"vzdump 101 --storage vault --notes-template {notes} --mode stop")
    assert command == JobCommand(frozenset({101}), False, frozenset(), None, "vault")


@pytest.mark.parametrize(
    "line",
    [
        "INFO: starting new backup job: vzdump 101 \u00b2 --exclude \u00b2,103",
        f"INFO: Starting Backup of VM {'1' * 5000} (lxc)",
        f"INFO: starting new backup job: vzdump {'1' * 5000}",
    ],
)
def test_digits_that_are_no_ids_do_not_make_it_fail(line: str) -> None:
    parse_job_log([line])


@pytest.mark.parametrize(
    ("command", "covered"),
    [
        (JobCommand(frozenset({101}), False, frozenset(), None, None), True),
        (JobCommand(frozenset({102}), False, frozenset(), None, None), False),
        (JobCommand(frozenset(), True, frozenset(), None, None), True),
        (JobCommand(frozenset(), True, frozenset({101}), None, None), False),
        (JobCommand(frozenset(), False, frozenset(), "prod", None), True),
        (JobCommand(frozenset(), False, frozenset({101}), "prod", None), False),
        (JobCommand(frozenset(), False, frozenset(), "test", None), False),
    ],
)
def test_whom_a_task_backs_up(command: JobCommand, covered: bool) -> None:
    assert command.covers(101, "prod") is covered


def test_a_guest_without_a_pool_is_in_none() -> None:
    assert not JobCommand(frozenset(), False, frozenset(), None, None).covers(101, None)
