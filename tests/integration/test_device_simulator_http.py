# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulated node and daemons over HTTP: their dialects, the faults to order, and how they end."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from device_simulator import (
    Altered,
    Body,
    Dead,
    Deep,
    Drip,
    Endless,
    ErrorBody,
    Failure,
    Fault,
    Fleet,
    Garbage,
    Hang,
    HugeLength,
    Late,
    Redirect,
    Server,
    Servers,
    Skewed,
    Truncated,
    faults,
    running,
)
from device_simulator.scenarios import device_id, fleet_of
from harness.ticking import START, Ticking


@pytest.fixture
def servers(tmp_path: Path, clock: Ticking) -> Iterator[Servers]:
    fleet = Fleet(tmp_path, clock)
    fleet_of(fleet, 3)
    with running(fleet) as serving:
        yield serving


def call(
    server: Server, path: str = "/status", method: str = "GET", timeout: float = 2
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=timeout)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer, answer.read()


def content(server: Server, path: str = "/status") -> Any:
    return json.loads(call(server, path)[1])


@pytest.mark.parametrize(
    ("program", "method", "path", "status"),
    [
        ("node", "GET", "/backup/status", 200),
        ("node", "HEAD", "/backup/status", 200),
        ("node", "POST", "/backup/status", 405),
        ("node", "OPTIONS", "/backup/status", 405),
        ("node", "GET", "/backup/status/", 404),
        ("node", "GET", "/devices_list", 200),
        ("node", "GET", "/node/time", 200),
        ("node", "GET", "/device/deadbeef/backup", 200),
        ("mysql", "OPTIONS", "/status", 200),
        ("mysql", "POST", "/status", 405),
        ("mysql", "GET", "/elsewhere", 404),
        ("rsync", "GET", "/status?x=1", 404),
        ("rsync", "GET", "/status/", 404),
        ("rsync", "HEAD", "/status", 501),
        ("rsync", "OPTIONS", "/", 501),
        ("rsync", "POST", "/status", 501),
    ],
)
def test_statuses(servers: Servers, program: str, method: str, path: str, status: int) -> None:
    assert call(getattr(servers, program), path, method)[0].status == status


def test_dialects(servers: Servers) -> None:
    answers = {name: call(getattr(servers, name), "/devices" if name == "node" else "/status")[0] for name in PROGRAMS}
    assert {name: answer.version for name, answer in answers.items()} == {"node": 11, "mysql": 10, "rsync": 10}
    allowed = {name: answer.headers["Access-Control-Allow-Origin"] for name, answer in answers.items()}
    assert allowed == {"node": "*", "mysql": "*", "rsync": None}
    assert {answer.headers["Content-Type"] for answer in answers.values()} == {"application/json"}
    assert all(parsedate_to_datetime(answer.headers["Date"]).timestamp() == START for answer in answers.values())


PROGRAMS = ("node", "mysql", "rsync")


def test_an_unknown_device_is_an_error_with_200(servers: Servers) -> None:
    said = content(servers.node, "/device/deadbeef/backup")
    assert list(said) == ["error"]
    assert said["error"].endswith("(404, 'Device deadbeef not found')\n")


def test_requests_are_counted(servers: Servers) -> None:
    for _time in range(2):
        call(servers.rsync)
    call(servers.node, "/devices?include_inactive=true")
    assert servers.rsync.requests == [("GET", "/status"), ("GET", "/status")]
    assert servers.node.requests == [("GET", "/devices?include_inactive=true")]
    assert servers.mysql.requests == []


def test_several_calls_on_one_connection_to_the_node(servers: Servers) -> None:
    with closing(http.client.HTTPConnection(urlsplit(servers.node.url).netloc, timeout=2)) as connection:
        for _time in range(3):
            connection.request("GET", "/devices")
            assert len(json.load(connection.getresponse())) == 3
    assert len(servers.node.requests) == 3


def test_dead_and_alive_again_on_the_same_port(servers: Servers) -> None:
    url = servers.rsync.url
    servers.rsync.fault = Dead()
    with pytest.raises(ConnectionRefusedError):
        call(servers.rsync)
    assert content(servers.node, "/backup/status")["services"]["rsync_backup"]["available"] is False
    servers.rsync.fault = None
    assert len(content(servers.rsync)["devices"]) == 3
    assert servers.rsync.url == url


def test_hanging_until_it_is_over(servers: Servers) -> None:
    servers.mysql.fault = Hang()
    with pytest.raises(TimeoutError):
        call(servers.mysql, timeout=0.1)
    assert servers.mysql.requests == [("GET", "/status")]
    assert content(servers.node, "/backup/status")["services"]["mysql_backup"]["available"] is False
    servers.mysql.fault = None
    assert len(content(servers.mysql)) == 3


