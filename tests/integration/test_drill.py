# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drills against the simulator: what is restored, cut off, started, checked, destroyed and recorded."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.drills import CANARY, GUESTS, Drills, back_up, checks, drilled_world, drills, reasons
from harness.lab import TOKEN
from harness.modules import warnings_of

pytestmark = pytest.mark.core_matrix


@pytest.fixture(params=["8.4", "9.2"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drills]:
    with drills(drilled_world(tmp_path / "cluster", request.param), tmp_path) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Drills]:
    with drills(drilled_world(tmp_path / "cluster"), tmp_path) as running:
        yield running


def test_four_guests_are_drilled(both: Drills) -> None:
    result = both.drill(vmids=[*GUESTS], canaries=[CANARY], running_for="1s", plan="nightly")
    assert not result.get("failed"), result["msg"]
    assert result["msg"] == "4 drills: 4 passed."
    rows = both.rows(result)
    assert checks(rows[101]) == {"restored": "passed", "booted": "passed", "running": "passed"}
    assert checks(rows[300]) == dict.fromkeys(
        ("restored", "booted", "agent", "canary /etc/canary", "running"), "passed"
    )
    assert checks(rows[301]) == {"restored": "passed", "booted": "passed", "agent": "passed", "running": "passed"}
    nonce = next(one["evidence"] for one in rows[300]["checks"] if one["check"] == "agent")
    assert nonce["printed"] == nonce["nonce"]
    assert len(nonce["nonce"]) == 32
    assert both.copies() == []
    assert both.journals() == []
    both.untouched()
    for vmid, row in rows.items():
        assert row["rpo"] in range(3600, 3700)
        assert row["archive"]["volid"] == both.volids[vmid]
        assert row["rto"] == pytest.approx(row["seconds"]["restore"] + row["seconds"]["boot"], abs=0.11)
        assert row["cleanup"]["done"]
        assert row["target"]["vmid"] in range(900, 908)
    recorded = {line["guest"]["vmid"]: line for line in both.record()}
    assert recorded == {vmid: {k: v for k, v in row.items() if k != "phase"} for vmid, row in rows.items()}


def test_the_copy_is_cut_off_before_it_is_started(site: Drills) -> None:
    world = site.world
    seen: list[dict[str, str]] = []
    for vmid in (300, 301):
        world.set_option(vmid, "net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0")
        world.set_option(vmid, "ide2", "local:iso/debian.iso,media=cdrom")
        world.set_option(vmid, "usb0", "spice")
    world.set_option(101, "net0", "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:02,type=veth")
    back_up(site)

    site.faults.before("POST", r"/status/start$", lambda: seen.append(site.settings(900)), times=2)
    result = site.drill(vmids=[101, 300], memory=256, cores=1, max_parallel=1)
    assert not result.get("failed"), result["msg"]
    ct, vm = seen
    for found in (vm, ct):
        assert "net0" not in found
        assert found["onboot"] == "0"
        assert found["tags"] == "lifeboat-drill"
        assert "Lifeboat drill " in found["description"]
        assert found["memory"] == "256"
    assert vm["ide2"] == "none,media=cdrom"
    assert "usb0" not in vm
    assert vm["name"] == "drill-300-db1"
    assert ct["hostname"] == "drill-101-web1"


@pytest.mark.parametrize(
    ("network", "card"),
    [
        ({"network": "disconnected"}, {"bridge": "vmbr0", "link_down": "1"}),
        ({"network": "isolated", "bridge": "vmbr9", "vlan": 99}, {"bridge": "vmbr9", "tag": "99"}),
    ],
)
def test_networks_that_are_kept(site: Drills, network: dict[str, Any], card: dict[str, str]) -> None:
    world, seen = site.world, []
    world.set_option(300, "net0", "virtio=BC:24:11:00:00:01,bridge=vmbr0,tag=5")
    back_up(site)
    site.faults.before("POST", r"/status/start$", lambda: seen.append(site.settings(900)["net0"]))
    result = site.drill(vmids=[300], **network)
    assert not result.get("failed"), result["msg"]
    parts = dict(part.split("=", 1) for part in seen[0].split(","))
    assert {key: parts.get(key) for key in card} == card
    assert "BC:24:11:00:00:01" not in seen[0], "two guests with one address"


def test_check_mode_says_what_would_be_drilled(site: Drills) -> None:
    result = site.drill(vmids=[101, 300], check=True)
    assert result["msg"] == "2 drills: 2 pending."
    assert [row["phase"] for row in result["drills"]] == ["planned"] * 2
    assert (
        site.rows(result)[300]["reason"] == f"{site.volids[300]} would be restored to a free id of 900-907 on node pve1"
    )
    assert site.writes() == []
    assert site.record() == []


def test_a_guest_that_does_not_fit_is_not_run(site: Drills) -> None:
    site.world.cluster.nodes["pve1"].memory = 4 << 30
    site.world.cluster.guests[300].memory = 8192
    back_up(site)
    result = site.drill(vmids=[300, 301])
    assert not result.get("failed"), result["msg"]
    row = site.rows(result)[300]
    assert (row["verdict"], row["phase"]) == ("not_run", "planned")
    assert row["reason"].startswith("it needs 8192 MiB of memory, and node pve1 has ")
    assert site.verdicts(result)[301] == "passed"
    assert [line["verdict"] for line in site.record()] == ["not_run", "passed"]


