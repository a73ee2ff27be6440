# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that was killed, wherever it was, and the one after it: every guest has one good backup more, none has two."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.lab import Lab
from harness.process import ModuleProcess
from harness.waiting import wait_for

VMIDS = (101, 102, 104)
pytestmark = pytest.mark.slow


def start(cluster: Lab, tmp_path: Path, die_at_entry: int = 0, **options: Any) -> ModuleProcess:
    """The module in a process of its own, with the options that all of these tests have."""
    return ModuleProcess(
        "proxmox_backup",
        {
            **cluster.connection,
            "journal_path": str(cluster.journals),
            "vmids": list(VMIDS),
            "storage": "vault",
            **options,
        },
        tmp_path,
        die_at_entry,
    )


def archives(cluster: Lab, storage: str = "vault") -> dict[int, int]:
    """How many good backups each guest has."""
    found: dict[int, int] = dict.fromkeys(VMIDS, 0)
    for backup in cluster.info(storages=[storage])["backups"]:
        found[backup["vmid"]] = found.get(backup["vmid"], 0) + (backup["size"] > 0)
    return found


def journals(cluster: Lab) -> list[Path]:
    return sorted(cluster.journals.rglob("*.jsonl"))


def settle(cluster: Lab) -> None:
    """Until no task runs any more."""
    cluster.world.tasks.wait_idle(10)


ONE_EACH = dict.fromkeys(VMIDS, 1)


# run, starting and started and ended for each of two nodes
@pytest.mark.parametrize("step", range(1, 8))
def test_killed_after_any_entry_of_its_journal(cluster: Lab, tmp_path: Path, step: int) -> None:
    assert start(cluster, tmp_path, die_at_entry=step).ended() == -9
    assert len(journals(cluster)) == 1
    result = cluster.backup(vmids=list(VMIDS), storage="vault")
    assert not result.get("failed"), result["msg"]
    assert {row["result"] for row in result["guests"]} <= {"backed_up", "waited_for", "fresh"}
    assert archives(cluster) == ONE_EACH
    assert journals(cluster) == []
    again = cluster.backup(vmids=list(VMIDS), storage="vault")
    assert (again["orphans"], archives(cluster)) == ([], dict.fromkeys(VMIDS, 2))


MOMENTS: Mapping[str, tuple[str, str, str]] = {
    "the request has come and is not carried out yet": ("before", "POST", r"/vzdump$"),
    "the task runs and its answer is not read": ("after", "POST", r"/vzdump$"),
    "the task is waited for": ("after", "GET", r"/tasks/UPID[^/]*/status$"),
    "the log is read": ("after", "GET", r"/tasks/UPID[^/]*/log$"),
}


@pytest.mark.parametrize("moment", list(MOMENTS))
def test_killed_while_a_request_is_under_way(cluster: Lab, tmp_path: Path, moment: str) -> None:
    when, method, path = MOMENTS[moment]
    known = threading.Event()
    runs: list[ModuleProcess] = []

    def kill() -> None:
        known.wait(10)
        runs[0].kill()
        runs[0].process.wait(10)

    order: Callable[..., None] = getattr(cluster.sim.faults, when)
    order(method, path, kill)
    runs.append(start(cluster, tmp_path))
    known.set()
    assert runs[0].ended() == -9
    result = cluster.backup(vmids=list(VMIDS), storage="vault")
    assert not result.get("failed"), result["msg"]
    settle(cluster)
    assert archives(cluster) == ONE_EACH


