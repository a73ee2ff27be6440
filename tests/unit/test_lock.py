# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock between runs on one controller: real files, a clock that doesn't wait."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.lock import exclusive, lock_folder
from unit.builders import FakeClock


def test_the_lock_is_had_and_given_back(tmp_path: Path) -> None:
    time_ = FakeClock()
    for _run in range(2):
        with exclusive("vzdump-pve1", Deadline.after(time_.clock, 0), tmp_path) as held:
            assert held
    assert time_.slept == []
    assert [path.name for path in tmp_path.iterdir()] == ["vzdump-pve1.lock"]
    assert stat.S_IMODE((tmp_path / "vzdump-pve1.lock").stat().st_mode) == 0o600


def test_a_second_run_waits_until_the_first_has_ended(tmp_path: Path) -> None:
    time_ = FakeClock()
    first = exclusive("vzdump-pve1", Deadline.after(time_.clock, 60), tmp_path)
    assert first.__enter__()

    def sleep(seconds: float) -> None:
        time_.sleep(seconds)
        if len(time_.slept) == 3:
            first.__exit__(None, None, None)

    impatient = FakeClock()
    clock = type(impatient.clock)(now=time_.clock.now, monotonic=time_.clock.monotonic, sleep=sleep)
    with exclusive("vzdump-pve1", Deadline.after(clock, 60), tmp_path) as held:
        assert held
    assert time_.slept == [0.1, 0.1, 0.1]


def test_at_the_deadline_the_second_run_goes_on_without_it(tmp_path: Path) -> None:
    time_ = FakeClock()
    with (
        exclusive("vzdump-pve1", Deadline.after(time_.clock, 60), tmp_path) as first,
        exclusive("vzdump-pve1", Deadline.after(time_.clock, 0.25), tmp_path) as second,
    ):
        assert (first, second) == (True, False)
    assert sum(time_.slept) == pytest.approx(0.25)


def test_different_nodes_do_not_wait_for_each_other(tmp_path: Path) -> None:
    time_ = FakeClock()
    with (
        exclusive("vzdump-pve1", Deadline.after(time_.clock, 60), tmp_path) as first,
        exclusive("vzdump-pve2", Deadline.after(time_.clock, 60), tmp_path) as second,
    ):
        assert (first, second) == (True, True)
    assert time_.slept == []


def test_the_lock_is_free_after_an_error_in_the_work(tmp_path: Path) -> None:
    deadline = Deadline.after(FakeClock().clock, 0)
    with pytest.raises(OSError, match="the work failed"):  # noqa: SIM117 - the error must come from within
        with exclusive("vzdump-pve1", deadline, tmp_path):
            raise OSError("the work failed")
    with exclusive("vzdump-pve1", deadline, tmp_path) as held:
        assert held


def test_a_foreign_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    inside = tmp_path / "locks"
    inside.mkdir()
    with exclusive("../../etc/pve 1", Deadline.after(FakeClock().clock, 0), inside) as held:
        assert held
    assert [path.name for path in tmp_path.rglob("*")] == ["locks", ".._.._etc_pve_1.lock"]


def test_without_a_folder_to_write_to_the_work_goes_on(tmp_path: Path) -> None:
    with exclusive("vzdump-pve1", Deadline.after(FakeClock().clock, 60), tmp_path / "missing") as held:
        assert not held


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (tmp_path / "vzdump-pve1.lock").symlink_to(victim)
    with exclusive("vzdump-pve1", Deadline.after(FakeClock().clock, 60), tmp_path) as held:
        assert not held
    assert not victim.exists()


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's temporary folder, for the time of a test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_folder_is_for_this_user_alone(temporary_folder: Path) -> None:
    folder = lock_folder()
    assert folder == temporary_folder / f"lifeboat-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert lock_folder() == folder


def test_locks_are_put_there(temporary_folder: Path) -> None:
    with exclusive("vzdump-pve1", Deadline.after(FakeClock().clock, 0)) as held:
        assert held
    assert (temporary_folder / f"lifeboat-{os.getuid()}" / "vzdump-pve1.lock").is_file()


def test_a_folder_that_others_may_enter_is_not_used(temporary_folder: Path) -> None:
    folder = temporary_folder / f"lifeboat-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(PermissionError, match=f"{folder} is not a folder of this user alone"):
        lock_folder()
    with exclusive("vzdump-pve1", Deadline.after(FakeClock().clock, 60)) as held:
        assert not held


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_somebody_put_in_its_place_is_not_used(temporary_folder: Path, kind: str) -> None:
    place = temporary_folder / f"lifeboat-{os.getuid()}"
    if kind == "file":
        place.write_text("")
    else:
        (temporary_folder / "elsewhere").mkdir(mode=0o700)
        place.symlink_to("elsewhere")
    with pytest.raises(OSError, match=f"lifeboat-{os.getuid()}"):
        lock_folder()
