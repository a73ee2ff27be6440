# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users and their tokens, as far as tests need them (recorded: 14_transport)."""

from __future__ import annotations

import uuid

from pve_simulator.errors import Died, Forbidden
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import USER
from pve_simulator.state.model import Token, User
from pve_simulator.web.routes import Call, Routes

routes = Routes()

_TOKEN_ID = Parameter(format="pve-tokenid", optional=False)
_TOKEN_SETTINGS = {
    "comment": Parameter(),
    "expire": Parameter(type="integer", minimum=0, default="same as user"),
    "privsep": Parameter(type="boolean", default=1),
}

CHANGE_USER = {
    "userid": USER,
    "append": Parameter(type="boolean", requires="groups"),
    "comment": Parameter(max_length=2048),
    "email": Parameter(max_length=254),
    "enable": Parameter(type="boolean", default=1),
    "expire": Parameter(type="integer", minimum=0),
    "firstname": Parameter(max_length=1024),
    "groups": Parameter(),
    "keys": Parameter(),
    "lastname": Parameter(max_length=1024),
}


@routes.add("PUT", "/access/users/{userid}", CHANGE_USER)
def change_user(call: Call) -> object:
    """Enable, disable or expire a user."""
    if not call.allowed("/access/groups", "User.Modify"):
        raise Forbidden("/access/groups, User.Modify")
    user = _user(call)
    if "enable" in call.parameters:
        user.enabled = bool(call.parameters["enable"])
    user.expire = call.parameters.get("expire", user.expire)
    call.world.touch()
    return None


@routes.add("GET", "/access/users/{userid}/token", {"userid": USER})
def list_tokens(call: Call) -> object:
    """A user's tokens."""
    _own_or_modify(call)
    return [{"tokenid": token.name, **_described(token)} for token in _user(call).tokens.values()]


@routes.add("GET", "/access/users/{userid}/token/{tokenid}", {"userid": USER, "tokenid": _TOKEN_ID})
def show_token(call: Call) -> object:
    """One token."""
    _own_or_modify(call)
    return _described(_token(call))


@routes.add("POST", "/access/users/{userid}/token/{tokenid}", {"userid": USER, "tokenid": _TOKEN_ID, **_TOKEN_SETTINGS})
def make_token(call: Call) -> object:
    """A new token; the answer repeats what was sent, as text."""
    _own_or_modify(call)
    user, name = _user(call), call.parameters["tokenid"]
    if name in user.tokens:
        raise Died("Token already exists.")
    given = call.parameters
    token = Token(
        name, str(uuid.uuid4()), bool(given.get("privsep", 1)), given.get("expire", user.expire), given.get("comment")
    )
    user.tokens[name] = token
    call.world.touch()
    info = {"privsep": "1", **{key: str(value) for key, value in call.arguments.items()}}
    return {"full-tokenid": f"{user.name}!{name}", "value": token.secret, "info": info}


@routes.add("PUT", "/access/users/{userid}/token/{tokenid}", {"userid": USER, "tokenid": _TOKEN_ID, **_TOKEN_SETTINGS})
def change_token(call: Call) -> object:
    """Change a token's expiry, separation or comment (not recorded)."""
    _own_or_modify(call)
    token, given = _token(call), call.parameters
    token.expire = given.get("expire", token.expire)
    token.privsep = bool(given.get("privsep", token.privsep))
    token.comment = given.get("comment", token.comment)
    call.world.touch()
    return _described(token)


@routes.add("DELETE", "/access/users/{userid}/token/{tokenid}", {"userid": USER, "tokenid": _TOKEN_ID})
def remove_token(call: Call) -> object:
    """Remove a token."""
    _own_or_modify(call)
    del _user(call).tokens[_token(call).name]
    call.world.touch()
    return None


def _own_or_modify(call: Call) -> None:
    if call.identity != call.parameters["userid"] and not call.allowed("/access/groups", "User.Modify"):
        raise Forbidden("/access/groups, User.Modify")


def _user(call: Call) -> User:
    user = call.cluster.users.get(call.parameters["userid"])
    if user is None:
        raise Died(f"no such user ('{call.parameters['userid']}')")
    return user


def _token(call: Call) -> Token:
    user = _user(call)
    token = user.tokens.get(call.parameters["tokenid"])
    if token is None:
        raise Died(f"no such token '{call.parameters['tokenid']}' for user '{user.name}'")
    return token


def _described(token: Token) -> dict[str, object]:
    found: dict[str, object] = {"privsep": int(token.privsep), "expire": token.expire}
    if token.comment is not None:
        found["comment"] = token.comment
    return found
