# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guest agent inside a VM. It belongs to what is in the guest, and goes into backups with it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pve_simulator.schema import property_strings
from pve_simulator.state.model import Guest

_FILE = "agent.json"
_TRUE = ("1", "on", "yes", "true")


@dataclass(frozen=True)
class Agent:
    """An operating system with an agent: what it calls itself, and the files that it can be asked for.

    ``hostname`` None is the name that the guest has when the agent is put into it. The agent answers ``boot_seconds``
    after the VM was started; a command takes ``exec_seconds``.
    """

    os_id: str = "debian"
    pretty_name: str = "Debian GNU/Linux 12 (bookworm)"
    hostname: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    boot_seconds: float = 0.05
    exec_seconds: float = 0.0

    @property
    def windows(self) -> bool:
        """Tell whether it is Windows."""
        return self.os_id == "mswindows"

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, or None when there is no such file."""
        if path == "/etc/hostname" and path not in self.files and not self.windows:
            return f"{self.hostname}\n".encode()
        return self.files.get(path)


def enabled(guest: Guest) -> bool:
    """Tell whether the configuration gives the VM the line on which the agent talks (``agent: 1``, ``enabled=1``)."""
    parts = property_strings.parse(str(guest.options.get("agent", "0")), default_key="enabled")
    return parts.get("enabled", "0").lower() in _TRUE


def place(folder: Path) -> Path:
    """Where in a guest's folder the agent lies."""
    return folder / _FILE


def write(folder: Path, agent: Agent, name: str) -> None:
    """Put an agent into the guest of this name."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {path: base64.b64encode(data).decode() for path, data in agent.files.items()}
    kept = {**asdict(agent), "hostname": agent.hostname or name, "files": files}
    place(folder).write_text(json.dumps(kept), encoding="utf-8")


def read(folder: Path) -> Agent | None:
    """The agent in a guest, or None when there is none."""
    path = place(folder)
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["files"] = {name: base64.b64decode(text) for name, text in kept["files"].items()}
    return Agent(**kept)
