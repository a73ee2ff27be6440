# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several HTTP services asked at once, with one deadline for all. Private to this collection.

A service may be dead, hung, slow or lying: it costs the time that was given, once, and the others nothing.
"""

from __future__ import annotations

import http.client
import re
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Clock, Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.http_causes import NoAnswer, cause_of, clipped
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.http_read import Exchange

LARGEST = 512 * 1024 * 1024
"""Bytes of one answer that are read at most."""

_LOOK = 0.02
"""Seconds between two looks at who has answered."""
_USER = re.compile(r"(?<=//)[^/?#]*@")
_PORT = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True)
class Answer:
    """What came of one URL: a body, or the cause why there is none."""

    url: str
    """As asked, without anything secret."""
    body: bytes | None
    """The body of a 200; None when there is none."""
    error: str | None
    """One sentence of the cause, without a full stop; None when there is a body."""
    latency: float
    """Seconds from the start until this was known."""
    clock_offset: float | None
    """The server's clock minus ours in seconds, to about a second; None where it named no time that makes sense."""


@dataclass(frozen=True)
class Trust:
    """Which certificates are accepted from https URLs. ``ca_path``, a PEM file, stands in place of the system's."""

    validate_certs: bool = True
    ca_path: str | None = None

    def context(self) -> ssl.SSLContext:
        """The settings for TLS.

        :raises NoAnswer: when ca_path cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_path if self.validate_certs else None)
        except OSError as failure:
            why = "no certificate in it" if isinstance(failure, ssl.SSLError) else cause_of(failure)
            raise NoAnswer(f"ca_path {clipped(self.ca_path)} cannot be used ({why})") from failure
        if not self.validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        # Python 3.13 asks for formalities of RFC 5280 that authorities made by hand often lack. Names, dates,
        # signatures and the chain are checked as ever.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


class _SharedTls:
    """The context of all exchanges, made when the first needs it: it costs reading the system's authorities."""

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = self._trust.context()
            return self._context


class _Job:
    """One URL, and its answer once somebody has settled it: the thread that asks, or whoever gives up waiting."""

    def __init__(self, url: str, exchange: Exchange, deadline: Deadline, timeout: float, own_authority: bool) -> None:
        self._url = url
        self._exchange = exchange
        self._deadline = deadline
        self._timeout = timeout
        self._own_authority = own_authority
        self._lock = threading.Lock()
        self._answer: Answer | None = None
        self.settled = threading.Event()

    def start(self) -> None:
        """Ask in a thread of its own, which does not keep the process: a name service may hang for minutes."""
        if not _started(threading.Thread(target=self._run, name=f"GET {_shown(self._url)}", daemon=True)):
            self._settle(None, "no thread could be started for it on this machine")

    def give_up(self) -> Answer:
        """What came of it; where that is nothing yet, the lack of time, and the thread is ended."""
        answer = self._settle(None, self._late())
        self._exchange.line.cut()  # only after that, as the thread may have words for it, too
        return answer

    def _run(self) -> None:
        try:
            self._settle(self._exchange.body(), None)
        except NoAnswer as why:
            self._settle(None, self._late() if self._deadline.passed() else str(why))
        except (OSError, http.client.HTTPException, ValueError) as failure:
            late = self._deadline.passed()
            self._settle(None, self._late() if late else cause_of(failure, self._own_authority))
        except Exception as bug:  # noqa: BLE001 - a defect of ours is said with its name, and costs the others nothing
            self._settle(None, f"unexpected {type(bug).__name__}: {clipped(bug)}")

    def _late(self) -> str:
        return self._exchange.late(f"{self._timeout:g} s")

    def _settle(self, body: bytes | None, error: str | None) -> Answer:
        started = self._deadline.at - self._timeout
        latency = self._deadline.clock.monotonic() - started
        with self._lock:
            if self._answer is None:
                offset = self._exchange.clock_offset
                self._answer = Answer(_shown(self._url), body, error, latency, offset)
            answer = self._answer
        self.settled.set()
        return answer


