# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retention as a part of a backup run: foretold, and applied to those of whom a good backup is proven."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import Wish, plan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_retention import (
    after_backups,
    foretold,
    zone_warnings,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import error_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.local_times import LocalTimes
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.observation import Observation, observe
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_plan import Fate, RemovalPlan
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal_report import Pruning
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.storage_retention import StorageRetention
from unit.builders import DAY, DB1, FLEET, HOUR, NOW, WEB1, WEB2, a_backup, a_place, a_run, an_observation
from unit.shelf_model import Shelf

ONE, TWO = Keep(last=1), Keep(last=2)


def _foretold(observation: Observation, keep: Keep | None, storages: Keep | None = None, **params: Any) -> Pruning:
    wish = Wish.from_params({"all_guests": True, "keep": None, **params})
    wish = wish.__class__(**{**vars(wish), "keep": keep})
    planned = plan(wish, observation, {})
    rules = [StorageRetention(job.node, job.storage, storages or Keep(all=True)) for job in planned.jobs]
    return foretold(wish, planned, observation, rules)


def _gone(pruning: Pruning) -> list[Backup]:
    return [fate.backup for fate in pruning.removed]


def _days(vmid: int, *days: float, **more: Any) -> list[Backup]:
    return [a_backup(vmid, int(day * DAY), **more) for day in days]


# ----- foretold


def test_the_backup_that_would_be_made_is_counted() -> None:
    backups = _days(101, 2, 3)
    pruning = _foretold(an_observation([WEB1], backups), TWO)
    assert pruning.removed == (Fate(backups[1], "not kept by keep-last=2"),)
    assert [fate.backup for fate in pruning.kept] == [backups[0]]
    assert pruning.told() == "1 backup would be removed (2 MiB)"


def test_of_a_guest_that_is_fresh_none_is_to_come() -> None:
    backups = [*_days(101, 0.1, 2, 3), *_days(102, 2, 3)]
    pruning = _foretold(an_observation([WEB1, WEB2], backups), TWO, max_age="24h")
    assert _gone(pruning) == [backups[2], backups[4]]


def test_a_guest_that_cannot_be_backed_up_keeps_everything() -> None:
    backups = [*_days(101, 2, 3), *_days(300, 2, 3, guest_type="qemu")]
    observation = an_observation(FLEET, backups, nodes={"pve1": True, "pve2": False})
    assert _gone(_foretold(observation, ONE)) == backups[:2]


def test_it_is_applied_where_the_new_backup_will_lie() -> None:
    here, elsewhere = _days(101, 2, 3), _days(101, 2, 3, storage="attic")
    places = [a_place(), a_place("attic")]
    observation = an_observation([WEB1], [*here, *elsewhere], places=places)
    assert _gone(_foretold(observation, TWO, storage="vault")) == [here[1]]
    assert _gone(_foretold(observation, TWO, storage="attic")) == [elsewhere[1]]


def test_it_is_applied_where_the_fresh_backup_lies() -> None:
    here, elsewhere = _days(101, 2, 3), _days(101, 0.5, 0.6, storage="attic")
    observation = an_observation([WEB1], [*here, *elsewhere], places=[a_place(), a_place("attic")])
    assert _gone(_foretold(observation, ONE, max_age="24h")) == [elsewhere[1]]


def test_a_local_storage_is_that_of_the_guests_node() -> None:
    places = [a_place("local", node) for node in ("pve1", "pve2")]
    backups = [*_days(101, 2, 3, storage="local"), *_days(101, 2, 3, storage="local", node="pve2")]
    observation = an_observation([WEB1, DB1], backups, places=places)
    assert [(one.node, one.ctime) for one in _gone(_foretold(observation, TWO, storage="local"))] == [
        ("pve1", NOW - 3 * DAY)
    ]


def test_without_keep_only_the_storages_own_retention_is_told() -> None:
    backups = _days(101, 2, 3)
    assert _foretold(an_observation([WEB1], backups), None) == Pruning()
    pruning = _foretold(an_observation([WEB1], backups), None, TWO)
    assert pruning.removed == (Fate(backups[1], "retention of the storage (keep-last=2)"),)
    assert [fate.backup for fate in pruning.kept] == [backups[0]]
    assert pruning.warnings == (
        (
            "Storage vault removes 1 older backup of guests on node pve1 by its own retention (keep-last=2); "
            "storage_retention false prevents that."
        ),
    )


