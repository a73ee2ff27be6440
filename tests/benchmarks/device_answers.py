# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of the services of fleets, as files: made by the simulator, whose answers are compared with recorded ones."""

from __future__ import annotations

import json
import tempfile
import urllib.request
from pathlib import Path

from device_simulator import Fleet, Videos, running
from device_simulator.scenarios import device_id, fleet_of

QUESTIONS = ("node/devices", "node/backup/status", "mysql/status", "rsync/status")
"""What the module asks: the service, and the path there."""
_DAY = 86_400


def answers_of_fleet(fleet: Fleet, folder: Path, devices: int) -> None:
    """Fill a fleet with devices of all kinds and their copies, and keep what its services then answer."""
    fleet_of(fleet, devices)
    with running(fleet) as servers:
        addresses = {"node": servers.node.url, "mysql": servers.mysql.url, "rsync": servers.rsync.url}
        for question in QUESTIONS:
            service, _slash, path = question.partition("/")
            with urllib.request.urlopen(f"{addresses[service]}/{path}") as answer:
                _keep(folder, question, answer.read())


def answers_after_first_sync(folder: Path, devices: int, files: int) -> None:
    """What both daemons answer after the first cycle: each device had so many videos, and each is listed three times.

    One device is simulated; the others have its entry with their own ids and names.
    """
    one, name = device_id(0), "ETHOSCOPE_999"
    with tempfile.TemporaryDirectory() as place:
        fleet = Fleet(Path(place), root="/ethoscope_data")
        fleet.add(one, name, videos=[Videos(fleet.now() - 2 * _DAY, (1_000,) * files, every=60)])
        fleet.sync()
        entries = {"mysql": fleet.mysql.status()[one], "rsync": fleet.rsync.status()["devices"][one]}
        summary = json.dumps(fleet.rsync.status()["disk_usage_summary"])
    bodies = {}
    for service, entry in entries.items():
        text = json.dumps(entry)
        copies = [
            f'"{device_id(number)}": ' + text.replace(one, device_id(number)).replace(name, f"ETHOSCOPE_{number:03}")
            for number in range(1, devices + 1)
        ]
        bodies[service] = "{" + ", ".join(copies) + "}"
    _keep(folder, "mysql/status", bodies["mysql"].encode())
    _keep(folder, "rsync/status", f'{{"devices": {bodies["rsync"]}, "disk_usage_summary": {summary}}}'.encode())


def _keep(folder: Path, question: str, body: bytes) -> None:
    file = folder / question
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
