# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults to order: ``servers.rsync.fault = Hang()``, and ``= None`` when it is over.

Each takes a wire, which knows the answer that would be right, and does something else on it. ``path`` restricts it to
one path, ``times`` to that many requests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from device_simulator.answers import Answer, document


class Wire(Protocol):
    """The connection to a client whose request was read."""

    url: str  # of the server, without a slash at its end
    host: str  # "127.0.0.1:1234"
    path: str
    right: Answer  # what would be sent without a fault

    def head(self, answer: Answer, length: int | None, date: float = 0.0) -> None:
        """Send status and headers; ``length`` None sends no Content-Length. ``date`` is added to the time of day."""

    def send(self, raw: bytes) -> None:
        """Send bytes at once."""

    def wait(self, seconds: float | None = None) -> bool:
        """Wait; True when the server stops or the fault is over, None waits for just that."""


def send_whole(wire: Wire, answer: Answer, date: float = 0.0) -> None:
    """Send an answer as it should be."""
    wire.head(answer, len(answer.body) if answer.has_length else None, date)
    wire.send(answer.body)


@dataclass(kw_only=True)
class Fault:
    """What goes wrong; `serve` does it."""

    path: str | None = None
    times: int | None = None
    # Whether the node would still call a daemon with this fault available
    usable: ClassVar[bool] = False
    met: int = field(default=0, init=False)  # by how many requests

    def meets(self, path: str) -> bool:
        """Tell whether a request has this fault, and count it."""
        if (self.path is not None and path != self.path) or (self.times is not None and self.met >= self.times):
            return False
        self.met += 1
        return True

    def serve(self, wire: Wire) -> None:
        """Treat the client badly."""
        raise NotImplementedError


@dataclass
class Dead(Fault):
    """Nobody listens: the connection is refused. For the whole server, at once."""


@dataclass
class Hang(Fault):
    """The request is read, and nothing comes back."""

    def serve(self, wire: Wire) -> None:
        wire.wait()


@dataclass
class Drip(Fault):
    """The right answer, a byte at a time."""

    seconds: float = 1.0

    def serve(self, wire: Wire) -> None:
        wire.head(wire.right, len(wire.right.body))
        for number in range(len(wire.right.body)):
            wire.send(wire.right.body[number : number + 1])
            if wire.wait(self.seconds):
                return


@dataclass
class Late(Fault):
    """The right answer after some seconds."""

    seconds: float = 1.0
    usable: ClassVar[bool] = True

    def serve(self, wire: Wire) -> None:
        if not wire.wait(self.seconds):
            send_whole(wire, wire.right)


@dataclass
class Garbage(Fault):
    """Something that is called JSON and is none."""

    raw: bytes = b"\x00\xff\xfe\x80" * 64

    def serve(self, wire: Wire) -> None:
        send_whole(wire, Answer(200, self.raw, {"Content-Type": "application/json"}))


@dataclass
class Truncated(Fault):
    """A part of the body, then the connection ends; Content-Length tells the whole."""

    share: float = 0.5

    def serve(self, wire: Wire) -> None:
        wire.head(wire.right, len(wire.right.body))
        wire.send(wire.right.body[: int(len(wire.right.body) * self.share)])


@dataclass
class Endless(Fault):
    """A body that never ends, without a Content-Length: a JSON list of zeros, or whatever is repeated."""

    begin: bytes = b"["
    chunk: bytes = b"0," * 32768
    sent: int = field(default=0, init=False)

    def serve(self, wire: Wire) -> None:
        wire.head(wire.right, None)
        wire.send(self.begin)
        while not wire.wait(0):
            wire.send(self.chunk)
            self.sent += len(self.chunk)


@dataclass
class HugeLength(Fault):
    """The right answer under an absurd Content-Length; then silence."""

    length: int = 1 << 50

    def serve(self, wire: Wire) -> None:
        wire.head(wire.right, self.length)
        wire.send(wire.right.body)
        wire.wait()


@dataclass
class Redirect(Fault):
    """Go elsewhere: to a URL, to another path of this host ("/other"), or to the same place again ("")."""

    to: str = ""
    status: int = 302
    usable: ClassVar[bool] = True  # the node follows

    def serve(self, wire: Wire) -> None:
        target = self.to if "://" in self.to else f"{wire.url}{self.to or wire.path}"
        send_whole(wire, Answer(self.status, b"", {"Location": target}))


@dataclass
class Failure(Fault):
    """An HTTP error."""

    status: int = 500
    body: bytes = b"it broke"

    def serve(self, wire: Wire) -> None:
        send_whole(wire, Answer(self.status, self.body, {"Content-Type": "text/plain"}))


@dataclass
class ErrorBody(Fault):
    """200, and ``{"error": ...}``, as these programs tell their errors."""

    text: str = "Traceback (most recent call last):\nOSError: [Errno 5] Input/output error\n"

    def serve(self, wire: Wire) -> None:
        send_whole(wire, document({"error": self.text}))


@dataclass
class Body(Fault):
    """Any other JSON document in place of the right one."""

    content: Any = None
    usable: ClassVar[bool] = True

    def serve(self, wire: Wire) -> None:
        send_whole(wire, document(self.content))


@dataclass
class Altered(Fault):
    """The right answer, changed: by a function of this module, or any other from JSON to JSON."""

    change: Callable[[Any], Any] = lambda content: content
    usable: ClassVar[bool] = True

    def serve(self, wire: Wire) -> None:
        send_whole(wire, document(self.change(json.loads(wire.right.body))))


@dataclass
class Deep(Fault):
    """A list in a list in a list, too deep for readers that recurse."""

    depth: int = 100_000

    def serve(self, wire: Wire) -> None:
        body = b'{"devices":' + b"[" * self.depth + b"]" * self.depth + b"}"
        send_whole(wire, Answer(200, body, {"Content-Type": "application/json"}))


@dataclass
class Skewed(Fault):
    """The right answer; the clock in its Date header goes wrong by some seconds."""

    seconds: float = 3600.0
    usable: ClassVar[bool] = True

    def serve(self, wire: Wire) -> None:
        send_whole(wire, wire.right, self.seconds)


def devices_as_list(content: Any) -> Any:
    """Objects by id become lists."""
    if isinstance(content, dict) and isinstance(content.get("devices"), dict):
        return {**content, "devices": list(content["devices"].values())}
    return list(content.values()) if isinstance(content, dict) else content


def numbers_as_text(content: Any) -> Any:
    """Every number becomes a text, true and false stay."""
    if isinstance(content, dict):
        return {key: numbers_as_text(value) for key, value in content.items()}
    if isinstance(content, list):
        return [numbers_as_text(value) for value in content]
    return str(content) if isinstance(content, (int, float)) and not isinstance(content, bool) else content


def null_entries(content: Any) -> Any:
    """Every device is null."""
    if isinstance(content, dict) and isinstance(content.get("devices"), dict):
        return {**content, "devices": dict.fromkeys(content["devices"])}
    return dict.fromkeys(content) if isinstance(content, dict) else content
