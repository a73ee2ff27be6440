# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several services and folders tell, put together by device."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._devices.evidence import Evidence, Found, Trees
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.facts import FAILED, Claim, Data, Device, Facts
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.fleet import (
    Member,
    Terms,
    Told,
    assemble,
    members,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.judgement import judge
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.layouts import (
    MYSQL,
    SQLITE,
    VIDEO,
    own,
    results,
    videos,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.proof import Proof
from ansible_collections.lifeboat.backup.plugins.module_utils._devices.tree import Copies, Seen
from unit.builders import DAY, HOUR, NOW
from unit.device_builders import (
    AGES,
    DATABASE,
    DEVICE,
    NAME,
    TYPES,
    a_claim,
    a_data,
    a_job,
    a_tree,
    the_members,
)

RESULTS, VIDEOS = results("/nowhere/results"), videos("/nowhere/videos")


def some(age: int = HOUR, folder: str = f"{DEVICE}/{NAME}/x", **more: Any) -> Copies:
    """Copies of which the newest is ``age`` seconds old."""
    return Copies(**{"files": 1, "size": 4096, "newest": (NOW - age) * 10**9, **more}, folder=folder, file="x.db")


def in_results(*kinds: str, **more: Any) -> Seen:
    """A tree with copies of the device."""
    return a_tree(RESULTS, {(kind, DEVICE): some(**more) for kind in kinds})


def chosen(
    facts: Iterable[Facts], trees: Iterable[Seen] = (), wanted: Iterable[str] = (), unwanted: Iterable[str] = ()
) -> list[tuple[str, str | None]]:
    return assemble(Told.of(facts), Trees(list(trees)), frozenset(wanted), frozenset(unwanted))


def the_member(*facts: Facts, trees: Iterable[Seen] = ()) -> Member:
    (member,) = the_members(facts, trees)
    return member


# ----- several answers


def test_a_device_is_as_the_first_that_knows_it_tells_it() -> None:
    node = Facts(devices=(Device("a", "A", "running", 5.0), Device("b", None, "offline")))
    daemon = Facts(devices=(Device("a", "old name"), Device("b", "B"), Device("c", "C")))
    assert Told.of([node, daemon]).devices == {
        "a": Device("a", "A", "running", 5.0),
        "b": Device("b", None, "offline"),
        "c": Device("c", "C"),
    }


def test_who_knows_neither_name_nor_state_of_a_device_is_nobody_to_believe() -> None:
    told = Told.of([Facts(devices=(Device("a", None),)), Facts(devices=(Device("a", "A"),))])
    assert told.devices == {"a": Device("a", "A")}


def test_of_two_claims_the_first_counts() -> None:
    first, second = a_claim("success"), a_claim("offline")
    assert Told.of([Facts(claims=(first,)), Facts(claims=(second,))]).claims == {(SQLITE, DEVICE): first}


def test_a_daemon_knows_its_jobs_better_than_the_node() -> None:
    page, daemon, other = (a_job(source=source) for source in ("node", "rsync", "rsync"))
    for answers in ([page, daemon, other], [daemon, page, other]):
        told = Told.of([Facts(jobs=(job,)) for job in answers])
        assert told.jobs == {(SQLITE, DEVICE): daemon}
    assert Told.of([Facts(jobs=(page,))]).jobs == {(SQLITE, DEVICE): page}


def test_all_data_of_a_device_is_kept() -> None:
    data = [a_data(DAY), a_data(HOUR), a_data(kind=MYSQL), a_data(device="b")]
    told = Told.of([Facts(data=tuple(data[:1])), Facts(data=tuple(data[1:]))])
    assert told.data == {(SQLITE, DEVICE): data[:2], (MYSQL, DEVICE): data[2:3], (SQLITE, "b"): data[3:]}


def test_whoever_is_named_anywhere_is_a_device() -> None:
    facts = Facts(
        (Device("a", "A"),),
        (a_data(device="b"),),
        (a_claim(device="c"),),
        (a_job(device="d"),),
    )
    assert Told.of([facts]).ids() == {"a", "b", "c", "d"}
    assert Told.of([]).ids() == set()


def test_whether_any_service_answered_is_known() -> None:
    assert Told.of([Facts()]).claimed_at_all
    assert not Told.of([]).claimed_at_all
    (asked,) = the_members([Facts(devices=(Device(DEVICE, NAME),))])
    assert {case.asked for case in asked.cases.values()} == {True}
    (unasked,) = the_members([], [in_results(SQLITE)])
    assert {case.asked for case in unasked.cases.values()} == {False}


# ----- which devices


def test_devices_are_ordered_by_their_names_and_those_without_one_come_last() -> None:
    devices = (Device("4", None), Device("1", "B"), Device("3", None), Device("2", "A"), Device("0", "B"))
    assert chosen([Facts(devices=devices)]) == [("2", "A"), ("0", "B"), ("1", "B"), ("3", None), ("4", None)]


def test_devices_of_equal_names_are_two() -> None:
    facts = Facts(devices=(Device("a", NAME), Device("b", NAME)))
    assert chosen([facts]) == [("a", NAME), ("b", NAME)]
    assert chosen([facts], wanted=[NAME]) == [("a", NAME), ("b", NAME)]
    assert chosen([facts], wanted=["b"]) == [("b", NAME)]
    assert chosen([facts], unwanted=["a"]) == [("b", NAME)]


def test_devices_are_wanted_by_id_or_name_and_left_out_by_either() -> None:
    facts = [Facts(devices=(Device("a", "A"), Device("b", "B"), Device("c", None)))]
    assert chosen(facts, wanted=["a", "B", "nobody"]) == [("a", "A"), ("b", "B")]
    assert chosen(facts, unwanted=["a", "B", "nobody"]) == [("c", None)]
    assert chosen(facts, wanted=["A", "b"], unwanted=["B"]) == [("a", "A")]
    assert chosen(facts, wanted=["nobody"]) == []
    assert chosen(facts, wanted=["None"]) == []


def test_a_device_that_only_has_copies_is_one_and_its_folders_tell_its_name() -> None:
    tree = a_tree(
        RESULTS,
        {(SQLITE, "a"): some(folder="a/A/x"), (MYSQL, "b"): some(folder="b"), (SQLITE, "c"): Copies(empty=1)},
    )
    assert chosen([], [tree]) == [("a", "A"), ("b", None), ("c", None)]
    assert chosen([], [tree], wanted=["A"]) == [("a", "A")]


def test_a_service_knows_a_name_better_than_a_folder() -> None:
    tree = a_tree(RESULTS, {(SQLITE, DEVICE): some(folder=f"{DEVICE}/before/x")})
    assert chosen([Facts(devices=(Device(DEVICE, "now"),))], [tree]) == [(DEVICE, "now")]
    assert chosen([Facts(devices=(Device(DEVICE, None, "running"),))], [tree]) == [(DEVICE, "before")]


def test_names_may_hold_anything() -> None:
    devices = tuple(Device(one, one) for one in ("\n", "..", "/", "\0", "\udcff", " ", "None"))
    found = chosen([Facts(devices=devices)])
    assert sorted(found) == sorted((one.id, one.name) for one in devices)
    assert len(the_members([Facts(devices=devices)])) == len(devices)


# ----- each with its cases


def test_a_member_has_a_case_for_each_type_with_what_is_known_of_it() -> None:
    data, claim, job = a_data(path=None), a_claim(), a_job(FAILED)
    facts = Facts((Device(DEVICE, NAME, "running"),), (data,), (claim,), (job,))
    member = the_member(facts, trees=[in_results(SQLITE)])
    assert (member.id, member.name, member.online) == (DEVICE, NAME, True)
    assert list(member.cases) == list(TYPES)
    case = member.cases[SQLITE]
    assert (case.type, list(case.data), case.claim, case.job) == (SQLITE, [data], claim, job)
    assert (case.max_age, case.now, case.asked) == (DAY, NOW, True)
    assert case.evidence == Evidence(
        files=1, size=4096, newest=NOW - HOUR, root="/nowhere/results", path=f"{DEVICE}/{NAME}/x/x.db"
    )
    assert member.cases[VIDEO].max_age == 7 * DAY
    assert member.cases[VIDEO].evidence is None
    assert member.cases[MYSQL].evidence == Evidence()
    assert member.claims == {SQLITE: claim}


@pytest.mark.parametrize(
    ("state", "online"),
    [
        ("running", True),
        ("stopped", True),
        ("busy", True),
        ("of the next version", True),
        ("offline", False),
        ("unreached", False),
        ("not_in_use", False),
        (None, None),
    ],
)
def test_a_device_is_online_when_the_node_reaches_it(state: str | None, online: bool | None) -> None:
    assert the_member(Facts(devices=(Device(DEVICE, NAME, state),))).online is online


def test_of_a_device_that_no_service_lists_it_is_not_known_whether_it_is_online() -> None:
    assert the_member(trees=[in_results(SQLITE)]).online is None
    assert the_member(Facts(claims=(a_claim(),))).online is None


def test_copies_in_several_trees_count_together_and_the_newest_of_all_is_the_newest() -> None:
    attic = results("/nowhere/attic")
    trees = [
        a_tree(RESULTS, {(SQLITE, DEVICE): some(DAY, ahead=1)}),
        a_tree(attic, {(SQLITE, DEVICE): some(HOUR, files=2, size=1, empty=3)}),
        a_tree(VIDEOS, {(VIDEO, DEVICE): some(60)}),
    ]
    evidence = the_member(trees=trees).cases[SQLITE].evidence
    assert evidence is not None
    assert (evidence.files, evidence.size, evidence.empty, evidence.ahead) == (3, 4097, 3, 1)
    assert (evidence.root, evidence.newest) == ("/nowhere/attic", NOW - HOUR)


def test_only_the_types_of_the_terms_are_judged_by_their_ages() -> None:
    tree = own("layout, entry 1", "config", "/nowhere", "^(?P<device>[^/]+)")
    seen = Trees([a_tree(tree, {("config", "r1"): some(2 * DAY, folder="")})])
    told = Told.of([])
    terms = Terms(["config"], {"config": DAY}, NOW)
    (member,) = members(assemble(told, seen, frozenset(), frozenset()), told, seen, terms, Proof("none", 1))
    assert list(member.cases) == ["config"]
    assert judge(member.cases["config"]).status == "stale"
    assert (member.id, member.name) == ("r1", None)


@pytest.mark.parametrize(
    ("folder", "statuses"),
    [
        (f"{DEVICE}/{NAME}", {DEVICE: "unknown"}),
        # a device of which nothing else is known may have copies there, too
        ("somebody else/x", {DEVICE: "missing", "somebody else": "unknown"}),
    ],
)
def test_a_folder_that_cannot_be_read_makes_unknown_whose_it_is(folder: str, statuses: dict[str, str]) -> None:
    seen = a_tree(RESULTS, unreadable=[(folder, "Permission denied")])
    fleet = the_members([Facts(claims=(a_claim(),))], [seen])
    assert {member.id: judge(member.cases[SQLITE]).status for member in fleet} == statuses


def test_a_tree_that_cannot_be_read_makes_all_of_its_types_unknown() -> None:
    seen = a_tree(RESULTS, error="Permission denied")
    member = the_member(Facts(devices=(Device(DEVICE, NAME),)), trees=[seen, a_tree(VIDEOS)])
    assert {kind: judge(case).status for kind, case in member.cases.items()} == {
        MYSQL: "unknown",
        SQLITE: "unknown",
        VIDEO: "no_data",
    }
    assert judge(member.cases[SQLITE]).reason == "/nowhere/results cannot be read (Permission denied)"


# ----- single copies, on disk


def on_disk(root: Path, *paths: str) -> Seen:
    """A tree of databases of which some are there, each with 4 bytes."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"rows")
    return a_tree(results(str(root)), {(SQLITE, DEVICE): some()})


def test_the_copy_of_the_newest_data_is_looked_for_where_the_device_has_it(tmp_path: Path) -> None:
    """Of the database that grows, however new others are."""
    data = (a_data(0, path=f"{DEVICE}/other.db"), a_data(DAY, growing=True, path=DATABASE, began=NOW - 2 * DAY))
    evidence = the_member(Facts(data=data), trees=[on_disk(tmp_path, DATABASE)]).cases[SQLITE].evidence
    assert evidence is not None
    assert evidence.found is not None
    assert (evidence.found.there, evidence.found.size, evidence.found.root) == (True, 4, str(tmp_path))
    assert evidence.lacking == {f"{DEVICE}/other.db"}


def test_a_copy_that_is_not_there_is_found_to_be_so(tmp_path: Path) -> None:
    data = (a_data(DAY, path=DATABASE, began=NOW - 2 * DAY),)
    evidence = the_member(Facts(data=data), trees=[on_disk(tmp_path)]).cases[SQLITE].evidence
    assert evidence is not None
    assert evidence.found == Found(False)
    assert evidence.lacking == {DATABASE}


def test_of_data_that_needs_no_copy_yet_none_is_looked_for(tmp_path: Path) -> None:
    young = a_data(0, growing=True, path=DATABASE, began=NOW - HOUR)
    old = a_data(9 * DAY, path=f"{DEVICE}/a/old.db", began=NOW - 9 * DAY)
    member = the_member(Facts(data=(young, old)), trees=[on_disk(tmp_path, f"{DEVICE}/a/old.db")])
    evidence = member.cases[SQLITE].evidence
    assert evidence is not None
    assert evidence.found is not None
    assert evidence.found.there
    assert evidence.lacking == {DATABASE}
    assert member.cases[SQLITE].newest_data == old


def test_copies_that_a_daemon_lists_are_looked_for(tmp_path: Path) -> None:
    job = a_job(listed={f"{DEVICE}/a": ["1.db", "2.db"], f"{DEVICE}/b": ["3.db"]})
    tree = on_disk(tmp_path, f"{DEVICE}/a/2.db")
    evidence = the_member(Facts(jobs=(job,)), trees=[tree]).cases[SQLITE].evidence
    assert evidence is not None
    assert evidence.gone == (f"{DEVICE}/a/1.db", f"{DEVICE}/b/3.db")


@pytest.mark.parametrize(("level", "checked"), [("none", False), ("open", True), ("full", True)])
def test_databases_are_opened_as_wished(tmp_path: Path, level: str, checked: bool) -> None:
    path = f"{DEVICE}/{NAME}/x/x.db"
    told, seen = Told.of([]), Trees([on_disk(tmp_path, path), a_tree(VIDEOS, {(VIDEO, DEVICE): some()})])
    terms = Terms(TYPES, AGES, NOW)
    (member,) = members([(DEVICE, NAME)], told, seen, terms, Proof(level, 1))
    assert [member.cases[kind].checked for kind in (MYSQL, SQLITE, VIDEO)] == [checked, checked, False]
    evidence = member.cases[SQLITE].evidence
    assert evidence is not None
    assert (evidence.check is not None and evidence.check.usable is False) == checked


# ----- what a device doesn't have


@pytest.mark.parametrize(
    ("device", "data", "none"),
    [
        (Device(DEVICE, NAME, "stopped", lists=True), (), [MYSQL, SQLITE]),
        (Device(DEVICE, NAME, "stopped", lists=True), (a_data(path=None),), [MYSQL]),
        (Device(DEVICE, NAME, "stopped"), (), []),
    ],
)
def test_a_device_that_lists_its_databases_tells_which_it_has_not(
    device: Device, data: tuple[Data, ...], none: list[str]
) -> None:
    member = the_member(Facts((device,), data))
    assert [kind for kind, case in member.cases.items() if case.told_none] == none


@pytest.mark.parametrize(
    ("state", "data", "unlisted"),
    [
        ("running", (), True),
        ("running", (a_data(kind=VIDEO),), True),
        ("running", (a_data(kind=MYSQL),), False),
        ("running", (a_data(),), False),
        ("stopped", (), False),
        (None, (), False),
    ],
)
def test_a_device_that_runs_and_lists_no_database_is_told_apart(
    state: str | None, data: tuple[Data, ...], unlisted: bool
) -> None:
    assert the_member(Facts((Device(DEVICE, NAME, state),), data)).unlisted is unlisted


# ----- copies of MySQL that the node calls SQLite

CLAIMED = Facts(claims=(a_claim(), a_claim("not_available", MYSQL)))


def statuses(*facts: Facts, trees: Iterable[Seen]) -> dict[str, str]:
    return {kind: judge(case).status for kind, case in the_member(*facts, trees=trees).cases.items()}


def test_a_claim_of_sqlite_of_what_is_a_copy_of_mysql_is_none() -> None:
    assert statuses(CLAIMED, trees=[in_results(MYSQL)]) == {MYSQL: "ok", SQLITE: "no_data", VIDEO: "no_data"}
    empty = in_results(MYSQL, files=0, size=0, empty=1, newest=0)
    assert statuses(CLAIMED, trees=[empty]) == {MYSQL: "failed", SQLITE: "no_data", VIDEO: "no_data"}


def test_the_claim_is_still_told_as_it_was_made() -> None:
    assert the_member(CLAIMED, trees=[in_results(MYSQL)]).claims[SQLITE] == a_claim()


@pytest.mark.parametrize(
    ("more", "trees", "sqlite"),
    [
        # the device lists its databases, so the node doesn't guess
        (Facts(data=(a_data(path=None),)), [in_results(MYSQL)], "missing"),
        (Facts(data=(a_data(kind=MYSQL, path=None),)), [in_results(MYSQL)], "missing"),
        # there is no copy of MySQL that it could mean
        (Facts(), [in_results()], "missing"),
        (Facts(), [a_tree(VIDEOS)], "unknown"),
        # there is one of SQLite that it may mean
        (Facts(), [in_results(MYSQL, SQLITE)], "ok"),
        (
            Facts(),
            [a_tree(RESULTS, {(MYSQL, DEVICE): some(), (SQLITE, DEVICE): Copies(empty=1)})],
            "failed",
        ),
    ],
)
def test_any_other_claim_of_sqlite_is_one(more: Facts, trees: list[Seen], sqlite: str) -> None:
    member = the_member(CLAIMED, more, trees=trees)
    assert judge(member.cases[SQLITE]).status == sqlite
    assert member.cases[SQLITE].claim == a_claim()


def test_claims_of_other_types_are_never_dropped() -> None:
    claims: tuple[Claim, ...] = (a_claim(kind=MYSQL), a_claim(kind=VIDEO))
    member = the_member(Facts(claims=claims), trees=[in_results(MYSQL), a_tree(VIDEOS)])
    assert (member.cases[MYSQL].claim, member.cases[VIDEO].claim) == claims
