# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A catalogue where it can't be made, read or written: the run says so, goes on without, and says all else as it is."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._devices import catalogue_file
from harness.lab import run_as_user
from harness.modules import warnings_of
from harness.trees import Run, Status, copy, public_folder, recordings, rest, status, without_rights

WITHOUT = "Everything is looked at each time."


@pytest.fixture
def root(tmp_path: Path) -> Path:
    recordings(tmp_path / "results", "a", 5)
    rest()
    return tmp_path / "results"


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    with public_folder() as folder:
        recordings(folder / "results", "a", 5)
        rest()
        yield folder


def scan(root: Path, cache: Path, clock: Clock | None = None) -> Status:
    found = status(clock, results_path=str(root), cache_path=str(cache))
    assert (found.evidence("a")["files"], found.evidence("a")["size"]) == (5, 60)
    return found


def goes_without(root: Path, cache: Path, why: str) -> None:
    found = scan(root, cache)
    assert found.of_catalogue == [f"The catalogue {cache} is not used: {why}. {WITHOUT}"]
    assert (found.hits, found.misses) == (0, 5)
    assert found.result["cache"]["path"] is None


def a_folder(place: Path) -> None:
    place.mkdir()


def a_pipe(place: Path) -> None:
    os.mkfifo(place)


def a_link_to_a_device(place: Path) -> None:
    place.symlink_to("/dev/full")


def a_link_to_a_folder(place: Path) -> None:
    place.symlink_to("/tmp")


def as_it_is(place: Path) -> tuple[int, ...]:
    """All but the time of the last look at it: to follow a link is one."""
    state = place.lstat()
    return state.st_mode, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


@pytest.mark.parametrize("make", [a_folder, a_pipe, a_link_to_a_device, a_link_to_a_folder])
def test_something_else_in_its_place(root: Path, tmp_path: Path, make: Callable[[Path], None]) -> None:
    place = tmp_path / "place"
    make(place)
    before = as_it_is(place)
    goes_without(root, place, "it is no regular file")
    assert as_it_is(place) == before


def test_places_that_no_file_can_have(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    goes_without(root, tmp_path / "file" / "catalogue", f"{tmp_path}/file is no folder")
    goes_without(root, tmp_path / "file" / "more" / "catalogue", "Not a directory")
    goes_without(root, tmp_path / ("x" * 300), "File name too long")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    goes_without(root, loop, "Too many levels of symbolic links")


def test_a_link_to_where_it_is_to_be(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "there.sqlite")
    for misses in (5, 1):
        found = scan(root, tmp_path / "link")
        assert (found.misses, found.of_catalogue) == (misses, [])
    assert (tmp_path / "there.sqlite").stat().st_size > 0


def test_odd_but_possible_places(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("a b?mode=ro#%41", "file:x", "new\nline", "\udcff", "deep/er/and/deeper", "x" * 240):
        for misses in (5, 1):
            found = scan(root, Path(place))
            assert (found.misses, found.of_catalogue) == (misses, [])
        assert Path(place).is_file()


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_may_only_be_read(open_to_all: Path, there: bool) -> None:
    folder = open_to_all / "cache"
    folder.mkdir()
    cache = folder / "catalogue.sqlite"
    if there:
        scan(open_to_all / "results", cache)
        cache.chmod(0o666)
    folder.chmod(0o555)
    before = [(path.name, path.stat().st_mtime_ns) for path in folder.iterdir()]
    with without_rights():
        why = "attempt to write a readonly database" if there else "Permission denied"
        found = scan(open_to_all / "results", cache)
        assert len(found.of_catalogue) == 1
        assert found.of_catalogue[0].startswith(f"The catalogue {cache} is not used: ")
        assert why in found.of_catalogue[0] or "unable to open database file" in found.of_catalogue[0]
        assert (found.misses, found.result["cache"]["path"]) == (5, None)
    assert [(path.name, path.stat().st_mtime_ns) for path in folder.iterdir()] == before


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o200])
def test_a_file_that_may_not_be_read_or_written(open_to_all: Path, mode: int) -> None:
    cache = open_to_all / "catalogue.sqlite"
    open_to_all.chmod(0o777)
    with without_rights():
        scan(open_to_all / "results", cache)
        cache.chmod(mode)
        for _turn in range(2):
            goes_without(open_to_all / "results", cache, "Permission denied")


