# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The record file: real files, several writers at once, full disks and torn lines."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import (
    LONGEST,
    RecordError,
    append,
    parsed,
    read,
)
from harness.full_disk import full_disk
from unit.builders import FakeClock
from unit.second_process import second_process

WRITER = """
import sys
from pathlib import Path
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.record import append
for number in range(int(sys.argv[2])):
    append(Path(sys.argv[1]), {"schema": 1, "writer": sys.argv[3], "number": number, "long": "x" * 20000})
"""


def a_line(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"schema": 1, "number": number, **more}


def _unwritable(path: Path, why: str) -> str:
    return f"The record {path} cannot be written: {why}; set record_path to a file that can be."


def _unreadable(path: Path, why: str) -> str:
    return f"The record {path} cannot be read: {why}; set record_path to a file that can be."


def _refused(path: Path, line: Any = None) -> str:
    with pytest.raises(RecordError) as caught:
        append(path, a_line() if line is None else line)
    return caught.value.message


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "drills.jsonl"


# ----- writing


def test_what_is_added_is_read_again_in_order(path: Path) -> None:
    lines = [a_line(1, reason="two\nlines\u2028and \ud800 Grüße"), a_line(2, nested={"list": [1.5, None, True]})]
    for line in lines:
        append(path, line)
    found = read(path)
    assert found.lines == lines
    assert found.skipped == 0
    assert path.read_bytes().count(b"\n") == 2


def test_what_is_there_stays_byte_for_byte(path: Path) -> None:
    before = b'{"schema": 1,   "by": "hand"}\n# a remark\n'
    path.write_bytes(before)
    append(path, a_line())
    assert path.read_bytes() == before + b'{"schema":1,"number":1}\n'


def test_it_is_for_this_user_alone_and_so_is_each_folder_that_was_missing(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "state" / "lifeboat" / "drills.jsonl"
    append(path, a_line())
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, path.parent.parent, tmp_path)]
    assert modes == [0o600, 0o700, 0o700, 0o755]


def test_the_mode_that_an_administrator_gave_it_stays(path: Path) -> None:
    path.touch()
    path.chmod(0o640)
    append(path, a_line())
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_to_a_file_leads_there(tmp_path: Path, path: Path) -> None:
    real = tmp_path / "elsewhere.jsonl"
    real.touch()
    path.symlink_to(real)
    append(path, a_line())
    assert path.is_symlink()
    assert read(real).lines == read(path).lines == [a_line()]


@pytest.mark.parametrize(
    "torn", [b'{"schema":1,"number":7,"reas', b'{"schema":1,"number":7}', b"\xff\x00", b"{}\n["], ids=str
)
def test_nothing_is_joined_to_a_torn_line(path: Path, torn: bytes) -> None:
    path.write_bytes(torn)
    append(path, a_line(8))
    append(path, a_line(9))
    assert path.read_bytes().startswith(torn + b"\n{")
    assert read(path).lines[-2:] == [a_line(8), a_line(9)]


def test_a_whole_line_without_an_end_is_a_record_still(path: Path) -> None:
    path.write_bytes(b'{"schema":1,"number":7}')
    assert read(path).lines == [a_line(7)]


@pytest.mark.parametrize("torn", [b"", b'{"schema":1,"num'])
@pytest.mark.parametrize("room", [0, 1, 10])
def test_a_full_disk_leaves_the_file_as_it_was(path: Path, torn: bytes, room: int) -> None:
    append(path, a_line(1))
    with path.open("ab") as stream:
        stream.write(torn)
    before = path.read_bytes()
    with full_disk(len(before) + room):
        message = _refused(path, a_line(2))
    assert message == _unwritable(path, "File too large" if room == 0 else "the disk is full")
    assert path.read_bytes() == before
    append(path, a_line(3))
    assert read(path).lines == [a_line(1), a_line(3)]


def test_several_runs_at_once_lose_nothing(path: Path) -> None:
    def write(name: str) -> None:
        for number in range(10):
            append(path, a_line(number, by=name))

    writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    with second_process(WRITER, path, 10, "process") as other:
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert other.end() == 0
    found = read(path)
    assert found.skipped == 0
    numbers: dict[str, list[int]] = {}
    for line in found.lines:
        numbers.setdefault(line.get("by", line.get("writer")), []).append(line["number"])
    assert numbers == {name: list(range(10)) for name in ("process", *"abcd")}


def test_one_that_hangs_is_not_waited_for_for_ever(path: Path) -> None:
    append(path, a_line(1))
    time_ = FakeClock()
    with path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(RecordError) as caught:
            append(path, a_line(2), time_.clock)
    assert caught.value.message == _unwritable(path, "another process has held it for 60 s")
    assert sum(time_.slept) == pytest.approx(60)
    assert read(path).lines == [a_line(1)]


