# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of tasks. Private to this collection."""

from __future__ import annotations

import re
from dataclasses import dataclass

# pve-common UPID.pm: node, pid, pstart, starttime (hexadecimal), type, id, user
_UPID = re.compile(
    r"^UPID:(?P<node>[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?):(?P<pid>[0-9A-Fa-f]{8}):(?P<pstart>[0-9A-Fa-f]{8,9}):"
    r"(?P<starttime>[0-9A-Fa-f]{8}):(?P<type>[^:\s/]+):(?P<id>[^:\s/]*):(?P<user>[^:\s/]+):$"
)
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Upid:
    """A task's name and what it tells: ``starttime`` in epoch seconds by the node's clock, ``user`` an authid."""

    text: str
    node: str
    starttime: int
    type: str
    id: str
    user: str

    @classmethod
    def parse(cls, text: object) -> Upid | None:
        """The task named by ``text``, None where it is not a UPID (POST vzdump may answer the word ``OK``)."""
        match = _UPID.match(text) if isinstance(text, str) else None
        if match is None:
            return None
        return cls(
            match.group(0),
            match.group("node"),
            int(match.group("starttime"), 16),
            match.group("type"),
            _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), match.group("id")),
            match.group("user"),
        )
