# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees of copies on a real disk, and device_backup_status looking at them.

As a program (``python -m harness.trees``) it runs the module's work with the options that come as JSON on its input:
so often as it is told, and killed at the statement of SQL that it is told.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.device_backup_status import device_backup_status

HOUR = 3600
DAY = 86400
MONTH = 30 * DAY
NANO = 10**9
NOBODY = 65534
OPTIONS = {
    "verify": "none",
    "timeout": "10s",
    "parallel": 4,
    "cache_path": "",
    "cache_ttl": "5m",
    "stable_after": "7d",
    "validate_certs": True,
}
"""The module's own defaults, but without a catalogue and a look into the copies."""
TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Status:
    """What the module's work gives."""

    result: Mapping[str, Any]
    failure: str | None

    @property
    def said(self) -> dict[str, Any]:
        """What must be the same with a catalogue and without."""
        kept = {key: self.result[key] for key in ("devices", "discrepancies", "summary", "msg")}
        of_trees = [one for one in self.warnings if not one.startswith("The catalogue ")]
        return {**kept, "warnings": of_trees, "failure": self.failure}

    @property
    def devices(self) -> dict[str, Any]:
        """The rows by id."""
        return {row["id"]: row for row in self.result["devices"]}

    @property
    def warnings(self) -> list[str]:
        """All of them."""
        found: list[str] = self.result["warnings"]
        return found

    @property
    def of_catalogue(self) -> list[str]:
        """The warnings that tell of the catalogue."""
        return [one for one in self.warnings if one.startswith("The catalogue ")]

    @property
    def hits(self) -> int:
        """Copies that were not touched."""
        found: int = self.result["cache"]["hits"]
        return found

    @property
    def misses(self) -> int:
        """Copies that were touched."""
        found: int = self.result["cache"]["misses"]
        return found

    def evidence(self, device: str, kind: str = "sqlite") -> dict[str, Any]:
        """What was seen of a type of a device."""
        found: dict[str, Any] = self.devices[device]["types"][kind]["evidence"]
        return found


def status(clock: Clock | None = None, **options: Any) -> Status:
    """What the module finds, with a clock of the test's own if it wants one."""
    return Status(*device_backup_status({**OPTIONS, **options}, {}, clock or Clock()))


def clock_at(moment: float) -> Clock:
    """A clock that stands at this epoch second."""
    return Clock(now=lambda: moment)


def copy(path: Path, size: int = 10, age: float = MONTH) -> Path:
    """A file of this size in bytes and age in seconds, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return dated(path, age)


def dated(path: Path, age: float) -> Path:
    """Give a file or folder its age in seconds."""
    when = time.time() - age
    os.utime(path, (when, when))
    return path


def in_place(path: Path, size: int) -> Path:
    """Give a file another size and the time of now, which its folder doesn't notice."""
    with path.open("r+b") as file:
        file.truncate(size)
    os.utime(path)
    return path


def rest() -> None:
    """Until the times of what was changed before can be told from those of a change from now on."""
    time.sleep(0.03)


def recordings(root: Path, device: str, number: int, age: float = MONTH) -> list[Path]:
    """The databases of a device, each in a folder of its own and a day older than the one before."""
    return [copy(root / device / f"NAME_{device}" / f"run-{day:03}" / f"{day}.db", 10 + day, age + day * DAY)
            for day in range(number)]  # fmt: skip


@contextmanager
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="lifeboat-test-", dir="/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


@contextmanager
def without_rights() -> Iterator[None]:
    """As a user to whom files can be closed: another one where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


class Run:
    """The module's work in a process of its own: ``turns`` times, or until the statement ``die_at`` of its writing."""

    def __init__(self, options: Mapping[str, Any], *, turns: int = 1, die_at: int = 0) -> None:
        collections = os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.trees"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(TESTS), collections]),
                "TMPDIR": tempfile.gettempdir(),
            },
            text=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"options": dict(options), "turns": turns, "die_at": die_at}) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> Run:
        """Let it begin: only its own work takes time from now on."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self

    def results(self, seconds: float = 25) -> list[Status]:
        """What each turn gave, once it has ended by itself."""
        printed, said = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, said
        return [Status(*json.loads(line)) for line in printed.splitlines()]

    def killed(self, seconds: float = 25) -> None:
        """Wait until it is killed; it must be."""
        _printed, said = self.process.communicate(timeout=seconds)
        assert self.process.returncode == -SIGKILL, said


def _run() -> None:
    order = json.loads(sys.stdin.readline())
    print("ready", flush=True)  # noqa: T201 - what its starter waits for
    assert sys.stdin.readline() == "go\n"
    if order["die_at"]:
        _die_at(order["die_at"])
    for _turn in range(order["turns"]):
        found = status(**order["options"])
        print(json.dumps([found.result, found.failure]), flush=True)  # noqa: T201


def _die_at(number: int) -> None:
    """From outside nobody can hit the moment between two statements."""
    real = sqlite3.connect
    left = [number]

    def count(statement: str) -> None:
        if left[0] < number or statement == "BEGIN IMMEDIATE":
            left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), SIGKILL)

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(*arguments, **options)
        connection.set_trace_callback(count)
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]


if __name__ == "__main__":
    _run()