def test_the_storages_own_retention_goes_first_and_ours_takes_of_the_rest() -> None:
    backups = _days(101, 1, 2, 3)
    pruning = _foretold(an_observation([WEB1], backups), ONE, Keep(last=3))
    assert [(fate.backup, fate.why) for fate in pruning.removed] == [
        (backups[2], "retention of the storage (keep-last=3)"),
        (backups[0], "not kept by keep-last=1"),
        (backups[1], "not kept by keep-last=1"),
    ]
    assert pruning.kept == ()


def test_the_storages_own_retention_spares_no_good_one() -> None:
    """Proxmox counts damaged backups like good ones; where ours comes after it, it has the new one to go by."""
    good, damaged = a_backup(101, 3 * DAY), a_backup(101, 2 * DAY, verified=False)
    assert _gone(_foretold(an_observation([WEB1], [damaged, good]), None, TWO)) == [good]


def test_a_storage_removes_nothing_of_guests_that_are_not_backed_up() -> None:
    backups = [*_days(101, 0.1, 2, 3), *_days(900, 2, 3)]
    assert _foretold(an_observation([WEB1], backups), None, ONE, max_age="24h") == Pruning()


def test_each_node_tells_of_its_own_guests() -> None:
    backups = [*_days(101, 2), *_days(102, 2, 3), *_days(300, 2, guest_type="qemu")]
    pruning = _foretold(an_observation(FLEET, backups), None, ONE)
    assert sorted(backup.volid for backup in _gone(pruning)) == sorted(backup.volid for backup in backups)
    assert [warning.partition(" by its")[0] for warning in pruning.warnings] == [
        "Storage vault removes 3 older backups of guests on node pve1",
        "Storage vault removes 1 older backup of guests on node pve2",
    ]


def test_a_retention_of_a_storage_that_cannot_be_told_is_a_warning() -> None:
    observation = an_observation([WEB1], _days(101, 2, 3))
    wish = Wish.from_params({"all_guests": True})
    unknown = [StorageRetention("pve1", "vault", Keep(all=True), "it says 'keep-moons=3'")]
    assert foretold(wish, plan(wish, observation, {}), observation, unknown) == Pruning(
        warnings=(
            "Whether storage vault removes older backups after each backup cannot be told: it says 'keep-moons=3'",
        )
    )


def test_a_place_that_was_not_listed_has_nothing_to_lose() -> None:
    observation = an_observation([WEB1], _days(101, 2, 3))
    wish = Wish.from_params({"all_guests": True, "keep": {"keep_last": 1}})
    planned = plan(wish, observation, {})
    unseen = observation.__class__(**{**vars(observation), "listings": ()})
    assert foretold(wish, planned, unseen, [StorageRetention("pve1", "vault", ONE)]) == Pruning()


def test_days_counted_in_utc_are_a_warning() -> None:
    snapshot = a_backup(101, HOUR, volid="vault:backup/ct/101/2026-11-20T11:26:37Z")
    assert len(_foretold(an_observation([WEB1], [snapshot]), ONE).warnings) == 1
    known = an_observation([WEB1], [snapshot], zones={"pve1": "Europe/Berlin"})
    assert _foretold(known, ONE).warnings == ()


def test_the_nodes_without_a_known_zone_are_named_with_what_to_grant() -> None:
    snapshots = [
        a_backup(101, HOUR, volid=f"vault:backup/ct/101/{node}", node=node) for node in ("pve2", "pve1", "pve3")
    ]
    fates = tuple(Fate(one, "") for one in snapshots)
    warning = (
        "The time zone of node pve1, pve2 is not known, so the days, weeks and months of backups on a backup server "
        "were counted in UTC; grant Sys.Audit on /nodes/pve1, /nodes/pve2, and have time zone data where the module "
        "runs."
    )
    assert zone_warnings(LocalTimes({"pve3": "UTC"}), RemovalPlan(fates[:1], fates[1:])) == [warning]
    assert zone_warnings(LocalTimes({}), RemovalPlan((Fate(a_backup(101), ""),))) == []


