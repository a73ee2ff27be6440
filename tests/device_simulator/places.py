# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie, and how the node names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Paths on a device don't depend on the node
DEVICE_ROOT = "/ethoscope_data"


@dataclass(frozen=True)
class Places:
    """The folders of a fleet; ``root`` is what the node's answers call the top."""

    folder: Path
    root: str

    @property
    def results(self) -> Path:
        """Copies of databases, of all devices."""
        return self.folder / "results"

    @property
    def videos(self) -> Path:
        """Copies of videos, of all devices."""
        return self.folder / "videos"

    def device(self, device_id: str) -> Path:
        """What a device has: a folder with ``results`` and ``videos``."""
        return self.folder / "devices" / device_id

    def told(self, path: Path) -> str:
        """The path as answers of the node have it."""
        inner = path.relative_to(self.folder).as_posix()
        return f"{self.root}/{inner}"
