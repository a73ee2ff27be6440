# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the recordings lie, and what is read from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# beside the checkout; nothing of it goes into the project
RECORDINGS = Path(__file__).parents[3] / "shared" / "recordings" / "ethoscope"


def available() -> bool:
    """Tell whether the recordings lie beside the checkout."""
    return RECORDINGS.is_dir()


def names() -> list[str]:
    """All recordings, without the ending."""
    return sorted(path.stem for path in RECORDINGS.glob("*.json"))


def load(name: str) -> Any:
    """A recorded answer."""
    return json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))


def video_bytes() -> dict[str, int]:
    """How long each recorded chunk is, by its name."""
    jobs = load("11_processing_rsync_status")["devices"].values()
    moved = [job.get("transfer_details", {}).get("videos", {}).get("files", {}) for job in jobs]
    listed = load("20_final_all_up_node_device_010_backup")["databases"]["Video"]["video_backup"]["files"]
    files = {name: about for part in [*moved, listed] for name, about in part.items()}
    return {name: about["size_bytes"] for name, about in files.items()}
