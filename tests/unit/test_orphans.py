# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Jobs of runs that died, wherever that was: what is known of them, what they are good for, when they are forgotten."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.journal import dead_runs
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.archives import Backup
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import Unreachable
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.orphans import (
    COUNTS_FOR,
    IN_FLIGHT,
    Orphan,
    account_for,
    counted,
    observe_orphans,
    orphans_told,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import LOOKS
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from unit.builders import NOW, a_backup, a_guest, a_upid
from unit.node_model import NEVER, Node

RUN = "20261120T122637Z-0a1b2c3d"
LATER_RUN = "20261120T122638Z-00000000"
LONG_AGO = 1000 - IN_FLIGHT
"""When the request went out, on the node's clock of 1000: it isn't under way any more."""


def _starting(job: int = 1, at: float = LONG_AGO, after: Upid | None = None, **more: Any) -> dict[str, Any]:
    entry = {"event": "starting", "at": at, "job": job, "node": "pve1", "storage": "vault", "vmids": [101, 102]}
    return {**entry, "after": None if after is None else after.text, **more}


def _started(upid: Upid, job: int = 1) -> dict[str, Any]:
    return {"event": "started", "job": job, "upid": upid.text}


def _left(folder: Path, entries: Sequence[dict[str, Any]], run: str = RUN) -> None:
    lines = [{"event": "run", "run": run}, *entries]
    (folder / f"{run}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def _found(folder: Path, node: Node, entries: Sequence[dict[str, Any]] | None = None) -> list[Orphan]:
    if entries is not None:
        _left(folder, entries)
    with dead_runs(folder) as runs:
        return observe_orphans(node.client, node.time.clock, runs, ["pve1", "pve2"])


def _known(node: Node, index: int = 0, **more: Any) -> Orphan:
    return Orphan(RUN, 1, "pve1", "vault", (101, 102), node.tasks[index].upid, **more)


# ----- killed after each line of the journal


def test_before_any_job_there_is_nothing_to_know(tmp_path: Path) -> None:
    node = Node()
    assert _found(tmp_path, node, []) == []
    assert node.time.slept == []


def test_before_the_request_was_sent_nothing_was_started(tmp_path: Path) -> None:
    assert _found(tmp_path, Node(), [_starting()]) == [Orphan(RUN, 1, "pve1", "vault", (101, 102))]


@pytest.mark.parametrize("answered", [False, True])
def test_after_it_was_sent_the_task_is_found_whether_its_answer_was_noted_or_not(
    tmp_path: Path, answered: bool
) -> None:
    node = Node()
    upid = node.others([101, 102])
    entries = [_starting(), *([_started(upid)] if answered else [])]
    assert _found(tmp_path, node, entries) == [_known(node, running=True)]


@pytest.mark.parametrize("noted", [0, 1, 2])
def test_after_its_end_it_is_known_how_and_when_it_ended(tmp_path: Path, noted: int) -> None:
    """``ended`` alone doesn't make a job done with: its backups may count for the next run."""
    node = Node()
    upid = node.others([101, 102], lasts=-1)
    node.tasks[0].endtime, node.tasks[0].exitstatus = NOW + 42, "job errors"
    entries = [_starting(), _started(upid), {"event": "ended", "job": 1}][: 1 + noted]
    assert _found(tmp_path, node, entries) == [_known(node, exitstatus="job errors", ended_at=NOW + 42)]


@pytest.mark.parametrize("how", ["nothing", "refused", "left", "accounted"])
def test_a_job_that_is_done_with_is_no_orphan(tmp_path: Path, how: str) -> None:
    node = Node()
    upid = node.others([101, 102])
    assert _found(tmp_path, node, [_starting(), _started(upid), {"event": how, "job": 1}]) == []


class Forgetful(Node):
    """A node whose list doesn't hold its tasks."""

    def get(self, path: str, **parameters: Any) -> Any:
        return [] if path.endswith("/tasks") else super().get(path, **parameters)


@pytest.mark.parametrize(("lasts", "state"), [(-1, "ended"), (NEVER, "running")])
def test_a_task_that_the_list_does_not_hold_is_asked_for(tmp_path: Path, lasts: float, state: str) -> None:
    node = Forgetful()
    upid = node.others([101, 102], lasts=lasts)
    (orphan,) = _found(tmp_path, node, [_starting(), _started(upid)])
    assert (orphan.upid, orphan.state, orphan.ended_at) == (upid, state, None)


@pytest.mark.parametrize(
    "entries",
    [
        [{"event": "closed", "open": 5}, {**_starting(), "at": "x"}],
        [_starting(vmids=5)],
        [_starting(node=7)],
        [_starting(node="../../access")],
        [_starting(), {"event": ["started"], "job": 1}, {"event": "refused", "job": 1}],
        [{"event": "starting", "job": [1]}],
    ],
)
def test_what_is_no_entry_of_ours_is_left_out(tmp_path: Path, entries: list[dict[str, Any]]) -> None:
    assert _found(tmp_path, Node(), entries) == []


def test_a_job_on_a_node_that_has_left_the_cluster_is_over(tmp_path: Path) -> None:
    assert _found(tmp_path, Node(), [_starting(node="pve9")]) == []


def test_of_a_run_that_told_its_result_only_open_jobs_are_left(tmp_path: Path) -> None:
    node = Node()
    upids = [node.others([101, 102]), node.others([101, 102]), node.others([101, 102])]
    entries = [
        *(entry for job, upid in enumerate(upids, 1) for entry in (_starting(job), _started(upid, job))),
        {"event": "closed", "open": [2, 3]},
    ]
    assert [orphan.job for orphan in _found(tmp_path, node, entries)] == [2, 3]
    assert [orphan.job for orphan in _found(tmp_path, node, [*entries, {"event": "accounted", "job": 3}])] == [2]
    assert _found(tmp_path, node, [*entries[:-1], {"event": "closed"}]) == []


@pytest.mark.parametrize(
    "strange",
    [{"event": "started", "job": 7, "upid": "x"}, {"event": "ended"}, {"job": 1}, {}, {"event": "ended", "job": "x"}],
)
def test_entries_of_no_job_say_nothing(tmp_path: Path, strange: dict[str, Any]) -> None:
    assert [orphan.state for orphan in _found(tmp_path, Node(), [_starting(), strange])] == ["never_started"]


# ----- a task is found by its guests


@pytest.mark.parametrize("vmids", [[101], [101, 102, 103], [102, 103]])
def test_a_task_of_other_guests_is_not_it(tmp_path: Path, vmids: list[int]) -> None:
    node = Node()
    node.others(vmids)
    assert [orphan.state for orphan in _found(tmp_path, node, [_starting()])] == ["never_started"]


def test_a_task_of_somebody_else_is_not_it(tmp_path: Path) -> None:
    node = Node()
    node.others([101, 102], user="root@pam")
    assert [orphan.state for orphan in _found(tmp_path, node, [_starting()])] == ["never_started"]


@pytest.mark.parametrize(("seconds", "state"), [(-1, "never_started"), (0, "running"), (1, "running")])
def test_only_what_is_not_older_than_the_newest_task_before_can_be_it(tmp_path: Path, seconds: int, state: str) -> None:
    node = Node()
    after = node.others([101, 102], lasts=-1)
    node.others([101, 102], starttime=NOW + seconds)
    assert [orphan.state for orphan in _found(tmp_path, node, [_starting(after=after)])] == [state]


def test_one_that_has_not_named_its_guests_may_be_it(tmp_path: Path) -> None:
    node = Node()
    upid = node.others([300, 301], silent=NEVER)
    (found,) = _found(tmp_path, node, [_starting()])
    assert (found.state, found.upid, found.problem) == ("unknown", None, f"task {upid.text} may be it")
    assert sum(node.time.slept) <= sum(LOOKS) + LOOKS[-1]


@pytest.mark.parametrize(
    ("at", "pauses"),
    [
        (1000, list(LOOKS)),
        (1000 - IN_FLIGHT + 1, list(LOOKS)),
        (1000 - IN_FLIGHT, [0.0]),
        (1100, [0.0]),
        (None, [0.0]),
    ],
)
def test_a_request_that_may_be_under_way_is_waited_for(tmp_path: Path, at: float, pauses: list[float]) -> None:
    node = Node()
    _found(tmp_path, node, [_starting(at=at)])
    assert node.time.slept == pauses


def test_its_task_may_come_while_it_is_waited_for(tmp_path: Path) -> None:
    node = Node()
    sleep = node.time.sleep

    def appear(seconds: float) -> None:
        sleep(seconds)
        if not node.tasks:
            node.others([101, 102])

    node.time.sleep = appear  # type: ignore[method-assign]
    assert _found(tmp_path, node, [_starting(at=999)]) == [_known(node, running=True)]


# ----- nodes that don't answer


class Away(Node):
    """A node that answers for the list of tasks only, or not at all."""

    def __init__(self, all_of_it: bool) -> None:
        super().__init__()
        self._all_of_it = all_of_it

    def get(self, path: str, **parameters: Any) -> Any:
        if self._all_of_it or path.endswith("/log"):
            raise Unreachable("Nobody answers.")
        return super().get(path, **parameters)


def test_of_a_node_that_does_not_answer_nothing_is_known_but_the_task(tmp_path: Path) -> None:
    upid = a_upid("")
    entries = [_starting(1), _starting(2), _started(upid, 2)]
    found = _found(tmp_path, Away(all_of_it=True), entries)
    assert [(orphan.state, orphan.upid, orphan.problem) for orphan in found] == [
        ("unknown", None, "Nobody answers."),
        ("unknown", upid, "Nobody answers."),
    ]


def test_a_log_that_cannot_be_read_leaves_it_unknown(tmp_path: Path) -> None:
    node = Away(all_of_it=False)
    node.others([101, 102])
    (found,) = _found(tmp_path, node, [_starting()])
    assert (found.state, found.problem) == ("unknown", "Nobody answers.")


class Counting(Node):
    """Several nodes as one, that remember what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def get(self, path: str, **parameters: Any) -> Any:
        self.asked.append(path)
        return super().get(path, **parameters)


def test_a_node_is_asked_once_for_all_jobs_that_are_known(tmp_path: Path) -> None:
    node = Counting()
    upids = [node.others([101, 102]) for _job in range(4)]
    for run, jobs in ((RUN, (1, 2)), (LATER_RUN, (3, 4))):
        entries = [
            entry for job in jobs for entry in (_starting(job, node=f"pve{2 - job % 2}"), _started(upids[job - 1], job))
        ]
        _left(tmp_path, entries, run)
    found = _found(tmp_path, node)
    assert sorted(node.asked) == ["nodes/pve1/tasks", "nodes/pve2/tasks"]
    assert [(orphan.run, orphan.job, orphan.node, orphan.upid) for orphan in found] == [
        (RUN, 1, "pve1", upids[0]),
        (RUN, 2, "pve2", upids[1]),
        (LATER_RUN, 3, "pve1", upids[2]),
        (LATER_RUN, 4, "pve2", upids[3]),
    ]


# ----- what they are good for

MADE = Orphan(RUN, 1, "pve1", "vault", (101, 102), a_upid(""), exitstatus="OK", ended_at=NOW + 60)


def _counted(
    backups: Sequence[Backup], orphan: Orphan = MADE, storage: str | None = None, later: int = 0, kind: str = "lxc"
) -> dict[int, tuple[Backup, Orphan]]:
    owned: dict[int, list[Backup]] = {}
    for backup in backups:
        if backup.vmid is not None:
            owned.setdefault(backup.vmid, []).append(backup)
    assert orphan.ended_at is None or orphan.ended_at == NOW + 60
    return counted([a_guest(101, kind=kind)], owned, [orphan], storage, lambda _node: float(NOW + 60 + later))


def test_a_backup_that_it_has_just_made_counts() -> None:
    made = a_backup(101, ctime=NOW + 10)
    assert _counted([made]) == {101: (made, MADE)}


@pytest.mark.parametrize(("later", "counts"), [(0, True), (COUNTS_FOR, True), (COUNTS_FOR + 1, False), (-30, True)])
def test_it_counts_for_a_while(later: int, counts: bool) -> None:
    assert bool(_counted([a_backup(101, ctime=NOW)], later=later)) is counts


@pytest.mark.parametrize(("ctime", "counts"), [(-1, False), (0, True), (60, True), (61, False)])
def test_it_counts_when_it_was_made_while_the_task_ran(ctime: int, counts: bool) -> None:
    assert bool(_counted([a_backup(101, ctime=NOW + ctime)])) is counts


@pytest.mark.parametrize(
    "other",
    [
        {"size": 0},
        {"verified": False},
        {"finished": False},
        {"storage": "attic"},
        {"guest_type": "qemu"},
        {"vmid": 102},
        {"vmid": 103},
    ],
)
def test_no_other_backup_counts(other: dict[str, Any]) -> None:
    """102 was in the task, but isn't asked for."""
    assert _counted([a_backup(**{"vmid": 101, "ctime": NOW, **other})]) == {}


def test_a_backup_without_a_known_type_is_the_guests() -> None:
    assert _counted([a_backup(101, ctime=NOW, guest_type=None)], kind="qemu")


@pytest.mark.parametrize(("storage", "counts"), [(None, True), ("vault", True), ("attic", False)])
def test_it_counts_where_the_backup_is_wanted(storage: str | None, counts: bool) -> None:
    assert bool(_counted([a_backup(101, ctime=NOW)], storage=storage)) is counts


@pytest.mark.parametrize(
    "orphan",
    [
        Orphan(RUN, 1, "pve1", "vault", (101,)),
        Orphan(RUN, 1, "pve1", "vault", (101,), a_upid(101), running=True),
        Orphan(RUN, 1, "pve1", "vault", (101,), a_upid(101)),
        Orphan(RUN, 1, "pve1", "vault", (101,), problem="Nobody answers."),
        Orphan(RUN, 1, "pve1", "vault", (), a_upid(101), ended_at=NOW + 60),
    ],
    ids=["never started", "running", "nobody knows when it ended", "unknown", "of no guest"],
)
def test_others_make_nothing_needless(orphan: Orphan) -> None:
    assert _counted([a_backup(101, ctime=NOW)], orphan) == {}


# ----- when they are forgotten


def _accounted(
    folder: Path, orphans: Sequence[Orphan], seen: Mapping[str, frozenset[int]] | None = None
) -> dict[str, list[Any]]:
    """The journals that are left, with the entries after the header."""
    with dead_runs(folder) as runs:
        assert account_for(runs, orphans, seen or {}) == []
    with dead_runs(folder) as runs:
        return {run.run: [dict(entry) for entry in run.entries[1:]] for run in runs}


OVER = Orphan(RUN, 1, "pve1", "vault", (101,), a_upid(101, pid=1), exitstatus="OK", ended_at=NOW)
NEVER_BEGUN = Orphan(RUN, 2, "pve1", "vault", (102,))
RUNNING = Orphan(RUN, 3, "pve1", "vault", (103,), a_upid(103, pid=3), running=True)
UNKNOWN = Orphan(RUN, 4, "pve1", "vault", (104,), problem="Nobody answers.")


@pytest.mark.parametrize("orphans", [[], [OVER], [NEVER_BEGUN], [OVER, NEVER_BEGUN]])
def test_when_all_is_over_the_journal_goes(tmp_path: Path, orphans: list[Orphan]) -> None:
    _left(tmp_path, [_starting()])
    assert _accounted(tmp_path, orphans) == {}


@pytest.mark.parametrize("open_one", [RUNNING, UNKNOWN], ids=["running", "unknown"])
def test_while_one_is_not_over_it_stays_with_a_note_of_the_others(tmp_path: Path, open_one: Orphan) -> None:
    _left(tmp_path, [])
    assert _accounted(tmp_path, [OVER, open_one, NEVER_BEGUN]) == {
        RUN: [{"event": "accounted", "job": 1}, {"event": "accounted", "job": 2}]
    }


def test_one_that_was_seen_to_its_end_is_over(tmp_path: Path) -> None:
    _left(tmp_path, [])
    assert RUNNING.upid is not None
    assert _accounted(tmp_path, [RUNNING], {RUNNING.upid.text: frozenset({103})}) == {}


def test_one_of_whose_guests_some_were_not_waited_for_is_left(tmp_path: Path) -> None:
    _left(tmp_path, [])
    assert RUNNING.upid is not None
    several = replace(RUNNING, vmids=(103, 104))
    assert list(_accounted(tmp_path, [several], {RUNNING.upid.text: frozenset({103})})) == [RUN]


def test_a_journal_that_cannot_be_removed_costs_a_word_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "cluster"
    folder.mkdir()
    _left(folder, [])
    with dead_runs(folder) as runs:
        shutil.rmtree(folder)
        folder.write_text("in the way", encoding="utf-8")
        [problem] = account_for(runs, [OVER], {})
    assert problem.endswith("cannot be written: Not a directory. Set journal_path to a folder that can be.")


def test_each_run_is_accounted_for_by_its_own_jobs(tmp_path: Path) -> None:
    _left(tmp_path, [])
    _left(tmp_path, [], LATER_RUN)
    later = Orphan(LATER_RUN, 1, "pve1", "vault", (101,), a_upid(101, pid=9), running=True)
    assert _accounted(tmp_path, [OVER, later]) == {LATER_RUN: []}


def test_a_job_that_was_accounted_for_is_not_found_again(tmp_path: Path) -> None:
    node = Node()
    upids = [node.others([101, 102], lasts=-1), node.others([101, 102])]
    _left(tmp_path, [entry for job in (1, 2) for entry in (_starting(job), _started(upids[job - 1], job))])
    with dead_runs(tmp_path) as runs:
        first = observe_orphans(node.client, node.time.clock, runs, ["pve1", "pve2"])
        account_for(runs, first, {})
    assert [(orphan.job, orphan.state) for orphan in first] == [(1, "ended"), (2, "running")]
    assert [orphan.job for orphan in _found(tmp_path, node)] == [2]


# ----- in words


@pytest.mark.parametrize(
    ("orphan", "state"),
    [(OVER, "ended"), (NEVER_BEGUN, "never_started"), (RUNNING, "running"), (UNKNOWN, "unknown")],
    ids=["ended", "never_started", "running", "unknown"],
)
def test_the_words_of_the_result(orphan: Orphan, state: str) -> None:
    assert orphan.as_result() == {
        "run": RUN,
        "upid": None if orphan.upid is None else orphan.upid.text,
        "node": "pve1",
        "storage": "vault",
        "vmids": list(orphan.vmids),
        "state": state,
        "exitstatus": orphan.exitstatus,
    }


def test_a_person_is_told_of_runs_that_died_and_of_tasks_that_still_ran() -> None:
    later = Orphan(LATER_RUN, 1, "pve1", "vault", (101,))
    assert orphans_told([]) == ""
    assert orphans_told([OVER]) == f"An earlier run did not come to its end ({RUN})."
    assert RUNNING.upid is not None
    assert orphans_told([later, RUNNING, UNKNOWN]) == (
        f"An earlier run did not come to its end ({RUN}, {LATER_RUN}). Of its tasks still ran when this one began: "
        f"{RUNNING.upid.text}."
    )
