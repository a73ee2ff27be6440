# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a backup was made by the clock on the node's wall, where days and weeks begin. Private to this collection."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone, tzinfo
from zoneinfo import ZoneInfo

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup


class LocalTimes:
    """Local times of the nodes.

    A file's name tells it, on every node alike. For a backup server's snapshots and for backups to come the node's time
    zone is needed (``zones``, which only a token with Sys.Audit on the node can read); where it isn't known, UTC is
    taken.
    """

    def __init__(self, zones: Mapping[str, str]) -> None:
        found = {node: _zone(name) for node, name in zones.items()}
        self._zones: dict[str, tzinfo] = {node: zone for node, zone in found.items() if zone is not None}

    def at(self, epoch: float, node: str) -> datetime:
        """A moment on a node's wall clock."""
        zone = self._zones.get(node, timezone.utc)
        return datetime.fromtimestamp(epoch, zone).replace(tzinfo=None)

    def guessed(self, backups: Iterable[Backup]) -> list[str]:
        """The nodes whose time zone is needed for a backup server's snapshots among these, and isn't known."""
        return sorted({one.node for one in backups if one.node not in self._zones and one.is_snapshot})


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a machine without time zone data, or a name that is none
        return None