def test_drills_share_the_memory_of_a_node(site: Drills) -> None:
    """Two that fit one after the other are both drilled."""
    site.world.cluster.nodes["pve1"].memory = 3 << 30
    for vmid in (101, 300):
        site.world.cluster.guests[vmid].memory = 1024
    back_up(site)
    result = site.drill(vmids=[101, 300], free_memory=512)
    assert site.verdicts(result) == {101: "passed", 300: "passed"}, result["msg"]


def test_a_template_is_restored_and_not_started(site: Drills) -> None:
    site.world.cluster.guests[301].template = True
    back_up(site)
    row = site.rows(site.drill(vmids=[301]))[301]
    assert (row["verdict"], checks(row)) == ("passed", {"restored": "passed"})
    assert not [one for one in site.writes() if one.endswith("status/start")]
    assert site.copies() == []


def test_what_a_token_may_not_take_out_is_not_started(site: Drills) -> None:
    site.world.set_option(300, "hookscript", "local:snippets/hook.pl")
    back_up(site)
    row = site.rows(site.drill(vmids=[300]))[300]
    assert row["verdict"] == "not_run"
    assert checks(row) == {"restored": "passed", "booted": "not_run", "agent": "not_run"}
    assert reasons(row)["booted"] == (
        "it can't be started apart from the world: hookscript (local:snippets/hook.pl) can be taken out by root@pam "
        "alone"
    )
    assert not [one for one in site.writes() if one.endswith("status/start")]
    assert site.copies() == []


def test_a_guest_without_a_backup_is_a_finding(site: Drills) -> None:
    site.world.add_container(103, "new", node="pve1", storage="fast", files={"etc/motd": b"new\n"})
    site.remember()
    result = site.drill(vmids=[101, 103])
    assert result["failed"]
    assert (
        result["msg"]
        == "1 drill: 1 passed, 1 without a good backup. 103 (new) has no good backup: no backup of it is shown."
    )
    assert result["findings"] == [
        {"vmid": 103, "name": "new", "node": "pve1", "type": "lxc", "finding": "no_good_backup",
         "reason": "no backup of it is shown"}
    ]  # fmt: skip
    assert not site.drill(vmids=[101, 103], fail_on=["failed"]).get("failed")


def test_a_broken_backup_fails(site: Drills) -> None:
    site.world.truncate_archive(site.volids[101])
    result = site.drill(vmids=[101, 102])
    assert result["failed"]
    row = site.rows(result)[101]
    assert (row["verdict"], checks(row)) == ("failed", {"restored": "failed"})
    assert row["cleanup"]["done"]
    assert site.verdicts(result)[102] == "passed"
    assert site.copies() == []


def test_a_backup_whose_configuration_cannot_be_read_fails(site: Drills) -> None:
    site.world.truncate_archive(site.volids[300], keep=10)
    row = site.rows(site.drill(vmids=[300]))[300]
    assert (row["verdict"], checks(row)) == ("failed", {"restored": "failed"})
    assert "cannot be read" in row["reason"]
    assert site.writes() == []


def test_the_canary(site: Drills) -> None:
    good = hashlib.sha256(b"alive\n").hexdigest()
    for canary, verdict in (
        ({"path": "/etc/canary", "sha256": good}, "passed"),
        ({"path": "/etc/canary", "content": "alive\n"}, "passed"),
        ({"path": "/etc/canary", "content": "dead"}, "failed"),
        ({"path": "/etc/canary", "sha256": "0" * 64}, "failed"),
        ({"path": "/etc/none", "content": "x"}, "failed"),
    ):
        row = site.rows(site.drill(vmids=[300], canaries=[canary]))[300]
        assert row["verdict"] == verdict, (canary, row["reason"])


def test_a_canary_in_a_container_needs_a_task_of_the_users(site: Drills) -> None:
    row = site.rows(site.drill(vmids=[101], canaries=[{"path": "/etc/hostname", "content": "web1"}]))[101]
    assert row["verdict"] == "not_run"
    assert "pct exec" in reasons(row)["canary /etc/hostname"]


def test_states_one_after_the_other(site: Drills) -> None:
    started = site.drill(vmids=[101, 300], state="started")
    assert site.verdicts(started) == {101: "pending", 300: "pending"}
    assert [row["phase"] for row in started["drills"]] == ["started"] * 2
    copies = {vmid: row["target"]["vmid"] for vmid, row in site.rows(started).items()}
    assert sorted(copies.values()) == site.copies()
    assert all(site.world.cluster.guests[vmid].running for vmid in copies.values())
    assert site.record() == []
    other = site.drill(vmids=[102])
    assert site.verdicts(other) == {102: "passed"}
    assert other["leftovers"] == []
    assert warnings_of(other) == []
    told = [{"vmid": 101, "check": "shop", "verdict": "passed", "evidence": "HTTP 200"}]
    checked = site.drill(state="checked", run=started["run"], verdicts=told)
    assert [row["phase"] for row in checked["drills"]] == ["checked"] * 2
    assert checks(site.rows(checked)[101])["shop"] == "passed"
    cleaned = site.drill(state="cleaned", run=started["run"])
    assert site.verdicts(cleaned) == {101: "passed", 300: "passed"}, cleaned["msg"]
    assert site.copies() == []
    again = site.drill(state="cleaned", run=started["run"])
    assert (again["changed"], again["drills"]) == (False, [])
    assert len(site.record()) == 3


