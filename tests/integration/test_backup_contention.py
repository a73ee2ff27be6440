# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Others at work: nothing is started twice, and an answer that was lost is looked up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

from harness.lab import Lab


def other_token(cluster: Lab) -> dict[str, str]:
    """Headers of somebody else, who may do everything."""
    cluster.world.add_user("other@pve")
    cluster.world.add_acl("/", "Administrator", user_or_token="other@pve", propagate=True)
    secret = cluster.world.add_token("other@pve", "cron", privsep=False)
    return {"Authorization": f"PVEAPIToken=other@pve!cron={secret}"}


def start_by_hand(cluster: Lab, node: str, headers: dict[str, str], **body: str) -> str:
    """A backup that somebody else starts."""
    url = f"https://{cluster.sim.host}:{cluster.sim.port}/api2/json/nodes/{node}/vzdump"
    answer = requests.post(url, data=body, headers=headers, verify=str(cluster.sim.ca_path), timeout=10)
    assert answer.status_code == 200, answer.reason
    return str(answer.json()["data"])


def backups_started(cluster: Lab) -> list[str]:
    """The tasks that really began, whatever was answered."""
    tasks = [task for node in ("pve1", "pve2", "pve3") for task in cluster.world.tasks.on_node(node)]
    return [str(task.upid) for task in tasks if task.upid.type == "vzdump"]


def running_log(cluster: Lab) -> list[str]:
    """The lines of all tasks that run."""
    return [line for task in cluster.world.tasks.running() for line in task.log.lines()]


def until(true: Callable[[], bool]) -> None:
    """Wait for something that will be true in a moment."""
    for _look in range(200):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not become true")


def in_background(work: Any) -> tuple[threading.Thread, list[Any]]:
    """Run ``work`` in a thread; its result is put into the list."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    return thread, results


def see_all_tasks(cluster: Lab) -> None:
    """Let the token see other people's tasks."""
    cluster.world.add_role("SeeTasks", ["Sys.Audit"])
    for holder in ("backup@pve", "backup@pve!lifeboat"):
        cluster.world.add_acl("/nodes", "SeeTasks", user_or_token=holder, propagate=True)


@pytest.mark.parametrize(
    "body",
    [{"vmid": "101"}, {"vmid": "101,103"}, {"all": "1"}, {"pool": "prod"}],
    ids=["one", "several", "all", "pool"],
)
def test_a_guest_already_being_backed_up_is_waited_for(cluster: Lab, body: dict[str, str]) -> None:
    see_all_tasks(cluster)
    cluster.sim.faults.guest_pace(101, 1.0)
    upid = start_by_hand(cluster, "pve1", other_token(cluster), storage="vault", **body)
    result = cluster.backup(vmids=[101], max_age="1h")
    row = result["guests"][0]
    assert row["result"] == "waited_for"
    assert row["upid"] == upid
    assert row["volid"].startswith("vault:backup/vzdump-lxc-101-")
    assert result["changed"] is False
    assert len(cluster.sent("POST", "/vzdump")) == 1, "only the other one's"


def test_a_foreign_backup_elsewhere_is_not_the_one_that_is_wanted(cluster: Lab) -> None:
    see_all_tasks(cluster)
    cluster.sim.faults.guest_pace(101, 0.5)
    start_by_hand(cluster, "pve1", other_token(cluster), vmid="101")
    row = cluster.backup(vmids=[101], storage="vault", max_age="1h")["guests"][0]
    assert (row["result"], row["storage"]) == ("backed_up", "vault")


def test_a_guest_with_which_the_other_task_is_done_is_not_waited_for(cluster: Lab) -> None:
    see_all_tasks(cluster)
    cluster.sim.faults.guest_hangs(103)
    start_by_hand(cluster, "pve1", other_token(cluster), vmid="101,103", storage="vault")
    until(lambda: any("Starting Backup of VM 103" in line for line in running_log(cluster)))
    # Without max_age a backup is wanted from every run: the one that the other task has just made is this one.
    row = cluster.backup(vmids=[101], timeout="3s")["guests"][0]
    assert (row["result"], row["storage"]) == ("waited_for", "vault")
    cluster.sim.faults.release(103)
    cluster.sim.wait_idle()


