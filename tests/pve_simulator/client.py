# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plain client for the simulator's own tests: HTTPS from the standard library, so that the wire shows as it is."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from pve_simulator.simulator import Simulator

if TYPE_CHECKING:
    from typing_extensions import Self

_BASE = "/api2/json"
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    """An answer as it came."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        """The data of a JSON answer."""
        return json.loads(self.body)["data"]

    @property
    def errors(self) -> Any:
        """What is wrong with the parameters, by their names."""
        return json.loads(self.body).get("errors")


class Client:
    """Calls a simulator, as a token or with other headers of the test's choice."""

    def __init__(self, sim: Simulator, token: str | None = None, secret: str | None = None) -> None:
        context = ssl.create_default_context(cafile=str(sim.ca_path))
        self._connection = http.client.HTTPSConnection(sim.host, sim.port, context=context, timeout=10)
        self.headers = {"Authorization": f"PVEAPIToken={token}={secret}"} if token is not None else {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def abort(self) -> None:
        """Cut the connection off, from another thread, while this one waits for an answer."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(socket.SHUT_RDWR)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Send exactly this."""
        self._connection.request(method, target, body=body, headers=dict(headers))
        response = self._connection.getresponse()
        data = response.read()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, response.reason, found, data)

    def get(self, path: str, **query: Any) -> Reply:
        """GET; ``_`` in names stands for ``-``."""
        asked = f"?{_form(query)}" if query else ""
        return self.send("GET", f"{_BASE}{path}{asked}", self.headers, None)

    def post(self, path: str, **form: Any) -> Reply:
        """POST a form; ``_`` in names stands for ``-``."""
        return self.send("POST", _BASE + path, {**self.headers, "Content-Type": _FORM}, _form(form).encode())

    def put(self, path: str, **form: Any) -> Reply:
        """PUT a form; ``_`` in names stands for ``-``."""
        return self.send("PUT", _BASE + path, {**self.headers, "Content-Type": _FORM}, _form(form).encode())

    def delete(self, path: str, **query: Any) -> Reply:
        """DELETE; ``_`` in names stands for ``-``."""
        asked = f"?{_form(query)}" if query else ""
        return self.send("DELETE", f"{_BASE}{path}{asked}", self.headers, None)

    def backup(self, node: str, **options: Any) -> str:
        """Start a backup; the answer is the UPID. Raises ``AssertionError`` when there is none."""
        reply = self.post(f"/nodes/{node}/vzdump", **options)
        assert reply.status == 200, reply
        return str(reply.data)

    def ended(self, upid: str, timeout: float = 5.0) -> str:
        """Wait for the end of a task; the answer is its exit status."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            state = self.get(f"/nodes/{upid.split(':')[1]}/tasks/{upid}/status").data
            if state["status"] == "stopped":
                return str(state["exitstatus"])
            time.sleep(0.01)
        raise TimeoutError(f"still running: {upid}")

    def log(self, upid: str) -> list[str]:
        """All lines of a task's log."""
        reply = self.get(f"/nodes/{upid.split(':')[1]}/tasks/{upid}/log", limit=0)
        return [line["t"] for line in reply.data]

    def until_logged(self, upid: str, text: str, timeout: float = 5.0) -> None:
        """Wait until the log has a line with the text."""
        deadline = time.monotonic() + timeout
        while not any(text in line for line in self.log(upid)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {text!r} in {self.log(upid)}")
            time.sleep(0.01)


def _form(values: Mapping[str, Any]) -> str:
    return urlencode({name.replace("_", "-"): value for name, value in values.items()}, doseq=True)
