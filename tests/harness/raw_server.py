# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on loopback that does with each connection what a test says, byte for byte."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

Talk = Callable[[socket.socket, str], None]
"""What is done with a connection and the head of the request it brought. The client may go at any time."""

OK = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b'{"devices": {}}'


def announced(length: int, body: bytes = BODY) -> bytes:
    """An answer that says how long it is, truly or not."""
    return b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (length, body)


class RawServer:
    """Reads the head of each request, then talks as it is told; ``eager`` talks without waiting for a request."""

    def __init__(
        self, talk: Talk, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, eager: bool = False
    ) -> None:
        self._talk = talk
        self._tls = tls
        self._eager = eager
        self._connections: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.requests: list[str] = []
        self.host = f"[{host}]" if ":" in host else host
        self.port = int(self._listener.getsockname()[1])
        self.closed = threading.Event()
        """Set when the client has gone while it was talked to or waited for."""
        self.url = f"http{'s' if tls else ''}://{self.host}:{self.port}/status"

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_failure: object) -> None:
        for sock in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for sock in (self._listener, *self._connections):
            sock.close()

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was shut
            while True:
                connection, _address = self._listener.accept()
                self._connections.append(connection)
                self._begin(lambda sock=connection: self._serve(sock))  # type: ignore[misc]

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._connections.append(sock)
            head = "" if self._eager else _head(sock)
            self.requests.append(head)
            self._talk(sock, head)
        except OSError:
            self.closed.set()
        finally:
            sock.close()


def _head(sock: socket.socket) -> str:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1) or _gone()
    return head.decode("latin-1")


def _gone() -> bytes:
    raise ConnectionError("the client has gone")


def says(*pieces: bytes, every: float = 0.0) -> Talk:
    """Send these, with so many seconds between them, and close."""
    waiting = threading.Event()

    def talk(sock: socket.socket, _head: str) -> None:
        for piece in pieces:
            sock.sendall(piece)
            if every:
                waiting.wait(every)

    return talk


def drips(start: bytes, drop: bytes, every: float) -> Talk:
    """Send the start, then one drop after the other, and never end."""
    waiting = threading.Event()

    def talk(sock: socket.socket, _head: str) -> None:
        sock.sendall(start)
        while True:
            waiting.wait(every)
            sock.sendall(drop)

    return talk


def hangs(start: bytes = b"") -> Talk:
    """Send the start, and then nothing, until the client goes."""

    def talk(sock: socket.socket, _head: str) -> None:
        sock.sendall(start)
        while sock.recv(4096):
            pass
        raise ConnectionError("the client has gone")

    return talk


def by_path(answers: Mapping[str, bytes]) -> Talk:
    """An answer for each path."""

    def talk(sock: socket.socket, head: str) -> None:
        sock.sendall(answers[head.split()[1]])

    return talk


def floods(start: bytes, piece: bytes) -> Talk:
    """Send the start, then the piece for ever, as fast as it is taken."""
    return drips(start, piece, 0)


@contextlib.contextmanager
def deaf_port(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """A port that takes no connection and refuses none: its queue is full, and nobody empties it."""
    listener = socket.socket()
    fillers = [socket.socket() for _one in range(3)]
    try:
        listener.bind((host, port))
        listener.listen(0)
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
    finally:
        for sock in (listener, *fillers):
            sock.close()
