# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that drills, as a user runs it: its exit status, its files, checks of one's own, and nothing left."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from harness.lab import Lab, grant_role, lab
from harness.playbooks import CHECKOUT, Run, ansible_playbook
from pve_simulator import Agent, World

PLAYBOOK = "lifeboat.backup.drill"
GUESTS = {101, 102, 300}
CANARY = "the ledger is balanced\n"
DRILL = [
    *("VM.Audit", "VM.Backup", "VM.Allocate", "VM.PowerMgmt", "Datastore.AllocateSpace", "SDN.Use", "VM.Monitor"),
    *("VM.Config.Options", "VM.Config.Network"),
]
"""The role LifeboatDrill of docs/rights.md."""


@dataclass
class Site:
    """A cluster with backups, and what a user has on the controller."""

    lab: Lab
    folder: Path
    environment: dict[str, str]
    volids: dict[int, str]

    @property
    def record(self) -> list[dict[str, Any]]:
        """The record, a drill each."""
        [path] = self.lab.journals.rglob("drills.jsonl")
        return [json.loads(line) for line in path.read_text().splitlines()]

    def drill(self, *arguments: str, **settings: Any) -> Run:
        """Run the playbook with these variables of the role; an inventory has the nodes."""
        given = {"restore_drill_scratch_range": "900000-900009", "restore_drill_running_for": "0", **settings}
        path = self.folder / "drill.json"
        path.write_text(json.dumps(given))
        inventory = ("-i", str(self.folder / "inventory"))
        return ansible_playbook(PLAYBOOK, self.environment, *inventory, "-e", f"@{path}", *arguments)

    def tasks(self, text: str) -> str:
        """A file with tasks of one's own."""
        path = self.folder / "own_tasks.yml"
        path.write_text(text)
        return str(path)

    def left(self) -> list[int]:
        """Guests beside those that were there before; open journals count as well."""
        assert list(self.lab.journals.glob("**/drills/*.jsonl")) == []
        return sorted(set(self.lab.world.cluster.guests) - GUESTS)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two containers and a VM with an agent on one node, each with a backup; the node's pct is at hand."""
    world = World(tmp_path / "cluster")
    world.add_node("pve1")
    world.add_storage("local", content=["rootdir", "images"])
    world.add_storage("vault", type="nfs", content=["backup"], shared=True)
    for vmid, name in ((101, "shop"), (102, "wiki")):
        files = {"srv/orders.csv": f"order,boat\n{vmid},Heron\n".encode()}
        world.add_container(vmid, name, "pve1", files=files, unprivileged=True, tags=["prod"], running=True)
    agent = Agent(files={"/etc/canary": CANARY.encode()})
    world.add_vm(300, "db1", "pve1", disks={"scsi0": b"db1"}, options={"agent": "1"}, agent=agent, running=True)
    volids = {vmid: world.add_archive(vmid, "vault", age=3600) for vmid in sorted(GUESTS)}
    world.add_user("backup@pve")
    with lab(world, grant=False) as running:
        for path in ("/vms", "/storage", "/sdn"):
            grant_role(world, "LifeboatDrill", DRILL, path)
        grant_role(world, "LifeboatSee", ["Sys.Audit"], "/nodes")
        yield Site(running, tmp_path, _user(running, tmp_path), volids)


def _user(running: Lab, folder: Path) -> dict[str, str]:
    """What a user exports, with a ``pct`` in the path, and an inventory of the node and of a host that is off."""
    (folder / "bin").mkdir()
    pct = folder / "bin" / "pct"
    words = shlex.join([sys.executable, "-m", "pve_simulator.pct", "--folder", str(running.world.layout.folder)])
    pct.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(CHECKOUT / "tests"))} exec {words} "$@"\n')
    pct.chmod(0o755)
    (folder / "inventory").write_text(
        f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n"
        f"node1 ansible_connection=local ansible_python_interpreter={sys.executable}\n"
        "away ansible_host=127.0.0.1 ansible_port=1 ansible_connection=ssh\n"
    )
    return {
        "XDG_STATE_HOME": str(running.journals),
        "PROXMOX_HOST": running.sim.host,
        "PROXMOX_PORT": str(running.sim.port),
        "PROXMOX_CA_PATH": str(running.sim.ca_path),
        "PROXMOX_TOKEN_ID": str(running.connection["api_token_id"]),
        "PROXMOX_TOKEN_SECRET": str(running.connection["api_token_secret"]),
        "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin",
    }


def verdicts(row: dict[str, Any]) -> dict[str, str]:
    """The checks of a drill."""
    return {one["check"]: one["verdict"] for one in row["checks"]}


