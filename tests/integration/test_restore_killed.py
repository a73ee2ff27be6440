# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore that was killed, wherever it was, and the run after it: one guest stands whole, nothing is left over."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.process import ModuleProcess
from harness.restores import BOTH, CONTAINER, MACHINE, Restores, restores, restoring_world
from harness.waiting import wait_for

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Restores]:
    """Two running guests with backups, which have changed since."""
    with restores(restoring_world(tmp_path / "cluster")) as found:
        for vmid in BOTH:
            found.world.set_running(vmid, True)
        yield found


def start(site: Restores, vmid: int, tmp_path: Path, die_at_entry: int = 0, **options: Any) -> ModuleProcess:
    """A replacement in a process of its own."""
    wanted = {"volid": site.volids[vmid], "if_exists": "replace", "shutdown": True, **options}
    return ModuleProcess("proxmox_restore", site.options(**wanted), tmp_path, die_at_entry)


def whole(site: Restores, vmid: int, result: Mapping[str, Any], stands: str = "backup") -> None:
    """This guest stands, runs as it did, and is the only one that was touched."""
    site.idle()
    assert site.stands(vmid) == stands, result["msg"]
    assert sorted(site.world.cluster.guests) == [101, 102, 103, 300]
    assert site.world.cluster.guests[vmid].running
    other = MACHINE if vmid == CONTAINER else CONTAINER
    assert site.stands(other) == "old"
    assert site.journals() == []
    assert site.volids[vmid] not in site.protected()
    assert len(site.protected()) <= 1


ENTRIES = (
    "run", "plan", "protecting", "proving", "task", "scratch_gone", "stopping", "task", "shut_down", "saving", "task",
    "saved", "restoring", "task", "started", "released",
)  # fmt: skip
OF_MACHINES = (5, 13, 14)
"""Where VMs differ from containers."""


@pytest.mark.parametrize(
    ("vmid", "step"),
    [*((CONTAINER, step) for step in range(1, len(ENTRIES) + 1)), *((MACHINE, step) for step in OF_MACHINES)],
)
def test_killed_after_any_entry_of_its_journal(site: Restores, tmp_path: Path, vmid: int, step: int) -> None:
    assert start(site, vmid, tmp_path, die_at_entry=step).ended() == -9
    [journal] = site.journals()
    written = [json.loads(line)["event"] for line in journal.read_text(encoding="utf-8").splitlines()]
    assert written == list(ENTRIES[:step])
    done = site.replace(vmid, shutdown=True)
    assert done["result"] == "restored", done["msg"]
    assert done["recovered"] == (step >= 14)
    whole(site, vmid, done)


@pytest.mark.parametrize("step", range(10, 16))
def test_killed_on_the_way_to_a_rollback(site: Restores, tmp_path: Path, step: int) -> None:
    """restoring, task, rolling_back, task, started, released, without a proof of a truncated archive."""
    site.world.truncate_archive(site.volids[CONTAINER])
    run = start(site, CONTAINER, tmp_path, die_at_entry=step, prove="listed")
    assert run.ended() == -9
    done = site.replace(CONTAINER, shutdown=True, prove="listed")
    assert (done["failed"], done["result"], done["recovered"]) == (True, "rolled_back", step > 10), done["msg"]
    whole(site, CONTAINER, done, "old")


MOMENTS: Mapping[str, tuple[str, str, str]] = {
    "the source is being protected": ("after", "PUT", r"/content/"),
    "the scratch copy is asked for": ("before", "POST", r"/nodes/pve1/(lxc|qemu)$"),
    "the scratch copy is made and nobody heard of its task": ("after", "POST", r"/nodes/pve1/(lxc|qemu)$"),
    "the scratch copy is removed": ("after", "DELETE", r"/(lxc|qemu)/"),
    "the guest is shut down": ("after", "POST", r"/status/shutdown$"),
    "the safety backup is asked for": ("before", "POST", r"/vzdump$"),
    "the safety backup is made and nobody heard of its task": ("after", "POST", r"/vzdump$"),
    "the restore's state is looked at": ("after", "GET", r"/tasks/UPID[^/]*restore[^/]*/status$"),
    "the guest is started": ("after", "POST", r"/status/start$"),
}


@pytest.mark.parametrize(
    ("vmid", "moment"),
    [*((CONTAINER, moment) for moment in MOMENTS), *((MACHINE, moment) for moment in list(MOMENTS)[2:4])],
)
def test_killed_while_a_request_is_under_way(site: Restores, tmp_path: Path, vmid: int, moment: str) -> None:
    when, method, path = MOMENTS[moment]
    known = threading.Event()
    runs: list[ModuleProcess] = []

    def kill() -> None:
        known.wait(10)
        runs[0].kill()
        runs[0].process.wait(10)

    order: Callable[..., None] = getattr(site.faults, when)
    order(method, path, kill)
    runs.append(start(site, vmid, tmp_path))
    known.set()
    assert runs[0].ended() == -9
    done = site.replace(vmid, shutdown=True)
    assert done["result"] == "restored", done["msg"]
    whole(site, vmid, done)


