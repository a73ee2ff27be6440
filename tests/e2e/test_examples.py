# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation are run, as they stand."""

from __future__ import annotations

import importlib
import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from device_simulator import Mysql, Sqlite, Videos
from harness.devices import station
from harness.lab import Lab, grant_role
from harness.playbooks import CHECKOUT, ansible_playbook
from harness.rights_page import ROLES
from pve_simulator import World
from unit.drill_builders import a_record

DEVICES = ["filter.device_table", "modules.device_backup_status"]
PROXMOX = sorted(
    {
        f"{path.parent.name}.{path.stem}"
        for folder in ("modules", "filter")
        for path in (CHECKOUT / "plugins" / folder).glob("*.py")
    }
    - set(DEVICES)
)


NAMED = datetime(2026, 11, 20, 2, tzinfo=timezone.utc).timestamp()
"""Before the moment that an example names."""
RESTORE = ["VM.Allocate", "VM.PowerMgmt", "VM.Config.Network"]
"""What the examples of restores need beyond what all need; a new name and a link that is down are of the network."""
DRILL = ["VM.Config.Options", "VM.Config.Memory", "VM.Config.CPU"]
"""What those of drills need beyond that."""


def prepared(world: World) -> None:
    """The guests that the examples name have backups; one that is gone as well. One is from the date that they name."""
    world.add_pool("production")
    world.add_container(150, "in-production", node="pve2", files={}, pool="production")
    world.add_container(109, "gone", node="pve3", files={"etc/motd": b"gone\n"})
    for vmid in (101, 109):
        world.set_option(vmid, "net0", f"name=eth0,hwaddr=BC:24:11:00:01:{vmid - 99:02d},bridge=vmbr0")
    for guest in (101, 102, 103, 104, 105, 109, 150, 300, 301):
        world.add_archive(guest, storage="vault", node="pve1", age=3600)
    world.add_archive(101, storage="vault", node="pve1", age=world.now("pve1") - NAMED)
    world.remove_guest(109)
    grant_role(world, "LifeboatExamples", [*RESTORE, *DRILL])
    grant_role(world, "LifeboatNodes", ["Sys.Audit"], "/nodes")
    for path in ("/", "/storage"):
        grant_role(world, "LifeboatJobs", ROLES["LifeboatJobs"], path)
    world.add_job("nightly", schedule="02:30", storage="vault", all=1)
    grant_role(world, "LifeboatNetwork", ["SDN.Use"], "/sdn")


def run_examples(plugin: str, places: Mapping[str, str], environment: Mapping[str, str], folder: Path) -> None:
    """Run them one after the other. ``places`` has what stands here for the hosts and folders that they name."""
    text = importlib.import_module(f"ansible_collections.lifeboat.backup.plugins.{plugin}").EXAMPLES
    for named, place in places.items():
        text = text.replace(named, place)
    indented = "\n".join(f"    {line}" if line else "" for line in text.strip().splitlines())
    playbook = folder / "examples.yml"
    playbook.write_text(
        "- hosts: localhost\n  gather_facts: false\n  vars:\n"
        '    ansible_python_interpreter: "{{ ansible_playbook_python }}"\n'
        "    lifeboat_token_secret: \"{{ lookup('env', 'PROXMOX_TOKEN_SECRET') }}\"\n"
        f"  tasks:\n{indented}\n"
    )
    run = ansible_playbook(playbook, environment)
    assert run.code == 0, run.output


@pytest.mark.parametrize("plugin", PROXMOX)
def test_examples_run(cluster: Lab, environment: dict[str, str], tmp_path: Path, plugin: str) -> None:
    prepared(cluster.world)
    (tmp_path / "drills.jsonl").write_text(json.dumps(a_record()) + "\n", encoding="utf-8")
    places = {"pve1.example.com": environment["PROXMOX_HOST"], "/var/lib/lifeboat": str(tmp_path)}
    run_examples(plugin, places, environment, tmp_path)


@pytest.mark.parametrize("plugin", DEVICES)
def test_examples_of_devices_run(tmp_path: Path, plugin: str) -> None:
    """The fleet is well, so that the one that stops a pipeline doesn't; the routers have a copy of last night."""
    now = time.time()
    for copy in ("routers/edge1.cfg", "cameras/cam07/1200.mp4"):
        (tmp_path / "copies" / copy).parent.mkdir(parents=True)
        (tmp_path / "copies" / copy).write_bytes(b"content")
    with station(tmp_path) as node:
        node.add(1, "running", mysql=Mysql(now - 86400, rows=20))
        node.add(2, sqlite=[Sqlite(now - 86400, rows=20)], videos=[Videos(now - 86400, (2000, 2400))])
        node.fleet.sync()
        ports = {":8090": node.servers.mysql.url, ":8093": node.servers.rsync.url, "": node.servers.node.url}
        hosts = ("http://localhost", "http://node.example.com")
        places = {f"{host}{port}": url for host in hosts for port, url in ports.items()}
        places["/ethoscope_data"] = str(node.fleet.results.parent)
        places["/srv/copies"] = str(tmp_path / "copies")
        run_examples(plugin, places, {"XDG_CACHE_HOME": str(tmp_path / "cache")}, tmp_path)
