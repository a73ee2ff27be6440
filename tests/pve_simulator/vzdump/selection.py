# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests a call to vzdump means on this node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pve_simulator.errors import Died
from pve_simulator.schema.formats import split_list
from pve_simulator.state.model import Cluster


def selected(cluster: Cluster, node: str, given: Mapping[str, Any]) -> list[int]:
    """The guests to back up here: those on other nodes are left out, those nobody knows are tried and fail."""
    if given.get("vmid"):
        wanted = sorted({int(word) for word in split_list(given["vmid"])})
        return [vmid for vmid in wanted if vmid not in cluster.guests or cluster.guests[vmid].node == node]
    excluded = {int(word) for word in split_list(given.get("exclude", ""))}
    if given.get("pool"):
        if given["pool"] not in cluster.pools:
            raise Died(f"pool '{given['pool']}' does not exist")
        members = [guest for guest in cluster.guests.values() if guest.pool == given["pool"]]
    elif given.get("all"):
        members = list(cluster.guests.values())
    else:
        members = []
    return sorted(guest.vmid for guest in members if guest.node == node and guest.vmid not in excluded)
