# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What proxmox_backup_info says of guests, backups and storages, and of what it could not see."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_info import (
    Filters,
    Question,
    backup_info,
    report,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection, select
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.transport import Answer
from unit.builders import (
    DAY,
    GIB,
    HOUR,
    MINIMAL,
    NOW,
    FakeClock,
    PreparedAnswers,
    a_backup,
    a_guest,
    a_place,
    an_observation,
)
from unit.strategies import observations

WEB1, WEB2, DB1 = a_guest(101, "web1"), a_guest(102, "web2"), a_guest(300, "db1", "pve2", "qemu")
YOUNG = a_backup(101, age=2 * HOUR, protected=True, verified=True, notes="web1", encrypted=True)
OLD = a_backup(101, age=3 * DAY, verified=False)
OTHER = a_backup(102, age=31 * HOUR, storage="local")
GONE = a_backup(900, age=DAY)
NOBODYS = a_backup(None, age=5 * DAY, guest_type=None)
SEEN = an_observation(
    [WEB1, WEB2, DB1],
    [YOUNG, OLD, OTHER, GONE, NOBODYS],
    nodes={"pve1": True, "pve2": False},
    places=[a_place("vault"), a_place("local", avail=3 * GIB)],
)


def _told(seen: Observation = SEEN, **params: Any) -> dict[str, Any]:
    question = Question.from_params(params)
    return report(question, seen, select(question.selection, seen.cluster).guests)


def _volids(told: dict[str, Any]) -> list[str]:
    return [backup["volid"] for backup in told["backups"]]


def test_options_become_a_question() -> None:
    assert Question.from_params(
        {
            "vmids": [101],
            "storages": ["vault", "local"],
            "newest_only": True,
            "newer_than": "7d",
            "older_than": "1h",
            "protected": False,
            "verified": True,
            "max_age": "24h",
            "require_verified": True,
        }
    ) == Question(Selection(vmids=(101,)), Filters(("vault", "local"), True, 604800, 3600, False, True), 86400, True)
    assert Question.from_params({"storages": []}) == Question(
        Selection(), Filters(None, False, None, None, None, None), None, False
    )


def test_a_duration_that_is_none_is_said_with_its_option() -> None:
    with pytest.raises(InputError, match=r"^older_than: 'old' is not a duration;"):
        Question.from_params({"older_than": "old"})


def test_the_whole_result(snapshot: SnapshotAssertion) -> None:
    assert _told(max_age="24h") == snapshot


@pytest.mark.parametrize(
    ("params", "shown"),
    [
        ({}, [YOUNG, GONE, OTHER, OLD, NOBODYS]),
        ({"newer_than": "31h"}, [YOUNG, GONE, OTHER]),
        ({"older_than": "31h"}, [OLD, NOBODYS]),
        ({"newer_than": "3d", "older_than": "1d"}, [OTHER, OLD]),
        ({"protected": True}, [YOUNG]),
        ({"protected": False}, [GONE, OTHER, OLD, NOBODYS]),
        ({"verified": True}, [YOUNG]),
        ({"verified": False}, [GONE, OTHER, OLD, NOBODYS]),
        ({"newest_only": True}, [YOUNG, GONE, OTHER, NOBODYS]),
        ({"newest_only": True, "older_than": "1d"}, [OTHER, OLD, NOBODYS]),
        ({"vmids": [101]}, [YOUNG, OLD]),
        ({"all_guests": True}, [YOUNG, OTHER, OLD]),
        ({"guest_type": "qemu"}, []),
        ({"exclude": ["web1"]}, [OTHER]),
    ],
)
def test_the_filters(params: dict[str, Any], shown: list[Any]) -> None:
    told = _told(**params)
    assert _volids(told) == [backup.volid for backup in shown]
    assert (told["summary"]["backups"], told["summary"]["bytes"]) == (len(shown), sum(one.size for one in shown))


def test_backups_of_nobody_are_not_backups_of_the_same() -> None:
    others = [a_backup(None, age=age, guest_type=None, volid=f"vault:backup/{age}.tar") for age in (5, 6)]
    assert _volids(_told(an_observation([WEB1], others), newest_only=True)) == [one.volid for one in others]


def test_ages_are_those_of_the_node_that_shows_the_backup() -> None:
    seen = an_observation([WEB1], [YOUNG], offsets={"pve1": float(DAY)})
    assert (_volids(_told(seen, newer_than="3h")), _volids(_told(seen, older_than="3h"))) == ([], [YOUNG.volid])


