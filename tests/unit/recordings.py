# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of running systems, read from the recordings that lie beside the checkout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

FOLDER = Path(__file__).parents[3] / "shared/recordings/pve"
_CASE = re.compile(
    r"^>>> ([A-Z]+) /api2/json(\S*)$((?:\n(?!<<< HTTP|## ).*)*)\n<<< HTTP (\d+) .*(?:\n<<<.*)*\n(\{.*\})$", re.MULTILINE
)
_BODY = re.compile(r"^>>>\n>>> (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Exchange:
    """A call and what came back: ``body`` is the whole answer, ``sent`` what a POST or PUT brought along."""

    source: str
    method: str
    path: str
    status: int
    body: dict[str, Any]
    sent: dict[str, str]


def exchanges(folder: Path = FOLDER) -> Iterator[Exchange]:
    """All calls with a JSON answer, in the order of the recording."""
    for file in sorted(folder.rglob("*.txt")):
        for method, path, request, status, body in _CASE.findall(file.read_text(encoding="utf-8")):
            found = _BODY.search(request)
            sent = dict(parse_qsl(found.group(1), keep_blank_values=True)) if found else {}
            yield Exchange(str(file.relative_to(folder)), method, path, int(status), json.loads(body), sent)
