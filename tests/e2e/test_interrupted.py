# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ansible-playbook ended in the middle, as a person, AWX or the kernel does it, and then started again.

When its main process is killed, Ansible's worker lives on and with it the module, which finishes its work beside the
second run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.lab import Lab
from harness.playbooks import ansible_playbook, variables
from harness.waiting import wait_for

SELECT = [
    "-e",
    '{"guest_backup_vmids": [101, 102, 104], "guest_backup_storage": "vault"}',
    "-e",
    "guest_backup_max_age=",
]


def ctrl_c(run: subprocess.Popen[str]) -> None:
    """A terminal sends it to every process in the foreground."""
    os.killpg(run.pid, signal.SIGINT)


def terminate(run: subprocess.Popen[str]) -> None:
    run.terminate()


def kill(run: subprocess.Popen[str]) -> None:
    run.kill()


@pytest.mark.parametrize("how", [ctrl_c, terminate, kill])
def test_the_next_run_finishes_what_was_begun(
    cluster: Lab, environment: dict[str, str], how: Callable[[subprocess.Popen[str]], None]
) -> None:
    """One node at a time: 101 and 102 are on the first, 104 is on the second."""
    cluster.sim.faults.guest_hangs(101)
    first = subprocess.Popen(
        [
            str(Path(sys.executable).parent / "ansible-playbook"),
            "lifeboat.backup.backup",
            *SELECT,
            "-e",
            "guest_backup_max_parallel=1",
        ],
        env=variables(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: bool(cluster.world.tasks.running()), 60)
    how(first)
    said, _nothing = first.communicate(timeout=60)
    assert first.returncode != 0, said
    if how is not kill:
        wait_for(lambda: not module_processes(cluster), 30)
        assert len(cluster.sent("POST", "/vzdump")) == 1, "nothing more was started"
    looks = len(cluster.sent("GET", "/cluster/resources"))

    def release() -> None:
        """Once the second run has looked: how long it takes to get there depends on the machine."""
        wait_for(lambda: len(cluster.sent("GET", "/cluster/resources")) > looks, 60)
        time.sleep(1)
        cluster.sim.faults.release(101)

    releasing = threading.Thread(target=release)
    releasing.start()
    second = ansible_playbook("lifeboat.backup.backup", environment, *SELECT)
    assert second.code == 0, second.output
    releasing.join()
    wait_for(lambda: not module_processes(cluster), 30)
    made = [backup["vmid"] for backup in cluster.info(vmids=[101, 102, 104])["backups"]]
    assert sorted(made) == [101, 102, 104]
    assert list(cluster.journals.rglob("*.jsonl")) == []


def module_processes(cluster: Lab) -> list[int]:
    """The module lives on for a moment: it notices within seconds that nobody reads its result."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"AnsiballZ_proxmox_backup" in words and str(cluster.journals).encode() in environment:
            found.append(int(folder.name))
    return found
