# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an HTTP service may answer: good ones of every form, lies, garbage, and redirects."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from email.utils import formatdate

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices import http_read
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Answer, Trust, fetch_all
from harness.raw_server import BODY, CHUNKED, OK, RawServer, Talk, announced, by_path, floods, hangs, says

PLENTY = 4.0
PLAIN = Trust()


def ask(talk: Talk, largest: int = 1 << 20) -> Answer:
    """The answer of a server that talks like this."""
    with RawServer(talk) as server:
        return fetch_all([server.url], PLENTY, PLAIN, largest)[0]


@pytest.mark.parametrize(
    "sent",
    [
        OK + BODY,
        announced(len(BODY)),
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + BODY + b"HTTP/1.1 500 Another\r\n\r\n",
        b"HTTP/1.1 200\r\nConnection: keep-alive\r\nContent-Length: 15\r\n\r\n" + BODY,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Length: lots\r\n\r\n" + BODY,
        CHUNKED + b'8;quick=1\r\n{"device\r\n7\r\ns": {}}\r\n0\r\nX-Trailer: 1\r\n\r\n',
    ],
    ids=["1.0", "1.0 length", "1.1", "more than announced", "keep-alive", "100 first", "odd length", "chunked"],
)
def test_the_body_of_an_answer(sent: bytes) -> None:
    answer = ask(says(sent))
    assert (answer.body, answer.error) == (BODY, None)
    assert 0 < answer.latency < PLENTY


def test_an_answer_in_small_pieces() -> None:
    answer = ask(says(*[bytes([one]) for one in OK + BODY], every=0.001))
    assert answer.body == BODY


def test_an_empty_body_that_is_meant() -> None:
    answer = ask(says(announced(0, b"")))
    assert (answer.body, answer.error) == (b"", None)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"", "it closed the connection without an answer"),
        (b"\x00\xff" * 100, "no HTTP answer"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", "no HTTP answer"),
        (b"<html>hello</html>", "no HTTP answer"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 99 Odd\r\n\r\n", "no HTTP answer"),
        (b"HTTP/2 200\r\n\r\n", "no HTTP answer"),
        (b"x" * 70000, "no HTTP answer (got more than 65536 bytes when reading status line)"),
        (
            b"HTTP/1.0 200 OK\r\nX: " + b"x" * 70000,
            "no HTTP answer (got more than 65536 bytes when reading header line)",
        ),
        (b"HTTP/1.0 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "no HTTP answer (got more than 100 headers)"),
        (OK, "an empty answer"),
        (b"HTTP/1.0 200 OK\r\nConten", "an empty answer"),
        (announced(2000, b"x" * 100), "cut off: 100 of 2000 bytes"),
        (CHUNKED, "cut off in the middle of its chunks: 0 bytes so far"),
        (CHUNKED + b"64\r\n" + b"x" * 50, "cut off in the middle of its chunks: 50 bytes so far"),
        (CHUNKED + b"4\r\nxxxx\r\n", "cut off in the middle of its chunks: 4 bytes so far"),
        (CHUNKED + b"4\r\nxxxx\r\nlots\r\n", "cut off in the middle of its chunks: 4 bytes so far"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b",
            "the answer is encoded (gzip), which was not asked for",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "the answer is encoded (gzip, chunked), which was not asked for",
        ),
    ],
)
def test_an_answer_that_is_none(sent: bytes, error: str) -> None:
    answer = ask(says(sent))
    assert (answer.body, answer.error) == (None, error)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"HTTP/1.0 500 Internal Server Error\r\n\r\n", "answered 500 Internal Server Error"),
        (b"HTTP/1.0 503\r\n\r\n", "answered 503"),
        (b"HTTP/1.0 204 No Content\r\n\r\n", "answered 204 No Content"),
        (b"HTTP/1.0 404 Not Found\r\n\r\nno such device\n", "answered 404 Not Found: no such device"),
        (b"HTTP/1.0 500 Oops\r\n\r\n" + b"x y\r\n\x1b[31m\xff" * 60, None),
        (b"HTTP/1.0 500 Oops\r\n\r\n" + b"x" * 3000, "answered 500 Oops"),
        (b"HTTP/1.0 404 Not Found\r\n\r\n<!DOCTYPE HTML><p>Error 404</p>", "answered 404 Not Found"),
        (b"HTTP/1.0 500 Oops\r\nContent-Encoding: gzip\r\n\r\nnonsense", "answered 500 Oops"),
        (b"HTTP/1.0 500 Oops\r\nContent-Length: 99\r\n\r\nhalf of it", "answered 500 Oops: half of it"),
        (CHUNKED.replace(b"200 OK", b"500 Oops") + b"lots\r\n", "answered 500 Oops"),
        (b"HTTP/1.0 500 \x1b[31mred\r\n\r\n", "answered 500 [31mred"),
        (b"HTTP/1.0 300 Multiple Choices\r\nLocation: /\r\n\r\n", "answered 300 Multiple Choices"),
    ],
)
def test_a_status_that_is_not_200(sent: bytes, error: str | None) -> None:
    answer = ask(says(sent))
    expected = error or "answered 500 Oops: " + ("x y [31m\ufffd" * 60)[:200]
    assert (answer.body, answer.error) == (None, expected)