class Pending:
    """Questions that are being asked, so that the caller can do other work meanwhile; made by `start`."""

    def __init__(self, jobs: Sequence[_Job], deadline: Deadline) -> None:
        self._jobs = jobs
        self._deadline = deadline
        # Also gives up when nobody waits: a server that drips would go on for as long as the caller is busy
        self._timer = threading.Timer(deadline.remaining(), self._give_up)
        self._timer.daemon = True
        for job in jobs:
            job.start()
        _started(self._timer)

    def each(self) -> Iterator[tuple[int, Answer]]:
        """The answers as they come, not past the deadline, each with its place among the URLs.

        So that a large one can be read while a service that hangs is still waited for.
        """
        waiting = dict(enumerate(self._jobs))
        while waiting:
            settled = [place for place, job in waiting.items() if job.settled.is_set()]
            for place in settled:
                yield place, waiting.pop(place).give_up()
            if waiting and not settled:
                if self._deadline.passed():
                    break
                waiting[min(waiting)].settled.wait(min(_LOOK, self._deadline.remaining()))
        self._timer.cancel()
        for place, job in waiting.items():
            yield place, job.give_up()

    def results(self) -> list[Answer]:
        """Wait for the answers, not past the deadline: one for each URL, in their order."""
        return [answer for _place, answer in sorted(self.each(), key=lambda one: one[0])]

    def _give_up(self) -> list[Answer]:
        return [job.give_up() for job in self._jobs]


def start(urls: Sequence[str], timeout: float, trust: Trust, largest: int = LARGEST) -> Pending:
    """Send a GET to every URL, each in a thread of its own, and don't wait. ``timeout`` is seconds for all of it."""
    deadline = Deadline.after(Clock(), timeout)
    tls = _SharedTls(trust)
    own_authority = bool(trust.ca_path)
    return Pending(
        [_Job(url, Exchange(url, deadline, largest, tls), deadline, timeout, own_authority) for url in urls], deadline
    )


def fetch_all(urls: Sequence[str], timeout: float, trust: Trust, largest: int = LARGEST) -> list[Answer]:
    """The answers of all URLs, in their order, after ``timeout`` seconds at the latest."""
    return start(urls, timeout, trust, largest).results()


def checked_url(text: str, option: str) -> str:
    """The address of a service, without slashes at its end. ``option`` is the name that an error is said with.

    :raises InputError: when it is not one, or has a user, a password, a query or a fragment in it.
    """
    fault = _fault(text)
    if fault is not None:
        raise InputError(f"{option}: {fault}, such as http://node.example:8090.")
    return text.rstrip("/")


def _fault(text: str) -> str | None:
    if any(one.isspace() or not one.isprintable() for one in text):
        return "the address has blanks or control characters in it; write it without"
    if "@" in text:  # anywhere, as a password may hold any character; nothing of it may be repeated
        return "the address has an @ in it; leave out the user and the password, and write only where the service is"
    shown = f"'{text[:100]}'"
    if "?" in text or "#" in text:
        return f"{shown} has a query or a fragment in it; leave out what follows ? or #"
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError:  # a bracket is missing, or holds no IPv6 address
        return f"{shown} names no host; an IPv6 address stands in brackets, other hosts are written plainly"
    if parts.scheme not in {"http", "https"}:
        return f"{shown} is not an http or https address; begin it with http:// or https://"
    if not host or not all(one.isalnum() or one in ".-_:%" for one in host):
        return f"{shown} names no host; write the host's name or address after {parts.scheme}://"
    port = parts.netloc.rpartition("]")[2].partition(":")
    if port[1] and not (_PORT.fullmatch(port[2]) and 1 <= int(port[2]) <= 65535):
        return f"{shown} has a port that is no number from 1 to 65535; correct it, or leave it out"
    return None


def _shown(url: str) -> str:
    return _USER.sub("", url)


def _started(thread: threading.Thread) -> bool:
    try:
        thread.start()
    except RuntimeError:  # the machine allows this user no more threads
        return False
    return True
