# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet of the recordings: ten devices, of which nine are online (reference 10)."""

from __future__ import annotations

from calendar import timegm
from collections.abc import Callable
from pathlib import Path
from time import strptime

from device_simulator.device import Mysql, Sqlite, Videos
from device_simulator.fleet import Fleet

IDS = {
    number: f"{number:03d}{letter * 29}"
    for number, letter in zip(range(1, 11), ("b", "c", "d", "e", "f", "0", "1", "2", "3", "4"), strict=True)
}
ROOT = "/ethoscope_data"
_DAYS = 86400.0
# A folder of ext4, and one with 301 entries of long names
_FOLDER, _LARGE_FOLDER = 4096, 45056
# By the device's number; the addresses are all the same one, so that a machine can be ten devices
_STATES = {
    1: ("running", "127.0.0.1"),
    2: ("stopped", "127.0.1"),
    3: ("stopped", "127.1"),
    4: ("recording", "0x7f.1"),
    5: ("stopped", "0x7f.0.1"),
    6: ("offline", "127.0.0.6"),
    7: ("running", "0177.1"),
    8: ("stopped", "0x7f000001"),
    9: ("running", "2130706433"),
    10: ("stopped", "017700000001"),
}
_CHUNKS = {2: 5, 3: 4, 4: 6, 10: 300}

VideoBytes = Callable[[str], int]


def moment(text: str) -> float:
    """Unix seconds of a time in UTC as folders are named by it."""
    return float(timegm(strptime(text, "%Y-%m-%d_%H-%M-%S")))


_EARLY = moment("2026-10-31_12-20-07")
_LATE = moment("2026-11-18_12-20-07")
_FILMED = moment("2026-10-21_12-20-07")
_MARIADB = moment("2026-11-17_12-20-07")


def recorded(fleet: Fleet, video_bytes: VideoBytes = lambda name: 2000 + sum(name.encode()) % 7000) -> None:
    """Add the devices. Nothing of theirs lies on the node yet; ``video_bytes`` is how long a chunk of this name is.

    Give the fleet the root ``/ethoscope_data`` if answers are to be as recorded.
    """
    fleet.memory.folder_bytes = _folder_bytes
    for number in (6, 10, 5, 2, 7, 9, 4, 3, 1, 8):  # as the node lists them
        status, address = _STATES[number]
        device = fleet.add(
            IDS[number],
            f"ETHOSCOPE_{number:03d}",
            status,
            ip=address,
            sqlite=_sqlite(number),
            mysql=_mysql(number),
            videos=_videos(number, video_bytes),
        )
        if number == 6:
            device.standing = "listed"
            device.seen = moment("2026-11-20_12-21-03")
        if number == 8:
            device.has_key = False
    _leftovers(fleet)


def _sqlite(number: int) -> list[Sqlite]:
    early = Sqlite(_EARLY, rows=400, size=73728)
    if number == 7:
        return [Sqlite(_EARLY, rows=400, state="tracking", wal="all")]
    if number == 2:
        return [early, Sqlite(_LATE, rows=500, size=73728)]
    return [early] if number in (3, 8, 10) else []


def _mysql(number: int) -> Mysql | None:
    if number not in (1, 3, 9):
        return None
    state = "finalised" if number == 3 else "tracking"
    return Mysql(_MARIADB, rows=1234, told_rows=1234, state=state, ready=number != 9, size=106496)


def _videos(number: int, video_bytes: VideoBytes) -> list[Videos]:
    count = _CHUNKS.get(number)
    if count is None:
        return []
    empty = Videos(_FILMED)
    sizes = [video_bytes(empty.chunk(IDS[number], chunk + 1)) for chunk in range(count)]
    return [Videos(_FILMED, sizes, every=30 * _DAYS / count)]


def _leftovers(fleet: Fleet) -> None:
    """The recorded node had files that belong to none of the devices that were met: two databases, three videos."""
    old = [Sqlite(_EARLY - days * _DAYS, rows=40, rois=1, size=size) for days, size in ((90, 28672), (60, 32768))]
    films = Videos(_EARLY - 60 * _DAYS, (4000, 4000, 4000), md5=False)
    device = fleet.devices[IDS[6]]
    device.sqlite, device.videos = old, [films]
    fleet.write(device.id)
    fleet.copy(device.id)


def grow(fleet: Fleet) -> None:
    """Device 001 tracks on: 150 rows more, of which its list says nothing."""
    mysql = fleet.devices[IDS[1]].mysql
    if mysql is not None:
        mysql.rows, mysql.size = 1384, 110592


def _folder_bytes(folder: Path) -> int:
    return _LARGE_FOLDER if len(list(folder.iterdir())) > 250 else _FOLDER
