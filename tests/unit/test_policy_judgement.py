# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each promise by its evidence, and what a guest's promises make of its status."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._policy.model import Match
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.births import Birth
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.drilled import Drilled
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.policy.seen import Schedule
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import StorageRetention
from unit.builders import DAY, HOUR, NOW, a_backup, a_guest, a_place, granted
from unit.policyinfo_builders import (
    AT_NIGHT,
    DAILY_KEEP,
    FIRST_RUN,
    WEB,
    WEEK,
    a_disk,
    a_job,
    a_policy,
    a_rule,
    a_tier,
    an_exemption,
    judged,
    promise,
    runs,
    seen,
)

YOUNG = a_backup(age=HOUR)
ERROR = {"errors": {"vault": "Proxmox answered 500: storage is not online."}}
HIDDEN = ", but not everything can be seen: Proxmox answered 500: storage is not online"
LOCAL = {"places": [a_place(), a_place("local")]}


def status(policy: Any, looked: Any, births: dict[int, Birth] | None = None) -> tuple[str, str | None]:
    (one,) = judged(policy, looked, births)
    return one.status, one.reason


@pytest.mark.parametrize(
    ("backups", "verdict", "reason"),
    [
        ([YOUNG], "met", "on vault: newest good backup is 60 min old, wanted 24 h"),
        ([a_backup(age=DAY)], "met", "on vault: newest good backup is 24 h old, wanted 24 h"),
        ([a_backup(age=DAY + 1)], "not_met", "on vault: newest good backup is 24 h old, wanted 24 h"),
        ([a_backup(age=HOUR, size=0)], "not_met", "on vault: its only backup is empty"),
        ([a_backup(age=HOUR, storage="local")], "not_met", "on vault: no backup is there"),
        ([], "not_met", "on vault: no backup is there"),
    ],
)
def test_rpo(backups: list[Backup], verdict: str, reason: str) -> None:
    assert promise(a_policy(), seen(backups=backups, observed=LOCAL), "rpo") == (verdict, reason)


def test_rpo_is_unknown_while_the_storage_cannot_be_read() -> None:
    assert promise(a_policy(), seen(observed=ERROR), "rpo") == ("unknown", f"on vault: no backup is there{HIDDEN}.")


@pytest.mark.parametrize(
    ("backups", "verdict", "reason"),
    [
        ([YOUNG], "met", "newest good backup lies on vault"),
        (
            [YOUNG, a_backup(age=60, storage="local")],
            "not_met",
            "newest good backup lies on local, promised on vault",
        ),
        ([YOUNG, a_backup(age=60, storage="local", size=0)], "met", "newest good backup lies on vault"),
        ([], "not_met", "no good backup is there"),
    ],
)
def test_storage(backups: list[Backup], verdict: str, reason: str) -> None:
    assert promise(a_policy(), seen(backups=backups, observed=LOCAL), "storage") == (verdict, reason)


def test_storage_is_unknown_while_a_newer_backup_may_lie_elsewhere() -> None:
    places = {**LOCAL, "errors": {"local": "It is not online."}}
    assert promise(a_policy(), seen(backups=[YOUNG], observed=places), "storage") == (
        "unknown",
        "newest good backup lies on vault, but not everything can be seen: It is not online",
    )
    assert promise(a_policy(), seen(backups=[YOUNG], observed=places), "rpo")[0] == "met"


@pytest.mark.parametrize("name", ["protected", "encrypted"])
def test_protected_and_encrypted_are_those_of_the_newest_good_one(name: str) -> None:
    policy = a_policy(a_tier("gold", 5, **{name: True}))
    older = a_backup(age=9 * HOUR, **{name: True})
    newest = a_backup(age=HOUR, **{name: True})
    assert promise(policy, seen(backups=[newest]), name) == ("met", f"newest good backup is {name}")
    assert promise(policy, seen(backups=[YOUNG, older]), name) == ("not_met", f"newest good backup is not {name}")
    assert promise(policy, seen(), name) == ("not_met", "no good backup is on vault")
    assert promise(policy, seen(observed=ERROR), name)[0] == "unknown"


@pytest.mark.parametrize(
    ("backups", "verdict", "reason"),
    [
        ([YOUNG, a_backup(age=2 * DAY, verified=True)], "met", "newest verified backup is 2 d old, wanted 7 d"),
        ([a_backup(age=8 * DAY, verified=True)], "not_met", "newest verified backup is 8 d old, wanted 7 d"),
        ([YOUNG], "not_met", "none of its backups on vault was verified"),
        ([a_backup(verified=False)], "not_met", "none of its backups on vault was verified"),
    ],
)
def test_verify(backups: list[Backup], verdict: str, reason: str) -> None:
    assert promise(a_policy(a_tier(verify=WEEK)), seen(backups=backups), "verify") == (verdict, reason)