@contextmanager
def memory(place: Path, size: str, *, read_only: bool = False) -> Iterator[Path]:
    """A small file system of its own."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}{',ro' if read_only else ''}", "tmpfs", str(place)],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip(f"not run: needs the right to mount ({mounted.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.needs("mount")
def test_a_file_system_that_may_only_be_read(root: Path, tmp_path: Path) -> None:
    with memory(tmp_path / "ro", "1m", read_only=True) as place:
        goes_without(root, place / "catalogue", "Read-only file system")
        goes_without(root, place / "new" / "catalogue", "Read-only file system")


@pytest.mark.needs("mount")
@pytest.mark.parametrize("kilobytes", [0, 4, 8, 16, 24, 32, 48, 64, 96])
def test_a_full_disk(root: Path, tmp_path: Path, kilobytes: int) -> None:
    """So much is left when the run begins; what it needs is between these."""
    with memory(tmp_path / "full", "256k") as place:
        filler = place / "filler"
        filler.write_bytes(b"x" * (256 - kilobytes) * 1024)
        said = [one for _turn in range(2) for one in scan(root, place / "catalogue").of_catalogue]
        assert all("is not used" in one or "was not written" in one for one in said)
        assert len(said) == 2 or kilobytes > 16
        filler.unlink()
        scan(root, place / "catalogue")
        again = scan(root, place / "catalogue")
        assert (again.misses, again.of_catalogue) == (1, [])


@pytest.mark.needs("mount")
def test_a_disk_that_fills_up_later(root: Path, tmp_path: Path) -> None:
    with memory(tmp_path / "full", "512k") as place:
        scan(root, place / "catalogue")
        filler = place / "filler"
        with pytest.raises(OSError, match="No space left"):
            filler.write_bytes(b"x" * (512 << 10))
        for number in range(300):
            copy(root / f"device-{number}" / "NAME" / "run" / "1.db")
        found = scan(root, place / "catalogue")
        assert len(found.devices) == 301
        assert len(found.of_catalogue) == 1
        filler.unlink()
        assert scan(root, place / "catalogue").of_catalogue == []
        rest()
        scan(root, place / "catalogue")
        assert scan(root, place / "catalogue").misses == 301


@pytest.mark.parametrize("limit", [0, 4096, 20_000, 40_000])
def test_a_limit_of_the_size_of_files(root: Path, tmp_path: Path, limit: int) -> None:
    cache = tmp_path / "catalogue.sqlite"
    run = Run({"results_path": str(root), "cache_path": str(cache)})
    resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    (found,) = run.go().results()
    assert (found.evidence("a")["files"], len(found.of_catalogue)) == (5, 1 if limit < 40_000 else 0)
    rest()
    scan(root, cache)
    again = scan(root, cache)
    assert (again.misses, again.of_catalogue) == (1, [])


@contextmanager
def held(cache: Path, *statements: str) -> Iterator[None]:
    """Another process that holds on to it: closing the file in this one would end its locks."""
    program = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
    program += "for one in sys.argv[2:]: c.execute(one).fetchall()\nprint('held', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(cache), *statements],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.kill()


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
def test_another_run_that_writes_and_writes(
    root: Path, tmp_path: Path, lock: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_file, "PATIENCE", 0.3)
    cache = tmp_path / "catalogue.sqlite"
    scan(root, cache)
    with held(cache, lock):
        assert (scan(root, cache).misses, scan(root, cache).of_catalogue) == (1, []), "there is nothing to write"
        copy(root / "b" / "NAME" / "run" / "1.db")
        begun = time.monotonic()
        found = scan(root, cache)
        assert 0.25 < time.monotonic() - begun < 2
        assert found.devices.keys() == {"a", "b"}
        assert found.of_catalogue == [
            f"The catalogue {cache} was not written (database is locked); the next run looks again."
        ]
        assert found.hits == 4, "it can be read"
    rest()
    scan(root, cache)
    assert scan(root, cache).misses == 2


def test_another_program_that_lets_nobody_in(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_file, "PATIENCE", 0.3)
    cache = tmp_path / "catalogue.sqlite"
    scan(root, cache)
    with held(cache, "PRAGMA locking_mode = EXCLUSIVE", "BEGIN IMMEDIATE", "UPDATE tree SET rules = rules"):
        begun = time.monotonic()
        goes_without(root, cache, "database is locked")
        assert time.monotonic() - begun < 2
    assert scan(root, cache).misses == 1


def test_a_reader_is_no_hindrance(root: Path, tmp_path: Path) -> None:
    cache = tmp_path / "catalogue.sqlite"
    scan(root, cache)
    with held(cache, "BEGIN", "SELECT * FROM folder"):
        copy(root / "b" / "NAME" / "run" / "1.db")
        rest()
        assert scan(root, cache).of_catalogue == []
        assert scan(root, cache).misses == 2


@pytest.mark.parametrize("what", ["removed", "replaced by garbage", "replaced by a folder", "its folder removed"])
def test_it_goes_while_the_run_uses_it(root: Path, tmp_path: Path, what: str) -> None:
    (tmp_path / "cache").mkdir()
    cache = tmp_path / "cache" / "catalogue.sqlite"
    scan(root, cache)
    copy(root / "b" / "NAME" / "run" / "1.db")
    rest()

    def now() -> float:
        """The module asks for the time when the catalogue is open."""
        if cache.exists():
            for path in cache.parent.iterdir():
                path.unlink()
            if what == "its folder removed":
                cache.parent.rmdir()
            elif what == "replaced by garbage":
                cache.write_bytes(b"garbage" * 100)
            elif what == "replaced by a folder":
                cache.mkdir()
            done.append(what)
        return time.time()

    done: list[str] = []
    found = scan(root, cache, Clock(now=lambda: time.time() if done else now()))
    assert done
    assert found.devices.keys() == {"a", "b"}
    if what == "replaced by a folder":
        cache.rmdir()
    scan(root, cache)
    again = scan(root, cache)
    assert (again.misses, again.of_catalogue) == (2, [])


def test_the_module_tells_it_as_a_warning(root: Path, tmp_path: Path) -> None:
    result = run_as_user("device_backup_status", {"results_path": str(root), "cache_path": str(tmp_path)})
    assert warnings_of(result) == [f"The catalogue {tmp_path} is not used: it is no regular file. {WITHOUT}"]
    assert not result.get("failed")


def test_another_programs_database_that_is_in_use(root: Path, tmp_path: Path) -> None:
    """It is moved away, and what the other program writes then goes with it."""
    cache = tmp_path / "other.sqlite"
    with sqlite3.connect(cache) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE t (x)")
        scan(root, cache)
        other.execute("INSERT INTO t VALUES (42)")
        other.commit()
    other.close()
    (aside,) = [
        path for path in tmp_path.iterdir() if "set-aside" in path.name and path.name[-4:] not in ("-wal", "-shm")
    ]
    with sqlite3.connect(aside) as again:
        assert again.execute("SELECT x FROM t").fetchall() == [(42,)]
    again.close()
