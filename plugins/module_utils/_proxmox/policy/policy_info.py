# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The work of backup_policy_info: read the policy, look, judge, report. Private to this collection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.document import policy_from_mapping, read_policy
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.drill.drill_guests import RECORD
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import observe_births
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.cases import cases
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.judgement import (
    judge_guests,
    may_be_new,
    with_new_guests,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.look import look
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.report import failures, message, report


def read(params: Mapping[str, Any]) -> Policy:
    """The policy that the options name.

    :raises PolicyError: for one with mistakes.
    """
    path = params.get("policy_path")
    return policy_from_mapping(params["policy"], "policy") if path is None else read_policy(path)


def policy_info(
    client: Client, policy: Policy, params: Mapping[str, Any], clock: Clock, journals: Path | None
) -> tuple[dict[str, Any], bool]:
    """The result, and whether the task fails. ``journals`` is the folder of this cluster's journals."""
    record = _record(params, journals)
    seen = look(client, clock, policy, record)
    judged = judge_guests(policy, seen, cases(policy, seen))
    young = may_be_new(judged, seen)
    births = observe_births(client, young, seen.observation.permissions, policy.grace)
    values = report(policy, seen, with_new_guests(judged, births, policy.grace))
    values["record"] = None if record is None else str(record)
    said = failures(values, seen, params.get("fail_on") or ())
    values["msg"] = message(values, said)
    return values, bool(said)


def _record(params: Mapping[str, Any], journals: Path | None) -> Path | None:
    given = params.get("record_path")
    if given:
        return Path(given)
    return None if journals is None else journals / RECORD