@pytest.mark.parametrize("vmid", BOTH)
def test_killed_between_the_restores_request_and_its_answer(site: Restores, tmp_path: Path, vmid: int) -> None:
    known = threading.Event()
    runs: list[ModuleProcess] = []

    def kill() -> None:
        known.wait(10)
        runs[0].kill()
        runs[0].process.wait(10)

    site.faults.after("POST", r"/nodes/pve1/(lxc|qemu)$", kill)
    runs.append(start(site, vmid, tmp_path, prove="listed"))
    known.set()
    assert runs[0].ended() == -9
    done = site.replace(vmid, shutdown=True)
    assert (done["result"], done["recovered"]) == ("restored", True), done["msg"]
    assert "has begun it, and this one has ended it" in done["msg"]
    whole(site, vmid, done)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_before_the_point_of_no_return(site: Restores, tmp_path: Path, number: signal.Signals) -> None:
    site.faults.restore_hangs(100)  # the scratch copy
    run = start(site, CONTAINER, tmp_path)
    wait_for(lambda: any("restore:100:" in str(task.upid) for task in site.world.tasks.running()))
    run.send(number)
    done = run.result()
    assert done["result"] == "failed"
    assert "the old guest stands as it was" in done["msg"]
    whole(site, CONTAINER, done, "old")
    assert site.protected() == []


@pytest.mark.parametrize("vmid", BOTH)
@pytest.mark.parametrize("how", ["signal", "nobody reads"])
def test_interrupted_after_it_goes_on_to_its_end(site: Restores, tmp_path: Path, vmid: int, how: str) -> None:
    site.faults.restore_hangs(vmid)
    run = start(site, vmid, tmp_path)
    wait_for(lambda: any(f"restore:{vmid}:" in str(task.upid) for task in site.world.tasks.running()))
    if how == "signal":
        run.send(signal.SIGTERM)
    else:
        run.hang_up()
    time.sleep(0.5)
    site.faults.release(vmid)
    run.ended()
    whole(site, vmid, {"msg": how})


@pytest.mark.parametrize("vmid", BOTH)
def test_a_living_run_keeps_a_second_one_away(site: Restores, tmp_path: Path, vmid: int) -> None:
    site.faults.restore_hangs(vmid)
    run = start(site, vmid, tmp_path)
    kind = "lxc" if vmid == CONTAINER else "qemu"
    wait_for(lambda: len(site.lab.sent("POST", f"/nodes/pve1/{kind}")) == 2)  # the scratch copy and the restore
    second = site.replace(vmid, shutdown=True)
    assert second["failed"]
    assert second["msg"] == f"{vmid}: another run on this machine restores it right now. Nothing was changed."
    assert site.writes() == []
    site.faults.release(vmid)
    assert run.result()["result"] == "restored"
    assert site.stands(vmid) == "backup"


def test_a_restore_of_another_guest_is_told_of_and_left_alone(site: Restores, tmp_path: Path) -> None:
    site.faults.restore_hangs(CONTAINER)
    run = start(site, CONTAINER, tmp_path, prove="listed")
    wait_for(lambda: bool(site.world.tasks.running()) and "restoring" in site.journals()[0].read_text(encoding="utf-8"))
    run.kill()
    run.ended()
    done = site.replace(MACHINE, shutdown=True)
    assert done["result"] == "restored"
    assert any("An earlier restore of guest 101 did not come to its end" in str(one) for one in done["warnings"])
    assert len(site.journals()) == 1
    site.faults.release(CONTAINER)
    assert site.replace(CONTAINER)["recovered"]
    assert site.stands(CONTAINER) == "backup"


@pytest.mark.parametrize("vmid", BOTH)
def test_a_copy_onto_a_free_id_that_was_killed_is_ended_and_not_made_twice(
    site: Restores, tmp_path: Path, vmid: int
) -> None:
    options: dict[str, Any] = {"volid": site.volids[vmid], "target_vmid": "auto", "if_exists": "fail"}
    run = start(site, vmid, tmp_path, die_at_entry=4, shutdown=False, **options)
    assert run.ended() == -9
    done = site.restore(**options)
    assert (done["result"], done["recovered"], done["vmid"]) == ("restored", True, 100), done["msg"]
    assert sorted(site.world.cluster.guests) == [100, 101, 102, 103, 300]
    assert site.journals() == []


def test_a_journal_that_cannot_be_written_stops_the_run(site: Restores) -> None:
    told = site.restore(vmid=CONTAINER, if_exists="replace", journal_path="/proc/nowhere")
    assert told["failed"]
    assert "journal" in told["msg"]
    assert site.writes() == []
    assert site.stands(CONTAINER) == "old"
