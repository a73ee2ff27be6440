# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Can a node use a storage now? The texts are those of PVE::Storage (recorded: 03_storage, 05_vzdump_errors)."""

from __future__ import annotations

from pve_simulator.errors import Died
from pve_simulator.state.model import Cluster, Storage


def configured(cluster: Cluster, name: str) -> Storage:
    """The storage with this name. Raises `Died`."""
    storage = cluster.storages.get(name)
    if storage is None:
        raise Died(f"storage '{name}' does not exist")
    return storage


def enabled(cluster: Cluster, name: str, node: str) -> Storage:
    """The storage, enabled and meant for the node. Raises `Died`."""
    storage = configured(cluster, name)
    if storage.disabled:
        raise Died(f"storage '{name}' is disabled")
    if not storage.reaches(node):
        raise Died(f"storage '{name}' is not available on node '{node}'")
    return storage


def active(cluster: Cluster, name: str, node: str) -> Storage:
    """The storage, enabled and answering. Raises `Died`."""
    storage = enabled(cluster, name, node)
    if storage.offline(node):
        raise Died(f"storage '{name}' is not online")
    return storage