@pytest.mark.parametrize("away", ["renamed", "removed"])
def test_the_line_is_in_the_file_that_is_there_when_another_was_put_away(path: Path, tmp_path: Path, away: str) -> None:
    append(path, a_line(1))
    stream = path.open("rb")
    fcntl.flock(stream, fcntl.LOCK_EX)
    time_ = FakeClock()

    def sleep(seconds: float) -> None:
        time_.sleep(seconds)
        if not stream.closed:
            path.rename(tmp_path / "old.jsonl") if away == "renamed" else path.unlink()
            stream.close()

    append(path, a_line(2), Clock(time_.clock.now, time_.clock.monotonic, sleep))
    assert read(path).lines == [a_line(2)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert time_.slept == [0.05]


# ----- what is refused


def test_a_line_that_would_not_be_read_again_is_not_written(path: Path) -> None:
    message = _refused(path, a_line(evidence="x" * LONGEST))
    assert message == _unwritable(path, f"the line of this drill has {LONGEST + 38} bytes and may have {LONGEST}")
    assert not path.exists()


def test_the_longest_line_is_read_again(path: Path) -> None:
    line = a_line(evidence="x" * (LONGEST - 38))
    append(path, line)
    append(path, a_line(2))
    assert path.read_bytes().index(b"\n") == LONGEST - 1
    assert read(path).lines == [line, a_line(2)]


deep: list[Any] = []
for _ in range(100_000):
    deep = [deep]


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        (float("nan"), "Out of range float values are not JSON compliant"),
        ({1, 2}, "Object of type set is not JSON serializable"),
        (deep, "maximum recursion depth exceeded"),
    ],
    ids=["no number", "no JSON", "too deep"],
)
def test_what_is_no_json_is_not_written(path: Path, evidence: object, why: str) -> None:
    message = _refused(path, a_line(evidence=evidence))
    assert message.startswith(f"The record {path} cannot be written: this drill cannot be said in JSON ({why}")
    assert message.endswith("); set record_path to a file that can be.")
    assert not path.exists()


def _folder(path: Path) -> None:
    path.mkdir()


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(path))


def _link_to_nowhere(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _link_to_a_pipe(path: Path) -> None:
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to(path.with_name("pipe"))


def _device(path: Path) -> None:
    path.symlink_to("/dev/null")


def _ring(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (_folder, "it is a folder"),
        (os.mkfifo, "it is a pipe"),
        (_link_to_a_pipe, "it is a pipe"),
        (_socket, "it is a socket"),
        (_device, "it is a device"),
        (_link_to_nowhere, "it is a link to nowhere"),
        (_ring, "Too many levels of symbolic links"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_no_file_is_refused(made: Any, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may have 108 bytes only
    path = tmp_path / "drills.jsonl"
    made(path)
    assert _refused(path) == _unwritable(path, why)
    with pytest.raises(RecordError) as caught:
        read(path)
    assert caught.value.message == _unreadable(path, why)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("below", ["drills.jsonl", "more/drills.jsonl"])
def test_a_folder_that_is_a_file_is_named(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / below
    assert _refused(path) == _unwritable(path, f"{tmp_path / 'file'} is no folder")
    with pytest.raises(RecordError, match=r"cannot be read: Not a directory; set record_path"):
        read(path)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    assert "embedded null" in _refused(tmp_path / "a\0b")
    path = tmp_path / ("x" * 300)
    assert _refused(path) == _unwritable(path, "File name too long")


# ----- reading


def test_a_missing_file_is_no_record_at_all(tmp_path: Path) -> None:
    found = read(tmp_path / "no" / "drills.jsonl")
    assert (found.lines, found.skipped) == ([], 0)
    assert not (tmp_path / "no").exists()


FOREIGN = [
    b'{"schema":2}',
    b'{"schema":true}',
    b'{"schema":1.0}',
    b'{"schema":"1"}',
    b'{"schema":[1]}',
    b"{}",
    b"[1]",
    b"null",
    b"not JSON",
    b'{"schema":1',
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b"1" * 10_000,
    b'{"schema":1,"x":"' + b"x" * LONGEST + b'"}',
    b"x" * (3 * LONGEST + 2),
    b"x" * LONGEST,
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda text: f"{text[:20]!r} {len(text)}")
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_what_is_no_record_is_counted_and_its_neighbours_are_read(path: Path, foreign: bytes, end: bytes) -> None:
    path.write_bytes(b'{"schema":1,"number":1}\n' + foreign + (end + b'{"schema":1,"number":2}' if end else b""))
    found = read(path)
    assert found.lines == ([a_line(1), a_line(2)] if end else [a_line(1)])
    assert found.skipped == 1


def test_empty_lines_are_nothing(path: Path) -> None:
    path.write_bytes(b'\n  \n{"schema":1,"number":1}\n\r\n\n')
    assert (read(path).lines, read(path).skipped) == ([a_line(1)], 0)


def test_those_of_one_cluster_alone(path: Path) -> None:
    for cluster in ("east", "west", None, "east"):
        append(path, a_line(cluster=cluster))
    with path.open("ab") as stream:
        stream.write(b"torn")
    found = read(path, "east")
    assert found.lines == [a_line(cluster="east")] * 2
    assert found.skipped == 1


def test_memory_is_that_of_what_is_kept(path: Path) -> None:
    other = json.dumps(a_line(cluster="west" * 100)).encode() + b"\n"
    path.write_bytes(b"x" * (12 * LONGEST) + b"\n" + other * 500)
    tracemalloc.start()
    try:
        found = read(path, "east")
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.lines, found.skipped) == ([], 1)
    assert most < 6 * LONGEST


json_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(values=st.lists(json_values, max_size=4), key=st.text())
def test_any_record_comes_back_as_it_was(values: list[Any], key: str) -> None:
    record = {key: values, "schema": 1}
    text = json.dumps(record)
    assert parsed(text) == parsed(text.encode()) == record