@pytest.mark.core_matrix
def test_a_drill_that_passes_says_so_everywhere(site: Site) -> None:
    json_file, junit = site.folder / "drills.json", site.folder / "drills.xml"
    run = site.drill(
        restore_drill_vmids=[101, 300],
        restore_drill_canaries=[{"path": "/etc/canary", "content": CANARY, "vmid": 300}],
        restore_drill_result_path=str(json_file),
        restore_drill_junit_path=str(junit),
    )
    assert run.code == 0, run.output
    assert "2 drills: 2 passed." in run.output
    assert "GUEST  NAME  VERDICT  BACKUP AGE" in run.output
    assert site.left() == []
    told = json.loads(json_file.read_text())
    assert ([row["verdict"] for row in told["drills"]], told["failed"]) == (["passed", "passed"], False)
    assert verdicts(told["drills"][1])["canary /etc/canary"] == "passed"
    assert [line["guest"]["vmid"] for line in site.record] == [101, 300]
    suites = ET.parse(junit).getroot()
    assert (suites.get("failures"), suites.get("errors")) == ("0", "0")


def test_a_broken_archive_fails_the_play_and_leaves_nothing(site: Site) -> None:
    site.lab.world.truncate_archive(site.volids[101])
    json_file, junit = site.folder / "drills.json", site.folder / "drills.xml"
    files = {"restore_drill_result_path": str(json_file), "restore_drill_junit_path": str(junit)}
    run = site.drill(restore_drill_vmids=[101, 102], **files)
    assert run.code == 2, run.output
    assert "2 drills: 1 passed, 1 failed. 101 (shop) failed: restored: " in run.output
    assert site.left() == []
    told = json.loads(json_file.read_text())
    assert (told["failed"], [row["verdict"] for row in told["drills"]]) == (True, ["failed", "passed"])
    assert ET.parse(junit).getroot().get("failures") == "1"
    assert {line["guest"]["vmid"]: line["verdict"] for line in site.record} == {101: "failed", 102: "passed"}


def test_check_mode_says_what_would_be_drilled(site: Site) -> None:
    json_file = site.folder / "drills.json"
    own = site.tasks("- ansible.builtin.fail: {msg: never}\n")
    run = site.drill(
        "--check", restore_drill_vmids=[101], restore_drill_tasks=own, restore_drill_result_path=str(json_file)
    )
    assert run.code == 0, run.output
    told = run.output.replace('"', " ").replace(",", " ").split()
    words = f"{site.volids[101]} would be restored to a free id of 900000-900009 on node pve1".split()
    assert any(told[start : start + len(words)] == words for start in range(len(told))), run.output
    assert [one for one in site.lab.sim.requests if one.method != "GET"] == []
    assert not json_file.exists()


@pytest.mark.core_matrix
def test_own_tasks_and_commands_in_containers_decide(site: Site) -> None:
    own = site.tasks(
        """
- name: Ask the copy for its orders
  ansible.builtin.command:
    argv: [pct, exec, "{{ restore_drill_guest.target.vmid }}", --, cat, /srv/orders.csv]
  delegate_to: node1
  register: orders
  changed_when: false
  when: restore_drill_guest.guest.type == 'lxc'

- name: Say what was seen
  ansible.builtin.set_fact:
    restore_drill_verdicts: "{{ restore_drill_verdicts + [verdict] }}"
  vars:
    verdict:
      vmid: "{{ restore_drill_guest.guest.vmid }}"
      check: it has orders
      verdict: "{{ 'passed' if 'Heron' in orders.stdout else 'failed' }}"
      evidence: "{{ orders.stdout }}"
  when: restore_drill_guest.guest.type == 'lxc'
"""
    )
    commands = [
        {"check": "orders of the shop", "argv": ["cat", "/srv/orders.csv"], "expect": "^101,", "name": "shop"},
        {"check": "orders of the wiki", "argv": ["cat", "/srv/orders.csv"], "expect": "^101,", "vmid": 102},
    ]
    junit = site.folder / "drills.xml"
    run = site.drill(
        restore_drill_vmids=[101, 102, 300],
        restore_drill_tasks=own,
        restore_drill_container_commands=commands,
        restore_drill_node_hosts={"pve1": "node1"},
        restore_drill_junit_path=str(junit),
    )
    assert run.code == 2, run.output
    rows = {line["guest"]["vmid"]: line for line in site.record}
    started = {"restored": "passed", "booted": "passed"}
    inside = {**started, "command inside": "passed", "it has orders": "passed"}
    assert verdicts(rows[101]) == {**inside, "orders of the shop": "passed"}
    assert verdicts(rows[102]) == {**inside, "orders of the wiki": "failed"}
    assert verdicts(rows[300]) == {**started, "agent": "passed"}
    assert {vmid: row["verdict"] for vmid, row in rows.items()} == {101: "passed", 102: "failed", 300: "passed"}
    evidence = {one["check"]: one["evidence"] for one in rows[101]["checks"]}
    assert evidence["it has orders"] == {"told": "order,boat\n101,Heron"}
    assert "3 drills: 2 passed, 1 failed. 102 (wiki) failed: orders of the wiki: " in run.output
    assert site.left() == []
    assert ET.parse(junit).getroot().get("failures") == "1"


