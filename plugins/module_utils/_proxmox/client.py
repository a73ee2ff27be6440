# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls that survive what passes: reads are repeated, writes sent once, other hosts tried.

Private to this collection.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    NotTrusted,
    ProxmoxError,
    TimedOut,
    Unreachable,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.options import ConnectionOptions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.transport import (
    Answer,
    Endpoint,
    RequestCounter,
)

RETRY_DELAYS = (0.5, 1.0, 2.0)
"""Seconds between the tries of a read; a restart of pveproxy takes one to two seconds."""


def path_of(*parts: str | int) -> str:
    """A path of names that came from elsewhere: each part is escaped, so that none can point somewhere else."""
    return "/".join(quote(str(part), safe=":@!") for part in parts)


class Client:
    """The API of one cluster. May be used from several threads."""

    def __init__(self, options: ConnectionOptions, clock: Clock) -> None:
        self._clock = clock
        self._counter = RequestCounter()
        self._endpoints = [Endpoint(host, options, self._counter) for host in options.hosts]
        self._choice = threading.Lock()
        self._current = 0
        self.authid = options.credentials.authid
        self.port = options.port
        self.cluster = f"{min(options.hosts).lower()}-{options.port}"

    @property
    def requests(self) -> int:
        """How many requests have been sent, logins included."""
        return self._counter.value

    def get(self, path: str, **parameters: Any) -> Any:
        """The ``data`` of a read. Tried again after connection errors, 595 to 599 and faults of a gateway."""
        return self.read(path, **parameters).data

    def read(self, path: str, **parameters: Any) -> Answer:
        """As ``get``, with what stands beside ``data``."""
        return self._repeated(lambda endpoint: endpoint.call("GET", path, parameters))

    def delete(self, path: str, **parameters: Any) -> Any:
        """A DELETE that may be sent again, because what is gone stays gone (cancelling a task, say)."""
        return self._repeated(lambda endpoint: endpoint.call("DELETE", path, parameters)).data

    def put(self, path: str, **parameters: Any) -> Any:
        """A PUT that may be sent again, because what is set so stays so (a backup's protection, say)."""
        return self._repeated(lambda endpoint: endpoint.call("PUT", path, parameters)).data

    def post(self, path: str, **parameters: Any) -> Any:
        """The ``data`` of a write, which is handed to a server at most once.

        Another host is asked only where the first was certainly not reached.

        :raises AnswerLost: when the write may have been carried out; so may it with ``NodeUnreachable`` 596 to 599.
        """
        return self._once("POST", path, parameters)

    def delete_once(self, path: str, **parameters: Any) -> Any:
        """A DELETE that is handed to a server at most once, as a POST is.

        For what has a name that may be somebody else's a moment after it is gone: a guest's id.

        :raises AnswerLost: when it may have been carried out.
        """
        return self._once("DELETE", path, parameters)

    def _once(self, method: str, path: str, parameters: dict[str, Any]) -> Any:
        failures: list[ProxmoxError] = []
        for _attempt in self._endpoints:
            endpoint = self._endpoint()
            try:
                return endpoint.call(method, path, parameters).data
            except Unreachable as failure:
                failures.append(failure)
                self._leave(endpoint)
        raise self._summary(failures)

    def _repeated(self, call: Callable[[Endpoint], Answer]) -> Answer:
        """Rounds over all hosts with growing pauses; a host that can't be reached is left for the next."""
        failures: list[ProxmoxError] = []
        for delay in (*RETRY_DELAYS, None):
            for _attempt in self._endpoints:
                endpoint = self._endpoint()
                try:
                    return call(endpoint)
                except (Unreachable, AnswerLost) as failure:
                    failures.append(failure)
                    self._leave(endpoint)
                except ApiError as failure:
                    if not failure.passing:
                        raise
                    failures.append(failure)
                    break
            if isinstance(failures[-1], (TimedOut, NotTrusted)) or delay is None:
                break
            self._clock.sleep(delay)
        raise self._summary(failures)

    def _summary(self, failures: list[ProxmoxError]) -> ProxmoxError:
        """The first failure of each host in one error, so that a wrong first name isn't hidden by a dead second."""
        if len(self._endpoints) == 1 or not isinstance(failures[-1], Unreachable):
            return failures[-1]
        return Unreachable(" ".join(dict.fromkeys(failure.message for failure in failures)))

    def _endpoint(self) -> Endpoint:
        with self._choice:
            return self._endpoints[self._current]

    def _leave(self, endpoint: Endpoint) -> None:
        """Ask the next host from now on, unless another thread has already moved on."""
        with self._choice:
            if self._endpoints[self._current] is endpoint:
                self._current = (self._current + 1) % len(self._endpoints)
