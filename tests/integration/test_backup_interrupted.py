# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is asked to end: it starts nothing more, names what runs on or cancels it, and tells what it achieved."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from harness.lab import Lab
from harness.modules import warnings_of
from harness.process import ModuleProcess
from harness.waiting import wait_for

pytestmark = pytest.mark.slow


def hanging(cluster: Lab, tmp_path: Path, **options: Any) -> ModuleProcess:
    """A run that is in the middle of the backup of 102; 101 is done, 104 (on another node) waits for its turn."""
    cluster.sim.faults.guest_hangs(102)
    fixed = {"journal_path": str(cluster.journals), "vmids": [101, 102, 104], "storage": "vault", "max_parallel": 1}
    run = ModuleProcess("proxmox_backup", {**cluster.connection, **fixed, **options}, tmp_path)
    wait_for(lambda: any("Starting Backup of VM 102" in line for line in log_lines(cluster)))
    return run


def log_lines(cluster: Lab) -> list[str]:
    return [line for task in cluster.world.tasks.running() for line in task.log.lines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_the_tasks_that_run_on_are_named(cluster: Lab, tmp_path: Path, number: signal.Signals) -> None:
    run = hanging(cluster, tmp_path)
    run.send(number)
    result = run.result()
    rows = cluster.rows(result)
    [task] = result["tasks"]
    assert result["failed"] is True
    assert [rows[vmid]["result"] for vmid in (101, 102, 104)] == ["backed_up", "interrupted", "not_started"]
    assert rows[102]["reason"] == f"the run was interrupted (it got {number.name}); task {task['upid']} runs on"
    assert rows[104]["reason"] == f"the run was interrupted (it got {number.name}) before its turn"
    assert task["upid"] in result["msg"]
    assert task["exitstatus"] is None
    assert len(cluster.sent("POST", "/vzdump")) == 1

    cluster.sim.faults.release(102)
    after = cluster.backup(vmids=[101, 102, 104], storage="vault")
    assert [orphan["upid"] for orphan in after["orphans"]] == [task["upid"]]
    assert not after.get("failed")
    assert cluster.rows(after)[102]["result"] in ("waited_for", "fresh")
    assert len([backup for backup in cluster.info(vmids=[102])["backups"] if backup["size"]]) == 1


def test_they_are_cancelled_where_that_is_asked_for(cluster: Lab, tmp_path: Path) -> None:
    run = hanging(cluster, tmp_path, on_interrupt="cancel")
    run.send(signal.SIGTERM)
    result = run.result()
    rows = cluster.rows(result)
    assert [rows[vmid]["result"] for vmid in (101, 102, 104)] == ["backed_up", "interrupted", "not_started"]
    assert rows[102]["reason"] == "it was cancelled when the run was interrupted (it got SIGTERM)"
    assert cluster.world.tasks.running() == []
    assert list(cluster.journals.rglob("*.jsonl")) == []


def test_a_second_signal_ends_it_at_once(cluster: Lab, tmp_path: Path) -> None:
    cluster.sim.faults.slow("DELETE", r"/tasks/", 5)
    run = hanging(cluster, tmp_path, on_interrupt="cancel")
    run.send(signal.SIGTERM)
    wait_for(lambda: bool([one for one in cluster.sim.requests if one.method == "DELETE"]))
    time.sleep(0.5)  # one that comes at once would belong to the first
    run.send(signal.SIGTERM)
    assert run.ended() == -signal.SIGTERM
    assert len(list(cluster.journals.rglob("*.jsonl"))) == 1


def test_when_nobody_reads_its_result_it_starts_nothing_more(cluster: Lab, tmp_path: Path) -> None:
    """As when ansible-playbook is killed and the module lives on."""
    run = hanging(cluster, tmp_path)
    run.hang_up()
    run.ended()
    assert len(cluster.sent("POST", "/vzdump")) == 1
    [task] = cluster.world.tasks.running()
    [journal] = cluster.journals.rglob("*.jsonl")
    assert str(task.upid) in journal.read_text(encoding="utf-8")


def test_retention_is_not_applied_by_a_run_that_was_interrupted(cluster: Lab, tmp_path: Path) -> None:
    cluster.backup(vmids=[101], storage="vault")
    run = hanging(cluster, tmp_path, keep={"keep_last": 1})
    run.send(signal.SIGTERM)
    result = run.result()
    assert warnings_of(result) == ["No retention was applied: the run was interrupted (it got SIGTERM)."]
    assert result["removed"] == []
    assert len(cluster.info(vmids=[101])["backups"]) == 2
