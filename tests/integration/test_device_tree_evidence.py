# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies that services name, looked for on disk: no name leads out of the tree, whoever made it up."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Trees
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import DONE, Data, Job
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import own, results
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.lookups import Lookups, lookups
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import NoShelf
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Times, look
from harness.raw_server import OK, RawServer, says
from harness.trees import DAY, HOUR, MONTH, NANO, copy, recordings, status

GOOD = "a/NAME_a/run-000/0.db"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree of a device, and baits around it and behind links in it."""
    root = tmp_path / "tree" / "results"
    recordings(root, "a", 2, HOUR)
    copy(tmp_path / "tree" / "bait.db", 666)
    copy(tmp_path / "tree" / "outside" / "0.db", 666)
    (root / "link").symlink_to(tmp_path / "tree" / "outside")
    (root / "a" / "link").symlink_to("/")
    (root / "a" / "NAME_a" / "run-000" / "bait.db").symlink_to(tmp_path / "tree" / "bait.db")
    (root / "a" / "NAME_a" / "run-000" / "folder.db").mkdir()
    os.mkfifo(root / "a" / "NAME_a" / "run-000" / "pipe.db")
    copy(root / "a" / "NAME_a" / "run-000" / "empty.db", 0)
    return root


@pytest.fixture
def looked(root: Path) -> Iterator[Lookups]:
    now = time.time_ns()
    times = Times(now, now - 7 * DAY * NANO)
    trees = [results(str(root)), own("layout", "own", str(root), "(?P<device>.+)")]
    with lookups(Trees([look(one, NoShelf(), times) for one in trees])) as found:
        yield found


def out_of_the_tree(root: Path) -> list[str]:
    """Paths that would be one of the baits, or the good copy by another way, if they were taken for paths."""
    bait = root.parent / "bait.db"
    return [
        "../bait.db",
        "a/../../bait.db",
        "a/NAME_a/../../../bait.db",
        "./../bait.db",
        str(bait),
        f"/{bait}",
        f"a/{bait}",
        f"a/link{bait}",
        f"a/link/{str(bait)[1:]}",
        "link/0.db",
        "link/../outside/0.db",
        "a/NAME_a/run-000/bait.db",
        f"/{GOOD}",
        f"./{GOOD}",
        f"a/./{GOOD[2:]}",
        f"a//{GOOD[2:]}",
        f"b/../{GOOD}",
        f"{GOOD}/",
        f"{GOOD}/.",
        f"{GOOD}\0",
        f"{GOOD}\0.db",
        f"\ud800{GOOD}",
        f"a/NAME_a/run-000/{'x' * 300}.db",
        f"{'x/' * 3000}0.db",
        "",
        "/",
        "..",
        ".",
        "a",
        "a/NAME_a/run-000/folder.db",
        "a/NAME_a/run-000/pipe.db",
        "a/NAME_a/run-000/empty.db",
    ]


def test_only_a_plain_path_is_a_copy(root: Path, looked: Lookups) -> None:
    good = looked.found(Data("a", "sqlite", 0.0, path=GOOD))
    assert good is not None
    assert (good.there, good.size, round(time.time() - good.changed, -1), good.root) == (True, 10, HOUR, str(root))
    for path in out_of_the_tree(root):
        found = looked.found(Data("a", "sqlite", 0.0, path=path))
        assert found is not None
        assert not found.there, path
    assert looked.found(Data("a", "sqlite", 0.0)) is None, "it isn't known where"
    assert looked.found(Data("a", "own", 0.0, path=GOOD)) is None, "such a tree doesn't tell where"
    assert looked.found(Data("a", "video", 0.0, path=GOOD)) is None, "no tree is looked at that could hold it"


def test_no_copy_lies_out_of_the_tree(root: Path, looked: Lookups) -> None:
    paths = [path for path in out_of_the_tree(root) if not path.endswith("/empty.db")]  # files are not touched here
    listed: dict[str, list[str]] = {}
    for path in (GOOD, *paths):
        folder, _slash, name = path.rpartition("/")
        listed.setdefault(folder, []).append(name)
    job = Job("a", "sqlite", DONE, "rsync", listed=listed)
    assert set(looked.gone(job)) == {path if "/" in path else f"/{path}" for path in paths}
    names = {"a/NAME_a/run-000": ["0.db", "../run-001/1.db", "gone.db"], "a/NAME_a": ["run-000/0.db"]}
    assert looked.gone(Job("a", "sqlite", DONE, "rsync", listed=names)) == (
        "a/NAME_a/run-000/../run-001/1.db",
        "a/NAME_a/run-000/0.db",
        "a/NAME_a/run-000/gone.db",
    )


def test_copies_that_are_not_there_any_more(root: Path, looked: Lookups) -> None:
    listed = {"a/NAME_a/run-000": ["0.db"], "a/NAME_a/run-001": ["1.db", "2.db"], "b/NAME_b/run": ["0.db"]}
    job = Job("a", "sqlite", DONE, "rsync", listed=listed)
    assert looked.gone(job) == ("a/NAME_a/run-001/2.db", "b/NAME_b/run/0.db")
    data = [Data("a", "sqlite", 0.0, path=path) for path in (GOOD, "a/NAME_a/run-009/9.db")]
    assert looked.lacking([*data, Data("a", "sqlite", 0.0)]) == {"a/NAME_a/run-009/9.db"}


def rsync_says(devices: dict[str, list[str]]) -> bytes:
    """The daemon's answer (its form: reference/ethoscope.md 3): all ended well an hour ago, with these files."""
    entries: dict[str, Any] = {}
    for device, paths in devices.items():
        files = {f"{number}": {"path": path, "status": "completed"} for number, path in enumerate(paths)}
        entries[device] = {
            "started": time.time() - 2 * HOUR,
            "ended": time.time() - HOUR,
            "processing": False,
            "progress": {"status": "completed"},
            "synced": {"results": {"detailed_files": files}},
            "transfer_details": {"results": {"files": files}},
        }
    return OK + json.dumps({"devices": entries}).encode()


def test_a_daemon_that_tells_of_files_elsewhere(root: Path) -> None:
    """Its word is that all is copied, and each of its paths would be a file."""
    for path in (root / "a" / "NAME_a").glob("*/*.db"):
        if path.is_file() and not path.is_symlink():
            os.utime(path, (time.time() - MONTH,) * 2)
    bait = root.parent / "bait.db"
    told = {
        "a": [GOOD, "a/NAME_a/run-001/gone.db", "a/../../bait.db"],
        "liar": ["../bait.db", str(bait), "link/0.db"],
        "../..": ["../bait.db"],
        "..": ["../bait.db"],
        str(bait.parent): [str(bait)],
    }
    with RawServer(says(rsync_says(told))) as server:
        url = server.url.removesuffix("/status")
        found = status(rsync_service_url=url, results_path=str(root), timeout="3s")
    assert found.result["services"]["rsync"]["available"]
    reason = found.devices["a"]["types"]["sqlite"]["reason"]
    assert reason == "rsync lists copies that are not there: gone.db"
    for device in set(told) - {"a"}:
        row = found.devices[device]["types"]["sqlite"]
        assert (row["status"], row["files"], row["evidence"]["path"]) == ("missing", 0, None)
