# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which guests get a backup, where, and why."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import (
    Decision,
    NodeJob,
    Wish,
    describe,
    plan_moved,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.orphans import Orphan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection
from unit.builders import (
    DAY,
    DB1,
    FLEET,
    HOUR,
    MINIMAL,
    NOW,
    WEB1,
    WEB2,
    a_backup,
    a_guest,
    a_place,
    a_plan,
    a_upid,
    an_observation,
    decided,
    granted,
    refusal,
)


def test_the_defaults_of_a_wish() -> None:
    assert Wish.from_params({"vmids": [101]}) == Wish(
        Selection(vmids=(101,)), None, None, {}, None, True, 86400, False, False, None, False
    )


@pytest.mark.parametrize(
    ("keep", "meant"),
    [
        (None, None),
        ({"keep_last": 3, "keep_daily": None}, Keep(last=3)),
        ({"keep_all": True}, Keep(all=True)),
    ],
)
def test_a_wish_may_have_a_retention(keep: dict[str, Any] | None, meant: Keep | None) -> None:
    assert Wish.from_params({"vmids": [101], "keep": keep}).keep == meant


def test_options_of_removing_may_be_there_when_they_say_nothing() -> None:
    Wish.from_params({"vmids": [101], "volids": [], "older_than": None, "unprotect": False})


@pytest.mark.parametrize(("remove", "own"), [(True, True), (False, False), (None, True)])
def test_the_storages_own_retention_can_be_kept_from_working(remove: bool | None, own: bool) -> None:
    assert Wish.from_params({"vmids": [101], "storage_retention": remove}).storage_retention is own


def test_one_node_at_a_time_is_enough() -> None:
    assert Wish.from_params({"vmids": [101], "max_parallel": 1}).max_parallel == 1