def test_verify_is_unknown_while_the_storage_cannot_be_read() -> None:
    assert promise(a_policy(a_tier(verify=WEEK)), seen(observed=ERROR), "verify")[0] == "unknown"


PASSED = Drilled(NOW - DAY, "passed", "", NOW - DAY, 100.0)


@pytest.mark.parametrize(
    ("drilled", "drill", "rto"),
    [
        (PASSED, ("met", "last drill passed 24 h ago, wanted within 30 d"), ("met", "100 s, wanted 15 min")),
        (
            replace(PASSED, completed_at=NOW - 31 * DAY, passed_at=NOW - 31 * DAY),
            ("not_met", "last drill passed 31 d ago, wanted within 30 d"),
            ("met", "100 s, wanted 15 min"),
        ),
        (
            replace(PASSED, seconds=901.0),
            ("met", "last drill passed 24 h ago, wanted within 30 d"),
            ("not_met", "15 min, wanted 15 min"),
        ),
        (
            replace(PASSED, seconds=None),
            ("met", "last drill passed 24 h ago, wanted within 30 d"),
            ("unknown", "the last drill that passed was not measured"),
        ),
        (
            replace(PASSED, completed_at=NOW - HOUR, verdict="failed", reason="no canary."),
            ("not_met", "its last drill failed: no canary"),
            ("met", "100 s, wanted 15 min"),
        ),
        (None, ("not_met", "never drilled"), ("not_met", "never drilled")),
        (Drilled(), ("not_met", "never drilled"), ("not_met", "never drilled")),
    ],
)
def test_drill_and_rto(drilled: Drilled | None, drill: tuple[str, str], rto: tuple[str, str]) -> None:
    policy = a_policy(a_tier(drill=30 * DAY, rto=900))
    looked = seen(drills={} if drilled is None else {(101, "lxc"): drilled})
    assert promise(policy, looked, "drill") == drill
    verdict, reason = promise(policy, looked, "rto")
    assert verdict == rto[0]
    assert reason.endswith(rto[1])


def test_drills_of_another_type_with_the_same_id_prove_nothing() -> None:
    looked = seen(drills={(101, "qemu"): PASSED})
    assert promise(a_policy(a_tier(drill=DAY)), looked, "drill") == ("not_met", "never drilled")


def test_without_a_record_that_can_be_read_drills_are_unknown() -> None:
    looked = seen(drills_hidden="The record cannot be read: it is a folder.")
    policy = a_policy(a_tier(drill=DAY, rto=60))
    for name in ("drill", "rto"):
        assert promise(policy, looked, name) == ("unknown", "The record cannot be read: it is a folder")


@pytest.mark.parametrize(
    ("jobs", "verdict", "reason"),
    [
        ([a_job()], "met", "job nightly runs at least every 24 h, wanted 24 h"),
        ([a_job(enabled=0)], "not_met", "no enabled job takes it in"),
        ([a_job(all=None, vmid="102")], "not_met", "no enabled job takes it in"),
        ([a_job(exclude="101")], "not_met", "no enabled job takes it in"),
        ([a_job(storage="local")], "not_met", "job nightly writes to local, promised vault"),
        ([a_job(storage=None)], "not_met", "job nightly writes to no named storage, promised vault"),
        ([a_job(mode="stop")], "not_met", "job nightly has mode stop, promised snapshot"),
        ([a_job(node="pve2")], "not_met", "no enabled job takes it in"),
        ([a_job(schedule="sat")], "not_met", "job nightly pauses for 7 d, wanted 24 h"),
        ([a_job(schedule="never")], "not_met", "job nightly has no further runs"),
        ([a_job(schedule="nonsense")], "not_met", "job nightly has a schedule that does not run: unable to parse"),
        ([a_job(schedule=None)], "not_met", "job nightly has a schedule that does not run: it has none"),
        ([a_job(schedule="secret")], "unknown", "when job nightly runs is not known: no answer"),
        ([a_job(schedule="strange")], "unknown", "when job nightly runs is not known: its runs were not told"),
        (
            [a_job(), a_job("weekly", schedule="sat")],
            "met",
            "job nightly, weekly runs at least every 24 h, wanted 24 h",
        ),
        (
            [a_job(), a_job("other", schedule="secret")],
            "met",
            "job nightly, other runs at least every 24 h, wanted 24 h",
        ),
    ],
)
def test_job(jobs: list[Any], verdict: str, reason: str) -> None:
    schedules = {
        AT_NIGHT: runs(),
        "sat": runs(WEEK),
        "never": Schedule(),
        "nonsense": Schedule(problem="unable to parse"),
        "secret": Schedule(unread="no answer"),
    }
    looked = seen(jobs=jobs, schedules=schedules)
    assert promise(a_policy(a_tier(mode="snapshot")), looked, "job") == (verdict, reason)


