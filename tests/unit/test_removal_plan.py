# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which backups go and which stay: whose they are, by which rule, and what never goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import RULES, Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup, Listing
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import (
    Fate,
    Owners,
    RemovalPlan,
    Retention,
    plan_named,
    plan_older,
)
from unit.builders import DAY, HOUR, NOW, a_backup
from unit.strategies import BACKUPS

OWN: Owners = {101: "lxc"}
NEWEST_GOOD = "the newest good backup is always kept"


def _now(_node: str) -> float:
    return float(NOW)


def _retention(keep: Keep, zones: Mapping[str, str] | None = None, **more: Any) -> Retention:
    return Retention(keep, LocalTimes(zones or {}), more.pop("now", _now), **more)


def _gone(plan: RemovalPlan) -> list[Backup]:
    return [fate.backup for fate in plan.removals]


def _why(plan: RemovalPlan) -> dict[str, str]:
    return {fate.backup.volid: fate.why for fate in (*plan.removals, *plan.kept)}


def _listing(*backups: Backup, storage: str = "vault", node: str = "pve1") -> Listing:
    return Listing(storage, node, storage == "vault", backups)


# ----- a retention


def test_each_guest_is_counted_for_itself() -> None:
    backups = [a_backup(vmid, days * DAY) for vmid in (101, 102) for days in (1, 2)]
    plan = _retention(Keep(last=1)).apply(backups, {101: "lxc", 102: "lxc"})
    assert plan.removals == tuple(Fate(one, "not kept by keep-last=1") for one in (backups[1], backups[3]))
    assert [fate.backup for fate in plan.kept] == [backups[0], backups[2]]
    assert {fate.why for fate in plan.kept} == {"keep_last: made 2026-11-19 12:26:37"}


def test_guests_that_nobody_meant_are_not_in_the_plan_at_all() -> None:
    others = [a_backup(102, days * DAY) for days in range(5)]
    assert _retention(Keep(last=1)).apply(others, OWN) == RemovalPlan()


def test_archives_of_nobody_are_left_alone() -> None:
    nobodys = [a_backup(None, days * DAY, guest_type=None) for days in range(3)]
    assert _retention(Keep(last=1)).apply(nobodys, OWN) == RemovalPlan()


def test_a_former_guest_of_the_other_type_is_another_guest() -> None:
    former = [a_backup(101, days * DAY, guest_type="qemu") for days in (1, 2, 3)]
    own = [a_backup(101, days * DAY + HOUR) for days in (1, 2)]
    plan = _retention(Keep(last=1)).apply([*former, *own], OWN)
    assert (_gone(plan), [fate.backup for fate in plan.kept]) == ([own[1]], [own[0]])


def test_of_a_guest_that_is_gone_each_type_is_counted_for_itself() -> None:
    machines = [a_backup(101, days * DAY, guest_type="qemu") for days in (1, 2)]
    containers = [a_backup(101, days * DAY) for days in (3, 4)]
    plan = _retention(Keep(last=1)).apply([*machines, *containers], {101: None})
    assert _gone(plan) == [machines[1], containers[1]]


def test_a_backup_whose_type_nobody_knows_is_the_guests() -> None:
    unknown, own = a_backup(101, 2 * DAY, guest_type=None, volid="vault:backup/a-101-b.tar"), a_backup(101, DAY)
    assert _why(_retention(Keep(last=1)).apply([unknown, own], OWN))[unknown.volid] == "it is renamed"
    assert _why(plan_older([_listing(unknown)], OWN, DAY, _now, False)) == {unknown.volid: "it is renamed"}


@pytest.mark.parametrize(
    ("flaw", "why"),
    [
        ({"protected": True}, "it is protected"),
        ({"volid": "vault:backup/vzdump-lxc-101-mine.tar.zst"}, "it is renamed"),
        ({"finished": False}, "it is not finished"),
        ({"protected": True, "volid": "vault:backup/mine.tar.zst"}, "it is protected"),
    ],
)
def test_some_are_neither_removed_nor_counted(flaw: dict[str, Any], why: str) -> None:
    frozen = a_backup(101, HOUR, **flaw)
    counted = [a_backup(101, days * DAY) for days in (1, 2)]
    plan = _retention(Keep(last=1)).apply([frozen, *counted], OWN)
    assert _gone(plan) == [counted[1]]
    assert _why(plan)[frozen.volid] == why


