# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states pruned and absent: what can be meant, what is foretold, and what is refused before anything is removed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.errors import InputError
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._core.retention import Keep
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import Unreachable, error_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.removal import Wanted, remove_backups
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.selection import Selection
from unit.builders import DAY, DB1, HOUR, MINIMAL, WEB1, WEB2, a_backup, a_guest, granted
from unit.shelf_model import Shelf

PRUNED: dict[str, Any] = {"state": "pruned", "all_guests": True, "storage": "vault", "keep": {"keep_last": 1}}
AGED: dict[str, Any] = {"state": "absent", "all_guests": True, "storage": "vault", "older_than": "30d"}
VOLID = "vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst"
NAMED: dict[str, Any] = {"state": "absent", "volids": [VOLID]}
NO_GUEST = (
    "No guest is selected: set vmids, names, tags, pools, or all_guests to true. An empty list selects nothing. "
    "Nothing was removed."
)
NEEDS = "State absent needs volids, or a selection of guests with storage and older_than. Nothing was removed."
ALONE = "volids: named backups go without a selection of guests, storage and older_than. Nothing was removed."


def _refusal(shelf: Shelf, **params: Any) -> str:
    with pytest.raises(InputError) as refused:
        _run(shelf, check_mode=False, **params)
    assert shelf.writes == []
    return refused.value.message


def _run(shelf: Shelf, check_mode: bool = True, **params: Any) -> dict[str, Any]:
    return remove_backups(shelf.client, params, check_mode, shelf.time.clock, Interruption())


# ----- what is wanted


def test_what_the_options_mean() -> None:
    everyone = Selection(all_guests=True)
    assert Wanted.from_params(PRUNED) == Wanted(everyone, "vault", Keep(last=1), (), None, False, 86400)
    assert Wanted.from_params({**AGED, "unprotect": True, "timeout": "1h"}) == Wanted(
        everyone, "vault", None, (), 30 * DAY, True, 3600
    )
    assert Wanted.from_params({"state": "absent", "volids": [VOLID, "a:backup/b", VOLID]}) == Wanted(
        Selection(), None, None, (VOLID, "a:backup/b"), None, False, 86400
    )


