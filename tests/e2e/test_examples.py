# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation are run, as they stand."""

from __future__ import annotations

import importlib
from datetime import datetime, timezone
from pathlib import Path

import pytest

from harness.lab import Lab, grant_role
from harness.playbooks import CHECKOUT, ansible_playbook
from pve_simulator import World

PLUGINS = sorted(
    f"{path.parent.name}.{path.stem}"
    for folder in ("modules", "filter")
    for path in (CHECKOUT / "plugins" / folder).glob("*.py")
)


NAMED = datetime(2026, 11, 20, 2, tzinfo=timezone.utc).timestamp()
"""Before the moment that an example names."""
RESTORE = ["VM.Allocate", "VM.PowerMgmt", "VM.Config.Network"]
"""What the examples of restores need beyond what all need; a new name and a link that is down are of the network."""


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
    grant_role(world, "LifeboatExamples", RESTORE)
    grant_role(world, "LifeboatNetwork", ["SDN.Use"], "/sdn")


@pytest.mark.parametrize("plugin", PLUGINS)
def test_examples_run(cluster: Lab, environment: dict[str, str], tmp_path: Path, plugin: str) -> None:
    prepared(cluster.world)
    examples = importlib.import_module(f"ansible_collections.lifeboat.backup.plugins.{plugin}").EXAMPLES
    # The documentation names a host of its own; here it stands for the simulator.
    text = examples.replace("pve1.example.com", environment["PROXMOX_HOST"])
    indented = "\n".join(f"    {line}" if line else "" for line in text.strip().splitlines())
    playbook = tmp_path / "examples.yml"
    playbook.write_text(
        "- hosts: localhost\n  gather_facts: false\n  vars:\n"
        '    ansible_python_interpreter: "{{ ansible_playbook_python }}"\n'
        "    lifeboat_token_secret: \"{{ lookup('env', 'PROXMOX_TOKEN_SECRET') }}\"\n"
        f"  tasks:\n{indented}\n"
    )
    run = ansible_playbook(playbook, environment)
    assert run.code == 0, run.output