@pytest.mark.core_matrix
@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("ansible.builtin.fail: {msg: the shop is closed}", "the shop is closed"),
        ("{ansible.builtin.command: {argv: ['true']}, delegate_to: away}", "a task did not reach its host"),
        ("ansible.builtin.debug: {msg: '{{ there_is_none }}'}", "there_is_none"),
    ],
    ids=["fails", "unreachable", "undefined"],
)
def test_own_tasks_that_fail_are_a_verdict_and_not_the_end(site: Site, task: str, reason: str) -> None:
    """The second copy is looked into as well, and the first one's tasks go no further."""
    proven = (
        "- ansible.builtin.set_fact:\n    restore_drill_verdicts: '{{ restore_drill_verdicts + [verdict] }}'\n"
        "  vars:\n    verdict:\n      vmid: '{{ restore_drill_guest.guest.vmid }}'\n"
        "      check: mine\n      verdict: passed\n      evidence: seen\n"
    )
    step = f"{{when: restore_drill_guest.guest.vmid == 101, {task.strip('{}') if task[0] == '{' else task}}}"
    run = site.drill(restore_drill_vmids=[101, 102], restore_drill_tasks=site.tasks(f"- {step}\n{proven}"))
    assert run.code == 2, run.output
    rows = {line["guest"]["vmid"]: line for line in site.record}
    assert (rows[101]["verdict"], rows[102]["verdict"]) == ("failed", "passed")
    assert "mine" not in verdicts(rows[101])
    assert rows[101]["reason"].startswith("own tasks: ")
    assert reason in rows[101]["reason"]
    assert "2 drills: 1 passed, 1 failed. 101 (shop) failed: own tasks: " in run.output
    assert site.left() == []


def test_containers_that_nobody_can_ask_are_not_run(site: Site) -> None:
    """No host for the node, then one that is off: no failure, and nothing has passed."""
    for hosts, reason in (
        ({"pve9": "node1"}, "no inventory host for node pve1"),
        ({"pve1": "away"}, "can't be reached"),
    ):
        run = site.drill(restore_drill_vmids=[101], restore_drill_node_hosts=hosts)
        assert run.code == 0, run.output
        last = site.record[-1]
        assert (last["verdict"], verdicts(last)["command inside"]) == ("not_run", "not_run")
        assert reason in last["reason"]
    run = site.drill(restore_drill_vmids=[101], restore_drill_node_hosts={}, restore_drill_fail_on=["not_run"])
    assert run.code == 0, run.output
    assert site.record[-1]["verdict"] == "passed"
    assert site.left() == []


def test_a_copy_that_does_not_restore_is_told_with_those_that_do(site: Site) -> None:
    """It is over before one's own tasks begin, and must not be missing from the result."""
    site.lab.world.truncate_archive(site.volids[101])
    json_file = site.folder / "drills.json"
    run = site.drill(
        restore_drill_vmids=[101, 102],
        restore_drill_node_hosts={"pve1": "node1"},
        restore_drill_result_path=str(json_file),
    )
    assert run.code == 2, run.output
    told = json.loads(json_file.read_text())
    assert [(row["guest"]["vmid"], row["verdict"]) for row in told["drills"]] == [(101, "failed"), (102, "passed")]
    assert told["summary"]["failed"] == 1
    assert site.left() == []


def test_a_clean_up_that_fails_says_what_to_remove(site: Site) -> None:
    site.lab.sim.faults.destroy_fails(900000, "no such luck")
    run = site.drill(restore_drill_vmids=[101], restore_drill_node_hosts={"pve1": "node1"})
    assert run.code == 2, run.output
    assert "101 (shop): not cleaned up: " in run.output
    assert "no such luck" in run.output
    site.lab.sim.faults.clear()
    run = site.drill(restore_drill_state="cleaned")
    assert run.code == 0, run.output
    assert site.left() == []
    run = site.drill(restore_drill_state="cleaned")
    assert "changed=0" in run.output


def test_what_cannot_be_meant_is_refused_before_anything_is_restored(site: Site) -> None:
    for settings, told in (
        ({"restore_drill_network": "some"}, "must be one of: none, disconnected, isolated, got: some"),
        ({"restore_drill_container_commands": [{"check": "x", "argv": ["true"], "expect": "("}]}, "regular expression"),
        ({"restore_drill_scratch_range": "many", "restore_drill_node_hosts": {"pve1": "node1"}}, "is no range of ids"),
    ):
        run = site.drill(restore_drill_vmids=[101], **settings)
        assert run.code == 2, run.output
        assert told in run.output
    assert [one for one in site.lab.sim.requests if one.method != "GET"] == []
    assert site.left() == []
