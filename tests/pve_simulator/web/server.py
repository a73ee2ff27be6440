# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's thread: a socket on loopback, TLS, and uvicorn without its own logging and signals."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette

from pve_simulator.web.certificate import Certificates
from pve_simulator.web.protocol import ProxmoxProtocol

_START = 10.0


class _Server(uvicorn.Server):
    """Ends at once, as a host that loses its power: hundreds of tests start and stop a server.

    uvicorn looks ten times a second whether it is to end, and then waits for clients that keep idle connections.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end = asyncio.Event()

    def end(self) -> None:
        """Ask the server to end, from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end.set)

    async def main_loop(self) -> None:
        """Wait for the end; there is nothing to do by the clock, because the application writes all headers."""
        self._loop = asyncio.get_running_loop()
        await self._end.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002
        """Take no more connections and cut those there are."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if isinstance(connection, ProxmoxProtocol):
                connection.transport.abort()


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

    def end(self) -> None:
        """Begin to end the server."""
        self._server.end()

    def join(self) -> None:
        """Wait until the server has ended, and give the port back."""
        self._thread.join()
        self._socket.close()
