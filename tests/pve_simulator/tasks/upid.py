# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The name of a task: node, process, start, type, what it is about, who asked."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UPID = re.compile(
    r"^UPID:(?P<node>[a-zA-Z0-9](?:[a-zA-Z0-9\-]*[a-zA-Z0-9])?):(?P<pid>[0-9A-Fa-f]{8}):(?P<pstart>[0-9A-Fa-f]{8,9}):"
    r"(?P<starttime>[0-9A-Fa-f]{8}):(?P<type>[^:\s/]+):(?P<id>[^:\s/]*):(?P<user>[^:\s/]+):$"
)
_SPECIAL = re.compile(r"[^A-Za-z0-9_.@\-]")


@dataclass(frozen=True)
class Upid:
    """A UPID, taken apart. ``user`` is the full token id where a token asked."""

    node: str
    pid: int
    pstart: int
    starttime: int
    type: str
    id: str
    user: str

    def __str__(self) -> str:
        escaped = _SPECIAL.sub(lambda match: f"\\x{ord(match[0]):02x}", self.id)
        return (
            f"UPID:{self.node}:{self.pid:08X}:{self.pstart:08X}:{self.starttime:08X}:{self.type}:{escaped}:{self.user}:"
        )

    def described(self) -> dict[str, str | int]:
        """The parts as status and lists show them: a token apart from its user."""
        user, _mark, token = self.user.partition("!")
        parts: dict[str, str | int] = {
            "upid": str(self),
            "node": self.node,
            "pid": self.pid,
            "pstart": self.pstart,
            "starttime": self.starttime,
            "type": self.type,
            "id": self.id,
            "user": user,
        }
        if token:
            parts["tokenid"] = token
        return parts


def parse(text: str) -> Upid | None:
    """The UPID in a text, or None."""
    match = _UPID.match(text)
    if match is None:
        return None
    numbers = {name: int(match[name], 16) for name in ("pid", "pstart", "starttime")}
    name = re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), match["id"])
    return Upid(node=match["node"], type=match["type"], id=name, user=match["user"], **numbers)
