# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which files are copies of what."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import (
    MYSQL,
    SQLITE,
    VIDEO,
    Layout,
    own,
    results,
    videos,
)
from unit.device_builders import DEVICE, NAME, STAMP

RESULTS, VIDEOS = results("/srv/results"), videos("/srv/videos")
FOLDER = f"{DEVICE}/{NAME}/{STAMP}"


def sorted_into(layout: Layout, folder: str, *names: str) -> dict[str, tuple[str, str] | None]:
    sort = layout.sorter(folder, names)
    return {name: sort(name) for name in names}


def test_a_database_with_a_txt_beside_it_was_made_from_mysql() -> None:
    assert sorted_into(RESULTS, FOLDER, "a.db", "a.txt", "b.db") == {
        "a.db": (MYSQL, DEVICE),
        "a.txt": None,
        "b.db": (SQLITE, DEVICE),
    }


def test_the_txt_must_be_of_the_same_stem() -> None:
    found = sorted_into(RESULTS, FOLDER, "a.db", "b.txt", "a.db.txt", "A.txt", "a.TXT")
    assert found["a.db"] == (SQLITE, DEVICE)


@pytest.mark.parametrize("name", ["a.db-wal", "a.db-shm", "a.db.gz", "a.DB", "db", ".db", ".a.db", ".a.db.Xy3k2q", ""])
def test_other_files_in_the_results_are_no_copies(name: str) -> None:
    assert sorted_into(RESULTS, FOLDER, name) == {name: None}


@pytest.mark.parametrize(
    ("name", "copy"),
    [
        ("x_00001.h264", True),
        ("x.md5", False),
        ("x.mp4", False),
        ("x.H264", False),
        (".x.h264", False),
        (".h264", False),
        ("x.h264.part", False),
        ("", False),
    ],
)
def test_only_chunks_are_copies_of_videos(name: str, copy: bool) -> None:
    assert sorted_into(VIDEOS, FOLDER, name) == {name: (VIDEO, DEVICE) if copy else None}


@pytest.mark.parametrize(("layout", "name"), [(RESULTS, "a.db"), (VIDEOS, "a.h264")])
def test_a_file_beside_the_devices_folders_is_of_nobody(layout: Layout, name: str) -> None:
    assert sorted_into(layout, "", name) == {name: None}


@pytest.mark.parametrize(("layout", "name", "kind"), [(RESULTS, "a.db", SQLITE), (VIDEOS, "a.h264", VIDEO)])
def test_a_copy_is_of_the_device_whose_folder_it_lies_in_however_deep(layout: Layout, name: str, kind: str) -> None:
    for folder in ("ours", "ours/a", "ours/theirs/c/d"):
        assert sorted_into(layout, folder, name) == {name: (kind, "ours")}


@pytest.mark.parametrize("layout", [RESULTS, VIDEOS])
def test_the_folders_tell_the_device_and_its_name(layout: Layout) -> None:
    assert (layout.device(FOLDER), layout.name(FOLDER)) == (DEVICE, NAME)
    assert (layout.device(DEVICE), layout.name(DEVICE)) == (DEVICE, None)
    assert (layout.device(""), layout.name("")) == (None, None)
    assert layout.by_device


@pytest.mark.parametrize("layout", [RESULTS, VIDEOS])
def test_folders_of_services_of_rsync_and_of_the_file_system_are_not_entered(layout: Layout) -> None:
    names = (DEVICE, ".cache", ".~tmp~", "..x", "x.y", "lost+found", "lost")
    assert [name for name in names if layout.enters(name)] == [DEVICE, "x.y", "lost"]