def test_only_a_small_part_of_an_error_is_read() -> None:
    with RawServer(floods(b"HTTP/1.0 500 Oops\r\n\r\n", b"x" * 65536)) as server:
        [answer] = fetch_all([server.url], PLENTY, PLAIN)
        assert answer.error == "answered 500 Oops"
        assert server.closed.wait(1)
    assert answer.latency < 1


def test_a_connection_that_breaks_off() -> None:
    def break_off(sock: socket.socket, _head: str) -> None:
        sock.sendall(announced(2000, b"x" * 100))
        time.sleep(0.1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    assert ask(break_off).error == "it broke the connection off after 100 bytes of the answer"


@pytest.mark.parametrize(
    "talk",
    [
        hangs(announced(1025, b"")),
        hangs(announced(10**400, b"")),
        says(OK, b"x" * 1025),
        floods(OK, b"x" * 65536),
        floods(CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
        floods(CHUNKED + b"-1\r\n", b"x" * 65536),
        floods(CHUNKED + b"f" * 1000 + b"\r\n", b"x" * 65536),
    ],
    ids=["announced", "absurd", "one byte", "endless", "chunks", "negative chunk", "absurd chunk"],
)
def test_an_answer_that_is_too_large(talk: Talk) -> None:
    with RawServer(talk) as server:
        [answer] = fetch_all([server.url], PLENTY, PLAIN, 1024)
    assert (answer.body, answer.error) == (None, "the answer is larger than 1 KiB")
    assert answer.latency < 1


def test_an_answer_as_large_as_it_may_be() -> None:
    assert ask(says(OK, b"x" * 1024), largest=1024).body == b"x" * 1024
    assert ask(says(announced(1024, b"x" * 1024)), largest=1024).body == b"x" * 1024


def test_a_defect_of_ours_is_said_and_costs_only_its_own_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows one that a server could provoke, so that one is put in."""
    real: Callable[..., object] = http_read.clock_offset

    def defective(date: str | None, sent: float, received: float) -> object:
        if date == "wrong":
            raise KeyError("some\nkey")
        return real(date, sent, received)

    monkeypatch.setattr(http_read, "clock_offset", defective)
    with RawServer(says(b"HTTP/1.0 200 OK\r\nDate: wrong\r\n\r\n")) as bad, RawServer(says(OK, BODY)) as good:
        answers = fetch_all([bad.url, good.url], PLENTY, PLAIN)
    assert [answer.error for answer in answers] == [r"unexpected KeyError: 'some\nkey'", None]


# ------------------------------------------------------------------------------------------------ redirects


def moved(location: str, status: int = 302) -> bytes:
    """A redirect; its body is none of the answer."""
    return f"HTTP/1.0 {status} Moved\r\nLocation: {location}\r\nContent-Length: 5\r\n\r\nmoved".encode("latin-1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_on_the_same_host_is_followed(status: int) -> None:
    with RawServer(by_path({"/status": moved("/a/status?x=1", status), "/a/status?x=1": OK + BODY})) as server:
        [answer] = fetch_all([server.url], PLENTY, PLAIN)
    assert (answer.url, answer.body) == (server.url, BODY)
    assert len(server.requests) == 2


def test_a_redirect_to_another_port_is_followed() -> None:
    with RawServer(says(OK, BODY)) as new, RawServer(says(moved(new.url))) as old:
        assert fetch_all([old.url], PLENTY, PLAIN)[0].body == BODY


def test_five_redirects_are_followed_and_no_more() -> None:
    hops = {f"/{number}": moved(f"/{number + 1}") for number in range(1, 7)}
    with RawServer(by_path({**hops, "/status": moved("/2"), "/6": OK + BODY})) as server:
        assert fetch_all([server.url], PLENTY, PLAIN)[0].body == BODY
    with RawServer(by_path({**hops, "/status": moved("/1"), "/6": OK + BODY})) as server:
        assert fetch_all([server.url], PLENTY, PLAIN)[0].error == "redirects more than 5 times"


def test_a_circle_of_redirects() -> None:
    with RawServer(says(moved("/status"))) as server:
        assert fetch_all([server.url], PLENTY, PLAIN)[0].error == "redirects more than 5 times"
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://localhost:{port}/x", "redirects to another host (localhost), which is not followed"),
        ("//evil.example/x", "redirects to another host (evil.example), which is not followed"),
        ("file:///etc/passwd", "redirects to another kind of address (file:), which is not followed"),
        ("ftp://127.0.0.1/x", "redirects to another kind of address (ftp:), which is not followed"),
        ("http://[::1", "redirects to no address that can be asked"),
        ("", "redirects without saying where to"),
    ],
)
def test_a_redirect_elsewhere_is_not_followed(location: str, error: str) -> None:
    with RawServer(says(OK, BODY)) as other, RawServer(says(moved(location.format(port=other.port)))) as server:
        [answer] = fetch_all([server.url], PLENTY, PLAIN)
    assert (answer.body, answer.error) == (None, error)
    assert other.requests == []


def test_a_redirect_cannot_put_lines_into_a_request() -> None:
    with RawServer(says(moved("/a b\tc\u00fc"))) as server:
        fetch_all([server.url], PLENTY, PLAIN)
    assert server.requests[1].startswith("GET /a%20b%09c%FC HTTP/1.1\r\nHost: ")


# ------------------------------------------------------------------------------------------------ clocks


@pytest.mark.parametrize("status", ["200 OK", "500 Oops"])
@pytest.mark.parametrize("ahead", [0, 3600, -86400])
def test_a_clock_that_differs(ahead: int, status: str) -> None:
    def talk(sock: socket.socket, _head: str) -> None:
        sock.sendall(f"HTTP/1.0 {status}\r\nDate: {formatdate(time.time() + ahead, usegmt=True)}\r\n\r\n{{}}".encode())

    offset = ask(talk).clock_offset
    assert offset == pytest.approx(ahead, abs=2)


@pytest.mark.parametrize("date", ["now", "Fri, 31 Dec 9999 23:59:59 GMT", "\xff", "1767225600"])
def test_a_date_that_says_nothing(date: str) -> None:
    answer = ask(says(f"HTTP/1.0 200 OK\r\nDate: {date}\r\n\r\n{{}}".encode("latin-1")))
    assert (answer.body, answer.clock_offset) == (b"{}", None)