def test_everything_a_wish_can_say() -> None:
    assert Wish.from_params(
        {
            "tags": ["prod"],
            "storage": "vault",
            "max_age": "20h",
            "mode": "stop",
            "fleecing": {"enabled": True, "storage": "fast"},
            "wait": False,
            "timeout": "6h",
            "on_timeout": "cancel",
            "on_interrupt": "cancel",
            "max_parallel": 2,
            "warnings_as_errors": True,
        }
    ) == Wish(
        Selection(tags=("prod",)),
        "vault",
        72000,
        {"mode": "stop", "fleecing": "enabled=1,storage=fast"},
        "fast",
        False,
        21600,
        True,
        True,
        2,
        True,
    )


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"vmids": [], "nodes": ["pve1"]},
            (
                "No guest is selected: set vmids, names, tags, pools, or all_guests to true. An empty list selects "
                "nothing."
            ),
        ),
        (
            {"all_guests": True, "storage": " "},
            "storage: it is empty; name a storage, or leave the option out so that one is found.",
        ),
        ({"all_guests": True, "max_parallel": 0}, "max_parallel: at least one node must be allowed to work."),
        (
            {"all_guests": True, "max_age": "a day"},
            (
                "max_age: 'a day' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, "
                "24h, 7d, 2w, or seconds without a letter."
            ),
        ),
        (
            {"all_guests": True, "keep": {"keep_last": 1}, "wait": False},
            "keep: older backups are only removed after the new one is proven; it needs wait true.",
        ),
        ({"all_guests": True, "keep": {"keep_last": -1}}, "keep: keep_last must not be negative."),
        (
            {"all_guests": True, "volids": ["vault:backup/x"]},
            "volids: it belongs to state absent, which removes backups. Nothing was started.",
        ),
        (
            {"all_guests": True, "older_than": "30d"},
            "older_than: it belongs to state absent, which removes backups. Nothing was started.",
        ),
        (
            {"unprotect": True},
            "unprotect: it belongs to state absent, which removes backups. Nothing was started.",
        ),
    ],
)
def test_a_wish_that_cannot_be_meant(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        Wish.from_params(params)
    assert caught.value.message == message


def test_only_what_is_not_fresh_is_backed_up() -> None:
    backups = [a_backup(101, age=3 * HOUR), a_backup(102, age=31 * HOUR)]
    planned = a_plan(an_observation(FLEET, backups), max_age="24h")
    assert decided(planned) == {
        101: ("keep", None, "newest good backup is 3 h old, wanted 24 h"),
        102: ("back_up", "vault", "newest good backup is 31 h old, wanted 24 h"),
        300: ("back_up", "vault", "no backup is there"),
    }
    assert planned.jobs == (
        NodeJob("pve1", "vault", (WEB2,), NOW - 31 * HOUR),
        NodeJob("pve2", "vault", (DB1,), 0),
    )


def test_without_a_wanted_age_all_are() -> None:
    planned = a_plan(an_observation(FLEET, [a_backup(101, age=60), a_backup(102, age=7)]))
    assert {told[2] for told in decided(planned).values()} == {"a backup is made at every run without max_age"}
    assert planned.jobs[0] == NodeJob("pve1", "vault", (WEB1, WEB2), NOW - 7)


def test_a_guest_is_judged_by_the_clock_of_its_node() -> None:
    observation = an_observation([WEB1], [a_backup(101, age=HOUR)], offsets={"pve1": 2.0 * DAY})
    assert decided(a_plan(observation, max_age="24h"))[101] == (
        "back_up",
        "vault",
        "newest good backup is 2 d 1 h old, wanted 24 h",
    )


def test_what_cannot_be_seen_is_backed_up_rather_than_believed() -> None:
    observation = an_observation([WEB1], places=[a_place(), a_place("attic")], errors={"attic": "It is not online."})
    assert decided(a_plan(observation, max_age="24h"))[101] == (
        "back_up",
        "vault",
        "no backup is there, but not everything can be seen: It is not online.",
    )


def test_a_guest_without_the_privilege_is_refused_and_does_not_spoil_the_others() -> None:
    some = Permissions({**MINIMAL.paths, "/vms/101": {"VM.Audit": True}})
    planned = a_plan(an_observation(FLEET, permissions=some), max_age="24h")
    assert decided(planned)[101] == ("refuse", None, "the token lacks VM.Backup on /vms/101")
    assert [guest.vmid for job in planned.jobs for guest in job.guests] == [102, 300]


def test_a_guest_on_a_node_that_is_away_is_refused_unless_it_is_fresh() -> None:
    nodes = {"pve1": True, "pve2": False}
    fresh = [a_backup(300, age=HOUR, guest_type="qemu")]
    assert decided(a_plan(an_observation(FLEET, nodes=nodes), max_age="24h"))[300] == (
        "refuse",
        None,
        "node pve2 is offline",
    )
    assert decided(a_plan(an_observation(FLEET, fresh, nodes=nodes), max_age="24h"))[300][0] == "keep"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"vmids": [999, 101, 998], "all_guests": False},
            (
                "vmids: no guest with the id 998, 999 is shown to this token: it does not exist or VM.Audit on it is "
                "missing. Nothing was started."
            ),
        ),
        (
            {"exclude": ["101", "102", "db1"]},
            "The selection matches no guest that this token may see (VM.Audit). Nothing was started.",
        ),
        (
            {"bwlimit": 0, "ionice": 7, "performance": {"max_workers": 2}},
            (
                "bwlimit, ionice, performance: Proxmox takes this only from a token with Sys.Modify on /; grant it or "
                "leave the option out. Nothing was started."
            ),
        ),
        (
            {"storage": "attic", "fleecing": {"enabled": True, "storage": "fast"}},
            (
                "storage attic: the token lacks Datastore.AllocateSpace on /storage/attic, or the storage does not "
                "exist. Nothing was started."
            ),
        ),
        (
            {"fleecing": {"enabled": True, "storage": "fast"}},
            (
                "storage fast: the token lacks Datastore.AllocateSpace on /storage/fast, or the storage does not "
                "exist. Nothing was started."
            ),
        ),
    ],
)
def test_what_cannot_work_for_any_guest_is_said_before_anything_is_started(
    params: dict[str, Any], message: str
) -> None:
    narrow = Permissions(
        {**granted(["VM.Audit", "VM.Backup"], "/vms"), **granted(["Datastore.AllocateSpace"], "/storage/vault")}
    )
    assert refusal(an_observation(FLEET, permissions=narrow), **params) == message


