# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of any size, all kinds of devices mixed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from device_simulator.device import Device, Mysql, Sqlite, Videos
from device_simulator.fleet import Fleet

_HOUR = 3600.0
_DAY = 24 * _HOUR


def device_id(number: int) -> str:
    """An id that begins with the device's number."""
    return f"{number:03d}{hashlib.sha256(str(number).encode()).hexdigest()}"[:32]


def fleet_of(fleet: Fleet, count: int, chunks: int = 3) -> list[Device]:
    """Add devices ETHOSCOPE_001 to ``count``, and let the daemons back them up once.

    Of each eight, in this order: MariaDB and running, SQLite with videos, SQLite alone, videos alone, nothing, SQLite
    with its last rows in the WAL, all three kinds, offline with copies. ``chunks`` is how many files a recording has.
    """
    now = fleet.now()
    devices = [
        _add(fleet, number, now, [2000 + 100 * (part % 7) for part in range(chunks)]) for number in range(1, count + 1)
    ]
    fleet.mysql.run()
    fleet.rsync.run([[device.id for device in devices]])
    for device in devices[7::8]:
        fleet.unreach(device.id)
    return devices


def _add(fleet: Fleet, number: int, now: float, sizes: Sequence[int]) -> Device:
    kind = (number - 1) % 8
    begun = now - 2 * _DAY - number * 60
    tracked = [Sqlite(begun - 10 * _DAY)]
    filmed = [Videos(begun, sizes, every=_HOUR)]
    tracking = [Sqlite(begun, state="tracking", wal="tail", written=now - 60)]
    sqlite = {1: tracked, 2: tracked, 5: tracking, 6: tracked, 7: tracked}.get(kind, [])
    videos = filmed if kind in (1, 3, 6, 7) else []
    mysql = Mysql(begun) if kind in (0, 6) else None
    status = {0: "running", 3: "recording", 5: "running"}.get(kind, "stopped")
    return fleet.add(device_id(number), f"ETHOSCOPE_{number:03d}", status, sqlite=sqlite, mysql=mysql, videos=videos)