def test_a_foreign_archive_that_vanished_is_no_backup(cluster: Lab) -> None:
    see_all_tasks(cluster)
    cluster.sim.faults.guest_pace(101, 0.5)
    cluster.sim.faults.archive_vanishes(101)
    start_by_hand(cluster, "pve1", other_token(cluster), vmid="101", storage="vault")
    result = cluster.backup(vmids=[101], storage="vault", max_age="1h")
    assert result["failed"] is True
    assert result["guests"][0]["reason"].endswith("but storage vault does not list a good archive of it")


def test_a_plan_that_became_old_while_it_waited_is_looked_at_again(cluster: Lab) -> None:
    """The other task backs up 101; while we wait for it somebody backs up 102 as well."""
    see_all_tasks(cluster)
    cluster.sim.faults.guest_hangs(101)
    headers = other_token(cluster)
    start_by_hand(cluster, "pve1", headers, vmid="101", storage="vault")
    thread, results = in_background(lambda: cluster.backup(vmids=[101, 102], storage="vault", max_age="1h"))
    until(lambda: any("Starting Backup of VM 101" in line for line in running_log(cluster)))
    time.sleep(0.5)
    cluster.world.add_archive(102, storage="vault", node="pve1", age=1)
    cluster.sim.faults.release(101)
    thread.join()
    assert {row["vmid"]: row["result"] for row in results[0]["guests"]} == {101: "waited_for", 102: "fresh"}


def test_a_failed_backup_of_somebody_else_is_made_up_for(cluster: Lab) -> None:
    see_all_tasks(cluster)
    cluster.sim.faults.guest_hangs(101)
    upid = start_by_hand(cluster, "pve1", other_token(cluster), vmid="101", storage="vault")
    thread, results = in_background(lambda: cluster.backup(vmids=[101], max_age="1h"))
    time.sleep(0.8)
    theirs = cluster.world.tasks.find(upid)
    assert theirs is not None
    cluster.world.tasks.stop(theirs)
    cluster.sim.faults.release(101)
    thread.join()
    assert results[0]["guests"][0]["result"] == "backed_up"


def test_not_waiting_reports_the_other_task(cluster: Lab) -> None:
    see_all_tasks(cluster)
    cluster.sim.faults.guest_hangs(101)
    upid = start_by_hand(cluster, "pve1", other_token(cluster), vmid="101", storage="vault")
    result = cluster.backup(vmids=[101, 104], wait=False)
    rows = cluster.rows(result)
    assert (rows[101]["result"], rows[101]["upid"]) == ("started", upid)
    assert rows[104]["result"] == "started"
    assert len(cluster.sent("POST", "/vzdump")) == 2
    cluster.sim.faults.release(101)
    cluster.sim.wait_idle()


def test_a_task_that_cannot_be_seen_is_not_joined_blindly(cluster: Lab) -> None:
    cluster.sim.faults.guest_hangs(101)
    start_by_hand(cluster, "pve1", other_token(cluster), vmid="101", storage="vault")
    time.sleep(0.3)
    result = cluster.backup(vmids=[101, 104], max_age="1h")
    rows = cluster.rows(result)
    assert rows[101]["result"] == "not_started"
    assert rows[101]["reason"].endswith("grant Sys.Audit on /nodes/pve1 so that it can be waited for")
    assert rows[104]["result"] == "backed_up"
    cluster.sim.faults.release(101)
    cluster.sim.wait_idle()


def test_a_stale_lock_is_named_as_one(cluster: Lab) -> None:
    see_all_tasks(cluster)
    cluster.world.add_container(112, "stuck", node="pve1", files={}, lock="backup")
    row = cluster.backup(vmids=[112])["guests"][0]
    assert row["result"] == "failed"
    assert row["reason"] == (
        "CT is locked (backup); if no backup of it runs, the lock is a stale one: qm unlock or pct unlock on its node "
        "removes it"
    )


