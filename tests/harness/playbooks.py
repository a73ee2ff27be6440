# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run playbooks as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """How ansible-playbook ended, and all that it printed."""

    code: int
    output: str


def variables(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run: the collection from the link tree, nothing of the caller's cluster, the interpreter."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROXMOX_", "ANSIBLE_"))}
    return {
        **kept,
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache" / "collections"),
        "ANSIBLE_HOME": str(CHECKOUT / ".cache" / "ansible-home"),
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}",
        **extra,
    }


def ansible_playbook(playbook: str | Path, environment: Mapping[str, str], *arguments: str, timeout: int = 120) -> Run:
    """Run a playbook of the collection (``lifeboat.backup.NAME``) or a file."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook), *arguments]
    done = subprocess.run(
        command,
        env=variables(environment),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Run(done.returncode, done.stdout + done.stderr)
