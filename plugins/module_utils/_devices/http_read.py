# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One GET of one URL, with its redirects. Private to this collection."""

from __future__ import annotations

import contextlib
import http.client
import io
import ssl
import string
from collections.abc import Callable
from datetime import timezone
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.size import format_size
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.http_causes import NoAnswer, cause_of, clipped
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.http_line import Connection, Line, Stage

REDIRECTS = 5
"""Redirects that are followed."""

_PIECE = 256 * 1024
"""Bytes read at once, at most."""
_EXCERPT = 2048
"""Bytes of an error's body that are read. A longer one is a page, which says nothing in one line."""
_SCHEMES = frozenset({"http", "https"})
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_LATEST_CLOCK = 4102444800.0
"""The year 2100. A board without a battery stands at 1970; what is outside of both is no clock."""
_HEADERS = {"Accept": "application/json", "Connection": "close", "User-Agent": "lifeboat.backup"}


class Exchange:
    """One GET until the deadline. ``tls`` makes the context for https when it is needed.

    `late` may be called, and ``clock_offset`` read, by other threads at any time. ``line`` is for them to cut.
    """

    def __init__(self, url: str, deadline: Deadline, largest: int, tls: Callable[[], ssl.SSLContext]) -> None:
        self._url = url
        self._clock = deadline.clock
        self._largest = largest
        self._tls = tls
        self._received = 0
        self._refusal: str | None = None
        self.line = Line(deadline)
        self.clock_offset: float | None = None

    def body(self) -> bytes:
        """The body of a 200.

        :raises NoAnswer: for everything else, an answer that is cut off included.
        :raises OSError, http.client.HTTPException, ValueError: what `cause_of` has words for.
        """
        url = self._url
        for _hop in range(REDIRECTS + 1):
            found = self._asked(url)
            if isinstance(found, bytes):
                return found
            url = found
        raise NoAnswer(f"redirects more than {REDIRECTS} times")

    def late(self, within: str) -> str:
        """Why there is no answer when the time, ``within``, is over."""
        return self._refusal or self.line.stage.value.format(within, format_size(self._received))

    def _asked(self, url: str) -> bytes | str:
        """The body, or the URL that it redirects to."""
        parts = _parts(url)
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise NoAnswer("this is no http or https address")
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        context = self._tls() if parts.scheme == "https" else None
        connection = Connection(self.line, parts.hostname, parts.port, context)
        try:
            connection.connect()
            sent = self._clock.now()
            connection.request("GET", quote(path, safe=string.punctuation), headers=_HEADERS)
            with connection.getresponse() as response:
                self.clock_offset = clock_offset(response.getheader("Date"), sent, self._clock.now())
                if response.status in _REDIRECT:
                    return redirected(url, response.getheader("Location"))
                if response.status != http.client.OK:
                    raise NoAnswer(self._refused(response))
                return self._read(response)
        finally:
            connection.close()
            self.line.let_go()

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        coding = _coding(response)
        if coding:
            raise NoAnswer(f"the answer is encoded ({coding}), which was not asked for")
        announced = response.length
        if announced is not None and announced > self._largest:
            raise self._too_large()
        self.line.stage = Stage.BODY
        body = self._filled(response)
        if announced is not None and self._received < announced:
            raise NoAnswer(f"cut off: {self._received} of {announced} bytes")
        if announced is None and not response.chunked and not body:
            # http.client takes headers that break off for whole ones, so that this may be one, too
            raise NoAnswer("an empty answer")
        return body

    def _filled(self, response: http.client.HTTPResponse) -> bytes:
        body = io.BytesIO()  # it hands out what it holds without a copy
        try:
            # Not read(): it gathers the whole piece first, so that nobody would know how much has come, and a negative
            # size of a chunk would make it read without any limit
            for piece in iter(lambda: response.read1(_PIECE), b""):
                self._received += len(piece)
                if self._received > self._largest:
                    raise self._too_large()
                body.write(piece)
        except http.client.IncompleteRead:
            raise NoAnswer(f"cut off in the middle of its chunks: {self._received} bytes so far") from None
        except ConnectionError as failure:
            raise NoAnswer(f"{cause_of(failure)} after {self._received} bytes of the answer") from failure
        return body.getvalue()

    def _too_large(self) -> NoAnswer:
        return NoAnswer(f"the answer is larger than {format_size(self._largest)}")

    def _refused(self, response: http.client.HTTPResponse) -> str:
        """The status in words, and a body that is one short line of text."""
        self._refusal = f"answered {response.status} {clipped(response.reason)}".rstrip()
        text = b""
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):  # the status says enough
            while not _coding(response) and len(text) <= _EXCERPT:
                piece = response.read1(_EXCERPT + 1 - len(text))
                if not piece:
                    break
                text += piece
        words = clipped(text.decode("utf-8", "replace"))
        said = words and len(text) <= _EXCERPT and not words.startswith("<")  # a page of HTML repeats the status
        return f"{self._refusal}: {words}" if said else self._refusal


def redirected(url: str, location: str | None) -> str:
    """The URL that ``url`` redirects to, when that is on the same host and no less secure.

    :raises NoAnswer: when it may not be followed.
    """
    if not location:
        raise NoAnswer("redirects without saying where to")
    before = _parts(url)
    # http.client reads headers as Latin-1, and takes only ASCII for a path
    after = _parts(url, quote(location, safe=string.punctuation, encoding="latin-1"))
    if after.scheme not in _SCHEMES:
        raise NoAnswer(f"redirects to another kind of address ({clipped(after.scheme)}:), which is not followed")
    if after.hostname != before.hostname:
        raise NoAnswer(f"redirects to another host ({clipped(after.hostname)}), which is not followed")
    if before.scheme == "https" and after.scheme == "http":
        raise NoAnswer("redirects from https to http, which is not followed")
    return after.geturl()


def clock_offset(date: str | None, sent: float, received: float) -> float | None:
    """The server's clock minus ours in seconds, by its Date header; None without one that can be a clock's.

    ``sent`` and ``received`` are epoch seconds of our clock before the request and after the headers. Date has whole
    seconds, and was written at some time between the two: the offset is no more exact than that.
    """
    if date is None:
        return None
    try:
        there = parsedate_to_datetime(date)
        # -0000 means a time in UTC that says nothing about where it was written (RFC 5322)
        seconds = (there if there.tzinfo else there.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):  # by version of Python; wild numbers
        return None
    return seconds - (sent + received) / 2 if 0 <= seconds < _LATEST_CLOCK else None


def _parts(url: str, location: str = "") -> SplitResult:
    try:
        parts = urlsplit(urljoin(url, location))
        _checked = parts.port
    except ValueError:
        raise NoAnswer(f"{'redirects to' if location else 'this is'} no address that can be asked") from None
    return parts


def _coding(response: http.client.HTTPResponse) -> str:
    """How the body is encoded, where http.client does not decode it: it knows chunks, and nothing else."""
    for name, plain in (("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked")):
        coding = clipped(response.getheader(name, "")).lower()
        if coding not in {"", plain}:
            return coding
    return ""
