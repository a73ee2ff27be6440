# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Task logs: a file a task, and how a task ended read from its last line, as Proxmox does it."""

from __future__ import annotations

import re
from pathlib import Path

UNEXPECTED = "unexpected status"

_END = re.compile(r"^TASK (?:(OK)|ERROR: (.+)|(WARNINGS: \d+))$")


class TaskLog:
    """One log. Each line is on disk before `write` returns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self) -> None:
        """Make the empty file that shows that the task exists."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()

    def write(self, line: str) -> None:
        """Append a line."""
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def lines(self) -> list[str]:
        """All lines written so far."""
        text = self.path.read_text(encoding="utf-8")
        return text.removesuffix("\n").split("\n") if text else []

    def truncate(self, count: int) -> None:
        """Lose everything after the first lines, as a full or broken disk does."""
        kept = self.lines()[:count]
        self.path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def exit_status(self) -> str:
        """How the task ended, for a task that runs no more."""
        lines = self.lines()
        match = _END.match(lines[-1]) if lines else None
        return next((text for text in match.groups() if text is not None), UNEXPECTED) if match else UNEXPECTED
