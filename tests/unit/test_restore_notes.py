# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the journal of a restore tells the next run, however it ended and whatever else stands in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import Journal, JournalError, dead_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.notes import (
    ATTEMPTS,
    Attempt,
    JournalNotes,
    Progress,
    plan_facts,
    read_progress,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.restore.restore_plan import RestorePlan
from unit.builders import NOW, FakeClock, a_upid
from unit.restore_builders import (
    EVERYTHING,
    a_configuration,
    a_replacement,
    a_scene,
    a_storage,
    a_wish,
    an_existing,
    planned,
    replacing,
    storages,
)

PLAN: Mapping[str, Any] = {
    "event": "plan",
    "vmid": 101,
    "name": "web1",
    "tags": ["prod", "web"],
    "pool": "lab",
    "node": "pve1",
    "type": "lxc",
    "key": "101",
    "volid": "vault:backup/ct.tar.zst",
    "volid_node": "pve2",
    "replaces": True,
    "ran": True,
    "start": True,
    "ha": "started",
    "storage": "local",
    "keep_safety": False,
    "volumes": ["rootfs", "mp0"],
    "spread": {"rootfs": "local:4", "mp0": "fast:8,mp=/srv"},
    "old": "fingerprint",
}
BEGUN = Progress(
    "run1",
    Guest(101, "web1", "pve1", "lxc", frozenset({"prod", "web"}), "lab"),
    "101",
    ("pve2", "vault:backup/ct.tar.zst"),
    True,
    True,
    True,
    "started",
    "local",
    False,
    "fingerprint",
    ("rootfs", "mp0"),
    (("rootfs", "local:4"), ("mp0", "fast:8,mp=/srv")),
)
TASK = a_upid(101)


def told(*entries: Mapping[str, Any]) -> Progress:
    found = read_progress("run1", [PLAN, *entries])
    assert found is not None
    return found


# ----- the plan


def test_the_plan_tells_everything_that_is_needed_to_end_it() -> None:
    assert told() == BEGUN
    assert not any((BEGUN.stopped, BEGUN.started, BEGUN.protected, BEGUN.ha_off))


def test_a_plan_that_says_little_is_taken_by_its_word() -> None:
    few = {"event": "plan", "vmid": 101, "node": "pve1", "type": "qemu", "volid": "vault:backup/vm.vma.zst"}
    assert read_progress("run1", [few]) == Progress(
        "run1", Guest(101, None, "pve1", "qemu"), "101", ("pve1", "vault:backup/vm.vma.zst"), False
    )


@pytest.mark.parametrize(
    "torn",
    [
        {},
        {"vmid": "101"},
        {"vmid": None},
        {"vmid": True},
        {"vmid": 99},
        {"vmid": 10**9},
        {"node": 5},
        {"node": ""},
        {"node": "../pve1"},
        {"type": "openvz"},
        {"type": ["lxc"]},
        {"volid": None},
    ],
)
def test_without_a_plan_nothing_was_begun(torn: dict[str, Any]) -> None:
    entry = {**PLAN, **torn} if torn else {"event": "plan"}
    assert read_progress("run1", [entry, {"event": "restoring", "vmid": 101}]) is None
    assert read_progress("run1", []) is None
    assert read_progress("run1", [{"event": "run", "run": "run1"}, {"event": "restoring", "vmid": 101}]) is None


def _facts(plan: RestorePlan, keep_safety: bool = True) -> Progress:
    facts = json.loads(json.dumps({"event": "plan", **plan_facts(replace(plan, keeps_safety=keep_safety), "key")}))
    found = read_progress("run1", [facts])
    assert found is not None
    return found


