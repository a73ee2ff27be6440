# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are, and how programs are run there."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import tomllib

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"
LOGS = CACHE / "logs"
LINK = CACHE / "collections/ansible_collections/lifeboat/backup"
IN_CI = bool(os.environ.get("CI"))
# Seconds that one program may take, however slow the machine is; and that its output may be open after its end
LIMIT = 900
LAST_WORDS = 5
TOO_LONG = 124


@dataclass(frozen=True)
class Finished:
    """A program that has ended. ``output`` is what it printed, standard error included."""

    code: int
    output: str
    seconds: float

    @property
    def good(self) -> bool:
        """Whether it said that all is well."""
        return self.code == 0


def settings() -> dict[str, Any]:
    """Our own table in pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["lifeboat"]
    return table


def run(
    command: Sequence[str | Path],
    log: str,
    env: Mapping[str, str] | None = None,
    folder: Path = CHECKOUT,
    show: Callable[[str], bool] = lambda _: False,
) -> Finished:
    """Run a program to its end, without input, and stop it with all its children when it takes longer than ``LIMIT``.

    What it prints goes to ``.cache/logs/LOG.log``, and the lines that ``show`` picks go to the screen at once.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    lines: list[str] = []

    def follow(stream: IO[str]) -> None:
        with (LOGS / f"{log}.log").open("w") as file:
            for line in stream:
                file.write(line)
                file.flush()
                lines.append(line)
                if show(line):
                    say(line.rstrip("\n"))

    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=folder,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout is not None
    reader = threading.Thread(target=follow, args=(process.stdout,), daemon=True)
    reader.start()
    try:
        code = process.wait(LIMIT)
    except subprocess.TimeoutExpired:
        code = TOO_LONG
        lines.append(f"stopped after {LIMIT} s\n")
        say(lines[-1].rstrip())
    finally:
        # Also what a program left behind, and all of it when somebody presses Ctrl-C
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    reader.join(LAST_WORDS)
    return Finished(code, "".join(lines), time.monotonic() - started)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def program(name: str) -> Path | None:
    """A system program or one of our environment."""
    found = shutil.which(name)
    return Path(found) if found else None


def project_files(*patterns: str) -> list[Path]:
    """The files of the project that match: those that git knows or would add, relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return sorted({Path(name) for name in listed.stdout.split("\0") if name and (CHECKOUT / name).exists()})
