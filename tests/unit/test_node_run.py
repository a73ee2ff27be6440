# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node's part of a run: what it starts, what it notes before that, and how it ends when it is to end."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    Ended,
    Event,
    ForeignEnded,
    FoundFresh,
    NothingLocal,
    Skipped,
    Started,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_journal import BackupJournal
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_plan import NodeJob
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost, ProxmoxError, error_of
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.node_run import run_node
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.vzdump_request import BODY_LIMIT
from unit.builders import HOUR, MINIMAL, NOW, WEB1, WEB2, a_backup, a_guest, a_run, good_lines
from unit.node_model import NEVER, Node

GOT_SIGTERM = "it got SIGTERM"


def _refused() -> ProxmoxError:
    return error_of("POST", "/nodes/pve1/vzdump", 403, "Permission check failed", "", {})


def _lost() -> ProxmoxError:
    return AnswerLost("The connection broke.")


class Lab:
    """A node, a run on it with a journal, what the run told and what stood in the journal at each POST."""

    def __init__(self, folder: Path, node: Node, **more: Any) -> None:
        self.node = node
        self.told: list[Event] = []
        self.folder = folder
        self.noted: list[list[str]] = []
        self.journal = BackupJournal(folder, {})
        clock = node.time.clock
        seconds, interruption = more.pop("seconds", 3600), more.pop("interruption", None)
        self.run = a_run(
            node.client,
            node.time,
            deadline=Deadline.after(clock, seconds, interruption),
            journal=self.journal,
            emit=self.told.append,
            **more,
        )
        post = node.post

        def noting(path: str, **parameters: Any) -> Any:
            self.noted.append(self.entries())
            return post(path, **parameters)

        node.post = noting  # type: ignore[method-assign]

    def entries(self) -> list[str]:
        """The events in the journal, without its header."""
        return [entry["event"] for entry in self.lines()]

    def lines(self) -> list[dict[str, Any]]:
        """The entries in the journal, without its header."""
        return [
            json.loads(line)
            for path in self.folder.glob("*.jsonl")
            for line in path.read_text(encoding="utf-8").splitlines()[1:]
        ]

    def back_up(self, guests: Sequence[Guest] = (WEB1, WEB2), newest: int = 0) -> list[Event]:
        run_node(self.run, NodeJob("pve1", "vault", tuple(guests), newest))
        return self.told

    @property
    def upid(self) -> Upid:
        return self.node.tasks[-1].upid


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock between runs on one controller is this test's own."""
    (tmp_path / "locks").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "locks"))


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    return tmp_path / "journals"


def _started(lasts: float = 30, **more: Any) -> Node:
    return Node([None], [True], lasts=lasts, **more)


def test_a_job_is_noted_asked_for_and_followed_to_its_end(journals: Path) -> None:
    lab = Lab(journals, _started(), parameters={"mode": "stop"})
    told = lab.back_up()
    assert lab.node.sent == [{"vmid": "101,102", "mode": "stop", "storage": "vault"}]
    assert lab.noted == [["starting"]]
    assert lab.entries() == ["starting", "started", "ended"]
    assert lab.lines()[0]["vmids"] == [101, 102]
    assert (lab.lines()[0]["after"], lab.lines()[1]["upid"]) == (None, lab.upid.text)
    ended = told[1]
    assert isinstance(ended, Ended)
    assert (told[0], ended.upid, ended.exitstatus) == (Started(lab.upid, (101, 102), "vault"), lab.upid, "OK")
    assert (ended.timed_out, ended.cancelled, ended.interrupted) == (False, False, "")
    assert len(told) == 2
    lab.journal.close()
    assert list(journals.iterdir()) == []


def test_the_newest_task_of_ours_that_was_there_before_is_noted(journals: Path) -> None:
    node = _started()
    node.others([900], lasts=-1, starttime=NOW - 60)
    newest = node.others([901], lasts=-1, starttime=NOW - 5)
    node.others([902], lasts=-1, starttime=NOW - 30)
    node.others([903], lasts=-1, user="root@pam")
    lab = Lab(journals, node)
    lab.back_up()
    assert lab.lines()[0]["after"] == newest.text


def test_a_task_that_is_not_waited_for_is_left(journals: Path) -> None:
    lab = Lab(journals, _started(lasts=NEVER), wait=False)
    assert lab.back_up() == [Started(lab.upid, (101, 102), "vault")]
    assert lab.entries() == ["starting", "started", "left"]


def test_where_no_guest_is_on_the_node_any_more(journals: Path) -> None:
    lab = Lab(journals, Node(["OK"], [False]))
    assert lab.back_up() == [NothingLocal("pve1", (101, 102))]
    assert lab.entries() == ["starting", "nothing"]


def test_what_proxmox_refuses_is_told_and_noted(journals: Path) -> None:
    lab = Lab(journals, Node([_refused], [False]))
    assert lab.back_up() == [Skipped((101, 102), _refused().message, failed=True)]
    assert lab.entries() == ["starting", "refused"]


