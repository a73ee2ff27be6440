# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may go wrong around a drill: strangers on its ids, agents that lie, nodes that go away, copies that stay."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.drills import GUESTS, Drills, back_up, checks, drilled_world, drills, reasons
from harness.modules import warnings_of
from harness.waiting import wait_for


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Drills]:
    with drills(drilled_world(tmp_path / "cluster"), tmp_path) as running:
        yield running


def a_stranger(site: Drills, vmid: int, tag: str = "shop", description: str | None = None) -> None:
    """Somebody's guest comes into being on an id of the range."""
    site.world.add_container(vmid, f"shop{vmid}", node="pve1", storage="fast", files={"srv/till": b"money"})
    guest = site.world.cluster.guests[vmid]
    guest.tags, guest.description, guest.running = [tag], description, True
    site.before[vmid] = site.world.content_hash(vmid)


def test_a_guest_that_takes_the_id_between_plan_and_restore(site: Drills) -> None:
    site.faults.before("POST", r"/nodes/pve1/lxc$", lambda: a_stranger(site, 900))
    result = site.drill(vmids=[101])
    assert not result.get("failed"), result["msg"]
    assert site.rows(result)[101]["target"]["vmid"] == 901
    assert site.copies() == []
    site.untouched()


def test_ids_that_are_taken_one_after_the_other(site: Drills) -> None:
    taken = iter(range(900, 908))
    site.faults.before("POST", r"/nodes/pve1/lxc$", lambda: a_stranger(site, next(taken)), times=8)
    result = site.drill(vmids=[101])
    row = site.rows(result)[101]
    assert (row["verdict"], row["reason"]) == ("not_run", "restored: no id of scratch_range is free any more")
    site.untouched()


def test_a_guest_with_our_tag_and_without_the_nonce(site: Drills) -> None:
    a_stranger(site, 900, "lifeboat-drill", "made by hand, Lifeboat drill 123")
    result = site.drill(vmids=[101])
    assert not result.get("failed"), result["msg"]
    (warning,) = warnings_of(result)
    assert warning.startswith(
        "Guest 900 on node pve1 carries the tag lifeboat-drill, and no drill of this user that is"
    )
    site.untouched()


def test_a_copy_that_somebody_makes_his_own(site: Drills) -> None:
    """Whoever takes the marks away keeps the guest."""

    def take() -> None:
        copy = site.world.cluster.guests[900]
        copy.tags, copy.description = ["shop"], "mine now"

    site.faults.after("POST", r"/lxc/900/status/start$", take)
    result = site.drill(vmids=[101])
    assert result["failed"]
    assert site.copies() == [900]
    row = site.rows(result)[101]
    assert row["cleanup"] == {
        "done": False,
        "reason": "guest 900 on node pve1 lacks the tag lifeboat-drill, this drill's nonce in its notes; somebody else "
        "may use it, and it was left alone",
        "upid": None,
    }
    assert "101 (web1): not cleaned up: guest 900 on node pve1 lacks" in result["msg"]


def test_a_copy_that_was_made_anew_on_its_id(site: Drills) -> None:
    """Somebody destroys the copy and restores something of his own to the id, with the marks in it."""

    def swap() -> None:
        copy = site.world.cluster.guests.pop(900)
        a_stranger(site, 900, "lifeboat-drill", copy.description)
        site.world.start_task("pve1", "vzrestore", "900", "root@pam", lambda _worker: None)
        site.world.tasks.wait_idle(5)

    site.faults.after("POST", r"/lxc/900/status/start$", swap)
    result = site.drill(vmids=[101])
    assert result["failed"]
    assert "was made anew by UPID:pve1:" in site.rows(result)[101]["cleanup"]["reason"]
    site.untouched()


@pytest.mark.parametrize(
    "selection", [{"tags": ["nobody"]}, {"all_guests": True, "nodes": ["pve1"], "exclude": ["web1", "db1"]}]
)
def test_a_selection_of_nobody(site: Drills, selection: dict[str, Any]) -> None:
    result = site.drill(**selection)
    assert result["failed"]
    assert result["msg"] == "The selection means no guest, so that nothing would be proven. Nothing was restored."