def test_the_storages_that_are_looked_at() -> None:
    assert Wanted.from_params(PRUNED).storages == ["vault"]
    volids = [VOLID, "attic:backup/b", "vault:backup/c"]
    assert Wanted.from_params({"state": "absent", "volids": volids}).storages == ["attic", "vault"]


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        (
            {**PRUNED, "max_age": "24h"},
            "max_age: state pruned makes no backups; older_than removes what is old. Nothing was removed.",
        ),
        (
            {**AGED, "max_age": "24h"},
            "max_age: state absent makes no backups; older_than removes what is old. Nothing was removed.",
        ),
        ({**PRUNED, "keep": None}, "State pruned needs storage and keep. Nothing was removed."),
        ({**PRUNED, "storage": None}, "State pruned needs storage and keep. Nothing was removed."),
        ({**PRUNED, "storage": ""}, "State pruned needs storage and keep. Nothing was removed."),
        (
            {**PRUNED, "keep": {"keep_last": 0}},
            (
                "keep: no rule keeps anything; set one of keep_last, keep_hourly, keep_daily, keep_weekly, "
                "keep_monthly and keep_yearly to 1 or more, or keep_all to true to remove nothing."
            ),
        ),
        ({**PRUNED, "keep": {"keep_daily": -1}}, "keep: keep_daily must not be negative."),
        (
            {**AGED, "keep": {"keep_last": 1}},
            "keep: state absent removes what is named or old; retention is state pruned. Nothing was removed.",
        ),
        (
            {**NAMED, "keep": {"keep_last": 1}},
            "keep: state absent removes what is named or old; retention is state pruned. Nothing was removed.",
        ),
        ({**PRUNED, "all_guests": False}, NO_GUEST),
        ({**AGED, "all_guests": False, "vmids": []}, NO_GUEST),
        ({**AGED, "older_than": None}, NEEDS),
        ({**AGED, "storage": None}, NEEDS),
        ({**AGED, "storage": ""}, NEEDS),
        ({"state": "absent", "volids": []}, NEEDS),
        ({**NAMED, "vmids": [101]}, ALONE),
        ({**NAMED, "storage": "vault"}, ALONE),
        ({**NAMED, "older_than": "1d"}, ALONE),
        (
            {"state": "absent", "volids": ["vzdump.tar", VOLID, "local:iso/x.iso", "backup/x"]},
            (
                "volids: vzdump.tar, local:iso/x.iso, backup/x is no backup's volume id; such as "
                "vault:backup/vzdump-lxc-101-2026_11_20-12_26_37.tar.zst. Nothing was removed."
            ),
        ),
        (
            {**AGED, "older_than": "a month"},
            (
                "older_than: 'a month' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, "
                "24h, 7d, 2w, or seconds without a letter."
            ),
        ),
        (
            {**AGED, "timeout": "soon"},
            (
                "timeout: 'soon' is not a duration; write a whole number with s, m, h, d or w, such as 90s, 15m, "
                "24h, 7d, 2w, or seconds without a letter."
            ),
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_asked(params: dict[str, Any], sentence: str) -> None:
    shelf = Shelf([WEB1], [])
    assert _refusal(shelf, **params) == sentence
    assert shelf.asked == []


# ----- what is foretold


def _words(result: dict[str, Any]) -> dict[int, str]:
    return {row["vmid"]: row["result"] for row in result["guests"]}


def _gone(result: dict[str, Any]) -> list[str]:
    return [row["volid"] for row in result["removed"]]


def test_check_mode_asks_and_writes_nothing() -> None:
    backups = [a_backup(101, days * DAY) for days in (1, 2)]
    shelf = Shelf([WEB1, WEB2], backups)
    result = _run(shelf, **PRUNED)
    assert _gone(result) == [backups[1].volid]
    assert _words(result) == {101: "would_remove", 102: "kept"}
    assert shelf.asked == [
        "GET cluster/resources",
        "GET access/permissions",
        "GET nodes/pve1/storage",
        "GET nodes/pve2/storage",
        "GET nodes/pve1/storage/vault/content",
    ]


@pytest.mark.parametrize("params", [PRUNED, {**AGED, "older_than": "36h"}, {**NAMED}], ids=["pruned", "old", "named"])
def test_what_check_mode_foretells_is_what_is_done(params: dict[str, Any]) -> None:
    backups = [a_backup(101, 0), a_backup(101, 2 * DAY), a_backup(101, 3 * DAY), a_backup(102, 2 * DAY)]
    foretold = _run(Shelf([WEB1, WEB2], list(backups)), **params)
    shelf = Shelf([WEB1, WEB2], list(backups))
    done = _run(shelf, check_mode=False, **params)
    assert [done[key] for key in ("changed", "removed", "diff")] == [
        foretold[key] for key in ("changed", "removed", "diff")
    ]
    left = {backup.volid for backup in shelf.backups}
    assert left == {backup.volid for backup in backups} - set(_gone(foretold))
    again = _run(shelf, check_mode=False, **params)
    assert (again["changed"], again["removed"]) == (False, [])


def test_guests_that_are_gone_can_be_meant_by_their_id() -> None:
    backups = [a_backup(900, days * DAY, guest_type=kind) for kind in ("lxc", "qemu") for days in (1, 2)]
    result = _run(Shelf([WEB1], backups), **{**PRUNED, "all_guests": False, "vmids": [900]})
    assert _gone(result) == [backups[1].volid, backups[3].volid]
    assert _words(result) == {900: "would_remove"}


def test_a_retention_counts_each_nodes_local_storage_for_itself() -> None:
    backups = [a_backup(101, days * DAY, storage="local", node=node) for node in ("pve1", "pve2") for days in (1, 2)]
    result = _run(Shelf([WEB1], backups), **{**PRUNED, "storage": "local"})
    assert [(row["node"], row["volid"]) for row in result["removed"]] == [
        ("pve1", backups[1].volid),
        ("pve2", backups[3].volid),
    ]


def test_a_guest_that_would_lose_its_last_good_backup_is_told() -> None:
    backups = [a_backup(101, 2 * DAY), a_backup(101, 0, size=0), a_backup(102, 2 * DAY), a_backup(102, DAY)]
    result = _run(Shelf([WEB1, WEB2], backups), **{**AGED, "older_than": "36h"})
    assert result["warnings"] == ["Afterwards no good backup of 101 (web1) is left on vault."]
    assert _run(Shelf([], [backups[0]]), **{**AGED, "all_guests": False, "vmids": [101]})["warnings"] == []


def test_days_that_are_counted_in_utc_for_want_of_a_zone_are_told() -> None:
    snapshot = a_backup(101, HOUR, volid="vault:backup/ct/101/2026-11-20T11:26:37Z")
    mighty = Permissions({**MINIMAL.paths, "/nodes/pve1": {"Sys.Audit": True}})
    warning = (
        "The time zone of node pve1 is not known, so the days, weeks and months of backups on a backup server were "
        "counted in UTC; grant Sys.Audit on /nodes/pve1, and have time zone data where the module runs."
    )
    assert _run(Shelf([WEB1], [snapshot]), **PRUNED)["warnings"] == [warning]
    known = Shelf([WEB1], [snapshot], permissions=mighty, zones={"pve1": "Europe/Berlin"})
    assert _run(known, **PRUNED)["warnings"] == []


def test_names_that_are_not_there_are_no_mistake() -> None:
    there = a_backup(101, 0)
    result = _run(Shelf([WEB1], [there]), state="absent", volids=[VOLID, VOLID.replace("20-12", "19-12")])
    assert (_gone(result), _words(result)) == ([VOLID], {101: "would_remove"})
    assert result["msg"] == (
        "1 backup would be removed (2 MiB). Not there: vault:backup/vzdump-lxc-101-2026_11_19-12_26_37.tar.zst."
    )


def test_backups_of_nobody_and_of_guests_that_are_gone_can_be_named() -> None:
    mighty = Permissions({**MINIMAL.paths, "/storage": {"Datastore.Allocate": True}})
    nobodys = a_backup(None, DAY, guest_type=None, volid="vault:backup/mine.tar.zst")
    former = a_backup(900, DAY)
    shelf = Shelf([WEB1], [nobodys, former], permissions=mighty)
    result = _run(shelf, False, state="absent", volids=[nobodys.volid, former.volid])
    assert _gone(result) == [nobodys.volid, former.volid]
    assert _words(result) == {900: "removed"}
    assert shelf.backups == []


# ----- what is refused once the cluster has been seen


def test_protected_ones_are_refused_unless_that_is_said() -> None:
    protected = a_backup(101, 0, protected=True)
    old = a_backup(101, 40 * DAY, protected=True)
    for one, params in ((protected, NAMED), (old, AGED)):
        assert _refusal(Shelf([WEB1], [one]), **params) == (
            f"Protected against removal: {one.volid}. Set unprotect to true to remove what is protected, too. Nothing "
            "was removed."
        )
    shelf = Shelf([WEB1], [protected])
    assert _gone(_run(shelf, False, **NAMED, unprotect=True)) == [VOLID]
    assert shelf.writes == [
        f"PUT nodes/pve1/storage/vault/content/{VOLID} protected=0",
        f"DELETE nodes/pve1/storage/vault/content/{VOLID}",
    ]


def test_a_selection_that_means_nobody_is_refused() -> None:
    nobody = {**PRUNED, "all_guests": False, "tags": ["prod"]}
    assert _refusal(Shelf([WEB1], []), **nobody) == (
        "The selection matches no guest that this token may see (VM.Audit). Nothing was removed."
    )


BLIND = Permissions({**granted(["VM.Audit"], "/vms"), **granted(["Datastore.AllocateSpace"], "/storage")})


def test_where_no_backup_can_be_seen_it_is_said_what_to_grant() -> None:
    assert _refusal(Shelf([WEB1], [], permissions=BLIND), **PRUNED) == (
        "Proxmox does not show the backups of 101 (web1) on storage vault to a token without VM.Backup on them. Grant "
        "VM.Backup on /vms/101. Nothing was removed."
    )
    assert _refusal(Shelf([WEB1], [], storages=["local"]), **PRUNED) == (
        "No online node shows a backup storage named vault to this token. Grant Datastore.AllocateSpace on "
        "/storage/vault. Nothing was removed."
    )


def test_guests_whose_backups_cannot_be_seen_fail_and_the_others_do_not() -> None:
    some = Permissions({**BLIND.paths, "/vms/102": {"VM.Backup": True}})
    backups = [a_backup(102, days * DAY) for days in (1, 2)]
    shelf = Shelf([WEB1, WEB2], backups, permissions=some)
    result = _run(shelf, False, **PRUNED)
    assert _words(result) == {101: "failed", 102: "removed"}
    assert result["msg"] == (
        "1 backup removed (2 MiB). 1 of 2 guests not done. 101: Proxmox does not show the backups of 101 (web1) on "
        "storage vault to a token without VM.Backup on them."
    )


def test_a_name_is_called_absent_only_where_it_would_be_shown() -> None:
    assert _refusal(Shelf([WEB1], [], permissions=BLIND), **NAMED) == (
        f"Whether {VOLID} is there cannot be seen. Proxmox does not show the backups of 101 (web1) on storage vault to "
        "a token without VM.Backup on them. Grant VM.Backup on /vms/101. Nothing was removed."
    )
    away = error_of("GET", "/x", 500, "storage 'vault' is not online", "", {})
    broken = Shelf([WEB1], [], faults={"GET nodes/pve1/storage/vault": away, "GET nodes/pve2/storage/vault": away})
    assert _refusal(broken, **NAMED) == (
        f"Whether {VOLID} is there cannot be seen. {away.message} Nothing was removed."
    )
    assert _refusal(Shelf([WEB1], []), state="absent", volids=["vault:backup/mine.tar.zst"]) == (
        "Whether vault:backup/mine.tar.zst is there cannot be seen. Proxmox shows a backup of no guest only with "
        "Datastore.Allocate on /storage/vault. Nothing was removed."
    )


# ----- what may happen in between


def test_what_somebody_has_removed_meanwhile_is_not_told() -> None:
    backups = [a_backup(101, days * DAY) for days in (1, 2, 3)]
    shelf = Shelf([WEB1], list(backups))
    shelf.before = lambda request: (
        shelf.backups.clear() if len(shelf.asked) == 5 and request.endswith("content") else None
    )
    result = _run(shelf, False, **PRUNED)
    assert (result["changed"], result["removed"], result["not_removed"], shelf.writes) == (False, [], [], [])


def test_when_somebody_removes_the_one_that_was_to_be_kept_the_next_one_is_spared() -> None:
    backups = [a_backup(101, days * DAY) for days in (1, 2, 3)]
    shelf = Shelf([WEB1], list(backups))

    def take_the_newest(request: str) -> None:
        if len(shelf.asked) == 5 and request.endswith("content"):
            shelf.backups.remove(backups[0])

    shelf.before = take_the_newest
    result = _run(shelf, False, **PRUNED)
    assert _gone(result) == [backups[2].volid]
    assert shelf.backups == [backups[1]]
    why = {row["volid"]: row["why"] for row in result["kept"]}
    assert why[backups[1].volid] == "what lies on the storage has changed since the plan was made"


def test_what_is_protected_meanwhile_is_spared() -> None:
    old = a_backup(101, 40 * DAY)
    shelf = Shelf([WEB1], [old])

    def protect(request: str) -> None:
        if len(shelf.asked) == 5 and request.endswith("content"):
            shelf.backups[0] = old._replace(protected=True)

    shelf.before = protect
    result = _run(shelf, False, **AGED)
    assert (result["removed"], shelf.writes) == ([], [])
    assert [row["why"] for row in result["kept"]] == ["what lies on the storage has changed since the plan was made"]


# ----- what may go wrong


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"exitstatus": "unlink failed"}, "unlink failed"),
        ({"honest": False}, "Proxmox says it is removed, but the storage still lists it"),
    ],
)
def test_one_that_is_still_there_was_not_removed(more: dict[str, Any], why: str) -> None:
    shelf = Shelf([WEB1], [a_backup(101, 0)], **more)
    result = _run(shelf, False, **NAMED)
    assert (result["removed"], [row["why"] for row in result["not_removed"]]) == ([], [why])
    assert (_words(result), result["changed"]) == ({101: "failed"}, True)


