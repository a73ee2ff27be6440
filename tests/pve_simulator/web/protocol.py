# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP as Proxmox speaks it, where ASGI has no words for it.

Proxmox puts the text of an error into the reason phrase, uses status codes that have no name, and answers some
errors without any length, by closing the connection. ASGI knows neither reason phrases nor a way to hang up, so the
application asks for both by headers of its own, which are taken out here before anything reaches the wire.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

REASON = "x-simulator-reason"
UNTIL_CLOSE = "x-simulator-until-close"
HANG_UP = "x-simulator-hang-up"

_OWN = (REASON.encode(), UNTIL_CLOSE.encode(), HANG_UP.encode())


class _Connection(h11.Connection):
    """Carries out what the application asked for by its own headers."""

    def __init__(self, role: type[h11.SERVER], limit: int, protocol: H11Protocol) -> None:
        super().__init__(role, max_incomplete_event_size=limit)
        self._protocol = protocol
        self._hung_up = False

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """The bytes for an event; `send` is made of this."""
        if isinstance(event, h11.Response):
            event = self._rewritten(event)
        data: list[bytes] | None = super().send_with_data_passthrough(event)
        if self._hung_up:
            self._protocol.transport.close()
            return []
        return data

    def _rewritten(self, response: h11.Response) -> h11.Response:
        asked = {name: value for name, value in response.headers if name in _OWN}
        if HANG_UP.encode() in asked:
            self._hung_up = True
        if UNTIL_CLOSE.encode() in asked:
            # h11 frames by closing the connection for clients of HTTP/1.0 only
            self.their_http_version = b"1.0"
        headers = [(name, value) for name, value in response.headers.raw_items() if name.lower() not in _OWN]
        reason = asked.get(REASON.encode(), response.reason)
        return h11.Response(status_code=response.status_code, headers=headers, reason=reason)


class ProxmoxProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with the connection above."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = _Connection(h11.SERVER, 1 << 16, self)