@pytest.mark.parametrize("flaw", [{"size": 0}, {"verified": False}])
def test_the_newest_good_one_stays_behind_damaged_ones(flaw: dict[str, Any]) -> None:
    damaged, good, older = a_backup(101, HOUR, **flaw), a_backup(101, DAY), a_backup(101, 2 * DAY)
    plan = _retention(Keep(last=1)).apply([damaged, good, older], OWN)
    assert _why(plan) == {
        damaged.volid: "keep_last: made 2026-11-20 11:26:37",
        good.volid: NEWEST_GOOD,
        older.volid: "not kept by keep-last=1",
    }
    as_proxmox = _retention(Keep(last=1), spare_newest_good=False).apply([damaged, good, older], OWN)
    assert _gone(as_proxmox) == [good, older]


@pytest.mark.parametrize(("ahead", "kept"), [(3600, "made"), (3601, "dated")])
def test_one_that_is_dated_in_the_future_is_no_proof(ahead: int, kept: str) -> None:
    dated, made = a_backup(101, ctime=NOW + ahead), a_backup(101, DAY)
    plan = _retention(Keep(last=1)).apply([dated, made], OWN)
    assert (_gone(plan) == [made]) is (kept == "made")
    assert (NEWEST_GOOD in _why(plan).values()) is (kept == "dated")


def test_the_future_begins_by_the_clock_of_the_node_that_shows_it() -> None:
    dated, made = a_backup(101, ctime=NOW + DAY, node="pve2"), a_backup(101, DAY)
    ahead = _retention(Keep(last=1), now=lambda node: float(NOW + (DAY if node == "pve2" else 0)))
    assert _gone(ahead.apply([dated, made], OWN)) == [made]


def test_a_backup_that_is_about_to_be_made_is_counted_and_not_told() -> None:
    backups = [a_backup(101, days * DAY) for days in (1, 2, 3)]
    plan = _retention(Keep(last=2)).apply(backups, OWN, planned=[101])
    assert _gone(plan) == backups[1:]
    assert [fate.backup for fate in plan.kept] == backups[:1]
    assert _gone(_retention(Keep(last=2)).apply(backups, OWN, planned=[102])) == backups[2:]


def test_the_planned_one_is_of_the_guests_own_type() -> None:
    former, own = a_backup(101, DAY, guest_type="qemu"), a_backup(101, 2 * DAY)
    retention = _retention(Keep(last=1))
    assert _gone(retention.apply([former, own], OWN, planned=[101])) == [own]
    assert _gone(retention.apply([former, own], {101: None}, planned=[101])) == []


def test_the_planned_one_is_the_newest_good_one_that_stays() -> None:
    damaged, good = a_backup(101, HOUR, size=0), a_backup(101, DAY)
    assert _gone(_retention(Keep(last=1)).apply([damaged, good], OWN, planned=[101])) == [damaged, good]


def test_the_planned_one_is_never_in_the_second_of_another() -> None:
    """Else last would take both for one."""
    backups = [a_backup(101, 0), a_backup(101, DAY)]
    assert _gone(_retention(Keep(last=2)).apply(backups, OWN, planned=[101])) == [backups[1]]


def test_the_planned_one_is_made_now_even_beside_one_from_the_future() -> None:
    future, made = a_backup(101, ctime=NOW + DAY), a_backup(101, DAY)
    plan = _retention(Keep(last=2)).apply([future, made], OWN, planned=[101])
    assert _gone(plan) == [made]