def test_filters_do_not_change_what_is_judged() -> None:
    plain, filtered = _told(max_age="24h"), _told(max_age="24h", protected=False, newer_than="1h", newest_only=True)
    assert filtered["backups"] == []
    assert filtered["guests"] == plain["guests"]


def test_a_way_to_match_tags_is_no_selection() -> None:
    """The documentation: when no guest is selected by any option, all guests and all backups are reported."""
    assert _volids(_told(tags_match="all")) == _volids(_told())


def test_each_guest_is_judged_with_its_reason() -> None:
    rows = {
        row["vmid"]: (row["state"], row["reason"], row["age"], row["count"]) for row in _told(max_age="24h")["guests"]
    }
    assert rows == {
        101: ("fresh", "newest good backup is 2 h old, wanted 24 h", 2 * HOUR, 2),
        102: ("stale", "newest good backup is 31 h old, wanted 24 h", 31 * HOUR, 1),
        300: (
            "unknown",
            (
                "no backup is there, but not everything can be seen: Node pve2 is offline, so its local storages "
                "cannot be read."
            ),
            None,
            0,
        ),
    }


def test_a_guest_is_judged_by_the_clock_of_its_node() -> None:
    seen = an_observation([WEB1], [YOUNG], offsets={"pve1": float(DAY)})
    assert _told(seen, max_age="24h")["guests"][0]["age"] == DAY + 2 * HOUR


def test_a_missing_privilege_is_no_missing_backup() -> None:
    blind = Permissions({**MINIMAL.paths, "/vms/101": {"VM.Audit": True}})
    told = _told(an_observation([WEB1, WEB2], permissions=blind))
    assert [row["state"] for row in told["guests"]] == ["unknown", "missing"]
    assert told["unreadable"] == [
        {
            "storage": "vault",
            "node": None,
            "why": (
                "Proxmox does not show the backups of 101 (web1) on storage vault to a token without VM.Backup on them."
            ),
            "grant": "VM.Backup on /vms/101",
        }
    ]


def test_storages_are_rows_and_a_shared_one_has_no_node() -> None:
    seen = an_observation(
        [WEB1],
        [YOUNG, OLD],
        nodes={"pve1": True, "pve2": True},
        places=[
            a_place(node="pve1", type="pbs"),
            a_place(node="pve2", type="pbs"),
            a_place("local", "pve2", active=False),
        ],
        errors={"local": "Storage local is not active on node pve2."},
    )
    assert _told(seen)["storages"] == [
        {
            "storage": "vault",
            "node": None,
            "type": "pbs",
            "shared": True,
            "active": True,
            "avail": 100 * GIB,
            "total": 400 * GIB,
            "readable": True,
            "backups": 2,
            "size": YOUNG.size + OLD.size,
        },
        {
            "storage": "local",
            "node": "pve2",
            "type": "dir",
            "shared": False,
            "active": False,
            "avail": 100 * GIB,
            "total": 400 * GIB,
            "readable": False,
            "backups": 0,
            "size": 0,
        },
    ]


NODE = {"type": "node", "node": "pve1", "status": "online"}
CONTAINER = {"type": "lxc", "vmid": 101, "node": "pve1", "name": "web1"}
VAULT = {"storage": "vault", "type": "nfs", "shared": 1, "active": 1}


def _entry(vmid: int, kind: str = "lxc", age: int = HOUR) -> dict[str, Any]:
    backup = a_backup(vmid, age=age, guest_type=kind)
    return {"volid": backup.volid, "vmid": vmid, "subtype": kind, "ctime": backup.ctime, "size": 7, "format": "x"}


def _asked(params: dict[str, Any], *entries: dict[str, Any]) -> dict[str, Any]:
    """The module's result on a cluster of one node, with container 101 and these backups."""
    answers = ([NODE, CONTAINER], dict(MINIMAL.paths), Answer([VAULT], None, float(NOW)), list(entries))
    return backup_info(PreparedAnswers(*answers).client, params, FakeClock().clock)


def test_an_id_that_is_gone_is_told_of_by_its_backups() -> None:
    nobodys = {"volid": "vault:backup/vzdump-by-hand.tar", "ctime": NOW, "size": 7}
    told = _asked({"vmids": [101, 102], "max_age": "24h"}, _entry(102), _entry(103), nobodys)
    assert [(row["vmid"], row["name"], row["node"], row["type"], row["state"]) for row in told["guests"]] == [
        (101, "web1", "pve1", "lxc", "missing"),
        (102, None, None, "lxc", "fresh"),
    ]
    assert [backup["vmid"] for backup in told["backups"]] == [102]


