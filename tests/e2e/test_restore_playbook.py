# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook that restores, as a user runs it; what stands then is compared by hashes of all that is in a guest."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.lab import Lab
from harness.playbooks import CHECKOUT, ansible_playbook, variables
from harness.restores import Restores, restores, restoring_world
from harness.waiting import wait_for

PLAYBOOK = "lifeboat.backup.restore"
REPLACE_WEB1 = ("-e", "guest_restore_name=web1", "-e", "guest_restore_if_exists=replace")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Restores]:
    """Three containers on two nodes, each with a backup, and each has lost something since."""
    world = restoring_world(tmp_path / "cluster")
    world.cluster.guests[101].tags = ["web"]
    with restores(world, (101, 102, 103)) as found:
        yield found


@pytest.fixture
def cluster(site: Restores) -> Lab:
    """What ``environment`` leads to."""
    site.asked = len(site.lab.sim.requests)
    return site.lab


def table(output: str) -> list[str]:
    """The lines of the table as they were on the screen, without quotes."""
    told = re.findall(r'^\s+"((?:GUEST| |\d|-).*)",?$', output, re.MULTILINE)
    return [json.loads(f'"{line}"').rstrip() for line in told]


@pytest.mark.core_matrix
def test_a_broken_container_is_replaced(site: Restores, environment: dict[str, str]) -> None:
    site.world.set_running(101, True)
    run = ansible_playbook(PLAYBOOK, environment, *REPLACE_WEB1, "-e", "guest_restore_shutdown=true")
    assert run.code == 0, run.output
    assert (site.stands(101), site.world.cluster.guests[101].running) == ("backup", True)
    [safety] = site.protected()
    head, row, *rest = table(run.output)
    assert head.split() == ["GUEST", "NAME", "NODE", "RESULT", "AGE", "SECONDS", "BACKUP", "AND", "REASON"]
    assert row.startswith("101    web1  pve1  restored  6")
    assert row.endswith(site.volids[101])
    assert [line.strip() for line in rest[:2]] == ["it runs", f"the guest as it was: {safety}"]
    assert re.search(
        rf'"101 \(web1\): restored from {site.volids[101]} \(6\d min old\) in \d+ s; it runs\."', run.output
    )
    assert site.journals() == []
    assert [site.stands(vmid) for vmid in (102, 103)] == ["old", "old"]


def test_one_that_cannot_be_restored_does_not_stop_the_others(site: Restores, environment: dict[str, str]) -> None:
    """The archive of 102 is cut off; the others are on two nodes, which work at the same time."""
    site.world.truncate_archive(site.volids[102])
    for vmid in (101, 103):
        site.faults.restore_hangs(vmid)
    arguments = ("-e", "guest_restore_vmids=101,102,103", "-e", "guest_restore_if_exists=replace")
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(ansible_playbook, PLAYBOOK, environment, *arguments)
        wait_for(lambda: started.done() or restoring(site) == {("pve1", "101"), ("pve2", "103")}, 60)
        for vmid in (101, 103):
            site.faults.release(vmid)
        run = started.result()
    assert run.code == 2, run.output
    assert [site.stands(vmid) for vmid in (101, 102, 103)] == ["backup", "old", "backup"]
    rows = {line.split()[0]: line.split()[1:4] for line in table(run.output) if line[:3].isdigit() and ":" in line}
    assert {vmid: rows[vmid] for vmid in ("101", "102", "103")} == {
        "101": ["web1", "pve1", "restored"],
        "102": ["web2", "pve1", "failed"],
        "103": ["mail", "pve2", "restored"],
    }
    told = " ".join(line.strip() for line in table(run.output))
    assert f"{site.volids[102]} can't be restored: " in told
    assert "; the old guest stands as it was" in told
    assert "3 guests: 2 restored, 1 failed. 102 (web2): " in run.output
    assert sorted(site.world.cluster.guests) == [101, 102, 103, 300], "no scratch copy is left"
    assert site.journals() == []


def restoring(site: Restores) -> set[tuple[str, str]]:
    """Node and guest of the restores that go on."""
    return {(task.upid.node, task.upid.id) for task in site.world.tasks.running() if task.upid.type == "vzrestore"}


def test_a_list_with_a_place_for_each(site: Restores, environment: dict[str, str], tmp_path: Path) -> None:
    wanted = tmp_path / "restores.yml"
    wanted.write_text(
        "guest_restore_restores:\n"
        "  - {name: web1, target_vmid: '901', start: true}\n"
        "  - {vmid: 103, target_vmid: auto}\n"
        f"  - {{volid: '{site.volids[102]}', if_exists: replace}}\n"
    )
    run = ansible_playbook(PLAYBOOK, environment, "-e", f"@{wanted}")
    assert run.code == 0, run.output
    assert "3 guests: 3 restored." in run.output
    world = site.world
    assert world.content_hash(901, settings=False) != world.content_hash(101, settings=False)
    assert world.cluster.guests[901].running
    assert (site.stands(101), site.stands(102), site.stands(103)) == ("old", "backup", "old")
    assert world.cluster.guests[100].name == "mail"