def test_with_sys_modify_the_speed_can_be_set() -> None:
    mighty = Permissions({**MINIMAL.paths, "/": {"Sys.Modify": True}})
    assert len(a_plan(an_observation(FLEET, permissions=mighty), bwlimit=5000).jobs) == 2


def test_guests_that_moved_are_followed_and_for_the_others_there_is_a_reason() -> None:
    left = [a_guest(vmid, node="pve1") for vmid in (101, 102, 103, 104, 105)]
    now = [a_guest(101, node="pve2"), a_guest(102, node="pve1"), a_guest(103, node="pve3"), a_guest(105, node="pve2")]
    cluster = Cluster({"pve1": True, "pve2": True, "pve3": False}, {guest.vmid: guest for guest in now}, frozenset())
    jobs, reasons = plan_moved(left, {101: "vault", 102: "vault", 103: "vault", 104: "vault", 105: "attic"}, cluster)
    assert jobs == [NodeJob("pve2", "attic", (now[3],)), NodeJob("pve2", "vault", (now[0],))]
    assert reasons == {
        102: "node pve1 ended its task without a word about it",
        103: "it moved to node pve3, which is offline",
        104: "it is gone from the cluster since the task began",
    }


def _decision(observation: Observation) -> Decision:
    return a_plan(observation).decisions[0]


def test_a_decision_in_words() -> None:
    assert describe(_decision(an_observation([WEB1]))) == "101 (web1): no good backup is seen"
    assert describe(_decision(an_observation([WEB1], [a_backup(101, age=31 * HOUR)]))) == (
        "101 (web1): newest good backup vault:backup/vzdump-lxc-101-2026_11_19-05_26_37.tar.zst, 31 h old"
    )


DIED = Orphan("20261120T122500Z-0a1b2c3d", 1, "pve1", "vault", (101, 102), a_upid(""), ended_at=NOW + 60)


def test_what_a_run_that_died_has_just_made_is_not_made_again() -> None:
    made = a_backup(101, ctime=NOW)
    planned = a_plan(an_observation(FLEET, [made, a_backup(102, DAY)]), orphans=[DIED])
    assert DIED.upid is not None
    reason = f"task {DIED.upid.text} of run {DIED.run}, which did not come to its end, has made it just now"
    assert decided(planned) == {
        101: ("keep", "vault", reason),
        102: ("back_up", "vault", "a backup is made at every run without max_age"),
        300: ("back_up", "vault", "a backup is made at every run without max_age"),
    }
    judgement = planned.decisions[0].judgement
    assert (judgement.state, judgement.newest, judgement.age) == ("fresh", made, 0)


def test_with_a_wanted_age_that_one_says_what_is_needed() -> None:
    seen = an_observation([WEB1], [a_backup(101, ctime=NOW)])
    assert decided(a_plan(seen, orphans=[DIED], max_age="24h"))[101] == (
        "keep",
        None,
        "newest good backup is 0 s old, wanted 24 h",
    )


def test_on_another_storage_it_is_made_all_the_same() -> None:
    seen = an_observation([WEB1], [a_backup(101, ctime=NOW)], places=[a_place(), a_place("attic")])
    assert decided(a_plan(seen, orphans=[DIED], storage="attic"))[101][:2] == ("back_up", "attic")
    assert decided(a_plan(seen, orphans=[DIED], storage="vault"))[101][:2] == ("keep", "vault")