def test_the_planned_ones_day_is_that_of_the_node() -> None:
    """12:26 UTC is the next day on Kiritimati, where a backup of 20 hours ago was made on the day before."""
    snapshot = a_backup(101, 20 * HOUR, volid="vault:backup/ct/101/2026-11-19T16:26:37Z")
    there = _retention(Keep(daily=1), {"pve1": "Pacific/Kiritimati"})
    assert _gone(there.apply([snapshot], OWN, planned=[101])) == [snapshot]
    same_day = a_backup(101, 2 * HOUR, volid="vault:backup/ct/101/2026-11-20T10:26:37Z")
    for zones in ({}, {"pve1": "Pacific/Kiritimati"}):
        plan = _retention(Keep(daily=2), zones).apply([same_day, snapshot], OWN, planned=[101])
        assert _gone(plan) == [same_day]


# ----- one plan after another


def test_what_the_first_removes_the_second_has_not_seen() -> None:
    first, second, third = (a_backup(101, days * DAY) for days in (1, 2, 3))
    storages = RemovalPlan((Fate(third, "retention of the storage (keep-last=2)"),), (), ("a",))
    ours = RemovalPlan(
        (Fate(third, "not kept by keep-last=1"), Fate(second, "not kept by keep-last=1")), (Fate(first, "x"),), ("b",)
    )
    assert storages.and_then(ours) == RemovalPlan(
        (Fate(third, "retention of the storage (keep-last=2)"), Fate(second, "not kept by keep-last=1")),
        (Fate(first, "x"),),
        ("a", "b"),
    )


def test_what_the_second_removes_is_not_kept_by_the_first() -> None:
    one, two = a_backup(101, DAY), a_backup(101, 2 * DAY)
    first = RemovalPlan((), (Fate(one, "a"), Fate(two, "a")))
    assert first.and_then(RemovalPlan((Fate(two, "b"),), (Fate(one, "b"),))) == RemovalPlan(
        (Fate(two, "b"),), (Fate(one, "b"),)
    )


def test_backups_of_the_same_name_on_two_nodes_are_two() -> None:
    here, there = (a_backup(101, storage="local", node=node) for node in ("pve1", "pve2"))
    assert here.volid == there.volid
    plan = RemovalPlan((Fate(here, "a"),)).and_then(RemovalPlan((Fate(there, "b"),)))
    assert _gone(plan) == [here, there]
    assert RemovalPlan((), (Fate(here, "a"),)).and_then(RemovalPlan((Fate(there, "b"),))).kept == (Fate(here, "a"),)


# ----- by age


def test_older_ones_go_and_it_is_said_how_old_they_are() -> None:
    old, edge, young = a_backup(101, 31 * DAY), a_backup(101, 30 * DAY), a_backup(101, HOUR)
    assert plan_older([_listing(old, edge, young)], OWN, 30 * DAY, _now, False) == RemovalPlan(
        (Fate(old, "31 d old, older than 30 d"),),
        (Fate(edge, "30 d old, not older than 30 d"), Fate(young, "60 min old, not older than 30 d")),
    )


def test_by_age_the_last_one_goes_too() -> None:
    assert _gone(plan_older([_listing(a_backup(101, 2 * DAY))], OWN, DAY, _now, False)) == [a_backup(101, 2 * DAY)]


def test_by_age_only_the_owners_own_go() -> None:
    other, nobodys = a_backup(102, 9 * DAY), a_backup(None, 9 * DAY, guest_type=None)
    former = a_backup(101, 9 * DAY, guest_type="qemu")
    renamed = a_backup(101, 9 * DAY, volid="vault:backup/vzdump-lxc-101-mine.tar.zst")
    plan = plan_older([_listing(other, nobodys, former, renamed)], OWN, DAY, _now, False)
    assert (_gone(plan), _why(plan)) == ([], {renamed.volid: "it is renamed"})
    assert _gone(plan_older([_listing(former)], {101: None}, DAY, _now, False)) == [former]


def test_age_is_that_of_the_nodes_clock_and_never_negative() -> None:
    here, there = a_backup(101, HOUR, storage="local"), a_backup(101, HOUR, storage="local", node="pve2")
    listings = [_listing(here, storage="local"), _listing(there, storage="local", node="pve2")]
    plan = plan_older(listings, OWN, DAY, lambda node: float(NOW + (3 * DAY if node == "pve2" else -3 * DAY)), False)
    assert plan == RemovalPlan(
        (Fate(there, "3 d 1 h old, older than 24 h"),), (Fate(here, "0 s old, not older than 24 h"),)
    )


