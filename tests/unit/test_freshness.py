# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be claimed of a guest's backups: never more than was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import error_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.freshness import (
    FUTURE_TOLERANCE,
    Judgement,
    Unreadable,
    by_guest,
    find_unreadable,
    judge,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from unit.builders import DAY, HOUR, MIB, MINIMAL, NOW, a_backup, a_guest, a_place, an_observation, granted

GUEST = a_guest(101, "web1")
HIDDEN = Unreadable("vault", None, "Storage vault is not online.", None)
EVERYTHING = Permissions(granted(["Datastore.Allocate", "Datastore.AllocateSpace", "VM.Backup"], "/"))


def _judge(backups: Sequence[Backup], max_age: int | None = DAY, hidden: Sequence[Unreadable] = ()) -> Judgement:
    return judge(GUEST, backups, hidden, NOW, max_age)


def test_a_young_backup_is_fresh_and_says_how_old() -> None:
    newest, older = a_backup(age=3 * HOUR), a_backup(age=30 * HOUR)
    assert _judge([newest, older]) == Judgement(
        "fresh", "newest good backup is 3 h old, wanted 24 h", newest, 3 * HOUR, 2, 4 * MIB
    )


@pytest.mark.parametrize(("age", "state"), [(0, "fresh"), (DAY, "fresh"), (DAY + 1, "stale"), (90 * DAY, "stale")])
def test_the_wanted_age_is_still_fresh(age: int, state: str) -> None:
    assert _judge([a_backup(age=age)]).state == state


def test_an_old_backup_is_stale() -> None:
    old = a_backup(age=31 * HOUR)
    assert _judge([old]) == Judgement(
        "stale", "newest good backup is 31 h old, wanted 24 h", old, 31 * HOUR, 1, 2 * MIB
    )


def test_without_a_wanted_age_any_good_backup_is_fresh() -> None:
    judged = _judge([a_backup(age=400 * DAY)], max_age=None)
    assert (judged.state, judged.reason) == ("fresh", "newest good backup is 400 d old")


def test_no_backup_is_missing() -> None:
    assert _judge([]) == Judgement("missing", "no backup is there", None, None, 0, 0)


@pytest.mark.parametrize(
    ("newest", "flaw"),
    [
        (a_backup(age=60, size=0), "is empty"),
        (a_backup(age=60, verified=False), "failed its verification"),
        (a_backup(age=60, finished=False), "is not finished"),
        (a_backup(age=-DAY), "is dated in the future"),
    ],
)
def test_bad_backups_do_not_count_but_are_told(newest: Backup, flaw: str) -> None:
    older = a_backup(age=90, size=0)
    assert _judge([newest]) == Judgement("missing", f"its only backup {flaw}", None, None, 1, newest.size)
    assert _judge([newest, older]) == Judgement(
        "missing", f"none of its 2 backups is good; the newest {flaw}", None, None, 2, newest.size
    )


def test_a_good_backup_behind_a_bad_one_counts() -> None:
    good = a_backup(age=2 * HOUR)
    judged = _judge([a_backup(age=HOUR, verified=False), good])
    assert (judged.state, judged.newest, judged.age) == ("fresh", good, 2 * HOUR)


def test_verification_can_be_required() -> None:
    verified = a_backup(age=31 * HOUR, verified=True)
    judged = judge(GUEST, [a_backup(age=HOUR), verified], [], NOW, DAY, require_verified=True)
    assert (judged.state, judged.newest) == ("stale", verified)
    unverified = judge(GUEST, [a_backup(age=HOUR)], [], NOW, DAY, require_verified=True)
    assert (unverified.state, unverified.reason) == ("missing", "its only backup has not been verified")


def test_backups_of_an_earlier_guest_with_the_same_id_do_not_count() -> None:
    machine = a_backup(age=HOUR, guest_type="qemu")
    unknown = a_backup(age=31 * HOUR, guest_type=None, format="x")
    assert (_judge([machine]).state, _judge([machine]).count) == ("missing", 0)
    assert _judge([machine]).reason == "its backups are those of a guest of the other type"
    assert (_judge([machine, unknown]).state, _judge([machine, unknown]).count) == ("stale", 1)


@pytest.mark.parametrize(
    ("ahead", "state"), [(1, "fresh"), (FUTURE_TOLERANCE, "fresh"), (FUTURE_TOLERANCE + 1, "missing"), (DAY, "missing")]
)
def test_a_backup_from_the_future_counts_within_an_hour_only(ahead: int, state: str) -> None:
    judged = _judge([a_backup(age=-ahead)])
    assert judged.state == state
    assert judged.age == (0 if state == "fresh" else None)


@pytest.mark.parametrize(
    ("backups", "reason"),
    [
        (
            [a_backup(age=31 * HOUR)],
            "newest good backup is 31 h old, wanted 24 h, but not everything can be seen: Storage vault is not online.",
        ),
        ([a_backup(size=0)], "its only backup is empty, but not everything can be seen: Storage vault is not online."),
        ([], "no backup is there, but not everything can be seen: Storage vault is not online."),
    ],
)
def test_what_is_not_fresh_is_unknown_while_something_is_hidden(backups: list[Backup], reason: str) -> None:
    judged = _judge(backups, hidden=[HIDDEN])
    assert (judged.state, judged.reason) == ("unknown", reason)


