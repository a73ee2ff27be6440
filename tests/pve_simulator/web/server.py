# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's thread: a socket on loopback, TLS, and uvicorn without its own logging and signals."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette

from pve_simulator.web.certificate import Certificates
from pve_simulator.web.protocol import ProxmoxProtocol

_START = 10.0


class _Server(uvicorn.Server):
    """Ends as a host does that loses its power: uvicorn would wait for clients that keep idle connections."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, ProxmoxProtocol):
                connection.transport.abort()
        await super().shutdown(sockets)


class ServerThread:
    """Serves an application until `stop`."""

    def __init__(self, application: Starlette, certificates: Certificates, host: str, port: int) -> None:
        # the protocol is named because asyncio turns Nagle's algorithm off only for sockets that say TCP
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._socket.listen(256)
        self.host, self.port = self._socket.getsockname()[:2]
        config = uvicorn.Config(
            application,
            http=ProxmoxProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificates.server,
            ssl_keyfile=certificates.key,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="pve-simulator", daemon=True
        )

    def start(self) -> None:
        """Serve. Raises ``RuntimeError`` when the server does not come up."""
        self._thread.start()
        deadline = time.monotonic() + _START
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the simulator's server did not start")
            time.sleep(0.002)

    def stop(self) -> None:
        """End the server and give the port back."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
