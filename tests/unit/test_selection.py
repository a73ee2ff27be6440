# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests are meant: a union, then narrowed."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster, Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selected, Selection, select
from unit.builders import a_guest

WEB1 = a_guest(101, "web1", "pve1", tags=["prod", "web"], pool="production")
WEB2 = a_guest(102, "web2", "pve2", tags=["web"], pool="production")
DB1 = a_guest(300, "db1", "pve2", "qemu", tags=["prod", "db"])
LOST = Guest(104, None, "pve3", "lxc")
CLUSTER = Cluster(
    {"pve1": True, "pve2": True, "pve3": False},
    {guest.vmid: guest for guest in (DB1, WEB2, LOST, WEB1)},
    frozenset({"production", "empty"}),
)


def _ids(selection: Selection, cluster: Cluster = CLUSTER) -> list[int]:
    return [guest.vmid for guest in select(selection, cluster).guests]


def _refusal(selection: Selection, cluster: Cluster = CLUSTER) -> str:
    with pytest.raises(InputError) as caught:
        select(selection, cluster)
    return caught.value.message


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        (Selection(), [101, 102, 104, 300]),
        (Selection(all_guests=True), [101, 102, 104, 300]),
        (Selection(vmids=(300, 101, 300)), [101, 300]),
        (Selection(names=("db1",)), [300]),
        (Selection(tags=("prod",)), [101, 300]),
        (Selection(tags=("prod", "web")), [101, 102, 300]),
        (Selection(tags=("prod", "web"), tags_match="all"), [101]),
        (Selection(tags=("PROD",)), []),
        (Selection(pools=("production",)), [101, 102]),
        (Selection(pools=("empty",)), []),
        (Selection(vmids=(104,), names=("db1",), tags=("web",)), [101, 102, 104, 300]),
        (Selection(nodes=("pve2",)), [102, 300]),
        (Selection(nodes=("pve2", "pve3")), [102, 104, 300]),
        (Selection(guest_type="qemu"), [300]),
        (Selection(pools=("production",), nodes=("pve2",)), [102]),
        (Selection(tags=("prod",), guest_type="lxc"), [101]),
        (Selection(all_guests=True, exclude=("web1", "300")), [102, 104]),
        (Selection(vmids=(101,), exclude=("101",)), []),
        (Selection(all_guests=True, exclude=("nobody", "999")), [101, 102, 104, 300]),
        (Selection(all_guests=True, exclude=("None",)), [101, 102, 104, 300]),
    ],
)
def test_a_union_that_is_narrowed(selection: Selection, ids: list[int]) -> None:
    assert _ids(selection) == ids


def test_ids_that_the_cluster_does_not_show_are_told_apart() -> None:
    selection = Selection(vmids=(999, 101, 998, 999, 997), exclude=("997",))
    assert select(selection, CLUSTER) == Selected((WEB1,), (998, 999))


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (
            Selection(vmids=(99, 101, 1_000_000_000, -1)),
            "vmids: 99, 1000000000, -1 cannot be a guest's id; ids are 100 to 999999999.",
        ),
        (
            Selection(nodes=("pve9", "pve1", "pve8")),
            "nodes: the cluster shows no node named pve8, pve9; it shows pve1, pve2, pve3.",
        ),
        (
            Selection(pools=("prod",)),
            "pools: the cluster shows no pool named prod; it shows empty, production.",
        ),
        (
            Selection(names=("web3", "db1", "Web1")),
            (
                "names: no guest that this token may see (VM.Audit) is named Web1, web3; the names of guests on pve3, "
                "which is offline, may not be known; names are exact."
            ),
        ),
    ],
)
def test_mistakes_of_one_kind_are_named_at_once(selection: Selection, message: str) -> None:
    assert _refusal(selection) == message


def test_the_smallest_and_the_largest_id_are_ids() -> None:
    assert select(Selection(vmids=(100, 999999999)), CLUSTER).unknown_vmids == (100, 999999999)


def test_nodes_that_are_away_are_named_in_order() -> None:
    half = replace(CLUSTER, nodes={"pve3": False, "pve1": True, "pve2": False})
    assert "the names of guests on pve2, pve3, which" in _refusal(Selection(names=("web3",)), half)


def test_an_unknown_name_in_a_whole_cluster() -> None:
    whole = replace(CLUSTER, nodes={"pve1": True, "pve2": True, "pve3": True})
    assert _refusal(Selection(names=("web3",)), whole) == (
        "names: no guest that this token may see (VM.Audit) is named web3; names are exact."
    )


def test_a_name_that_several_guests_have() -> None:
    twins = {guest.vmid: guest for guest in (WEB1, a_guest(201, "web1"), DB1, a_guest(301, "db1"))}
    assert _refusal(Selection(names=("web1", "db1")), replace(CLUSTER, guests=twins)) == (
        "names: several guests are named db1 (300, 301), web1 (101, 201); choose by vmids."
    )


def test_a_pool_is_known_by_its_members_where_the_pool_itself_is_not_shown() -> None:
    assert _ids(Selection(pools=("production",)), replace(CLUSTER, pools=frozenset())) == [101, 102]


def test_a_cluster_without_pools_says_so() -> None:
    assert _refusal(Selection(pools=("x",)), Cluster({"pve1": True}, {}, frozenset())) == (
        "pools: the cluster shows no pool named x; it shows none."
    )


