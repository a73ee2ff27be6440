# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of proxmox_backup: observe, plan, apply, report. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_apply import apply
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_report import report
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import select
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import diagnosed_storage


def back_up(client: Client, params: Mapping[str, Any], check_mode: bool, clock: Clock) -> dict[str, Any]:
    """Make the wish true with the least that does it; in check mode only say what that would be.

    :raises InputError: before anything is started.
    """
    wish = Wish.from_params(params)
    began = clock.monotonic()
    observation = observe(client, clock, None if wish.storage is None else [wish.storage])
    planned = plan(wish, observation, _storage_problems(client, wish, observation))
    outcome = None if check_mode else apply(client, clock, wish, planned, observation)
    return report(wish, planned, observation, outcome, clock.monotonic() - began)


def _storage_problems(client: Client, wish: Wish, observation: Observation) -> dict[str, str]:
    """Why the wanted storage isn't a backup storage of a node. Costs requests only where something is wrong."""
    if wish.storage is None:
        return {}
    fine = {place.node for place in observation.places if place.storage == wish.storage}
    used = {guest.node for guest in select(wish.selection, observation.cluster).guests}
    answered = {node.node for node in observation.storages if node.error is None}
    return {node: diagnosed_storage(client, node, wish.storage) for node in sorted((answered & used) - fine)}
