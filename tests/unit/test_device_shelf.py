# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run without a catalogue."""

from __future__ import annotations

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.shelf import NoShelf, Row


def test_without_a_catalogue_nothing_is_known_and_nothing_is_kept() -> None:
    shelf = NoShelf()
    row = Row("a", 1, 1, 0, "sqlite", "a", 1, 1, 0, 1, 1, "a.db", 1)
    shelf.put("", [], [row])
    shelf.drop("", "b")
    shelf.forget()
    assert [*shelf.old(""), *shelf.others(""), *shelf.rows("")] == []
    assert shelf.files == 0