def test_a_verdict_of_the_user(site: Drills) -> None:
    started = site.drill(vmids=[101], state="started")
    told = [{"vmid": 101, "check": "shop", "verdict": "failed", "reason": "HTTP 500"}]
    result = site.drill(state="checked", run=started["run"], verdicts=told)
    result = site.drill(state="cleaned", run=started["run"])
    assert result["failed"]
    assert site.rows(result)[101]["reason"] == "shop: HTTP 500"


def test_what_was_never_checked_has_not_passed(site: Drills) -> None:
    started = site.drill(vmids=[101], state="started")
    result = site.drill(state="cleaned", run=started["run"])
    assert site.verdicts(result) == {101: "not_run"}
    assert site.rows(result)[101]["reason"] == "it was ended before it was checked"


def test_a_lease_that_has_run_out(site: Drills) -> None:
    started = site.drill(vmids=[101], state="started", lease="1s")
    time.sleep(1.1)
    result = site.drill(vmids=[102])
    assert [one["result"] for one in result["leftovers"]] == ["removed"]
    assert site.verdicts(result) == {101: "interrupted", 102: "passed"}
    assert site.copies() == []
    refused = site.drill(state="checked", run=started["run"])
    assert refused["failed"]
    assert refused["msg"].startswith(f"run: no drill of {started['run']} is open here")


def test_rotation_takes_the_oldest_first(site: Drills) -> None:
    chosen = [site.drill(tags=["prod"], per_run="1")["rotation"]["chosen"] for _night in range(5)]
    assert sorted(one for night in chosen[:4] for one in night) == [*GUESTS]
    assert chosen[4] == chosen[0]


def test_a_guest_that_cannot_be_drilled_leaves_its_turn(site: Drills) -> None:
    site.world.archive_path(site.volids[101]).unlink()
    result = site.drill(vmids=[101, 102], per_run="1")
    assert [one["vmid"] for one in result["findings"]] == [101]
    assert site.verdicts(result) == {102: "passed"}


@pytest.mark.slow
def test_random_in_the_window(site: Drills) -> None:
    first = dict(site.volids)
    back_up(site)
    taken = {
        site.rows(site.drill(vmids=[101], pick="random_in_window"))[101]["archive"]["volid"] for _turn in range(12)
    }
    assert taken == {first[101], site.volids[101]}
    old = site.drill(vmids=[101], pick="random_in_window", window="1s")
    assert old["findings"][0]["reason"] == "none of its good backups is younger than 1 s (window)"


def test_the_rights_that_are_lacking_are_named(tmp_path: Path) -> None:
    world = drilled_world(tmp_path / "cluster")
    world.add_role("LifeboatDrill", ["VM.Audit", "VM.Backup", "Datastore.AllocateSpace", "Sys.Audit"])
    with drills(world, tmp_path) as site:
        result = site.drill(vmids=[101, 300])
        assert set(site.verdicts(result).values()) == {"not_run"}
        assert "VM.Allocate on /vms/900 (for a new guest)" in site.rows(result)[101]["reason"]
        assert site.writes() == []
        assert TOKEN not in result["msg"]


def test_a_token_that_may_touch_nothing_but_copies(tmp_path: Path) -> None:
    """With a pool for the copies it needs no right to change or destroy any other guest."""
    world = drilled_world(tmp_path / "cluster")
    world.add_pool("drill")
    world.add_role("LifeboatRead", ["VM.Audit", "VM.Backup"])
    world.add_role("LifeboatSpace", ["Datastore.AllocateSpace"])
    world.add_role("LifeboatBridges", ["SDN.Use"])
    world.add_role("LifeboatSee", ["Sys.Audit"])
    grants = {
        "/vms": "LifeboatRead", "/pool/drill": "LifeboatDrill", "/storage": "LifeboatSpace", "/sdn": "LifeboatBridges",
        "/nodes": "LifeboatSee",
    }  # fmt: skip
    for holder in ("backup@pve", TOKEN):
        for path, role in grants.items():
            world.add_acl(path, role, user_or_token=holder, propagate=True)
    with drills(world, tmp_path, grant=False) as site:
        result = site.drill(vmids=[101, 300], pool="drill", memory=256)
        assert site.verdicts(result) == {101: "passed", 300: "passed"}, result["msg"]
        assert site.copies() == []
        without = site.drill(vmids=[101])
        assert "VM.Allocate on /vms/900 (for a new guest)" in site.rows(without)[101]["reason"]
