# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few commands that can be run in a simulated guest: by a VM's agent, or by ``pct exec`` in a container."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Inside(Protocol):
    """What a command sees of the guest in which it runs."""

    @property
    def hostname(self) -> str | None:
        """The name that the guest has for itself."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, or None when there is no such file."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what it wrote."""

    exit_code: int
    out: bytes = b""
    err: bytes = b""


def run(command: Sequence[str], inside: Inside) -> Outcome | None:
    """Run a program with its arguments; None when the guest has no such program."""
    program, *words = command
    if program.lower() in ("cmd", "cmd.exe") and [word.lower() for word in words[:2]] == ["/c", "echo"]:
        return Outcome(0, f"{' '.join(words[2:])}\r\n".encode())
    name = program.rsplit("/", 1)[-1]
    if name == "echo":
        return Outcome(0, f"{' '.join(words)}\n".encode())
    if name == "hostname":
        return Outcome(0, f"{inside.hostname}\n".encode())
    if name == "cat":
        return _cat(words, inside)
    return {"true": Outcome(0), "false": Outcome(1)}.get(name)


def _cat(paths: Sequence[str], inside: Inside) -> Outcome:
    found = {path: inside.read(path) for path in paths}
    missing = [path for path, data in found.items() if data is None]
    complaints = "".join(f"cat: {path}: No such file or directory\n" for path in missing)
    read = b"".join(data for data in found.values() if data is not None)
    return Outcome(int(bool(missing)), read, complaints.encode())
