# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a backup is put: the storage that was asked for, or the best that a node can use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from unit.builders import (
    DAY,
    FLEET,
    GIB,
    HOUR,
    MIB,
    MINIMAL,
    WEB1,
    WEB2,
    a_backup,
    a_place,
    a_plan,
    an_observation,
    decided,
    refusal,
)


def test_a_wanted_storage_that_one_node_cannot_use() -> None:
    places = [a_place(node="pve1"), a_place("local", "pve2")]
    told = decided(a_plan(an_observation(FLEET, places=places), {"pve2": "it is disabled"}, storage="vault"))
    assert (told[101][:2], told[300]) == (
        ("back_up", "vault"),
        ("refuse", None, "storage vault cannot be used on node pve2: it is disabled"),
    )


@pytest.mark.parametrize(
    ("places", "problems", "message"),
    [
        (
            [a_place("local")],
            {"pve1": "there is no storage of this name"},
            "storage vault cannot be used on node pve1: there is no storage of this name. Nothing was started.",
        ),
        (
            [a_place("local")],
            {},
            "storage vault cannot be used on node pve1: it is no backup storage there. Nothing was started.",
        ),
        (
            [a_place(active=False)],
            {},
            "storage vault cannot be used on node pve1: it is not active there. Nothing was started.",
        ),
    ],
)
def test_a_wanted_storage_that_is_usable_nowhere(places: Any, problems: dict[str, str], message: str) -> None:
    assert refusal(an_observation([WEB1], places=places), problems, storage="vault") == message


def test_nodes_with_different_reasons_are_all_told() -> None:
    observation = an_observation(FLEET, places=[a_place(node="pve2", active=False)])
    assert refusal(observation, {"pve1": "it is disabled"}, storage="vault") == (
        "storage vault cannot be used on node pve1: it is disabled, storage vault cannot be used on node pve2: it is "
        "not active there. Nothing was started."
    )


def test_when_some_are_fresh_a_missing_place_is_still_a_mistake_of_the_task() -> None:
    observation = an_observation([WEB1, WEB2], [a_backup(101)], places=[a_place(active=False)])
    assert "no storage for backups is usable on node pve1 (seen: vault)" in refusal(observation, max_age="24h")


def test_guests_with_other_reasons_keep_them() -> None:
    """Then it is not the storage alone that is wrong, and each guest is told its own cause."""
    some = Permissions({**MINIMAL.paths, "/vms/101": {"VM.Audit": True}})
    observation = an_observation([WEB1, WEB2], permissions=some, places=[a_place(active=False)])
    told = decided(a_plan(observation))
    assert told[101] == ("refuse", None, "the token lacks VM.Backup on /vms/101")
    assert told[102][2].startswith("no storage for backups is usable on node pve1 (seen: vault)")


def test_when_all_are_fresh_no_place_is_needed() -> None:
    observation = an_observation([WEB1], [a_backup(101)], places=[a_place(avail=0)])
    assert a_plan(observation, max_age="24h").jobs == ()


def test_a_wanted_storage_is_taken_at_its_word_about_room() -> None:
    observation = an_observation([WEB1], [a_backup(101, size=GIB)], places=[a_place(avail=MIB)])
    assert a_plan(observation, storage="vault").jobs[0].storage == "vault"