def test_check_mode_with_diff_shows_the_plan_and_writes_nothing(site: Restores, environment: dict[str, str]) -> None:
    site.world.set_option(101, "onboot", 1)
    before = site.world.content_hash(101)
    run = ansible_playbook(PLAYBOOK, environment, *REPLACE_WEB1, "--check", "--diff")
    assert run.code == 0, run.output
    steps = "protect_source, prove, safety_backup, restore, check, release_source"
    assert f"101 (web1): would be restored from {site.volids[101]} (6" in run.output
    assert f"if_exists is replace; steps: {steps}" in " ".join(line.strip() for line in table(run.output))
    assert "--- before: 101 (web1)\n+++ after: 101 (web1)\n" in run.output
    assert "\n-onboot: 1\n" in run.output
    assert (site.writes(), site.world.content_hash(101)) == ([], before)
    assert site.journals() == []


def test_a_guest_that_is_there_is_not_touched_unless_it_is_said(site: Restores, environment: dict[str, str]) -> None:
    run = ansible_playbook(PLAYBOOK, environment, "-e", "guest_restore_name=web1")
    assert run.code == 2, run.output
    assert "101 (web1): it exists already; set if_exists to replace or skip, or target_vmid to another id" in run.output
    assert (site.writes(), site.stands(101)) == ([], "old")


def test_bad_role_input_is_refused_by_the_role(environment: dict[str, str]) -> None:
    run = ansible_playbook(PLAYBOOK, environment, "-e", "guest_restore_if_exists=overwrite")
    assert run.code == 2
    assert "value of guest_restore_if_exists must be one of: fail, skip, replace, got: overwrite" in run.output


@pytest.mark.parametrize("named", ["guest_restore_vmid=101", "guest_restore_name=web1", "guest_restore_tags=web"])
def test_killed_in_the_middle_of_a_replacement(site: Restores, environment: dict[str, str], named: str) -> None:
    """The old guest is gone and the new one is half there: the next run of the same playbook ends it."""
    wish = ("-e", named, "-e", "guest_restore_if_exists=replace")
    site.faults.restore_hangs(101)
    first = subprocess.Popen(
        [str(Path(sys.executable).parent / "ansible-playbook"), PLAYBOOK, *wish],
        env=variables(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: half_way(site), 60)
    for process in processes(site):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert first.wait(30) == -signal.SIGKILL
    wait_for(lambda: not processes(site), 30)
    assert site.stands(101) == "neither"
    [journal] = site.journals()
    asked = len(site.lab.sim.requests)
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(ansible_playbook, PLAYBOOK, environment, *wish)
        wait_for(lambda: again.done() or waits(site, asked), 60)
        site.faults.release(101)
        second = again.result()
    assert second.code == 0, second.output
    assert site.stands(101) == "backup"
    assert f"run {journal.stem} has begun it, and this one has ended it" in second.output
    assert site.journals() == []
    assert sorted(site.world.cluster.guests) == [101, 102, 103, 300]
    begun = site.lab.sent("POST", "/lxc")
    assert len(begun) == 2, "a scratch copy and the restore, and nothing again"
    site.idle()
    assert len(site.protected()) == 1, "the safety backup, and not the source"


def waits(site: Restores, asked: int) -> bool:
    """Whether somebody has looked, since then, whether the restore goes on."""
    return any("vzrestore:101" in one.path and one.path.endswith("/status") for one in site.lab.sim.requests[asked:])


def half_way(site: Restores) -> bool:
    """The old guest, which has lost its first file, was destroyed, and of the new one there is no more than that."""
    folder = site.world.layout.guest(101) / "rootfs" / "srv"
    return [path.name for path in sorted(folder.glob("*"))] == ["a"]


def processes(site: Restores) -> list[int]:
    """Those of the playbook's run: itself, its workers and the module, told by their environment."""
    mark = f"XDG_STATE_HOME={site.lab.journals}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def test_the_role_has_every_option_of_the_module() -> None:
    module = importlib.import_module("ansible_collections.lifeboat.backup.plugins.modules.proxmox_restore")
    role = CHECKOUT / "roles" / "guest_restore"
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    [block] = yaml.safe_load((role / "tasks" / "main.yml").read_text())
    passed = block["block"][0]["lifeboat.backup.proxmox_restore"]
    spec: dict[str, Any] = module.argument_spec()
    assert set(passed) == set(spec)
    assert set(options) == {f"guest_restore_{name}" for name in spec}
    for name, said in spec.items():
        told = options[f"guest_restore_{name}"]
        assert {key: told.get(key) for key in ("type", "elements", "choices")} == {
            key: said.get(key) for key in ("type", "elements", "choices")
        }, name
        assert passed[name].startswith(f"{{{{ guest_restore_{name} "), name
    suboptions = options["guest_restore_restores"]["options"]
    assert set(suboptions) == set(spec["restores"]["options"])