def test_a_drip(servers: Servers) -> None:
    servers.mysql.fault = Drip(seconds=0.05)
    with closing(socket.create_connection(("127.0.0.1", servers.mysql.port), timeout=1)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        seen = b""
        while not seen.partition(b"\r\n\r\n")[2]:
            seen += connection.recv(4096)
        assert [connection.recv(4096) for _time in range(3)] == [b"\n", b" ", b" "]


def test_late(servers: Servers) -> None:
    servers.rsync.fault = Late(seconds=0.2)
    begun = time.monotonic()
    assert "devices" in content(servers.rsync)
    assert time.monotonic() - begun >= 0.2


@pytest.mark.parametrize("fault", [Garbage(), Garbage(raw=b"<html>"), Garbage(raw=b"")])
def test_garbage(servers: Servers, fault: Fault) -> None:
    servers.rsync.fault = fault
    answer, body = call(servers.rsync)
    assert answer.headers["Content-Type"] == "application/json"
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the reader of JSON says
        json.loads(body)


def test_truncated(servers: Servers) -> None:
    servers.rsync.fault = Truncated(share=0.25)
    with pytest.raises(http.client.IncompleteRead) as raised:
        call(servers.rsync)
    missing = raised.value.expected
    assert missing is not None
    assert len(raised.value.partial) == pytest.approx(missing / 3, abs=1)


def test_endless_and_the_client_goes_away(servers: Servers) -> None:
    servers.rsync.fault = endless = Endless()
    with closing(socket.create_connection(("127.0.0.1", servers.rsync.port), timeout=2)) as connection:
        connection.sendall(b"GET /status HTTP/1.0\r\n\r\n")
        total = 0
        while total < 3_000_000:
            total += len(connection.recv(1 << 20))
    assert endless.sent > 2_000_000


def test_an_absurd_length(servers: Servers) -> None:
    servers.node.fault = HugeLength()
    with closing(http.client.HTTPConnection(urlsplit(servers.node.url).netloc, timeout=1)) as connection:
        connection.request("GET", "/devices")
        assert connection.getresponse().headers["Content-Length"] == str(1 << 50)


@pytest.mark.parametrize(
    ("to", "location"),
    [("", "{url}/status"), ("/other", "{url}/other"), ("http://198.51.100.1/status", "http://198.51.100.1/status")],
)
def test_redirects(servers: Servers, to: str, location: str) -> None:
    servers.rsync.fault = Redirect(to)
    answer, _body = call(servers.rsync)
    assert (answer.status, answer.headers["Location"]) == (302, location.format(url=servers.rsync.url))


def test_http_errors_and_errors_with_200(servers: Servers) -> None:
    servers.rsync.fault = Failure(503)
    assert call(servers.rsync)[0].status == 503
    servers.rsync.fault = ErrorBody("it broke")
    assert (call(servers.rsync)[0].status, content(servers.rsync)) == (200, {"error": "it broke"})


def test_a_fault_for_some_requests(servers: Servers) -> None:
    servers.node.fault = Failure(path="/devices", times=1)
    assert [call(servers.node, path)[0].status for path in ("/node/time", "/devices", "/devices")] == [200, 500, 200]


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (faults.devices_as_list, lambda told: isinstance(told["devices"], list)),
        (faults.null_entries, lambda told: set(told["devices"].values()) == {None}),
        (faults.numbers_as_text, lambda told: told["devices"][device_id(1)]["count"] == "1"),
    ],
)
def test_wrong_types(servers: Servers, change: Any, changed: Any) -> None:
    servers.rsync.fault = Altered(change=change)
    assert changed(content(servers.rsync))


def test_other_documents(servers: Servers) -> None:
    servers.rsync.fault = Body(content=[1, None])
    assert content(servers.rsync) == [1, None]
    servers.rsync.fault = Deep()
    with pytest.raises(RecursionError):
        content(servers.rsync)


def test_a_clock_that_is_wrong(servers: Servers) -> None:
    servers.rsync.fault = Skewed(seconds=-7200)
    date = call(servers.rsync)[0].headers["Date"]
    assert parsedate_to_datetime(date).timestamp() == START - 7200


@pytest.mark.parametrize("fault", [None, Dead(), Hang(), Drip(), Late(seconds=60), Endless(), HugeLength()])
def test_an_end_leaves_nothing_and_is_quick(tmp_path: Path, fault: Fault | None) -> None:
    """Also with a client that still waits, and one that asks nothing."""
    before = threading.active_count()
    with running(Fleet(tmp_path)) as serving:
        waiting = [socket.create_connection(("127.0.0.1", serving.node.port)) for _client in range(2)]
        waiting[0].sendall(b"GET /devices HTTP/1.1\r\nHost: node\r\n\r\n")
        while not serving.node.requests:
            time.sleep(0.01)
        serving.node.fault = fault
        begun = time.monotonic()
    assert time.monotonic() - begun < 1
    assert threading.active_count() == before
    for connection in waiting:
        connection.close()


def test_what_breaks_in_the_simulator_is_told(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.devices["x"] = None  # type: ignore[assignment]  # what no test would do on purpose
    with (
        pytest.raises(RuntimeError, match="the simulator broke"),
        running(fleet) as serving,
        pytest.raises(http.client.RemoteDisconnected),
    ):
        call(serving.node, "/devices")
