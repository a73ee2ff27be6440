# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backup run notes of its jobs, and what it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import JournalError, dead_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_journal import BackupJournal
from unit.builders import a_upid

UPID, EARLIER = a_upid(101), a_upid(101, pid=7)


def _entries(folder: Path) -> list[dict[str, Any]]:
    """All but the header, without their times."""
    (path,) = folder.iterdir()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "at"} for line in lines[1:]]


def test_a_job_is_on_the_disk_before_it_is_asked_for(tmp_path: Path) -> None:
    journal = BackupJournal(tmp_path, {})
    assert journal.starting("pve1", "vault", [101, 102], EARLIER) == 1
    starting = {"event": "starting", "job": 1, "node": "pve1", "storage": "vault", "vmids": [101, 102]}
    assert _entries(tmp_path) == [{**starting, "after": EARLIER.text}]
    journal.started(1, UPID)
    assert _entries(tmp_path)[1:] == [{"event": "started", "job": 1, "upid": UPID.text}]
    assert journal.starting("pve2", "vault", [300], None) == 2
    assert _entries(tmp_path)[2]["after"] is None


@pytest.mark.parametrize("how", ["nothing", "refused", "ended", "left"])
def test_what_became_of_a_job_is_noted_and_the_journal_goes_with_the_run(tmp_path: Path, how: str) -> None:
    journal = BackupJournal(tmp_path, {})
    journal.settled(journal.starting("pve1", "vault", [101], None), how)
    assert _entries(tmp_path)[1:] == [{"event": how, "job": 1}]
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_open_jobs_are_left_for_the_next_run(tmp_path: Path) -> None:
    journal = BackupJournal(tmp_path, {})
    for node in ("pve3", "pve2", "pve1"):
        journal.starting(node, "vault", [101], None)
    journal.settled(2, "ended")
    journal.close()
    assert _entries(tmp_path)[-1] == {"event": "closed", "open": [1, 3]}
    with dead_runs(tmp_path) as runs:
        assert len(runs) == 1


def test_a_run_without_jobs_leaves_no_trace(tmp_path: Path) -> None:
    journal = BackupJournal(tmp_path / "journals", {})
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_the_header_says_whose_run_it_is(tmp_path: Path) -> None:
    journal = BackupJournal(tmp_path, {"module": "proxmox_backup", "user": "backup@pve!lifeboat"})
    journal.open(strict=True)
    (path,) = tmp_path.iterdir()
    header = json.loads(path.read_text(encoding="utf-8"))
    assert (header["event"], header["module"], header["user"]) == ("run", "proxmox_backup", "backup@pve!lifeboat")
    journal.close()


def test_without_a_folder_nothing_is_kept_and_jobs_are_counted_all_the_same() -> None:
    journal = BackupJournal(None, {})
    journal.open(strict=True)
    assert [journal.starting("pve1", "vault", [101], None) for _job in range(2)] == [1, 2]
    journal.started(1, UPID)
    journal.settled(1, "ended")
    journal.close()
    assert journal.problem is None


@pytest.fixture
def unusable(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "journals"


def test_a_folder_that_the_user_chose_must_do(unusable: Path) -> None:
    with pytest.raises(JournalError) as refused:
        BackupJournal(unusable, {}).open(strict=True)
    assert refused.value.message.startswith(f"The journal {unusable}/")
    assert refused.value.message.endswith(
        ".jsonl cannot be written: Not a directory. Set journal_path to a folder that can be."
    )


def test_else_the_run_goes_on_without_and_says_so(unusable: Path) -> None:
    journal = BackupJournal(unusable, {})
    journal.open(strict=False)
    assert str(journal.problem).endswith(
        ".jsonl cannot be written: Not a directory. Set journal_path to a folder that can be."
    )
    journal.starting("pve1", "vault", [101], None)
    journal.close()


def test_a_backup_is_worth_more_than_its_entry(unusable: Path) -> None:
    journal = BackupJournal(unusable, {})
    assert journal.starting("pve1", "vault", [101], None) == 1
    assert "cannot be written: Not a directory." in str(journal.problem)
    journal.close()
