# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups that are being made already: waited for where they prove what is wanted, and never made twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._core.interruption import Interruption
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.backup_events import (
    Event,
    ForeignEnded,
    ForeignRunning,
    Skipped,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.cluster import Guest
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import AnswerLost
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.job_log import JobLog
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.other_tasks import (
    COMMAND_PATIENCE,
    OtherTask,
    after_the_other,
    in_the_way,
    whole_log,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.permissions import Permissions
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import backup_tasks
from unit.builders import MINIMAL, PreparedAnswers, a_guest, a_run, a_upid, failed_lines, good_lines
from unit.node_model import NEVER, Node

GUESTS = (a_guest(101, pool="prod"), a_guest(102), a_guest(103))
BLIND = Permissions({**MINIMAL.paths, "/storage/vault": {"Datastore.Audit": True}})


class Lab:
    """A node, a run on it, and what the run told."""

    def __init__(self, node: Node, *, seconds: float = 3600, wait: bool = True, **more: Any) -> None:
        self.node = node
        self.told: list[Event] = []
        clock = node.time.clock
        self.run = a_run(
            node.client,
            node.time,
            deadline=Deadline.after(clock, seconds, more.get("interruption")),
            permissions=more.get("permissions", MINIMAL),
            wanted_storage=more.get("storage"),
            wait=wait,
            emit=self.told.append,
        )

    def seen(self, guests: Sequence[Guest] = GUESTS) -> OtherTask | None:
        """What is in the way."""
        return in_the_way(self.run, backup_tasks(self.run.client, "pve1"), guests)

    def after(self) -> tuple[list[int], set[int]]:
        """Whom to back up after the other task, and of whom nothing has been told yet."""
        other = self.seen()
        assert other is not None
        open_ids = {guest.vmid for guest in GUESTS}
        return [guest.vmid for guest in after_the_other(self.run, other, list(GUESTS), open_ids)], open_ids


def _busy(vmids: Sequence[int] = (101, 300), **more: Any) -> Node:
    node = Node()
    node.others(vmids, user="root@pam", **more)
    return node


def test_a_task_that_backs_up_one_of_the_guests_is_in_the_way() -> None:
    node = _busy((101, 102, 300))
    other = Lab(node).seen()
    assert other is not None
    assert (other.upid, other.known) == (node.tasks[0].upid, True)
    assert other.covered == {101, 102}


@pytest.mark.parametrize("vmids", [(300,), (300, 301)])
def test_a_task_of_other_guests_is_not(vmids: tuple[int, ...]) -> None:
    assert Lab(_busy(vmids)).seen() is None


def test_a_task_that_has_ended_is_not() -> None:
    assert Lab(_busy(lasts=-1)).seen() is None


@pytest.mark.parametrize(("wanted", "in_way"), [(None, True), ("vault", True), ("attic", False)])
def test_a_task_that_writes_elsewhere_is_not(wanted: str | None, in_way: bool) -> None:
    assert (Lab(_busy(), storage=wanted).seen() is not None) is in_way


def test_a_task_whose_archive_this_token_could_not_see_is_not() -> None:
    assert Lab(_busy(), permissions=BLIND).seen() is None


def test_a_task_is_not_for_a_guest_with_which_it_failed() -> None:
    node = _busy((101, 102))
    node.tasks[0].more = [(0, line) for line in failed_lines(101)]
    other = Lab(node).seen()
    assert other is not None
    assert other.covered == {102}
    assert Lab(node).seen([GUESTS[0]]) is None


@pytest.mark.parametrize(("vmids", "in_way"), [((101,), True), ((300,), False), ((300, 301), True)])
def test_a_task_that_has_not_said_whom_it_means_may_be(vmids: tuple[int, ...], in_way: bool) -> None:
    """Unless its name says that it is another guest's."""
    other = Lab(_busy(vmids, silent=NEVER)).seen()
    assert (other is not None and not other.known) is in_way


def test_it_is_waited_for_only_until_our_guests_are_done() -> None:
    node = _busy((101, 102, 300))
    node.tasks[0].more = [(1005, line) for line in good_lines(101)] + [(1060, line) for line in failed_lines(102)]
    lab = Lab(node)
    assert lab.after() == ([102, 103], {102, 103})
    assert 60 <= node.time.time - 1000 < 75
    assert [(type(event), event.vmids) for event in lab.told] == [(ForeignEnded, (101,))]
    event = lab.told[0]
    assert isinstance(event, ForeignEnded)
    assert (event.storage, event.log.guests[101].finished) == ("vault", True)


def test_guests_of_whom_it_said_nothing_to_its_end_are_still_to_be_backed_up() -> None:
    node = _busy((101, 102), lasts=30)
    node.tasks[0].more = [(1005, line) for line in good_lines(101)]
    lab = Lab(node)
    assert lab.after() == ([102, 103], {102, 103})
    assert [(type(event), event.vmids) for event in lab.told] == [(ForeignEnded, (101,))]


def test_guests_that_were_done_before_we_came_are_not_waited_for() -> None:
    node = _busy((101,))
    node.tasks[0].more = [(0, line) for line in good_lines(101)]
    lab = Lab(node)
    assert lab.after() == ([102, 103], {102, 103})
    assert node.time.slept == []
    assert [(type(event), event.vmids) for event in lab.told] == [(ForeignEnded, (101,))]


def test_when_the_time_is_up_it_is_said_whom_it_still_backs_up() -> None:
    node = _busy((101, 102))
    node.tasks[0].more = [(1005, line) for line in good_lines(101)]
    lab = Lab(node, seconds=60)
    assert lab.after() == ([103], {103})
    reason = f"the time was up while task {node.tasks[0].upid.text} of somebody else backed it up"
    assert lab.told[1:] == [Skipped((102,), reason, timed_out=True)]
    assert [(type(event), event.vmids) for event in lab.told[:1]] == [(ForeignEnded, (101,))]


def test_without_waiting_it_is_told_what_is_done_and_what_is_being_made() -> None:
    node = _busy((101, 102))
    node.tasks[0].more = [(0, line) for line in good_lines(101)]
    lab = Lab(node, wait=False)
    assert lab.after() == ([103], {103})
    assert [(type(event), event.vmids) for event in lab.told] == [(ForeignEnded, (101,)), (ForeignRunning, (102,))]
    assert node.time.slept == []


@pytest.mark.parametrize("vmids", [(101, 102), (300, 301)])
def test_a_silent_task_is_waited_for_until_it_names_its_guests(vmids: tuple[int, ...]) -> None:
    node = _busy(vmids, silent=600, lasts=700)
    node.tasks[0].more = [(1650, line) for vmid in vmids for line in good_lines(vmid)]
    lab = Lab(node)
    left, open_ids = lab.after()
    assert node.time.time >= 1600
    assert left == [vmid for vmid in (101, 102, 103) if vmid not in vmids]
    assert open_ids == set(left)


def test_a_silent_task_that_ends_has_made_nothing() -> None:
    lab = Lab(_busy((101, 102), silent=NEVER, lasts=30))
    assert lab.after() == ([101, 102, 103], {101, 102, 103})
    assert lab.told == []


@pytest.mark.parametrize(("wait", "patience"), [(True, 60.0), (False, COMMAND_PATIENCE)])
def test_nothing_is_started_beside_a_task_that_stays_silent(wait: bool, patience: float) -> None:
    """One of the guests might be backed up twice."""
    node = _busy((300, 301), silent=NEVER)
    lab = Lab(node, seconds=60, wait=wait)
    assert lab.after() == ([], set())
    assert node.time.time - 1000 == pytest.approx(patience)
    reason = f"task {node.tasks[0].upid.text} waits on the node and does not say yet which guests it backs up"
    assert lab.told == [Skipped((101, 102, 103), reason, timed_out=wait)]


def test_a_log_that_cannot_be_read_is_an_empty_one() -> None:
    run = a_run(PreparedAnswers(AnswerLost("It broke.")).client, Node().time)
    assert whole_log(run, a_upid(101)) == JobLog()


INTERRUPTED = "it got SIGTERM"


def _interrupted_after(node: Node, seconds: float) -> Interruption:
    """Somebody asks for the end at that time on the node's clock."""
    return Interruption(lambda: INTERRUPTED if node.time.time >= 1000 + seconds else None)


def test_an_interrupted_run_waits_no_longer_for_somebody_elses_task() -> None:
    node = _busy((101, 102))
    node.tasks[0].more = [(1005, line) for line in good_lines(101)]
    lab = Lab(node, interruption=_interrupted_after(node, 30))
    assert lab.after() == ([103], {103})
    assert 30 <= node.time.time - 1000 < 40
    reason = (
        f"the run was interrupted ({INTERRUPTED}) while task {node.tasks[0].upid.text} of somebody else backed it up"
    )
    assert lab.told[1:] == [Skipped((102,), reason, interrupted=True)]
    assert [(event.__class__, event.vmids) for event in lab.told[:1]] == [(ForeignEnded, (101,))]


def test_an_interrupted_run_waits_no_longer_for_a_silent_task_and_starts_nothing_beside_it() -> None:
    node = _busy((300, 301), silent=NEVER)
    lab = Lab(node, interruption=_interrupted_after(node, 30))
    assert lab.after() == ([], set())
    reason = f"task {node.tasks[0].upid.text} waits on the node and does not say yet which guests it backs up"
    assert lab.told == [Skipped((101, 102, 103), reason, interrupted=True)]
