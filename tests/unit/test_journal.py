# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a run: on the disk before anything happens, and found when its run died."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import (
    Journal,
    JournalError,
    cluster_folder,
    dead_runs,
    default_folder,
)
from harness.full_disk import full_disk
from unit.second_process import second_process

HEADER = {"module": "proxmox_backup", "cluster": "pve1-8006"}
A_RUN = """
import sys
from pathlib import Path
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import Journal

journal = Journal(Path(sys.argv[1]), {"cluster": "pve1-8006"})
journal.write("starting", job=1)
print(journal.run, flush=True)
sys.stdin.read()
"""


def _lines(journal: Journal, folder: Path) -> list[dict[str, Any]]:
    text = (folder / f"{journal.run}.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def _dead(folder: Path | None) -> list[str]:
    with dead_runs(folder) as runs:
        return [run.run for run in runs]


def _left(folder: Path, *texts: str, name: str = "20261120T122637Z-0a1b2c3d") -> str:
    """A journal as a run left it that died."""
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.jsonl").write_text("".join(texts), encoding="utf-8")
    return name


def _sentence(path: Path, why: str) -> str:
    return f"The journal {path} cannot be written: {why}. Set journal_path to a folder that can be."


# ----- a run writes


def test_an_entry_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    journal.write("starting", job=1, node="pve1", vmids=[101, 102], after=None)
    first = _lines(journal, tmp_path)
    assert [list(entry) for entry in first] == [
        ["event", "at", "run", "module", "cluster"],
        ["event", "at", "job", "node", "vmids", "after"],
    ]
    assert {**first[0], "at": 0} == {"event": "run", "at": 0, "run": journal.run, **HEADER}
    assert {**first[1], "at": 0} == {
        "event": "starting",
        "at": 0,
        "job": 1,
        "node": "pve1",
        "vmids": [101, 102],
        "after": None,
    }
    journal.write("started", job=1, upid="UPID:\n")
    assert _lines(journal, tmp_path)[:2] == first
    assert _lines(journal, tmp_path)[2]["upid"] == "UPID:\n"
    journal.close()


def test_its_name_tells_when_it_began_and_is_its_own(tmp_path: Path) -> None:
    names = [Journal(tmp_path, HEADER).run for _run in range(20)]
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", name) for name in names)
    assert len(set(names)) == 20


def test_it_is_for_this_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "lifeboat"
    journal = Journal(folder, HEADER)
    journal.open()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]
    journal.close()


def test_a_run_that_starts_nothing_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "journals"
    Journal(folder, HEADER).close()
    assert not folder.exists()


def test_opening_makes_the_file_with_its_header_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    journal.open()
    journal.open()
    assert [entry["event"] for entry in _lines(journal, tmp_path)] == ["run"]
    assert [path.name for path in tmp_path.iterdir()] == [f"{journal.run}.jsonl"]
    journal.close()


