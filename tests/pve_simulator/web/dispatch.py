# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a request to an answer, in the order of pve-manager: log in, find, compare, permit, hand on, verify, do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pve_simulator.access.acl import ROOT
from pve_simulator.access.authentication import Caller, authenticate, check_csrf
from pve_simulator.api import rooms
from pve_simulator.errors import ApiError, Died, Forbidden, NotImplementedHere, ParameterError, ProxyFailed
from pve_simulator.schema import parameters
from pve_simulator.web import answer
from pve_simulator.web.answer import Answer
from pve_simulator.web.routes import ROOT_ONLY, WORLD, Call, Directory, Endpoint, Privilege
from pve_simulator.world import World

_CONFLICT = "duplicate parameter (already defined in URI) with conflicting values!"


@dataclass(frozen=True)
class Question:
    """A request as far as the API sees it: ``path`` begins behind ``/api2/json``."""

    method: str
    path: str
    headers: Mapping[str, str]
    arguments: dict[str, Any]


class Dispatcher:
    """Answers questions. ``auth_delay`` is how long a failed login takes (3 s in Proxmox)."""

    def __init__(self, world: World, auth_delay: float) -> None:
        self._world = world
        self._auth_delay = auth_delay
        self._directory = Directory(rooms())

    def answer(self, question: Question) -> tuple[Answer, str | None]:
        """The answer, and who asked."""
        identity: str | None = None
        try:
            with self._world.changed:
                caller, found = self._admitted(question)
                identity = caller.identity if caller is not None else None
                data = self._carried_out(question, identity or "", *found)
            return answer.of_data(data), identity
        except ApiError as error:
            if error.status == 401 and self._auth_delay:
                time.sleep(self._auth_delay)
            return answer.of_error(error), identity

    def _admitted(self, question: Question) -> tuple[Caller | None, tuple[Endpoint, dict[str, str]]]:
        found = self._directory.find(question.method, question.path)
        if found is not None and found[0].permission == WORLD:
            return None, found
        now = self._world.now()
        caller = authenticate(self._world.cluster, question.headers, now)
        if question.method != "GET":
            check_csrf(self._world.cluster, caller, question.headers, now)
        if found is None:
            raise NotImplementedHere(question.method, question.path)
        return caller, found

    def _carried_out(self, question: Question, identity: str, endpoint: Endpoint, in_path: dict[str, str]) -> object:
        world = self._world
        for name, value in in_path.items():
            if name in question.arguments and str(question.arguments[name]) != value:
                raise ParameterError({name: _CONFLICT})
        given = {**question.arguments, **in_path}
        needed = endpoint.needs(world.version)
        if isinstance(needed, Privilege):
            path = needed.path.format_map({name: str(value) for name, value in given.items()})
            world.rights.check_any(identity, path, needed.names)
        elif needed == ROOT_ONLY and identity != ROOT:
            raise Forbidden("user != root@pam")
        if "node" in in_path:
            self._reach(in_path["node"])
        verified = parameters.verify(endpoint.parameters(world.version), given, world.version)
        arguments = {name: verified[name] for name in question.arguments}
        return endpoint.handler(Call(world, identity, verified, arguments))

    def _reach(self, name: str) -> None:
        """Hand a call on to its node, as far as the simulator has to: it must exist and be switched on."""
        if name == "localhost":
            return
        node = self._world.cluster.nodes.get(name)
        if node is None:
            text = f"failed to get address info for: {name}: Name or service not known"
            raise Died(f"hostname lookup '{name}' failed - {text}")
        if not node.online:
            raise ProxyFailed("No route to host")