# ----- done


def _after(shelf: Shelf, keep: Keep, proofs: Mapping[int, Backup], interruption: Interruption | None = None) -> Pruning:
    observation = observe(shelf.client, shelf.time.clock)
    deadline = Deadline.after(shelf.time.clock, 3600, interruption)
    run = a_run(shelf.client, shelf.time, deadline=deadline)
    shelf.asked.clear()
    return after_backups(run, keep, observation, proofs)


def test_who_has_a_proven_backup_loses_what_no_rule_keeps_and_nobody_else_does() -> None:
    of_web1, of_web2 = _days(101, 0, 1, 2), _days(102, 0, 1, 2)
    shelf = Shelf([WEB1, WEB2], [*of_web1, *of_web2])
    pruning = _after(shelf, TWO, {101: of_web1[0]})
    assert _gone(pruning) == [of_web1[2]]
    assert shelf.backups == [*of_web1[:2], *of_web2]
    assert [fate.backup for fate in pruning.kept] == of_web1[:2]
    assert (pruning.warnings, pruning.failure()) == ((), "")


def test_without_a_proof_nothing_is_asked_and_nothing_goes() -> None:
    shelf = Shelf([WEB1], _days(101, 1, 2))
    assert _gone(_after(shelf, ONE, {})) == []
    assert shelf.asked == []


def test_each_storage_is_pruned_where_the_proof_lies() -> None:
    shared, local = _days(101, 0, 1), _days(300, 0, 1, storage="local", node="pve2", guest_type="qemu")
    same_name = _days(300, 0, 1, storage="local", guest_type="qemu")
    shelf = Shelf(FLEET, [*shared, *local, *same_name])
    pruning = _after(shelf, ONE, {101: shared[0], 300: local[0]})
    assert _gone(pruning) == [shared[1], local[1]]
    assert shelf.backups == [shared[0], local[0], *same_name]


def test_a_guest_that_is_gone_since_loses_by_type() -> None:
    backups = _days(900, 0, 1)
    shelf = Shelf([WEB1], list(backups))
    assert _gone(_after(shelf, ONE, {900: backups[0]})) == [backups[1]]


def test_a_storage_that_cannot_be_listed_any_more_is_a_warning() -> None:
    away = error_of("GET", "/x", 500, "storage 'vault' is not online", "", {})
    backups = _days(101, 0, 1)
    shelf = Shelf([WEB1], list(backups))
    shelf.before = lambda _request: shelf.faults.update(
        {"GET nodes/pve1/storage/vault": away} if not shelf.asked else {}
    )
    observation = an_observation([WEB1], backups)
    pruning = after_backups(a_run(shelf.client, shelf.time), ONE, observation, {101: backups[0]})
    assert pruning.warnings == (f"No retention was applied on storage vault: {away.message}",)
    assert (_gone(pruning), shelf.writes) == ([], [])


def test_when_the_run_is_interrupted_nothing_more_goes() -> None:
    interruption = Interruption()
    interruption.request("it got SIGTERM")
    backups = _days(101, 0, 1)
    shelf = Shelf([WEB1], list(backups))
    pruning = _after(shelf, ONE, {101: backups[0]}, interruption)
    assert pruning.failure() == (
        f"1 backup could not be removed. {backups[1].volid}: the run was interrupted before its turn."
    )
    assert shelf.writes == []


def test_what_was_protected_in_between_stays() -> None:
    backups = _days(101, 0, 1)
    shelf = Shelf([WEB1], list(backups))

    def protect(request: str) -> None:
        if len(shelf.asked) == 1 and request.endswith("content"):
            shelf.backups[1] = backups[1]._replace(protected=True)

    observation = an_observation([WEB1], backups)
    shelf.before = protect
    pruning = after_backups(a_run(shelf.client, shelf.time), ONE, observation, {101: backups[0]})
    assert (_gone(pruning), shelf.writes) == ([], [])
    assert [fate.why for fate in pruning.kept] == ["what lies on the storage has changed since the plan was made"]