def test_options_become_a_selection() -> None:
    params = {
        "vmids": [101],
        "names": ["web1"],
        "tags": ["prod"],
        "tags_match": "all",
        "pools": ["production"],
        "all_guests": True,
        "nodes": ["pve1"],
        "guest_type": "lxc",
        "exclude": ["scratch", 102],
    }
    assert Selection.from_params(params) == Selection(
        (101,), ("web1",), ("prod",), "all", ("production",), True, ("pve1",), "lxc", ("scratch", "102")
    )
    assert Selection.from_params({"vmids": None, "tags": [], "tags_match": None}) == Selection()


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (Selection(), False),
        (Selection(nodes=("pve1",), guest_type="lxc", exclude=("x",)), False),
        (Selection(vmids=(101,)), True),
        (Selection(names=("x",)), True),
        (Selection(tags=("x",)), True),
        (Selection(pools=("x",)), True),
        (Selection(all_guests=True), True),
    ],
)
def test_whether_guests_are_named_at_all(selection: Selection, says: bool) -> None:
    assert selection.names_any is says


@pytest.mark.parametrize(
    ("selection", "narrows"),
    [
        (Selection(), False),
        (Selection(tags_match="all"), False),
        (Selection(all_guests=True), True),
        (Selection(vmids=(101,)), True),
        (Selection(names=("x",)), True),
        (Selection(tags=("x",)), True),
        (Selection(pools=("x",)), True),
        (Selection(all_guests=True, nodes=("pve1",)), True),
        (Selection(guest_type="lxc"), True),
        (Selection(exclude=("x",)), True),
    ],
)
def test_whether_anything_is_left_out(selection: Selection, narrows: bool) -> None:
    assert selection.narrows is narrows


NAMES = ["alpha", "beta", "gamma"]
TAGS = ["prod", "web", "db"]
POOLS = ["one", "two"]
NODES = ["pve1", "pve2", "pve3"]


@st.composite
def clusters(draw: st.DrawFn) -> Cluster:
    ids = draw(st.lists(st.integers(100, 110), unique=True, max_size=5))
    guests = [
        Guest(
            vmid,
            NAMES[index] if index < len(NAMES) else None,
            draw(st.sampled_from(NODES)),
            draw(st.sampled_from(["qemu", "lxc"])),
            draw(st.frozensets(st.sampled_from(TAGS))),
            draw(st.sampled_from([None, *POOLS])),
        )
        for index, vmid in enumerate(ids)
    ]
    return Cluster({node: node != "pve3" for node in NODES}, {guest.vmid: guest for guest in guests}, frozenset(POOLS))


def _some(items: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(items), max_size=3).map(tuple)


SELECTIONS = st.builds(
    Selection,
    vmids=st.lists(st.integers(100, 110), max_size=4).map(tuple),
    tags=_some(TAGS),
    tags_match=st.sampled_from(["any", "all"]),
    pools=_some(POOLS),
    all_guests=st.booleans(),
    nodes=_some(NODES),
    guest_type=st.sampled_from(["any", "qemu", "lxc"]),
    exclude=_some([*NAMES, "100", "103", "107"]),
)


def _meant(guest: Guest, wish: Selection) -> bool:
    """The documentation of the options, sentence by sentence."""
    carried = [tag in guest.tags for tag in wish.tags]
    named = (
        wish.all_guests
        or not wish.names_any
        or guest.vmid in wish.vmids
        or guest.pool in wish.pools
        or (bool(carried) and (all(carried) if wish.tags_match == "all" else any(carried)))
    )
    return (
        named
        and (not wish.nodes or guest.node in wish.nodes)
        and (wish.guest_type in ("any", guest.type))
        and str(guest.vmid) not in wish.exclude
        and guest.name not in wish.exclude
    )


@settings(max_examples=30)
@given(clusters(), SELECTIONS)
def test_selected_is_who_is_meant_by_the_documentation(cluster: Cluster, wish: Selection) -> None:
    selected = select(wish, cluster)
    assert list(selected.guests) == [guest for _vmid, guest in sorted(cluster.guests.items()) if _meant(guest, wish)]
    assert selected.unknown_vmids == tuple(
        sorted({vmid for vmid in wish.vmids if vmid not in cluster.guests and str(vmid) not in wish.exclude})
    )


@settings(max_examples=30)
@given(clusters(), SELECTIONS, st.randoms(use_true_random=False))
def test_the_order_of_entries_does_not_matter(cluster: Cluster, wish: Selection, random: Random) -> None:
    def shuffled(items: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(random.sample(items, len(items)))

    other = replace(
        wish,
        vmids=tuple(random.sample(wish.vmids, len(wish.vmids))),
        tags=shuffled(wish.tags),
        pools=shuffled(wish.pools),
        nodes=shuffled(wish.nodes),
        exclude=shuffled(wish.exclude),
    )
    turned = replace(cluster, guests=dict(reversed(list(cluster.guests.items()))))
    assert select(other, turned) == select(wish, cluster)


@settings(max_examples=30)
@given(clusters(), SELECTIONS, SELECTIONS)
def test_more_names_never_select_fewer(cluster: Cluster, wish: Selection, more: Selection) -> None:
    if not wish.names_any:
        wish = replace(wish, vmids=(100,))
    larger = replace(wish, vmids=wish.vmids + more.vmids, pools=wish.pools + more.pools)
    assert set(_ids(wish, cluster)) <= set(_ids(larger, cluster))


@settings(max_examples=30)
@given(clusters(), SELECTIONS, _some(NAMES))
def test_names_add_their_guests_to_the_union(cluster: Cluster, wish: Selection, names: tuple[str, ...]) -> None:
    known = {guest.name: guest for guest in cluster.guests.values()}
    wanted = tuple(name for name in names if name in known)
    if not wish.names_any and not wanted:
        return
    by_name = replace(wish, names=wanted)
    by_id = replace(wish, vmids=(*wish.vmids, *(known[name].vmid for name in wanted)))
    assert select(by_name, cluster) == select(by_id, cluster)