def test_each_layout_says_what_it_holds_and_by_which_rules() -> None:
    assert (RESULTS.option, RESULTS.root, RESULTS.types) == ("results_path", "/srv/results", (MYSQL, SQLITE))
    assert (VIDEOS.option, VIDEOS.root, VIDEOS.types) == ("videos_path", "/srv/videos", (VIDEO,))
    mine = [own("layout, entry 1", "config", "/srv", rf"(?P<device>{name})") for name in "ab"]
    other = own("layout, entry 2", "log", "/srv", "(?P<device>a)")
    assert len({layout.rules for layout in (RESULTS, VIDEOS, *mine, other)}) == 5
    assert own("layout, entry 9", "log", "/elsewhere", "(?P<device>a)").rules == other.rules


# ----- trees of the user's own


def test_a_pattern_may_find_the_device_in_the_name_of_the_file() -> None:
    tree = own("layout, entry 1", "config", "/srv/routers", r"^(?P<device>[^/]+)\.cfg$")
    assert sorted_into(tree, "", "r1.cfg", "r2.cfg", "r2.cfg.old", "x") == {
        "r1.cfg": ("config", "r1"),
        "r2.cfg": ("config", "r2"),
        "r2.cfg.old": None,
        "x": None,
    }
    assert sorted_into(tree, "attic", "r1.cfg") == {"r1.cfg": None}


def test_a_pattern_may_find_the_device_in_the_folders() -> None:
    tree = own("layout, entry 1", "clip", "/srv", r"^(?P<device>cam[0-9]+)/.*\.mp4$")
    assert sorted_into(tree, "cam7/2026/11", "a.mp4") == {"a.mp4": ("clip", "cam7")}
    assert sorted_into(tree, "cam7", "a.mp4", ".a.mp4") == {"a.mp4": ("clip", "cam7"), ".a.mp4": ("clip", "cam7")}
    assert sorted_into(tree, "", "cam7.mp4") == {"cam7.mp4": None}


def test_a_pattern_is_searched_anywhere_in_the_path() -> None:
    tree = own("layout, entry 1", "log", "/srv", r"(?P<device>dl-[0-9]{3})_")
    assert sorted_into(tree, "2026/week47", "x_dl-004_full.csv")["x_dl-004_full.csv"] == ("log", "dl-004")


@pytest.mark.parametrize("pattern", [r"^(?P<device>x)?", r"^(?P<device>x*)"])
def test_a_file_that_a_pattern_matches_without_a_device_is_of_nobody(pattern: str) -> None:
    assert sorted_into(own("layout, entry 1", "log", "/srv", pattern), "", "y.log", "x.log") == {
        "y.log": None,
        "x.log": ("log", "x"),
    }


def test_of_a_tree_of_ones_own_only_the_pattern_knows_the_device() -> None:
    tree = own("layout, entry 1", "log", "/srv", "^(?P<device>[^/]+)")
    assert not tree.by_device
    assert (tree.device("a/b"), tree.name("a/b")) == (None, None)
    assert tree.enters(".hidden")
    assert tree.enters("lost+found")
    assert (tree.option, tree.root, tree.types) == ("layout, entry 1", "/srv", ("log",))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(?P<device>[a-z", "unterminated character set at position 11"),
        ("*", "nothing to repeat at position 0"),
        ("(?P<device>x", "missing ), unterminated subpattern at position 0"),
        ("(?P<device>x){99999999999999999999}", "the repetition number is too large"),
    ],
)
def test_a_pattern_that_is_none_is_one_clear_sentence(pattern: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        own("layout, entry 2", "log", "/srv", pattern)
    assert caught.value.message == f"layout, entry 2: the pattern '{pattern}' is no regular expression: {why}."


@pytest.mark.parametrize("pattern", ["", r"^([^/]+)\.cfg$", r"(?P<Device>x)", r"(?P<name>x)"])
def test_a_pattern_must_say_the_device(pattern: str) -> None:
    with pytest.raises(
        InputError, match=r"needs a group that says the device, such as \(\?P<device>\[\^/\]\+\)\.$"
    ) as caught:
        own("layout, entry 2", "log", "/srv", pattern)
    assert caught.value.message.startswith(f"layout, entry 2: the pattern '{pattern}' ")
