# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup job is sent at most once that counts, whatever happens to the answer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lifeboat.backup.plugins.module_utils._core.clock import Deadline
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    ProxmoxError,
    TimedOut,
    Unreachable,
    error_of,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.submission import (
    LOOKS,
    LostStart,
    UncertainStart,
    first_lines,
    start_backup,
)
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.tasks import ListedTask
from ansible_collections.lifeboat.backup.plugins.module_utils._proxmox.upid import Upid
from unit.builders import TOKEN, PreparedAnswers, a_upid
from unit.node_model import WAITING, Failure, Node

GUESTS = (101, 102)
WORDS = "The connection to pve1:8006 broke during POST nodes/pve1/vzdump (Broken pipe)."


def lost() -> ProxmoxError:
    return AnswerLost(WORDS)


def half() -> ProxmoxError:
    return BadAnswer("Half an answer.")


def slow() -> ProxmoxError:
    return TimedOut("Too slow.")


def refused() -> ProxmoxError:
    return error_of("POST", "/nodes/pve1/vzdump", 400, "Parameter verification failed.", "", {"mode": "no"})


def fault(status: int) -> Failure:
    return lambda: error_of("POST", "/nodes/pve1/vzdump", status, "for a reason", "", {})


FAULTS = [fault(status) for status in (502, 503, 504, 595, 596, 599)]
"""595 says that nothing was started, all others leave it open."""


def _start(
    node: Node, vmids: Sequence[int] = GUESTS, before: Sequence[ListedTask] = (), seconds: float = 3600
) -> Upid | None:
    """What is under test."""
    clock = node.time.clock
    deadline = Deadline.after(clock, seconds)
    return start_backup(node.client, "pve1", vmids, {"storage": "vault", "mode": "stop"}, before, deadline, clock)


def _ours(node: Node) -> list[Upid]:
    """The tasks that back up the guests for this token."""
    return [task.upid for task in node.tasks if set(task.vmids) == set(GUESTS) and task.upid.user == TOKEN]


def test_an_answer_is_the_task() -> None:
    node = Node([None], [True])
    assert _start(node) == node.tasks[0].upid
    assert node.sent == [{"vmid": "101,102", "storage": "vault", "mode": "stop"}]
    assert node.time.slept == []


def test_ok_means_that_nothing_was_started() -> None:
    assert _start(Node(["OK"], [False])) is None


@pytest.mark.parametrize("answer", ["hello", None, 5])
def test_an_answer_that_is_no_task(answer: object) -> None:
    with pytest.raises(BadAnswer) as caught:
        _start(Node([answer], [False]))
    assert caught.value.message == f"The answer to the backup job on node pve1 is not a task: {str(answer)!r}."


@pytest.mark.parametrize("failure", [refused, fault(403), fault(500), fault(501)])
def test_a_refusal_is_final(failure: Failure) -> None:
    node = Node([failure], [False])
    with pytest.raises(ApiError) as caught:
        _start(node)
    assert caught.value.message == failure().message
    assert len(node.sent) == 1
    assert node.time.slept == []


def test_where_nobody_was_reached_nothing_has_to_be_looked_for() -> None:
    node = Node([lambda: Unreachable("Nobody there.")], [False])
    with pytest.raises(Unreachable):
        _start(node)
    assert len(node.sent) == 1
    assert node.time.slept == []


@pytest.mark.parametrize("failure", [lost, slow, half, *FAULTS])
def test_a_lost_answer_is_found_in_the_list_of_tasks(failure: Failure) -> None:
    node = Node([failure], [True])
    assert _start(node) == node.tasks[0].upid
    assert len(node.sent) == 1
    assert node.time.slept == [LOOKS[0]]


@pytest.mark.parametrize("failure", [lost, slow, half, *FAULTS])
def test_when_nothing_was_started_it_is_sent_once_more(failure: Failure) -> None:
    node = Node([failure, None], [False, True])
    assert _start(node) == node.tasks[0].upid
    assert len(node.sent) == 2
    assert node.time.slept == list(LOOKS)


@pytest.mark.parametrize("failure", [lost, slow, half, *FAULTS])
def test_lost_twice_is_an_error_that_says_what_was_looked_for(failure: Failure) -> None:
    node = Node([failure, failure], [False, False])
    with pytest.raises(ProxmoxError) as caught:
        _start(node)
    assert caught.value.__class__ is LostStart
    assert caught.value.message == f"{failure().message} No task for it was found on node pve1 afterwards."
    assert caught.value.details() == failure().details()
    assert len(node.sent) == 2


def test_the_second_answer_may_be_lost_and_found_too() -> None:
    node = Node([lost, lost], [False, True])
    assert _start(node) == node.tasks[0].upid
    assert len(node.sent) == 2


