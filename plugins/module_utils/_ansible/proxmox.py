# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a module that talks to Proxmox VE begins. Private to this collection."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lifeboat.backup.plugins.module_utils._ansible.adapter import Result, run, without_library
from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption, reader_gone
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox import transport
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.client import Client
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.options import (
    connection_options,
    misplaced_secrets,
)


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
        without_library(module, "proxmoxer and requests", transport.LIBRARY_ERROR)
    clients: list[Client] = []

    def connected() -> Result:
        module.no_log_values.update(misplaced_secrets(module.params, os.environ))
        options = connection_options(module.params, os.environ)
        module.no_log_values.update(options.secrets)
        interruption = Interruption(reader_gone)
        clock = Clock(sleep=interruption.sleep)
        clients.append(Client(options, clock))
        return work(Call(clients[0], module.params, module.check_mode, clock, interruption))

    run(module, connected, lambda: {"api_requests": sum(client.requests for client in clients)})
