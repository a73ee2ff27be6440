# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a backup was made by the clock on the node's wall."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Retention
from unit.builders import HOUR, NOW, a_backup

BERLIN = LocalTimes({"pve1": "Europe/Berlin"})


def _wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp())


def _snapshot(ctime: int, node: str = "pve1") -> Backup:
    stamp = datetime.fromtimestamp(ctime, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return a_backup(101, ctime=ctime, node=node, volid=f"vault:backup/ct/101/{stamp}")


def _file(stamp: str, ctime: int = NOW) -> Backup:
    return a_backup(101, ctime=ctime, volid=f"vault:backup/vzdump-lxc-101-{stamp}.tar.zst")


def _made(times: LocalTimes, backup: Backup) -> datetime:
    """By its name, else by the clock of its node: what retention does."""
    return backup.local_time or times.at(backup.ctime, backup.node)


@pytest.mark.parametrize(
    ("utc", "wall"),
    [
        ("2026-01-31 23:30:00", "2026-02-01 00:30:00"),
        ("2026-07-31 22:30:00", "2026-08-01 00:30:00"),
        ("2026-03-29 00:59:59", "2026-03-29 01:59:59"),
        ("2026-03-29 01:00:00", "2026-03-29 03:00:00"),
        ("2026-10-25 00:30:00", "2026-10-25 02:30:00"),
        ("2026-10-25 01:30:00", "2026-10-25 02:30:00"),
    ],
)
def test_a_moment_on_a_wall_where_summer_has_another_time(utc: str, wall: str) -> None:
    assert BERLIN.at(_epoch(utc), "pve1") == _wall(wall)
    assert _made(BERLIN, _snapshot(_epoch(utc))) == _wall(wall)


@pytest.mark.parametrize("zone", [None, "Middle/Earth", "", "../../etc/passwd", "/etc/localtime", "Europe"])
def test_without_a_known_zone_it_is_utc(zone: str | None) -> None:
    times = LocalTimes({} if zone is None else {"pve1": zone})
    assert times.at(NOW, "pve1") == _wall("2026-11-20 12:26:37")
    assert times.guessed([_snapshot(NOW)]) == ["pve1"]


def test_each_node_has_its_own_zone() -> None:
    times = LocalTimes({"pve1": "Europe/Berlin", "pve2": "UTC"})
    assert [times.at(NOW, node) for node in ("pve1", "pve2", "pve3")] == [
        _wall("2026-11-20 13:26:37"),
        _wall("2026-11-20 12:26:37"),
        _wall("2026-11-20 12:26:37"),
    ]
    assert times.guessed([_snapshot(NOW, node) for node in ("pve3", "pve2", "pve1", "pve3", "pve0")]) == [
        "pve0",
        "pve3",
    ]


def test_the_name_of_a_file_tells_it_whatever_the_zone() -> None:
    made = _file("2026_11_20-23_59_59")
    for times in (BERLIN, LocalTimes({})):
        assert _made(times, made) == _wall("2026-11-20 23:59:59")
        assert times.guessed([made]) == []


@pytest.mark.parametrize("stamp", ["2026_13_01-00_00_00", "2026_02_30-00_00_00", "2026_11_20-24_00_00"])
def test_a_time_that_no_calendar_has_is_no_time(stamp: str) -> None:
    made_up = _file(stamp)
    assert made_up.local_time is None
    assert _made(BERLIN, made_up) == _wall("2026-11-20 13:26:37")
    assert LocalTimes({}).guessed([made_up]) == [], "retention leaves it alone, so that its day doesn't matter"


def test_a_leap_day_is_one() -> None:
    assert _file("2028_02_29-12_00_00").local_time == _wall("2028-02-29 12:00:00")
    assert _file("2026_02_29-12_00_00").local_time is None


def test_a_days_end_is_that_of_the_node() -> None:
    """In UTC both are of one day, in Berlin of two."""
    evening, night = _snapshot(_epoch("2026-11-20 22:30:00")), _snapshot(_epoch("2026-11-20 23:30:00"))
    for zones, gone in (({}, [evening]), ({"pve1": "Europe/Berlin"}, [])):
        retention = Retention(Keep(daily=2), LocalTimes(zones), lambda _node: float(NOW + 24 * HOUR))
        plan = retention.apply([evening, night], {101: "lxc"})
        assert [fate.backup for fate in plan.removals] == gone


@given(st.integers(0, 4_000_000_000), st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]))
def test_every_moment_is_what_the_calendar_of_the_zone_says(epoch: int, zone: str) -> None:
    wall = LocalTimes({"pve1": zone}).at(epoch, "pve1")
    offset = datetime.fromtimestamp(epoch, ZoneInfo(zone)).utcoffset()
    assert offset is not None
    assert wall == datetime(1970, 1, 1) + timedelta(seconds=epoch) + offset  # noqa: DTZ001 - the time on a wall
    assert wall.tzinfo is None