def test_jobs_of_workdays_and_of_the_weekend_are_enough_together() -> None:
    days = [FIRST_RUN + DAY * number for number in range(140)]
    week = {
        "mon..fri": Schedule(tuple(day for day in days if (day // DAY) % 7 not in (2, 3))[:100]),
        "sat,sun": Schedule(tuple(day for day in days if (day // DAY) % 7 in (2, 3))),
    }
    both = [a_job("a", schedule="mon..fri"), a_job("b", schedule="sat,sun")]
    assert promise(a_policy(), seen(jobs=both, schedules=week), "job")[0] == "met"
    assert promise(a_policy(), seen(jobs=both[:1], schedules=week), "job") == (
        "not_met",
        "job a pauses for 3 d, wanted 24 h",
    )


def test_the_night_in_which_summer_time_ends_breaks_no_promise() -> None:
    times = [FIRST_RUN + DAY * number + (HOUR if number > 40 else 0) for number in range(100)]
    looked = seen(schedules={AT_NIGHT: Schedule(tuple(times))})
    assert promise(a_policy(), looked, "job")[0] == "met"
    twice = [time + (HOUR if number > 50 else 0) for number, time in enumerate(times)]
    assert promise(a_policy(), seen(schedules={AT_NIGHT: Schedule(tuple(twice))}), "job")[0] == "not_met"


@pytest.mark.parametrize(
    ("jobs", "verdict", "reason"),
    [
        ([a_job()], "met", "job nightly keeps what keep-daily=7 keeps"),
        ([a_job(prune_backups={"keep-all": "1"})], "met", "job nightly keeps what keep-daily=7 keeps"),
        ([a_job(prune_backups="keep-daily=7")], "met", "job nightly keeps what keep-daily=7 keeps"),
        ([a_job(prune_backups="keep-last=1", remove=0)], "met", "job nightly keeps what keep-daily=7 keeps"),
        (
            [a_job(prune_backups="keep-last=3")],
            "not_met",
            "job nightly keeps keep-last=3: it loses 4 of the 7 backups that keep-daily=7 keeps",
        ),
        (
            [a_job(), a_job("second", prune_backups="keep-last=1")],
            "not_met",
            "job second keeps keep-last=1: it loses 6 of the 7 backups that keep-daily=7 keeps",
        ),
        ([], "not_met", "no enabled job takes it in"),
        ([a_job(storage="local")], "not_met", "job nightly writes to local, promised vault"),
        ([a_job(prune_backups=None)], "unknown", "what storage vault keeps was not told by node pve1"),
        (
            [a_job(schedule="secret")],
            "unknown",
            "when it runs is not known: no answer",
        ),
    ],
)
def test_keep(jobs: list[Any], verdict: str, reason: str) -> None:
    schedules = {AT_NIGHT: runs(), "secret": Schedule(unread="no answer")}
    looked = seen(jobs=jobs, schedules=schedules)
    assert promise(a_policy(a_tier(keep=DAILY_KEEP)), looked, "keep") == (verdict, reason)


@pytest.mark.parametrize(
    ("found", "verdict", "reason"),
    [
        (StorageRetention("pve1", "vault", Keep(last=7)), "met", "job nightly keeps what keep-daily=7 keeps"),
        (
            StorageRetention("pve1", "vault", Keep(last=2)),
            "not_met",
            "job nightly keeps keep-last=2: it loses 5 of the 7 backups that keep-daily=7 keeps",
        ),
        (
            StorageRetention("pve1", "vault", Keep(all=True), "No answer."),
            "unknown",
            "what storage vault keeps is not known: No answer",
        ),
    ],
)
def test_keep_by_the_storage(found: StorageRetention, verdict: str, reason: str) -> None:
    looked = seen(jobs=[a_job(prune_backups=None)], retentions={("pve1", "vault"): found})
    assert promise(a_policy(a_tier(keep=DAILY_KEEP)), looked, "keep") == (verdict, reason)


def test_disks() -> None:
    policy = a_policy()
    assert promise(policy, seen(), "disks") == ("met", "job nightly takes in all disks")
    left = (a_disk(), a_disk(key="mp0", included=False), a_disk(key="mp1", included=False))
    looked = seen(disks={"nightly": {101: left}})
    assert promise(policy, looked, "disks") == ("not_met", "job nightly leaves out mp0, mp1")
    blind = seen(disks={}, disks_hidden={"nightly": "No answer."})
    assert promise(policy, blind, "disks") == ("unknown", "No answer")
    silent = seen(disks={"nightly": {}})
    assert promise(policy, silent, "disks") == ("unknown", "job nightly does not tell which disks it takes in")
    assert promise(policy, seen(jobs=[]), "disks") == ("not_met", "no enabled job takes it in")


def test_jobs_that_cannot_be_seen_leave_their_promises_unknown() -> None:
    looked = seen(backups=[YOUNG], jobs=[], jobs_hidden="The token lacks Sys.Audit on /.")
    policy = a_policy(a_tier(keep=DAILY_KEEP))
    for name in ("job", "keep", "disks"):
        assert promise(policy, looked, name) == ("unknown", "The token lacks Sys.Audit on /")
    assert status(policy, looked) == ("unknown", None)


def test_a_guest_with_all_promises_kept_is_met() -> None:
    assert status(a_policy(), seen(backups=[YOUNG])) == ("met", None)


def test_one_broken_promise_counts_more_than_one_that_cannot_be_seen() -> None:
    looked = seen(backups=[YOUNG], disks_hidden={"nightly": "No answer."}, schedules={AT_NIGHT: runs(WEEK)})
    assert status(a_policy(), looked) == ("not_met", None)
    assert status(a_policy(), seen(backups=[YOUNG], disks_hidden={"nightly": "No answer."})) == ("unknown", None)


def test_exempt_guests_tell_their_promises_all_the_same() -> None:
    policy = a_policy(exemptions=[an_exemption(101)])
    (one,) = judged(policy, seen())
    assert (one.status, one.reason) == ("exempt", "lab machine")
    assert {found.promise: found.verdict for found in one.promises}["rpo"] == "not_met"
    ended = a_policy(exemptions=[an_exemption(101, until="2026-11-19")])
    assert status(ended, seen()) == ("not_met", None)
    assert status(a_policy(exemptions=[an_exemption(101, until="2026-11-20")]), seen())[0] == "exempt"


@pytest.mark.parametrize(
    ("birth", "found"),
    [
        (Birth(NOW - HOUR), ("new", "it is 60 min old; the policy gives it 24 h")),
        (Birth(NOW - DAY), ("new", "it is 24 h old; the policy gives it 24 h")),
        (Birth(NOW - DAY - 1), ("not_met", None)),
        (Birth(NOW + DAY), ("not_met", None)),
        (Birth(), ("not_met", None)),
        (Birth(unread="No answer."), ("unknown", "its age is not known: No answer")),
    ],
)
def test_new_guests(birth: Birth, found: tuple[str, str | None]) -> None:
    assert status(a_policy(), seen(), {101: birth}) == found


@pytest.mark.parametrize(
    "looked",
    [
        seen(backups=[a_backup(age=3 * DAY)]),
        seen(backups=[a_backup(size=0)]),
        seen(drills={(101, "lxc"): Drilled()}),
    ],
)
def test_a_guest_that_was_once_backed_up_or_drilled_is_not_new(looked: Any) -> None:
    assert status(a_policy(), looked, {101: Birth(NOW)})[0] == "not_met"


def test_a_guest_whose_backups_are_hidden_is_not_new() -> None:
    assert status(a_policy(), seen(observed=ERROR, jobs=[]), {101: Birth(NOW)})[0] == "not_met"


def test_guests_get_their_tier_by_rule() -> None:
    gold, bronze = a_tier(), a_tier("bronze", rpo=WEEK)
    policy = a_policy(gold, bronze, rules=[a_rule("gold", "web", Match(names=("web*",)))])
    guests = [WEB, a_guest(102, "mail")]
    backups = [a_backup(101, age=2 * DAY), a_backup(102, age=2 * DAY)]
    found = {one.case.guest.vmid: one for one in judged(policy, seen(guests, backups))}
    assert (found[101].case.tier.name, found[101].case.rule.name, found[101].status) == ("gold", "web", "not_met")
    assert (found[102].case.tier.name, found[102].case.rule.name, found[102].status) == (
        "bronze",
        "everything else",
        "met",
    )


def test_a_guest_without_a_known_name_is_unknown_where_the_policy_goes_by_names() -> None:
    nameless = replace(WEB, name=None)
    by_name = a_policy(rules=[a_rule("gold", "web", Match(names=("web*",)))])
    looked = seen([nameless], [YOUNG])
    assert status(by_name, looked) == ("unknown", "its name is not known, and the policy goes by names")
    assert status(a_policy(), looked)[0] == "met"


def test_a_token_that_may_not_see_all_guests_is_known_to() -> None:
    some = Permissions(granted(["VM.Audit"], "/vms/101"))
    assert seen(observed={"permissions": some}).shows_all_guests is False
    but_one = Permissions({**granted(["VM.Audit"], "/vms"), "/vms/102": {"VM.Backup": True}})
    assert seen(observed={"permissions": but_one}).shows_all_guests is False
    assert seen().shows_all_guests is True
