# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logging in, and what a caller may do."""

from __future__ import annotations

import re

from pve_simulator.access import tickets
from pve_simulator.access.authentication import login
from pve_simulator.errors import ApiError, ParameterError
from pve_simulator.schema.parameters import Parameter
from pve_simulator.web.routes import WORLD, Call, Routes
from pve_simulator.world import World

routes = Routes()

_AREAS = {
    "vms": ("/vms", r"VM\.|Permissions\.Modify"),
    "access": ("/access", r"(?:User|Group)\.|Permissions\.Modify"),
    "storage": ("/storage", r"Datastore\.|Permissions\.Modify"),
    "nodes": ("/nodes", r"Sys\.|Permissions\.Modify"),
    "sdn": ("/sdn", r"SDN\.|Permissions\.Modify"),
    "dc": ("/", r"Sys\.Audit|Sys\.Modify|SDN\."),
    "mapping": ("/mapping", r"Mapping\.|Permissions\.Modify"),
}

LOGIN = {
    "username": Parameter(optional=False, max_length=64),
    "realm": Parameter(format="pve-realm", max_length=32),
    "password": Parameter(optional=False),
    "otp": Parameter(),
    "path": Parameter(max_length=64, requires="privs"),
    "privs": Parameter(format="pve-priv-list", max_length=64, requires="path"),
    "new-format": Parameter(type="boolean", default=1),
    "tfa-challenge": Parameter(),
}


@routes.add("GET", "/access/ticket", permission=WORLD)
def ticket_page(call: Call) -> object:
    """A dummy, as in Proxmox: a place for browsers to go to."""
    return None


@routes.add("POST", "/access/ticket", LOGIN, WORLD)
def ticket(call: Call) -> object:
    """A ticket for a user (recorded: 02_auth)."""
    name = call.parameters["username"]
    if "realm" in call.parameters and "@" not in name:
        name = f"{name}@{call.parameters['realm']}"
    now = call.world.now()
    user = login(call.cluster, name, call.parameters["password"], now)
    if user is None:
        raise ApiError(401, "authentication failure\n")
    return {
        "username": user,
        "ticket": tickets.issue(call.cluster.secret, user, now),
        "CSRFPreventionToken": tickets.issue_csrf(call.cluster.secret, user, now),
        "cap": _capabilities(call.world, user),
    }


PERMISSIONS = {
    "userid": Parameter(pattern=r"[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+(?:![A-Za-z][A-Za-z0-9.\-_]+)?"),
    "path": Parameter(),
}


@routes.add("GET", "/access/permissions", PERMISSIONS)
def permissions(call: Call) -> object:
    """The privileges of the caller, or of somebody else for those with Sys.Audit on /access."""
    who = call.parameters.get("userid", call.identity)
    if who != call.identity:
        call.world.rights.check(call.identity, "/access", "Sys.Audit")
        user, _mark, token = who.partition("!")
        known = call.cluster.users.get(user)
        if known is None or (token and token not in known.tokens):
            raise ParameterError({"userid": f"no such user ('{who}')"})
    path = call.parameters.get("path")
    if path is not None:
        return {path: call.world.rights.privileges(who, path)}
    return call.world.rights.everything(who)


def _capabilities(world: World, user: str) -> dict[str, dict[str, int]]:
    """What a user interface shows or hides: privileges by area, on the area's root or anywhere below it."""
    caps: dict[str, dict[str, int]] = {}
    for area, (root, pattern) in _AREAS.items():
        below = f"{root}/" if root != "/" else root
        paths = {root, *(entry.path for entry in world.cluster.acl if area != "dc" and entry.path.startswith(below))}
        held = {name for path in paths for name in world.rights.privileges(user, path)}
        caps[area] = {name: 1 for name in sorted(held) if re.match(pattern, name)}
    return caps
