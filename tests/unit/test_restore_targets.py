# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which restores a task means, what each is known by, and in which order they begin."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.targets import (
    keyed_wishes,
    selected_wishes,
    selects,
    spread,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.wish import RestoreWish
from unit.builders import FLEET, a_backup, a_guest, an_observation
from unit.restore_builders import a_wish

SEEN = an_observation(FLEET)
RENAMED = a_backup(101, volid="vault:backup/vzdump-lxc-101-before_upgrade.tar.zst")


def keys(*wanted: RestoreWish, seen: Observation = SEEN) -> list[str]:
    found = keyed_wishes(wanted, seen)
    assert [wish for _key, wish in found] == list(wanted)
    return [key for key, _wish in found]


def refusal(*wanted: RestoreWish, seen: Observation = SEEN) -> str:
    with pytest.raises(InputError) as caught:
        keyed_wishes(wanted, seen)
    return caught.value.message


# ----- a selection


@pytest.mark.parametrize(
    ("params", "narrows"),
    [
        ({"vmid": 101}, False),
        ({}, False),
        ({"tags": ["prod"]}, True),
        ({"all_guests": True}, True),
        ({"nodes": ["a"]}, True),
    ],
)
def test_whether_a_task_selects(params: dict[str, Any], narrows: bool) -> None:
    assert selects(params) is narrows


def test_selected_are_the_guests_that_are_there_and_ids_that_are_gone() -> None:
    assert [wish.vmid for wish in selected_wishes({"vmids": [300, 101, 999]}, SEEN)] == [101, 300, 999]
    assert [wish.vmid for wish in selected_wishes({"all_guests": True, "exclude": ["102"]}, SEEN)] == [101, 300]


def test_a_selection_that_means_nobody_is_a_mistake() -> None:
    with pytest.raises(InputError) as caught:
        selected_wishes({"tags": ["prod"]}, SEEN)
    assert caught.value.message == "The selection means no guest. Nothing was changed."


# ----- what a restore is known by


def test_a_restore_is_known_by_its_target() -> None:
    volid = a_backup(101).volid
    assert keys(
        a_wish(target="901"),
        a_wish(vmid=101),
        a_wish(vmid=None, name="db1"),
        a_wish(vmid=None, volid=a_backup(102).volid),
        a_wish(vmid=None, name="gone"),
        a_wish(vmid=None, volid=volid, target="auto"),
        a_wish(vmid=None, name="db1", target="auto"),
    ) == ["901", "101", "300", "102", "gone", "auto-101", "auto-300"]


def test_a_renamed_archive_is_its_guests_as_the_listing_says() -> None:
    seen = an_observation(FLEET, [a_backup(102, 60), RENAMED])
    assert keys(a_wish(vmid=None, volid=RENAMED.volid), seen=seen) == ["101"]
    assert refusal(a_wish(vmid=101), a_wish(vmid=None, volid=RENAMED.volid), seen=seen) == (
        "restores: more than one restore is onto 101; a guest can be restored once. Nothing was changed."
    )


def test_an_archive_of_nobody_is_known_by_itself() -> None:
    nobodys = a_backup(None, volid="vault:backup/mine.tar.zst")
    assert keys(a_wish(vmid=None, volid=nobodys.volid), seen=an_observation(FLEET, [nobodys])) == [nobodys.volid]
    assert keys(a_wish(vmid=None, volid="attic:backup/mine.tar.zst")) == ["attic:backup/mine.tar.zst"]


def test_two_restores_onto_one_target_are_refused_by_name() -> None:
    assert (
        refusal(
            a_wish(vmid=101), a_wish(vmid=None, name="web1"), a_wish(target="102"), a_wish(vmid=102), a_wish(vmid=300)
        )
        == "restores: more than one restore is onto 101, 102; a guest can be restored once. Nothing was changed."
    )


# ----- their order


def order(*keyed: tuple[str, RestoreWish], seen: Observation = SEEN) -> list[str]:
    return [key for key, _wish in spread(keyed, seen)]


def test_the_nodes_take_turns() -> None:
    guests = [
        *(a_guest(vmid, node="pve1") for vmid in (101, 102, 103)),
        *(a_guest(vmid, node="pve2") for vmid in (201, 202)),
    ]
    keyed = [(str(guest.vmid), a_wish(vmid=guest.vmid)) for guest in guests]
    assert order(*keyed, seen=an_observation(guests)) == ["101", "201", "102", "202", "103"]


def test_a_node_that_was_named_counts_and_one_that_nobody_knows_yet_is_one_of_its_own() -> None:
    assert order(
        ("101", a_wish(target_node="pve2")),
        ("300", a_wish()),
        ("auto-102", a_wish()),
        ("999", a_wish()),
        ("102", a_wish()),
    ) == ["101", "auto-102", "102", "300", "999"]


def test_no_restores_have_no_order() -> None:
    assert order() == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["101", "102", "300", "999"]), st.sampled_from([None, "pve1", "pve2"])), max_size=8
    )
)
def test_none_is_lost_and_those_of_a_node_keep_their_order(made: list[tuple[str, str | None]]) -> None:
    keyed = [(key, a_wish(vmid=number, target_node=node)) for number, (key, node) in enumerate(made, start=100)]
    found = spread(keyed, SEEN)
    assert sorted(found, key=lambda one: one[1].vmid or 0) == keyed
    for node in ("pve1", "pve2"):
        there = [wish.vmid for _key, wish in found if wish.target_node == node]
        assert there == sorted(there, key=lambda vmid: vmid or 0)
