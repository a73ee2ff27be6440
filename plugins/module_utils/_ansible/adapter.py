# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where a module starts, ends and fails. Private to this collection."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import LifeboatError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption, reader_gone
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox import transport
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.options import (
    connection_options,
    misplaced_secrets,
)


@dataclass(frozen=True)
class Result:
    """What a module has to say.

    ``values`` go to the user as they are; ``failure`` makes the task fail with this message, with all values kept.
    """

    values: Mapping[str, Any]
    failure: str | None = None

    @classmethod
    def judged(cls, values: Mapping[str, Any], failed: bool) -> Result:
        """The values with their ``msg``, which becomes the failure where the task has ``failed``."""
        if not failed:
            return cls(values)
        return cls({key: value for key, value in values.items() if key != "msg"}, values["msg"])


@dataclass(frozen=True)
class Call:
    """Everything that the work of a changing module is given."""

    client: Client
    params: Mapping[str, Any]
    check_mode: bool
    clock: Clock
    interruption: Interruption


def run_proxmox(module: AnsibleModule, work: Callable[[Call], Result]) -> None:
    """Connect, do ``work``, end the module with its result or with the one sentence of its error.

    Secrets from the environment are made known to Ansible first, so that it takes them out of everything it prints.
    """
    if transport.LIBRARY_ERROR is not None:
        module.fail_json(msg=missing_required_lib("proxmoxer and requests"), exception=repr(transport.LIBRARY_ERROR))
    client: Client | None = None
    try:
        module.no_log_values.update(misplaced_secrets(module.params, os.environ))
        options = connection_options(module.params, os.environ)
        module.no_log_values.update(options.secrets)
        interruption = Interruption(reader_gone)
        clock = Clock(sleep=interruption.sleep)
        client = Client(options, clock)
        result = work(Call(client, module.params, module.check_mode, clock, interruption))
    except LifeboatError as failure:
        facts = {"api_requests": client.requests if client else 0, **failure.details(), **failure.partial}
        module.fail_json(msg=failure.message, **facts)
    values = {**result.values, "api_requests": client.requests}
    for warning in values.pop("warnings", ()):
        module.warn(warning)
    if result.failure is not None:
        module.fail_json(msg=result.failure, **values)
    module.exit_json(**values)
