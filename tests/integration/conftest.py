# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the integration tests: a cluster of its own for each test.

The modules' tests use ``cluster``, those of the simulator ``sim`` and ``root``. A file with a `world` of its own gets
all of them over that one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab import Lab, build_world, lab
from harness.ticking import Ticking
from pve_simulator import Simulator, World
from pve_simulator.client import Client


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks between runs lie in the temporary folder: those of a test in its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def clock() -> Ticking:
    """A clock for worlds that want one (`World(..., clock=clock)`)."""
    return Ticking()


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three nodes with guests; nothing runs yet."""
    return build_world(tmp_path / "cluster")


@pytest.fixture
def cluster(world: World) -> Iterator[Lab]:
    """The world behind a running simulator."""
    with lab(world) as running:
        yield running


@pytest.fixture
def sim(world: World) -> Iterator[Simulator]:
    """The world behind a running simulator, without any token."""
    with Simulator(world) as running:
        yield running


@pytest.fixture
def root(sim: Simulator) -> Iterator[Client]:
    """A plain client with root's rights."""
    secret = sim.world.add_token("root@pam", "all", privsep=False)
    with Client(sim, "root@pam!all", secret) as client:
        yield client