def test_the_end_of_a_run_removes_its_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    journal.write("starting", job=1)
    journal.close()
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_what_the_next_run_must_know_stays(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    journal.write("starting", job=1)
    journal.close(keep=True)
    assert _dead(tmp_path) == [journal.run]


def test_many_threads_may_write_and_no_line_is_torn(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)

    def work(number: int) -> None:
        journal.write("starting", job=number, more="x" * 500)

    threads = [threading.Thread(target=work, args=[number]) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = _lines(journal, tmp_path)
    assert entries[0]["event"] == "run"
    assert sorted(entry["job"] for entry in entries[1:]) == list(range(20))
    journal.close()


# ----- where it can't


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "pve1-8006", HEADER)
    path = tmp_path / "file" / "pve1-8006" / f"{journal.run}.jsonl"
    for attempt in (journal.open, lambda: journal.write("starting", job=1)):
        with pytest.raises(JournalError) as refused:
            attempt()
        assert refused.value.message == _sentence(path, "Not a directory")
    journal.close()


def test_a_file_that_cannot_be_named_leaves_no_lock(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    (tmp_path / f"{journal.run}.jsonl").mkdir()
    with pytest.raises(JournalError) as refused:
        journal.open()
    assert refused.value.message == _sentence(tmp_path / f"{journal.run}.jsonl", "Is a directory")
    assert not [path for path in Path("/proc/self/fd").iterdir() if str(_target(path)).startswith(str(tmp_path))]


def _target(descriptor: Path) -> Path | None:
    try:
        return descriptor.readlink()
    except OSError:  # that of the listing itself
        return None


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    path = tmp_path / f"{journal.run}.jsonl"
    journal.open()
    with full_disk(path.stat().st_size), pytest.raises(JournalError) as refused:
        journal.write("starting", job=1)
    assert refused.value.message == _sentence(path, "File too large")
    journal.close()


def test_a_line_that_is_cut_off_spoils_neither_that_before_nor_that_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    path = tmp_path / f"{journal.run}.jsonl"
    journal.write("starting", job=1)
    with full_disk(path.stat().st_size + 10), pytest.raises(JournalError) as refused:
        journal.write("started", job=1)
    assert refused.value.message == _sentence(path, "the disk is full")
    assert not path.read_bytes().endswith(b"\n")
    journal.write("starting", job=2)
    journal.close(keep=True)
    with dead_runs(tmp_path) as runs:
        assert [(entry["event"], entry.get("job")) for entry in runs[0].entries] == [
            ("run", None),
            ("starting", 1),
            ("starting", 2),
        ]


# ----- the next run reads


def test_a_run_that_lives_is_not_among_the_dead_and_killed_it_is(tmp_path: Path) -> None:
    with second_process(A_RUN, tmp_path) as other:
        run = other.line()
        assert _dead(tmp_path) == []
        other.send(signal.SIGKILL)
        assert other.end() == -signal.SIGKILL
        with dead_runs(tmp_path) as runs:
            assert [found.run for found in runs] == [run]
            assert [entry["event"] for entry in runs[0].entries] == ["run", "starting"]
            assert (runs[0].entries[0]["cluster"], runs[0].entries[1]["job"]) == ("pve1-8006", 1)


def test_a_run_of_this_process_lives_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    journal.open()
    assert _dead(tmp_path) == []
    journal.close(keep=True)
    assert _dead(tmp_path) == [journal.run]


def test_what_one_run_takes_over_another_does_not(tmp_path: Path) -> None:
    name = _left(tmp_path, '{"event":"run"}\n')
    with dead_runs(tmp_path) as first:
        assert [run.run for run in first] == [name]
        assert _dead(tmp_path) == []
    assert _dead(tmp_path) == [name]


def test_it_is_given_back_after_an_error_in_the_work(tmp_path: Path) -> None:
    name = _left(tmp_path, '{"event":"run"}\n')
    with pytest.raises(OSError, match="the work failed"):  # noqa: SIM117 - the error must come from within
        with dead_runs(tmp_path):
            raise OSError("the work failed")
    assert _dead(tmp_path) == [name]


@pytest.mark.parametrize(
    "torn",
    ['{"event":"star', "{", "\x00\x00\x00", "[1, 2]\n", "7\n", "\n", '{"event":"starting"}{"event":"started"}\n'],
)
def test_a_line_that_is_no_entry_is_left_out(tmp_path: Path, torn: str) -> None:
    _left(tmp_path, '{"event":"run"}\n{"event":"starting","job":1}\n', torn)
    with dead_runs(tmp_path) as runs:
        assert runs[0].entries == [{"event": "run"}, {"event": "starting", "job": 1}]


def test_a_line_that_is_no_text_is_left_out(tmp_path: Path) -> None:
    name = _left(tmp_path, '{"event":"run"}\n')
    with (tmp_path / f"{name}.jsonl").open("ab") as file:
        file.write(b'\xff\xfe{"event":"starting"}\n{"event":"started"}\n')
    with dead_runs(tmp_path) as runs:
        assert runs[0].entries == [{"event": "run"}, {"event": "started"}]


def test_a_journal_without_an_entry_is_one_all_the_same(tmp_path: Path) -> None:
    """Its run died before the first line was written: it can be forgotten."""
    _left(tmp_path)
    with dead_runs(tmp_path) as runs:
        assert runs[0].entries == []
        runs[0].forget()
        runs[0].forget()
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_comes_first(tmp_path: Path) -> None:
    names = [f"2026112{day}T122637Z-{text}" for day, text in ((2, "00000000"), (0, "ffffffff"), (1, "88888888"))]
    for name in names:
        _left(tmp_path, name=name)
    assert _dead(tmp_path) == [names[1], names[2], names[0]]


def test_nothing_else_is_taken_for_a_journal(tmp_path: Path) -> None:
    folder = tmp_path / "journals"
    _left(folder, '{"event":"run"}\n', name="a")
    (folder / "b.new").write_text("")
    (folder / "c.txt").write_text("")
    (folder / "d.jsonl").mkdir()
    (tmp_path / "elsewhere").write_text('{"event":"run"}\n')
    (folder / "e.jsonl").symlink_to(tmp_path / "elsewhere")
    assert _dead(folder) == ["a"]


def test_where_no_journal_was_ever_kept_nobody_died(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert (_dead(None), _dead(tmp_path / "none"), _dead(tmp_path / "file")) == ([], [], [])
    assert not (tmp_path / "none").exists()


def test_a_note_is_for_the_run_that_finds_it_next(tmp_path: Path) -> None:
    _left(tmp_path, '{"event":"run"}\n')
    with dead_runs(tmp_path) as runs:
        runs[0].note("accounted", job=1)
    with dead_runs(tmp_path) as runs:
        assert runs[0].entries == [{"event": "run"}, {"event": "accounted", "job": 1}]


def test_a_note_that_cannot_be_written(tmp_path: Path) -> None:
    name = _left(tmp_path, '{"event":"run"}\n')
    with dead_runs(tmp_path) as runs, full_disk(16), pytest.raises(JournalError) as refused:
        runs[0].note("accounted", job=1)
    assert refused.value.message == _sentence(tmp_path / f"{name}.jsonl", "File too large")


# ----- where journals are


@pytest.mark.parametrize(
    ("cluster", "name"),
    [
        ("pve1.example-8006", "pve1.example-8006"),
        ("::1-8006", "__1-8006"),
        ("../x", "_x"),
        ("..", "_"),
        (".", "_"),
        ("", "_"),
        ("/etc/passwd", "_etc_passwd"),
        ("a/../../b", "a_.._.._b"),
        ("a\x00b\n", "a_b_"),
        (".hidden", "hidden"),
        ("müller", "m_ller"),
    ],
)
def test_no_name_of_a_cluster_leads_elsewhere(tmp_path: Path, cluster: str, name: str) -> None:
    folder = cluster_folder(tmp_path, cluster)
    assert folder == tmp_path / name
    assert folder.resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"XDG_STATE_HOME": "/var/state"}, "/var/state/lifeboat"),
        ({"XDG_STATE_HOME": "state"}, "/home/me/.local/state/lifeboat"),
        ({"XDG_STATE_HOME": ""}, "/home/me/.local/state/lifeboat"),
        ({}, "/home/me/.local/state/lifeboat"),
    ],
)
def test_state_is_kept_where_a_users_programs_keep_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], folder: str
) -> None:
    """A relative folder is to be ignored (XDG base directory specification)."""
    monkeypatch.setenv("HOME", "/home/me")
    assert default_folder(environment) == Path(folder)