def test_a_removal_that_runs_on_when_the_time_is_up() -> None:
    shelf = Shelf([WEB1], [a_backup(101, 0)], exitstatus=None)
    result = _run(shelf, False, **NAMED, timeout="1m")
    (row,) = result["not_removed"]
    assert row["why"] == f"task {result['tasks'][0]['upid']} still runs"
    assert result["tasks"][0]["exitstatus"] is None


@pytest.mark.parametrize(
    ("interrupted", "why"),
    [(False, "the time was up before its turn"), (True, "the run was interrupted before its turn")],
)
def test_when_there_is_no_more_time_nothing_more_is_removed(interrupted: bool, why: str) -> None:
    shelf = Shelf([WEB1], [a_backup(101, 0)])
    interruption = Interruption()
    if interrupted:
        interruption.request("it got SIGTERM")
    params = {**NAMED, "timeout": "24h" if interrupted else "0s"}
    result = remove_backups(shelf.client, params, False, shelf.time.clock, interruption)
    assert ([row["why"] for row in result["not_removed"]], shelf.writes) == ([why], [])


def test_one_that_is_refused_does_not_keep_the_others() -> None:
    backups = [a_backup(101, days * DAY) for days in (0, 1)]
    path = f"nodes/pve1/storage/vault/content/{backups[0].volid}"
    refused = error_of("DELETE", f"/{path}", 403, "Permission check failed", "", {})
    shelf = Shelf([WEB1], list(backups), faults={f"DELETE {path}": refused})
    result = _run(shelf, False, state="absent", volids=[backup.volid for backup in backups])
    assert _gone(result) == [backups[1].volid]
    assert [(row["volid"], row["why"]) for row in result["not_removed"]] == [(backups[0].volid, refused.message)]


