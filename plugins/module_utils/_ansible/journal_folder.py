# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a module keeps its journals. Private to this collection."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import (
    JournalError,
    cluster_folder,
    default_folder,
)


def journal_folder(params: Mapping[str, Any], cluster: str) -> Path | None:
    """The folder for a cluster: below ``journal_path``, else below the user's state folder; None for a user without."""
    chosen = params.get("journal_path")
    if chosen:
        return cluster_folder(Path(chosen), cluster)
    try:
        return cluster_folder(default_folder(os.environ), cluster)
    except JournalError:
        return None