def test_a_user_without_a_home_is_told_what_to_set(homeless: None) -> None:
    with pytest.raises(JournalError) as refused:
        default_folder({})
    assert refused.value.message == "This user has no home folder for the journal; set journal_path."
    assert default_folder({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/lifeboat")


def test_a_run_that_ends_while_we_look_is_not_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, {})
    journal.write("starting", job=1)
    real = os.open

    def slow(path: Any, *more: Any, **named: Any) -> int:
        handle = real(path, *more, **named)
        journal.close()
        return handle

    monkeypatch.setattr(os, "open", slow)
    with dead_runs(tmp_path) as runs:
        assert runs == []


def test_a_journal_that_cannot_be_removed_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    journal = Journal(folder, {})
    journal.open()
    shutil.rmtree(folder)
    folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(JournalError) as refused:
        journal.close()
    assert refused.value.message.endswith(
        "cannot be written: Not a directory. Set journal_path to a folder that can be."
    )
    journal.close()


def test_a_journal_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    mine = _left(tmp_path, '{"event":"run","user":"a@pve!x"}\n', name="20261120T122637Z-0a1b2c3d")
    _left(tmp_path, '{"event":"run","user":"b@pve!y"}\n', name="20261120T122637Z-0a1b2c3e")
    empty = _left(tmp_path, "", name="20261120T122637Z-0a1b2c3f")
    with dead_runs(tmp_path, "a@pve!x") as runs, dead_runs(tmp_path, "b@pve!y") as others:
        assert [run.run for run in runs] == [mine, empty], "one that says nothing is nobody's"
        assert [run.run for run in others] == ["20261120T122637Z-0a1b2c3e"]


def test_who_only_reads_hides_nothing_from_others(tmp_path: Path) -> None:
    run = _left(tmp_path, '{"event":"run"}\n')
    with dead_runs(tmp_path, hold=False) as read, dead_runs(tmp_path) as taken:
        assert [one.run for one in read] == [one.run for one in taken] == [run]


def test_what_is_no_file_is_no_journal(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "20261120T122637Z-0a1b2c3d.jsonl")
    assert _dead(tmp_path) == []


def test_a_note_after_a_torn_line_is_a_line_of_its_own(tmp_path: Path) -> None:
    _left(tmp_path, '{"event":"run"}\n{"event":"sta')
    with dead_runs(tmp_path) as (run,):
        run.note("accounted", job=1)
    with dead_runs(tmp_path) as (run,):
        assert [entry["event"] for entry in run.entries] == ["run", "accounted"]
