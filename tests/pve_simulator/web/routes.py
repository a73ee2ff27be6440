# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of endpoints: method, path, parameters, privilege, function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from pve_simulator.schema.parameters import Table
from pve_simulator.state.model import Cluster
from pve_simulator.versions import Version
from pve_simulator.world import World

EVERYBODY = "all"  # whoever is logged in
WORLD = "world"  # nobody needs to be
ROOT_ONLY = "root"  # root himself, no token of his: what Proxmox asks where it names no right


@dataclass(frozen=True)
class Privilege:
    """The right a call needs; ``path`` may name parameters. Several privileges: any of them is enough."""

    path: str
    names: tuple[str, ...]


# the right that a call needs, or whoever may make it; where releases differ a function of the release
Permission = Union[Privilege, str, Callable[[Version], Privilege]]


@dataclass(frozen=True)
class Call:
    """A call that was let in: who calls, with which verified parameters."""

    world: World
    identity: str
    parameters: dict[str, Any]
    arguments: dict[str, Any] = field(default_factory=dict)  # as sent, without those in the path

    @property
    def cluster(self) -> Cluster:
        """The cluster."""
        return self.world.cluster

    @property
    def node(self) -> str:
        """The node in the path."""
        return str(self.parameters["node"])

    def allowed(self, path: str, *privileges: str) -> bool:
        """Tell whether the caller has one of the privileges on the path."""
        return self.world.rights.has_any(self.identity, path, privileges)


Handler = Callable[[Call], object]


@dataclass(frozen=True)
class Endpoint:
    """One method on one path."""

    method: str
    path: str
    table: Table | Callable[[Version], Table]
    permission: Permission
    handler: Handler
    pattern: re.Pattern[str]

    def parameters(self, version: Version) -> Table:
        """The parameters that a release takes."""
        return self.table(version) if callable(self.table) else self.table

    def needs(self, version: Version) -> Privilege | str:
        """What a release wants of the caller."""
        return self.permission(version) if callable(self.permission) else self.permission


class Routes:
    """The endpoints of a room, in the order in which they are tried."""

    def __init__(self) -> None:
        self._endpoints: list[Endpoint] = []

    def add(
        self,
        method: str,
        path: str,
        table: Table | Callable[[Version], Table] | None = None,
        permission: Permission = EVERYBODY,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated function. ``{name}`` in the path is a parameter, ``{name*}`` one with slashes.

        A table or a permission that differs between releases is a function of the release.
        """

        def register(handler: Handler) -> Handler:
            self._endpoints.append(Endpoint(method, path, table or {}, permission, handler, _compiled(path)))
            return handler

        return register

    def __iter__(self) -> Iterator[Endpoint]:
        return iter(self._endpoints)


class Directory:
    """All endpoints of the server."""

    def __init__(self, rooms: Sequence[Routes]) -> None:
        self.endpoints = [endpoint for room in rooms for endpoint in room]

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        """The endpoint and the parameters in the path, or None."""
        for endpoint in self.endpoints:
            match = endpoint.pattern.match(path) if endpoint.method == method else None
            if match is not None:
                return endpoint, match.groupdict()
        return None


def _compiled(path: str) -> re.Pattern[str]:
    pattern = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", path)
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
    return re.compile(f"^{pattern}$")
