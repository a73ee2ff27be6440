# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every request that is made, held against the parameter schemas of Proxmox VE 7.4, 8.4 and 9.2."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import vzdump_parameters

CONTRACTS = Path(__file__).resolve().parents[3] / "shared" / "contracts"
VERSIONS = ["7.4", "8.4.5", "9.2.3"]

REQUESTS = [
    ("POST", "/access/ticket", {"username", "password"}),
    ("GET", "/access/permissions", set()),
    ("GET", "/cluster/resources", set()),
    ("GET", "/nodes/{node}/storage", {"content"}),
    ("GET", "/nodes/{node}/storage", {"storage"}),
    ("GET", "/nodes/{node}/time", set()),
    ("GET", "/nodes/{node}/storage/{storage}/content", {"content"}),
    ("GET", "/nodes/{node}/tasks", {"typefilter", "source", "limit"}),
    ("GET", "/nodes/{node}/tasks/{upid}/status", set()),
    ("GET", "/nodes/{node}/tasks/{upid}/log", {"start", "limit"}),
    ("DELETE", "/nodes/{node}/tasks/{upid}", set()),
    ("GET", "/nodes/{node}/lxc/{vmid}/status/current", set()),
    ("GET", "/nodes/{node}/qemu/{vmid}/status/current", set()),
    ("GET", "/nodes/{node}/status", set()),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/start", set()),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/start", set()),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/stop", set()),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/stop", set()),
    ("DELETE", "/nodes/{node}/lxc/{vmid}", {"destroy-unreferenced-disks"}),
    ("DELETE", "/nodes/{node}/qemu/{vmid}", {"destroy-unreferenced-disks"}),
    ("PUT", "/nodes/{node}/lxc/{vmid}/config", {"delete", "onboot"}),
    ("PUT", "/nodes/{node}/qemu/{vmid}/config", {"delete", "onboot", "ide[n]"}),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/ping", set()),
    ("POST", "/nodes/{node}/qemu/{vmid}/agent/exec", {"command"}),
    ("GET", "/nodes/{node}/qemu/{vmid}/agent/exec-status", {"pid"}),
]

ANY_VERSION = {
    "mode": "stop",
    "compress": "zstd",
    "notes": "x",
    "protected": True,
    "bwlimit": 1,
    "ionice": 1,
    "zstd_threads": 1,
    "performance": {"max_workers": 2, "pbs_entries_max": None},
    "exclude_paths": ["/x"],
    "lock_wait": "1m",
    "stop_wait": "1m",
    "storage_retention": False,
}
NEWER = {
    "notification_mode": "auto",
    "fleecing": {"enabled": True, "storage": "local"},
    "change_detection_mode": "data",
}


@functools.cache
def contract(version: str) -> dict[str, Any]:
    """The paths of a version."""
    file = CONTRACTS / f"pve-{version}.json"
    if not file.exists():
        reason = f"{file} is not there"
        if os.environ.get("LIFEBOAT_REQUIRE_SHARED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    paths: dict[str, Any] = json.loads(file.read_text())["paths"]
    return paths


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    REQUESTS,
    ids=lambda value: value if isinstance(value, str) else ",".join(sorted(value)),
)
def test_the_request_exists(version: str, method: str, path: str, parameters: set[str]) -> None:
    known = contract(version)[path][method]["params"]
    assert parameters <= set(known)
    needed = {name for name, rule in known.items() if not rule.get("optional") and "{" + name + "}" not in path}
    assert needed <= parameters


@pytest.mark.parametrize("version", VERSIONS)
def test_parameters_of_a_backup_are_known_to_every_version(version: str) -> None:
    known = contract(version)["/nodes/{node}/vzdump"]["POST"]["params"]
    sent = vzdump_parameters(ANY_VERSION)
    assert set(sent) | {"vmid", "storage"} <= set(known)
    for name, value in sent.items():
        allowed = known[name].get("enum")
        assert allowed is None or str(value) in allowed, name


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_newer_parameters_are_known_where_the_documentation_says(version: str) -> None:
    known = contract(version)["/nodes/{node}/vzdump"]["POST"]["params"]
    sent = vzdump_parameters(NEWER)
    assert set(sent) <= set(known)
    for name, value in sent.items():
        allowed = known[name].get("enum")
        assert allowed is None or str(value) in allowed, name
