# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of proxmox_backup: observe, plan, apply, report. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import dead_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_apply import (
    Outcome,
    apply,
    begin,
    waited_for,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_journal import BackupJournal
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_report import report
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_retention import after_backups, foretold
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_rows import GuestRows, guest_rows
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_run import BackupRun
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.orphans import account_for, observe_orphans
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_apply import RemovalOutcome
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import Pruning
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import select
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import (
    observe_storage_retention,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storages import diagnosed_storage


def back_up(
    client: Client,
    params: Mapping[str, Any],
    check_mode: bool,
    clock: Clock,
    interruption: Interruption,
    journals: Path | None,
) -> dict[str, Any]:
    """Make the wish true with the least that does it; in check mode only say what that would be.

    ``journals`` is the folder of this cluster's journals; None where none can be kept.

    :raises InputError: before anything is started.
    """
    wish = Wish.from_params(params)
    began = clock.monotonic()
    with dead_runs(journals, client.authid, hold=not check_mode) as dead:
        observation = observe(client, clock, None if wish.storage is None else [wish.storage])
        orphans = observe_orphans(client, clock, dead, observation.cluster.nodes)
        planned = plan(wish, observation, _storage_problems(client, wish, observation), orphans)
        if check_mode:
            rules = observe_storage_retention(client, planned.jobs) if wish.storage_retention else []
            rows = guest_rows(wish, planned, observation, None, clock.monotonic() - began)
            pruning = foretold(wish, planned, observation, rules)
            return report(rows, planned, observation, None, pruning, orphans, clock.monotonic() - began)
        journal = BackupJournal(
            journals, {"module": "proxmox_backup", "cluster": client.cluster, "user": client.authid}
        )
        if planned.jobs:
            journal.open(strict=params.get("journal_path") is not None)
        outcome = Outcome()
        run = begin(client, clock, wish, observation, outcome, journal, interruption)
        apply(run, wish, planned, observation, outcome)
        rows = guest_rows(wish, planned, observation, outcome, clock.monotonic() - began)
        pruning = _retained(run, wish, observation, rows)
        result = report(rows, planned, observation, outcome, pruning, orphans, clock.monotonic() - began)
        journal.close()
        result["warnings"] += [*account_for(dead, orphans, waited_for(outcome)), *_journal_problem(journal)]
    return result


def _retained(run: BackupRun, wish: Wish, observation: Observation, rows: GuestRows) -> Pruning:
    """What was removed by ``keep``."""
    if wish.keep is None:
        return Pruning(outcome=RemovalOutcome())
    if run.interrupted:
        warning = f"No retention was applied: the run was interrupted ({run.interrupted})."
        return Pruning(outcome=RemovalOutcome(), warnings=(warning,))
    return after_backups(run, wish.keep, observation, rows.proofs)


def _journal_problem(journal: BackupJournal) -> list[str]:
    if journal.problem is None:
        return []
    return [f"{journal.problem} A run after a crash may make backups again that this one has made."]


def _storage_problems(client: Client, wish: Wish, observation: Observation) -> dict[str, str]:
    """Why the wanted storage isn't a backup storage of a node. Costs requests only where something is wrong."""
    if wish.storage is None:
        return {}
    fine = {place.node for place in observation.places if place.storage == wish.storage}
    used = {guest.node for guest in select(wish.selection, observation.cluster).guests}
    answered = {node.node for node in observation.storages if node.error is None}
    return {node: diagnosed_storage(client, node, wish.storage) for node in sorted((answered & used) - fine)}