@pytest.mark.parametrize(
    ("places", "chosen"),
    [
        ([a_place("local", avail=900 * GIB), a_place("vault", avail=50 * GIB)], "vault"),
        ([a_place("local", avail=900 * GIB), a_place("vault", active=False)], "local"),
        ([a_place("local", avail=20 * GIB), a_place("attic", avail=30 * GIB)], "attic"),
        ([a_place("local"), a_place("attic")], "attic"),
        ([a_place("local"), a_place("vault", avail=5 * GIB)], "local"),
        ([a_place("local"), a_place("vault", avail=5 * GIB, type="pbs")], "vault"),
        ([a_place("vault"), a_place("secret", shared=True, avail=900 * GIB)], "vault"),
    ],
)
def test_the_best_place_is_usable_has_room_and_is_shared(places: Any, chosen: str) -> None:
    rights = Permissions({**MINIMAL.paths, "/storage/secret": {"Datastore.Audit": True}})
    backups = [a_backup(101, age=2 * DAY, size=10 * GIB)]
    observation = an_observation([WEB1], backups, places=places, permissions=rights)
    assert decided(a_plan(observation, max_age="24h"))[101][1] == chosen


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (
            [],
            (
                "no storage for backups is usable on node pve1: one must be enabled and active, hold content backup, "
                "and the token needs Datastore.AllocateSpace on it. Nothing was started."
            ),
        ),
        (
            [a_place("local", active=False), a_place("secret")],
            (
                "no storage for backups is usable on node pve1 (seen: local, secret): one must be enabled and active, "
                "hold content backup, and the token needs Datastore.AllocateSpace on it. Nothing was started."
            ),
        ),
        (
            [a_place("local", avail=10 * GIB), a_place("vault", avail=2 * GIB)],
            (
                "no storage for backups on node pve1 has room for 12 GiB (local: 10 GiB, vault: 2 GiB). Nothing was "
                "started."
            ),
        ),
    ],
)
def test_no_place_at_all(places: Any, message: str) -> None:
    rights = Permissions({**MINIMAL.paths, "/storage/secret": {"Datastore.Audit": True}})
    backups = [a_backup(101, age=2 * DAY, size=10 * GIB), a_backup(102, age=2 * DAY, size=2 * GIB)]
    assert refusal(an_observation([WEB1, WEB2], backups, places=places, permissions=rights), max_age="24h") == message


def test_a_shared_storage_needs_room_for_the_guests_of_all_nodes() -> None:
    backups = [a_backup(101, age=2 * DAY, size=8 * GIB), a_backup(300, age=2 * DAY, size=8 * GIB, guest_type="qemu")]
    places = [
        *(a_place("vault", node, avail=15 * GIB) for node in ("pve1", "pve2")),
        *(a_place("local", node, avail=9 * GIB) for node in ("pve1", "pve2")),
    ]
    told = decided(a_plan(an_observation(FLEET, backups, places=places), max_age="24h"))
    assert {vmid: storage for vmid, (_action, storage, _reason) in told.items()} == {
        101: "local",
        102: "local",
        300: "local",
    }


def test_what_is_fresh_needs_no_room() -> None:
    backups = [a_backup(101, age=HOUR, size=80 * GIB), a_backup(102, age=2 * DAY, size=8 * GIB)]
    places = [a_place("vault", avail=9 * GIB)]
    assert decided(a_plan(an_observation([WEB1, WEB2], backups, places=places), max_age="24h"))[102][1] == "vault"


def test_a_node_whose_storages_cannot_be_read() -> None:
    observation = an_observation(FLEET, node_errors={"pve2": "The node does not answer (595)."}, places=[a_place()])
    assert decided(a_plan(observation))[300] == (
        "refuse",
        None,
        "the storages of node pve2 cannot be read: The node does not answer (595).",
    )


def test_a_storage_that_cannot_be_listed_proves_nothing_and_is_not_written_to() -> None:
    places = [a_place("vault", avail=900 * GIB), a_place("local")]
    why = "Proxmox answered 500: storage 'vault' is not online."
    observation = an_observation([WEB1], places=places, errors={"vault": why})
    assert decided(a_plan(observation))[101][1] == "local"
    assert refusal(observation, storage="vault") == (
        "the backups on storage vault cannot be listed: Proxmox answered 500: storage 'vault' is not online. Nothing "
        "was started."
    )


def test_a_local_storage_that_cannot_be_listed_is_so_on_its_node_only() -> None:
    places = [a_place("local", "pve1"), a_place("local", "pve2")]
    observation = an_observation(FLEET, places=places)
    broken = [replace(one, error="It is not online.") if one.node == "pve1" else one for one in observation.listings]
    told = decided(a_plan(replace(observation, listings=tuple(broken)), storage="local"))
    assert (told[300][:2], told[101]) == (
        ("back_up", "local"),
        ("refuse", None, "the backups on storage local cannot be listed: It is not online."),
    )
