# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Further settings of a tier's job are options of proxmox_backup_job, and checked as Ansible does. Private."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.argument_spec import job_spec
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Policy, Tier
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.jobs.wish import jobs_wish


def with_checked_jobs(policy: Policy) -> Policy:
    """The policy, with the values of each tier's ``job`` in the types of the options.

    :raises InputError: naming each tier whose job no call would take.
    """
    tiers, problems = {}, []
    for name, tier in policy.tiers.items():
        try:
            tiers[name] = replace(tier, job=_checked(tier))
        except InputError as failure:
            problems.append(f"{tier.place}: tiers.{name}.job: {failure.message}")
    if problems:
        raise InputError("\n".join(problems))
    return replace(policy, tiers=tiers)


def _checked(tier: Tier) -> dict[str, Any]:
    result = ArgumentSpecValidator(job_spec()).validate(dict(tier.job))
    if result.error_messages:
        raise InputError("; ".join(result.error_messages))
    found = {option: result.validated_parameters[option] for option in tier.job}
    jobs_wish({"id": "lifeboat", **found})
    return found