def test_a_pool_of_nobody(site: Drills) -> None:
    site.world.add_pool("empty")
    result = site.drill(pools=["empty"])
    assert result["failed"]
    assert "empty" in result["msg"] or "means no guest" in result["msg"]


def test_copies_of_drills_are_nobodys_guests(site: Drills) -> None:
    """Those of a drill that goes on are not drilled themselves."""
    site.drill(vmids=[101], state="started")
    result = site.drill(all_guests=True)
    assert sorted(site.verdicts(result)) == [*GUESTS]


def test_a_range_that_is_full(site: Drills) -> None:
    for vmid in (900, 901):
        a_stranger(site, vmid)
    result = site.drill(vmids=[101], scratch_range="900-901")
    row = site.rows(result)[101]
    assert row["verdict"] == "not_run"
    assert row["reason"] == (
        "scratch_range: every id of 900-901 is taken; make it larger, or remove what is not needed there"
    )
    site.untouched()


def test_a_range_with_one_id_is_used_four_times(site: Drills) -> None:
    result = site.drill(vmids=[*GUESTS], scratch_range="900-900")
    assert set(site.verdicts(result).values()) == {"passed"}, result["msg"]
    assert {row["target"]["vmid"] for row in result["drills"]} == {900}


def test_two_drills_at_once_on_one_range(site: Drills) -> None:
    runs = [site.process(vmids=[*GUESTS], scratch_range="900-909") for _run in range(2)]
    results = [run.result(60) for run in runs]
    for result in results:
        assert set(site.verdicts(result).values()) == {"passed"}, result["msg"]
        assert result["leftovers"] == []
    assert site.copies() == []
    assert len(site.record()) == 8
    site.untouched()


@pytest.mark.slow
def test_a_node_that_dies_while_a_copy_boots(site: Drills) -> None:
    site.faults.boot_hangs(900)
    site.faults.after("POST", r"/qemu/900/status/start$", lambda: site.faults.node_offline("pve1"))
    result = site.drill(vmids=[300], boot_timeout="2s", clean_up_timeout="2s")
    assert result["failed"]
    row = site.rows(result)[300]
    assert (row["verdict"], checks(row)["booted"]) == ("not_run", "not_run")
    assert "by hand it is 'qm destroy 900' on node pve1" in row["cleanup"]["reason"]
    site.faults.node_online("pve1")
    site.faults.release(900)
    after = site.drill(vmids=[102])
    assert [(one["vmid"], one["result"]) for one in after["leftovers"]] == [(900, "removed")]
    assert site.copies() == []
    verdicts = [(line["guest"]["vmid"], line["verdict"]) for line in site.record()]
    assert verdicts == [(300, "not_run"), (102, "passed")]


@pytest.mark.parametrize("printed", ["", "yes", "00000000000000000000000000000000\n", "lifeboat"])
def test_an_agent_that_lies(site: Drills, printed: str) -> None:
    site.faults.agent_lies(900, printed)
    row = site.rows(site.drill(vmids=[300]))[300]
    assert (row["verdict"], checks(row)["agent"]) == ("failed", "failed")
    assert reasons(row)["agent"].startswith("its guest agent was asked to print ")
    assert site.copies() == []


def test_an_agent_that_runs_no_commands_proves_itself_by_its_name(site: Drills) -> None:
    site.faults.exec_disabled(900)
    row = site.rows(site.drill(vmids=[300]))[300]
    assert (row["verdict"], checks(row)["agent"]) == ("passed", "passed")
    assert reasons(row)["agent"].startswith("it calls itself db1; its agent runs no commands")


def test_an_agent_that_never_answers(site: Drills) -> None:
    site.faults.boot_hangs(900)
    result = site.drill(vmids=[300], boot_timeout="1s")
    assert result["failed"]
    row = site.rows(result)[300]
    assert reasons(row)["booted"] == "it runs, and its guest agent did not answer within 1 s (boot_timeout)"
    assert checks(row) == {"restored": "passed", "booted": "failed", "agent": "not_run"}
    assert site.copies() == []


def test_an_agent_that_falls_silent(site: Drills) -> None:
    site.faults.before("POST", r"/agent/exec$", lambda: site.faults.agent_hangs(900))
    row = site.rows(site.drill(vmids=[300]))[300]
    assert row["verdict"] == "failed"
    assert checks(row)["agent"] == "failed"


