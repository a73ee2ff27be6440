# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking several HTTP services at once: what is asked, who can be reached, and one deadline for all."""

from __future__ import annotations

import gc
import os
import re
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import ExitStack

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Trust, fetch_all, start
from harness.raw_server import BODY, CHUNKED, OK, RawServer, announced, deaf_port, drips, floods, hangs, says
from harness.waiting import wait_for

TIMEOUT = 0.4
PLENTY = 4.0
PLAIN = Trust()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def asking_threads() -> list[str]:
    """The threads that still ask."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("GET ")]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> object:
    """After each test whatever was asked has ended."""
    yield
    wait_for(lambda: not asking_threads(), 2)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Host names of the test and their addresses, in place of a name service."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **more: int) -> list[object]:
        return [row for address in known.get(host, [host]) for row in real(address, port, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


# ------------------------------------------------------------------------------------------------ answers that are good


def test_what_is_sent() -> None:
    with RawServer(says(OK, BODY)) as server:
        fetch_all([server.url], PLENTY, PLAIN)
    line, *headers = server.requests[0].rstrip().split("\r\n")
    assert line == "GET /status HTTP/1.1"
    assert sorted(headers) == [
        "Accept-Encoding: identity",
        "Accept: application/json",
        "Connection: close",
        f"Host: 127.0.0.1:{server.port}",
        "User-Agent: lifeboat.backup",
    ]


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(says(announced(5, b"proxy"))) as proxy, RawServer(says(OK, BODY)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert fetch_all([server.url], PLENTY, PLAIN)[0].body == BODY
    assert proxy.requests == []


@pytest.mark.parametrize(("asked", "sent"), [("", "/"), ("/", "/"), ("/a?b=c", "/a?b=c"), ("/ü b", "/%C3%BC%20b")])
def test_paths_are_asked_as_they_stand(asked: str, sent: str) -> None:
    with RawServer(says(OK, BODY)) as server:
        assert fetch_all([server.url.replace("/status", asked)], PLENTY, PLAIN)[0].body == BODY
    assert server.requests[0].split()[1] == sent


def test_a_password_in_a_url_is_neither_sent_nor_shown() -> None:
    with RawServer(says(OK, BODY)) as server:
        [answer] = fetch_all([server.url.replace("//", "//someone:hunter2@")], PLENTY, PLAIN)
    assert (answer.url, answer.body) == (server.url, BODY)
    assert "hunter2" not in server.requests[0]
    assert "uthorization" not in server.requests[0]


def test_answers_come_in_the_order_of_the_urls() -> None:
    def slow(sock: socket.socket, _head: str) -> None:
        time.sleep(0.2)
        sock.sendall(OK + b"slow")

    with RawServer(slow) as first, RawServer(says(OK, b"quick")) as second:
        urls = [first.url, second.url, f"http://127.0.0.1:{free_port()}/", second.url]
        answers = fetch_all(urls, PLENTY, PLAIN)
    assert [answer.url for answer in answers] == urls
    assert [answer.body for answer in answers] == [b"slow", b"quick", None, b"quick"]
    assert answers[0].latency >= 0.2 > answers[1].latency


def test_a_large_answer_arrives_whole_and_is_held_once() -> None:
    piece = os.urandom(1 << 20)
    with RawServer(says(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % (24 << 20), *[piece] * 24)) as server:
        gc.collect()
        tracemalloc.start()
        try:
            [answer] = fetch_all([server.url], PLENTY, PLAIN)
            _now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert answer.body == piece * 24
    assert peak < 1.5 * (24 << 20)


def test_ipv6() -> None:
    try:
        server = RawServer(says(OK, BODY), host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with server:
        [answer] = fetch_all([server.url], PLENTY, PLAIN)
    assert (answer.url, answer.body) == (f"http://[::1]:{server.port}/status", BODY)
    assert f"Host: [::1]:{server.port}\r\n" in server.requests[0]


# ------------------------------------------------------------------------------------------------ who can be reached


def test_nobody_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}/status"
    [answer] = fetch_all([url], PLENTY, PLAIN)
    assert (answer.url, answer.body, answer.error, answer.clock_offset) == (url, None, "connection refused", None)
    assert answer.latency < 1


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64])
def test_a_name_that_does_not_resolve(host: str) -> None:
    [answer] = fetch_all([f"http://{host}/status"], PLENTY, PLAIN)
    assert answer.error == "its name cannot be resolved"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1:80", "", "http://", "/status"])
def test_what_is_no_http_address_is_not_asked(url: str) -> None:
    assert fetch_all([url], PLENTY, PLAIN)[0].error == "this is no http or https address"


@pytest.mark.parametrize("url", ["http://[::1/", "http://127.0.0.1:99999/", "http://127.0.0.1:x/"])
def test_what_is_no_address_at_all(url: str) -> None:
    assert fetch_all([url], PLENTY, PLAIN)[0].error == "this is no address that can be asked"


def test_the_next_address_of_a_name_is_tried(names: dict[str, list[str]]) -> None:
    names["node"] = ["127.0.0.2", "127.0.0.1"]
    with RawServer(says(OK, BODY)) as server:
        [answer] = fetch_all([f"http://node:{server.port}/status"], PLENTY, PLAIN)
    assert answer.body == BODY
    assert f"Host: node:{server.port}\r\n" in server.requests[0]


def test_a_deaf_address_leaves_time_for_the_next(names: dict[str, list[str]]) -> None:
    names["node"] = ["127.0.0.2", "127.0.0.1"]
    with RawServer(says(OK, BODY)) as server, deaf_port("127.0.0.2", server.port):
        [answer] = fetch_all([f"http://node:{server.port}/status"], 1, PLAIN)
    assert answer.body == BODY
    assert 0.4 < answer.latency < 1


def test_all_addresses_of_a_name_fail(names: dict[str, list[str]]) -> None:
    names["node"] = ["127.0.0.2", "127.0.0.1", "127.0.0.3"]
    url = f"http://node:{free_port()}/status"
    assert fetch_all([url], PLENTY, PLAIN)[0].error == "connection refused"
    names["node"][0] = "255.255.255.255"
    assert fetch_all([url], PLENTY, PLAIN)[0].error == "network is unreachable and connection refused"


# ------------------------------------------------------------------------------------------------ the deadline


def test_a_server_that_takes_no_connection() -> None:
    with deaf_port() as port:
        [answer] = fetch_all([f"http://127.0.0.1:{port}/status"], TIMEOUT, PLAIN)
    assert answer.error == "not reachable within 0.4 s"
    assert TIMEOUT <= answer.latency < TIMEOUT + 0.5


UNFINISHED = {
    "silent": (hangs(), "no answer within 0.4 s"),
    "in the headers": (hangs(b"HTTP/1.0 200 OK\r\nContent-"), "no answer within 0.4 s"),
    "before the body": (hangs(OK), "the answer was not complete after 0.4 s (0 B so far)"),
    "short of its length": (
        hangs(announced(2000, b"x" * 1536)),
        "the answer was not complete after 0.4 s (1.5 KiB so far)",
    ),
    "in a chunk": (
        hangs(CHUNKED + b"64\r\n" + b"x" * 50),
        "the answer was not complete after 0.4 s (50 B so far)",
    ),
    "in an error": (hangs(b"HTTP/1.0 500 Oops\r\n\r\nbad"), "answered 500 Oops"),
    "drips the status": (drips(b"H", b"T", 0.02), "no answer within 0.4 s"),
    "drips headers": (drips(b"HTTP/1.0 200 OK\r\nX: ", b"y", 0.02), "no answer within 0.4 s"),
    "drips 100": (drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02), "no answer within 0.4 s"),
    "drips a body": (drips(OK, b"x", 0.02), "the answer was not complete after 0.4 s (... B so far)"),
    "drips to a length": (
        drips(announced(2000, b""), b"x", 0.02),
        "the answer was not complete after 0.4 s (... B so far)",
    ),
    "drips chunks": (drips(CHUNKED, b"1\r\nx\r\n", 0.02), "the answer was not complete after 0.4 s (... B so far)"),
}


def test_servers_that_do_not_finish() -> None:
    with ExitStack() as running:
        servers = [running.enter_context(RawServer(talk)) for talk, _error in UNFINISHED.values()]
        answers = fetch_all([server.url for server in servers], TIMEOUT, PLAIN)
        said = {name: answer.error or "" for name, answer in zip(UNFINISHED, answers)}
        assert all(server.closed.wait(1) for server in servers), "a connection was not ended at the deadline"
    for name in ("drips a body", "drips to a length", "drips chunks"):
        [count] = re.findall(r"(\d+) B so far", said[name])
        assert 3 <= int(count) <= 20, name
        said[name] = said[name].replace(f"({count} B", "(... B")
    assert said == {name: error for name, (_talk, error) in UNFINISHED.items()}
    assert {answer.body for answer in answers} == {None}
    assert all(TIMEOUT <= answer.latency < TIMEOUT + 0.5 for answer in answers)


def test_the_deadline_holds_for_a_caller_who_is_busy() -> None:
    with RawServer(drips(OK, b"x", 0.02)) as server:
        pending = start([server.url], TIMEOUT, PLAIN)
        assert server.closed.wait(2), "nobody gave up while the caller was busy"
        [answer] = pending.results()
    assert (answer.error or "").startswith("the answer was not complete after 0.4 s")
    assert answer.latency < TIMEOUT + 0.5


def test_the_caller_can_work_meanwhile() -> None:
    with RawServer(says(OK, BODY)) as server:
        pending = start([server.url], PLENTY, PLAIN)
        wait_for(lambda: not asking_threads())
        answers = pending.results()
        assert pending.results() == answers
    assert [answer.body for answer in answers] == [BODY]


def test_an_answer_that_came_in_time_is_kept_for_a_caller_who_is_late() -> None:
    with RawServer(says(OK, BODY)) as server:
        pending = start([server.url], 0.2, PLAIN)
        time.sleep(0.4)
        [answer] = pending.results()
    assert (answer.body, answer.error) == (BODY, None)
    assert answer.latency < 0.2


def test_no_time_at_all() -> None:
    with RawServer(hangs()) as server:
        [answer] = fetch_all([server.url], 0, PLAIN)
    assert (answer.error or "").endswith("within 0 s")


def test_bad_ones_do_not_harm_the_others() -> None:
    talks = [
        says(OK, BODY),
        hangs(),
        drips(OK, b"x", 0.02),
        floods(OK, b"x" * 65536),
        says(b"\x00" * 9),
        says(OK, BODY),
    ]
    with ExitStack() as running:
        urls = [running.enter_context(RawServer(talk)).url for talk in talks]
        urls.append(f"http://127.0.0.1:{running.enter_context(deaf_port())}/")
        began = time.monotonic()
        answers = fetch_all(urls, TIMEOUT, PLAIN, 1 << 20)
        took = time.monotonic() - began
    assert took < TIMEOUT + 1
    assert [answer.body for answer in answers] == [BODY, None, None, None, None, BODY, None]
    assert [re.sub(r"\d+ B so", "... B so", answer.error or "") for answer in answers] == [
        "",
        "no answer within 0.4 s",
        "the answer was not complete after 0.4 s (... B so far)",
        "the answer is larger than 1 MiB",
        "no HTTP answer",
        "",
        "not reachable within 0.4 s",
    ]


def test_fifty_at_once() -> None:
    def slow(sock: socket.socket, _head: str) -> None:
        time.sleep(0.2)
        sock.sendall(OK + BODY)

    with RawServer(slow) as server:
        began = time.monotonic()
        answers = fetch_all([server.url] * 50, PLENTY, PLAIN)
        took = time.monotonic() - began
    assert [answer.body for answer in answers] == [BODY] * 50
    assert took < 2, "one after the other they take 10 s"


HUNG_CHILD = """
import socket, sys, time
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Trust, fetch_all
if sys.argv[1] == "name":
    # A name service that hangs: no setting makes the real one do that on every machine
    socket.getaddrinfo = lambda *_arguments, **_more: time.sleep(60)