def test_what_a_plan_notes_of_a_replacement_is_read_again() -> None:
    old = a_configuration("lxc", rootfs="fast:a,size=4G", mp0="local:b,mp=/srv,backup=1,size=8G")
    there = storages(a_storage("local"), a_storage("fast"), a_storage("vault", content=frozenset({"backup"})))
    archived = a_configuration("lxc", mp0="local:b,mp=/srv,backup=1,size=8G", mp1="local:c,mp=/no,size=1G")
    plan = planned(
        replacing(shutdown=True, ha="disable_during"),
        a_replacement(
            "lxc",
            configuration=old,
            archived=archived,
            storages=there,
            running=True,
            ha="started",
            permissions=EVERYTHING,
        ),
    )
    assert _facts(plan, keep_safety=False) == Progress(
        run="run1",
        guest=plan.guest,
        key="key",
        source=(plan.backup.node, plan.backup.volid),
        replaces=True,
        ran=True,
        start=True,
        ha="started",
        storage="fast",
        keep_safety=False,
        old=old.fingerprint,
        volumes=("rootfs", "mp0"),
        spread=(("rootfs", "fast:4"), ("mp0", "local:8,mp=/srv,backup=1")),
    )


def test_what_a_plan_notes_of_a_new_guest_is_read_again() -> None:
    plan = planned(a_wish(target_storage="local", vmid=300), a_scene("qemu"))
    assert _facts(plan) == Progress(
        run="run1",
        guest=Guest(300, "db1", "pve1", "qemu"),
        key="key",
        source=(plan.backup.node, plan.backup.volid),
        replaces=False,
        storage="local",
        volumes=("scsi0",),
    )


# ----- what was begun


def test_each_step_is_known_from_when_it_is_begun_until_it_is_over() -> None:
    begun = {"event": "saving", "vmid": 101, "at": NOW, "known": ["UPID:a", "UPID:b"], "storage": "vault"}
    attempt = Attempt(101, float(NOW), frozenset({"UPID:a", "UPID:b"}), storage="vault")
    assert told(begun).saving == attempt
    assert told(begun, {"event": "task", "upid": TASK.text}).saving == Attempt(
        101, float(NOW), attempt.known, TASK, False, "vault"
    )
    over = told(begun, {"event": "task", "upid": TASK.text}, {"event": "over"})
    assert over.saving == Attempt(101, float(NOW), attempt.known, TASK, True, "vault")
    assert told(begun, {"event": "over"}).saving == Attempt(101, float(NOW), attempt.known, None, True, "vault")


@pytest.mark.parametrize("event", ATTEMPTS)
def test_a_task_belongs_to_what_was_begun_last(event: str) -> None:
    found = told({"event": "proving"}, {"event": "over"}, {"event": event}, {"event": "task", "upid": TASK.text})
    tasks = {name: getattr(found, name).upid for name in ATTEMPTS if getattr(found, name) is not None}
    assert tasks == {**({} if event == "proving" else {"proving": None}), event: TASK}


def test_a_task_before_anything_was_begun_is_nobodys() -> None:
    assert told({"event": "task", "upid": TASK.text}, {"event": "over"}, {"event": "scratch_gone"}) == BEGUN


def test_a_restore_that_was_begun_again_is_known_by_its_last_task() -> None:
    found = told(
        {"event": "restoring", "vmid": 900, "known": ["UPID:a"]},
        {"event": "over"},
        {"event": "restoring", "vmid": 901},
        {"event": "task", "upid": TASK.text},
    )
    assert found.restoring == Attempt(901, 0.0, frozenset(), TASK)
    assert found.guest.vmid == 901


def test_the_guest_is_known_as_it_was_right_before_it_was_replaced() -> None:
    assert told({"event": "restoring", "vmid": 101, "old": "newer"}).old == "newer"
    assert told({"event": "restoring", "vmid": 101, "old": None}).old == "fingerprint"
    assert told({"event": "rolling_back", "vmid": 102, "old": "newer"}).guest.vmid == 101


