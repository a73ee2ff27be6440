# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on loopback that answers, or treats its clients as a fault tells it to."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from device_simulator.answers import Answer
from device_simulator.faults import Dead, Fault, send_whole

_HOST = "127.0.0.1"
_POLL = 0.02  # how long an end takes at most
_LARGEST_REQUEST = 1 << 20


class Request(NamedTuple):
    """What was asked."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    target: str  # path and query as they came


class Asked(NamedTuple):
    """A request as tests count it; ``path`` has the query as it came."""

    method: str
    path: str


class Manner(NamedTuple):
    """How a program speaks HTTP."""

    protocol: str
    software: str


Respond = Callable[[Request], Answer]


class _Listener(ThreadingHTTPServer):
    """Ends with all its connections, and forgets none of its threads."""

    daemon_threads = False
    block_on_close = True
    request_queue_size = 128

    def __init__(self, port: int, owner: Server) -> None:
        self.owner = owner
        self.broken: list[BaseException] = []
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__((_HOST, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_connection: Any) -> None:
        """Keep what broke in here; that a client went away is its own affair."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, (ConnectionError, TimeoutError)):
            self.broken.append(error)

    def end(self) -> None:
        """Close everything."""
        self.shutdown()
        with self._guard:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class Server:
    """One of the three programs. ``requests`` has what was asked, in order; ``fault`` is what goes wrong."""

    def __init__(self, respond: Respond, manner: Manner, now: Callable[[], float]) -> None:
        self.requests: list[Asked] = []
        self.respond = respond
        self.manner = manner
        self.now = now
        self.port = 0
        self._fault: Fault | None = None
        self._over = threading.Event()  # the fault of the moment is
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None
        self._placeholder: socket.socket | None = None
        self._broken: list[BaseException] = []

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://{_HOST}:{self.port}"

    @property
    def usable(self) -> bool:
        """Whether the node would call it available."""
        return self._fault is None or self._fault.usable

    @property
    def fault(self) -> Fault | None:
        """What goes wrong at the moment."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        was_dead = isinstance(self._fault, Dead)
        over, self._over = self._over, threading.Event()
        self._fault = fault
        over.set()
        if isinstance(fault, Dead) and not was_dead:
            self._die()
        elif was_dead and not isinstance(fault, Dead):
            self._revive()

    def start(self) -> None:
        """Listen on a free port."""
        self._listen()

    def stop(self) -> None:
        """End, with all connections and threads.

        :raises RuntimeError: when something in here broke while answering.
        """
        self._over.set()
        self._die()
        self._let_go()
        if self._broken:
            raise RuntimeError(f"the simulator broke: {self._broken[0]!r}") from self._broken[0]

    def _die(self) -> None:
        listener, self._listener = self._listener, None
        if listener is None or self._thread is None:
            return
        listener.end()
        self._thread.join()
        self._broken += listener.broken
        # bound and not listening: nobody else gets the port, and whoever asks is refused
        self._placeholder = socket.socket()
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._placeholder.bind((_HOST, self.port))

    def _let_go(self) -> None:
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None

    def _revive(self) -> None:
        self._let_go()
        self._listen()

    def _listen(self) -> None:
        self._listener = _Listener(self.port, self)
        self.port = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(_POLL,), name="device-simulator")
        self._thread.start()

    def meet(self, path: str) -> tuple[Fault | None, threading.Event]:
        """The fault that a request has, and what says that it is over."""
        fault, over = self._fault, self._over
        return (fault if fault is not None and fault.meets(path) else None), over


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    _date = 0.0

    def setup(self) -> None:
        manner = self.server.owner.manner
        self.protocol_version = manner.protocol
        self.server_version, self.sys_version = manner.software, ""
        super().setup()

    def _serve(self) -> None:
        owner = self.server.owner
        owner.requests.append(Asked(self.command, self.path))
        split = urlsplit(self.path)
        length = min(int(self.headers.get("Content-Length") or 0), _LARGEST_REQUEST)
        request = Request(self.command, split.path, dict(parse_qsl(split.query)), self.rfile.read(length), self.path)
        answer = owner.respond(request)
        fault, over = owner.meet(split.path)
        wire = _Wire(self, answer, over)
        if fault is None:
            send_whole(wire, answer)
        else:
            self.close_connection = True
            fault.serve(wire)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method goes one way: ``do_GET`` and all the others."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The time of day by the clock of the world."""
        return formatdate(self.server.owner.now() + self._date if timestamp is None else timestamp, usegmt=True)

    def version_string(self) -> str:
        """The program's name without Python's."""
        return self.server_version

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


class _Wire:
    """A client's connection, as faults see it."""

    def __init__(self, handler: _Handler, right: Answer, over: threading.Event) -> None:
        self.right = right
        self.url = handler.server.owner.url
        self.host = self.url.partition("//")[2]
        self.path = handler.path
        self._handler = handler
        self._over = over

    def head(self, answer: Answer, length: int | None, date: float = 0.0) -> None:
        handler = self._handler
        handler._date = date
        handler.send_response(answer.status, answer.reason)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if length is None:
            handler.close_connection = True
        else:
            handler.send_header("Content-Length", str(length))
        if handler.close_connection and handler.protocol_version == "HTTP/1.1":
            handler.send_header("Connection", "close")
        handler.end_headers()

    def send(self, raw: bytes) -> None:
        if self._handler.command != "HEAD":
            self._handler.wfile.write(raw)

    def wait(self, seconds: float | None = None) -> bool:
        return self._over.wait(seconds)
