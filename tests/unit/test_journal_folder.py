# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a module keeps its journals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.journal_folder import journal_folder


def test_what_the_user_chose_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert journal_folder({"journal_path": "/srv/journals"}, "pve1-8006") == Path("/srv/journals/pve1-8006")


@pytest.mark.parametrize("params", [{}, {"journal_path": None}, {"journal_path": ""}])
def test_else_it_is_below_the_users_state(monkeypatch: pytest.MonkeyPatch, params: dict[str, Any]) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/var/state")
    assert journal_folder(params, "::1-8006") == Path("/var/state/lifeboat/__1-8006")


def test_a_user_without_a_home_keeps_none_unless_one_is_chosen(monkeypatch: pytest.MonkeyPatch, homeless: None) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert journal_folder({}, "pve1-8006") is None
    assert journal_folder({"journal_path": "/srv/journals"}, "pve1-8006") == Path("/srv/journals/pve1-8006")
