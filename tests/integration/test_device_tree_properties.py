# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With a catalogue the same is said as without, whatever happens to the trees; and no file is touched for nothing."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.catalogue import Catalogue
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import own, results
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Seen, Times, look
from harness.tree_model import Expected, Memory, Share, results_sort
from harness.trees import DAY, HOUR, NANO, Status, clock_at, status

DEVICES = ("dev1", "dev%", "d_v1", "d'e\"v;--", "ge\u00e4t", "ger\udce4t", "new\nline", "..dev", "L" * 255, "dev1 ")
NAMES = ("N", "N\udc80", "a", "a0", "a!", "A", "%", "...", "sub/sub", "N/ever")
FILES = ("x.db", "x.txt", "y.db", ".z.db", "w\udcff.db", "\U0001f41d.db", "o'o.db", "v.h264")
OWN = r"(?:^|/)(?P<device>[^/.]+)\.(?:db|h264)$"
AGES = (8 * DAY, 30 * DAY, 31 * DAY, 8 * DAY, 30 * DAY, 400 * DAY, 90, HOUR, 6 * DAY, 0, -90, -2 * DAY, -90 * DAY)
STEPS = (1, 1, 1, 1, 60, 8 * DAY, DAY, 400 * DAY, -DAY, -400 * DAY)
MEMORY = Path("/dev/shm")
"""Where nothing waits for a disk: SQLite waits for it once or twice in each run."""

number = st.integers(0, 59)
entries = st.sampled_from(["write", "write", "write", "remove", "rename", "date", "date"])
folders = st.sampled_from(["rmtree", "move", "touch", "mode", "link", "file for folder", "folder for file"])
step = st.tuples(st.one_of(entries, folders, st.just("scan"), st.just("scan")), number, number, number)
runs = st.sampled_from(["same", "begin", "end"])
overlapping_step = st.tuples(st.one_of(entries, folders, runs, runs), number, number, number)
begin = st.lists(st.tuples(st.just("write"), number, number, number), min_size=5, max_size=20)
pools = st.tuples(
    st.lists(st.sampled_from(DEVICES), min_size=2, max_size=3, unique=True),
    st.lists(st.sampled_from(NAMES), min_size=2, max_size=3, unique=True),
)


def own_sort(path: str, _beside: frozenset[str]) -> Share | None:
    found = re.search(OWN, path)
    return ("own", found["device"]) if found else None


