# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The version that records tell is that of the collection."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.lifeboat.backup.plugins.module_utils._core.version import VERSION


def test_it_is_that_of_galaxy_yml() -> None:
    galaxy = yaml.safe_load((Path(__file__).parents[2] / "galaxy.yml").read_text(encoding="utf-8"))
    assert galaxy["version"] == VERSION
