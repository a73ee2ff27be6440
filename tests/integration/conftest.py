# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the integration tests: a cluster of its own for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab import Lab, build_world, lab
from pve_simulator import World


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks between runs lie in the temporary folder: those of a test in its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three nodes with guests; nothing runs yet."""
    return build_world(tmp_path / "cluster")


@pytest.fixture
def cluster(world: World) -> Iterator[Lab]:
    """The world behind a running simulator."""
    with lab(world) as running:
        yield running