@pytest.mark.parametrize("vmid", [101, 300])
def test_a_guest_that_crashes(site: Drills, vmid: int) -> None:
    site.faults.guest_crashes(900, after=1.2)
    row = site.rows(site.drill(vmids=[vmid], running_for="4s"))[vmid]
    assert (row["verdict"], checks(row)["running"]) == ("failed", "failed")
    assert "it was up and stopped again within" in reasons(row)["running"]
    assert site.copies() == []


def test_a_machine_that_stands_still(site: Drills) -> None:
    site.faults.after("POST", r"/agent/exec$", lambda: site.faults.guest_paused(900, "io-error"))
    row = site.rows(site.drill(vmids=[300], running_for="2s", agent="required"))[300]
    assert row["verdict"] == "failed"
    assert "io-error" in reasons(row)["running"]


def test_a_start_that_fails(site: Drills) -> None:
    site.faults.start_fails(900, "start failed: QEMU exited with code 1")
    row = site.rows(site.drill(vmids=[300]))[300]
    assert row["reason"] == "booted: it does not start: start failed: QEMU exited with code 1"
    assert site.copies() == []


def test_a_restore_that_ends_with_warnings(site: Drills) -> None:
    site.faults.restore_warns(900, "tar: a warning")
    row = site.rows(site.drill(vmids=[101]))[101]
    assert row["verdict"] == "passed"
    assert reasons(row)["restored"] == "all volumes of the backup are there; the task ended with WARNINGS: 1"


def test_a_restore_that_takes_too_long(site: Drills) -> None:
    site.faults.restore_hangs(900)
    result = site.drill(vmids=[300], restore_timeout="1s")
    row = site.rows(result)[300]
    assert row["verdict"] == "failed"
    assert row["reason"] == "restored: the restore did not end within restore_timeout (1 s)"
    assert site.copies() == []


def test_an_empty_vm_of_a_restore_that_failed_is_removed(site: Drills) -> None:
    site.faults.restore_fails(900, "unable to restore VM 900 - no such luck", at="extract")
    result = site.drill(vmids=[300])
    assert site.verdicts(result) == {300: "failed"}
    assert site.copies() == []


def test_a_clean_up_whose_destroy_hangs(site: Drills) -> None:
    site.faults.destroy_hangs(900)
    result = site.drill(vmids=[101], clean_up_timeout="1s")
    assert result["failed"]
    row = site.rows(result)[101]
    assert row["verdict"] == "passed"
    assert "by hand it is 'pct destroy 900' on node pve1" in row["cleanup"]["reason"]
    assert "not cleaned up: its removal did not end (task UPID:pve1:" in result["msg"]
    site.faults.release(900)
    site.idle()
    after = site.drill(state="cleaned")
    assert not after.get("failed"), after["msg"]
    assert site.copies() == []
    assert site.journals() == []
    assert [line["verdict"] for line in site.record()] == ["passed"]


def test_a_clean_up_whose_destroy_fails(site: Drills) -> None:
    site.faults.destroy_fails(900, "lvremove failed")
    result = site.drill(vmids=[101])
    assert result["failed"]
    assert "its removal failed: lvremove failed" in result["msg"]
    site.faults.clear()
    after = site.drill(state="cleaned")
    assert [(one["vmid"], one["result"]) for one in after["leftovers"]] == [(900, "removed")]
    assert site.copies() == []


def test_a_copy_that_does_not_stop(site: Drills) -> None:
    site.faults.stop_hangs(900)
    result = site.drill(vmids=[101], clean_up_timeout="1s")
    assert result["failed"]
    assert "by hand it is 'pct destroy 900' on node pve1" in result["msg"]
    site.faults.release(900)


def test_a_removal_whose_answer_is_lost(site: Drills) -> None:
    site.faults.drop("DELETE", r"/lxc/900$", when="after")
    result = site.drill(vmids=[101])
    assert not result.get("failed"), result["msg"]
    assert site.copies() == []
    assert len([one for one in site.writes() if one.startswith("DELETE /nodes/pve1/lxc")]) == 1


