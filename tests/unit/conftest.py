# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What unit tests share: the recordings, and hypothesis made ready."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from unit.recordings import FOLDER, Exchange, exchanges


@pytest.fixture(scope="session", autouse=True)
def tables_of_characters() -> None:
    """In a fresh checkout hypothesis first works out all characters, which takes longer than a test may."""
    st.text().validate()
    st.characters(categories=["L", "N", "P", "Z"]).validate()


def _needed(folder: Path) -> None:
    if folder.is_dir():
        return
    reason = f"needs {folder}"
    if os.environ.get("LIFEBOAT_REQUIRE_SHARED") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def recorded() -> list[Exchange]:
    """What running Proxmox VE 8.4 and 9.2 answered."""
    _needed(FOLDER)
    return list(exchanges())


@pytest.fixture(scope="session")
def contracts() -> dict[str, dict[str, Any]]:
    """The API's schema by version."""
    folder = FOLDER.parents[1] / "contracts"
    _needed(folder)
    files = sorted(folder.glob("pve-*.json"))
    return {file.stem.partition("-")[2]: json.loads(file.read_text(encoding="utf-8")) for file in files}


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user that the machine's table of users doesn't have, as containers run them."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_123_456)
