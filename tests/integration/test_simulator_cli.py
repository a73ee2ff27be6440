# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator as a process of its own: how it says that it is ready, ends, and goes on after a crash."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from pve_simulator import by_hand
from pve_simulator.scenarios import SCENARIOS, demo
from pve_simulator.world import World

TESTS = Path(__file__).parents[1]

pytestmark = pytest.mark.slow  # processes start, and other tests may want the processors as well


@contextmanager
def simulator(
    folder: Path, *arguments: str, cwd: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running process and what it says of itself."""
    command = [sys.executable, "-m", "pve_simulator", "--folder", str(folder), *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(TESTS)}, cwd=cwd
    ) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


def call(ready: dict[str, Any], path: str, form: dict[str, str] | None = None) -> Any:
    """GET, or POST with a form, as the token that the process named."""
    request = urllib.request.Request(f"https://{ready['host']}:{ready['port']}/api2/json{path}")
    request.add_header("Authorization", f"PVEAPIToken={ready['token_id']}={ready['token_secret']}")
    context = ssl.create_default_context(cafile=ready["ca_path"])
    data = urlencode(form).encode() if form is not None else None
    with urllib.request.urlopen(request, data=data, context=context, timeout=5) as answer:
        return json.load(answer)["data"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ready_and_end(tmp_path: Path, number: signal.Signals) -> None:
    ready_file = tmp_path / "ready.json"
    with simulator(tmp_path / "cluster", "--ready-file", str(ready_file)) as (process, ready):
        assert set(ready) == {"host", "port", "ca_path", "token_id", "token_secret", "user", "password", "pid"}
        assert ready["pid"] == process.pid
        assert call(ready, "/version")["version"] == "8.4.21"
        deadline = time.monotonic() + 2
        while not ready_file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert json.loads(ready_file.read_text(encoding="utf-8")) == ready
        assert ready_file.stat().st_mode & 0o077 == 0
        process.send_signal(number)
        assert process.wait(timeout=3) == 0


def test_a_relative_folder_is_named_absolutely(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    with simulator(Path("cluster"), "--ready-file", "ready.json", cwd=tmp_path) as (process, ready):
        assert ready["ca_path"] == str(tmp_path / "cluster" / "pki" / Path(ready["ca_path"]).name)
        assert call(ready, "/version")["version"] == "8.4.21"
        process.terminate()
        assert process.wait(timeout=3) == 0
    assert json.loads(ready_file.read_text(encoding="utf-8"))["ca_path"] == ready["ca_path"]


def test_another_version_and_scenario(tmp_path: Path) -> None:
    with simulator(tmp_path, "--scenario", "small", "--version", "9.2") as (_process, ready):
        assert call(ready, "/version")["version"] == "9.2.11"
        guests = call(ready, "/cluster/resources?type=vm")
        assert [guest["vmid"] for guest in guests] == [101, 102, 103, 104, 105, 300, 301, 302]
        assert {guest["node"] for guest in guests} == {"pve9"}


def test_a_crash_in_the_middle_of_a_backup(tmp_path: Path) -> None:
    with simulator(tmp_path, "--pace", "60") as (process, ready):
        upid = call(ready, "/nodes/pve1/vzdump", {"vmid": "101", "storage": "vault"})
        deadline = time.monotonic() + 3
        while '"lock": "backup"' not in (tmp_path / "state.json").read_text(encoding="utf-8"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=3)
    with simulator(tmp_path) as (_process, again):
        assert again["token_secret"] == ready["token_secret"]
        state = call(again, f"/nodes/pve1/tasks/{upid}/status")
        assert (state["status"], state["exitstatus"]) == ("stopped", "unexpected status")
        assert call(again, "/nodes/pve1/lxc/101/status/current")["lock"] == "backup"


def test_a_folder_is_needed() -> None:
    command = [sys.executable, "-m", "pve_simulator"]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(TESTS)}, check=False
    )
    assert ended.returncode == 2
    assert "--folder" in ended.stderr


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_scenario_is_built_once(tmp_path: Path, name: str) -> None:
    world = World(tmp_path)
    first = SCENARIOS[name](world)
    world.save()
    assert SCENARIOS[name](World(tmp_path)) == first


def test_the_demo_has_something_to_see(tmp_path: Path) -> None:
    world = World(tmp_path)
    demo.build(world)
    guests = world.cluster.guests.values()
    assert len(guests) == 12
    assert {guest.kind for guest in guests} == {"lxc", "qemu"}
    assert {guest.node for guest in guests} == {"pve1", "pve2", "pve3"}
    assert len(world.archives("vault")) == 7
    assert len(world.archives("depot")) == 2
    held = world.rights.privileges(demo.TOKEN, "/vms/101")
    assert set(held) == set(demo.MINIMAL_ROLE)
    assert "Sys.Audit" not in world.rights.privileges(demo.TOKEN, "/")


def test_who_may_restore_may_do_nothing_else(tmp_path: Path) -> None:
    world = World(tmp_path)
    demo.build_for_restores(world)
    for path in ("/vms/101", "/storage/vault", "/sdn/zones/localnetwork/vmbr0"):
        assert set(world.rights.privileges(demo.TOKEN, path)) == set(demo.RESTORE_ROLE), path
    assert set(world.rights.privileges(demo.TOKEN, "/")) == set()


def test_hands_on_the_disks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While another process, here none, serves the cluster: its state is not written."""
    world = World(tmp_path)
    demo.build(world)
    world.save()
    state = (tmp_path / "state.json").read_bytes()

    def lines(*words: str) -> list[str]:
        assert by_hand.main(["--folder", str(tmp_path), *words]) == 0
        return capsys.readouterr().out.splitlines()

    whole = lines("show", "202")
    assert [line.split()[-1] for line in whole] == [
        "rootfs/etc/hostname",
        "rootfs/srv/wiki/Backups.md",
        "rootfs/srv/wiki/Knots.md",
    ]
    assert lines("break", "202") == [*whole, "and what is left:", whole[1]]
    assert lines("show", "202") == [whole[1]]
    [disk, *_others] = lines("show", "110")
    assert disk.split()[-1] == "scsi0.raw"
    assert lines("break", "110")[0] == disk != lines("show", "110")[0]
    volid = next(volid for volid in world.archives("vault") if "lxc-101" in volid)
    [told] = lines("truncate", volid)
    left = world.archive_path(volid).stat().st_size
    assert told.startswith(f"{volid}: {left} of ")
    assert (tmp_path / "state.json").read_bytes() == state


@pytest.mark.parametrize(
    ("folder", "words", "said"),
    [
        ("", ["show", "999"], "there is no 999 in this cluster"),
        ("", ["truncate", "vault:backup/vzdump-lxc-1-x"], "there is no vault:backup/vzdump-lxc-1-x in this cluster"),
        ("elsewhere", ["show", "101"], "no cluster in "),
    ],
)
def test_hands_that_find_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], folder: str, words: list[str], said: str
) -> None:
    world = World(tmp_path)
    demo.build(world)
    world.save()
    assert by_hand.main(["--folder", str(tmp_path / folder), *words]) == 1
    assert capsys.readouterr().err.startswith(said)
    assert not (tmp_path / "elsewhere").exists()