[answer] = fetch_all([sys.argv[2]], 0.3, Trust())
print(answer.error, flush=True)
"""
CROWDED_CHILD = """
import collections, resource, sys, threading
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fetch import Trust, fetch_all
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
threading.stack_size(256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (used + (700 << 20), resource.RLIM_INFINITY))
print(*sorted({str(answer.error) for answer in fetch_all([sys.argv[1]] * 9, 0.3, Trust())}), sep="\\n", flush=True)
"""


def child(program: str, *arguments: str) -> subprocess.Popen[str]:
    """A process of its own."""
    environment = {**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"].split(os.pathsep)[0]}
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("fault", "error"), [("name", "its name was not resolved within 0.3 s"), ("server", "no answer within 0.3 s")]
)
def test_a_process_is_not_held_by_what_hangs(fault: str, error: str) -> None:
    with RawServer(hangs()) as server, child(HUNG_CHILD, fault, server.url) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        answered = time.monotonic()
        assert process.communicate(timeout=4) == ("", "")
        assert time.monotonic() - answered < 1
    assert (said, process.returncode) == (f"{error}\n", 0)


def test_a_machine_that_has_no_room_for_more_threads() -> None:
    with RawServer(hangs()) as server, child(CROWDED_CHILD, server.url) as process:
        said, errors = process.communicate(timeout=4)
    assert said.splitlines() == ["no answer within 0.3 s", "no thread could be started for it on this machine"]
    assert (errors, process.returncode) == ("", 0)


def test_an_answer_is_handed_out_while_others_are_waited_for() -> None:
    with RawServer(hangs()) as deaf, RawServer(says(announced(len(BODY), BODY))) as quick:
        asked = [deaf.url, quick.url]
        answers = start(asked, PLENTY, PLAIN).each()
        begun = time.monotonic()
        place, answer = next(answers)
        assert (place, answer.body) == (1, BODY)
        assert time.monotonic() - begun < PLENTY / 2
    [(place, answer)] = answers  # the deaf one was closed
    assert (place, answer.url, answer.body) == (0, deaf.url, None)