def test_what_is_fresh_stays_so_whatever_is_hidden() -> None:
    assert _judge([a_backup()], hidden=[HIDDEN]).state == "fresh"


def test_what_is_hidden_of_other_guests_does_not_matter() -> None:
    assert _judge([], hidden=[replace(HIDDEN, vmids=frozenset({102}))]).state == "missing"
    assert _judge([], hidden=[replace(HIDDEN, vmids=frozenset({101, 102}))]).state == "unknown"


def test_backups_are_sorted_by_owner_and_keep_their_order() -> None:
    new, old, other, nobody = a_backup(age=1), a_backup(age=9), a_backup(102), a_backup(None, guest_type=None)
    assert by_guest([new, other, nobody, old]) == {101: [new, old], 102: [other]}


LOCAL_ON_2 = a_guest(102, "web2", "pve2")
BOTH = [GUEST, LOCAL_ON_2]


def test_all_is_seen_with_the_documented_privileges() -> None:
    assert find_unreadable(an_observation(BOTH, [a_backup()]), BOTH) == []
    assert find_unreadable(an_observation(BOTH, permissions=EVERYTHING), BOTH) == []


def test_a_node_that_is_away_hides_its_local_storages() -> None:
    observation = an_observation(BOTH, nodes={"pve1": True, "pve2": False})
    assert find_unreadable(observation, BOTH) == [
        Unreadable(
            None,
            "pve2",
            "Node pve2 is offline, so its local storages cannot be read.",
            None,
            frozenset({102}),
            local=True,
        )
    ]


def test_a_node_whose_storages_cannot_be_told() -> None:
    observation = an_observation(BOTH, node_errors={"pve1": "It does not answer."})
    assert find_unreadable(observation, BOTH) == [
        Unreadable(None, "pve1", "It does not answer.", None, frozenset({101}), local=True)
    ]


def test_a_shared_storage_that_fails_concerns_all_a_local_one_the_guests_of_its_node() -> None:
    places = [a_place(node="pve1"), a_place("local", "pve2")]
    why = "Proxmox answered 500: storage is not online."
    observation = an_observation(BOTH, places=places, errors={"vault": why, "local": why})
    assert find_unreadable(observation, BOTH) == [
        Unreadable("vault", None, why, None, None),
        Unreadable("local", "pve2", why, None, frozenset({102}), local=True),
    ]


def test_a_listing_that_is_refused_says_the_grant_that_shows_backups() -> None:
    """Datastore.Audit opens the listing but leaves it empty (recorded: 03_storage, auditor token)."""
    text = "Permission check failed (/storage/vault, Datastore.Audit|Datastore.AllocateSpace)"
    why = error_of("GET", "nodes/pve1/storage/vault/content", 403, text, "", {}).message
    found = find_unreadable(an_observation(BOTH, errors={"vault": why}), BOTH)
    assert [(item.storage, item.why, item.grant) for item in found] == [
        ("vault", why, "Datastore.AllocateSpace on /storage/vault")
    ]


def test_a_storage_whose_backups_are_left_out_without_a_word() -> None:
    auditor = Permissions(granted(["Datastore.Audit", "VM.Audit"], "/"))
    places = [a_place(node="pve1"), a_place("local", "pve2")]
    assert find_unreadable(an_observation(BOTH, places=places, permissions=auditor), BOTH) == [
        Unreadable(
            "vault",
            None,
            "Proxmox shows no backups on storage vault to a token without Datastore.AllocateSpace there.",
            "Datastore.AllocateSpace on /storage/vault",
            None,
        ),
        Unreadable(
            "local",
            "pve2",
            "Proxmox shows no backups on storage local to a token without Datastore.AllocateSpace there.",
            "Datastore.AllocateSpace on /storage/local",
            frozenset({102}),
            local=True,
        ),
    ]


def test_guests_whose_backups_are_left_out_without_a_word() -> None:
    some = Permissions({**MINIMAL.paths, "/vms/102": {"VM.Audit": True}})
    places = [a_place(node="pve1"), a_place("local", "pve1"), a_place("local", "pve2")]
    assert find_unreadable(an_observation(BOTH, places=places, permissions=some), BOTH) == [
        Unreadable(
            storage,
            node,
            (
                f"Proxmox does not show the backups of 102 (web2) on storage {storage} to a token without VM.Backup on "
                "them."
            ),
            "VM.Backup on /vms/102",
            frozenset({102}),
        )
        for storage, node in (("vault", None), ("local", "pve2"))
    ]


def test_a_storage_asked_for_that_nobody_shows() -> None:
    assert find_unreadable(an_observation(BOTH), BOTH, ["vault", "tape", "attic"]) == [
        Unreadable(
            name,
            None,
            f"No online node shows a backup storage named {name} to this token.",
            f"Datastore.AllocateSpace on /storage/{name}",
            None,
        )
        for name in ("attic", "tape")
    ]