class World:
    """Two layouts over one tree, one catalogue, and what is to be seen."""

    def __init__(self, folder: Path, devices: Sequence[str], names: Sequence[str]) -> None:
        self.devices = devices
        self.places = [f"{device}/{name}" for device in devices for name in names] + [*devices, ""]
        self.root = folder / "root"
        self.root.mkdir()
        (folder / "outside").mkdir()
        self.outside = folder / "outside"
        (self.outside / "bait.db").write_bytes(b"bait")
        self.cache = folder / "catalogue.sqlite"
        self.now = time.time_ns()
        self.unique = count(1)
        self.trees = (
            Memory(self.root, results_sort, lambda name: not name.startswith(".") and name != "lost+found"),
            Memory(self.root, own_sort, lambda _name: True),
        )
        self.in_place = True
        self.overlapping: list[tuple[Catalogue, Sequence[Seen]]] = []

    def folders(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*") if path.is_dir() and not path.is_symlink())

    def files(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())

    def stamp(self, *folders: Path) -> None:
        """The folder's time tells each change, as that of a file system does some milliseconds later."""
        for folder in folders:
            when = self.now - 20 * DAY * NANO + next(self.unique)
            os.utime(folder, ns=(when, when))

    def write(self, a: int, b: int, c: int) -> None:
        """A new file; for one that is there, a change in place."""
        folder = self.root / self.places[a % len(self.places)]
        made = [one for one in (folder, *folder.parents) if self.root in (one, *one.parents) and not one.exists()]
        with suppress(FileExistsError, NotADirectoryError):
            folder.mkdir(parents=True, exist_ok=True)
        self.stamp(*(one for one in made if one.is_dir()), *(one.parent for one in made if one.parent.is_dir()))
        file = folder / FILES[b % len(FILES)]
        if not folder.is_dir() or folder.is_symlink() or file.is_dir() or file.is_symlink():
            return
        new = not file.exists()
        if new or self.in_place:
            file.write_bytes(b"x" * (0, 1, 10, 1000)[c % 4])
            self.date_file(file, c // 4)
        if new:
            self.stamp(folder)

    def date_file(self, file: Path, a: int) -> None:
        when = self.now - AGES[a % len(AGES)] * NANO - next(self.unique)
        os.utime(file, ns=(when, when))

    def remove(self, a: int, _b: int, _c: int) -> None:
        if files := self.files():
            files[a % len(files)].unlink()
            self.stamp(files[a % len(files)].parent)

    def rename(self, a: int, b: int, c: int) -> None:
        files, folders = self.files(), self.folders()
        if files and folders:
            old, new = files[a % len(files)], folders[b % len(folders)] / FILES[c % len(FILES)]
            if not new.is_dir() and not new.is_symlink() and old != new:
                old.rename(new)
                self.stamp(old.parent, new.parent)

    def date(self, a: int, b: int, c: int) -> None:
        """In place: another time, or another size with the same time."""
        files = self.files()
        if not files or not self.in_place:
            return
        file = files[a % len(files)]
        if c % 3:
            self.date_file(file, b)
        else:
            when = file.stat().st_mtime_ns
            os.truncate(file, (0, 5, 50)[b % 3])
            os.utime(file, ns=(when, when))

    def rmtree(self, a: int, _b: int, _c: int) -> None:
        if folders := self.folders():
            shutil.rmtree(folders[a % len(folders)])
            self.stamp(folders[a % len(folders)].parent)

    def move(self, a: int, b: int, c: int) -> None:
        folders = self.folders()
        if folders:
            old, parent = folders[a % len(folders)], [self.root, *folders][b % (len(folders) + 1)]
            new = parent / (self.devices if parent == self.root else ("a", "N"))[c % 2]
            if not new.exists() and not new.is_symlink() and old not in (new, *new.parents):
                old.rename(new)
                self.stamp(old.parent, new.parent)

    def touch(self, a: int, b: int, _c: int) -> None:
        """A folder's own time, back and forth."""
        if folders := self.folders():
            when = self.now - AGES[b % len(AGES)] * NANO - next(self.unique)
            os.utime(folders[a % len(folders)], ns=(when, when))

    def mode(self, a: int, b: int, _c: int) -> None:
        if folders := self.folders():
            folders[a % len(folders)].chmod((0o755, 0o700)[b % 2])

    def link(self, a: int, b: int, c: int) -> None:
        folders = [self.root, *self.folders()]
        there = folders[a % len(folders)] / ("link", "x.db", "N", "dev1")[c % 4]
        if not there.exists() and not there.is_symlink():
            targets = (self.outside, self.outside / "bait.db", self.root, Path("nowhere"), Path())
            there.symlink_to(targets[b % 5])
            self.stamp(there.parent)

    def file_for_folder(self, a: int, _b: int, _c: int) -> None:
        if folders := self.folders():
            folder = folders[a % len(folders)]
            shutil.rmtree(folder)
            folder.write_bytes(b"x")
            self.stamp(folder.parent)

    def folder_for_file(self, a: int, _b: int, _c: int) -> None:
        if files := self.files():
            file = files[a % len(files)]
            file.unlink()
            file.mkdir()
            self.stamp(file.parent, file)

    def scan(self, a: int, b: int, c: int) -> None:
        """Some time later: the module sees what the model expects, touches what it must, and tells it as without."""
        self.now += STEPS[a % len(STEPS)] * NANO
        stable_after, refresh = (7 * DAY, 7 * DAY, HOUR)[b % 3], c % 8 == 7
        expected: dict[Share, Expected] = {}
        for memory in self.trees:
            expected.update(memory.scan(self.now, stable_after, refresh=refresh))
        found = self.status(stable_after, refresh=refresh, cache_path=str(self.cache))
        assert rows(found) == {(kind, shown(device)): row(one) for (kind, device), one in expected.items()}
        for (kind, device), one in expected.items():
            path = found.devices[shown(device)]["types"][kind]["evidence"]["path"]
            assert path is None if not one.newest else path in {shown(f"{self.root}/{name}") for name in one.paths}
        assert found.hits == sum(memory.untouched for memory in self.trees)
        assert found.misses == sum(memory.touched for memory in self.trees)
        assert found.result["cache"]["entries"] == sum(memory.entries for memory in self.trees)
        assert ("symbolic link" in "".join(found.warnings)) == any(memory.links for memory in self.trees)
        assert found.of_catalogue == []
        lost = [memory.lost for memory in self.trees]
        assert "".join(found.warnings).count("is its disk mounted?") == sum(lost)
        if not any(lost) and not any(memory.hidden for memory in self.trees):
            assert found.said == self.status(stable_after, cache_path="").said

    def same(self, a: int, b: int, _c: int) -> None:
        """Some time later: all is as without a catalogue."""
        self.now += STEPS[a % len(STEPS)] * NANO
        stable_after = (7 * DAY, 7 * DAY, HOUR)[b % 3]
        found = self.status(stable_after, cache_path=str(self.cache))
        if "is its disk mounted?" in "".join(found.warnings):
            found = self.status(stable_after, cache_path=str(self.cache), refresh=True)
        assert found.said == self.status(stable_after, cache_path="").said
        assert found.of_catalogue == []

    def begin(self, a: int, _b: int, _c: int) -> None:
        """A run that takes its time."""
        self.now += STEPS[a % len(STEPS)] * NANO
        catalogue = Catalogue.at(self.cache)
        times = Times(self.now, self.now - 7 * DAY * NANO)
        layouts = (results(str(self.root)), own("layout", "own", str(self.root), OWN))
        self.overlapping.append((catalogue, [look(one, catalogue.shelf(one, times.known), times) for one in layouts]))

    def end(self, a: int, _b: int, _c: int) -> None:
        """It writes what it saw then."""
        if self.overlapping:
            catalogue, _seen = self.overlapping.pop(a % len(self.overlapping))
            catalogue.write()
            assert catalogue.warnings == []
            catalogue.close()

    def status(self, stable_after: int, **options: Any) -> Status:
        layout = ["ethoscope", {"type": "own", "root": str(self.root), "pattern": OWN}]
        options.update(results_path=str(self.root), layout=layout, stable_after=f"{stable_after}s")
        return status(clock_at(self.now / NANO + 1e-6), **options)

    def do(self, what: str, *numbers: int) -> None:
        action: Callable[..., None] = getattr(self, what.replace(" ", "_"))
        action(*numbers)


def shown(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def row(one: Expected) -> tuple[int, int, int | None]:
    return one.files, one.size, one.newest // NANO if one.newest else None


def rows(found: Status) -> dict[Share, tuple[int, int, int | None]]:
    """Files, bytes and newest of each type of each device that has any."""
    seen = {}
    for device in found.result["devices"]:
        for kind, one in device["types"].items():
            evidence = one["evidence"]
            if evidence and (evidence["files"] or "empty (0 bytes)" in (evidence["why_not"] or "")):
                seen[kind, device["id"]] = (evidence["files"], evidence["size"], evidence["newest"])
    return seen


@given(pool=pools, first=begin, then=st.lists(step, min_size=8, max_size=30))
@settings(max_examples=150)
def test_whatever_happens_to_a_tree(pool: Any, first: list[Any], then: list[Any]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        world = World(Path(folder), *pool)
        for one in (*first, ("scan", 0, 0, 0), *then, ("scan", 0, 0, 0), ("scan", 0, 0, 0)):
            world.do(*one)


@example(  # a run wrote what it had seen of a folder beside what another had seen of it since
    pool=(["d'e\"v;--", "dev%", "ger\udce4t"], ["N", "a0"]),
    first=[("write", 0, 51, 22), ("write", 26, 2, 3), ("write", 35, 58, 5), ("write", 6, 23, 0), ("write", 54, 50, 2)],
    then=[
        *(("same", 23, 2, 7), ("remove", 33, 33, 4), ("remove", 32, 6, 46), ("touch", 13, 53, 49)),
        *(("begin", 7, 14, 36), ("rmtree", 27, 0, 27), ("write", 51, 7, 45), ("folder for file", 58, 55, 55)),
        *(("begin", 0, 36, 2), ("remove", 14, 6, 14), ("same", 15, 47, 58), ("remove", 12, 10, 14)),
        *(("end", 56, 19, 31), ("file for folder", 45, 57, 25), ("file for folder", 22, 52, 43)),
        *(("move", 19, 25, 21), ("folder for file", 27, 20, 22), ("write", 45, 45, 20)),
    ],
)
@given(pool=pools, first=begin, then=st.lists(overlapping_step, min_size=8, max_size=30))
@settings(max_examples=100)
def test_runs_that_overlap_while_the_tree_changes(pool: Any, first: list[Any], then: list[Any]) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        world = World(Path(folder), *pool)
        world.in_place = False
        for one in (*first, ("same", 0, 0, 0), *then, ("same", 0, 0, 0), ("same", 0, 0, 0)):
            world.do(*one)
        while world.overlapping:
            world.end(0, 0, 0)
        world.same(0, 0, 0)
