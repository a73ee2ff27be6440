# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters out of a query, a form or a JSON document."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from pve_simulator.errors import ApiError


def decoded(query: bytes, content_type: str, body: bytes) -> dict[str, Any]:
    """The parameters of a request; a name that comes several times has a list."""
    found = _pairs(query.decode("utf-8", "replace"))
    if content_type.split(";", 1)[0].strip().lower() == "application/json" and body:
        found.update(_document(body))
    elif body:
        found.update(_pairs(body.decode("utf-8", "replace")))
    return found


def _pairs(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in found:
            found[name] = value
        elif isinstance(found[name], list):
            found[name].append(value)
        else:
            found[name] = [found[name], value]
    return found


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ApiError(500, f"malformed JSON string: {error}\n") from error
    if not isinstance(document, dict):
        raise ApiError(500, "malformed JSON document: no object\n")
    return {name: _perl(value) for name, value in document.items() if value is not None}


def _perl(value: Any) -> Any:
    """Booleans as Proxmox reads them; lists as they are."""
    if isinstance(value, bool):
        return int(value)
    return [_perl(item) for item in value] if isinstance(value, list) else value