def test_a_guest_that_is_gone_may_have_left_backups_on_any_node() -> None:
    """Only backups tell of it, so nobody knows on which node's storages the newest lie."""
    gone = a_guest(103, node="")
    found = find_unreadable(an_observation(BOTH, nodes={"pve1": True, "pve2": False}), [gone])
    assert judge(gone, [a_backup(103, age=2 * DAY)], found, NOW, DAY).state == "unknown"


def test_a_guest_without_any_backup_may_have_left_one_where_it_once_ran() -> None:
    elsewhere = Unreadable("local", "pve2", "Node pve2 is offline.", None, frozenset({102}), local=True)
    assert _judge([], hidden=[elsewhere]).state == "unknown"
    assert _judge([a_backup(age=2 * DAY)], hidden=[elsewhere]).state == "stale"


def test_a_token_with_single_storages_cannot_know_of_others() -> None:
    single = Permissions(
        {**granted(["VM.Audit", "VM.Backup"], "/vms"), **granted(["Datastore.AllocateSpace"], "/storage/vault")}
    )
    found = Unreadable(
        None,
        None,
        "Proxmox shows only storages on which the token has a privilege (vault); there may be others.",
        "Datastore.AllocateSpace on /storage, or name the storages to look at",
    )
    assert find_unreadable(an_observation(BOTH, permissions=single), BOTH) == [found]
    assert find_unreadable(an_observation(BOTH, permissions=single), BOTH, ["vault"]) == []
    blind = find_unreadable(an_observation(BOTH, permissions=single, places=[]), BOTH)
    assert [item.why for item in blind] == [found.why.replace("vault", "none")]


BACKUPS = st.lists(
    st.builds(
        a_backup,
        age=st.integers(-2 * FUTURE_TOLERANCE, 3 * DAY),
        size=st.sampled_from([0, 1, MIB]),
        verified=st.sampled_from([None, True, False]),
        finished=st.booleans(),
        guest_type=st.sampled_from(["lxc", "qemu", None]),
    ),
    max_size=5,
).map(lambda backups: sorted(backups, key=lambda backup: -backup.ctime))
AGES = st.one_of(st.none(), st.integers(0, 3 * DAY))
UNSEEN = st.lists(
    st.sampled_from(
        [
            HIDDEN,
            replace(HIDDEN, vmids=frozenset({101})),
            replace(HIDDEN, vmids=frozenset({7})),
            replace(HIDDEN, vmids=frozenset({7}), local=True),
        ]
    )
)
RANKS = {"missing": 0, "unknown": 0, "stale": 1, "fresh": 2}


@settings(max_examples=40)
@given(BACKUPS, UNSEEN, AGES, st.booleans())
def test_fresh_is_claimed_of_evidence_only(
    backups: list[Backup], hidden: list[Unreadable], max_age: int | None, strict: bool
) -> None:
    judged = judge(GUEST, backups, hidden, NOW, max_age, strict)
    evidence = [
        backup
        for backup in backups
        if backup.good(strict)
        and backup.guest_type != "qemu"
        and backup.ctime <= NOW + FUTURE_TOLERANCE
        and (max_age is None or NOW - backup.ctime <= max_age)
    ]
    assert (judged.state == "fresh") is bool(evidence)
    assert judged.newest is None or judged.newest.good(strict)
    assert judged.age is None or judged.age >= 0


@settings(max_examples=40)
@given(BACKUPS, UNSEEN, AGES)
def test_a_failed_look_never_becomes_a_claim(
    backups: list[Backup], hidden: list[Unreadable], max_age: int | None
) -> None:
    judged = judge(GUEST, backups, hidden, NOW, max_age)
    state = judged.state
    if any(item.concerns(101) or (item.local and judged.newest is None) for item in hidden):
        assert state in ("fresh", "unknown")
    else:
        assert state in ("fresh", "stale", "missing")


@settings(max_examples=40)
@given(BACKUPS, UNSEEN, AGES, st.integers(0, DAY))
def test_one_more_older_backup_never_makes_it_worse(
    backups: list[Backup], hidden: list[Unreadable], max_age: int | None, older: int
) -> None:
    oldest = backups[-1].ctime if backups else NOW
    more = [*backups, a_backup(ctime=oldest - older)]
    before, after = (judge(GUEST, known, hidden, NOW, max_age) for known in (backups, more))
    assert RANKS[after.state] >= RANKS[before.state]
    assert before.newest is None or after.newest == before.newest


@settings(max_examples=40)
@given(BACKUPS, UNSEEN, st.integers(0, DAY), st.integers(0, DAY))
def test_asking_for_less_never_makes_it_worse(
    backups: list[Backup], hidden: list[Unreadable], max_age: int, more: int
) -> None:
    strict, lenient = (judge(GUEST, backups, hidden, NOW, age).state for age in (max_age, max_age + more))
    assert RANKS[lenient] >= RANKS[strict]
