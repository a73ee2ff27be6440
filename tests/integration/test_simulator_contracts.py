# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The simulator's parameter tables and privileges against the published ones of Proxmox VE 8.4.5 and 9.2.3."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pve_simulator.api import rooms
from pve_simulator.schema.parameters import Parameter
from pve_simulator.schema.shared import PROPERTY_STRING
from pve_simulator.versions import VERSIONS
from pve_simulator.web.routes import EVERYBODY, ROOT_ONLY, Endpoint, Privilege

CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
FILES = {"8.4": "pve-8.4.5.json", "9.2": "pve-9.2.3.json"}
ENDPOINTS = [endpoint for room in rooms() for endpoint in room]

# indexes, and what was recorded but is not part of the published tables that we have
NOT_PUBLISHED = {
    "GET /",
    "GET /cluster",
    "GET /access/users/{userid}/token",
    "GET /access/users/{userid}/token/{tokenid}",
    "POST /access/users/{userid}/token/{tokenid}",
    "PUT /access/users/{userid}/token/{tokenid}",
    "DELETE /access/users/{userid}/token/{tokenid}",
    "PUT /access/users/{userid}",
    "GET /nodes/{node}/qemu/{vmid}/agent/get-osinfo",
    "GET /nodes/{node}/qemu/{vmid}/agent/get-host-name",
    "GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces",
    "GET /nodes/{node}/qemu/{vmid}/agent/file-read",
}


def contract(version: str) -> dict[str, Any]:
    path = CONTRACTS / FILES[version]
    if not path.exists() and os.environ.get("LIFEBOAT_REQUIRE_SHARED") != "1":
        pytest.skip("not run: needs ../shared/contracts beside the checkout")
    paths: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["paths"]
    return paths


def published(version: str, endpoint: Endpoint) -> dict[str, Any] | None:
    methods = contract(version).get(endpoint.path.replace("*}", "}"), {})
    found: dict[str, Any] | None = methods.get(endpoint.method)
    return found


def name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def in_words(parameter: Parameter) -> dict[str, Any]:
    """A parameter as the published tables write it."""
    words: dict[str, Any] = {"type": parameter.type}
    if parameter.optional:
        words["optional"] = True
    if parameter.enum is not None:
        words["enum"] = list(parameter.enum)
    for key in ("minimum", "maximum", "max_length", "min_length", "format", "default", "requires"):
        if getattr(parameter, key) is not None:
            words[key] = getattr(parameter, key)
    if parameter.type == "array":
        words["items"] = {"type": "string"}
    return words


@pytest.mark.parametrize("version", sorted(VERSIONS))
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name)
def test_parameters_are_those_of_proxmox(version: str, endpoint: Endpoint) -> None:
    found = published(version, endpoint)
    if found is None:
        assert name(endpoint) in NOT_PUBLISHED
        return
    ours = {key: in_words(value) for key, value in endpoint.parameters(VERSIONS[version]).items()}
    assert ours == {key: _without_parts(item) for key, item in found["params"].items()}


def _without_parts(item: dict[str, Any]) -> dict[str, Any]:
    """A published parameter without its pattern; of a property string only that it is one.

    8.4 has a format where it means the type of an array's items.
    """
    kept = {word: value for word, value in item.items() if word != "pattern"}
    if kept.get("items") == {"format": "string"}:
        kept["items"] = {"type": "string"}
    return {**kept, "format": PROPERTY_STRING} if isinstance(kept.get("format"), dict) else kept


@pytest.mark.parametrize("version", sorted(VERSIONS))
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name)
def test_patterns_are_there_where_proxmox_has_them(version: str, endpoint: Endpoint) -> None:
    found = published(version, endpoint)
    for key, item in (found or {"params": {}})["params"].items():
        ours = endpoint.parameters(VERSIONS[version])[key].pattern
        assert (ours is None) == ("pattern" not in item), key


@pytest.mark.parametrize("version", sorted(VERSIONS))
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=name)
def test_privileges_are_those_of_proxmox(version: str, endpoint: Endpoint) -> None:
    found = published(version, endpoint)
    if found is None:
        return
    assert in_contract_words(endpoint.needs(VERSIONS[version])) == found["permissions"]


def in_contract_words(permission: Privilege | str) -> dict[str, Any] | None:
    if permission == ROOT_ONLY:
        return None  # where no right is published, Proxmox lets nobody in but root
    if isinstance(permission, str):
        return {"user": "all" if permission == EVERYBODY else "world"}
    check: list[Any] = ["perm", permission.path, list(permission.names)]
    return {"expression": {"check": [*check, "any", 1] if len(permission.names) > 1 else check}}


def test_paths_are_registered_once() -> None:
    names = [re.sub(r"\{\w+\*?\}", "{}", name(endpoint)) for endpoint in ENDPOINTS]
    assert sorted(names) == sorted(set(names))
    needs = [endpoint.needs(version) for endpoint in ENDPOINTS for version in VERSIONS.values()]
    assert all(isinstance(needed, (str, Privilege)) for needed in needs)
