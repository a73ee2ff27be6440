# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From headers to a caller: tokens, tickets, passwords."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote

from pve_simulator.access import passwords, tickets
from pve_simulator.errors import Unauthenticated
from pve_simulator.state.model import Cluster, User

_TOKEN = re.compile(r"^PVEAPIToken[= ](?P<user>[^\s:/!]+@[A-Za-z][\w.\-]+)!(?P<name>[A-Za-z][\w.\-]+)=(?P<secret>\S+)$")
_FAILED = "Authentication failed!"


@dataclass(frozen=True)
class Caller:
    """Who calls: ``identity`` is the user, or the full id of the token."""

    identity: str
    by_ticket: bool


def authenticate(cluster: Cluster, headers: Mapping[str, str], now: float) -> Caller:
    """The caller of a request. Raises `Unauthenticated` (recorded: 02_auth)."""
    authorization = headers.get("authorization")
    if authorization is not None and authorization.startswith("PVEAPIToken"):
        return Caller(_token_owner(cluster, authorization, now), by_ticket=False)
    ticket = _ticket(headers.get("cookie"))
    if ticket is None:
        raise Unauthenticated("No ticket")
    user = tickets.verify(cluster.secret, ticket, now)
    if user is None or not usable(cluster.users.get(user), now):
        raise Unauthenticated(_FAILED)
    return Caller(user, by_ticket=True)


def check_csrf(cluster: Cluster, caller: Caller, headers: Mapping[str, str], now: float) -> None:
    """Raise `Unauthenticated` when a call that changes something comes with a ticket and without its token."""
    token = headers.get("csrfpreventiontoken")
    if caller.by_ticket and not tickets.csrf_valid(cluster.secret, caller.identity, token, now):
        raise Unauthenticated("Permission denied - invalid csrf token")


def login(cluster: Cluster, name: str, password: str, now: float) -> str | None:
    """The user a name and a password (or a ticket in its place) belong to, or None."""
    user = cluster.users.get(name)
    if user is None or not usable(user, now):
        return None
    if password.startswith("PVE:"):
        return name if tickets.verify(cluster.secret, password, now) == name else None
    if user.password is None or not passwords.matches(password, user.password):
        return None
    return name


def usable(user: User | None, now: float) -> bool:
    """Tell whether the user exists, is enabled and has not expired."""
    return user is not None and user.enabled and not (user.expire and user.expire < now)


def _token_owner(cluster: Cluster, authorization: str, now: float) -> str:
    match = _TOKEN.match(authorization)
    user = cluster.users.get(match["user"]) if match else None
    token = user.tokens.get(match["name"]) if match and user else None
    if match is None or token is None or not usable(user, now):
        raise Unauthenticated(_FAILED)
    if not hmac.compare_digest(token.secret, match["secret"]) or (token.expire and token.expire < now):
        raise Unauthenticated(_FAILED)
    return f"{match['user']}!{match['name']}"


def _ticket(header: str | None) -> str | None:
    try:
        morsel = SimpleCookie(header or "").get("PVEAuthCookie")
    except CookieError:
        return None
    return unquote(morsel.value) if morsel is not None else None