def test_a_guest_is_asked_to_shut_down_and_given_its_time() -> None:
    begun = {"event": "stopping", "vmid": 101, "at": NOW, "patience": 180}
    found = told(begun, {"event": "task", "upid": TASK.text})
    assert found.stopping == Attempt(101, float(NOW), frozenset(), TASK, patience=180)
    assert told(begun, {"event": "saving"}, {"event": "shut_down"}).stopping == Attempt(
        101, float(NOW), frozenset(), None, True, patience=180
    )
    assert told({"event": "shut_down"}) == BEGUN


def test_the_scratch_copy_is_gone_when_it_is_said_to_be() -> None:
    proving = {"event": "proving", "vmid": 900}
    gone = told(proving, {"event": "task", "upid": TASK.text}, {"event": "saving"}, {"event": "scratch_gone"})
    assert gone.proving == Attempt(900, 0.0, frozenset(), TASK, True)
    assert gone.saving == Attempt(101, 0.0, frozenset())


@pytest.mark.parametrize(
    ("events", "facts"),
    [
        (["protecting"], {"protected": True}),
        (["protecting", "released"], {"protected": False}),
        (["disabling_ha"], {"ha_off": True}),
        (["disabling_ha", "enabled_ha"], {"ha_off": False}),
        (["stopping"], {"stopped": True}),
        (["started"], {"started": True}),
    ],
)
def test_what_was_changed_around_the_guest_is_put_back(events: list[str], facts: dict[str, bool]) -> None:
    found = told(*({"event": event} for event in events))
    assert {name: getattr(found, name) for name in facts} == facts


@pytest.mark.parametrize("at", [10**400, -(10**400), float("inf"), float("nan"), 10**12, "1795177597", None, [NOW]])
@pytest.mark.parametrize("key", ["at", "asked"])
def test_a_time_that_is_none_is_as_good_as_unknown(key: str, at: object) -> None:
    found = told({"event": "restoring", "vmid": 101, "at": NOW, "asked": NOW + 7200, key: at}).restoring
    times = {"at": float(NOW), "asked": NOW + 7200.0, key: 0.0}
    assert found == Attempt(101, times["at"], frozenset(), asked=times["asked"])


def test_only_what_is_said_to_be_gone_or_saved_is() -> None:
    proving = {"event": "proving", "vmid": 900}
    found = told(proving, {"event": "saved", "volid": "vault:backup/s"}, {"event": "guest", "volid": "vault:backup/x"})
    assert found.proving == Attempt(900, 0.0, frozenset())
    assert found.safety == ("pve1", "vault:backup/s")
    assert told(proving, {"event": "guest", "volid": "vault:backup/x"}).safety is None


def test_the_safety_backup_is_known_by_its_node_and_name() -> None:
    assert told({"event": "saved", "node": "pve1", "volid": "vault:backup/s"}).safety == ("pve1", "vault:backup/s")
    assert told({"event": "saved", "volid": "vault:backup/s"}).safety == ("pve1", "vault:backup/s")


@pytest.mark.parametrize("volid", [{}, {"volid": None}, {"volid": 5}])
def test_a_safety_backup_without_a_name_is_none(volid: dict[str, Any]) -> None:
    assert told({"event": "saved", "node": "pve1", **volid}).safety is None


# ----- whatever else stands in it

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400)])
    | st.floats()
    | st.text(max_size=5),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=3), children, max_size=3),
    max_leaves=4,
)
EVENTS = st.sampled_from(
    ["plan", *ATTEMPTS, "task", "over", "scratch_gone", "saved", "protecting", "released", "disabling_ha", "enabled_ha",
     "started", "shut_down", "run", "", "guest"]
)  # fmt: skip
FACTS = st.sampled_from([key for key in PLAN if key != "event"] + ["at", "asked", "known", "upid", "patience"])
ENTRIES = st.one_of(
    st.builds(lambda event, facts: {**facts, "event": event}, EVENTS, st.dictionaries(FACTS, JSON, max_size=3)),
    st.builds(lambda facts: {**PLAN, **facts}, st.dictionaries(FACTS, JSON, max_size=2)),
    st.sampled_from([{**PLAN}, {"event": "task", "upid": TASK.text}, {"event": "saved", "volid": "vault:backup/s"}]),
    st.dictionaries(st.text(max_size=3), JSON, max_size=2),
    st.builds(lambda event: {"event": event}, JSON),
)


