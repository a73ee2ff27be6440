# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rights of a user or token on a path, worked out as pve-access-control does.

A path is walked from the root down. At each step the entries of the caller that are set there, or that are set above
and propagate, replace those found before. A pool gives what its path gives to its members. A token with privilege
separation has what its own entries give, and of that only what its user has as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pve_simulator.errors import Forbidden
from pve_simulator.state.model import AclEntry, Cluster

ROOT = "root@pam"

_TOP_PATHS = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")
_MEMBER = re.compile(r"^/(vms|storage)/([^/]+)$")


def user_of(identity: str) -> str:
    """The user a token belongs to; a user's own name otherwise."""
    return identity.split("!", 1)[0]


class Rights:
    """Answers what callers may do. A view on the cluster: it keeps nothing but an index over the entries."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._index: dict[str, dict[str, list[AclEntry]]] = {}
        self._indexed: list[AclEntry] = []

    def privileges(self, identity: str, path: str) -> dict[str, int]:
        """Privilege to 0 or 1 (does it propagate?); presence is the right itself."""
        user = user_of(identity)
        if identity == user:
            return self._user_privileges(user, path)
        token = self._cluster.users[user].tokens.get(identity.split("!", 1)[1])
        if token is None or not token.privsep:
            return self._user_privileges(user, path)
        of_user = self._user_privileges(user, path)
        own = self._entry_privileges(identity, path)
        return {name: own[name] and of_user[name] for name in own if name in of_user}

    def has(self, identity: str, path: str, privilege: str) -> bool:
        """Tell whether the caller may use the privilege on the path."""
        return privilege in self.privileges(identity, path)

    def has_any(self, identity: str, path: str, privileges: Iterable[str]) -> bool:
        """Tell whether the caller may use one of the privileges on the path."""
        held = self.privileges(identity, path)
        return any(name in held for name in privileges)

    def check(self, identity: str, path: str, privilege: str) -> None:
        """Raise `Forbidden` unless the caller has the privilege on the path."""
        if not self.has(identity, path, privilege):
            raise Forbidden(f"{path}, {privilege}")

    def check_any(self, identity: str, path: str, privileges: Iterable[str]) -> None:
        """Raise `Forbidden` unless the caller has one of the privileges on the path."""
        names = list(privileges)
        if not self.has_any(identity, path, names):
            raise Forbidden(f"{path}, {'|'.join(names)}")

    def everything(self, identity: str) -> dict[str, dict[str, int]]:
        """What GET /access/permissions shows: the fixed paths, those with entries, and members of pools."""
        paths = set(_TOP_PATHS) | {entry.path for entry in self._cluster.acl}
        for guest in self._cluster.guests.values():
            if guest.pool is not None:
                paths.add(f"/vms/{guest.vmid}")
        for pool in self._cluster.pools.values():
            paths.update(f"/storage/{name}" for name in pool.storages)
        found = {path: self.privileges(identity, path) for path in sorted(paths)}
        return {path: held for path, held in found.items() if held}

    def _user_privileges(self, user: str, path: str) -> dict[str, int]:
        if user == ROOT:
            return dict.fromkeys(self._cluster.roles["Administrator"], 1)
        return self._entry_privileges(user, path)

    def _entry_privileges(self, who: str, path: str) -> dict[str, int]:
        roles = self._roles(who, path)
        member = _MEMBER.match(path)
        if member is not None and "NoAccess" not in roles:
            for pool in self._pools_with(member[1], member[2]):
                for role in self._roles(who, f"/pool/{pool}"):
                    roles.setdefault(role, 0)  # what comes from a pool goes no further
        if "NoAccess" in roles:
            return {}
        held: dict[str, int] = {}
        for role, propagate in roles.items():
            for privilege in self._cluster.roles.get(role, []):
                held[privilege] = max(held.get(privilege, 0), propagate)
        return held

    def _roles(self, who: str, path: str) -> dict[str, int]:
        by_path = self._entries().get(who, {})
        roles: dict[str, int] = {}
        for step in _steps(path):
            here = {
                entry.role: int(entry.propagate) for entry in by_path.get(step, ()) if entry.propagate or step == path
            }
            if here:
                roles = here
        return roles

    def _pools_with(self, kind: str, name: str) -> list[str]:
        if kind == "vms":
            guest = self._cluster.guests.get(int(name)) if name.isdigit() else None
            return [guest.pool] if guest is not None and guest.pool is not None else []
        return [pool.name for pool in self._cluster.pools.values() if name in pool.storages]

    def _entries(self) -> dict[str, dict[str, list[AclEntry]]]:
        if self._indexed != self._cluster.acl:
            self._indexed = list(self._cluster.acl)
            self._index = {}
            for entry in self._indexed:
                self._index.setdefault(entry.who, {}).setdefault(entry.path, []).append(entry)
        return self._index


def _steps(path: str) -> list[str]:
    steps = ["/"]
    for part in path.strip("/").split("/"):
        if part:
            steps.append(f"{steps[-1].rstrip('/')}/{part}")
    return steps
