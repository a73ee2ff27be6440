# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the simulator puts on the wire, and the faults of the transport."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from pve_simulator import Simulator, World
from pve_simulator.client import Client
from pve_simulator.scenarios import empty

OFFSET = 7200.0


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[Simulator]:
    world = World(tmp_path)
    empty.build(world)
    world.add_node("pve", clock_offset=OFFSET)
    with Simulator(world) as running:
        yield running


@pytest.fixture
def root(sim: Simulator) -> Iterator[Client]:
    with Client(sim, "root@pam!admin", sim.world.cluster.users["root@pam"].tokens["admin"].secret) as client:
        yield client


def raw(sim: Simulator, request: str) -> str:
    """The bytes of an answer, up to the end of the connection."""
    context = ssl.create_default_context(cafile=str(sim.ca_path))
    with (
        socket.create_connection((sim.host, sim.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wire,
    ):
        wire.sendall(request.encode())
        received = b""
        while chunk := wire.recv(65536):
            received += chunk
    return received.decode()


def test_reason_phrase_and_no_body_without_a_ticket(sim: Simulator) -> None:
    answer = raw(sim, "GET /api2/json/version HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _blank, body = answer.partition("\r\n\r\n")
    assert head.splitlines()[0] == "HTTP/1.1 401 No ticket"
    assert body == ""
    names = {line.split(":", 1)[0].lower() for line in head.splitlines()[1:]}
    assert names.isdisjoint({"content-length", "transfer-encoding", "content-type"})
    assert not any(name.startswith("x-simulator") for name in names)


def test_a_status_that_has_no_name(sim: Simulator, root: Client) -> None:
    sim.world.add_node("pve2", online=False)
    reply = root.get("/nodes/pve2/lxc")
    assert (reply.status, reply.reason, reply.body) == (595, "No route to host", b"")


def test_reason_is_the_first_line_of_the_message(sim: Simulator, root: Client) -> None:
    sim.faults.http("GET", "/version", 500, "first", message="first\nsecond\n")
    reply = root.get("/version")
    assert (reply.status, reply.reason) == (500, "first")
    assert reply.body == b'{"data":null,"message":"first\\nsecond\\n"}'


def test_headers_name_the_server_and_the_time_of_the_node_that_answers(root: Client) -> None:
    headers = root.get("/version").headers
    assert headers["server"] == "pve-api-daemon/3.0"
    assert headers["content-type"] == "application/json;charset=UTF-8"
    ahead = parsedate_to_datetime(headers["date"]).timestamp() - time.time()
    assert abs(ahead - OFFSET) < 5


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "::1"])
def test_the_certificate_is_good_for_loopback(sim: Simulator, name: str) -> None:
    context = ssl.create_default_context(cafile=str(sim.ca_path))
    with (
        socket.create_connection((sim.host, sim.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as wire,
    ):
        assert wire.getpeercert()


def test_the_certificate_is_not_trusted_without_its_authority(sim: Simulator) -> None:
    connection = http.client.HTTPSConnection(sim.host, sim.port, context=ssl.create_default_context(), timeout=5)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/")


def test_a_connection_is_kept_for_the_next_call(sim: Simulator, root: Client) -> None:
    root.get("/version")
    before = root._connection.sock
    root.get("/version")
    assert root._connection.sock is before
    assert len(sim.requests) == 2


def test_a_fault_is_used_up(sim: Simulator, root: Client) -> None:
    sim.faults.http("GET", "/version", 503, "Busy", times=2)
    assert [root.get("/version").status for _again in range(3)] == [503, 503, 200]


def test_dropped_before_means_that_nothing_was_done(sim: Simulator, root: Client) -> None:
    sim.world.add_container(101, "web1", "pve")
    sim.faults.drop("POST", "/vzdump$", when="before")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        root.backup("pve", vmid=101)
    root.close()
    sim.wait_idle()
    assert root.get("/nodes/pve/tasks", source="all").data == []
    assert [request.status for request in sim.requests] == [0, 200]


def test_dropped_after_means_that_it_was_done(sim: Simulator, root: Client) -> None:
    sim.world.add_container(101, "web1", "pve")
    sim.faults.drop("POST", "/vzdump$", when="after")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        root.backup("pve", vmid=101)
    root.close()
    sim.wait_idle()
    assert [task["type"] for task in root.get("/nodes/pve/tasks", source="all").data] == ["vzdump"]


def test_an_error_after_the_call_was_carried_out(sim: Simulator, root: Client) -> None:
    sim.world.add_container(101, "web1", "pve")
    sim.faults.http("POST", "/vzdump$", 596, "Broken pipe", after=True)
    assert root.post("/nodes/pve/vzdump", vmid=101).reason == "Broken pipe"
    sim.wait_idle()
    assert len(sim.world.archives("local")) == 1


def test_something_may_happen_right_before_a_call(sim: Simulator, root: Client) -> None:
    sim.faults.before("GET", "/storage/local/content$", lambda: sim.faults.storage_offline("local"))
    assert root.get("/nodes/pve/storage/local/content").reason == "storage 'local' is not online"


def test_something_may_happen_between_a_call_and_its_answer(sim: Simulator, root: Client) -> None:
    """Here who asks is cut off before it can know that its task was started, as a client that is killed there is."""
    world = sim.world
    world.add_container(101, "web1", "pve")
    seen: list[int] = []
    cut = Client(sim)
    cut.headers = root.headers

    def kill() -> None:
        seen.append(len(world.tasks.on_node("pve")))
        cut.abort()

    sim.faults.after("POST", "/vzdump$", kill)
    with pytest.raises((ConnectionError, ssl.SSLError)):
        cut.post("/nodes/pve/vzdump", vmid=101)
    sim.wait_idle()
    assert seen == [1], "the task was there when the fault came"
    (task,) = root.get("/nodes/pve/tasks").data
    assert (task["type"], task["status"]) == ("vzdump", "OK")


def test_an_archive_may_come_or_go_between_two_calls(sim: Simulator, root: Client) -> None:
    world = sim.world
    world.add_container(101, "web1", "pve")
    path = "/nodes/pve/storage/local/content"
    old = world.add_archive(101, "local", age=60)
    sim.faults.before("GET", f"{path}$", lambda: world.add_archive(101, "local"))
    sim.faults.after("GET", f"{path}$", lambda: world.archive_path(old).unlink())
    assert len(root.get(path, content="backup").data) == 2
    assert len(root.get(path, content="backup").data) == 2
    (left,) = root.get(path, content="backup").data
    assert left["volid"] != old


def test_slow_answers_come_late(sim: Simulator, root: Client) -> None:
    sim.faults.slow("GET", "/version", 0.3)
    began = time.monotonic()
    assert root.get("/version").status == 200
    assert 0.3 <= time.monotonic() - began < 2


def test_lying_bodies(sim: Simulator, root: Client) -> None:
    sim.faults.body("GET", "/version", b"<html>not JSON</html>")
    assert root.get("/version").body == b"<html>not JSON</html>"


def test_when_of_a_drop_is_checked(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="'before' or 'after'"):
        sim.faults.drop("GET", "/version", when="later")


def test_expired_tickets(sim: Simulator) -> None:
    with Client(sim) as client:
        ticket = client.post("/access/ticket", username="root@pam", password="root-password").data["ticket"]
        client.headers = {"Cookie": f"PVEAuthCookie={ticket}"}
        assert client.get("/version").status == 200
        sim.faults.expire_tickets()
        reply = client.get("/version")
    assert (reply.status, reply.reason, reply.body) == (401, "Authentication failed!", b"")


def test_tickets_live_two_hours(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    world = World(tmp_path, clock=lambda: now[0])
    empty.build(world)
    with Simulator(world) as sim, Client(sim) as client:
        ticket = client.post("/access/ticket", username="root@pam", password="root-password").data["ticket"]
        client.headers = {"Cookie": f"PVEAuthCookie={ticket}"}
        now[0] += 7199
        assert client.get("/version").status == 200
        now[0] += 2
        assert client.get("/version").status == 401


def test_a_failed_login_may_take_its_time(tmp_path: Path) -> None:
    world = World(tmp_path)
    empty.build(world)
    with Simulator(world, auth_delay=0.3) as sim, Client(sim) as client:
        began = time.monotonic()
        assert client.post("/access/ticket", username="root@pam", password="wrong").status == 401
        assert time.monotonic() - began >= 0.3


def test_the_record_of_requests_has_no_secrets(sim: Simulator, root: Client) -> None:
    root.post("/access/ticket", username="root@pam", password="root-password")
    root.get("/nodes/pve/tasks", limit=3)
    login, tasks = sim.requests
    assert (login.method, login.path, login.status, login.user) == ("POST", "/access/ticket", 200, None)
    assert login.body == {"username": "root@pam", "password": "***"}
    assert (tasks.path, tasks.query, tasks.user) == ("/nodes/pve/tasks", "limit=3", "root@pam!admin")
    assert "root-password" not in repr(sim.requests)


def test_a_broken_json_document_is_an_error(root: Client) -> None:
    headers = {**root.headers, "Content-Type": "application/json"}
    reply = root.send("POST", "/api2/json/nodes/pve/vzdump", headers, b"{")
    assert reply.status == 500
    assert re.match("malformed JSON", reply.reason)


def test_what_is_not_the_api_is_not_there(root: Client) -> None:
    assert root.send("GET", "/index.html", root.headers, None).status == 501
