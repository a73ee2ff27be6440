# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated fleet as a process of its own: how it says that it is ready, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.slow  # processes start, and other tests may want the processors as well


@contextmanager
def simulator(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running process and what it says of itself."""
    command = [sys.executable, "-m", "device_simulator", "--folder", str(folder), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def content(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ready_and_end(tmp_path: Path, number: signal.Signals) -> None:
    ready_file = tmp_path / "ready.json"
    with simulator(tmp_path / "fleet", "--ready-file", str(ready_file)) as (process, ready):
        assert set(ready) == {
            "node_url",
            "mysql_service_url",
            "rsync_service_url",
            "results_path",
            "videos_path",
            "pid",
        }
        assert ready["pid"] == process.pid
        assert len(content(f"{ready['node_url']}/devices")) == 12
        assert len(content(f"{ready['mysql_service_url']}/status")) == 11
        synced = content(f"{ready['rsync_service_url']}/status")["devices"].values()
        assert {job["synced"]["videos"]["directory"] for job in synced if job["ended"] > 0} == {ready["videos_path"]}
        assert any(Path(ready["results_path"]).rglob("*.db"))
        deadline = time.monotonic() + 2
        while not ready_file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert json.loads(ready_file.read_text(encoding="utf-8")) == ready
        process.send_signal(number)
        assert process.wait(timeout=3) == 0


def test_other_scenarios_begin_anew_in_an_old_folder(tmp_path: Path) -> None:
    with simulator(tmp_path, "--scenario", "recorded") as (_process, ready):
        assert len(content(f"{ready['node_url']}/backup/status")["devices"]) == 10
    with simulator(tmp_path, "--scenario", "fleet", "--devices", "5", "--hang", "rsync") as (_process, ready):
        told = content(f"{ready['node_url']}/backup/status")
        assert (len(told["devices"]), told["summary"]["rsync_backup_available"]) == (5, False)
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(f"{ready['rsync_service_url']}/status", timeout=0.2)
        assert {path.name[:1] for path in Path(ready["results_path"]).iterdir()} == {"0"}
        assert len(list(Path(ready["results_path"]).iterdir())) == 3


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    command = [sys.executable, "-m", "device_simulator", "--folder", str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"{tmp_path} is not empty, and no fleet of this simulator\n"
    assert (tmp_path / "results").is_dir()