@settings(max_examples=150)
@given(st.lists(ENTRIES, max_size=6))
def test_no_list_of_entries_is_too_strange_to_be_read(entries: list[dict[str, Any]]) -> None:
    for found in (read_progress("run1", entries), read_progress("run1", [PLAN, *entries])):
        if found is None:
            continue
        assert found.guest.type in ("lxc", "qemu")
        assert isinstance(found.source[1], str)
        assert found.safety is None or all(isinstance(part, str) for part in found.safety)
        for attempt in (found.proving, found.saving, found.restoring, found.rolling_back):
            assert attempt is None or (isinstance(attempt.at, float) and abs(attempt.at) < 10**12)


@settings(max_examples=100)
@given(st.lists(ENTRIES, max_size=6), st.integers(0, 6), st.dictionaries(FACTS, JSON, max_size=3))
def test_entries_of_others_change_nothing(entries: list[dict[str, Any]], place: int, facts: dict[str, Any]) -> None:
    foreign = {**facts, "event": "of another version"}
    more = [PLAN, *entries[:place], foreign, *entries[place:]]
    assert read_progress("run1", more) == read_progress("run1", [PLAN, *entries])


# ----- on the disk


def test_a_run_reads_what_it_notes_and_so_does_the_next_one(tmp_path: Path) -> None:
    time = FakeClock()
    journal = Journal(tmp_path, {"user": "somebody"})
    notes = JournalNotes.fresh(journal, time.clock)
    notes.note("plan", **{key: value for key, value in PLAN.items() if key != "event"})
    notes.note("saving", vmid=101, known=[], storage="vault")
    notes.note("task", upid=TASK.text)
    before = notes.progress()
    assert before.saving == Attempt(101, float(NOW), frozenset(), TASK, False, "vault")
    journal.close(keep=True)
    with dead_runs(tmp_path, "somebody") as dead:
        (found,) = dead
        inherited = JournalNotes.inherited(found, time.clock)
        assert (inherited.progress().run, inherited.progress().guest) == (journal.run, before.guest)
        assert inherited.progress().saving is not None
        time.time += 5
        inherited.note("restoring", vmid=101, known=[])
        assert inherited.progress().restoring == Attempt(101, NOW + 5.0, frozenset())
    with dead_runs(tmp_path, "somebody") as dead:
        assert JournalNotes.inherited(dead[0], time.clock).progress() == inherited.progress()


def test_what_can_not_be_written_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    notes = JournalNotes.fresh(Journal(tmp_path / "file", {}), FakeClock().clock)
    with pytest.raises(JournalError):
        notes.note("plan", **{key: value for key, value in PLAN.items() if key != "event"})
    with pytest.raises(AssertionError):
        notes.progress()


def test_a_rollback_is_worth_more_than_its_entry(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    notes = JournalNotes.fresh(Journal(tmp_path / "file", {}), FakeClock().clock)
    notes.insist = False
    notes.note("plan", **{key: value for key, value in PLAN.items() if key != "event"})
    notes.note("rolling_back", vmid=101)
    assert notes.progress().rolling_back == Attempt(101, float(NOW), frozenset())
    assert not (tmp_path / "file").is_dir()


def test_a_journal_without_a_plan_is_not_taken_over(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {})
    journal.write("guest", vmid=101)
    journal.close(keep=True)
    with dead_runs(tmp_path) as dead, pytest.raises(AssertionError):
        JournalNotes.inherited(dead[0], FakeClock().clock).progress()


def test_an_existing_guest_is_noted_under_its_own_name() -> None:
    plan = planned(replacing(), a_replacement("lxc", configuration=a_configuration("lxc", hostname="old")))
    assert _facts(plan).guest == an_existing("lxc", configuration=a_configuration("lxc", hostname="old")).guest
