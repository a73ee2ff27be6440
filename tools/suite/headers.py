# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every Python and shell file says whose it is and under what licence."""

from __future__ import annotations

from pathlib import Path

from suite.place import CHECKOUT, project_files

HEADER = """\
# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""


def without_header() -> list[Path]:
    """The files that do not start with it (after a ``#!`` line, where there is one)."""
    return [path for path in project_files("*.py", "*.pyi", "*.sh") if not _has_header(CHECKOUT / path)]


def _has_header(path: Path) -> bool:
    text = path.read_text(encoding="utf-8")
    if text.startswith("#!"):
        text = text.partition("\n")[2]
    return text.startswith(HEADER)