def test_a_guest_that_is_gone_is_what_its_newest_backup_says() -> None:
    """The id was a machine's once and then a container's."""
    told = _asked({"vmids": [102]}, _entry(102, "lxc", HOUR), _entry(102, "qemu", 90 * DAY))
    assert (told["guests"][0]["type"], told["guests"][0]["age"]) == ("lxc", HOUR)


def test_guests_that_are_gone_can_be_narrowed_by_type_and_are_on_no_node() -> None:
    assert [row["vmid"] for row in _asked({"vmids": [102], "guest_type": "lxc"}, _entry(102))["guests"]] == [102]
    assert _asked({"vmids": [102], "guest_type": "qemu"}, _entry(102))["guests"] == []
    assert _asked({"vmids": [102], "nodes": ["pve1"]}, _entry(102))["guests"] == []


def test_an_id_of_which_nothing_is_known_at_all() -> None:
    with pytest.raises(InputError) as caught:
        _asked({"vmids": [999, 102, 998]}, _entry(102))
    assert caught.value.message == (
        "vmids: neither a guest nor a backup with the id 998, 999 is shown to this token (a guest needs VM.Audit, its "
        "backups VM.Backup and Datastore.AllocateSpace)."
    )


AGES = st.one_of(st.none(), st.integers(0, 3 * DAY).map(lambda seconds: f"{seconds}s"))


@settings(max_examples=25)
@given(observations(), AGES, AGES, st.sampled_from([None, True, False]), st.booleans())
def test_what_is_returned_passes_every_filter_and_is_counted(
    seen: Observation, newer: str | None, older: str | None, protected: bool | None, newest_only: bool
) -> None:
    params = {"newer_than": newer, "older_than": older, "protected": protected, "newest_only": newest_only}
    told = _told(seen, **params)
    everything = _told(seen)
    for backup in told["backups"]:
        age = NOW - backup["ctime"]
        assert backup in everything["backups"]
        assert newer is None or age <= int(newer[:-1])
        assert older is None or age > int(older[:-1])
        assert protected in (None, backup["protected"])
    owners = [backup["vmid"] for backup in told["backups"] if backup["vmid"] is not None]
    assert not newest_only or len(owners) == len(set(owners))
    assert [backup["ctime"] for backup in told["backups"]] == sorted(
        (one["ctime"] for one in told["backups"]), reverse=True
    )
    assert told["summary"]["bytes"] == sum(backup["size"] for backup in told["backups"])


@settings(max_examples=25)
@given(observations(), st.booleans())
def test_every_guest_has_a_state_and_all_are_counted(seen: Observation, strict: bool) -> None:
    told = _told(seen, max_age="24h", require_verified=strict)
    states = [row["state"] for row in told["guests"]]
    assert [row["vmid"] for row in told["guests"]] == sorted(seen.cluster.guests)
    assert {state: told["summary"][state] for state in ("fresh", "stale", "missing", "unknown")} == {
        state: states.count(state) for state in ("fresh", "stale", "missing", "unknown")
    }
    assert told["summary"]["selected"] == len(states)
    for row in told["guests"]:
        assert (row["newest"] is None) is (row["age"] is None)
        assert row["state"] != "fresh" or (row["age"] <= DAY and row["newest"]["size"] > 0)
        assert row["state"] != "missing" or row["newest"] is None


@settings(max_examples=25)
@given(observations())
def test_a_look_that_failed_is_named_and_nothing_is_claimed_of_it(seen: Observation) -> None:
    told = _told(seen, max_age="24h")
    unread = {listing.storage for listing in seen.listings if listing.error}
    assert unread <= {item["storage"] for item in told["unreadable"]}
    assert unread == {row["storage"] for row in told["storages"] if not row["readable"]}
    away = {node for node, up in seen.cluster.nodes.items() if not up}
    assert away <= {item["node"] for item in told["unreadable"]}
    for row in told["guests"]:
        if row["node"] in away or "vault" in unread:
            assert row["state"] in ("fresh", "unknown")
    assert all(item["why"] for item in told["unreadable"])


def test_a_guest_without_a_name_is_a_row_as_well() -> None:
    row = _told(an_observation([Guest(101, None, "pve1", "lxc")], [YOUNG]))["guests"][0]
    assert (row["name"], row["node"], row["state"], row["newest"]) == (None, "pve1", "fresh", YOUNG.as_result())
