# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A connection to an HTTP server that another thread can cut. Private to this collection."""

from __future__ import annotations

import contextlib
import enum
import http.client
import socket
import ssl
import threading

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.http_causes import NoAnswer, cause_of


class Stage(enum.Enum):
    """How far an exchange is: what to say when its time is over, with the time, and how much of the body came."""

    NAME = "its name was not resolved within {}"
    CONNECT = "not reachable within {}"
    TLS = "connected, but TLS was not agreed on within {}"
    ANSWER = "no answer within {}"
    BODY = "the answer was not complete after {} ({} so far)"


class Line:
    """The way to a server. ``stage`` may be read, and `cut` called, by any thread.

    It holds a second handle of the socket to cut it with: http.client closes the first one whenever that sees fit, and
    its number may by then be another connection's.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._lock = threading.Lock()
        self._handle: socket.socket | None = None
        self._is_cut = False
        self.stage = Stage.NAME

    def connected(self, host: str, port: int) -> socket.socket:
        """A connection to the first of the host's addresses that takes one; each gets a fair share of the time.

        :raises NoAnswer: with the causes, when none does.
        :raises OSError, UnicodeError: when the name cannot be resolved.
        """
        self.stage = Stage.NAME
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        self.stage = Stage.CONNECT
        causes = []
        for number, (family, kind, protocol, _name, address) in enumerate(found):
            try:
                sock = socket.socket(family, kind, protocol)
                try:
                    self._hold(sock)
                    sock.settimeout(self._time_left() / (len(found) - number))
                    sock.connect(address)
                    sock.settimeout(self._time_left())
                except OSError:
                    sock.close()
                    raise
            except OSError as failure:
                causes.append(cause_of(failure))
            else:
                return sock
        raise NoAnswer(" and ".join(dict.fromkeys(causes)))

    def handshake(self, sock: ssl.SSLSocket) -> None:
        """Agree on TLS.

        :raises OSError: when that fails.
        """
        self.stage = Stage.TLS
        sock.settimeout(self._time_left())
        sock.do_handshake()

    def let_go(self) -> None:
        """The connection is not used any more."""
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def cut(self) -> None:
        """End whatever waits for this connection, now and later."""
        with self._lock:
            self._is_cut = True
            if self._handle is not None:
                with contextlib.suppress(OSError):  # not connected yet, or not any more
                    self._handle.shutdown(socket.SHUT_RDWR)

    def _hold(self, sock: socket.socket) -> None:
        self.let_go()
        with self._lock:
            if self._is_cut:
                raise socket.timeout("the time is over")
            self._handle = sock.dup()

    def _time_left(self) -> float:
        left = self._deadline.remaining()
        if left <= 0:  # 0 would mean to a socket not to wait at all, and fail with other words
            raise socket.timeout("the time is over")
        return left


class Connection(http.client.HTTPConnection):
    """An HTTP connection over a line; over TLS, when there is a ``context``. It never opens another by itself."""

    auto_open = 0

    def __init__(self, line: Line, host: str, port: int | None, context: ssl.SSLContext | None) -> None:
        # The Host header leaves the default port out
        self.default_port = http.client.HTTP_PORT if context is None else http.client.HTTPS_PORT
        super().__init__(host, port or self.default_port)
        self._line = line
        self._context = context

    def connect(self) -> None:
        """Be ready for a request.

        :raises NoAnswer, OSError, ValueError: as `Line.connected` and `Line.handshake`.
        """
        self.sock = self._line.connected(self.host, self.port)
        if self._context is not None:
            secured = self._context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
            self.sock = secured  # before the handshake, so that it is closed if that fails
            self._line.handshake(secured)
        self._line.stage = Stage.ANSWER