def test_an_id_that_is_somebody_elses_once_the_answer_is_lost(site: Drills) -> None:
    """The copy is destroyed, the answer lost, and somebody has the id: he keeps it."""

    def take() -> None:
        wait_for(lambda: 900 in site.world.cluster.guests)
        wait_for(lambda: 900 not in site.world.cluster.guests)
        a_stranger(site, 900)

    site.faults.drop("DELETE", r"/lxc/900$", when="after")
    timer = threading.Thread(target=take)
    timer.start()
    result = site.drill(vmids=[101])
    timer.join()
    assert result["failed"]
    assert 900 in site.world.cluster.guests
    site.untouched()


def test_a_start_whose_answer_is_lost(site: Drills) -> None:
    site.faults.drop("POST", r"/lxc/900/status/start$", when="after")
    result = site.drill(vmids=[101])
    assert site.verdicts(result) == {101: "passed"}, result["msg"]
    assert len([one for one in site.writes() if one.endswith("status/start")]) == 1


def test_a_restore_whose_answer_is_lost(site: Drills) -> None:
    site.faults.drop("POST", r"/nodes/pve1/lxc$", when="after")
    result = site.drill(vmids=[101])
    assert site.verdicts(result) == {101: "passed"}, result["msg"]
    assert site.copies() == []


