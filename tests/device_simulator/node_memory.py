# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the node keeps: its page, sizes of folders, and the pickles beside the videos (reference 6, 7)."""

from __future__ import annotations

import pickle
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device_simulator import tree
from device_simulator.places import Places

_OLD = 7 * 86400


@dataclass(frozen=True)
class Sizes:
    """What ``du`` said, and when."""

    results: int
    videos: int
    looked: float


class NodeMemory:
    """Caches of the node. ``page_seconds`` and ``size_seconds`` may be 0: then nothing is kept."""

    def __init__(self, places: Places) -> None:
        self.page_seconds = 60.0
        self.size_seconds = 3600.0
        self.folder_bytes: tree.FolderBytes = tree.own_bytes
        self._places = places
        self._seen: dict[str, dict[str, dict[str, Any]]] = {}
        self.forget()

    def forget(self) -> None:
        """Forget the page and the sizes, as after a restart. Videos once seen stay known: by the pickles."""
        self._page: dict[str, Any] | None = None
        self._sizes: dict[str, Sizes] = {}

    def page(self, now: float) -> dict[str, Any] | None:
        """The page as long as it is young."""
        if self._page is None or now - self._page["timestamp"] >= self.page_seconds:
            return None
        return self._page

    def keep_page(self, page: dict[str, Any]) -> None:
        """Keep a page that was built now."""
        self._page = page

    def sizes(self, device_id: str, now: float) -> Sizes:
        """What the device's folders take; nothing at all is remembered as long."""
        known = self._sizes.get(device_id)
        if known is None or now - known.looked >= self.size_seconds:
            measured = [
                tree.disk_usage(top / device_id, self.folder_bytes)
                for top in (self._places.results, self._places.videos)
            ]
            known = self._sizes[device_id] = Sizes(measured[0], measured[1], now)
        return known

    def videos(self, device_id: str, now: float) -> dict[str, Any]:
        """The device's chunks on disk, as the node lists them; leaves a pickle beside the videos.

        Nobody ever reads that file here: what the node would have read in it is kept in memory.
        """
        seen = self._seen.setdefault(device_id, {})
        chunks = [path for path in tree.files(self._places.videos / device_id) if path.suffix == ".h264"]
        chunks.sort(key=lambda path: zlib.crc32(path.name.encode()))  # a folder of ext4 has no order that one can see
        found = {path.name: self._video(path, seen, now) for path in chunks}
        if found:
            about = {"files": {name: {**entry, "cache_hit": True} for name, entry in found.items()}, "timestamp": now}
            raw = pickle.dumps(about, protocol=4)
            cache = self._places.videos / ".cache"
            cache.mkdir(exist_ok=True)
            (cache / f"video_cache_{device_id}.pkl").write_bytes(raw)
            # our own bytes, never the file's: texts that were read are written twice, so that sizes are as recorded
            self._seen[device_id] = pickle.loads(raw)["files"]
        return found

    def _video(self, path: Path, seen: dict[str, dict[str, Any]], now: float) -> dict[str, Any]:
        about = path.stat()
        if path.name in seen and now - about.st_mtime > _OLD:
            return {**seen[path.name], "cache_hit": True}
        return {
            "size_bytes": about.st_size,
            "size_human": tree.human(about.st_size),
            "path": path.relative_to(self._places.videos).as_posix(),
            "status": "backed-up",
            "filesystem_enhanced": True,
            "cache_hit": False,
        }
