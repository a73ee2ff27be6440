# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation are run, as they stand."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from harness.lab import Lab, grant_role
from harness.playbooks import CHECKOUT, ansible_playbook

PLUGINS = sorted(
    f"{path.parent.name}.{path.stem}"
    for folder in ("modules", "filter")
    for path in (CHECKOUT / "plugins" / folder).glob("*.py")
)


@pytest.mark.parametrize("plugin", PLUGINS)
def test_examples_run(cluster: Lab, environment: dict[str, str], tmp_path: Path, plugin: str) -> None:
    world = cluster.world
    world.add_pool("production")
    world.add_container(150, "in-production", node="pve2", files={}, pool="production")
    for guest in (101, 102, 103, 104, 105, 150, 300, 301):
        world.add_archive(guest, storage="vault", node="pve1", age=3600)
    grant_role(world, "LifeboatPower", ["VM.PowerMgmt", "VM.Allocate"])
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
