# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers before they are sent, in the dialects of the three programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

CORS = {"Access-Control-Allow-Origin": "*"}


@dataclass(frozen=True)
class Answer:
    """Status, body and headers. Without ``has_length`` the end of the connection is the end of the body."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    has_length: bool = True

    @property
    def reason(self) -> str:
        """The words beside the status."""
        return HTTPStatus(self.status).phrase


def document(
    content: Any, *, indent: int | None = None, headers: dict[str, str] | None = None, has_length: bool = True
) -> Answer:
    """A JSON document."""
    body = json.dumps(content, indent=indent).encode()
    return Answer(200, body, {"Content-Type": "application/json", **(headers or {})}, has_length)


def page_of_error(status: int, text: str, headers: dict[str, str] | None = None) -> Answer:
    """An error as a page for people."""
    phrase = HTTPStatus(status).phrase
    body = f"<!DOCTYPE html><title>Error: {status} {phrase}</title><h1>Error: {status} {phrase}</h1><pre>{text}</pre>\n"
    return Answer(status, body.encode(), {"Content-Type": "text/html; charset=UTF-8", **(headers or {})})


def traceback_of(where: str, what: str) -> str:
    """What the node answers, with 200, when something went wrong in it."""
    return (
        "Traceback (most recent call last):\n"
        '  File "/opt/ethoscope/src/node/ethoscope_node/api/base.py", line 22, in wrapper\n'
        "    return func(*args, **kwargs)\n"
        f'  File "/opt/ethoscope/src/node/ethoscope_node/api/device_api.py", in {where}\n'
        f"{what}\n"
    )
