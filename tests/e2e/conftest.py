# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the e2e tests: a running cluster and the environment that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab import Lab, build_world, lab


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Lab]:
    """Three nodes with guests behind a running simulator."""
    with lab(build_world(tmp_path / "cluster")) as running:
        yield running


@pytest.fixture
def environment(cluster: Lab) -> dict[str, str]:
    """What a user exports. The journals lie in the test's own folder."""
    return {
        "XDG_STATE_HOME": str(cluster.journals),
        "PROXMOX_HOST": cluster.sim.host,
        "PROXMOX_PORT": str(cluster.sim.port),
        "PROXMOX_CA_PATH": str(cluster.sim.ca_path),
        "PROXMOX_TOKEN_ID": str(cluster.connection["api_token_id"]),
        "PROXMOX_TOKEN_SECRET": str(cluster.connection["api_token_secret"]),
    }