def test_one_that_is_being_written_stays_whatever_its_age() -> None:
    unfinished = a_backup(101, 9 * DAY, finished=False)
    assert plan_older([_listing(unfinished)], OWN, DAY, _now, True) == RemovalPlan(
        (), (Fate(unfinished, "it is not finished"),)
    )


def test_a_protected_one_that_is_old_is_refused_by_name() -> None:
    old = [a_backup(101, days * DAY, protected=days > 8) for days in (8, 9, 10)]
    young = a_backup(101, HOUR, protected=True)
    with pytest.raises(InputError) as refused:
        plan_older([_listing(*old, young)], OWN, DAY, _now, False)
    assert refused.value.message == (
        f"Protected against removal: {old[2].volid}, {old[1].volid}. Set unprotect to true to remove what is "
        "protected, too. Nothing was removed."
    )
    assert _gone(plan_older([_listing(*old, young)], OWN, DAY, _now, True)) == old


# ----- by name


def test_a_name_goes_on_every_node_that_lists_it() -> None:
    here, there = (a_backup(101, storage="local", node=node) for node in ("pve1", "pve2"))
    other = a_backup(102, storage="local")
    listings = [_listing(here, other, storage="local"), _listing(there, storage="local", node="pve2")]
    assert plan_named(listings, [here.volid], False) == RemovalPlan(
        (Fate(here, "it is named"), Fate(there, "it is named"))
    )


def test_names_that_are_nowhere_are_told() -> None:
    there = a_backup(101)
    plan = plan_named([_listing(there)], ["vault:backup/b", there.volid, "vault:backup/a", "vault:backup/b"], False)
    assert (_gone(plan), plan.absent) == ([there], ("vault:backup/a", "vault:backup/b"))


def test_a_name_goes_whoever_owns_it() -> None:
    strange = [
        a_backup(None, guest_type=None, volid="vault:backup/mine.tar.zst"),
        a_backup(101, 9, finished=False),
        a_backup(900, 7, guest_type="qemu"),
    ]
    assert _gone(plan_named([_listing(*strange)], [one.volid for one in strange], False)) == strange


def test_a_protected_name_is_refused_once() -> None:
    here, there = (a_backup(101, storage="local", node=node, protected=True) for node in ("pve1", "pve2"))
    listings = [_listing(here, storage="local"), _listing(there, storage="local", node="pve2")]
    with pytest.raises(InputError) as refused:
        plan_named(listings, [here.volid, "local:backup/gone"], False)
    assert refused.value.message == (
        f"Protected against removal: {here.volid}. Set unprotect to true to remove what is protected, too. Nothing "
        "was removed."
    )
    assert _gone(plan_named(listings, [here.volid], True)) == [here, there]


# ----- what holds for every retention

SOME = st.lists(BACKUPS, unique_by=lambda backup: backup.volid, max_size=24)
KEEPS = st.builds(Keep, **{rule: st.sampled_from([0, 0, 1, 2, 3]) for rule in RULES}).filter(
    lambda keep: any(getattr(keep, rule) for rule in RULES)
)
OWNERS = st.dictionaries(st.sampled_from([101, 102, 103, 104]), st.sampled_from(["lxc", "qemu", None]), max_size=3)
MANY = settings(max_examples=60)


def _kept_and_gone(keep: Keep, backups: Sequence[Backup], owners: Owners) -> tuple[set[str], set[str]]:
    plan = _retention(keep).apply(backups, owners)
    kept, gone = {fate.backup.volid for fate in plan.kept}, {fate.backup.volid for fate in plan.removals}
    assert kept.isdisjoint(gone)
    return kept, gone


@MANY
@given(SOME, KEEPS, OWNERS)
def test_the_newest_good_one_of_a_guest_never_goes(backups: list[Backup], keep: Keep, owners: Owners) -> None:
    _kept, gone = _kept_and_gone(keep, backups, owners)
    for vmid, kind in owners.items():
        for own in ("lxc", "qemu") if kind is None else (kind,):
            good = [
                backup
                for backup in backups
                if backup.vmid == vmid
                and backup.guest_type in ((own,) if kind is None else (own, None))
                and backup.good()
                and backup.ctime <= NOW + HOUR
            ]
            newest = max((backup.ctime for backup in good), default=0)
            assert not good or any(backup.volid not in gone for backup in good if backup.ctime == newest)