def test_an_answer_that_was_lost_twice_leaves_the_job_open(journals: Path) -> None:
    lab = Lab(journals, Node([_lost, _lost], [False, False]))
    reason = "The connection broke. No task for it was found on node pve1 afterwards."
    assert lab.back_up() == [Skipped((101, 102), reason, failed=True)]
    assert lab.entries() == ["starting"]
    lab.journal.close()
    assert lab.entries() == ["starting", "closed"]


def test_a_task_that_may_be_the_jobs_is_uncertain_and_leaves_it_open(journals: Path) -> None:
    lab = Lab(journals, Node([_lost], [True], silent=NEVER), seconds=60)
    (told,) = lab.back_up()
    assert isinstance(told, Skipped)
    assert (told.vmids, told.failed, told.uncertain) == ((101, 102), True, True)
    assert lab.entries() == ["starting"]


def test_an_answer_that_was_lost_and_found_is_noted(journals: Path) -> None:
    lab = Lab(journals, Node([_lost], [True], lasts=30))
    assert [event.__class__ for event in lab.back_up()] == [Started, Ended]
    assert lab.entries() == ["starting", "started", "ended"]
    assert lab.lines()[1]["upid"] == lab.upid.text


def test_guests_for_more_than_one_request_are_backed_up_one_part_after_the_other(journals: Path) -> None:
    guests = [a_guest(vmid) for vmid in range(100_000_000, 100_000_400)]
    long = {"exclude-path": "x" * (BODY_LIMIT - 2000)}
    lab = Lab(journals, Node([None] * 9, [True] * 9, lasts=5), parameters=long)
    told = lab.back_up(guests)
    parts = [[int(vmid) for vmid in sent["vmid"].split(",")] for sent in lab.node.sent]
    assert len(parts) > 1
    assert [vmid for part in parts for vmid in part] == [guest.vmid for guest in guests]
    assert [event.__class__ for event in told] == [Started, Ended] * len(parts)
    assert [line["job"] for line in lab.lines() if line["event"] == "starting"] == list(range(1, 1 + len(parts)))


def test_a_backup_is_not_made_in_the_second_of_the_newest_one(journals: Path) -> None:
    lab = Lab(journals, _started())
    lab.back_up(newest=NOW)
    assert lab.node.time.slept[0] == 1
    lab = Lab(journals, _started())
    lab.back_up(newest=NOW + HOUR)
    assert lab.node.time.slept[0] < 1


def test_a_defect_of_ours_costs_this_node_only(journals: Path) -> None:
    lab = Lab(journals, Node())
    lab.node.get = lambda path, **_more: [][len(path)]  # type: ignore[method-assign]
    reason = "a defect of this module (IndexError: list index out of range); please report it"
    assert lab.back_up() == [Skipped((101, 102), reason, failed=True)]


# ----- others


def test_somebody_elses_task_is_waited_for_and_then_ours_is_started(journals: Path) -> None:
    node = _started()
    node.others([101], user="root@pam", silent=30, lasts=40)
    lab = Lab(journals, node)
    assert [event.__class__ for event in lab.back_up()] == [Started, Ended]
    assert node.time.time >= 1040
    assert lab.entries() == ["starting", "started", "ended"]


def test_when_somebody_elses_task_makes_all_of_them_none_is_asked_for(journals: Path) -> None:
    node = Node()
    node.others([101, 102], user="root@pam")
    node.tasks[0].more = [(1010, line) for vmid in (101, 102) for line in good_lines(vmid)]
    lab = Lab(journals, node)
    assert [(event.__class__, event.vmids) for event in lab.back_up()] == [(ForeignEnded, (101, 102))]
    assert (node.sent, lab.entries()) == ([], [])


def _entry(vmid: int, **more: Any) -> dict[str, Any]:
    backup = a_backup(vmid, **more)
    return {"volid": backup.volid, "vmid": vmid, "ctime": backup.ctime, "size": backup.size, "subtype": "lxc"}


def test_what_somebody_has_made_since_is_fresh(journals: Path) -> None:
    node = _started()
    node.listed = [_entry(101, age=60), _entry(101, age=10), _entry(102, age=2 * HOUR), _entry(300, age=5)]
    lab = Lab(journals, node, max_age=HOUR, observed_at=1000 - 60)
    told = lab.back_up()
    assert isinstance(told[0], FoundFresh)
    assert [(backup.vmid, backup.ctime) for backup in told[0].backups] == [(101, NOW - 10)]
    assert node.sent[0]["vmid"] == "102"


def test_when_all_are_fresh_by_then_nothing_is_asked_for(journals: Path) -> None:
    node = Node()
    node.listed = [_entry(101, age=60), _entry(102, age=60)]
    lab = Lab(journals, node, max_age=HOUR, observed_at=1000 - 60)
    assert [event.vmids for event in lab.back_up()] == [(101, 102)]
    assert (node.sent, lab.entries()) == ([], [])


