# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Twelve devices for people to look at. What the node says of most of them is not so."""

from __future__ import annotations

from collections.abc import Sequence

from device_simulator.device import Device, Mysql, Sqlite, Videos
from device_simulator.fleet import Fleet
from device_simulator.scenarios.many import device_id

_MINUTE = 60.0
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def demo(fleet: Fleet) -> None:
    """Add the devices with their last three weeks.

    ========= ======================================== ==================================================
    ETHOSCOPE what the node says                        what is so
    ========= ======================================== ==================================================
    001       MySQL: success                            a good copy, four minutes old
    002       SQLite, video: success                    good copies of what ended 20 days ago
    003       SQLite: success, rsync: completed         no copy: somebody removed it
    004       video: success, both daemons: completed   the device has nothing
    005       SQLite: success, rsync: completed         a copy without tables: all rows are in the WAL
    006       MySQL: success                            a copy of 0 bytes; the daemon: Backup failed
    007       SQLite, video: success                    no copy: ssh is refused; the daemon: Backup failed
    008       SQLite: success                           a copy five days old, the device tracks on; timed out
    009       offline, no backups                       good copies, three days old
    010       video: success, to be backed up by: none  good copies, four minutes old
    011       SQLite: success                           half a copy: the transfer broke; Backup failed
    012       success                                   good copies of all three kinds
    ========= ======================================== ==================================================
    """
    now = fleet.now()
    _tracking(fleet, now)
    _stopped(fleet, now)
    stale, gone, broken = (fleet.devices[device_id(number)] for number in (8, 9, 11))
    with fleet.at(now - 5 * _DAY):
        fleet.rsync.run([[stale.id]])
    with fleet.at(now - 3 * _DAY):
        fleet.rsync.run([[gone.id]])
    fleet.unreach(gone.id)
    stale.sqlite[0].rows, stale.sqlite[0].written = 1500, now - _MINUTE
    fleet.write(stale.id)
    fleet.trouble(stale.id, "rsync", "timeout")
    fleet.trouble(broken.id, "rsync", "break")
    with fleet.at(now - 4 * _MINUTE):
        fleet.sync()
    fleet.lose(device_id(3))


def _add(
    fleet: Fleet,
    number: int,
    status: str,
    sqlite: Sequence[Sqlite] = (),
    mysql: Mysql | None = None,
    videos: Sequence[Videos] = (),
) -> Device:
    return fleet.add(
        device_id(number), f"ETHOSCOPE_{number:03d}", status, sqlite=sqlite, mysql=mysql, videos=videos,
        ip=f"192.168.10.{number}",
    )  # fmt: skip


def _tracking(fleet: Fleet, now: float) -> None:
    """Those that work at the moment."""
    _add(fleet, 1, "running", mysql=Mysql(now - 2 * _DAY, rows=2400))
    _add(fleet, 5, "running", [Sqlite(now - _DAY, rows=700, state="tracking", wal="all", written=now - _MINUTE)])
    _add(fleet, 6, "running", mysql=Mysql(now - 20 * _MINUTE, rows=0, ready=False))
    _add(fleet, 8, "running", [Sqlite(now - 6 * _DAY, rows=300, state="tracking", written=now - 5 * _DAY - _MINUTE)])
    _add(fleet, 10, "recording", videos=[Videos(now - 6 * _HOUR, (9000, 8200, 8700, 9100, 8800, 4100), every=_HOUR)])


def _stopped(fleet: Fleet, now: float) -> None:
    """Those that wait for the next experiment."""
    _add(
        fleet, 2, "stopped", [Sqlite(now - 21 * _DAY, rows=1200)], videos=[Videos(now - 21 * _DAY, (7000, 7400, 6900))]
    )
    _add(fleet, 3, "stopped", [Sqlite(now - 4 * _DAY, rows=900)])
    _add(fleet, 4, "stopped")
    _add(
        fleet, 7, "stopped", [Sqlite(now - 9 * _DAY, rows=800)], videos=[Videos(now - 9 * _DAY, (6000, 6100))]
    ).has_key = False
    _add(fleet, 9, "stopped", [Sqlite(now - 8 * _DAY, rows=600)], videos=[Videos(now - 8 * _DAY, (5000, 5300))])
    _add(fleet, 11, "stopped", [Sqlite(now - _DAY, rows=1000)])
    _add(
        fleet, 12, "stopped", [Sqlite(now - 10 * _DAY, rows=500)], Mysql(now - 3 * _DAY, rows=1600, state="finalised"),
        [Videos(now - 3 * _DAY, (8000, 8100, 7700))],
    )  # fmt: skip
