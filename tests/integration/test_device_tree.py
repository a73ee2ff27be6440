# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""device_backup_status on trees as they are: links, closed folders, depths, odd names, and changes while it looks."""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from harness.lab import run_as_user
from harness.modules import warnings_of
from harness.sqlite_files import ethoscope
from harness.trees import (
    DAY,
    HOUR,
    MONTH,
    clock_at,
    copy,
    dated,
    public_folder,
    recordings,
    rest,
    status,
    without_rights,
)

CAMERAS = {"type": "recording", "pattern": r"^(?P<device>cam[0-9]+)/.*\.mp4$"}
ROUTERS = {"type": "config", "pattern": r"^(?P<device>[^/]+)\.cfg$"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    with public_folder() as folder:
        (folder / "results").mkdir()
        yield folder / "results"


@pytest.fixture(params=["with a catalogue", "without"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """A catalogue that is there for the second look, or none."""
    return {"cache_path": "" if request.param == "without" else str(tmp_path / "catalogue.sqlite")}


def test_links_are_not_followed_but_told(root: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    outside = tmp_path / "outside"
    copy(outside / "NAME" / "run" / "bait.db", 666)
    recordings(root, "a", 2)
    (root / "linked device").symlink_to(outside)
    (root / "a" / "LINKED").symlink_to(outside / "NAME")
    (root / "a" / "NAME_a" / "inside").symlink_to(root / "a")
    (root / "a" / "NAME_a" / "loop").symlink_to("loop")
    (root / "a" / "NAME_a" / "run-000" / "bait.db").symlink_to(outside / "NAME" / "run" / "bait.db")
    (root / "a" / "NAME_a" / "run-000" / "gone.db").symlink_to("nowhere")
    rest()
    for _turn in range(3):
        found = status(results_path=str(root), **options)
        assert [*found.devices] == ["a"]
        assert (found.evidence("a")["files"], found.evidence("a")["size"]) == (2, 21)
        (warning,) = found.warnings
        assert "6 symbolic links" in warning


def test_a_root_that_is_a_link_is_followed(root: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    recordings(root, "a", 2)
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "link to it").symlink_to("link")
    for _turn in range(2):
        found = status(results_path=str(tmp_path / "link to it"), **options)
        assert (found.evidence("a")["files"], found.warnings) == (2, [])


@pytest.mark.parametrize("replaced", ["a", "a/NAME_a", "a/NAME_a/run-001"])
def test_a_link_that_takes_a_folders_place(root: Path, tmp_path: Path, replaced: str) -> None:
    cache = str(tmp_path / "catalogue.sqlite")
    recordings(root, "a", 3)
    recordings(root, "b", 1)
    rest()
    status(results_path=str(root), cache_path=cache)
    (root / replaced).rename(tmp_path / "moved")
    (root / replaced).symlink_to(tmp_path / "moved")
    for _turn in range(2):
        found = status(results_path=str(root), cache_path=cache)
        left = found.evidence("a")["files"] if "a" in found.devices else 0
        assert left == (2 if replaced.endswith("run-001") else 0)
        assert "1 symbolic link" in found.warnings[0]


def test_a_tree_of_70_levels(root: Path, options: dict[str, Any]) -> None:
    recordings(root, "b", 1)
    levels = ["a", "NAME", *(f"{level:02}" for level in range(68))]
    for depth in (3, 63, 64, 65, 70):
        copy(root.joinpath(*levels[:depth]) / "x.db", depth, MONTH + depth)
    rest()
    deep = "/".join(levels[:65])
    for _turn in range(3):
        found = status(results_path=str(root), **options)
        assert (found.evidence("a")["files"], found.evidence("a")["size"]) == (3, 3 + 63 + 64)
        assert found.evidence("a")["why_not"] == f"{root}/{deep} cannot be read (lies deeper than 64 folders)"
        assert found.warnings == [
            f"In {root} 1 folder cannot be read: {deep} (lies deeper than 64 folders).",
        ]
        types = found.devices["a"]["types"]
        assert (types["mysql"]["status"], types["sqlite"]["status"]) == ("unknown", "stale")
        assert types["sqlite"]["reason"].endswith(found.evidence("a")["why_not"])
        assert found.evidence("b")["why_not"] is None


def test_a_device_whose_folder_is_closed_is_unknown(open_to_all: Path, options: dict[str, Any]) -> None:
    if options["cache_path"]:
        options["cache_path"] = str(open_to_all.parent / "catalogue.sqlite")
        open_to_all.parent.chmod(0o777)
    for device in ("a", "b", "c", "d"):
        recordings(open_to_all, device, 2, HOUR)
    (open_to_all / "lost+found").mkdir(mode=0o000)
    closed = [open_to_all / "a", open_to_all / "b" / "NAME_b", open_to_all / "c" / "NAME_c" / "run-001"]
    for path in closed:
        path.chmod(0o000)
    rest()
    with without_rights():
        for _turn in range(3):
            found = status(results_path=str(open_to_all), **options)
            statuses = {device: row["types"]["sqlite"]["status"] for device, row in found.devices.items()}
            assert statuses == {"a": "unknown", "b": "unknown", "c": "ok", "d": "ok"}
            for device, path in zip("abc", closed):
                assert found.evidence(device)["why_not"] == f"{path} cannot be read (Permission denied)"
            assert found.evidence("d")["why_not"] is None
            told = ", ".join(f"{path.relative_to(open_to_all)} (Permission denied)" for path in closed)
            assert found.warnings == [f"In {open_to_all} 3 folders cannot be read: {told}."]
    for path in closed:
        path.chmod(0o755)
    with without_rights():
        found = status(results_path=str(open_to_all), **options)
        assert {device: found.evidence(device)["files"] for device in "abcd"} == dict.fromkeys("abcd", 2)
        assert found.warnings == []


@pytest.mark.parametrize("mode", [0o444, 0o111])
def test_a_folder_that_is_half_closed(open_to_all: Path, mode: int, options: dict[str, Any]) -> None:
    """One can be listed, and nothing in it looked at; the other the other way round."""
    recordings(open_to_all, "a", 2, HOUR)
    recordings(open_to_all, "b", 1, HOUR)
    (open_to_all / "a" / "NAME_a" / "run-000").chmod(mode)
    with without_rights():
        for _turn in range(2):
            found = status(results_path=str(open_to_all), **{**options, "cache_path": ""})
            assert found.evidence("a")["files"] == 1
            assert "run-000 cannot be read (Permission denied)" in found.evidence("a")["why_not"]
            assert found.evidence("b") == {**found.evidence("b"), "files": 1, "why_not": None}


def test_a_closed_root(open_to_all: Path) -> None:
    recordings(open_to_all, "a", 2)
    other = open_to_all.with_name("videos")
    copy(other / "a" / "NAME" / "run" / "1.h264", 10, HOUR)
    open_to_all.chmod(0o000)
    with without_rights():
        found = status(results_path=str(open_to_all), videos_path=str(other))
        row = found.devices["a"]
        assert {kind: one["status"] for kind, one in row["types"].items()} == {
            "mysql": "unknown",
            "sqlite": "unknown",
            "video": "ok",
        }
        assert found.warnings == [
            f"{open_to_all} cannot be read: Permission denied. The devices' copies in it are unknown."
        ]
        alone = status(results_path=str(open_to_all))
        assert alone.failure is not None
        assert f"{open_to_all}: Permission denied" in alone.failure


def test_odd_names(root: Path, options: dict[str, Any]) -> None:
    odd = ("...", "..a", "a b", "new\nline", "tab\t", "quo'te\"", "%", "_", "\\", "-rf", "é", "\udce9", "x" * 254, "~")
    for number, name in enumerate(odd):
        copy(root / f"d{name}" / f"n{name}" / f"r{name}" / f"{name[:200]}.f.db", 10 + number)
    rest()
    first = None
    for _turn in range(3):
        found = status(first_clock := clock_at(time.time()), results_path=str(root), **options)
        assert found.said == status(first_clock, results_path=str(root)).said
        assert found.result["summary"]["devices"] == len(odd) - 2
        seen = {device: row["types"]["sqlite"]["size"] for device, row in found.devices.items()}
        assert first in (None, seen)
        assert "d\ufffd" in seen, "bytes that are no text are shown as such"
        first = seen


def test_hidden_folders_and_files_are_no_copies_of_ethoscopes(root: Path, options: dict[str, Any]) -> None:
    recordings(root, "a", 1)
    copy(root / "a" / "NAME_a" / "run-000" / ".x.db.AbCdEf")
    copy(root / "a" / "NAME_a" / ".~tmp~" / "1.db")
    copy(root / ".cache" / "NAME" / "run" / "1.db")
    copy(root / "at the top.db")
    copy(root / "a" / "NAME_a" / "run-000" / "1.db-wal")
    copy(root / "a" / "NAME_a" / "run-000" / "1.DB")
    copy(root / "a" / "NAME_a" / "run-000" / ".db")
    for _turn in range(2):
        found = status(results_path=str(root), **options)
        assert (found.result["summary"]["files"], [*found.devices]) == (1, ["a"])


def test_no_other_files_than_regular_ones_count(root: Path, options: dict[str, Any]) -> None:
    recordings(root, "a", 1)
    folder = root / "a" / "NAME_a" / "run-000"
    os.mkfifo(folder / "pipe.db")
    (folder / "folder.db").mkdir()
    with (folder / "open.db").open("wb") as file:
        file.write(b"x" * 7)
        file.flush()
        (folder / "open.db").unlink()
        for _turn in range(2):
            assert status(results_path=str(root), **options).evidence("a")["files"] == 1


def test_routers_in_one_folder(tmp_path: Path, options: dict[str, Any]) -> None:
    root = tmp_path / "routers"
    copy(root / "core.cfg", 1000, HOUR)
    copy(root / "edge.cfg", 1000, 3 * DAY)
    copy(root / "lab.cfg", 0, HOUR)
    copy(root / "notes.txt")
    copy(root / "old" / "core.cfg", 50, MONTH)
    layout = [{**ROUTERS, "root": str(root)}]
    rest()
    for _turn in range(2):
        found = status(layout=layout, max_age={"config": "24h"}, fail_on=["failed", "stale"], **options)
        assert {device: row["status"] for device, row in found.devices.items()} == {
            "core": "ok",
            "edge": "stale",
            "lab": "failed",
        }
        assert found.failure == (
            "2 of 3 devices not as wished: lab (config failed: the only copy is empty (0 bytes)), "
            "edge (config stale: the newest copy is 3 d old, wanted 24 h)."
        )
        assert found.devices["core"]["types"]["config"]["size"] == 1000, "the pattern begins at the root"
        assert (found.devices["core"]["name"], found.devices["core"]["online"]) == (None, None)
    missing = status(layout=layout, devices=["core", "spine"], **options)
    assert missing.failure is not None
    assert missing.failure.startswith("devices: no source knows spine")


def test_a_thousand_devices_in_one_folder(tmp_path: Path, options: dict[str, Any]) -> None:
    root = tmp_path / "routers"
    for number in range(1000):
        copy(root / "night" / f"r{number}.cfg", 1 + number, MONTH)
    rest()
    layout = [{"type": "config", "root": str(root), "pattern": r"(?P<device>[^/]+)\.cfg$"}]
    for _turn in range(2):
        found = status(layout=layout, **options)
        assert {int(device[1:]): row["types"]["config"]["size"] for device, row in found.devices.items()} == {
            number: 1 + number for number in range(1000)
        }
    copy(root / "night" / "r1000.cfg", 7, 0)
    (root / "night" / "r7.cfg").unlink()
    found = status(layout=layout, **options)
    assert len(found.devices) == 1000
    assert "r7" not in found.devices


def test_cameras_and_routers_and_ethoscopes_together(root: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    recordings(root, "a", 2, HOUR)
    for camera in ("cam1", "cam2", "broken"):
        for hour in range(3):
            copy(
                tmp_path / "cameras" / camera / f"{hour:02}" / "0.mp4", 100, (1 if camera == "cam1" else 50) * HOUR * 3
            )
    copy(tmp_path / "routers" / "cam2.cfg", 5, HOUR)
    layout = [
        "ethoscope",
        {**CAMERAS, "root": str(tmp_path / "cameras")},
        {**ROUTERS, "root": str(tmp_path / "routers")},
    ]
    rest()
    for _turn in range(2):
        found = status(layout=layout, results_path=str(root), max_age={"recording": "2d"}, **options)
        assert {device: row["status"] for device, row in found.devices.items()} == {
            "a": "ok",
            "cam1": "ok",
            "cam2": "stale",
        }
        assert [*found.devices["cam2"]["types"]] == ["mysql", "sqlite", "video", "recording", "config"]
        assert found.devices["cam2"]["types"]["config"]["status"] == "ok"


def test_the_same_device_in_two_trees(tmp_path: Path, options: dict[str, Any]) -> None:
    """Of the same type: its copies count together, and the newest of all is the newest."""
    for number, place in enumerate(("here", "there")):
        copy(tmp_path / place / "r1.cfg", 10, (2 - number) * HOUR)
    layout = [{**ROUTERS, "root": str(tmp_path / place)} for place in ("here", "there")]
    for _turn in range(2):
        found = status(layout=layout, **options).evidence("r1", "config")
        assert (found["files"], found["size"], found["path"]) == (2, 20, str(tmp_path / "there" / "r1.cfg"))


def test_the_module_checks_the_newest_database(root: Path, tmp_path: Path) -> None:
    """With what it has by default, twice; the second time nothing but the newest is touched."""
    for number in range(3):
        place = root / "a" / "NAME" / f"run-{number}"
        place.mkdir(parents=True)
        dated(ethoscope(place / f"{number}.db"), MONTH + number)
    rest()
    options = {"results_path": str(root), "cache_path": str(tmp_path / "catalogue.sqlite")}
    for misses in (3, 1):
        result = run_as_user("device_backup_status", options)
        assert (result["cache"]["misses"], warnings_of(result)) == (misses, [])
        assert result["devices"][0]["types"]["sqlite"]["verified"] is True
    copy(root / "a" / "NAME" / "run-0" / "0.db", 4096, MONTH - HOUR)
    result = run_as_user("device_backup_status", options)
    assert result["devices"][0]["reason"] == "sqlite failed: the newest copy is no SQLite database"


def churn(root: Path, seed: int, stop: threading.Event) -> None:
    """Files, folders, links and whole devices come and go, and take each other's places."""
    dice = random.Random(seed)
    for number in count():
        if stop.is_set():
            return
        device = root / f"d{dice.randrange(4)}"
        place = device / "NAME" / f"{dice.randrange(6)}"
        what = dice.randrange(8)
        with suppress(OSError):  # the other thread was faster
            if what < 4:
                copy(place / f"{seed}-{number}.db", 1 + number % 50, dice.choice([0, MONTH]))
            elif what == 6:
                place.rename(device / "NAME" / f"{6 + dice.randrange(3)}")
            else:
                shutil.rmtree(device if what == 5 else place)
            if what == 7:
                place.symlink_to("/") if number % 2 else place.write_bytes(b"x")


def test_a_tree_that_changes_while_it_is_looked_at(root: Path, options: dict[str, Any]) -> None:
    """Whatever comes and goes meanwhile: each look ends well, and what doesn't change is seen each time."""
    recordings(root, "still", 30)
    stop = threading.Event()
    threads = [threading.Thread(target=churn, args=(root, seed, stop)) for seed in range(2)]
    for one in threads:
        one.start()
    try:
        end = time.monotonic() + 2.5
        looks = 0
        while time.monotonic() < end:
            found = status(results_path=str(root), **options)
            looks += 1
            assert (found.failure, found.evidence("still")["files"]) == (None, 30)
            assert "cannot be read" not in "".join(found.warnings)
            assert all(one["why_not"] != "" for one in (found.evidence(device) for device in found.devices))
    finally:
        stop.set()
        for one in threads:
            one.join()
    assert looks > 5
    rest()
    clock = clock_at(time.time())
    right = status(clock, results_path=str(root)).said
    status(clock, results_path=str(root), **options)
    assert status(clock, results_path=str(root), **options).said == right