def test_two_runs_at_once_make_one_backup_of_each_guest(cluster: Lab) -> None:
    for vmid in (101, 102, 103, 104):
        cluster.sim.faults.guest_pace(vmid, 0.3)
    wish: dict[str, Any] = {"vmids": [101, 102, 103, 104], "max_age": "1h", "storage": "vault"}
    # Two processes in life; here the second run is started by hand with the same token while the first is on its way.
    headers = {
        "Authorization": f"PVEAPIToken={cluster.connection['api_token_id']}={cluster.connection['api_token_secret']}"
    }
    start_by_hand(cluster, "pve1", headers, vmid="102,103", storage="vault")
    result = cluster.backup(**wish)
    rows = cluster.rows(result)
    assert {rows[vmid]["result"] for vmid in (102, 103)} == {"waited_for"}
    assert {rows[vmid]["result"] for vmid in (101, 104)} == {"backed_up"}
    backups = cluster.info(vmids=wish["vmids"])["backups"]
    assert sorted(backup["vmid"] for backup in backups) == [101, 102, 103, 104]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dropped_connection_never_makes_two(cluster: Lab, when: str) -> None:
    cluster.sim.faults.drop("POST", r"/nodes/pve1/vzdump", when=when)
    result = cluster.backup(vmids=[101, 102], storage="vault")
    assert {row["result"] for row in result["guests"]} == {"backed_up"}, result
    assert sorted(backup["vmid"] for backup in cluster.info(vmids=[101, 102])["backups"]) == [101, 102]
    assert len(backups_started(cluster)) == 1


@pytest.mark.parametrize("status", [596, 599, 502, 504])
def test_a_gateway_fault_after_the_start_never_makes_two(cluster: Lab, status: int) -> None:
    cluster.sim.faults.http("POST", r"/nodes/pve1/vzdump", status, "Broken pipe", after=True)
    result = cluster.backup(vmids=[101], storage="vault")
    assert result["guests"][0]["result"] == "backed_up"
    assert len(backups_started(cluster)) == 1


@pytest.mark.slow
def test_an_older_task_for_other_guests_is_not_taken_for_ours(cluster: Lab) -> None:
    headers = {
        "Authorization": f"PVEAPIToken={cluster.connection['api_token_id']}={cluster.connection['api_token_secret']}"
    }
    faults = cluster.sim.faults
    faults.drop("POST", r"/nodes/pve1/vzdump", when="before")
    faults.before("GET", r"/nodes/pve1/tasks$", lambda: None)  # the list that is taken before the POST
    faults.before(
        "GET", r"/nodes/pve1/tasks$", lambda: start_by_hand(cluster, "pve1", headers, vmid="103", storage="local")
    )
    row = cluster.backup(vmids=[101], storage="vault")["guests"][0]
    assert row["result"] == "backed_up"
    assert row["volid"].startswith("vault:backup/vzdump-lxc-101-")
    assert len(backups_started(cluster)) == 2, "the other one's, and ours when it was sent again"


@pytest.mark.slow
def test_reads_survive_a_restart_of_the_proxy(cluster: Lab) -> None:
    cluster.sim.faults.guest_pace(101, 0.5)
    cluster.sim.faults.drop("GET", r"/tasks/UPID.*/status", times=2)
    cluster.sim.faults.http("GET", r"/content", 596, "Broken pipe", times=1)
    cluster.sim.faults.http("GET", r"/cluster/resources", 503, "Service Unavailable", times=1)
    assert cluster.backup(vmids=[101])["guests"][0]["result"] == "backed_up"


def test_a_token_for_three_guests_in_a_larger_cluster(cluster: Lab) -> None:
    world = cluster.world
    world.add_user("few@pve")
    secret = world.add_token("few@pve", "own", privsep=False)
    for path in ("/vms/101", "/vms/104", "/vms/301", "/storage/vault"):
        world.add_acl(path, "LifeboatBackup", user_or_token="few@pve")
    cluster.connection.update(api_token_id="few@pve!own", api_token_secret=secret)
    result = cluster.backup(all_guests=True, max_age="1h")
    assert {row["vmid"]: row["result"] for row in result["guests"]} == {
        101: "backed_up",
        104: "backed_up",
        301: "backed_up",
    }
    assert cluster.backup(all_guests=True, max_age="1h")["changed"] is False
