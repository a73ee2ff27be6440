# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many restores: side by side on all nodes, with requests that grow with their number, and nothing else touched."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.restores import Restores, restores, restoring_world
from harness.waiting import wait_for
from pve_simulator import World

NODES = ("pve1", "pve2", "pve3", "pve4")


def fleet(folder: Path, number: int) -> World:
    """So many containers over four nodes, each with a backup made an hour ago; then they are gone."""
    world = restoring_world(folder)
    for node in NODES[2:]:
        world.add_node(node)
    for at in range(number):
        world.add_container(
            500 + at, f"c{at}", node=NODES[at % 4], files={"etc/id": b"%d" % at * 50}, unprivileged=True
        )
        world.add_archive(500 + at, "vault", age=3600)
        del world.cluster.guests[500 + at]
    return world


def running(site: Restores) -> list[str]:
    return [str(task.upid) for task in site.world.tasks.running()]


def ended(site: Restores, upids: list[str]) -> bool:
    return not set(upids) & set(running(site))


@pytest.mark.slow
def test_twenty_restores_to_four_nodes_run_side_by_side(tmp_path: Path) -> None:
    with restores(fleet(tmp_path / "cluster", 20), ()) as site:
        entries = [{"vmid": 500 + at, "target_node": NODES[at % 4]} for at in range(20)]
        for at in range(20):
            site.faults.restore_hangs(500 + at)
        results: list[dict[str, Any]] = []
        seen: list[set[str]] = []

        def watch() -> None:
            """Release what runs once four run, and see which nodes they run on."""
            left = {500 + at for at in range(20)}
            while left:
                wait_for(lambda: len(running(site)) == min(8, len(left)), 10)
                now = running(site)
                assert len(now) <= 8
                seen.append({upid.split(":")[1] for upid in now})
                for upid in now:
                    vmid = int(upid.split(":")[6])
                    left.discard(vmid)
                    site.faults.release(vmid)
                wait_for(partial(ended, site, now), 10)

        watcher = threading.Thread(target=watch)
        watcher.start()
        results.append(site.restore(restores=entries, max_parallel=8))
        watcher.join(30)
        [done] = results
        assert not done.get("failed"), done["msg"]
        assert done["summary"]["restored"] == 20
        assert [row["vmid"] for row in done["restores"]] == [500 + at for at in range(20)]
        assert seen[0] == set(NODES)
        assert {500 + at for at in range(20)} < set(site.world.cluster.guests)


def requests_for(folder: Path, number: int) -> int:
    with restores(fleet(folder, number), ()) as site:
        done = site.restore(vmids=[500 + at for at in range(number)], max_parallel=4)
        assert done["summary"]["restored"] == number
        # how often a task is looked at depends on the machine
        looks = [one for one in site.lab.sim.requests[site.asked :] if one.path.endswith("/status")]
        return int(done["api_requests"]) - len(looks)


@pytest.mark.slow
def test_requests_grow_with_the_restores(tmp_path: Path) -> None:
    counts = {number: requests_for(tmp_path / str(number), number) for number in (4, 8, 16)}
    assert counts[16] - counts[8] == 2 * (counts[8] - counts[4])
    assert (counts[16] - counts[8]) / 8 <= 12


def test_two_at_once_never_get_the_same_free_id(tmp_path: Path) -> None:
    with restores(fleet(tmp_path / "cluster", 6), ()) as site:
        done = site.restore(vmids=[500 + at for at in range(6)], target_vmid="auto", max_parallel=6)
        assert not done.get("failed"), done["msg"]
        ids = [row["vmid"] for row in done["restores"]]
        assert len(set(ids)) == 6


def test_an_id_that_somebody_else_takes_in_between(tmp_path: Path) -> None:
    with restores(fleet(tmp_path / "cluster", 1), ()) as site:
        thief = site.world.add_container

        def steal() -> None:
            thief(100, "thief", node="pve1", files={"mine": b"mine"})

        site.faults.before("POST", r"/nodes/pve1/lxc$", steal)
        before = dict(site.world.cluster.guests)
        done = site.restore(vmid=500, target_vmid="auto", target_node="pve1")
        assert (done["result"], done["vmid"]) == ("restored", 104)
        assert site.world.cluster.guests[100].name == "thief"
        assert set(site.world.cluster.guests) == {*before, 100, 104}


FAULTS: dict[str, Callable[[Restores, int], object]] = {
    "the archive is truncated": lambda site, vmid: site.world.truncate_archive(site.volids[vmid]),
    "the restore fails": lambda site, vmid: site.faults.restore_fails(vmid, "no such luck", "extract"),
    "the safety backup fails": lambda site, vmid: site.faults.guest_fails(vmid, "disk on fire"),
    "the answer is lost": lambda site, _vmid: site.faults.drop("POST", r"/nodes/pve1/(lxc|qemu)$", when="after"),
    "it is locked": lambda site, vmid: site.world.lock_guest(vmid, "backup"),
    "it is protected": lambda site, vmid: site.world.set_option(vmid, "protection", 1),
    "it has a snapshot": lambda site, vmid: site.world.add_snapshot(vmid, "s"),
    "it runs": lambda site, vmid: site.world.set_running(vmid, True),
    "it does not start": lambda site, vmid: site.faults.start_fails(vmid, "no kvm"),
}

WISHES = st.fixed_dictionaries(
    {
        "if_exists": st.sampled_from(["replace", "skip", "fail"]),
        "target_vmid": st.sampled_from(["same", "auto", "777", "102"]),
    },
    optional={
        "prove": st.sampled_from(["scratch", "listed"]),
        "shutdown": st.booleans(),
        "safety_backup": st.booleans(),
        "accept_loss": st.just(["snapshots"]),
        "start": st.booleans(),
    },
)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    vmid=st.sampled_from([101, 300]),
    faults=st.lists(st.sampled_from(sorted(FAULTS)), max_size=2, unique=True),
    wish=WISHES,
    often=st.integers(1, 2),
)
def test_nothing_but_the_named_guest_is_ever_touched(
    vmid: int, faults: list[str], wish: dict[str, Any], often: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, restores(restoring_world(Path(folder) / "cluster")) as site:
        for fault in faults:
            FAULTS[fault](site, vmid)
        target = (
            vmid
            if wish["target_vmid"] == "same"
            else None
            if wish["target_vmid"] == "auto"
            else int(wish["target_vmid"])
        )
        others = {one: site.world.content_hash(one) for one in site.world.cluster.guests if one != target}
        states = {one: site.world.cluster.guests[one].running for one in others}
        archives = {one.volid for one in site.world.backups("vault", "pve1").all()}
        site.old[vmid] = site.world.content_hash(vmid)
        told: set[int | None] = {None}
        for _time in range(often):
            done = site.restore(volid=site.volids[vmid], **wish)
            site.idle()
            made = {one for one in site.world.cluster.guests if one not in others and one != target}
            told |= {row["vmid"] for row in done["restores"]}
            assert made <= told, done["msg"]
            assert {one: site.world.content_hash(one) for one in others} == others, done["msg"]
            assert {one: site.world.cluster.guests[one].running for one in others} == states
            assert archives <= {one.volid for one in site.world.backups("vault", "pve1").all()}
            if target in (101, 300) and wish.get("safety_backup", True) and "the restore fails" not in faults:
                assert site.stands(vmid) in ("old", "backup"), done["msg"]
            if done.get("failed") and "Nothing was changed." in done["msg"]:
                assert site.writes() == []