def test_a_refusal_of_the_second_is_final() -> None:
    with pytest.raises(ApiError) as caught:
        _start(Node([lost, refused], [False, False]))
    assert caught.value.message == refused().message


def test_a_task_that_waits_for_the_node_is_waited_for_until_it_names_its_guests() -> None:
    node = Node([lost], [True], silent=600)
    assert _start(node) == node.tasks[0].upid
    assert 600 <= sum(node.time.slept) <= 610
    assert len(node.sent) == 1


@pytest.mark.parametrize("vmids", [(101,), GUESTS])
def test_a_task_that_ended_before_it_said_anything_is_known_by_its_name(vmids: tuple[int, ...]) -> None:
    node = Node([lost], [True], silent=1e9, lasts=0.1)
    assert _start(node, vmids) == node.tasks[0].upid
    assert len(node.sent) == 1


def test_a_silent_task_of_another_guest_is_not_taken_for_it() -> None:
    node = Node([lost, None], [False, True])
    node.others((300,), silent=1e9, lasts=0.1)
    assert _start(node, (101,)) == node.tasks[1].upid


def test_what_was_there_before_is_not_taken_for_it() -> None:
    node = Node([lost, None], [False, True])
    earlier = node.others(GUESTS)
    assert _start(node, before=[ListedTask(earlier, True)]) == node.tasks[1].upid
    assert node.tasks[1].upid != earlier


@pytest.mark.parametrize(("vmids", "user"), [(GUESTS, "root@pam"), ((101,), TOKEN), ((101, 102, 103), TOKEN)])
def test_tasks_of_others_or_of_other_guests_are_not_taken_for_it(vmids: tuple[int, ...], user: str) -> None:
    node = Node([lost, None], [False, True])
    others = node.others(vmids, user)
    assert _start(node) == node.tasks[1].upid
    assert node.tasks[1].upid != others


def test_while_a_task_has_not_said_whom_it_means_nothing_is_sent_again() -> None:
    """It waits for the node's lock until the time is up, and may be ours."""
    node = Node([lost, None], [True, True], silent=1e9)
    with pytest.raises(UncertainStart) as caught:
        _start(node, seconds=60)
    assert caught.value.message == (
        f"{WORDS} {node.tasks[0].upid.text} may be it, but has not named its guests: look at it on node pve1."
    )
    assert len(node.sent) == 1
    assert 60 <= sum(node.time.slept) <= 60 + LOOKS[-1]


@pytest.mark.parametrize("started", [True, False])
def test_a_job_whose_answer_outlasts_the_deadline_is_looked_for_and_not_sent_again(started: bool) -> None:
    """api_timeout is 30 s by default, and timeout may be shorter."""
    node = Node([lost, None], [started, True])
    found: Upid | None = None
    with contextlib.suppress(AnswerLost):
        found = _start(node, seconds=0)
    assert len(node.sent) == 1
    assert found == (node.tasks[0].upid if started else None)


OUTCOMES = st.sampled_from(
    [
        (None, True),
        (lost, True),
        (lost, False),
        (half, True),
        (fault(595), False),
        (fault(596), True),
        (fault(596), False),
        (fault(504), True),
        ("OK", False),
        (refused, False),
    ]
)
OTHERS = st.lists(
    st.tuples(
        st.sampled_from([(101,), (101, 103), (300,), GUESTS]),
        st.sampled_from([TOKEN, "root@pam"]),
        st.sampled_from([0.0, 2.0, 40.0]),
    ).filter(lambda other: other[0] != GUESTS or other[1] != TOKEN),
    max_size=3,
)


@settings(max_examples=50)
@given(OUTCOMES, OUTCOMES, OTHERS, st.sampled_from([0.0, 1.2, 30.0, 900.0]))
def test_whatever_happens_there_is_at_most_one_task_for_the_guests(
    first: tuple[Any, bool], second: tuple[Any, bool], others: list[tuple[tuple[int, ...], str, float]], silent: float
) -> None:
    node = Node([first[0], second[0]], [first[1], second[1]], silent)
    for vmids, user, quiet in others:
        node.others(vmids, user, quiet)
    found: Upid | None = None
    failure: ProxmoxError | None = None
    try:
        found = _start(node)
    except ProxmoxError as lost:
        failure = lost
    made = _ours(node)
    assert len(made) <= 1
    assert len(node.sent) <= 2
    assert found == (made[0] if made else None)
    assert not (made and failure)


def test_only_the_first_lines_of_a_log_are_asked_for() -> None:
    prepared = PreparedAnswers([{"n": 1, "t": WAITING}])
    log = first_lines(prepared.client, a_upid(300))
    assert (log.waiting, log.command) == (True, None)
    assert prepared.parameters == [{"start": 0, "limit": 20}]