def test_the_protection_of_one_that_could_not_be_removed_comes_back() -> None:
    shelf = Shelf([WEB1], [a_backup(101, 0, protected=True)], exitstatus="unlink failed")
    result = _run(shelf, False, **NAMED, unprotect=True)
    assert [row["why"] for row in result["not_removed"]] == ["unlink failed"]
    assert [backup.protected for backup in shelf.backups] == [True]
    assert [request.rpartition(" ")[2] for request in shelf.writes if request.startswith("PUT")] == [
        "protected=0",
        "protected=1",
    ]


def test_where_that_fails_it_is_told() -> None:
    shelf = Shelf([WEB1], [a_backup(101, 0, protected=True)], exitstatus="unlink failed")
    refused = error_of("PUT", "/x", 500, "no", "", {})
    shelf.faults = {f"PUT nodes/pve1/storage/vault/content/{VOLID} protected=1": refused}
    (row,) = _run(shelf, False, **NAMED, unprotect=True)["not_removed"]
    assert row["why"] == f"unlink failed; its protection was taken off, and putting it back failed: {refused.message}"


def test_a_storage_that_goes_away_meanwhile_proves_nothing() -> None:
    away = error_of("GET", "/x", 500, "storage 'vault' is not online", "", {})
    before, after = (Shelf([WEB1], [a_backup(101, 0, protected=True)]) for _shelf in range(2))

    def leave_before(request: str) -> None:
        if len(before.asked) == 5 and request.endswith("content"):
            before.faults = {"GET nodes/pve1/storage/vault": away}

    before.before = leave_before
    (row,) = _run(before, False, **NAMED, unprotect=True)["not_removed"]
    assert row["why"] == f"the storage cannot be listed: {away.message}"
    assert before.writes == []

    def leave_after(request: str) -> None:
        if request.startswith("DELETE"):
            after.faults = {"GET nodes/pve1/storage/vault": away}

    after.before = leave_after
    (row,) = _run(after, False, **NAMED, unprotect=True)["not_removed"]
    assert row["why"] == (
        f"Proxmox says it is removed, but the storage cannot be listed: {away.message}; its protection was "
        f"taken off, and whether it is there is not known: {away.message}"
    )


