# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every part of a world shares: the folder, the clock, the cluster and the lock that guards it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path

from pve_simulator.access.acl import ROOT
from pve_simulator.access.roles import built_in
from pve_simulator.state import clock, file
from pve_simulator.state.model import Cluster, Node, User
from pve_simulator.storage.backups import BackupFolder
from pve_simulator.storage.layout import Layout
from pve_simulator.versions import VERSIONS

_UPTIME = 3600.0  # how long the hosts have been running when the world begins


class Core:
    """A cluster in a folder: new, or what the folder holds. ``changed`` guards it and tells of its tasks' ends."""

    def __init__(self, folder: Path | str, version: str, now: Callable[[], float]) -> None:
        self.layout = Layout(Path(folder))
        self.layout.folder.mkdir(parents=True, exist_ok=True)
        self.clock = now
        self.changed = threading.Condition(threading.RLock())
        known = self.layout.state_file.exists()
        self.cluster = file.load(self.layout.state_file) if known else _new_cluster(version, now())
        self.version = VERSIONS[self.cluster.version]
        self.keeper = file.StateKeeper(self.save)

    @property
    def entry(self) -> Node:
        """The node whose address clients use: the first one."""
        return next(iter(self.cluster.nodes.values()))

    def now(self, node: str | None = None) -> float:
        """The time by a node's clock, by that of the entry node where none is named."""
        found = self.cluster.nodes.get(node or next(iter(self.cluster.nodes), ""))
        return self.clock() + (found.clock_offset if found is not None else 0.0)

    def zone(self, node: str | None = None) -> tzinfo:
        """A node's time zone, that of the entry node where none is named; UTC for a node that there is not."""
        found = self.cluster.nodes.get(node or next(iter(self.cluster.nodes), ""))
        return clock.zone(found.timezone if found is not None else clock.UTC)

    def save(self) -> None:
        """Write the state down now."""
        with self.changed:
            file.save(self.cluster, self.layout.state_file)

    def touch(self) -> None:
        """Say that the cluster changed; the state file follows soon while a simulator runs."""
        self.keeper.touch()

    def backups(self, storage: str, node: str | None = None) -> BackupFolder:
        """The backups on a storage as a node sees them."""
        found = self.cluster.storages[storage]
        where = node or self.entry.name
        return BackupFolder(found, self.layout.dump(found, where), self.zone(where))


def _new_cluster(version: str, now: float) -> Cluster:
    cluster = Cluster(version, secret=secrets.token_hex(32), boot_time=now - _UPTIME)
    cluster.roles = built_in(VERSIONS[version])
    cluster.users[ROOT] = User(ROOT)
    return cluster