def test_a_lock_of_a_task_that_this_token_cannot_see_is_respected(journals: Path) -> None:
    locked = a_guest(101, "web1", lock="backup")
    node = _started()
    node.locked = {"lock": "backup"}
    lab = Lab(journals, node)
    told = lab.back_up([locked, WEB2])
    assert told[0] == Skipped(
        (101,),
        "it is locked (backup): a task that this token cannot see backs it up, or was ended while it did; grant "
        "Sys.Audit on /nodes/pve1 so that it can be waited for",
    )
    assert node.sent[0]["vmid"] == "102"


@pytest.mark.parametrize(
    ("locked", "permissions"),
    [
        ({"lock": "snapshot"}, MINIMAL),
        ({}, MINIMAL),
        (error_of("GET", "/x", 500, "no such guest", "", {}), MINIMAL),
        ({"lock": "backup"}, Permissions({**MINIMAL.paths, "/nodes": {"Sys.Audit": True}})),
    ],
    ids=["another lock", "none any more", "the guest is gone", "every task is seen"],
)
def test_other_locks_are_for_proxmox_to_judge(journals: Path, locked: Any, permissions: Permissions) -> None:
    node = _started()
    node.locked = locked
    lab = Lab(journals, node, permissions=permissions)
    assert [event.__class__ for event in lab.back_up([a_guest(101, lock="backup")])] == [Started, Ended]


# ----- no more time


@pytest.mark.parametrize("cancel", [True, False])
def test_when_the_time_is_up(journals: Path, cancel: bool) -> None:
    lab = Lab(journals, _started(lasts=NEVER), seconds=60, cancel_on_timeout=cancel, cancel_on_interrupt=not cancel)
    ended = lab.back_up()[1]
    assert isinstance(ended, Ended)
    assert (ended.timed_out, ended.cancelled, ended.interrupted) == (True, cancel, "")
    assert ended.exitstatus == ("interrupted by signal" if cancel else None)
    assert lab.entries() == ["starting", "started", *(["ended"] if cancel else [])]


@pytest.mark.parametrize("cancel", [True, False])
def test_when_the_run_is_interrupted(journals: Path, cancel: bool) -> None:
    node = _started(lasts=NEVER)
    interruption = Interruption(lambda: GOT_SIGTERM if node.time.time >= 1030 else None)
    lab = Lab(journals, node, interruption=interruption, cancel_on_interrupt=cancel, cancel_on_timeout=not cancel)
    ended = lab.back_up()[1]
    assert isinstance(ended, Ended)
    assert (ended.timed_out, ended.cancelled, ended.interrupted) == (True, cancel, GOT_SIGTERM)
    assert node.time.time < 1040
    assert lab.entries() == ["starting", "started", *(["ended"] if cancel else [])]


def test_a_task_that_was_over_by_then_is_not_called_interrupted(journals: Path) -> None:
    node = _started(lasts=1)
    interruption = Interruption(lambda: GOT_SIGTERM if node.time.time >= 1002 else None)
    lab = Lab(journals, node, interruption=interruption)
    ended = lab.back_up()[1]
    assert isinstance(ended, Ended)
    assert (ended.exitstatus, ended.timed_out, ended.interrupted) == ("OK", False, "")


@pytest.mark.parametrize("interrupted", [True, False])
def test_what_has_not_begun_by_then_is_not_begun(journals: Path, interrupted: bool) -> None:
    interruption = Interruption()
    if interrupted:
        interruption.request(GOT_SIGTERM)
    lab = Lab(journals, Node(), seconds=3600 if interrupted else 0, interruption=interruption)
    reason = (
        f"the run was interrupted ({GOT_SIGTERM}) before its turn" if interrupted else "the time was up before its turn"
    )
    assert lab.back_up() == [Skipped((101, 102), reason, timed_out=not interrupted)]
    assert lab.entries() == []


def test_when_the_time_is_up_just_before_the_start_nothing_is_asked_for(journals: Path) -> None:
    lab = Lab(journals, Node(), seconds=0.5)
    assert lab.back_up(newest=NOW) == [Skipped((101, 102), "the time was up before its turn", timed_out=True)]
    assert lab.entries() == []


def test_a_node_that_is_lost_while_it_works_leaves_the_job_open(journals: Path) -> None:
    lab = Lab(journals, _started(lasts=NEVER))
    get = lab.node.get

    def refusing(path: str, **parameters: Any) -> Any:
        if path.endswith("/status"):
            raise error_of("GET", f"/{path}", 403, "Permission check failed", "", {})
        return get(path, **parameters)

    lab.node.get = refusing  # type: ignore[method-assign]
    ended = lab.back_up()[1]
    assert isinstance(ended, Ended)
    assert (ended.exitstatus, ended.problem) == (None, _refusal(ended.upid))
    assert lab.entries() == ["starting", "started"]


def _refusal(upid: Upid) -> str:
    return error_of("GET", f"/nodes/pve1/tasks/{upid.text}/status", 403, "Permission check failed", "", {}).message
