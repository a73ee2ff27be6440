# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drills that are killed, at any step: the next one leaves nothing behind, touches nobody, and says what happened."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.drills import CANARY, GUESTS, Drills, back_up, drilled_world, drills
from harness.process import ModuleProcess
from harness.waiting import wait_for

ENTRIES = 64
"""One more than the journals of four drills and the record have lines, so that the last of these is beyond the end."""
CHUNK = 6

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Drills]:
    with drills(drilled_world(tmp_path / "cluster"), tmp_path) as running:
        yield running


def next_drill_ends_it(site: Drills, run: str | None) -> None:
    """What the killed drill left is removed, and told as interrupted; nobody else's guest was touched."""
    site.idle()
    before = len(site.record())
    after = site.drill(state="cleaned", fail_on=[])
    assert site.copies() == [], after["msg"]
    for path in site.journals():  # a request of a moment ago may still be carried out: it is looked at once more
        lines = filter(None, path.read_text(encoding="utf-8").splitlines())
        events = [json.loads(line)["event"] for line in lines]
        assert events[:3] == ["run", "plan", "restoring"]
        assert "task" not in events
        path.unlink()
    site.untouched()
    new = site.record()[before:]
    judged = [line for line in new if line["verdict"] != "interrupted"]  # all but its line in the record was done
    assert all(line["verdict"] == "passed" and len(line["checks"]) >= 2 for line in judged)
    assert all(line["run"] == run for line in new) or run is None
    assert all(line["cleanup"]["done"] for line in new)
    assert sorted(one["guest"]["vmid"] for one in after["drills"]) == sorted(line["guest"]["vmid"] for line in new)


@pytest.mark.parametrize("first", range(1, ENTRIES + 1, CHUNK))
def test_killed_after_any_entry_of_its_journals(site: Drills, first: int) -> None:
    for number in range(first, first + CHUNK):
        lines = len(site.record())
        run = site.process(number, vmids=[*GUESTS], canaries=[CANARY])
        ended = run.ended()
        assert ended in (0, -signal.SIGKILL)
        next_drill_ends_it(site, None)
        told = site.record()[lines:]
        of_each = [line["guest"]["vmid"] for line in told]
        assert len(of_each) == len(set(of_each)), "a drill is recorded once"
        assert (ended == 0) == (number >= ENTRIES)
        if ended == 0:
            assert {line["verdict"] for line in told} == {"passed"}
            assert len(told) == 4
        else:
            assert set(of_each) <= {*GUESTS}


REQUESTS = [
    ("POST", r"/nodes/pve1/lxc$"),
    ("POST", r"/nodes/pve2/qemu$"),
    ("PUT", r"/qemu/90\d/config$"),
    ("POST", r"/lxc/90\d/status/start$"),
    ("POST", r"/qemu/90\d/status/start$"),
    ("POST", r"/agent/ping$"),
    ("POST", r"/agent/exec$"),
    ("GET", r"/agent/file-read$"),
    ("POST", r"/lxc/90\d/status/stop$"),
    ("DELETE", r"/lxc/90\d$"),
    ("DELETE", r"/qemu/90\d$"),
]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_killed_around_a_request(site: Drills, method: str, path: str, when: str) -> None:
    processes: list[ModuleProcess] = []
    order = site.faults.before if when == "before" else site.faults.after

    def kill() -> None:
        processes[0].kill()

    order(method, path, kill)
    for vmid in GUESTS:
        site.world.set_option(vmid, "net0", NETS["lxc" if vmid < 200 else "qemu"])
    back_up(site)
    processes.append(site.process(vmids=[*GUESTS], canaries=[CANARY], network="none"))
    assert processes[0].ended() == -signal.SIGKILL
    next_drill_ends_it(site, None)


NETS = {"lxc": "name=eth0,bridge=vmbr0", "qemu": "virtio=BC:24:11:00:00:01,bridge=vmbr0"}


def test_killed_while_it_restores(site: Drills) -> None:
    """The restore runs on, half done; the next drill cancels it and removes what there is."""
    site.faults.restore_hangs(900)
    run = site.process(vmids=[300])
    wait_for(lambda: any('"event":"task"' in path.read_text(encoding="utf-8") for path in site.journals()))
    run.kill()
    run.ended()
    after = site.drill(vmids=[102])
    assert [(one["vmid"], one["result"]) for one in after["leftovers"]] == [(900, "removed")]
    assert site.verdicts(after) == {102: "passed", 300: "interrupted"}
    row = site.rows(after)[300]
    assert re.fullmatch(r"drill \S+ died when it was planned; this one ended it", row["reason"])
    assert site.copies() == []


def test_killed_before_it_heard_which_task_restores(site: Drills) -> None:
    """What runs may be somebody else's: it is looked at again once it has ended, and then it bears the nonce."""
    site.faults.restore_hangs(900)
    processes: list[ModuleProcess] = []

    def kill() -> None:
        processes[0].kill()

    site.faults.after("POST", r"/nodes/pve1/qemu$", kill)
    processes.append(site.process(vmids=[300]))
    processes[0].ended()
    wait_for(lambda: 900 in site.world.cluster.guests)
    first = site.drill(state="cleaned")
    assert first["failed"]
    assert [(one["vmid"], one["result"]) for one in first["leftovers"]] == [(900, "left")]
    assert "may be this drill's; the next drill looks again" in first["leftovers"][0]["reason"]
    site.faults.release(900)
    site.idle()
    second = site.drill(state="cleaned")
    assert [(one["vmid"], one["result"]) for one in second["leftovers"]] == [(900, "removed")]
    assert [line["verdict"] for line in site.record()] == ["interrupted"]
    assert site.copies() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end(site: Drills, number: signal.Signals) -> None:
    """It cleans up itself, and says so."""
    site.faults.boot_hangs(900)
    run = site.process(vmids=[300], scratch_range="900-900")
    wait_for(lambda: bool(site.world.cluster.guests.get(900) and site.world.cluster.guests[900].running))
    run.send(number)
    result = run.result()
    assert result["failed"]
    row = site.rows(result)[300]
    assert row["verdict"] == "interrupted"
    assert row["cleanup"]["done"]
    assert site.copies() == []
    assert site.journals() == []
    assert [line["verdict"] for line in site.record()] == ["interrupted"]


def test_check_mode_tells_what_was_left(site: Drills) -> None:
    site.faults.boot_hangs(900)
    run = site.process(vmids=[300], scratch_range="900-900")
    wait_for(lambda: bool(site.world.cluster.guests.get(900) and site.world.cluster.guests[900].running))
    run.kill()
    run.ended()
    told = site.drill(state="cleaned", check=True)
    assert [(one["vmid"], one["node"], one["result"]) for one in told["leftovers"]] == [(900, "pve1", "planned")]
    # The last question of the killed run may only now have come to the server
    assert [one for one in site.writes() if not one.endswith("/agent/ping")] == []
    assert site.copies() == [900]
    next_drill_ends_it(site, None)
