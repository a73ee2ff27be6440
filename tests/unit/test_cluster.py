# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes, guests and pools from /cluster/resources (keys as recorded in 02_auth)."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest, observe_cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import BadAnswer
from unit.builders import PreparedAnswers

NODE = {"cgroup-mode": 1, "node": "pve", "type": "node", "id": "node/pve", "level": "", "status": "online"}
CONTAINER = {
    "maxmem": 67108864,
    "pool": "prod",
    "diskwrite": 0,
    "type": "lxc",
    "vmid": 102,
    "name": "tiny2",
    "status": "stopped",
    "template": 0,
    "id": "lxc/102",
    "tags": "prod;web",
    "node": "pve",
}


def test_nodes_guests_and_pools_are_found_with_one_request() -> None:
    prepared = PreparedAnswers(
        [
            {"type": "pool", "pool": "prod", "id": "/pool/prod"},
            CONTAINER,
            {"type": "qemu", "vmid": 301, "node": "pve2", "name": "onedisk", "lock": "backup", "template": 1},
            NODE,
            {"type": "node", "node": "pve2", "status": "offline"},
            {"type": "node", "node": "pve3", "status": "unknown"},
            {"type": "storage", "storage": "local", "node": "pve", "status": "available", "content": "iso,backup"},
            {"type": "sdn", "sdn": "localnetwork", "node": "pve"},
        ]
    )
    assert observe_cluster(prepared.client) == Cluster(
        {"pve": True, "pve2": False, "pve3": False},
        {
            102: Guest(102, "tiny2", "pve", "lxc", frozenset({"prod", "web"}), "prod", None),
            301: Guest(301, "onedisk", "pve2", "qemu", frozenset(), None, "backup"),
        },
        frozenset({"prod"}),
        {"local": frozenset({"iso", "backup"})},
    )
    assert prepared.asked == ["GET cluster/resources"]


@pytest.mark.parametrize(
    ("written", "tags"),
    [(None, set()), ("", set()), ("a", {"a"}), ("a;b", {"a", "b"}), ("a,b c;;", {"a", "b", "c"}), ("A;a", {"A", "a"})],
)
def test_tags_are_separated_as_proxmox_may_write_them(written: str | None, tags: set[str]) -> None:
    cluster = observe_cluster(PreparedAnswers([{**CONTAINER, "tags": written}]).client)
    assert cluster.guests[102].tags == tags


def test_the_name_is_not_known_while_the_node_is_away() -> None:
    entry = {"type": "lxc", "vmid": "101", "node": "pve", "status": "unknown", "id": "lxc/101"}
    guest = observe_cluster(PreparedAnswers([entry]).client).guests[101]
    assert guest == Guest(101, None, "pve", "lxc")
    assert guest.label == "101"


def test_a_guest_is_called_by_id_and_name() -> None:
    assert Guest(101, "web1", "pve1", "lxc").label == "101 (web1)"


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "lxc", "node": "pve"},
        {"type": "qemu", "vmid": 101},
        {"type": "node"},
        {"type": "pool"},
        {"vmid": 1, "node": "x"},
        "x",
        None,
    ],
)
def test_entries_that_are_not_whole_are_left_out(entry: object) -> None:
    assert observe_cluster(PreparedAnswers([entry]).client) == Cluster({}, {}, frozenset())


@pytest.mark.parametrize("answer", [None, {}, "ok"])
def test_an_answer_that_is_no_list(answer: object) -> None:
    with pytest.raises(BadAnswer) as caught:
        observe_cluster(PreparedAnswers(answer).client)
    assert caught.value.message == "The list of the cluster's resources is not one: check api_host and api_port."


def test_only_nodes_that_are_up_are_online() -> None:
    cluster = Cluster({"pve2": True, "pve1": True, "pve3": False}, {}, frozenset())
    assert cluster.online_nodes == ["pve1", "pve2"]
    assert (cluster.online("pve1"), cluster.online("pve3"), cluster.online("pve4")) == (True, False, False)
