# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks and the role under ansible-playbook and, as AWX does it, under ansible-runner."""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ansible_runner
import pytest

from harness.lab import Lab
from harness.playbooks import CHECKOUT, ansible_playbook, variables


def recap(output: str) -> dict[str, int]:
    """The counts of the last line of a run."""
    line = output[output.rindex("PLAY RECAP") :]
    return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line)}


@pytest.mark.core_matrix
def test_the_playbook_backs_up_and_changes_nothing_the_second_time(cluster: Lab, environment: dict[str, str]) -> None:
    arguments = ("-e", "guest_backup_tags=prod", "-e", "guest_backup_compress=zstd")
    first = ansible_playbook("lifeboat.backup.backup", environment, *arguments)
    assert first.code == 0, first.output
    assert recap(first.output)["changed"] == 1
    assert "vault:backup/vzdump-lxc-101-" in first.output
    second = ansible_playbook("lifeboat.backup.backup", environment, *arguments)
    assert (second.code, recap(second.output)["changed"]) == (0, 0), second.output
    assert len(cluster.sent("POST", "/vzdump")) == 2


def test_check_mode_with_diff_writes_nothing(cluster: Lab, environment: dict[str, str]) -> None:
    run = ansible_playbook("lifeboat.backup.backup", environment, "-e", "guest_backup_tags=prod", "--check", "--diff")
    assert run.code == 0, run.output
    assert "+101 (web1): a new backup on vault (no backup is there)" in run.output
    assert cluster.sent("POST", "/vzdump") == []


def test_a_failed_guest_fails_the_play_and_is_named(cluster: Lab, environment: dict[str, str]) -> None:
    cluster.sim.faults.guest_fails(102, "something broke")
    run = ansible_playbook("lifeboat.backup.backup", environment, "-e", "guest_backup_tags=prod")
    assert run.code == 2
    assert "102 (web2): failed, something broke" in run.output


def test_bad_role_input_is_refused_by_the_role(environment: dict[str, str]) -> None:
    run = ansible_playbook("lifeboat.backup.backup", environment, "-e", "guest_backup_mode=hot")
    assert run.code == 2
    assert "value of guest_backup_mode must be one of: snapshot, suspend, stop, got: hot" in run.output


def test_no_secret_is_shown_at_any_verbosity(cluster: Lab, environment: dict[str, str], tmp_path: Path) -> None:
    secret = environment["PROXMOX_TOKEN_SECRET"]
    playbook = tmp_path / "given.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": "localhost",
                    "gather_facts": False,
                    "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
                    "tasks": [
                        {
                            "lifeboat.backup.proxmox_backup": {
                                "all_guests": True,
                                "api_token_secret": "{{ lookup('env', 'PROXMOX_TOKEN_SECRET') }}",
                            },
                            "ignore_errors": True,
                        },
                        {"lifeboat.backup.proxmox_backup": {"all_guests": True, "api_password": "hunter2-hunter2"}},
                    ],
                }
            ]
        )
    )
    cluster.sim.faults.guest_fails(102, f"echo {secret}")
    run = ansible_playbook(playbook, environment, "-vvvv", "--diff")
    assert "backed up" in run.output
    assert secret not in run.output
    assert "hunter2-hunter2" not in run.output


def test_under_ansible_runner_with_injected_credentials(
    cluster: Lab, environment: dict[str, str], tmp_path: Path
) -> None:
    private = tmp_path / "private"
    (private / "env").mkdir(parents=True)
    (private / "inventory").mkdir()
    (private / "inventory" / "hosts").write_text("")
    (private / "env" / "envvars").write_text(
        json.dumps({**environment, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache" / "collections")})
    )
    (private / "env" / "extravars").write_text(json.dumps({"guest_backup_names": ["web1"]}))
    before = dict(os.environ)
    os.environ.update(variables({}))
    try:
        run = ansible_runner.run(private_data_dir=str(private), playbook="lifeboat.backup.backup", quiet=True)
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert (run.status, run.rc) == ("successful", 0), list(run.events)[-1]
    results = [
        event["event_data"]["res"]
        for event in run.events
        if event["event"] == "runner_on_ok"
        and event["event_data"].get("task_action") == "lifeboat.backup.proxmox_backup"
    ]
    assert [row["result"] for row in results[0]["guests"]] == ["backed_up"]
    # The runner itself keeps the environment that it was given in env/ and in the file "command".
    told = [path for path in (private / "artifacts").rglob("*") if path.is_file() and path.name != "command"]
    assert len(told) > 3
    for path in told:
        assert environment["PROXMOX_TOKEN_SECRET"] not in path.read_text(errors="replace"), path
    assert len(cluster.sent("POST", "/vzdump")) == 1


def test_no_secret_is_in_the_list_of_processes(cluster: Lab, environment: dict[str, str], tmp_path: Path) -> None:
    secret = "hunter2-hunter2-hunter2"
    cluster.world.add_user("shown@pve", password=secret)
    cluster.world.add_acl("/", "Administrator", user_or_token="shown@pve", propagate=True)
    playbook = tmp_path / "slow.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": "localhost",
                    "gather_facts": False,
                    "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
                    "vars_files": [str(tmp_path / "vault.json")],
                    "tasks": [
                        {
                            "lifeboat.backup.proxmox_backup": {
                                "vmids": [101],
                                "api_user": "shown@pve",
                                "api_password": "{{ password }}",
                            }
                        }
                    ],
                }
            ]
        )
    )
    (tmp_path / "vault.json").write_text(json.dumps({"password": secret}))
    cluster.sim.faults.guest_hangs(101)
    seen: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(
            ansible_playbook, playbook, {**environment, "PROXMOX_TOKEN_ID": "", "PROXMOX_TOKEN_SECRET": ""}
        )
        while not cluster.sent("POST", "/vzdump") and not run.done():
            time.sleep(0.1)
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                seen.append(path.read_bytes().decode(errors="replace"))
        cluster.sim.faults.release(101)
        assert run.result().code == 0, run.result().output
    assert any("ansible-playbook" in line for line in seen), "the run was looked at while it was on"
    assert not any(secret in line for line in seen)