def test_guests_of_both_nodes_are_pruned_where_their_backups_lie() -> None:
    backups = [
        a_backup(vmid, days * DAY, storage="local", node=node, guest_type=kind)
        for vmid, node, kind in ((101, "pve1", "lxc"), (300, "pve2", "qemu"))
        for days in (1, 2, 3)
    ]
    shelf = Shelf([WEB1, DB1, a_guest(102)], list(backups))
    result = _run(shelf, False, **{**PRUNED, "storage": "local"})
    assert _words(result) == {101: "removed", 102: "kept", 300: "removed"}
    assert shelf.backups == [backups[0], backups[3]]
    assert {task["node"] for task in result["tasks"]} == {"pve1", "pve2"}


def test_a_former_guest_of_the_other_type_covers_nobody() -> None:
    own, former = a_backup(101, 40 * DAY), a_backup(101, DAY, guest_type="qemu")
    result = _run(Shelf([WEB1], [own, former]), **AGED)
    assert result["warnings"] == ["Afterwards no good backup of 101 (web1) is left on vault."]
    [row] = result["guests"]
    assert (row["volid"], row["reason"].partition(";")[0]) == (None, "1 of 1 backup")


def test_a_backup_of_a_clock_that_is_a_little_ahead_counts() -> None:
    assert _run(Shelf([WEB1], [a_backup(101, 40 * DAY), a_backup(101, -30)]), **AGED)["warnings"] == []


def test_a_backup_of_days_to_come_is_no_newest_one() -> None:
    own, future = a_backup(101, DAY), a_backup(101, -10 * DAY)
    keep: dict[str, Any] = {"state": "pruned", "all_guests": True, "storage": "vault", "keep": {"keep_last": 5}}
    [row] = _run(Shelf([WEB1], [own, future]), **keep)["guests"]
    assert row["volid"] == own.volid


def test_a_server_that_goes_away_costs_no_word_of_what_was_done() -> None:
    shelf = Shelf([WEB1], [a_backup(101, days * DAY) for days in (1, 2, 3)])

    def leave_after(request: str) -> None:
        if request.startswith("DELETE"):
            shelf.faults = {"GET nodes/pve1/storage/vault": Unreachable("Nobody is there.")}

    shelf.before = leave_after
    result = _run(shelf, False, **PRUNED)
    assert (result["changed"], len(result["tasks"]), result["removed"]) == (True, 2, [])
    assert {row["why"] for row in result["not_removed"]} == {
        "Proxmox says it is removed, but the storage cannot be listed: Nobody is there."
    }
