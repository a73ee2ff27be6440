# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read at one moment: everything in its order, and whose clock it is."""

from __future__ import annotations

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import TimedOut, error_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import list_places, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.transport import Answer
from unit.builders import NOW, FakeClock, PreparedAnswers, a_backup, a_guest, a_place, an_observation

RESOURCES = [
    {"type": "node", "node": "pve1", "status": "online"},
    {"type": "node", "node": "pve2", "status": "offline"},
]
VAULT = {"storage": "vault", "type": "nfs", "shared": 1, "active": 1, "avail": 5, "total": 9}
ENTRY = {"volid": "vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst", "vmid": 101, "ctime": NOW, "size": 9}
NOT_ONLINE = error_of("GET", "/x", 500, "storage 'vault' is not online", "", {})


def test_backups_of_all_storages_come_newest_first() -> None:
    old, new, same = a_backup(age=50), a_backup(102, age=10), a_backup(101, age=10)
    local = a_backup(103, age=30, storage="local", node="pve1")
    observation = an_observation(
        [a_guest()], [old, new, same, local], places=[a_place("local"), a_place("vault")], nodes={"pve1": True}
    )
    assert observation.backups == [same, new, local, old]
    assert observation.places == [a_place("local"), a_place("vault")]


def test_a_nodes_own_clock_counts_where_it_is_known() -> None:
    observation = an_observation([a_guest()], offsets={"pve1": 90.0}, default_offset=-5.0)
    assert observation.now("pve1") == NOW + 90
    assert observation.now("pve2") == observation.now() == NOW - 5


def test_a_cluster_is_observed_with_a_request_for_each_thing() -> None:
    prepared = PreparedAnswers(
        RESOURCES,
        {"/nodes": {"Sys.Audit": 1}},
        Answer([VAULT, {**VAULT, "storage": "other"}], None, NOW + 60.0),
        [ENTRY],
        {"time": NOW + 120, "localtime": NOW + 3720, "timezone": "Europe/Berlin"},
    )
    observation = observe(prepared.client, FakeClock().clock, ["vault"])
    assert prepared.asked == [
        "GET cluster/resources",
        "GET access/permissions",
        "GET nodes/pve1/storage",
        "GET nodes/pve1/storage/vault/content",
        "GET nodes/pve1/time",
    ]
    assert [backup.vmid for backup in observation.backups] == [101]
    assert (observation.now("pve1"), observation.now("pve2")) == (NOW + 120, NOW + 60)
    assert observation.zones == {"pve1": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("answer", "zones"),
    [
        ({"time": NOW, "timezone": "UTC"}, {"pve1": "UTC"}),
        ({"time": NOW}, {}),
        ({"time": NOW, "timezone": ""}, {}),
        ({"timezone": "Europe/Berlin"}, {"pve1": "Europe/Berlin"}),
        (None, {}),
        (TimedOut("pve1:8006 did not answer within 30 s."), {}),
    ],
)
def test_a_nodes_time_zone_is_known_where_it_tells(answer: object, zones: dict[str, str]) -> None:
    prepared = PreparedAnswers(RESOURCES, {"/": {"Sys.Audit": 1}}, Answer([], None, None), answer)
    assert observe(prepared.client, FakeClock().clock).zones == zones


def test_without_the_privilege_no_node_is_asked_for_its_time() -> None:
    prepared = PreparedAnswers(RESOURCES, {"/nodes/pve2": {"Sys.Audit": 1}}, Answer([], None, None))
    assert observe(prepared.client, FakeClock().clock).zones == {}
    assert "GET nodes/pve1/time" not in prepared.asked


@pytest.mark.parametrize(
    "clock",
    [
        error_of("GET", "/nodes/pve1/time", 595, "Connection refused", "", {}),
        TimedOut("pve1:8006 did not answer within 30 s."),
        None,
        {"time": None},
    ],
)
def test_the_api_servers_clock_stands_in_for_one_that_cannot_be_read(clock: object) -> None:
    prepared = PreparedAnswers(RESOURCES, {"/": {"Sys.Audit": 1}}, Answer([], None, NOW + 60.0), clock)
    observation = observe(prepared.client, FakeClock().clock)
    assert (observation.clock_offsets, observation.now("pve1")) == ({}, NOW + 60)


def test_without_any_clock_but_ones_own_that_one_counts() -> None:
    prepared = PreparedAnswers(RESOURCES, {}, Answer([], None, None))
    assert observe(prepared.client, FakeClock().clock).now("pve1") == NOW


def test_a_shared_storage_is_asked_for_on_one_node() -> None:
    prepared = PreparedAnswers([ENTRY])
    listings = list_places(
        prepared.client, [a_place(node="pve1", active=False), a_place(node="pve2"), a_place(node="pve3")]
    )
    assert prepared.asked == ["GET nodes/pve2/storage/vault/content"]
    assert [(listing.node, len(listing.backups), listing.error) for listing in listings] == [("pve2", 1, None)]


def test_where_it_fails_another_node_is_asked() -> None:
    prepared = PreparedAnswers(NOT_ONLINE, [ENTRY])
    listings = list_places(prepared.client, [a_place(node="pve1"), a_place(node="pve2")])
    assert [(listing.node, len(listing.backups), listing.error) for listing in listings] == [("pve2", 1, None)]


def test_a_local_storage_that_fails_has_no_other_node_to_ask() -> None:
    prepared = PreparedAnswers(NOT_ONLINE)
    assert list_places(prepared.client, [a_place("local")]) == [Listing("local", "pve1", False, (), NOT_ONLINE.message)]


@pytest.mark.parametrize(
    ("storage", "why"),
    [("vault", "Storage vault is not active on any node."), ("local", "Storage local is not active on node pve1.")],
)
def test_a_storage_that_is_active_nowhere_is_not_asked(storage: str, why: str) -> None:
    prepared = PreparedAnswers()
    place = a_place(storage, active=False)
    assert list_places(prepared.client, [place]) == [Listing(storage, "pve1", place.shared, (), why)]