def test_a_record_that_cannot_be_written(site: Drills, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = site.drill(vmids=[101], record_path=str(tmp_path / "folder"))
    assert result["failed"]
    assert result["msg"].startswith(f"The record {tmp_path}/folder cannot be read: it is a folder")
    assert site.writes() == []


def test_side_by_side_on_two_nodes(site: Drills) -> None:
    """Four restores on two nodes run at the same time."""
    for vmid in range(900, 904):
        site.faults.guest_pace(vmid, 1.0)
    result = site.drill(vmids=[*GUESTS])
    rows = result["drills"]
    assert {row["target"]["node"] for row in rows} == {"pve1", "pve2"}
    assert max(row["at"] for row in rows) < min(row["ended"] for row in rows)


def test_a_backup_of_a_copy_that_is_drilled(site: Drills) -> None:
    """A backup of the copy itself, restored by somebody to an id of the range, is not ours to destroy."""
    back_up(site)
    started = site.drill(vmids=[101], state="started")
    copy = site.rows(started)[101]["target"]["vmid"]
    clone = site.world.cluster.guests[copy]
    a_stranger(site, 905, clone.tags[0], clone.description)
    result = site.drill(state="cleaned", run=started["run"])
    assert site.rows(result)[101]["cleanup"]["done"]
    assert 905 in site.world.cluster.guests
    site.untouched()


# ----- what a review found


def while_it_stops(site: Drills, change: Callable[[], None]) -> None:
    """Do it while the copy 900 is being stopped."""
    site.faults.after("POST", r"/lxc/900/status/stop$", change)


def test_a_stranger_who_takes_the_id_while_the_copy_stops(site: Drills) -> None:
    def swap() -> None:
        site.idle()
        site.world.remove_guest(900)
        a_stranger(site, 900)
        site.world.cluster.guests[900].running = False
        site.before[900] = site.world.content_hash(900)

    while_it_stops(site, swap)
    result = site.drill(vmids=[101])
    assert result["failed"]
    assert 900 in site.world.cluster.guests
    site.untouched()


def test_a_tag_that_is_taken_off_while_the_copy_stops(site: Drills) -> None:
    def take() -> None:
        site.world.cluster.guests[900].tags = []

    while_it_stops(site, take)
    result = site.drill(vmids=[101])
    assert result["failed"]
    assert site.copies() == [900]


def test_guests_without_a_backup_do_not_block_the_others(site: Drills) -> None:
    for vmid in (110, 111, 112):
        site.world.add_container(vmid, f"new{vmid}", node="pve1", storage="fast", files={})
    chosen = [site.drill(all_guests=True, per_run="1", fail_on=[])["rotation"]["chosen"] for _night in range(4)]
    assert sorted(one for night in chosen for one in night) == [*GUESTS]


def test_a_card_that_is_added_before_the_start(site: Drills) -> None:
    prepared = site.drill(vmids=[101], state="prepared")
    site.world.set_option(900, "net0", "name=eth0,bridge=vmbr0")
    result = site.drill(state="checked", run=prepared["run"])
    assert checks(site.rows(result)[101])["booted"] == "not_run"
    assert "net0 is a network card" in reasons(site.rows(result)[101])["booted"]
    assert not [one for one in site.writes() if one.endswith("status/start")]


def test_a_vm_that_crashes_while_it_boots_has_failed(site: Drills) -> None:
    site.faults.boot_hangs(900)
    site.faults.guest_crashes(900, after=0.4)
    row = site.rows(site.drill(vmids=[300]))[300]
    assert (row["verdict"], reasons(row)["booted"]) == (
        "failed", "it ran, and stopped again before its guest agent answered",
    )  # fmt: skip


def test_a_copy_that_was_moved_is_no_copy_that_is_gone(site: Drills) -> None:
    site.faults.after("POST", r"/lxc/900/status/start$", lambda: site.world.move_guest(900, "pve2"))
    result = site.drill(vmids=[101])
    assert result["failed"]
    assert "the copy 900 was moved to node pve2; by hand it is 'pct destroy 900' there" in result["msg"]


@pytest.mark.parametrize("name", ["restored", "booted", "agent", "running"])
def test_nobody_tells_what_is_looked_at_here(site: Drills, name: str) -> None:
    site.world.set_option(300, "hookscript", "local:snippets/hook.pl")
    back_up(site)
    started = site.drill(vmids=[300], state="started")
    told = [{"vmid": 300, "check": name, "verdict": "passed", "evidence": "I saw it"}]
    refused = site.drill(state="checked", run=started["run"], verdicts=told)
    assert refused["failed"]
    assert refused["msg"].startswith(f"verdicts, entry 1: '{name}' can't be told")
    assert site.verdicts(site.drill(state="cleaned", run=started["run"])) == {300: "not_run"}


def test_verdicts_name_the_guest_and_not_its_copy(site: Drills) -> None:
    started = site.drill(vmids=[101], state="started")
    told = [{"vmid": 900, "check": "shop", "verdict": "failed"}]
    refused = site.drill(state="checked", run=started["run"], verdicts=told)
    assert refused["msg"].startswith("verdicts: 900 is not drilled by run ")


def test_one_verdict_of_two_is_failed(site: Drills) -> None:
    started = site.drill(vmids=[101], state="started")
    told = [
        {"vmid": 101, "check": "shop", "verdict": "failed", "reason": "HTTP 500"},
        {"vmid": 101, "check": "shop", "verdict": "passed", "evidence": "HTTP 200"},
    ]
    site.drill(state="checked", run=started["run"], verdicts=told)
    assert site.verdicts(site.drill(state="cleaned", run=started["run"])) == {101: "failed"}


def test_a_canary_of_nobody_is_told(site: Drills) -> None:
    result = site.drill(vmids=[101], canaries=[{"path": "/x", "content": "x", "name": "web9"}])
    assert "web9 is none of the selected guests" in "".join(warnings_of(result))


def test_canaries_of_the_call_that_began_it(site: Drills) -> None:
    canary = {"path": "/etc/canary", "content": "something else"}
    prepared = site.drill(vmids=[300], state="prepared", canaries=[canary])
    site.drill(state="checked", run=prepared["run"])
    assert site.verdicts(site.drill(state="cleaned", run=prepared["run"])) == {300: "failed"}


def test_leftovers_of_another_token_are_told(site: Drills) -> None:
    site.drill(vmids=[101], state="started")
    secret = site.world.add_token("root@pam", "other", privsep=False)
    result = site.drill(state="cleaned", api_token_id="root@pam!other", api_token_secret=secret)
    assert "Guest 900 on node pve1 carries the tag" in "".join(warnings_of(result))
    assert site.copies() == [900]


def test_a_thin_storage_is_not_filled(tmp_path: Path) -> None:
    world = drilled_world(tmp_path / "cluster")
    world.add_storage("thin", type="lvmthin", content=["images", "rootdir"], capacity=400 << 20)
    with drills(world, tmp_path) as site:
        row = site.rows(site.drill(vmids=[300], target_storage="thin"))[300]
        assert row["verdict"] == "not_run"
        assert row["reason"].startswith("there is no room for a copy at its full size: storage thin has "), row[
            "reason"
        ]


def test_a_shared_storage_is_counted_once_for_all_nodes(tmp_path: Path) -> None:
    world = drilled_world(tmp_path / "cluster")
    for vmid in (300, 301):
        world.cluster.guests[vmid].volumes[0].size = 1 << 30
    world.add_storage("lun", type="lvm", content=["images", "rootdir"], shared=True, capacity=3 << 29)
    with drills(world, tmp_path) as site:
        most = [0]

        def count() -> None:
            most[0] = max(most[0], len(site.copies()))

        site.faults.after("POST", r"/agent/ping$", count, times=99)
        result = site.drill(vmids=[300, 301], target_storage="lun")
        assert site.verdicts(result) == {300: "passed", 301: "passed"}, result["msg"]
        assert most == [1], "one after the other"


def test_an_archive_that_is_pruned_before_its_turn(site: Drills) -> None:
    site.faults.before("GET", r"/vzdump/extractconfig$", site.world.archive_path(site.volids[101]).unlink)
    row = site.rows(site.drill(vmids=[101]))[101]
    assert row["verdict"] == "not_run", row["reason"]


@pytest.mark.parametrize("path", [r"/nodes/pve1/lxc$", r"/lxc/900/status/start$"])
def test_a_refused_request_says_nothing_of_the_backup(site: Drills, path: str) -> None:
    site.faults.http("POST", path, 500, "cluster not ready - no quorum?")
    row = site.rows(site.drill(vmids=[101]))[101]
    assert row["verdict"] == "not_run", row["reason"]
    assert "no quorum" in row["reason"]
    assert site.copies() == []


def test_a_restore_for_which_there_was_no_room(site: Drills) -> None:
    site.faults.restore_fails(900, "command 'tar' failed: No space left on device", at="extract")
    assert site.verdicts(site.drill(vmids=[101])) == {101: "not_run"}


def test_a_worker_that_is_killed_says_nothing_of_the_backup(site: Drills) -> None:
    site.faults.restore_dies(900)
    row = site.rows(site.drill(vmids=[300]))[300]
    assert row["verdict"] == "not_run"
    assert "ended from outside (unexpected status)" in row["reason"]


def test_a_clean_up_that_fails_twice_is_recorded_once(site: Drills) -> None:
    site.faults.destroy_fails(900, "lvremove failed")
    site.drill(vmids=[101])
    for _night in range(2):
        assert site.drill(state="cleaned")["failed"]
    assert [line["verdict"] for line in site.record()] == ["passed"]
    site.faults.clear()
    assert [one["result"] for one in site.drill(state="cleaned")["leftovers"]] == ["removed"]


def test_a_failed_clean_up_of_states_is_the_next_drills(site: Drills) -> None:
    """The lease of a drill that could not be cleaned up is void."""
    started = site.drill(vmids=[101], state="started")
    site.faults.destroy_fails(900, "lvremove failed")
    site.drill(state="cleaned", run=started["run"])
    site.faults.clear()
    assert [one["result"] for one in site.drill(state="cleaned")["leftovers"]] == ["removed"]
    assert site.copies() == []


def test_a_run_that_nobody_knows_is_not_cleaned(site: Drills) -> None:
    result = site.drill(state="cleaned", run="20261121T221500Z-1a2b3c4d")
    assert result["failed"]
    assert result["msg"].startswith("run: no drill of 20261121T221500Z-1a2b3c4d is open here")


def test_input_errors_come_before_anything_is_removed(site: Drills) -> None:
    site.drill(vmids=[101], state="started", lease="1s")
    time.sleep(1.1)
    for wrong in ({"tags": ["nobody"]}, {"vmids": [101], "per_run": "few"}):
        assert site.drill(**wrong)["failed"]
        assert site.writes() == []
    assert site.copies() == [900]


def test_copies_of_another_plan_are_nobodys_guests(site: Drills) -> None:
    site.drill(vmids=[101], state="started", scratch_range="950-959")
    result = site.drill(all_guests=True)
    assert sorted(site.verdicts(result)) == [*GUESTS]
    assert result["findings"] == []


def test_check_mode_of_a_run_that_goes_on(site: Drills) -> None:
    started = site.drill(vmids=[101], state="started")
    result = site.drill(state="cleaned", run=started["run"], check=True)
    assert [(row["phase"], row["verdict"]) for row in result["drills"]] == [("started", "pending")]
    assert site.writes() == []
