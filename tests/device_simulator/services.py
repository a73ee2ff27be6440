# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three programs over HTTP: node, MySQL daemon and rsync daemon (reference 1, 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

from device_simulator import by_hand
from device_simulator.answers import CORS, Answer, document, page_of_error, traceback_of
from device_simulator.device_info import backup_info
from device_simulator.faults import Fault
from device_simulator.fleet import Fleet
from device_simulator.listing import listing
from device_simulator.page import documented_page, page
from device_simulator.server import Manner, Request, Server

_NODE = Manner("HTTP/1.1", "Cheroot/10.0.1")
_MYSQL = Manner("HTTP/1.0", "WSGIServer/0.2 CPython/3.11.2")
_RSYNC = Manner("HTTP/1.0", "BaseHTTP/0.6 Python/3.11.2")
_PREFLIGHT = {**CORS, "Access-Control-Allow-Methods": "GET, POST, OPTIONS"}


class Servers:
    """The three servers of a fleet, each with its `url`, `requests` and `fault`."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.node = Server(self._locked(self._node), _NODE, fleet.now)
        self.mysql = Server(self._locked(self._mysql), _MYSQL, fleet.now)
        self.rsync = Server(self._locked(self._rsync), _RSYNC, fleet.now)

    def _locked(self, respond: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        def locked(request: Request) -> Answer:
            with self.fleet.lock:
                return respond(request)

        return locked

    def _node(self, request: Request) -> Answer:
        handler = self._node_handler(request.path.split("/")[1:])
        if handler is None:
            return page_of_error(404, f"Not found: {request.path!r}", CORS)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in handler:
            return page_of_error(405, "Method not allowed.", {**CORS, "Allow": ",".join(handler)})
        return handler[method](request)

    def _node_handler(self, parts: list[str]) -> dict[str, Callable[[Request], Answer]] | None:
        """What answers a path, by method."""
        if parts in (["devices"], ["devices_list"]):
            return {"GET": self._devices}
        if parts == ["backup", "status"]:
            return {"GET": self._page}
        if parts == ["node", "time"]:
            now = datetime.fromtimestamp(self.fleet.now()).astimezone().replace(tzinfo=None).isoformat()
            return {"GET": lambda _request: _told({"time": now})}
        if len(parts) == 3 and (parts[0], parts[2]) == ("device", "backup"):
            return {
                "GET": lambda _request: self._backup_info(parts[1]),
                "POST": lambda request: _told(by_hand.backup(self.fleet, parts[1], request.body)),
            }
        return None

    def _devices(self, request: Request) -> Answer:
        if not self.fleet.scanner_works:
            return _told({"error": traceback_of("_devices", "RuntimeError: Device scanner not available")})
        return _told(listing(self.fleet, inactive=request.query.get("include_inactive", "").lower() == "true"))

    def _page(self, _request: Request) -> Answer:
        build = documented_page if self.fleet.documented_form else page
        content = build(self.fleet, mysql_up=self.mysql.usable, rsync_up=self.rsync.usable)
        return document(content, indent=2, headers=CORS)

    def _backup_info(self, device_id: str) -> Answer:
        device = self.fleet.devices.get(device_id)
        if device is None or device.standing != "met":
            what = f"bottle.HTTPError: (404, 'Device {device_id} not found')"
            return _told({"error": traceback_of("_get_device_backup_info", what)})
        return _told(backup_info(self.fleet, device, rsync_up=self.rsync.usable))

    def _mysql(self, request: Request) -> Answer:
        if request.path not in ("/", "/status"):
            return page_of_error(404, f"Not found: {request.path!r}", CORS)
        if request.method == "OPTIONS":
            return Answer(200, b"", {"Content-Type": "text/html; charset=UTF-8", **_PREFLIGHT})
        if request.method not in ("GET", "HEAD"):
            return page_of_error(405, "Method not allowed.", {**CORS, "Allow": "GET,HEAD,OPTIONS"})
        content = self.fleet.mysql.status() if request.path == "/status" else self.fleet.mysql.health()
        return document(content, indent=2, headers=_PREFLIGHT)

    def _rsync(self, request: Request) -> Answer:
        if request.method != "GET":
            return page_of_error(501, f"Unsupported method ({request.method!r}).")
        content: dict[str, Callable[[], Any]] = {"/": self.fleet.rsync.health, "/status": self.fleet.rsync.status}
        if request.target not in content:
            return page_of_error(404, "Nothing matches the given URI.")
        return document(content[request.target](), has_length=False)


def _told(content: Any) -> Answer:
    return document(content, headers=CORS)


@contextmanager
def running(
    fleet: Fleet, *, node: Fault | None = None, mysql: Fault | None = None, rsync: Fault | None = None
) -> Iterator[Servers]:
    """Serve a fleet on three free ports of loopback; faults may be there from the start."""
    servers = Servers(fleet)
    with ExitStack() as stack:
        for server, fault in ((servers.node, node), (servers.mysql, mysql), (servers.rsync, rsync)):
            server.start()
            stack.callback(server.stop)
            server.fault = fault
        fleet.mysql.node_address = servers.node.url.partition("//")[2]
        yield servers
