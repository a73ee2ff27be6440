# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tickets and CSRF tokens: the user and the time, signed with a secret of the cluster."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

LIFETIME = 7200.0
_SKEW = 300.0  # how far into the future a ticket may lie
_TICKET = re.compile(r"^PVE:(?P<user>[^:]+):(?P<time>[0-9A-F]{8})::(?P<signature>\S+)$")
_CSRF = re.compile(r"^(?P<time>[0-9A-F]{8}):(?P<signature>\S+)$")


def issue(secret: str, user: str, now: float) -> str:
    """A ticket for the cookie PVEAuthCookie."""
    head = f"PVE:{user}:{int(now):08X}"
    return f"{head}::{_signature(secret, head, blocks=4)}"


def issue_csrf(secret: str, user: str, now: float) -> str:
    """A token for the header CSRFPreventionToken."""
    stamp = f"{int(now):08X}"
    return f"{stamp}:{_csrf_signature(secret, stamp, user)}"


def verify(secret: str, ticket: str, now: float) -> str | None:
    """The user a valid ticket belongs to, or None."""
    match = _TICKET.match(ticket)
    if match is None or not _in_time(match["time"], now):
        return None
    expected = _signature(secret, f"PVE:{match['user']}:{match['time']}", blocks=4)
    return match["user"] if hmac.compare_digest(expected, match["signature"]) else None


def csrf_valid(secret: str, user: str, token: str | None, now: float) -> bool:
    """Tell whether the CSRF token belongs to the user and is young enough."""
    match = _CSRF.match(token or "")
    if match is None or not _in_time(match["time"], now):
        return False
    return hmac.compare_digest(_csrf_signature(secret, match["time"], user), match["signature"])


def _in_time(stamp: str, now: float) -> bool:
    return -_SKEW < now - int(stamp, 16) < LIFETIME


def _csrf_signature(secret: str, stamp: str, user: str) -> str:
    digest = hmac.new(secret.encode(), f"{stamp}:{user}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode().rstrip("=")


def _signature(secret: str, text: str, blocks: int) -> str:
    # as long as the RSA signature of the original, because clients store and log by length
    parts = (hmac.new(secret.encode(), f"{part}:{text}".encode(), hashlib.sha512).digest() for part in range(blocks))
    return base64.b64encode(b"".join(parts)).decode()