def test_the_task_that_lives_on_is_waited_for(cluster: Lab, tmp_path: Path) -> None:
    cluster.sim.faults.guest_hangs(101)
    run = start(cluster, tmp_path, vmids=[101, 102])
    wait_for(lambda: bool(cluster.world.tasks.running()))
    wait_for(lambda: "started" in journals(cluster)[0].read_text(encoding="utf-8"))
    run.kill()
    run.ended()
    timer = threading.Timer(1.0, lambda: cluster.sim.faults.release(101))
    timer.start()
    result = cluster.backup(vmids=[101, 102], storage="vault")
    timer.join()
    assert [row["result"] for row in result["guests"]] == ["waited_for", "waited_for"]
    [orphan] = result["orphans"]
    assert (orphan["state"], orphan["vmids"], orphan["exitstatus"]) == ("running", [101, 102], None)
    assert f"An earlier run did not come to its end ({orphan['run']})." in result["msg"]
    assert f"Of its tasks still ran when this one began: {orphan['upid']}." in result["msg"]
    assert len(cluster.sent("POST", "/vzdump")) == 1
    assert archives(cluster) == {101: 1, 102: 1, 104: 0}


def test_a_task_of_other_guests_is_told_and_left_for_the_next_run(cluster: Lab, tmp_path: Path) -> None:
    cluster.sim.faults.guest_hangs(101)
    run = start(cluster, tmp_path, vmids=[101])
    wait_for(lambda: bool(journals(cluster)) and "started" in journals(cluster)[0].read_text(encoding="utf-8"))
    run.kill()
    run.ended()
    result = cluster.backup(vmids=[104], storage="vault")
    assert [row["result"] for row in result["guests"]] == ["backed_up"]
    assert [(orphan["state"], orphan["vmids"]) for orphan in result["orphans"]] == [("running", [101])]
    assert len(journals(cluster)) == 1
    cluster.sim.faults.release(101)
    settle(cluster)
    after = cluster.backup(vmids=[101], storage="vault")
    [row] = after["guests"]
    assert row["result"] == "fresh"
    assert "which did not come to its end, has made it just now" in row["reason"]
    assert after["changed"] is False
    assert journals(cluster) == []


def test_check_mode_looks_at_the_journal_and_leaves_it(cluster: Lab, tmp_path: Path) -> None:
    assert start(cluster, tmp_path, die_at_entry=7).ended() == -9
    [journal] = journals(cluster)
    before = journal.read_bytes()
    result = cluster.backup(vmids=list(VMIDS), storage="vault", check=True)
    assert {row["result"] for row in result["guests"]} == {"fresh"}
    assert len(result["orphans"]) == 2
    assert journal.read_bytes() == before


def test_with_max_age_the_age_decides_alone(cluster: Lab, tmp_path: Path) -> None:
    assert start(cluster, tmp_path, die_at_entry=7, max_age="1h").ended() == -9
    result = cluster.backup(vmids=list(VMIDS), storage="vault", max_age="1h")
    assert result["changed"] is False
    assert result["summary"]["fresh"] == 3


def test_a_run_that_ends_leaves_no_journal(cluster: Lab) -> None:
    assert not cluster.backup(vmids=[101], storage="vault").get("failed")
    assert journals(cluster) == []


def test_a_run_that_has_nothing_to_do_makes_no_journal_folder(cluster: Lab, tmp_path: Path) -> None:
    cluster.backup(vmids=[101], storage="vault")
    elsewhere = tmp_path / "elsewhere"
    result = cluster.backup(vmids=[101], storage="vault", max_age="1h", journal_path=str(elsewhere))
    assert (result["changed"], elsewhere.exists()) == (False, False)


def test_a_journal_that_cannot_be_written_where_it_was_asked_for_stops_the_run(cluster: Lab, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("x")
    result = cluster.backup(vmids=[101], storage="vault", journal_path=str(in_the_way))
    assert result["failed"] is True
    assert result["msg"].startswith(f"The journal {in_the_way}/")
    assert result["msg"].endswith("cannot be written: Not a directory. Set journal_path to a folder that can be.")
    assert cluster.sent("POST", "/vzdump") == []


def test_the_journal_names_no_secret(cluster: Lab, tmp_path: Path) -> None:
    assert start(cluster, tmp_path, die_at_entry=7).ended() == -9
    text = journals(cluster)[0].read_text(encoding="utf-8")
    assert cluster.connection["api_token_secret"] not in text
    first = json.loads(text.splitlines()[0])
    assert (first["event"], first["user"]) == ("run", "backup@pve!lifeboat")
