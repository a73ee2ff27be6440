# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was done with the recorded systems, done with the simulated ones; each recorded question is asked again."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_simulator import Dead, Fleet, Servers, running
from device_simulator.scenarios.recorded import IDS, ROOT, grow, recorded
from harness.ticking import Ticking
from replay_devices import library

# the hour of the recordings
_BEGIN = 1795177292.9
# when the copies of MariaDBs were written, which the files' times tell
_FIRST_COPY, _LATER_COPY = 1795177460.1127098, 1795177651.8596914
_SIDE_BY_SIDE = ((5,), (9,), (2, 7), (4,), (1,), (8, 3), (10,))
_PATHS = {"mysql_root": "/", "rsync_root": "/", "mysql_status": "/status", "rsync_status": "/status"}


@dataclass(frozen=True)
class Told:
    """An answer: its status, type, and what it says."""

    status: int
    content_type: str
    content: Any


def play(folder: Path) -> dict[str, Told]:
    """The answers by the names of the recordings."""
    clock = Ticking(_BEGIN)
    sizes = library.video_bytes()
    fleet = Fleet(folder, clock, ROOT)
    recorded(fleet, sizes.__getitem__)
    with running(fleet, mysql=Dead(), rsync=Dead()) as servers:
        fleet.mysql.node_address = "localhost:8080"
        answers: dict[str, Told] = {}
        for situation in _situations(fleet, clock, servers):
            for name in library.names():
                if name.startswith(situation):
                    answers[name] = _ask(servers, name)
        return answers


def _situations(fleet: Fleet, clock: Ticking, servers: Servers) -> Iterator[str]:
    """Bring each situation about; what it is called, when it is there."""
    yield from _before_any_backup(fleet, clock)
    yield from _first_cycles(fleet, clock, servers)
    _meanwhile(fleet, clock, servers)
    yield from _one_daemon(fleet, clock, servers)


def _before_any_backup(fleet: Fleet, clock: Ticking) -> Iterator[str]:
    met = [device for device in fleet.devices.values() if device.standing == "met"]
    for device in met:
        device.standing = "unknown"
    yield "01"
    yield "03"
    clock.now += 74
    for device in met:
        device.standing = "met"
    clock.now += 69
    yield "06"
    clock.now += 3
    yield "07"


def _first_cycles(fleet: Fleet, clock: Ticking, servers: Servers) -> Iterator[str]:
    clock.now = _FIRST_COPY
    servers.mysql.fault = None
    fleet.mysql.run()
    yield "10"
    clock.now += 67
    servers.rsync.fault = None
    fleet.trouble(IDS[10], "rsync", "hold")
    fleet.rsync.run([[IDS[number] for number in batch] for batch in _SIDE_BY_SIDE])
    clock.now += 11
    yield "11"
    clock.now += 39
    fleet.rsync.finish(IDS[10])
    clock.now += 39
    yield "12"


def _meanwhile(fleet: Fleet, clock: Ticking, servers: Servers) -> None:
    """Backups by hand, further cycles, a new start of the node."""
    url = f"{servers.node.url}/device/{IDS[2]}/backup"
    body = json.dumps({"backup_databases": True, "backup_videos": True}).encode()
    with urllib.request.urlopen(url, body, timeout=5) as answer:
        assert json.load(answer)["success"] is True
    grow(fleet)
    clock.now = _LATER_COPY
    with urllib.request.urlopen(f"{servers.node.url}/device/{IDS[1]}/backup", b"", timeout=5) as answer:
        assert json.load(answer) == {"success": True, "backup_type": "mysql"}
    for _cycle in range(2):
        clock.now += 190
        fleet.sync()
    for _look in range(2):  # the pickles of the second are what the daemon counted later
        clock.now += 60
        _ask(servers, "node_backup_status")
    fleet.forget()


def _one_daemon(fleet: Fleet, clock: Ticking, servers: Servers) -> Iterator[str]:
    servers.rsync.fault = Dead()
    clock.now += 100
    yield "17"
    servers.mysql.fault, servers.rsync.fault = Dead(), None
    without = [fleet.devices[IDS[number]] for number in (1, 9)]
    for device in without:
        device.reports_databases = False
    fleet.rsync.restart()
    fleet.trouble(IDS[2], "rsync", "fail")
    clock.now += 20
    fleet.rsync.run()
    fleet.unreach(IDS[2])
    clock.now += 76
    yield "18"
    for device in without:
        device.reports_databases = True
    clock.now += 44
    servers.mysql.fault = None
    fleet.mysql.restart()
    fleet.mysql.run()
    fleet.devices[IDS[2]].status = "stopped"
    clock.now += 88
    yield "20"


def _ask(servers: Servers, name: str) -> Told:
    """What the recording of this name had asked."""
    with urllib.request.urlopen(_url(servers, name), timeout=5) as answer:
        return Told(answer.status, answer.headers["Content-Type"], json.load(answer))


def _url(servers: Servers, name: str) -> str:
    for ending, path in _PATHS.items():
        if ending in name:
            server = servers.mysql if ending.startswith("mysql") else servers.rsync
            return f"{server.url}{path}"
    if name.endswith("node_backup_status") or "node_backup_status_" in name:
        return f"{servers.node.url}/backup/status"
    if name.endswith("node_devices"):
        return f"{servers.node.url}/devices"
    if name.endswith("unknown_id"):
        return f"{servers.node.url}/device/deadbeef/backup"
    number = int(name.partition("_device_")[2][:3])
    return f"{servers.node.url}/device/{IDS[number]}/backup"