@MANY
@given(SOME, KEEPS, OWNERS)
def test_no_protected_one_goes_and_none_of_another_guest(backups: list[Backup], keep: Keep, owners: Owners) -> None:
    kept, gone = _kept_and_gone(keep, backups, owners)
    for backup in backups:
        if backup.protected or backup.vmid not in owners:
            assert backup.volid not in gone
        own = (
            backup.vmid is not None
            and backup.vmid in owners
            and (owners[backup.vmid] is None or backup.guest_type in (None, owners[backup.vmid]))
        )
        assert (backup.volid in kept | gone) is own


@MANY
@given(SOME, KEEPS, OWNERS)
def test_the_second_run_removes_nothing(backups: list[Backup], keep: Keep, owners: Owners) -> None:
    kept, gone = _kept_and_gone(keep, backups, owners)
    again = _kept_and_gone(keep, [backup for backup in backups if backup.volid not in gone], owners)
    assert again == (kept, set())


@MANY
@given(SOME, KEEPS, OWNERS, st.sampled_from(RULES), st.integers(1, 4))
def test_a_larger_number_never_removes_more(
    backups: list[Backup], keep: Keep, owners: Owners, rule: str, more: int
) -> None:
    numbers = {name: getattr(keep, name) for name in RULES}
    larger = Keep(**{**numbers, rule: numbers[rule] + more}, all=False)
    # a week may lie in two months: test_retention.py
    assume(not (larger.weekly and (larger.monthly or larger.yearly)))
    assert _kept_and_gone(larger, backups, owners)[1] <= _kept_and_gone(keep, backups, owners)[1]


@MANY
@given(SOME, KEEPS, OWNERS)
def test_a_planned_one_saves_nothing_older(backups: list[Backup], keep: Keep, owners: Owners) -> None:
    """What goes without the new backup goes with it, too, unless it was the damaged or dated ones' turn to stay."""
    good = [backup for backup in backups if backup.good() and backup.ctime <= NOW]
    plan = _retention(keep).apply(good, owners, planned=list(owners))
    assert _kept_and_gone(keep, good, owners)[1] <= {fate.backup.volid for fate in plan.removals}


def test_a_name_with_a_date_that_never_was_is_none_of_proxmox() -> None:
    made_up = a_backup(101, 3 * DAY, volid="vault:backup/vzdump-lxc-101-2026_13_45-00_00_00.tar.zst")
    retention = Retention(Keep(last=1), LocalTimes({}), lambda _node: float(NOW))
    plan = retention.apply([a_backup(101, DAY), made_up], {101: "lxc"})
    assert (made_up.named_by_proxmox, plan.removals) == (False, ())


def test_a_renamed_one_does_not_stand_in_for_the_newest_good_one() -> None:
    """Its time is that of its file, and what is in it nobody knows."""
    renamed = a_backup(101, 0, volid="vault:backup/vzdump-lxc-101-before.tar.zst")
    empty, good, older = a_backup(101, DAY, size=0), a_backup(101, 2 * DAY), a_backup(101, 3 * DAY)
    plan = _retention(Keep(last=1)).apply([renamed, empty, good, older], OWN)
    assert _gone(plan) == [older]


def test_one_whose_time_is_not_known_is_left_alone() -> None:
    timeless = a_backup(101, ctime=0, volid="vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst")
    why = {timeless.volid: "when it was made is not known"}
    assert _why(plan_older([_listing(timeless)], OWN, DAY, _now, False)) == why
    assert _why(_retention(Keep(last=1)).apply([timeless], OWN)) == why


def test_a_new_backup_that_will_be_protected_is_not_counted() -> None:
    backups = [a_backup(101, days * DAY) for days in (1, 2)]
    retention = Retention(Keep(last=1), LocalTimes({}), _now, new_is_protected=True)
    assert _gone(retention.apply(backups, OWN, {101})) == [backups[1]]
