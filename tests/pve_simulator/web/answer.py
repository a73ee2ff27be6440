# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers: what goes back for data, for a text, for an error."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pve_simulator.errors import ApiError, ProxyFailed, Unauthenticated

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Listing:
    """Data with the number of all items, of which ``data`` may be a part. Proxmox leaves a total of 0 out."""

    data: list[Any]
    total: int


@dataclass(frozen=True)
class Text:
    """A plain text in place of JSON."""

    text: str


@dataclass(frozen=True)
class Answer:
    """What goes on the wire. ``body`` None is no body at all, not even a length."""

    status: int
    reason: str
    body: bytes | None
    content_type: str = JSON


def of_data(data: object) -> Answer:
    """The answer to a call that worked."""
    if isinstance(data, Text):
        return Answer(200, "OK", data.text.encode(), "text/plain")
    if isinstance(data, Listing):
        document: dict[str, Any] = {"data": data.data}
        if data.total:
            document["total"] = data.total
        return Answer(200, "OK", _json(document))
    return Answer(200, "OK", _json({"data": data}))


def of_error(error: ApiError) -> Answer:
    """The answer to a call that did not."""
    if isinstance(error, (Unauthenticated, ProxyFailed)):
        return Answer(error.status, error.reason, None)
    document: dict[str, Any] = {"data": None, "message": error.message}
    if error.errors is not None:
        document["errors"] = error.errors
    return Answer(error.status, error.reason, _json(document))


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
